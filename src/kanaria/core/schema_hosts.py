"""Tables about machines and what other sensors said: ``alert``, ``host``, ``process`` and ``miner``. See ``schema``."""

from __future__ import annotations

import pyarrow as pa

from kanaria.core.schema_parts import TIME, Column, table

ALERT = table(
    "alert",
    "What another sensor already called suspicious.",
    2004,
    Column("transport", pa.string(), "tcp, udp, icmp, …", "connection_info.protocol_name", "network.transport"),
    Column("signature", pa.string(), "its name for it", "finding_info.title", "rule.name"),
    Column("signature_id", pa.string(), "its id", "finding_info.uid", "rule.id"),
    Column("category", pa.string(), "its category", "finding_info.types", "rule.category"),
    Column("severity", pa.int32(), "its severity, 1 is highest", "severity_id", "event.severity"),
    Column("payload", pa.binary(), "payload it kept", "", ""),
    Column("subject", pa.string(), "file, name or program it is about", "", "file.path"),
    Column(
        "host_name",
        pa.string(),
        "machine it is about, where a sensor on the machine says so",
        "device.hostname",
        "host.name",
    ),
)

HOST = table(
    "host",
    "One sample of a machine: load, a process, a listening socket.",
    1007,
    Column("kind", pa.string(), "cpu, process, listen, connection", "", "event.dataset"),
    Column("host_name", pa.string(), "which machine", "device.hostname", "host.name"),
    Column("cpu_percent", pa.float64(), "load of the machine or process, 100 is all cores", "", "host.cpu.usage"),
    Column("interval_us", pa.int64(), "time the sample covers", "", ""),
    Column("pid", pa.int64(), "process id", "process.pid", "process.pid"),
    Column("process", pa.string(), "program name", "process.name", "process.name"),
    Column("command", pa.string(), "command line", "process.cmd_line", "process.command_line"),
    Column("user", pa.string(), "owner", "actor.user.name", "user.name"),
)

PROCESS = table(
    "process",
    "One program: its start, a look at it as it runs, what starts it (service, job, order), or a line that names it.",
    1007,
    Column(
        "kind",
        pa.string(),
        "start, running, service, job, script of PowerShell, order to a cloud or cluster, or line of a log",
        "activity_name",
        "event.action",
    ),
    Column(
        "platform", pa.string(), "windows, linux or macos, where the record says so", "device.os.name", "host.os.type"
    ),
    Column("host_name", pa.string(), "which machine", "device.hostname", "host.name"),
    Column("pid", pa.int64(), "process id", "process.pid", "process.pid"),
    Column(
        "process", pa.string(), "program file, with its path where known", "process.file.path", "process.executable"
    ),
    Column("original_name", pa.string(), "file name in its version resource", "", "process.pe.original_file_name"),
    Column(
        "description", pa.string(), "description in its version resource", "process.file.desc", "process.pe.description"
    ),
    Column(
        "product", pa.string(), "product in its version resource", "process.file.product.name", "process.pe.product"
    ),
    Column(
        "company", pa.string(), "company in its version resource", "process.file.company_name", "process.pe.company"
    ),
    Column("file_version", pa.string(), "version in its version resource", "", "process.pe.file_version"),
    Column("command", pa.string(), "command line", "process.cmd_line", "process.command_line"),
    Column("directory", pa.string(), "working directory", "process.working_directory", "process.working_directory"),
    Column("user", pa.string(), "whose account it runs under", "actor.user.name", "user.name"),
    Column("logon_id", pa.string(), "Windows logon session", "actor.session.uid", "winlog.logon.id"),
    Column("integrity", pa.string(), "Windows integrity level", "process.integrity", ""),
    Column("hashes", pa.string(), "hashes of its file, as ``SHA256=…,MD5=…``", "process.file.hashes", "process.hash"),
    Column("parent_pid", pa.int64(), "process id of its parent", "process.parent_process.pid", "process.parent.pid"),
    Column(
        "parent",
        pa.string(),
        "program file of its parent",
        "process.parent_process.file.path",
        "process.parent.executable",
    ),
    Column(
        "parent_command",
        pa.string(),
        "command line of its parent",
        "process.parent_process.cmd_line",
        "process.parent.command_line",
    ),
    Column(
        "parent_user",
        pa.string(),
        "account of its parent",
        "process.parent_process.user.name",
        "process.parent.user.name",
    ),
    Column("container", pa.string(), "container it runs in", "process.container.name", "container.name"),
)

EVENT = table(
    "event",
    "One event of a machine's own log with everything it says, for rules that look at it; empty when no rule does.",
    0,
    Column("platform", pa.string(), "windows or linux", "device.os.name", "host.os.type"),
    Column(
        "channel",
        pa.string(),
        "log it was written to, in lower case, without Microsoft's prefix",
        "metadata.log_name",
        "winlog.channel",
    ),
    Column("event_code", pa.int32(), "event id", "metadata.event_code", "event.code"),
    Column("host_name", pa.string(), "machine that wrote it", "device.hostname", "host.name"),
    Column(
        "fields",
        pa.string(),
        "all fields as name=value, names in lower case, each between unit separators (1F)",
        "unmapped",
        "",
    ),
)

MINER = table(
    "miner",
    "What a mining program wrote about itself in its own log, summed up over one run of it.",
    0,
    Column("host_name", pa.string(), "which machine", "device.hostname", "host.name"),
    Column("container", pa.string(), "container or service it runs in", "", "container.name"),
    Column("pid", pa.int64(), "process id", "process.pid", "process.pid"),
    Column("program", pa.string(), "mining program, as it names itself", "process.name", "process.name"),
    Column("version", pa.string(), "its version", "", "process.pe.file_version"),
    Column("pool", pa.string(), "host of the pool", "dst_endpoint.hostname", "destination.domain"),
    Column("algorithm", pa.string(), "proof of work, as miners spell it", "", ""),
    Column("coin", pa.string(), "coin, where it names one", "", ""),
    Column("wallet", pa.string(), "payout address or login, where it names one", "", ""),
    Column("hash_rate", pa.float64(), "last hash rate it stated, hashes per second", "", ""),
    Column("accepted", pa.int64(), "shares the pool accepted", "", ""),
    Column("rejected", pa.int64(), "shares the pool refused", "", ""),
    Column("jobs", pa.int64(), "pieces of work the pool sent", "", ""),
    Column("since", TIME, "time of its first line", "", "event.start"),
    Column("until", TIME, "time of its last line", "", "event.end"),
    Column("lines", pa.int64(), "lines of it", "", ""),
    Column("raw", pa.binary(), "the line that says most", "raw_data", "event.original"),
)
