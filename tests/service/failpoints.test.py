"""The coordinator dies, fails or waits at every step of a task's life, and every task still ends once.

The places are those of base/failpoint.def; the program must be built with them (VC_FAILPOINTS)."""
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import life
import pages

TASKS = 6
AT_START = {"recover.open", "recover.agents", "lease.reload", "migrate"}
ACTIONS = ["abort", "abort@3", "error", "enospc@2", "delay:1500"]  # the delay outlasts the lease
CLOCKS = ("--heartbeat", "300ms", "--lease", "1s")


def names():
    return re.findall(r'VC_FAILPOINT\(\w+, "([a-z.]+)"', pages.read("base/failpoint.def"))


class Submitter(life.Submitter):
    """A few tasks, by both ways in, each until it was accepted."""

    def submit(self, nats):
        if self.n == TASKS:
            self.ended.set()
        else:
            super().submit(nats)


def start(folder, setting):
    """A coordinator that has the setting, or had it and died of it."""
    env = {"VAPORA_FAILPOINTS": setting}
    try:
        return coord.Serve(*CLOCKS, data_dir=folder, env=env)
    except AssertionError as error:
        assert "serve ended with" in str(error), error
        wanted = f"ended with -{signal.SIGKILL.value}" if "abort" in setting else "ended with 1"
        assert wanted in str(error) and "failpoint" in str(error), error
        return coord.Serve(*CLOCKS, data_dir=folder)


def revive(serve, setting):
    """Start it again when it died of the setting, which is the only thing it may die of."""
    code = serve.process.poll()
    if code is not None:
        assert code == -signal.SIGKILL and "abort" in setting, (code, serve.log())
        serve.env = None
        serve.start()


def live_through(name, action):
    setting = f"{name}={action}"
    folder = tempfile.mkdtemp(prefix="vapora-failpoint-")
    serve = start(folder, setting)
    workers = [life.Worker(serve, agent, setting) for agent in ("ada", "ben")]
    submitter = Submitter(serve, "s", setting)

    def over():
        revive(serve, setting)
        return len(submitter.accepted) == TASKS and life.all_ended(serve, submitter.accepted)

    def drained():
        revive(serve, setting)
        try:
            return nats_of(serve).request("stats.get", timeout=2)["outbox"] == 0
        except (OSError, coord.Error):
            return False
    try:
        coord.until(f"every task to end under {setting}", over, 60, 0.1)
        coord.until(f"the outbox to drain under {setting}", drained, 60, 0.1)
        life.audit(os.path.join(folder, "graph.db"))
    except BaseException:
        with open(serve.log_path, encoding="utf-8") as file:
            print(f"{setting}\n{file.read()[-6000:]}")
        raise
    finally:
        submitter.stop()
        for worker in workers:
            worker.stop()
        serve.stop()
    with open(serve.log_path, encoding="utf-8") as file:
        passed = f"failpoint name={name}" in file.read()
    shutil.rmtree(folder)
    return setting, passed


def nats_of(serve):
    if not serve.connections or not serve.connections[-1].reader.is_alive():
        serve.connect()
    return serve.connections[-1]


def sweep(cases):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda case: live_through(*case), cases))
    missed = [setting for setting, passed in done if not passed]
    print(f"    {len(done)} settings, {len(done) - len(missed)} reached")
    return missed


def test_it_dies_or_fails_at_every_step():
    cases = [(name, action) for name in names() if name not in AT_START for action in ACTIONS]
    assert len(cases) == 12 * len(ACTIONS), cases
    assert sweep(cases) == []


def test_it_dies_or_fails_at_every_step_of_its_start():
    assert sweep([(name, action) for name in sorted(AT_START)
                  for action in ("abort", "error", "enospc", "delay:100")]) == []


def test_it_dies_while_it_recovers_from_dying():
    folder = tempfile.mkdtemp(prefix="vapora-failpoint-")
    serve = start(folder, "result.commit=abort")
    worker = life.Worker(serve, "ada", 1)
    submitter = Submitter(serve, "s", 1)
    coord.until("its death", lambda: serve.process.poll() is not None)
    for name in ("recover.open", "recover.agents", "lease.reload"):
        assert start_dies(folder, name)
    serve.env = None
    serve.start()
    coord.until("every task to end", lambda: len(submitter.accepted) == TASKS and
                life.all_ended(serve, submitter.accepted))
    submitter.stop()
    worker.stop()
    life.audit(os.path.join(folder, "graph.db"))
    serve.stop()
    shutil.rmtree(folder)


def start_dies(folder, name):
    try:
        coord.Serve(*CLOCKS, data_dir=folder, env={"VAPORA_FAILPOINTS": f"{name}=abort"})
    except AssertionError as error:
        return f"ended with -{signal.SIGKILL.value}" in str(error)
    return False


def test_a_setting_that_cannot_be_read_is_refused():
    for setting in ("nowhere=abort", "ingest.ack", "ingest.ack=sometimes", "ingest.ack=abort@0"):
        with tempfile.TemporaryDirectory() as folder:
            done = coord.run("serve", "--data-dir", folder, "--http", "127.0.0.1:0",
                             env={"VAPORA_FAILPOINTS": setting})
        assert done.returncode == 2 and f"cannot read '{setting}'" in done.stderr, done


def test_the_released_binary_has_none():
    path = os.path.join(os.environ["VC_RELEASE_DIR"], "bin", "vapora-coord")
    with open(path, "rb") as file:
        binary = file.read()
    for word in (b"VAPORA_FAILPOINTS", b"ingest.pulled"):
        assert word not in binary, word
    symbols = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    assert "vc_core_step" in symbols and "vc_failpoint" not in symbols


coord.main(globals())
