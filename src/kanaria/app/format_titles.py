"""What formats are called in Japanese: from a name to the words for lists and the reference.

Formats say in English what they read; names of products stay. One that nobody has named here keeps its English title.
"""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.core.types import Language

_JAPANESE: Mapping[str, str] = {
    "combined": "nginx・Apacheのアクセスログ(common、combined、vhost_combined)",
    "logformat": "ApacheのLogFormatまたはnginxのlog_formatを指定して読むアクセスログ",
    "nginx-json": "nginxのJSONアクセスログ(escape=json)",
    "caddy-json": "Caddyのアクセスログ",
    "traefik-json": "TraefikのJSONアクセスログ",
    "web-json": "Webサーバ・プロキシ・ゲートウェイのJSON Lines",
    "w3c": "W3C拡張ログ(Microsoft IIS)",
    "aws-alb": "AWSのロードバランサ(ALB、CLB)のアクセスログ",
    "error-log": "nginx・Apacheのエラーログ(拒否されたリクエストと送信元)",
    "haproxy": "HAProxyのHTTPログ",
    "web-layout": "Nginx Proxy Manager、ingress-nginx、uvicorn、GIN、Django、Rails、PHP内蔵サーバ、Envoy、Amazon S3、Zoraxyのログ(項目の並びは一覧表による)",  # noqa: E501
    "web-csv": "SIEM、Kibana、セキュリティプラグインが書き出す、見出し行付きCSVのWebリクエスト",
    "learned": "リクエストを含む任意のテキスト(項目の位置は、並びのそろった行から推定)",
    "fragment": "アクセスログの行の断片(引用符付きのリクエストと、それに続く部分)",
    "jsonrpc": "JSON-RPCのメッセージ(1行に1つ)",
    "zeek": "Zeekのログ、タブ区切り(conn、dns、ssl、http、rdp、smb、sshなど)",
    "zeek-json": "Zeekのログ、JSON Lines(conn、dns、ssl、http、rdp、smb、sshなど)",
    "suricata": "SuricataのEVE JSON(flow、dns、tls、http、rdp、smb、ssh、alert、anomaly)",
    "nfcapd": "nfcapdファイル(nfdumpのツールが保存したNetFlow、IPFIX、sFlow)。nfdumpが必要",
    "netflow": "NetFlow v5/v9とIPFIXのデータグラム(受信中のもの、または保存したもの)",
    "flow-csv": "見出し行付きCSVのフロー記録(nfdump -o csv、argus、ipfixprobeなど)",
    "nfdump-text": "nfdumpの表示出力(line、long、extended、biline、bilong)",
    "evtx": "Windowsのイベントログファイル(.evtx)",
    "windows-xml": "XML形式のWindowsイベント(イベントビューアー、wevtutil)",
    "windows-json": "JSON形式のWindowsイベント(Get-WinEvent、Winlogbeat、NXLog、Wazuh、evtx_dump)",
    "windows-csv": "CSV形式のWindowsイベント(各国語のイベントビューアー、Export-Csv、EvtxECmd)",
    "windows-text": "テキスト形式のWindowsイベント(wevtutil /f:text、表示言語は問わない)",
    "auth-log": "auth.log、secure、syslog(sshd、PAM、sudo、su、FTP、メール、netfilter、cron、systemd、audit、マイナー)",
    "journald-json": "JSON形式のsystemdジャーナル(journalctl -o json)",
    "samba": "Sambaのログオン監査(log.smbd、auth_json_audit)",
    "sadf-json": "JSON形式のsysstat負荷履歴(sadf -j)",
    "auditd": "Linuxの監査ログ(audit.log、ausearch)",
    "process-list": "ps、top、htop、ss、netstat、lsof、nvidia-smi、docker ps、systemctl、tasklist、Get-Process、regの出力",  # noqa: E501
    "miner-log": "マイニングプログラム自身のログ(XMRig、T-Rex、TeamRedMiner、lolMiner、SRBMiner、cgminer、bfgminerなど)",  # noqa: E501
    "bind": "BINDの問い合わせログ",
    "unbound": "unboundの問い合わせ・応答ログ",
    "dnsmasq": "dnsmasq・Pi-holeの問い合わせログ",
    "windows-dns": "Windows DNSサーバのデバッグログ",
    "netfilter": "iptables、nftables、ufw、firewalldのログ",
    "filterlog": "pfのfilterlog(OPNsense、pfSense)",
    "conntrack": "conntrack -Eまたは-L、/proc/net/nf_conntrack",
    "cisco-asa": "Cisco ASA・FTDのログ",
    "tcpdump-text": "tcpdumpの表示出力(-n、-A、-X)",
    "cloudtrail": "AWS CloudTrailのイベント(JSON)",
    "kubernetes-audit": "Kubernetesの監査ログ(JSON Lines)",
    "azure-activity": "Azureアクティビティログ(JSON)",
    "gcp-audit": "Google Cloudの監査ログ(JSON)",
    "slips": "Slipsのアラート(alerts.log)",
    "idea": "IDEA0のイベント(Slipsのalerts.json、Warden、JSON)",
    "aws-vpc": "AWS VPCフローログ(既定の形式)",
    "azure-nsg": "Azure NSGフローログ(JSON)",
    "azure-vnet": "Azure仮想ネットワークのフローログ(JSON)",
    "gcp-firewall": "Google Cloudファイアウォールルールのログ(JSON)",
    "gcp-vpc": "Google Cloud VPCフローログ(JSON)",
    "goflow2": "GoFlow2のフローメッセージ(JSON Lines)",
    "mikrotik": "MikroTik RouterOSのファイアウォールログ",
    "nfdump-json": "nfdumpの記録(-o json、-o ndjson)",
    "ntopng": "ntopng・nProbeのフロー(JSON)",
    "pfirewall": "Windowsファイアウォールのログ(pfirewall.log)",
    "pmacct": "pmacctの記録(JSON Lines)",
    "modsecurity": "ModSecurityの監査ログ(シリアル形式)",
    "crowdsec": "CrowdSecの警告(JSON)",
    "crowdsec-csv": "CrowdSecの警告と判定(CSV)",
    "crowdsec-log": "CrowdSecのログ",
    "nextdns": "NextDNSのログ(CSV)",
    "nextdns-json": "NextDNSのログ(JSON)",
    "powerdns": "PowerDNS(dnsdist、リカーサ、権威サーバ)の問い合わせログ",
    "zscaler": "Zscaler NSSのWeb・ファイアウォール・DNSのログ(JSON)",
    "scc": "Google Security Command Centerの検知結果(JSON)",
    "technitium": "Technitium DNS Serverのログ",
    "technitium-json": "Technitium DNS Serverの問い合わせログ(JSON)",
    "adguard": "AdGuard Homeの問い合わせログ(JSON Lines)",
    "defender-endpoint": "Microsoft Defender for Endpointの高度な追求(JSON)",
    "ecs-process": "Elastic Common Schemaのプロセスイベント(JSON)",
    "falco": "Falcoのアラート(JSON)",
    "fortigate": "FortiGateのログ(key=value)",
    "guardduty": "Amazon GuardDutyの検出結果(JSON)",
    "hayabusa-csv": "Hayabusaのタイムライン(CSV)",
    "hayabusa": "Hayabusaのタイムライン(JSON Lines)",
    "laurel": "LAURELが出力するLinux監査イベント(JSON)",
    "maltrail": "Maltrailのイベントログ",
    "osquery": "osqueryの結果(JSON)",
    "paloalto": "Palo Alto Networksのトラフィックログ(CSV)",
    "route53": "Amazon Route 53 Resolverの問い合わせログ(JSON)",
    "suricata-fast": "Suricata・Snortのfast.log",
    "cef": "各種センサーのCommon Event Format(CEF)",
    "ecs-alert": "Elastic Common Schemaのアラート(JSON)",
    "clamav": "ClamAVのログ(clamscan、clamd、clamonacc)",
    "osquery-rows": "osqueryのスナップショットとバッチ、osqueryi --json",
    "coredns": "CoreDNSの問い合わせログ",
    "dnscrypt-proxy": "dnscrypt-proxyの問い合わせログ",
    "umbrella": "Cisco UmbrellaのDNSログ(CSV)",
    "tshark-lines": "tsharkとWiresharkのパケット一覧(テキスト)",
    "tshark-fields": "見出し付きのtshark -T fields",
    "tshark-json": "tsharkのパケット(JSON、-T json、-T ek)",
    "sophos": "Sophos Firewallのログ(key=value)",
    "sonicwall": "SonicWallのログ(syslog)",
    "defender-hunting": "Microsoft Defender for Endpointの検索テーブル(CSV)",
    "sentinel-alert": "Microsoft SentinelのSecurityAlert(CSV)",
    "defender-cloud": "Microsoft Defender for Cloudのアラート(JSON)",
    "tetragon": "Tetragonの、プロセスとその接続のイベント(JSON)",
    "wrapped": "ほかの形式に包まれたログ(JSON文書、HAR、ログの行を列に持つCSV、journalctlの長い形式、Filebeat、ECS、"
    "Elasticsearch、Wazuh、Splunk、クラウド、Docker、Kubernetes、syslogの行)",
    "pcap": "パケットキャプチャ(pcap、pcapng)",
}


def title_of(name: str, title: str, language: Language) -> str:
    """The title in the language."""
    return _JAPANESE.get(name, title) if language == "ja" else title


NAMED = frozenset(_JAPANESE)
