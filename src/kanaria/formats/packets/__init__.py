"""Packet captures (pcap, pcapng) become connection, tls, dns, http, rdp, smb and logon rows."""
