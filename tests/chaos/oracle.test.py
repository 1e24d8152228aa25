"""The oracle sees what it is there to see: a good run passes, and each planted violation is caught
by the check that is named for it."""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import coord

ORACLE = os.path.join(HERE, "oracle")


def look(folder):
    """The oracle's checks, by their words."""
    done = subprocess.run([sys.executable, ORACLE, folder, "-o", "json"], capture_output=True,
                          text=True, check=False)
    assert done.stdout, done.stderr
    checks = {check["what"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == (1 if any(c["violations"] for c in checks.values()) else 0)
    return checks


def sql(script):
    """A violation in the store. Tables are first made anew without what forbids it there."""
    def plant(folder):
        with sqlite3.connect(os.path.join(folder, "graph.db")) as db:
            db.executescript(script)
    return plant


def loosely(table, script):
    return sql(f"PRAGMA legacy_alter_table = ON; CREATE TABLE loose AS SELECT * FROM {table}; "
               f"DROP TABLE {table}; ALTER TABLE loose RENAME TO {table}; {script}")


def line(log, text):
    """One line more in a log; {t}, {e} and {a} are an ended task, its epoch and its agent."""
    def plant(folder):
        t, e, a, _ = winner(folder)
        with open(os.path.join(folder, log), "a", encoding="utf-8") as file:
            file.write(text.format(t=t, e=e, a=a) + "\n")
    return plant


def without(log, which):
    """A log without the first line that `which` chooses."""
    def plant(folder):
        path = os.path.join(folder, log)
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        at = next(i for i, text in enumerate(lines) if which(text))
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines[:at] + lines[at + 1:])
    return plant


def winner(folder):
    with sqlite3.connect(f"file:{folder}/graph.db?mode=ro", uri=True) as db:
        return db.execute("SELECT task_id, epoch, agent_id, outcome FROM execution "
                          "WHERE winning = 1 ORDER BY 1 LIMIT 1").fetchone()


def unsent(folder):
    """As if the agent had never sent the result that won."""
    t, e, a, _ = winner(folder)
    without(a.rsplit("-", 1)[0] + ".log", lambda text: text.startswith(f"result {a} {t} {e} "))(folder)


def twice(folder):
    with open(os.path.join(folder, "events.log"), encoding="utf-8") as file:
        _, number, uuid, _ = next(text for text in file if text.startswith("message ")).split()
    line("events.log", f"message {number} {uuid} vapora.event.elsewhere")(folder)


def state(change):
    def plant(folder):
        path = os.path.join(folder, "state.json")
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
        change(known)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(known, file)
    return plant


def more(kind, key):
    def change(known):
        first = known[kind][0]
        first = first["types"][0] if kind == "profiles" else first
        first[key] += 1
    return state(change)


def damaged(folder):
    """An index that lacks a row: what a lost page looks like."""
    with sqlite3.connect(os.path.join(folder, "graph.db")) as db:
        db.executescript(
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
            "'CREATE INDEX task_state ON task (agent_id)' WHERE name = 'task_state';")


WINNER = "(SELECT task_id FROM execution WHERE winning = 1 ORDER BY 1 LIMIT 1)"
FIRST = "WHERE task_id = " + WINNER

PLANTED = {
    "a task with a receipt is in the store, once": [
        line("receipts.log", "accepted t-999999 request"),
        loosely("task", f"INSERT INTO task SELECT * FROM task {FIRST};")],
    "a task in the store was submitted, and has one receipt": [
        without("receipts.log", lambda text: text.startswith("accepted "))],
    "a good submission is not refused": [line("receipts.log", "refused t-1 schema_violation")],
    "an execution is recorded once": [
        loosely("execution", f"INSERT INTO execution SELECT * FROM execution {FIRST};")],
    "a completed task has one winner, any other task none": [
        sql(f"UPDATE execution SET winning = 0 {FIRST};"),
        sql(f"INSERT INTO execution SELECT task_id, epoch + 1, agent_id, task_type, outcome, "
            f"error_class, value, 0, 1, attempt, started_at_ms, finished_at_ms, duration_ms, "
            f"cost_micros, decision_id, NULL, crc FROM execution {FIRST} AND winning = 1;"),
        sql(f"UPDATE task SET state = 'failed' {FIRST};")],
    "a winner is a success of a known task": [
        sql(f"UPDATE execution SET outcome = 'failure' {FIRST} AND winning = 1;")],
    "a task has an end if and only if its state is one": [
        sql(f"UPDATE task SET finished_at_ms = NULL {FIRST};")],
    "an end is told once, and it is the one in the store": [
        line("events.log", "event 7 completed {t} {e}"),
        without("events.log", lambda text: text.split()[2] == "completed")],
    "a submission is told once": [
        without("events.log", lambda text: text.split()[2] == "submitted"),
        line("events.log", "event 7 submitted {t} 0")],
    "a stored result is recorded or kept as a late one": [
        line("agents-0.log", "stored nobody {t} {e}")],
    "a recorded result was sent by its agent, with that outcome": [unsent],
    "the curve is the sum of the counted executions": [
        sql("UPDATE curve_day SET executions = executions + 1;"),
        sql(f"UPDATE execution SET counted = 0 {FIRST} AND winning = 1;")],
    "a profile in memory is the one of the rows": [more("profiles", "n")],
    "an agent's record in memory is the one of the rows": [more("agents", "executions")],
    "an agent's load is the number of its leases": [more("agents", "in_flight")],
    "the epochs of a task are 1, 2, 3 and so on, each with its decision": [
        sql(f"DELETE FROM decision {FIRST};"), sql(f"UPDATE task SET epoch = epoch + 1 {FIRST};")],
    "the winner has the highest epoch granted": [
        sql(f"UPDATE task SET epoch = epoch + 1 {FIRST};")],
    "an execution is by the agent that was chosen for its epoch": [
        sql(f"UPDATE execution SET agent_id = 'nobody' {FIRST} AND winning = 1;")],
    "epochs are told in rising order, each once": [
        line("events.log", "event 999999 assigned {t} {e}")],
    "no task has more attempts than it may": [
        sql(f"UPDATE task SET attempt = max_attempts + 1 {FIRST};")],
    "an assignment that an agent saw had been decided": [
        line("agents-0.log", "assigned nobody {t} {e}"),
        line("agents-0.log", "assigned {a} {t} 99")],
    "a result called recorded is recorded": [line("agents-0.log", "recorded {a} {t} 99")],
    "an event that was told is in the store": [
        line("events.log", "event 999999 submitted t-999999 0"),
        line("events.log", "event 999999 started {t} 99")],
    "the outbox waits for no acknowledgement": [
        sql("INSERT INTO outbox (subject, body) VALUES ('vapora.event.score', '{}');")],
    "what was told is numbered from 1 without a gap": [
        without("events.log", lambda text: text.startswith("message 1 ")),
        without("events.log", lambda text: text.startswith("message 3 ")),
        sql("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'outbox';")],
    "what was told carries the name of this store": [
        line("events.log", "message 1 another vapora.event.score"),
        line("events.log", "nameless vapora.event.score")],
    "a number is told on one subject": [twice],
    "the database is whole": [damaged],
    "every line of the logs can be read": [
        line("agents-0.log", "result {a} {t}"), line("receipts.log", "accepted"),
        line("events.log", "message x y z")],
    "every task has ended": [sql(f"UPDATE task SET state = 'queued' {FIRST};")],
}


def test_a_good_run_passes_and_each_planted_violation_is_caught_by_its_check():
    with tempfile.TemporaryDirectory() as base:
        good = os.path.join(base, "good")
        done = subprocess.run([sys.executable, os.path.join(HERE, "driver"), "--tasks", "200",
                               "--rate", "200", "--kills", "1", "--keep", good], check=False)
        assert done.returncode == 0
        checks = look(good)
        assert not [check for check in checks.values() if check["violations"]]
        assert set(checks) == set(PLANTED), set(checks) ^ set(PLANTED)
        idle = [what for what, check in checks.items() if not check["rows"]]
        assert not idle, idle
        for what, plants in PLANTED.items():
            for i, plant in enumerate(plants):
                folder = os.path.join(base, "bad")
                shutil.copytree(good, folder, ignore=shutil.ignore_patterns("store"))
                plant(folder)
                caught = look(folder)[what]
                assert caught["violations"] and caught["first"], (what, i)
                shutil.rmtree(folder)


if __name__ == "__main__":
    coord.main(globals())
