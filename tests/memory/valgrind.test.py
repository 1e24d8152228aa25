"""The released program under valgrind: no read of what was never written, and nothing lost for good."""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

RELEASE = os.path.abspath(os.path.join(os.environ.get("VC_RELEASE_DIR", "build"), "bin", "vapora-coord"))
FOUND = 9  # the exit code when valgrind found something
WATCHED = ["valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite",
           f"--error-exitcode={FOUND}", "--child-silent-after-fork=yes", RELEASE]


class Watched:
    """Stands in for the program, so that everything in it runs under valgrind."""

    def __enter__(self):
        self.folder, self.before = tempfile.mkdtemp(), coord.BINARY
        coord.BINARY = os.path.join(self.folder, "vapora-coord")
        with open(coord.BINARY, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec " + " ".join(WATCHED) + ' "$@"\n')
        os.chmod(coord.BINARY, stat.S_IRWXU)

    def __exit__(self, *_):
        coord.BINARY = self.before
        shutil.rmtree(self.folder)


def test_a_coordinator_at_work():
    with Watched(), coord.NatsServer() as server:
        serve = coord.Serve("--nats-url", server.url)
        agents = [coord.Agent(serve.connect(), name, capacity=4, work=lambda a: {
            "outcome": "success" if hash(a["task_id"]) % 3 else "failure"}) for name in ("ada", "ben")]
        nats = serve.connect()
        for i in range(100):
            body = {"title": "Fix the parser", "labels": {"n": str(i)}, "max_attempts": 2}
            nats.store(f"vapora.task.submit.m{i}", body, f"m{i}")
            nats.request("task.submit", {**body, "task_id": f"r{i}"})
        for verb, body in (("task.submit", b"{"), ("task.cancel", {"task_id": "none"}),
                           ("task.fly", {}), ("agent.drain", {"agent_id": "x", "off": 3})):
            try:
                nats.request(verb, body)
            except coord.Error:
                pass
        nats.store("vapora.task.submit.bad", b"nonsense", "bad")
        coord.until("every task to end", lambda: sum(nats.request("stats.get")["tasks"][s] for s in (
            "completed", "failed", "dead")) == 200, 120)
        for verb, body in (("task.list", {}), ("agent.list", {}), ("execution.list", {}),
                           ("task.explain", {"task_id": "r1"}), ("task.get", {"task_id": "m1"}),
                           ("score.rank", {"task_type": "debugging"}),
                           ("profile.get", {"agent_id": "ada"})):
            nats.request(verb, body)
        for agent in agents:
            agent.stop()
        server.stop()
        server.start()
        coord.until("the coordinator to be back", serve.answers)
        code = serve.stop()
        assert code == 0, (code, serve.log())
        shutil.rmtree(serve.dir)


def test_commands_that_read_and_look_after_a_store():
    with tempfile.TemporaryDirectory() as folder, Watched():
        lines = os.path.join(folder, "history.jsonl")
        with open(lines, "w", encoding="utf-8") as file:
            for i in range(50):
                file.write(json.dumps({
                    "task_id": f"t{i}", "epoch": 1, "agent_id": f"a{i % 3}", "task_type": "coding",
                    "outcome": "success", "finished_at": "2026-11-20T10:00:00Z"}) + "\n")
        db, copy = os.path.join(folder, "graph.db"), os.path.join(folder, "copy.db")
        for args in (["execution", "import", lines, "--db", db],
                     ["score", "rank", "--task-type", "coding", "--db", db], ["db", "check", "--db", db],
                     ["db", "backup", "--db", db, "--output", copy],
                     ["db", "restore", "--from", copy, "--db", db, "--force"],
                     ["infer", "--title", "Fix the parser"], ["nats", "auth", "--agent", "ada"], ["help"]):
            done = coord.run(*args)
            assert done.returncode == 0, (args, done)


if not shutil.which("valgrind") or not os.access(RELEASE, os.X_OK):
    print("SKIPPED: needs valgrind and the release build")
else:
    subprocess.run(["valgrind", "--version"], check=True)
    coord.main(globals())
