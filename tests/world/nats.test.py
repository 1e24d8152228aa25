"""The NATS server freezes, goes away, or refuses the coordinator: it is seen, told, and lived through.

AWAY_S=60 makes the absence longer."""
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import life

FOUND_WITHIN_S = 15
AWAY_S = float(os.environ.get("AWAY_S", "5"))
CLOCKS = ("--heartbeat", "300ms", "--lease", "1s")
GROWTH_MAX = 4 << 20  # bytes
# The address sanitizer keeps what was freed, by default 256 MiB of it: that is not ours to bound.
KEEP_LITTLE = {"ASAN_OPTIONS": "quarantine_size_mb=1"}


def probe(serve, path):
    try:
        with urllib.request.urlopen(serve.http + path, timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def rss(serve):
    with open(f"/proc/{serve.process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


def not_ready(serve, patience_s=coord.PATIENCE_S):
    """The probe's text, once it says so; it must stay alive meanwhile."""
    def look():
        assert probe(serve, "/livez") == (200, "ok\n")
        status, text = probe(serve, "/readyz")
        return text if status == 503 else None
    return coord.until("it to be not ready", look, patience_s)


def stays_not_ready(serve, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert probe(serve, "/livez") == (200, "ok\n")
        assert probe(serve, "/readyz")[0] == 503
        time.sleep(0.2)


def ready(serve):
    coord.until("it to be ready", lambda: probe(serve, "/readyz")[0] == 200)


class Load:
    """Clients that go on through everything, and what they were promised."""

    def __init__(self, serve):
        self.serve = serve
        self.workers = [life.Worker(serve, agent, 1) for agent in ("ada", "ben")]
        self.submitters = [life.Submitter(serve, f"s{i}", 1) for i in range(2)]
        coord.until("work to be done", lambda: all(s.n > 20 for s in self.submitters))

    def end(self):
        for submitter in self.submitters:
            submitter.stop()
        accepted = set().union(*(s.accepted for s in self.submitters))
        coord.until("every accepted task to end", lambda: life.all_ended(self.serve, accepted), 60)
        for worker in self.workers:
            worker.stop()
        nats = self.serve.connect()
        coord.until("the outbox to drain", lambda: nats.request("stats.get")["outbox"] == 0)
        life.audit(os.path.join(self.serve.dir, "graph.db"))
        return accepted


def test_a_frozen_server_is_found_within_15_seconds():
    with coord.NatsServer() as server, coord.start_serve("--nats-url", server.url, *CLOCKS) as serve:
        load = Load(serve)
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            text = not_ready(serve)
            assert time.monotonic() - began < FOUND_WITHIN_S, text
            assert "lost the connection" in text or "Timeout" in text, text
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        ready(serve)
        load.end()


def test_a_server_that_is_away_costs_time_and_neither_tasks_nor_memory():
    with coord.NatsServer() as server, coord.start_serve(
            "--nats-url", server.url, *CLOCKS, env=KEEP_LITTLE) as serve:
        load = Load(serve)
        server.process.kill()
        server.process.wait()
        not_ready(serve)
        before = rss(serve)
        stays_not_ready(serve, AWAY_S)
        assert rss(serve) < before + GROWTH_MAX, (before, rss(serve))
        read = coord.run("score", "rank", "--task-type", "coding", "--db",
                         os.path.join(serve.dir, "graph.db"))
        assert read.returncode == 0, read
        server.start()
        ready(serve)
        load.end()


class Guarded(coord.NatsServer):
    """A server with one user, whose password can change."""

    def __init__(self, password):
        self.password = password
        super().__init__()
        self.url = f"nats://boss:{password}@127.0.0.1:{self.port}"

    def start(self):
        path = os.path.join(self.dir, "server.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'port: {self.port}\nhost: "127.0.0.1"\n'
                       f'jetstream {{ store_dir: "{self.dir}" }}\n'
                       f'authorization {{ user: boss, password: "{self.password}" }}\n')
        self.process = subprocess.Popen(["nats-server", "-c", path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        coord.until("nats-server to listen", self.listens)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False


def test_a_password_that_is_refused_for_a_while():
    with Guarded("right") as server, coord.start_serve("--nats-url", server.url, *CLOCKS) as serve:
        load = Load(serve)
        for password in ("wrong", "right"):
            server.stop()
            server.password = password
            server.start()
            if password == "wrong":
                coord.until("the refusal to be told",
                            lambda: "refuses the user" in probe(serve, "/readyz")[1])
                # Two refusals in a row end a connection of the library for good.
                stays_not_ready(serve, 3)
                assert serve.process.poll() is None and "refuses the user" in serve.log()
        ready(serve)
        load.end()
        assert "wrong" not in serve.log() and "right" not in serve.log()


coord.main(globals())
