"""The power is cut under coordinator and NATS server at once: nothing with a receipt is lost.

Both live on a file system in an image that is mounted through a loop device. To cut, both are
stopped and the image is copied: the copy holds what had reached the disk, and nothing of the page
cache. The run goes on with the copy. POWER_CUTS=n makes n cuts, CUT_SEED=n repeats their moments.
Needs root and a loop device.
"""
import base64
import collections
import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import disk
import life

CUTS = int(os.environ.get("POWER_CUTS", "3"))
SEED = int(os.environ.get("CUT_SEED", time.time_ns() % 1000000))
IMAGE_SIZE = "8G"  # sparse; JetStream wants to be able to keep 4 GiB
MOMENTS_S = (0.3, 2.5)


class Serve(coord.Serve):
    """Its log is not on the disk."""

    def start(self):
        self.log_path = os.path.join(os.path.dirname(os.path.dirname(self.dir)), "serve.log")
        super().start()


class Submitter(life.Submitter):
    """Also tells the receipts of the request path, which mean the disk, from the others."""

    def __init__(self, serve, name, seed):
        self.receipts, self.pause = set(), threading.Event()
        super().__init__(serve, name, seed)

    def submit(self, nats):
        if self.pause.is_set():
            time.sleep(0.05)
            return
        before = self.n
        super().submit(nats)
        if self.n > before and before % 2 == 0:
            self.receipts.add(f"{self.name}-{before}")


class Worker(life.Worker):
    """Also notes of which executions it was told that they are recorded."""

    def __init__(self, serve, agent_id, seed):
        self.recorded, self.listening = set(), None
        super().__init__(serve, agent_id, seed)

    def live(self, nats):
        if nats is not self.listening:
            self.listening = nats
            nats.subscribe(f"vapora.agent.control.{self.id}", self.on_control)
        super().live(nats)

    def on_control(self, message):
        body = message.json()
        if body["verb"] == "recorded":
            self.recorded.add((body["task_id"], body["epoch"]))


class Run:
    def __init__(self):
        self.disk = disk.Disk(IMAGE_SIZE)
        self.serve = self.start()
        self.submitters = [Submitter(self.serve, f"s{i}", SEED) for i in range(3)]
        self.workers = [Worker(self.serve, a, SEED) for a in ("ada", "ben", "cyd")]
        self.counts = collections.Counter()

    def start(self):
        return Serve("--heartbeat", "300ms", "--lease", "1s", data_dir=self.disk.data)

    def nats_pid(self):
        pid = self.serve.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return int(file.read().split()[0])

    def known(self):
        """What was promised up to now."""
        receipts = set().union(*(list(s.receipts) for s in self.submitters))
        recorded = set().union(*(list(w.recorded) for w in self.workers))
        return receipts, recorded

    def cut(self):
        pids = [self.serve.process.pid, self.nats_pid()]
        promised = self.known()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        self.disk.copy()
        for pid in reversed(pids):
            os.kill(pid, signal.SIGKILL)
        self.serve.process.wait()
        coord.until("the server to be gone", lambda: not os.path.exists(f"/proc/{pids[1]}"))
        self.disk.lose_the_rest()
        self.check(promised)
        self.serve.start()
        self.counts["cuts"] += 1
        self.counts["streams shortened"] += "events.lost" in self.serve.log()

    def database(self):
        return life.database(f"{self.disk.data}/graph.db")

    def check(self, promised):
        receipts, recorded = promised
        with self.database() as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            tasks = {row[0] for row in db.execute("SELECT task_id FROM task")}
            done = set(db.execute("SELECT task_id, epoch FROM execution"))
        assert receipts <= tasks, ("receipts lost", sorted(receipts - tasks)[:5])
        assert recorded <= done, ("recorded and lost", sorted(recorded - done)[:5])

    def settle(self):
        """Everything that was accepted up to now must end."""
        for submitter in self.submitters:
            submitter.pause.set()
        receipts, recorded = self.known()
        coord.until("every receipt's task to end", lambda: life.all_ended(self.serve, receipts),
                    120, 0.3)
        return receipts, recorded

    def end(self):
        receipts, recorded = self.settle()
        for submitter in self.submitters:
            submitter.stop()
        nats = self.serve.connect()
        coord.until("every task to end and to be told", lambda: over(nats), 120, 0.3)
        for worker in self.workers:
            worker.stop()
        self.events_are_told(nats)
        self.check((receipts, recorded))
        life.audit(os.path.join(self.disk.data, "graph.db"))
        self.counts["receipts"], self.counts["recorded"] = len(receipts), len(recorded)

    def events_are_told(self, nats):
        """Whatever the outbox still knows is in its stream, however often that was shortened."""
        with self.database() as db:
            uuid = db.execute("SELECT value FROM meta WHERE key = 'uuid'").fetchone()[0]
            kept = {f"{uuid}:{seq}" for seq, in db.execute(
                "SELECT seq FROM outbox WHERE subject LIKE 'vapora.event.%'")}
        assert kept
        told = stored_ids(nats)
        assert kept <= told, ("not told", len(kept - told), sorted(kept - told)[:3])
        self.counts["events told"] = len(kept)

    def close(self):
        for client in self.submitters + self.workers:
            client.stop()
        if self.serve.process.poll() is None:
            self.serve.stop()
        self.disk.close()


def over(nats):
    stats = nats.request("stats.get")
    return stats["outbox"] == 0 and not any(
        stats["tasks"][state] for state in ("queued", "assigned", "working"))


def stored_ids(nats):
    """The Nats-Msg-Id of every message in VAPORA_EVENTS."""
    def ask(verb, body):
        return nats.ask(f"$JS.API.STREAM.{verb}.VAPORA_EVENTS", body).json()
    state, ids = ask("INFO", b"")["state"], set()
    for seq in range(state["first_seq"], state["last_seq"] + 1):
        headers = ask("MSG.GET", json.dumps({"seq": seq}).encode())["message"]["hdrs"]
        ids.add(coord.parse_headers(base64.b64decode(headers))["Nats-Msg-Id"])
    return ids


def test_a_power_cut_loses_nothing_that_has_a_receipt():
    missing = disk.why_not()
    if missing:
        print(f"    SKIPPED: {missing}")
        return
    print(f"    CUT_SEED={SEED}")
    choose = random.Random(SEED)
    run = Run()
    try:
        for n in range(CUTS):
            time.sleep(choose.uniform(*MOMENTS_S))
            run.cut()
            if (n + 1) % 10 == 0:
                run.settle()
                for submitter in run.submitters:
                    submitter.pause.clear()
                print(f"    {n + 1} cuts, {len(run.known()[0])} receipts", flush=True)
        run.end()
    except BaseException:
        print(run.serve.log()[-4000:])
        raise
    finally:
        run.close()
    print(f"    {dict(run.counts)}")


coord.main(globals())
