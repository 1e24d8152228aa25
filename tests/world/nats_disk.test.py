"""The NATS server's disk is full: the coordinator takes tasks, keeps the events, and says what to do.

Whether nats-server 2.9.10 goes on by itself when there is room again depends on the write that failed;
after some it hangs altogether, and only a kill ends it.
Needs root and a loop device."""
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import disk
import life

HINT = "restart nats-server"
MEANWHILE = 40


class OnSmallDisk(coord.NatsServer):
    """Its streams may promise more room than the disk has, as on a disk that others fill."""

    def __init__(self):
        self.disk = disk.Disk("64M")
        super().__init__()

    def start(self):
        path = os.path.join(self.dir, "server.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'port: {self.port}\nhost: "127.0.0.1"\n'
                       f'jetstream {{ store_dir: "{self.disk.data}", max_file_store: 16GB }}\n')
        self.process = subprocess.Popen(["nats-server", "-c", path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        coord.until("nats-server to listen", self.listens)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(coord.PATIENCE_S)

    def hangs(self):
        try:
            self.connect().ask("$JS.API.INFO", timeout=5)
            return False
        except (OSError, coord.Error):
            return True

    def __exit__(self, *exception):
        self.stop()
        self.disk.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def readyz(serve):
    try:
        with urllib.request.urlopen(serve.http + "/readyz?verbose", timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def submit(nats, names, server=None):
    """Those that have a receipt; all, unless @server hangs."""
    accepted = set()
    for name in names:
        try:
            nats.request("task.submit", {"task_id": name, "title": "T", "input": {"x": "y" * 2000}},
                         timeout=10 if server else coord.PATIENCE_S)
        except coord.Error:
            if server and server.hangs():
                return accepted
            raise
        accepted.add(name)
    return accepted


def sees_what_to_do(serve, nats):
    told = coord.until("/readyz to say what to do", lambda: next(
        (seen for seen in [readyz(serve)] if HINT in seen[1]), None))
    assert told[0] == 503 and "[-]streams failed: " in told[1] and "disk" in told[1], told
    coord.until("the log to say it", lambda: HINT in serve.log())
    assert nats.request("stats.get")["outbox"] >= MEANWHILE, "events wait in the outbox"


def test_a_full_disk_of_the_server_holds_events_up_and_says_what_to_do():
    with OnSmallDisk() as server, coord.start_serve("--nats-url", server.url) as serve:
        coord.until("readiness", lambda: readyz(serve)[0] == 200)
        worker, nats = life.Worker(serve, "ada", 1), serve.connect()
        accepted = submit(nats, [f"before{i}" for i in range(10)])
        coord.until("work to end", lambda: life.all_ended(serve, accepted))
        server.disk.fill(0)
        accepted |= submit(nats, [f"full{i}" for i in range(MEANWHILE)], server)
        if server.hangs():
            coord.until("/readyz to say so", lambda: readyz(serve)[0] == 503)
        else:
            sees_what_to_do(serve, nats)
        assert urllib.request.urlopen(serve.http + "/livez", timeout=10).status == 200
        server.disk.free()
        accepted |= submit(nats, [f"room{i}" for i in range(10)], server)
        server.stop()
        server.start()
        coord.until("readiness", lambda: readyz(serve)[0] == 200)
        coord.until("every accepted task to end", lambda: life.all_ended(serve, accepted), 60)
        nats = serve.connect()
        coord.until("every event to be told", lambda: nats.request("stats.get")["outbox"] == 0, 60)
        stored = nats.ask("$JS.API.STREAM.INFO.VAPORA_EVENTS").json()["state"]["messages"]
        assert stored >= 3 * len(accepted), f"{stored}: submitted, assigned and ended, of each"
        worker.stop()
        life.audit(os.path.join(serve.dir, "graph.db"))


missing = disk.why_not()
if missing:
    print(f"SKIPPED: {missing}")
else:
    coord.main(globals())
