"""score rank --db: the ranking of a file equals a plain computation of the formula, order included."""
import json
import math
import os
import random
import sqlite3
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

DAY_MS = 86400000
NOW_MS = 1790000000000
COUNTED = {"agent_error", "tool_error", "model_error", "timeout"}
DECAY = {"half-life": lambda d: 2 ** (-d / 7), "e-fold": lambda d: math.exp(-d / 7),
         "step": lambda d: 1.0}
TOLERANCE = 1e-9


def counted(row):
    return row["outcome"] == "success" or (
        row["outcome"] in ("failure", "timeout") and
        row.get("error_class", "agent_error") in COUNTED)


def value(row):
    return 1.0 if row["outcome"] == "success" else 0.0


def candidate(rows, agent_id, task_type, now_ms, recency):
    """The formula, from all rows, in the plainest way."""
    own = [r for r in rows if r["agent_id"] == agent_id and counted(r)]
    cell = [r for r in own if r["task_type"] == task_type]
    newest = sorted(cell, key=lambda r: (r["finished_at"], r["task_id"], r["epoch"]))[-100:]
    ages = [max(0, now_ms - r["finished_at"]) / DAY_MS for r in newest]
    weights = [(3 if d <= 7 else 1) * DECAY[recency](d) for d in ages]
    recent = [value(r) for r, d in zip(newest, ages) if d <= 7]
    result = {
        "agent_id": agent_id,
        "base": sum(map(value, own)) / len(own) if own else 1.0,
        "expertise": (sum(w * value(r) for w, r in zip(weights, newest)) / sum(weights)
                      if newest else 0.0),
        "confidence": min(1.0, len(cell) / 20),
        "n": len(cell),
        "success_rate": sum(map(value, newest)) / len(newest) if newest else None,
        "recent_success_rate": sum(recent) / len(recent) if recent else None,
        "load": 0.0,
    }
    result["score"] = (0.3 * result["base"] + 0.5 * result["expertise"] +
                       0.2 * result["confidence"])
    return result


def rank(db, task_type, now_ms=NOW_MS, recency=None, *more):
    args = ["--recency", recency] if recency else []
    done = coord.run("score", "rank", "--db", db, "--task-type", task_type, "--at", now_ms, *args,
                     "-o", "json", *more)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def check(db, rows, task_type, now_ms, recency):
    ranking = rank(db, task_type, now_ms, recency)
    assert (ranking["task_type"], ranking["recency"]) == (task_type, recency)
    expected = {a: candidate(rows, a, task_type, now_ms, recency)
                for a in {r["agent_id"] for r in rows}}
    got = ranking["candidates"]
    assert {c["agent_id"] for c in got} == set(expected) and len(got) == len(expected)
    for place, c in enumerate(got, 1):
        assert c["rank"] == place
        for name, want in expected[c["agent_id"]].items():
            same = c[name] == want if not isinstance(want, float) else (
                c[name] is not None and abs(c[name] - want) <= TOLERANCE)
            assert same, (c["agent_id"], name, c[name], want)
    # Equal scores may differ in their last bits between two computations; the order of what the
    # program printed has to be exact.
    order = [(-c["score"], c["load"], -c["n"], c["agent_id"]) for c in got]
    assert order == sorted(order)
    plain = [expected[c["agent_id"]]["score"] for c in got]
    assert all(a >= b - TOLERANCE for a, b in zip(plain, plain[1:]))


class Imported:
    def __init__(self, rows):
        self.rows = rows

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="vapora-rank-")
        db = os.path.join(self.folder.name, "graph.db")
        done = coord.run("execution", "import", "-", "--db", db,
                         stdin="".join(json.dumps(r) + "\n" for r in self.rows))
        assert done.returncode == 0, done
        return db

    def __exit__(self, *exception):
        self.folder.cleanup()


def random_row(rng, number, agents, span_days):
    outcome = rng.choice(["success"] * 5 + ["failure"] * 4 + ["timeout", "declined", "canceled"])
    row = {"task_id": f"t{rng.randrange(10**9)}-{number}", "epoch": rng.randrange(1, 4),
           "agent_id": f"a{rng.randrange(agents)}", "task_type": rng.choice(["x", "y", "z-1"]),
           "outcome": outcome, "duration_ms": 5,
           # Few different instants, so that many finish together; some lie in the future.
           "finished_at": NOW_MS - rng.randrange(-3, span_days * 2) * DAY_MS // 2}
    if outcome == "failure":
        row["error_class"] = rng.choice(sorted(COUNTED) + ["lost", "policy", "budget",
                                                           "invalid_input"])
    return row


def test_rank_equals_the_plain_computation_on_random_histories():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    try:
        for size, agents, span in ((30, 6, 40), (400, 5, 20), (1500, 3, 4)):
            rows = [random_row(rng, i, agents, span) for i in range(size)]
            with Imported(rows) as db:
                for recency in DECAY:
                    for now_ms in (NOW_MS, NOW_MS - 5 * DAY_MS, NOW_MS + 400 * DAY_MS):
                        check(db, rows, rng.choice(["x", "y", "z-1"]), now_ms, recency)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


def history(agent_id, *parts, task_type="x", prefix="t"):
    """parts: (how many, success?, age in days)"""
    return [{"task_id": f"{agent_id}-{task_type}-{prefix}{p}-{i:03}", "epoch": 1,
             "agent_id": agent_id, "task_type": task_type,
             "outcome": "success" if ok else "failure",
             "finished_at": NOW_MS - round(age * DAY_MS)}
            for p, (count, ok, age) in enumerate(parts) for i in range(count)]


def test_rank_gives_the_documented_values():
    vectors = {
        "five-five": ([(5, True, 1), (5, False, 30)], (0.981480211, 0.994735389, 0.75)),
        "reverse": ([(5, False, 1), (5, True, 30)], (0.018519789, 0.005264611, 0.25)),
        "fresh-fail": ([(19, True, 60), (1, False, 0)], (0.016375871, 0.001198360, 0.863636364)),
        "edge": ([(1, True, 6.9), (1, False, 7.1)], (0.753694874, 0.755318790, 0.75)),
        "seven": ([(1, True, 7), (1, False, 0)], (0.333333333, 0.268941421, 0.5)),
        "many": ([(8, True, 2), (2, False, 2), (40, True, 20), (50, False, 20)],
                 (0.680739111, 0.733683580, 0.533333333)),
    }
    rows = [r for name, (parts, _) in vectors.items() for r in history(name, *parts)]
    with Imported(rows) as db:
        for i, recency in enumerate(DECAY):
            got = {c["agent_id"]: c["expertise"]
                   for c in rank(db, "x", NOW_MS, recency)["candidates"]}
            for name, (_, wanted) in vectors.items():
                assert abs(got[name] - wanted[i]) < 1e-9, (name, recency, got[name])


def test_rank_sees_only_the_newest_hundred_when_many_finish_together():
    # 150 of one millisecond: which hundred are the newest is told by task_id alone.
    rows = [{**r, "outcome": "success" if i >= 80 else "failure"}
            for i, r in enumerate(history("a", (150, True, 3)))]
    with Imported(random.Random(7).sample(rows, len(rows))) as db:
        for recency in DECAY:
            check(db, rows, "x", NOW_MS, recency)
        c = rank(db, "x")["candidates"][0]
        assert c["n"] == 150 and abs(c["success_rate"] - 0.7) < TOLERANCE, c


def test_rank_counts_every_row_whatever_the_clock_says():
    rows = history("a", (1, False, 20), (3, True, -10))
    with Imported(rows) as db:
        for now_ms in (0, NOW_MS - 100 * DAY_MS, NOW_MS, NOW_MS + 9 * DAY_MS):
            check(db, rows, "x", now_ms, "half-life")
        early = rank(db, "x", 0)["candidates"][0]
        assert early["n"] == 4 and abs(early["expertise"] - 0.75) < TOLERANCE
        assert early["recent_success_rate"] == 0.75


def test_rank_breaks_ties_by_experience_and_then_by_name():
    rows = [r for a in ("b", "a", "C") for r in history(a, (20, True, 1))]
    rows += history("d", (40, True, 1))
    with Imported(rows) as db:
        assert [c["agent_id"] for c in rank(db, "x")["candidates"]] == ["d", "C", "a", "b"]


def test_rank_lists_agents_without_a_record_in_the_type():
    with Imported(history("a", (1, True, 1), (1, False, 1), task_type="y")) as db:
        ranking = rank(db, "x")
        c = ranking["candidates"][0]
        assert (c["base"], c["expertise"], c["confidence"], c["n"]) == (0.5, 0, 0, 0)
        assert c["success_rate"] is None and c["recent_success_rate"] is None
        assert list(c) == ["agent_id", "score", "base", "expertise", "confidence", "n",
                           "success_rate", "recent_success_rate", "load", "rank"]
        assert ranking["at"] == "2026-09-21T14:13:20.000Z", ranking["at"]


def test_rank_takes_strict_and_prints_a_table():
    with Imported(history("a", (3, True, 1))) as db:
        assert rank(db, "x", NOW_MS, None, "--strict") == rank(db, "x")
        done = coord.run("score", "rank", "--db", db, "--task-type", "x")
        head, row = done.stdout.splitlines()
        assert head.split()[:3] == ["#", "AGENT", "BASE"] and row.split()[:2] == ["1", "a"]


def test_rank_reads_a_database_that_is_being_written():
    with Imported(history("a", (3, True, 1))) as db:
        writer = sqlite3.connect(db, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM execution")
        writer.execute("DELETE FROM curve_day")
        assert rank(db, "x")["candidates"][0]["n"] == 3
        writer.execute("COMMIT")
        assert rank(db, "x")["candidates"][0]["n"] == 0
        writer.close()


def test_rank_asks_the_coordinator_without_a_database():
    known = {"agent_id": "a", "gate": None, "score": 0.75, "base": 0.5, "expertise": 0.8,
             "confidence": 1.0, "n": 25, "success_rate": 0.8, "recent_success_rate": None,
             "load": 0.5, "rank": 1}
    full = {**known, "agent_id": "b\x1b[31m", "gate": "full", "rank": None}
    reply = {"task_type": "x", "policy": "formula", "recency": "step",
             "at": "2026-11-01T00:00:00.000Z", "candidates": [known, full]}
    asked = []
    with coord.NatsServer() as server:
        nats = server.connect()

        def answer(message):
            asked.append(message.json())
            nats.publish(message.reply, {"type": "io.vapora.coord.api.v1.score_rank_response",
                                         **reply})
        nats.subscribe("vapora.api.score.rank", answer)
        nats.flush()
        args = ["score", "rank", "--task-type", "x", "--url", server.url]
        assert json.loads(coord.run(*args, "-o", "json").stdout) == reply
        assert asked == [{"task_type": "x"}]
        lines = coord.run(*args).stdout.splitlines()
        assert lines[1].split() == ["1", "a", "0.500", "0.800", "1.000", "0.750", "25", "0.800",
                                    "-", "0.500"], lines
        assert lines[2].split()[:2] == ["-", "b\\x1b[31m"] and lines[2].split()[-1] == "full", lines
        nats.close()


def test_rank_refuses_what_it_cannot_use():
    with Imported(history("a", (1, True, 1))) as db:
        cases = [(["--db", db], 2), (["--db", db, "--task-type", "A"], 2),
                 (["--db", db, "--task-type", "x", "--at", "noon"], 2),
                 (["--db", db, "--task-type", "x", "--recency", "full"], 2),
                 (["--task-type", "x", "--at", "0"], 2),
                 (["--db", db + ".none", "--task-type", "x"], 3)]
        for args, code in cases:
            done = coord.run("score", "rank", *args)
            assert done.returncode == code and done.stderr.startswith("vapora-coord score rank: "), (
                args, done)
        assert not os.path.exists(db + ".none")


coord.main(globals())
