-- The execution graph. Columns, units and promises: docs/database.md.
--
-- Instants are milliseconds since 1970 (UTC), money is millionths of the currency, ratios lie in
-- [0, 1], flags are 0 or 1. Rows that change often are short: long texts stand in tables of their
-- own, so that a task that moves to another state rewrites 300 bytes and not its submission.

PRAGMA application_id = 0x5643474B; -- "VCGK"

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE agent (
    agent_id         TEXT PRIMARY KEY CHECK (length(agent_id) BETWEEN 1 AND 64),
    role             TEXT,
    capacity         INTEGER NOT NULL CHECK (capacity >= 0),
    draining         INTEGER NOT NULL CHECK (draining IN (0, 1)),
    removed          INTEGER NOT NULL CHECK (removed IN (0, 1)),
    registered_at_ms INTEGER,
    card             TEXT NOT NULL
) STRICT;

CREATE TABLE task (
    seq             INTEGER PRIMARY KEY,
    task_id         TEXT NOT NULL UNIQUE CHECK (length(task_id) BETWEEN 1 AND 64),
    state           TEXT NOT NULL CHECK (state IN (
                        'queued', 'assigned', 'working', 'completed', 'failed', 'submitted',
                        'canceled', 'expired', 'dead', 'rejected')),
    epoch           INTEGER NOT NULL CHECK (epoch >= 0),
    attempt         INTEGER NOT NULL CHECK (attempt >= 0),
    max_attempts    INTEGER NOT NULL CHECK (max_attempts >= 0),
    priority        INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
    submitted_at_ms INTEGER NOT NULL CHECK (submitted_at_ms >= 0),
    updated_at_ms   INTEGER NOT NULL CHECK (updated_at_ms >= 0),
    deadline_at_ms  INTEGER,
    finished_at_ms  INTEGER,
    task_type       TEXT NOT NULL CHECK (length(task_type) BETWEEN 1 AND 40),
    type_method     TEXT NOT NULL CHECK (type_method IN ('explicit', 'rule', 'default')),
    type_rule       TEXT,
    type_confidence REAL NOT NULL CHECK (type_confidence BETWEEN 0 AND 1),
    agent_id        TEXT,
    decision_id     TEXT,
    parent_task_id  TEXT,
    context_id      TEXT,
    via             TEXT NOT NULL,
    error           TEXT,
    title           TEXT NOT NULL
) STRICT;

CREATE INDEX task_open ON task (seq) WHERE finished_at_ms IS NULL;
CREATE INDEX task_state ON task (state);
CREATE INDEX task_agent ON task (agent_id) WHERE agent_id IS NOT NULL;

CREATE TABLE task_text (
    seq         INTEGER PRIMARY KEY, -- the task's
    description TEXT,
    spec        TEXT
) STRICT;

CREATE TABLE execution (
    task_id        TEXT NOT NULL CHECK (length(task_id) BETWEEN 1 AND 64),
    epoch          INTEGER NOT NULL CHECK (epoch >= 0),
    agent_id       TEXT NOT NULL CHECK (length(agent_id) BETWEEN 1 AND 64),
    task_type      TEXT NOT NULL CHECK (length(task_type) BETWEEN 1 AND 40),
    outcome        TEXT NOT NULL CHECK (outcome IN (
                       'success', 'failure', 'timeout', 'declined', 'canceled')),
    error_class    TEXT CHECK (error_class IN (
                       'agent_error', 'tool_error', 'model_error', 'timeout', 'declined',
                       'canceled', 'lost', 'rate_limited', 'budget', 'policy', 'invalid_input',
                       'stale')),
    value          REAL NOT NULL CHECK (value BETWEEN 0 AND 1),
    counted        INTEGER NOT NULL CHECK (counted IN (0, 1)),
    winning        INTEGER NOT NULL CHECK (winning IN (0, 1)),
    attempt        INTEGER NOT NULL CHECK (attempt >= 0),
    started_at_ms  INTEGER,
    finished_at_ms INTEGER NOT NULL CHECK (finished_at_ms >= 0),
    duration_ms    INTEGER NOT NULL CHECK (duration_ms >= 0),
    cost_micros    INTEGER NOT NULL CHECK (cost_micros >= 0),
    decision_id    TEXT,
    record_seq     INTEGER, -- execution_record.seq
    PRIMARY KEY (task_id, epoch)
) STRICT, WITHOUT ROWID;

-- Holds all that learning reads, in learning's order.
CREATE INDEX execution_cell
    ON execution (agent_id, task_type, finished_at_ms, task_id, epoch, counted, value);
CREATE INDEX execution_finished ON execution (finished_at_ms);

CREATE TABLE execution_record (
    seq    INTEGER PRIMARY KEY,
    record TEXT NOT NULL
) STRICT;

CREATE TABLE decision (
    seq         INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL UNIQUE,
    task_id     TEXT NOT NULL CHECK (length(task_id) BETWEEN 1 AND 64),
    epoch       INTEGER NOT NULL CHECK (epoch >= 0),
    attempt     INTEGER NOT NULL CHECK (attempt >= 0),
    at_ms       INTEGER NOT NULL CHECK (at_ms >= 0),
    task_type   TEXT NOT NULL,
    policy      TEXT NOT NULL,
    rule        TEXT,
    chosen      TEXT,
    record      TEXT NOT NULL
) STRICT;

CREATE INDEX decision_task ON decision (task_id, epoch);

CREATE TABLE late_result (
    seq            INTEGER PRIMARY KEY,
    task_id        TEXT NOT NULL,
    epoch          INTEGER NOT NULL CHECK (epoch >= 0),
    agent_id       TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL CHECK (received_at_ms >= 0),
    reason         TEXT NOT NULL CHECK (reason IN ('stale', 'duplicate', 'unknown_task')),
    record         TEXT
) STRICT;

CREATE TABLE outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT;

CREATE TABLE task_type (
    task_type TEXT PRIMARY KEY CHECK (length(task_type) BETWEEN 1 AND 40),
    decisions INTEGER NOT NULL CHECK (decisions >= 0),
    trials    INTEGER NOT NULL CHECK (trials BETWEEN 0 AND decisions)
) STRICT, WITHOUT ROWID;

-- Counted executions by UTC day: the learning curve without a scan.
CREATE TABLE curve_day (
    agent_id    TEXT NOT NULL,
    task_type   TEXT NOT NULL,
    day         INTEGER NOT NULL, -- days since 1970-01-01
    executions  INTEGER NOT NULL CHECK (executions >= 1),
    value_sum   REAL NOT NULL CHECK (value_sum BETWEEN 0 AND executions),
    duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),
    cost_micros INTEGER NOT NULL CHECK (cost_micros >= 0),
    PRIMARY KEY (agent_id, task_type, day)
) STRICT, WITHOUT ROWID;

-- The graph. An execution's name is "task_id:epoch"; no id can hold a colon.
CREATE VIEW edge (kind, src, dst) AS
    SELECT 'attempt_of', task_id || ':' || epoch, task_id FROM execution
    UNION ALL
    SELECT 'executed_by', task_id || ':' || epoch, agent_id FROM execution
    UNION ALL
    SELECT 'of_type', task_id || ':' || epoch, task_type FROM execution
    UNION ALL
    SELECT 'decided_by', task_id || ':' || epoch, decision_id FROM execution
    WHERE decision_id IS NOT NULL
    UNION ALL
    SELECT 'retry_of', e.task_id || ':' || e.epoch, p.task_id || ':' || p.epoch
    FROM execution e JOIN execution p
        ON p.task_id = e.task_id
        AND p.epoch = (SELECT max(epoch) FROM execution
                       WHERE task_id = e.task_id AND epoch < e.epoch)
    UNION ALL
    SELECT 'child_of', task_id, parent_task_id FROM task WHERE parent_task_id IS NOT NULL;

-- Full text over what a task is about. Words are found as they are written, without stemming:
-- titles come in any language and are full of identifiers.
CREATE VIEW task_words (seq, title, description) AS
    SELECT t.seq, t.title, coalesce(x.description, '')
    FROM task t LEFT JOIN task_text x ON x.seq = t.seq;

CREATE VIRTUAL TABLE task_fts USING fts5 (
    title, description,
    content = 'task_words', content_rowid = 'seq', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Tasks up to this seq are in task_fts; it is filled behind the submit path.
INSERT INTO meta (key, value) VALUES ('texts_indexed', 0);

PRAGMA user_version = 1;
