"""execution import: what a file of the past leaves in a database, and what it refuses."""
import contextlib
import fcntl
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

GOOD = {"task_id": "t1", "epoch": 1, "agent_id": "a1", "task_type": "testing", "outcome": "success",
        "finished_at": "2026-11-01T12:00:00.250Z", "duration_ms": 1500}
FINISH_MS = 1793534400250


@contextlib.contextmanager
def database():
    with tempfile.TemporaryDirectory(prefix="vapora-import-") as folder:
        yield os.path.join(folder, "graph.db")


def lines_of(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def import_into(db, *rows, args=()):
    return coord.run("execution", "import", "-", "--db", db, *args, stdin=lines_of(*rows))


def summary(done):
    return done.stderr.splitlines()[-1]


def rows_of(db, sql):
    connection = sqlite3.connect(db)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_import_makes_database_agents_and_tasks():
    with database() as db:
        done = import_into(db, GOOD, {**GOOD, "task_id": "t2", "agent_id": "a2", "epoch": 4,
                                      "outcome": "failure", "error_class": "tool_error",
                                      "finished_at": FINISH_MS + 1})
        assert done.returncode == 0 and not done.stdout, done
        assert summary(done) == "imported 2, already there 0, bad 0"
        assert rows_of(db, "SELECT agent_id, card, capacity FROM agent ORDER BY 1") == [
            ("a1", "{}", 1), ("a2", "{}", 1)]
        assert rows_of(db, "SELECT task_id, state, via, epoch, agent_id, submitted_at_ms,"
                           " finished_at_ms, error FROM task ORDER BY seq") == [
            ("t1", "completed", "import", 1, "a1", FINISH_MS - 1500, FINISH_MS, None),
            ("t2", "failed", "import", 4, "a2", FINISH_MS - 1499, FINISH_MS + 1,
             "failure: tool_error")]
        assert rows_of(db, "SELECT task_id, epoch, agent_id, task_type, outcome, error_class, value,"
                           " counted, winning, finished_at_ms, duration_ms, started_at_ms"
                           " FROM execution ORDER BY 1") == [
            ("t1", 1, "a1", "testing", "success", None, 1.0, 1, 1, FINISH_MS, 1500,
             FINISH_MS - 1500),
            ("t2", 4, "a2", "testing", "failure", "tool_error", 0.0, 1, 0, FINISH_MS + 1, 1500,
             FINISH_MS - 1499)]


def test_import_of_the_same_file_again_changes_nothing():
    with database() as db:
        rows = [{**GOOD, "task_id": f"t{i}"} for i in range(300)]
        assert summary(import_into(db, *rows)) == "imported 300, already there 0, bad 0"
        before = rows_of(db, "SELECT * FROM execution"), rows_of(db, "SELECT * FROM curve_day")
        done = import_into(db, *rows, args=("-o", "json"))
        assert done.returncode == 0
        assert json.loads(done.stdout) == {"imported": 0, "already_there": 300, "bad": 0}
        assert before == (rows_of(db, "SELECT * FROM execution"),
                          rows_of(db, "SELECT * FROM curve_day"))
        done = import_into(db, *rows, {**GOOD, "task_id": "t300"}, {**GOOD, "task_id": "t300"})
        assert summary(done) == "imported 1, already there 301, bad 0"


def test_import_reads_a_file_with_blank_lines_and_without_a_last_line_break():
    with database() as db, tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("\n  \r\n" + json.dumps(GOOD) + "\r\n\n" + json.dumps({**GOOD, "epoch": 2}))
        file.flush()
        done = coord.run("execution", "import", file.name, "--db", db)
        assert done.returncode == 0 and summary(done) == "imported 2, already there 0, bad 0", done
        done = coord.run("execution", "import", "/nowhere/x.jsonl", "--db", db)
        assert done.returncode == 3 and "/nowhere/x.jsonl" in done.stderr


def test_import_takes_nothing_as_nothing():
    with database() as db:
        assert summary(import_into(db)) == "imported 0, already there 0, bad 0"
        assert rows_of(db, "SELECT count(*) FROM execution") == [(0,)]


def test_import_counts_what_learning_counts():
    counted = {"agent_error", "tool_error", "model_error", "timeout"}
    classes = sorted(counted | {"declined", "canceled", "lost", "rate_limited", "budget", "policy",
                                "invalid_input", "stale"})
    with database() as db:
        rows, expected = [], {}
        for outcome in ("success", "failure", "timeout", "declined", "canceled"):
            for cls in [None, *classes]:
                task_id = f"{outcome}-{cls}"
                rows.append({**GOOD, "task_id": task_id, "outcome": outcome, "error_class": cls})
                expected[task_id] = int(outcome == "success" or (
                    outcome in ("failure", "timeout") and (cls is None or cls in counted)))
        assert import_into(db, *rows).returncode == 0
        assert dict(rows_of(db, "SELECT task_id, counted FROM execution")) == expected


def test_import_ignores_the_error_class_of_a_success_and_unknown_fields():
    with database() as db:
        done = import_into(db, {**GOOD, "error_class": "no such class", "more": [1]})
        assert done.returncode == 0, done
        assert rows_of(db, "SELECT error_class, counted FROM execution") == [(None, 1)]


BAD = {
    "not JSON": ["{", "nonsense", '"text"', "[1]", "1 2", '{"task_id":"t1","task_id":"t2"}',
                 "\x00", '{"a":NaN}'],
    "task_id": ["", "a.b", "a b", "x" * 65, 1, None, "a*", "ä", ["t"]],
    "agent_id": ["", "a.b", "x" * 65, 7, None],
    "task_type": ["", "Testing", "x" * 41, 7, None],
    "epoch": [-1, 1.5, "1", 4294967296, None, True],
    "outcome": ["", "done", "SUCCESS", 1, None],
    "error_class": ["", "oops", 3],
    "finished_at": ["", "yesterday", "2026-13-01T00:00:00Z", -1, 1.5, 253402300800000, None, True],
    "duration_ms": [-1, 1.5, "1", 1e300, 10**18],
}


def test_import_reports_each_bad_line_by_number_and_imports_nothing():
    with database() as db:
        for field, values in BAD.items():
            for value in values:
                bad = value if field == "not JSON" else {**GOOD, "outcome": "failure", field: value}
                done = import_into(db, GOOD, bad, {**GOOD, "epoch": 2})
                assert done.returncode == 1, (field, value, done)
                first = done.stderr.splitlines()[0]
                assert first.startswith("line 2: "), (field, value, done)
                assert field == "not JSON" or field in first, (field, value, done)
                assert summary(done) == "imported 0, already there 0, bad 1", (field, value, done)
                assert "--skip-bad" in done.stderr
                assert not os.path.exists(db)
            if field not in ("not JSON", "error_class", "duration_ms"):
                absent = {k: v for k, v in GOOD.items() if k != field}
                assert f"line 1: {field} is missing" in import_into(db, absent).stderr


def test_import_bounds_the_length_of_a_line():
    with database() as db:
        base = json.dumps({**GOOD, "more": ""})
        at_limit = json.dumps({**GOOD, "more": "x" * (65536 - len(base))})
        assert len(at_limit) == 65536
        assert import_into(db, at_limit).returncode == 0
        done = import_into(db, at_limit + " ", "{" + "x" * 400000, {**GOOD, "epoch": 3},
                           args=("--skip-bad",))
        assert summary(done) == "imported 1, already there 0, bad 2", done
        assert "line 1: longer than 65536 bytes\nline 2: longer than" in done.stderr


def test_import_shows_twenty_bad_lines_and_counts_the_rest():
    with database() as db:
        done = import_into(db, *["?"] * 20)
        assert done.stderr.count("line ") == 20 and "more bad lines" not in done.stderr
        done = import_into(db, *["?"] * 21)
        assert "line 20: " in done.stderr and "line 21: " not in done.stderr
        assert "... and 1 more bad lines" in done.stderr
        assert summary(done) == "imported 0, already there 0, bad 21"


def test_import_with_skip_bad_takes_the_rest():
    with database() as db:
        done = import_into(db, GOOD, "?", {**GOOD, "agent_id": "only-bad", "task_id": "a.b"},
                           {**GOOD, "epoch": 2}, args=("--skip-bad",))
        assert done.returncode == 0 and summary(done) == "imported 2, already there 0, bad 2", done
        assert rows_of(db, "SELECT agent_id FROM agent") == [("a1",)]


def test_import_survives_bytes_that_are_no_utf8():
    with database() as db:
        done = subprocess.run([coord.BINARY, "execution", "import", "-", "--db", db],
                              input=b'{"task_id":"\xff"}\n\xfe\xff\n', capture_output=True)
        assert done.returncode == 1 and b"line 1: " in done.stderr and b"line 2: " in done.stderr


def check_winners(db):
    """Exactly one winner for a completed task, none for another; success and completed agree."""
    for task_id, state, winners, successes in rows_of(db, """
            SELECT t.task_id, t.state, (SELECT count(*) FROM execution e
                                        WHERE e.task_id = t.task_id AND winning),
                   (SELECT count(*) FROM execution e
                    WHERE e.task_id = t.task_id AND outcome = 'success') FROM task t"""):
        assert winners == (state == "completed") == (successes > 0), task_id
    assert rows_of(db, "SELECT 1 FROM execution WHERE winning AND outcome <> 'success'") == []


def test_import_lets_the_first_success_win():
    with database() as db:
        import_into(db, {**GOOD, "epoch": 3}, {**GOOD, "epoch": 1, "outcome": "failure"},
                    {**GOOD, "epoch": 2, "agent_id": "a2"})
        assert rows_of(db, "SELECT epoch, attempt, winning FROM execution ORDER BY 1") == [
            (1, 1, 0), (2, 2, 1), (3, 3, 0)]
        assert rows_of(db, "SELECT state, agent_id, epoch, attempt FROM task") == [
            ("completed", "a2", 3, 3)]
        check_winners(db)


def test_import_keeps_the_winner_that_is_there_and_completes_a_task_that_had_none():
    with database() as db:
        import_into(db, {**GOOD, "epoch": 2})
        import_into(db, {**GOOD, "epoch": 1}, {**GOOD, "epoch": 3, "outcome": "failure"})
        assert rows_of(db, "SELECT epoch, winning FROM execution ORDER BY 1") == [
            (1, 0), (2, 1), (3, 0)]
        assert rows_of(db, "SELECT state, epoch, attempt FROM task") == [("completed", 3, 3)]
        failed = {**GOOD, "task_id": "t2", "outcome": "failure"}
        import_into(db, failed)
        import_into(db, {**failed, "epoch": 2})
        assert rows_of(db, "SELECT state, epoch FROM task WHERE task_id = 't2'") == [("failed", 2)]
        import_into(db, {**failed, "epoch": 3, "outcome": "success", "agent_id": "a3"})
        assert rows_of(db, "SELECT state, epoch, agent_id, error FROM task"
                           " WHERE task_id = 't2'") == [("completed", 3, "a3", None)]
        check_winners(db)


def test_import_in_random_pieces_ends_like_a_naive_model():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    try:
        with database() as db:
            stored = {}
            for _ in range(8):
                rows = [{**GOOD, "task_id": f"t{rng.randrange(12)}", "epoch": rng.randrange(6),
                         "agent_id": f"a{rng.randrange(3)}",
                         "outcome": rng.choice(["success", "failure", "declined"])}
                        for _ in range(rng.randrange(1, 20))]
                fresh = 0
                for row in rows:
                    fresh += stored.setdefault((row["task_id"], row["epoch"]), row) is row
                done = import_into(db, *rows)
                assert summary(done) == (
                    f"imported {fresh}, already there {len(rows) - fresh}, bad 0"), done
                check_winners(db)
            assert {(t, e): (a, o) for t, e, a, o in rows_of(
                db, "SELECT task_id, epoch, agent_id, outcome FROM execution")} == {
                key: (row["agent_id"], row["outcome"]) for key, row in stored.items()}
    except AssertionError as error:
        raise AssertionError(f"seed {seed}") from error


def test_import_leaves_the_card_of_a_known_agent_alone():
    with database() as db:
        import_into(db, GOOD)
        connection = sqlite3.connect(db)
        connection.execute("UPDATE agent SET capacity = 7, card = '{\"x\":1}'")
        connection.commit()
        connection.close()
        import_into(db, {**GOOD, "epoch": 2})
        assert rows_of(db, "SELECT capacity, card FROM agent") == [(7, '{"x":1}')]


def test_import_does_not_end_a_task_that_is_still_open():
    with tempfile.TemporaryDirectory(prefix="vapora-import-") as folder:
        with coord.start_serve(data_dir=folder) as serve:
            serve.connect().request("task.submit", {"task_id": "t1", "title": "T"})
        db = os.path.join(folder, "graph.db")
        done = import_into(db, {**GOOD, "task_id": "t0"}, GOOD)
        assert done.returncode == 1 and "line 2: task t1 is still open" in done.stderr, done
        assert summary(done) == "imported 0, already there 0, bad 1"
        assert rows_of(db, "SELECT count(*) FROM execution") == [(0,)]
        done = import_into(db, {**GOOD, "task_id": "t0"}, GOOD, args=("--skip-bad",))
        assert summary(done) == "imported 1, already there 0, bad 1", done


def test_import_is_refused_while_somebody_owns_the_database():
    with database() as db:
        import_into(db, GOOD)
        with open(db + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("4711")
            lock.flush()
            done = import_into(db, {**GOOD, "epoch": 2})
        assert done.returncode == 4 and "4711" in done.stderr, done
        assert import_into(db, {**GOOD, "epoch": 2}).returncode == 0


def test_import_refuses_a_file_that_is_not_ours():
    with database() as db:
        with open(db, "w", encoding="utf-8") as file:
            file.write("this is no database, but long enough to be looked at\n" * 100)
        done = import_into(db, GOOD)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done


coord.main(globals())
