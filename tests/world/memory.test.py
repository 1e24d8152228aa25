"""Any one allocation of the running program may fail: it goes on or ends with a clear line, and a
restart has everything that was accepted, once.

The released program runs with an allocator of ours (alloc_shim.c) preloaded. ALLOC_RUNS=n tries more
allocations, ALLOC_SEED=n the same again."""
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import life

RELEASE = os.path.abspath(os.path.join(os.environ.get("VC_RELEASE_DIR", "build"), "bin", "vapora-coord"))
RUNS = int(os.environ.get("ALLOC_RUNS", "16"))
SEED = int(os.environ.get("ALLOC_SEED", time.time_ns() % 1000000))
SPAN = 3000  # allocations of the work below
TASKS = 8


class Submitter(life.Submitter):
    def submit(self, nats):
        if self.n == TASKS:
            self.ended.set()
        else:
            super().submit(nats)


def live_through(shim, number):
    """Let that allocation fail while tasks come and go; how it ended."""
    folder = tempfile.mkdtemp(prefix="vapora-alloc-")
    flag = os.path.join(folder, "armed")
    serve = coord.Serve("--heartbeat", "300ms", "--lease", "1s", data_dir=folder, env={
        "LD_PRELOAD": shim, "ALLOC_SHIM": flag, "ALLOC_FAILS": str(number)})
    open(flag, "w", encoding="ascii").close()
    workers = [life.Worker(serve, agent, number) for agent in ("ada", "ben")]
    submitter, ends = Submitter(serve, "s", number), []

    def over():
        code = serve.process.poll()
        if code is not None:
            ends.append(code)
            said = serve.log().splitlines()
            assert code == -signal.SIGABRT and "out of memory" in said[-1], (code, said[-3:])
            serve.env = None
            serve.start()
        return len(submitter.accepted) == TASKS and life.all_ended(serve, submitter.accepted)
    try:
        coord.until(f"every task to end though allocation {number} failed", over, 60, 0.1)
        coord.until("the outbox to drain", lambda: over() and told(serve))
        for client in (submitter, *workers):
            client.stop()
        assert serve.stop() == 0
        life.audit(os.path.join(folder, "graph.db"))
    except BaseException:
        print(f"allocation {number}\n{serve.log()[-3000:]}")
        raise
    finally:
        for client in (submitter, *workers):
            client.stop()
        if serve.process.poll() is None:
            serve.kill()
    shutil.rmtree(folder)
    return "ended and came back" if ends else "went on"


def told(serve):
    try:
        return serve.connect().request("stats.get", timeout=2)["outbox"] == 0
    except (OSError, coord.Error):
        return False


def test_any_allocation_may_fail():
    print(f"    ALLOC_SEED={SEED}")
    coord.BINARY = RELEASE
    numbers = random.Random(SEED).sample(range(1, SPAN), RUNS)
    with tempfile.TemporaryDirectory() as folder:
        shim = os.path.join(folder, "alloc_shim.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "alloc_shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source], check=True)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            ends = list(pool.map(lambda number: live_through(shim, number), numbers))
    print(f"    {dict(collections.Counter(ends))}")
    assert RUNS < 10 or len(set(ends)) == 2, ends


if not os.access(RELEASE, os.X_OK):
    print("SKIPPED: needs the release build")
else:
    coord.main(globals())
