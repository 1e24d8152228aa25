"""The main job on real parts: tasks go in, the right agent gets them, outcomes change decisions, and
a kill -9 forgets nothing."""
import collections
import os
import queue
import random
import sqlite3
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

TYPES = ["coding", "testing", "documentation"]
SKILL = {  # chance of success by agent and type: each is best at one
    "ada": {"coding": 0.95, "testing": 0.3, "documentation": 0.4},
    "ben": {"coding": 0.3, "testing": 0.95, "documentation": 0.4},
    "cyd": {"coding": 0.35, "testing": 0.3, "documentation": 0.95},
}
BEST = {"coding": "ada", "testing": "ben", "documentation": "cyd"}
FINAL = {"completed", "failed", "canceled", "expired", "dead", "rejected"}


def skilled(agent_id):
    """Whether a task goes well depends on the task and the agent alone, so that a retry by the same
    agent fails again."""
    def work(assignment):
        draw = random.Random(f"{agent_id}/{assignment['task_id']}").random()
        if draw < SKILL[agent_id][assignment["task_type"]]:
            return {"outcome": "success", "duration_ms": 3, "output": {"by": agent_id}}
        return {"outcome": "failure", "duration_ms": 3,
                "error": {"class": "agent_error", "message": "not my field"}}
    return work


def fleet(serve):
    return [coord.Agent(serve.connect(), a, skilled(a), capacity=4) for a in SKILL]


def task_of(i):
    return {"task_id": f"job-{i:03}", "title": f"Work number {i}", "task_type": TYPES[i % 3]}


def feed(nats, tasks, open_at_once=6):
    """Submit with few open tasks at a time, so that load leaves the choice to skill."""
    ended = nats.subscribe("vapora.event.task.*")
    waiting, nexts = set(), iter(tasks)
    for _ in range(open_at_once):
        task = next(nexts)
        nats.request("task.submit", task)
        waiting.add(task["task_id"])
    while waiting:
        message = ended.get(timeout=coord.PATIENCE_S).json()
        for event in message["events"]:
            if event["state"] in FINAL and event["task_id"] in waiting:
                waiting.remove(event["task_id"])
                task = next(nexts, None)
                if task:
                    nats.request("task.submit", task)
                    waiting.add(task["task_id"])


def test_three_hundred_tasks_end_once_and_the_best_agent_gets_most_of_the_last_third():
    with coord.start_serve() as serve:
        agents, nats = fleet(serve), serve.connect()
        feed(nats, [task_of(i) for i in range(300)])
        stats = nats.request("stats.get")
        assert sum(stats["tasks"][s] for s in FINAL) == 300, stats
        assert stats["executions"]["late"] == 0, stats
        last = collections.Counter()
        for i in range(300):
            got = nats.request("task.get", {"task_id": f"job-{i:03}"})
            check_history(got)
            if i >= 200:
                first = got["decisions"][0]
                last[first["chosen"] == BEST[first["task_type"]["value"]]] += 1
        assert last[True] > 50, last
        recorded = stats["executions"]["recorded"]
        assert recorded == sum(a.assignments.qsize() for a in agents), stats


def check_history(got):
    task, executions, decisions = got["task"], got["executions"], got["decisions"]
    assert task["state"] in FINAL, task
    assert len({e["epoch"] for e in executions}) == len(executions) == len(decisions), got
    wins = [e for e in executions if e["winning"]]
    assert len(wins) == (task["state"] == "completed"), got
    for decision in decisions:
        w = decision["weights"]
        for c in decision["candidates"]:
            parts = (w["load"] * c["base"] + w["expertise"] * c["expertise"] +
                     w["confidence"] * c["confidence"])
            assert abs(parts - c["score"]) < 1e-9, decision
        ranked = [c for c in decision["candidates"] if c["gate"] is None]
        assert ranked == sorted(ranked, key=lambda c: -c["score"]), decision
        assert decision["chosen"] in {c["agent_id"] for c in ranked}, decision
        if decision["rule"] == "formula":
            assert decision["chosen"] == ranked[0]["agent_id"], decision


def test_outcomes_change_the_next_decision():
    with coord.start_serve("--strict") as serve:
        nats = serve.connect()
        coord.Agent(nats, "first", lambda a: {"outcome": "failure"}, capacity=4)
        coord.Agent(nats, "second", lambda a: {"outcome": "success"}, capacity=4)
        nats.request("task.submit", {"task_id": "t1", "title": "x", "task_type": "coding"})
        coord.until("t1 to end", lambda: nats.request("task.get", {"task_id": "t1"})["task"]["state"]
                    == "completed")
        chosen = [d["chosen"] for d in nats.request("task.get", {"task_id": "t1"})["decisions"]]
        assert chosen == ["first", "second"], chosen
        nats.request("task.submit", {"task_id": "t2", "title": "x", "task_type": "coding"})
        coord.until("t2 to end", lambda: nats.request("task.get", {"task_id": "t2"})["task"]["state"]
                    == "completed")
        chosen = [d["chosen"] for d in nats.request("task.get", {"task_id": "t2"})["decisions"]]
        assert chosen == ["second"], chosen


def profiles(nats):
    return {a: nats.request("profile.get", {"agent_id": a})["types"] for a in SKILL}


def without_time(types):
    """Recency moves with the clock; everything else must be equal to the last digit."""
    return {a: [{k: v for k, v in t.items() if k != "expertise"} for t in cells]
            for a, cells in types.items()}


def test_after_kill_9_and_restart_profiles_and_open_tasks_are_as_before():
    with coord.start_serve() as serve:
        agents, nats = fleet(serve), serve.connect()
        feed(nats, [task_of(i) for i in range(60)])
        for agent in agents:
            agent.stop()
        nats.request("task.submit", {"task_id": "open-1", "title": "x", "task_type": "coding",
                                     "requires": ["nobody-has-it"]})
        nats.request("task.submit", {"task_id": "open-2", "title": "y", "task_type": "testing",
                                     "pin_agent_id": "nobody", "priority": 9})
        before = profiles(nats)
        stats = nats.request("stats.get")
        opened = [nats.request("task.get", {"task_id": t}) for t in ("open-1", "open-2")]
        serve.kill()
        serve.start()
        nats = serve.connect()
        after = profiles(nats)
        assert without_time(before) == without_time(after), (before, after)
        for a in SKILL:
            for x, y in zip(before[a], after[a]):
                assert abs(x["expertise"] - y["expertise"]) < 1e-6, (x, y)
        again = nats.request("stats.get")
        assert stats["tasks"] == again["tasks"] and stats["executions"] == again["executions"]
        for old, new in zip(opened, [nats.request("task.get", {"task_id": t})
                                     for t in ("open-1", "open-2")]):
            old["task"].pop("waiting_for"), new["task"].pop("waiting_for")
            assert old == new, (old, new)


def test_a_task_in_work_survives_the_coordinator_and_is_recorded_once():
    with coord.start_serve() as serve:
        nats = serve.connect()
        agent = coord.Agent(nats, "slow", lambda a: None)
        nats.request("task.submit", {"task_id": "t1", "title": "x", "task_type": "coding"})
        assignment = agent.assignments.get(timeout=coord.PATIENCE_S)
        coord.until("t1 to be in work", lambda: nats.request(
            "task.get", {"task_id": "t1"})["task"]["state"] == "working")
        agent.stop()
        serve.kill()
        serve.start()
        nats = serve.connect()
        agent.nats = nats
        agent.send_result(assignment, {"outcome": "success"})
        agent.send_result(assignment, {"outcome": "success"})
        coord.until("t1 to end", lambda: nats.request("task.get", {"task_id": "t1"})["task"]["state"]
                    == "completed")
        got = nats.request("task.get", {"task_id": "t1"})
        assert [(e["epoch"], e["outcome"]) for e in got["executions"]] == [(1, "success")], got


def test_a_submission_through_jetstream_waits_for_a_coordinator_that_is_away():
    with coord.NatsServer() as server:
        with coord.start_serve("--nats-url", server.url) as serve:
            coord.until("the streams", lambda: "nats.ready" in serve.log())
            serve.stop()
            nats = server.connect()
            nats.store("vapora.task.submit.t1", {"title": "Write the documentation"}, "t1")
            serve.start()
            nats = serve.connect()
            coord.until("t1 to be known", lambda: known(nats, "t1"))
            task = nats.request("task.get", {"task_id": "t1"})["task"]
            assert (task["state"], task["via"]) == ("queued", "jetstream"), task
            assert task["task_type"] == "documentation", task


def known(nats, task_id):
    try:
        return nats.request("task.get", {"task_id": task_id})
    except coord.Error as error:
        assert error.code == 404, error
        return None


def test_both_ways_in_give_one_task_and_one_receipt_and_refuse_another_body():
    with coord.start_serve() as serve:
        nats = serve.connect()
        body = {"task_id": "t1", "title": "Fix the crash", "input": {"n": 1}}
        receipt = nats.request("task.submit", body)
        assert receipt["state"] == "queued" and receipt["task_type"] == "debugging", receipt
        assert nats.request("task.submit", body) == receipt
        nats.store("vapora.task.submit.t1", body, "t1")
        try:
            nats.request("task.submit", {**body, "title": "Another"})
            assert False, "another body was taken"
        except coord.Error as error:
            assert (error.code, error.error["reason"]) == (409, "conflict"), error.error
        dead = nats.subscribe("vapora.dead.conflict")
        nats.store("vapora.task.submit.t1", {**body, "title": "A third"}, "t1-other")
        letter = dead.get(timeout=coord.PATIENCE_S).json()["events"][0]
        assert letter["task_id"] == "t1" and letter["body"]["title"] == "A third", letter
        assert nats.request("stats.get")["tasks"]["queued"] == 1


def test_a_task_that_nobody_can_take_is_queued_and_says_why():
    with coord.start_serve() as serve:
        nats = serve.connect()
        nats.request("task.submit", {"task_id": "t1", "title": "x", "requires": ["gpu"]})
        task = nats.request("task.get", {"task_id": "t1"})["task"]
        assert task["state"] == "queued" and "none is registered" in task["waiting_for"], task
        agent = coord.Agent(nats, "plain")
        task = nats.request("task.get", {"task_id": "t1"})["task"]
        assert "1 missing_capability" in task["waiting_for"], task
        coord.Agent(nats, "strong", capabilities=["gpu"])
        coord.until("t1 to end", lambda: nats.request("task.get", {"task_id": "t1"})["task"]["state"]
                    == "completed")
        assert agent.assignments.empty()


def test_a_late_result_is_stale_kept_and_not_learnt_from():
    with coord.start_serve("--heartbeat", "200ms", "--lease", "600ms") as serve:
        nats = serve.connect()
        told = nats.subscribe("vapora.agent.control.frozen")
        frozen = coord.Agent(nats, "frozen", lambda a: None, heartbeats=False)
        nats.request("task.submit", {"task_id": "t1", "title": "x", "task_type": "coding"})
        assignment = frozen.assignments.get(timeout=coord.PATIENCE_S)
        awake = coord.Agent(nats, "awake", lambda a: {"outcome": "success"})
        coord.until("t1 to end", lambda: nats.request("task.get", {"task_id": "t1"})["task"]["state"]
                    == "completed")
        frozen.send_result(assignment, {"outcome": "success"})
        while told.get(timeout=coord.PATIENCE_S).json()["verb"] != "stale":
            pass
        got = nats.request("task.get", {"task_id": "t1"})
        assert got["task"]["agent_id"] == "awake", got
        assert [(e["epoch"], e["agent_id"], e["error_class"], e["winning"])
                for e in got["executions"]] == [(1, "frozen", "lost", False),
                                                (2, "awake", None, True)], got
        stats = nats.request("stats.get")
        assert stats["executions"] == {"recorded": 2, "late": 1}, stats
        assert nats.request("profile.get", {"agent_id": "frozen"})["types"] == []
        awake.stop()
        rows = sqlite3.connect(os.path.join(serve.dir, "graph.db")).execute(
            "SELECT task_id, epoch, reason FROM late_result").fetchall()
        assert rows == [("t1", 1, "stale")], rows


def test_nats_may_die_under_load_and_every_task_still_ends_once():
    with coord.start_serve() as serve:
        nats = serve.connect()
        ids = [f"job-{i:03}" for i in range(40)]
        for i, task_id in enumerate(ids):
            nats.request("task.submit", {"task_id": task_id, "title": "x", "task_type": TYPES[i % 3]})
        fleet_before = [coord.Agent(serve.connect(), a, skilled(a), capacity=1) for a in SKILL]
        pid = int(coord.until("the server's pid", lambda: server_pid(serve)))
        os.kill(pid, 9)
        for agent in fleet_before:
            agent.stop()
        coord.until("the coordinator to be back", serve.answers)
        fleet(serve)
        nats = serve.connect()
        coord.until("all to end", lambda: all_ended(nats, ids), patience_s=90, pause_s=0.2)
        for task_id in ids:
            check_epochs(nats.request("task.get", {"task_id": task_id}))


def server_pid(serve):
    """The nats-server that is a child of this coordinator."""
    with open(f"/proc/{serve.process.pid}/task/{serve.process.pid}/children",
              encoding="utf-8") as file:
        return (file.read().split() or [None])[0]


def all_ended(nats, ids):
    stats = nats.request("stats.get")["tasks"]
    return sum(stats[s] for s in FINAL) == len(ids)


def check_epochs(got):
    epochs = [e["epoch"] for e in got["executions"]]
    assert len(set(epochs)) == len(epochs), got
    assert sum(e["winning"] for e in got["executions"]) == (got["task"]["state"] == "completed")


def test_many_clients_that_submit_the_same_task_get_the_same_receipt():
    with coord.start_serve() as serve:
        receipts = queue.Queue()
        connections = [serve.connect() for _ in range(20)]

        def submit(nats):
            for _ in range(5):
                receipts.put(str(nats.request("task.submit", {"task_id": "same", "title": "x"})))
        threads = [threading.Thread(target=submit, args=(n,)) for n in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        got = {receipts.get() for _ in range(100)}
        assert len(got) == 1, got
        assert connections[0].request("stats.get")["tasks"]["queued"] == 1


coord.main(globals())
