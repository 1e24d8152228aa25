"""Descriptors run out under idle HTTP connections, and readers are slow: work goes on."""
import os
import resource
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

FILES, IDLE = 64, 100
SLOW, TASKS = 200, 150


class FewFiles(coord.Serve):
    """A coordinator that may open FILES files."""

    def start(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
        try:
            super().start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def readyz(serve):
    try:
        with urllib.request.urlopen(serve.http + "/readyz?verbose", timeout=5) as reply:
            return reply.status
    except (OSError, urllib.error.HTTPError):
        return None


def connect(serve, n, request=b""):
    """The n-th connection, from one of many addresses: each has only so many places."""
    at = urllib.parse.urlparse(serve.http)
    sock = socket.create_connection((at.hostname, at.port), timeout=10,
                                    source_address=(f"127.0.1.{1 + n // 25}", 0))
    if request:
        sock.sendall(request)
    return sock


def work(nats, first, count):
    """Submit and see the end; how long it took."""
    began = time.monotonic()
    ids = [f"t{first + i}" for i in range(count)]
    for task_id in ids:
        nats.request("task.submit", {"task_id": task_id, "title": "T"})
    coord.until("every task to end", lambda: all(
        nats.request("task.get", {"task_id": i})["task"]["state"] == "completed" for i in ids))
    return time.monotonic() - began


def open_files(serve):
    return len(os.listdir(f"/proc/{serve.process.pid}/fd"))


def test_work_goes_on_while_idle_connections_take_every_descriptor():
    with FewFiles() as serve:
        nats = serve.connect()
        agent = coord.Agent(serve.connect(), "ada", capacity=100)
        coord.until("readiness", lambda: readyz(serve) == 200)
        work(nats, 0, 20)
        idle = [connect(serve, n) for n in range(IDLE)]
        coord.until("no descriptor to be left", lambda: open_files(serve) == FILES)
        coord.until("it to say so", lambda: "http.full no descriptor is left" in serve.log())
        work(nats, 20, 20)
        assert open_files(serve) == FILES
        for sock in idle:
            sock.close()
        coord.until("readiness", lambda: readyz(serve) == 200)
        assert open_files(serve) < FILES
        work(nats, 40, 20)
        assert serve.log().count("http.full") == 1
        agent.stop()


def read_slowly(socks, ended):
    while not ended.wait(1):
        for sock in socks:
            try:
                sock.recv(1)
            except OSError:
                pass


def test_slow_readers_slow_no_assignment_down():
    with coord.start_serve() as serve:
        nats, ended = serve.connect(), threading.Event()
        agent = coord.Agent(serve.connect(), "ada", capacity=100)
        work(nats, 0, TASKS)
        alone = min(work(nats, n * TASKS, TASKS) for n in (1, 2, 3))
        socks = [connect(serve, n, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                 for n in range(SLOW)]
        reader = threading.Thread(target=read_slowly, args=(socks, ended), daemon=True)
        reader.start()
        coord.until("the readers to be served", lambda: open_files(serve) > SLOW)
        beside = min(work(nats, n * TASKS, TASKS) for n in (4, 5, 6))
        assert open_files(serve) > SLOW
        ended.set()
        reader.join(coord.PATIENCE_S)
        for sock in socks:
            sock.close()
        print(f"    {TASKS} tasks in {alone:.2f} s alone, {beside:.2f} s beside {SLOW} slow readers")
        assert beside < 2 * alone + 0.1, (alone, beside)
        agent.stop()


coord.main(globals())
