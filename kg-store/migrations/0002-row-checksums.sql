-- Checksums, so that a bit that flips in a row is found by who reads it: SQLite has none outside
-- its log. docs/database.md, "Damage" says what `crc` covers; the same lists stand in statements.def.
--
-- The index that learning reads carries the checksum too: what it says can then be trusted without
-- a look at the table.

ALTER TABLE task ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decision ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE late_result ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task_type ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE curve_day ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;

UPDATE task SET crc =
    crc32c(task_id, priority, submitted_at_ms, deadline_at_ms, task_type, type_method, type_rule,
           type_confidence, parent_task_id, context_id, via, title,
           (SELECT description FROM task_text WHERE task_text.seq = task.seq),
           (SELECT spec FROM task_text WHERE task_text.seq = task.seq)) << 32
    | crc32c(task_id, state, epoch, attempt, max_attempts, agent_id, decision_id, error,
             updated_at_ms, finished_at_ms);

UPDATE execution SET crc =
    crc32c(agent_id, task_type, finished_at_ms, task_id, epoch, counted, value) << 32
    | crc32c(task_id, epoch, outcome, error_class, winning, attempt, started_at_ms, duration_ms,
             cost_micros, decision_id,
             (SELECT record FROM execution_record WHERE seq = record_seq));

-- Messages up to this seq have left the outbox: what must be there can then be told.
INSERT INTO meta (key, value) SELECT 'outbox_dropped', coalesce(
    (SELECT min(seq) - 1 FROM outbox),
    (SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0);

UPDATE meta SET crc = crc32c(key, value);
UPDATE agent SET crc =
    crc32c(agent_id, role, capacity, draining, removed, registered_at_ms, card);
UPDATE decision SET crc = crc32c(decision_id, task_id, epoch, attempt, at_ms, task_type, policy,
                                 rule, chosen, record);
UPDATE late_result SET crc = crc32c(task_id, epoch, agent_id, received_at_ms, reason, record);
UPDATE outbox SET crc = crc32c(subject, body);
UPDATE task_type SET crc = crc32c(task_type, decisions, trials);
UPDATE curve_day SET crc =
    crc32c(agent_id, task_type, day, executions, value_sum, duration_ms, cost_micros);

DROP INDEX execution_cell;
CREATE INDEX execution_cell
    ON execution (agent_id, task_type, finished_at_ms, task_id, epoch, counted, value, crc);

PRAGMA user_version = 2;
