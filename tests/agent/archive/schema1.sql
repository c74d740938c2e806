-- An archive of schema 1, as gapsmith wrote it.
CREATE TABLE meta (
    "key" VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    PRIMARY KEY ("key")
);
CREATE TABLE runs (
    id INTEGER NOT NULL,
    problem VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    seed INTEGER NOT NULL,
    config JSON,
    status VARCHAR NOT NULL,
    started FLOAT NOT NULL,
    seconds FLOAT NOT NULL,
    report JSON,
    PRIMARY KEY (id)
);
CREATE TABLE programs (
    id INTEGER NOT NULL,
    problem VARCHAR NOT NULL,
    hash VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (problem, hash)
);
CREATE TABLE baselines (
    problem VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    instance VARCHAR NOT NULL,
    lower FLOAT NOT NULL,
    upper FLOAT NOT NULL,
    solution JSON,
    solver VARCHAR NOT NULL,
    seconds FLOAT NOT NULL,
    PRIMARY KEY (problem, digest)
);
CREATE TABLE candidates (
    run INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    operator VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    parents JSON,
    program INTEGER,
    outcome VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    train_gap FLOAT,
    validation_gap FLOAT,
    gate VARCHAR NOT NULL,
    PRIMARY KEY (run, slot),
    FOREIGN KEY(run) REFERENCES runs (id),
    FOREIGN KEY(program) REFERENCES programs (id)
);
CREATE INDEX ix_candidates_program ON candidates (program);
CREATE TABLE evaluations (
    program INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    instance VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    cost FLOAT,
    cpu_seconds FLOAT NOT NULL,
    isolation INTEGER NOT NULL,
    PRIMARY KEY (program, digest),
    FOREIGN KEY(program) REFERENCES programs (id)
);
CREATE TABLE arms (
    run INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    tries INTEGER NOT NULL,
    gains INTEGER NOT NULL,
    PRIMARY KEY (run, name),
    FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE TABLE events (
    id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    detail JSON,
    PRIMARY KEY (id),
    FOREIGN KEY(run) REFERENCES runs (id)
);
CREATE INDEX events_of_run ON events (run, slot);
CREATE TABLE calls (
    run INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    model VARCHAR NOT NULL,
    operator VARCHAR NOT NULL,
    template VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    prompt VARCHAR NOT NULL,
    reply VARCHAR NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    usd FLOAT,
    seconds FLOAT NOT NULL,
    reply_id VARCHAR NOT NULL,
    detail JSON,
    PRIMARY KEY (run, slot),
    FOREIGN KEY(run, slot) REFERENCES candidates (run, slot)
);
INSERT INTO meta VALUES ('schema', '1');
INSERT INTO runs VALUES (1, 'tiny', 'm', 3, '{"a": 1}', 'done', 1.5, 2.5, NULL);
INSERT INTO programs VALUES (1, 'tiny', 'abc', 'x = 1', 3), (2, 'tiny', 'def', 'x = 2', 3);
INSERT INTO candidates VALUES
    (1, 0, 'rule', 'EDD', '[]', 1, 'ok', '', 4.0, 5.0, 'passed'),
    (1, 1, 'refine', '', '[1]', 2, 'ok', '', 3.0, NULL, ''),
    (1, 2, 'refine', '', '[1]', NULL, 'asked', '', NULL, NULL, '');
INSERT INTO calls VALUES (1, 1, 'm', 'refine', 't', 's', 'p', 'the reply', 1, 2, 3, 0.5, 0.25, 'id', '{"k": "v"}');
INSERT INTO evaluations VALUES (2, 'd2', 'two', 'ok', '', 8.0, 0.1, 4), (1, 'd1', 'one', 'ok', '', 7.0, 0.1, 4);
INSERT INTO baselines VALUES ('tiny', 'd1', 'one', 6.0, 6.0, '[1]', 'hand', 0.1);
INSERT INTO arms VALUES (1, 'refine', 5, 2);
INSERT INTO events VALUES
    (1, 1, 1, 'raced', '{"points_behind": 1}'),
    (2, 1, 0, 'gate', '{"passed": true}'),
    (3, 1, 1, 'raced', '{"points_behind": 2}');
