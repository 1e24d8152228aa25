"""A coordinator that could not look for longer than a lease takes no task from an agent that lives."""
import os
import signal
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

HEARTBEAT_MS, LEASE_MS = 500, 1500
STALL_S = 2.5 * LEASE_MS / 1000
CLOCKS = ("--heartbeat", f"{HEARTBEAT_MS}ms", "--lease", f"{LEASE_MS}ms")


class Fleet:
    """Three agents at work, each on a task with one attempt, until told to finish."""

    def __init__(self, serve):
        self.nats, self.done = serve.connect(), threading.Event()
        self.agents = [coord.Agent(serve.connect(), f"a{i}", work=self.work) for i in range(3)]
        for i in range(3):
            self.nats.request("task.submit", {"task_id": f"t{i}", "title": "T", "max_attempts": 1})
        coord.until("three tasks in work", lambda: self.count("working") == 3)

    def work(self, _assignment):
        self.done.wait(coord.PATIENCE_S)
        return {"outcome": "success"}

    def count(self, state):
        return self.nats.request("stats.get")["tasks"][state]

    def end(self):
        self.done.set()
        coord.until("no task in work", lambda: self.count("working") == 0)
        ended = [self.nats.request("task.get", {"task_id": f"t{i}"})["task"] for i in range(3)]
        for agent in self.agents:
            agent.stop()
        return ended


def all_succeeded_at_the_first_epoch(tasks):
    got = [(task["state"], task["epoch"]) for task in tasks]
    assert got == [("completed", 1)] * 3, got


def test_a_store_that_is_locked_for_longer_than_a_lease():
    with coord.start_serve(*CLOCKS) as serve:
        fleet = Fleet(serve)
        other = sqlite3.connect(os.path.join(serve.dir, "graph.db"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        coord.until("the store to be refused", lambda: "store.stuck" in serve.log())
        time.sleep(STALL_S)
        other.execute("ROLLBACK")
        other.close()
        coord.until("the store to be well", lambda: "store.well" in serve.log())
        all_succeeded_at_the_first_epoch(fleet.end())


def test_a_coordinator_that_is_stopped_for_longer_than_a_lease():
    with coord.start_serve(*CLOCKS) as serve:
        fleet = Fleet(serve)
        for _ in range(2):
            serve.process.send_signal(signal.SIGSTOP)
            time.sleep(STALL_S)
            serve.process.send_signal(signal.SIGCONT)
            fleet.count("working")
        all_succeeded_at_the_first_epoch(fleet.end())


def test_an_agent_that_died_meanwhile_still_loses_its_task():
    with coord.start_serve(*CLOCKS) as serve:
        fleet = Fleet(serve)
        fleet.agents[0].stop()
        serve.process.send_signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        serve.process.send_signal(signal.SIGCONT)
        coord.until("the dead agent's task to end", lambda: fleet.count("dead") == 1)
        assert fleet.count("working") == 2
        fleet.end()


coord.main(globals())
