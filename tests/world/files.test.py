"""The coordinator runs out of file descriptors: it lives, works for NATS, and is well afterwards."""
import os
import re
import resource
import socket
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import life

LIMIT = 64
CONNECTIONS = 100


def idle_connections(serve):
    host, port = re.match(r"http://(.*):(\d+)", serve.http).groups()
    socks = []
    for _ in range(CONNECTIONS):
        sock = socket.socket()
        sock.settimeout(2)
        socks.append(sock)
        try:
            sock.connect((host, int(port)))
        except OSError:
            pass  # its backlog is full, too
    return socks


def work_through(nats, name):
    for i in range(20):
        nats.request("task.submit", {"task_id": f"{name}{i}", "title": "T"})
    coord.until("all to end", lambda: all(nats.request(
        "task.get", {"task_id": f"{name}{i}"})["task"]["state"] == "completed" for i in range(20)))


def test_no_descriptor_is_left():
    with coord.start_serve() as serve:
        agent = coord.Agent(serve.connect(), "ada", capacity=4)
        nats = serve.connect()
        resource.prlimit(serve.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        socks = idle_connections(serve)
        work_through(nats, "poor")
        assert len(os.listdir(f"/proc/{serve.process.pid}/fd")) <= LIMIT
        for sock in socks:
            sock.close()
        work_through(nats, "well")

        def well():
            try:
                with urllib.request.urlopen(serve.http + "/readyz", timeout=5) as reply:
                    return reply.status == 200
            except OSError:
                return False
        coord.until("its probes to answer again", well)
        agent.stop()
        life.audit(os.path.join(serve.dir, "graph.db"))


coord.main(globals())
