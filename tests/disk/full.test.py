"""The coordinator's disk fills up, or takes no writes: nothing accepted is lost, and it says why.

The NATS server stands on another disk. Needs root and a loop device."""
import os
import sys
import threading
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import disk
import life

FLOOR_MIB = 64


class Place:
    """A coordinator whose data is on a small disk, with an agent that works when it is told to."""

    def __init__(self):
        self.server, self.disk = coord.NatsServer(), disk.Disk("300M")
        self.serve = coord.Serve("--nats-url", self.server.url, data_dir=self.disk.data)
        self.serve.log_path = os.path.join(self.disk.dir, "serve.log")
        self.serve.restart()
        self.nats, self.go = self.serve.connect(), threading.Event()
        self.agent = coord.Agent(self.serve.connect(), "ada", work=self.work, capacity=100)

    def work(self, _assignment):
        self.go.wait(coord.PATIENCE_S)
        return {"outcome": "success", "output": {"text": "x" * 20000}}

    def submit(self, task_id):
        return self.nats.request("task.submit", {"task_id": task_id, "title": "T"}, timeout=5)

    def state(self, task_id):
        return self.nats.request("task.get", {"task_id": task_id})["task"]["state"]

    def readyz(self):
        try:
            with urllib.request.urlopen(self.serve.http + "/readyz?verbose", timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def says(self, what):
        coord.until(f"the log to say {what}", lambda: what in self.serve.log())

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.serve.log()[-4000:])
        self.go.set()
        self.agent.stop()
        self.serve.stop()
        self.server.stop()
        self.disk.close()


def test_new_tasks_are_refused_before_the_disk_is_full():
    with Place() as place:
        place.submit("early")
        place.disk.fill(FLOOR_MIB - 1)
        place.says("disk.low")
        try:
            place.submit("late")
            raise AssertionError("taken")
        except coord.Error as error:
            assert (error.code, error.error["reason"]) == (507, "disk_full"), error
            assert "new tasks are refused until 128 are free" in str(error), error
        place.nats.store("vapora.task.submit.mail", {"title": "T"}, "mail")
        status, text = place.readyz()
        assert status == 503 and "[-]disk failed: the coordinator's disk has 6" in text, text
        place.go.set()
        coord.until("the early task to end", lambda: place.state("early") == "completed")
        place.disk.free()
        place.says("disk.well")
        coord.until("the mailbox to be read", lambda: place.nats.request(
            "stats.get")["tasks"]["completed"] == 2)
        assert place.submit("late")["state"] == "queued"
        coord.until("readiness", lambda: place.readyz()[0] == 200)


def test_a_full_disk_holds_up_but_loses_nothing():
    with Place() as place:
        for i in range(50):
            place.submit(f"t{i}")
        coord.until("all to be in work", lambda: place.nats.request(
            "stats.get")["tasks"]["working"] == 50)
        place.disk.fill(0)
        place.go.set()  # more results than the rest of the journal can take
        place.says("store.stuck")
        status, text = place.readyz()
        assert status == 503 and "[-]store failed: " in text, text
        read = coord.run("score", "rank", "--task-type", "coding", "--db",
                         os.path.join(place.disk.data, "graph.db"))
        assert read.returncode == 0, read
        place.disk.free()
        place.says("store.well")
        coord.until("every task to end", lambda: place.nats.request(
            "stats.get")["tasks"]["completed"] == 50)
        life.audit(os.path.join(place.disk.data, "graph.db"))


def test_a_disk_that_takes_no_writes():
    with Place() as place:
        place.submit("early")
        place.serve.kill()
        place.disk.remount("ro")
        refused = coord.run("serve", "--data-dir", place.disk.data, "--nats-url", place.server.url,
                            "--http", "127.0.0.1:0")
        assert refused.returncode != 0 and len(refused.stderr.splitlines()) == 1, refused
        assert "Read-only file system" in refused.stderr, refused
        place.disk.remount("rw")
        place.serve.start()
        place.nats = place.serve.connect()
        place.go.set()
        coord.until("the early task to end", lambda: place.state("early") == "completed")


missing = disk.why_not()
if missing:
    print(f"SKIPPED: {missing}")
else:
    coord.main(globals())
