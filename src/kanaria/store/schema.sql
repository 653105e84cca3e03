CREATE TABLE decision (
    number INTEGER NOT NULL,
    incident TEXT NOT NULL,
    time TEXT NOT NULL,
    who TEXT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (number)
);
CREATE TABLE incident (
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    merged_into TEXT,
    document TEXT NOT NULL,
    severity TEXT NOT NULL,
    first_seen TEXT,
    last_seen TEXT,
    created TEXT NOT NULL,
    changed TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX incident_state ON incident (state, last_seen);
CREATE TABLE news (
    number INTEGER NOT NULL,
    incident TEXT NOT NULL,
    kind TEXT NOT NULL,
    created TEXT NOT NULL,
    content TEXT NOT NULL,
    told TEXT,
    PRIMARY KEY (number)
);
CREATE INDEX news_pending ON news (incident) WHERE told IS NULL;
CREATE TABLE pair (
    incident TEXT NOT NULL,
    device TEXT NOT NULL,
    remote TEXT NOT NULL,
    PRIMARY KEY (incident, device, remote)
);
CREATE TABLE part (
    file TEXT NOT NULL,
    kind TEXT NOT NULL,
    begins BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    records BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (file)
);
CREATE TABLE record (
    id TEXT NOT NULL,
    source TEXT,
    line INTEGER,
    time TEXT,
    quote TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE state (
    name TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE told (
    incident TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (incident)
);
CREATE TABLE evidence (
    incident TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT,
    kind TEXT,
    family TEXT,
    about TEXT,
    bits FLOAT,
    record TEXT,
    content TEXT NOT NULL,
    PRIMARY KEY (incident, number),
    FOREIGN KEY(incident) REFERENCES incident (id),
    FOREIGN KEY(record) REFERENCES record (id)
);
CREATE INDEX evidence_record ON evidence (record);
CREATE TABLE finding (
    id TEXT NOT NULL,
    incident TEXT NOT NULL,
    number INTEGER,
    rule TEXT,
    stage TEXT,
    severity TEXT,
    device TEXT,
    remote TEXT,
    time TEXT,
    until TEXT,
    bits FLOAT,
    content TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(incident) REFERENCES incident (id)
);
CREATE INDEX finding_incident ON finding (incident, number);
CREATE INDEX finding_rule ON finding (rule);
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0005')
