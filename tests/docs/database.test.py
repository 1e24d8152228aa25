"""docs/database.md as an interface: its tables and columns are those of a real database, read from
outside with plain SQLite, and what it promises of winners holds there."""
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import pages

PAGE = pages.read("docs/database.md")


def columns(db, table):
    """name -> (type, not null, place in the key)"""
    return {row[1]: (row[2], row[3], row[5]) for row in db.execute(f"PRAGMA table_info({table})")}


def unique_keys(db, table):
    keys = [row[1] for row in db.execute(f"PRAGMA index_list({table})") if row[2]]
    return {tuple(row[2] for row in db.execute(f"PRAGMA index_info({key})")) for key in keys}


def documented():
    db = sqlite3.connect(":memory:")
    db.executescript(re.search(r"^```schema\n(.*?)^```", PAGE, re.M | re.S).group(1))
    return db


def tables(db):
    return [row[0] for row in db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        " AND name NOT LIKE 'task_fts%'")]


def fail_twice_then_succeed(assignment):
    good = assignment["epoch"] == 3 or assignment["task_id"].endswith("0")
    return {"outcome": "success" if good else "failure", "duration_ms": 5}


class Worked:
    """A coordinator whose tasks have ended, and its database open from outside."""

    def __enter__(self):
        self.serve = coord.start_serve().__enter__()
        nats = self.serve.connect()
        self.agents = [coord.Agent(self.serve.connect(), name, fail_twice_then_succeed, capacity=9)
                       for name in ("ada", "ben", "cyd")]
        for n in range(20):
            nats.request("task.submit", {"task_id": f"t{n}", "title": "x", "task_type": "coding",
                                         "max_attempts": 2 if n % 2 else 3})
        coord.until("all tasks to end", lambda: sum(
            nats.request("stats.get")["tasks"].get(state, 0)
            for state in ("completed", "dead", "failed")) == 20)
        path = os.path.join(self.serve.dir, "graph.db")
        self.db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        return self.db

    def __exit__(self, *exception):
        self.db.close()
        for agent in self.agents:
            agent.stop()
        self.serve.__exit__(*exception)


def test_the_documented_tables_are_the_real_ones():
    with Worked() as real, documented() as told:
        assert tables(told) == ["execution", "task"]
        for table in tables(told):
            have, want = columns(real, table), columns(told, table)
            for name, column in want.items():
                assert have.get(name) == column, (table, name, have.get(name), column)
            assert {n for n, c in have.items() if c[2]} == {n for n, c in want.items() if c[2]}
            assert unique_keys(real, table) == unique_keys(told, table)


def test_every_table_and_column_has_its_words():
    with Worked() as real:
        parts = re.split(r"^\*\*`(\w+)`\*\*", PAGE, flags=re.M)
        words = dict(zip(parts[1::2], parts[2::2]))
        assert set(tables(real)) <= set(words), set(tables(real)) - set(words)
        for table in tables(real):
            for name in columns(real, table):
                assert name == "crc" or f"`{name}`" in words[table], (table, name)


def test_exactly_one_execution_wins_a_completed_task():
    with Worked() as real:
        wins = dict(real.execute(
            "SELECT task_id, (SELECT sum(winning) FROM execution e WHERE e.task_id = t.task_id)"
            " FROM task t WHERE state = 'completed'"))
        assert set(wins.values()) == {1} and 2 <= len(wins) < 20, wins
        assert real.execute("SELECT count(*) FROM execution JOIN task USING (task_id)"
                            " WHERE winning AND state <> 'completed'").fetchone() == (0,)
        assert real.execute("SELECT count(*) FROM execution").fetchone()[0] > 20
        done = coord.run("db", "check", "--db", real.execute("PRAGMA database_list").fetchone()[2])
        assert done.returncode == 0, done


coord.main(globals())
