"""The wall clock jumps by hours, days and years while tasks run: leases, scores and ends do not care.

The released program runs with a clock of ours (clock_shim.c) preloaded."""
import datetime
import math
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import life

RELEASE = os.path.abspath(os.path.join(os.environ.get("VC_RELEASE_DIR", "build"), "bin", "vapora-coord"))
HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
JUMPS_S = [HOUR, -HOUR, DAY, -DAY, YEAR, -YEAR, 0]
TASKS = 20
LEASE_S = 1.5


class Clock:
    """Sets the program's clock off by some seconds."""

    def __init__(self, folder):
        self.path, self.shim = os.path.join(folder, "offset"), os.path.join(folder, "clock_shim.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock_shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", self.shim, source], check=True)
        self.set(0)

    def set(self, offset_s):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(str(offset_s))
        os.replace(self.path + ".new", self.path)

    def env(self):
        return {"LD_PRELOAD": self.shim, "CLOCK_SHIM": self.path}


def start(clock):
    coord.BINARY = RELEASE
    return coord.start_serve("--heartbeat", "500ms", "--lease", f"{int(LEASE_S * 1000)}ms",
                             env=clock.env())


def work_through(nats, name):
    for i in range(TASKS):
        nats.request("task.submit", {"task_id": f"{name}-{i}", "title": "Fix the parser"})
    coord.until("all to end", lambda: all(
        nats.request("task.get", {"task_id": f"{name}-{i}"})["task"]["state"] == "completed"
        for i in range(TASKS)))


def check_scores(nats):
    for seen in nats.request("score.rank", {"task_type": "debugging"})["candidates"]:
        for part in ("score", "expertise", "confidence", "load"):
            value = seen[part]
            assert math.isfinite(value) and 0 <= value <= 1, (part, seen)


def test_jumps_change_no_lease_no_end_and_no_order():
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(folder)
        with start(clock) as serve:
            nats = serve.connect()
            agents = [coord.Agent(serve.connect(), name, capacity=4,
                                  work=lambda a: time.sleep(0.02) or {"outcome": "success"})
                      for name in ("ada", "ben")]
            holder = coord.Agent(serve.connect(), "cyd", role="slow", work=lambda a: None)
            nats.request("task.submit", {"task_id": "held", "title": "T", "role": "slow"})
            held = holder.assignments.get(timeout=coord.PATIENCE_S)
            for number, jump in enumerate(JUMPS_S):
                clock.set(jump)
                work_through(nats, f"j{number}")
                check_scores(nats)
            time.sleep(2 * LEASE_S)  # its heartbeats must have renewed it all along
            holder.send_result(held, {"outcome": "success"})
            coord.until("the task that was held", lambda: nats.request(
                "task.get", {"task_id": "held"})["task"]["state"] == "completed")
            assert nats.request("task.get", {"task_id": "held"})["task"]["epoch"] == 1
            assert "task.lost" not in serve.log(), serve.log()
            for agent in [*agents, holder]:
                agent.stop()
            coord.until("the outbox to drain", lambda: nats.request("stats.get")["outbox"] == 0)
            life.audit(os.path.join(serve.dir, "graph.db"))
            serve.restart()
            check_scores(serve.connect())


def test_a_deadline_is_the_time_that_was_left_when_it_was_told():
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(folder)
        with start(clock) as serve:
            nats = serve.connect()
            soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
            later = soon + datetime.timedelta(hours=1)
            for task_id, at in (("soon", soon), ("later", later)):
                nats.request("task.submit", {"task_id": task_id, "title": "T", "deadline_at":
                                             at.isoformat(timespec="milliseconds").replace("+00:00", "Z")})
            clock.set(-DAY)
            coord.until("the deadline", lambda: nats.request(
                "task.get", {"task_id": "soon"})["task"]["state"] == "expired")
            clock.set(DAY)
            time.sleep(1)
            assert nats.request("task.get", {"task_id": "later"})["task"]["state"] == "queued"


if not os.access(RELEASE, os.X_OK):
    print("SKIPPED: needs the release build")
else:
    coord.main(globals())
