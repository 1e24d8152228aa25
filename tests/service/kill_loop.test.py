"""Coordinator and NATS server die again and again under load: nothing accepted is lost, nothing is
recorded twice. KILL_SEED=n repeats a run's choices, KILL_SECONDS=n makes it longer."""
import collections
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import life

SEED = int(os.environ.get("KILL_SEED", time.time_ns() % 1000000))
SECONDS = float(os.environ.get("KILL_SECONDS", "20"))
AGENTS = ["ada", "ben", "cyd", "dan"]


def nats_pid(serve):
    try:
        with open(f"/proc/{serve.process.pid}/task/{serve.process.pid}/children",
                  encoding="utf-8") as file:
            return int((file.read().split() or [0])[0])
    except (OSError, ValueError):
        return 0


def strike(serve, choice):
    """End something, and see that the coordinator is there again."""
    pid = nats_pid(serve)
    if choice == "nats" and pid:
        os.kill(pid, signal.SIGKILL)
    elif choice == "coordinator":
        serve.kill()
        serve.start()
    elif choice == "order":
        assert serve.stop() == 0
        serve.start()


def test_nothing_accepted_is_lost_and_nothing_is_recorded_twice():
    print(f"    KILL_SEED={SEED}")
    choose = random.Random(SEED)
    struck = collections.Counter()
    with coord.start_serve("--heartbeat", "300ms", "--lease", "1s") as serve:
        workers = [life.Worker(serve, a, SEED) for a in AGENTS]
        submitters = [life.Submitter(serve, f"s{i}", SEED) for i in range(3)]
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(choose.uniform(0.3, 1.5))
            choice = choose.choice(["nats", "coordinator", "order"])
            strike(serve, choice)
            struck[choice] += 1
        for submitter in submitters:
            submitter.stop()
        accepted = set().union(*(s.accepted for s in submitters))
        coord.until("every accepted task to end", lambda: life.all_ended(serve, accepted), 90, 0.3)
        for worker in workers:
            worker.stop()
        life.audit(os.path.join(serve.dir, "graph.db"))
    print(f"    {len(accepted)} accepted, {dict(struck)}")


coord.main(globals())
