"""Clients that outlive the coordinator and its server, and what must hold of a database they left."""
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time

import coord

TYPES = ["coding", "testing", "documentation"]


class Reconnecting:
    """Runs `body(nats)` over and over on fresh connections until told to stop."""

    def __init__(self, serve, body):
        self.serve, self.body, self.ended = serve, body, threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.ended.is_set():
            nats = None
            try:
                nats = coord.Nats(self.serve.url)
                while not self.ended.is_set() and nats.reader.is_alive():
                    self.body(nats)
            except (OSError, ValueError, coord.Error):
                time.sleep(0.05)
            finally:
                if nats:
                    nats.close()

    def stop(self):
        self.ended.set()
        self.thread.join(coord.PATIENCE_S)


class Submitter(Reconnecting):
    """One task after the other, by both ways in; an id is used until it was accepted."""

    def __init__(self, serve, name, seed):
        self.name, self.n, self.accepted = name, 0, set()
        self.random = random.Random(f"{seed}/{name}")
        super().__init__(serve, self.submit)

    def submit(self, nats):
        task_id = f"{self.name}-{self.n}"
        body = {"task_id": task_id, "title": "x", "task_type": self.random.choice(TYPES)}
        if self.n % 2:
            nats.store(f"vapora.task.submit.{task_id}", body, task_id, timeout=2)
        else:
            nats.request("task.submit", body, timeout=2)
        self.accepted.add(task_id)
        self.n += 1
        time.sleep(0.004)


class Worker(Reconnecting):
    """An agent that succeeds three times out of four, and sends results until they are stored."""

    def __init__(self, serve, agent_id, seed):
        self.id, self.seed, self.results, self.nats = agent_id, seed, {}, None
        super().__init__(serve, self.live)

    def live(self, nats):
        if nats is not self.nats:
            self.nats = nats
            nats.subscribe(f"vapora.task.assign.{self.id}", self.on_assign)
        nats.request(f"agent.register.{self.id}", {"capacity": 8}, timeout=2)
        nats.publish(f"vapora.agent.heartbeat.{self.id}",
                     {"running": [{"task_id": t, "epoch": e} for t, e in list(self.results)]})
        for (task_id, epoch), result in list(self.results.items()):
            nats.store(f"vapora.task.result.{self.id}",
                       {"task_id": task_id, "epoch": epoch, **result}, f"{task_id}:{epoch}",
                       timeout=2)
            self.results.pop((task_id, epoch), None)
        time.sleep(0.05)

    def on_assign(self, message):
        task = message.json()
        key = (task["task_id"], task["epoch"])
        good = random.Random(f"{self.seed}/{self.id}/{key}").random() < 0.75
        self.results[key] = {"outcome": "success" if good else "failure"}
        try:
            self.nats.publish(message.reply, {"accepted": True})
        except OSError:
            pass


def database(path):
    """For reading, and closed at the end of the block."""
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


def all_ended(serve, accepted):
    with database(f"{serve.dir}/graph.db") as db:
        ended = {row[0] for row in db.execute(
            "SELECT task_id FROM task WHERE finished_at_ms IS NOT NULL")}
    return accepted <= ended


def audit(path):
    """What must hold of every database, whatever happened: the oracle says it, and the program."""
    judged = subprocess.run([sys.executable, "tests/chaos/oracle", os.path.dirname(path)],
                            capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    checked = coord.run("db", "check", "--db", path)
    assert checked.returncode == 0, checked
