"""A laboratory: mining without hashing, and ordinary traffic that looks like it, to test and train detectors with.

In: a dialect or a look-alike and a seed. Out: scripted conversations (``scenario.write_pcap``, hours of virtual time in
a second, synthetic) or real traffic of our own Stratum server and client (``live``), in network namespaces (``netns``).
Shares are random bytes; nothing here computes a hash of any coin, and nothing leaves the machine.
"""
