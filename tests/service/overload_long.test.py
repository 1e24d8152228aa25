"""Ten times the load that the agents can take, for a minute: agents go on working at full speed, memory
stays as it is, what has no room is refused, and every accepted task ends. Plus a large fleet, and
agents that come and go.

VC_AGENTS sets the size of the fleet (100,000; 1,000,000 is the limit of the program). Memory is measured
on the optimised program when there is one, since the sanitizers hold back what was freed."""
import heapq
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

RELEASE = os.path.join(os.environ.get("VC_RELEASE_DIR", "build"), "bin", "vapora-coord")
if os.access(RELEASE, os.X_OK):
    coord.BINARY = os.path.abspath(RELEASE)
AGENTS, WORK_S, OVERLOAD, BURST_S = 8, 0.1, 10, 60
FLEET = int(os.environ.get("VC_AGENTS", "100000"))
ROOM = 5000  # open tasks
MAIL, PULL = 20000, 2048  # messages; and how many of them the service takes at once
SLOW_READERS = 40
ROUNDS = 16
CACHE = 16 << 20  # of SQLite; filled by and by, whatever agents do


def rss_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024


def counts(nats):
    tasks = nats.request("stats.get")["tasks"]
    return {"open": tasks["queued"] + tasks["assigned"] + tasks["working"], **tasks}


class Fleet:
    """Agents on one connection; each works for `work_s` on one task at a time."""

    def __init__(self, nats, n):
        self.nats, self.work_s, self.due = nats, WORK_S, []
        self.running, self.lock, self.ended = {}, threading.Condition(), False
        for i in range(n):
            nats.subscribe(f"vapora.task.assign.a{i}", self.on_assign)
            nats.request(f"agent.register.a{i}", {})
        self.names = [f"a{i}" for i in range(n)]
        for run in (self.work, self.beat):
            threading.Thread(target=run, daemon=True).start()

    def on_assign(self, message):
        task = message.json()
        self.nats.publish(message.reply, b'{"accepted":true}')
        with self.lock:
            self.running[task["task_id"]] = (task["agent_id"], task["epoch"])
            heapq.heappush(self.due, (time.monotonic() + self.work_s, task["task_id"],
                                      task["agent_id"], task["epoch"]))
            self.lock.notify()

    def work(self):
        while not self.ended:
            with self.lock:
                wait = self.due[0][0] - time.monotonic() if self.due else 0.1
                if wait > 0:
                    self.lock.wait(wait)
                    continue
                _, task_id, agent_id, epoch = heapq.heappop(self.due)
                self.running.pop(task_id, None)
            self.nats.publish(f"vapora.task.result.{agent_id}", {
                "task_id": task_id, "epoch": epoch, "outcome": "success", "duration_ms": 1},
                headers={"Nats-Msg-Id": f"{task_id}:{epoch}"})

    def beat(self):
        while not self.ended:
            with self.lock:
                held = dict(self.running)
            for name in self.names:
                running = [{"task_id": t, "epoch": e} for t, (a, e) in held.items() if a == name]
                self.nats.publish(f"vapora.agent.heartbeat.{name}", {"running": running})
            time.sleep(2)


def submit_for(nats, seconds, per_s, prefix, answers):
    """Offer tasks at that rate, by request; ids with a receipt go into `answers.accepted`."""
    began, sent = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while sent < now * per_s:
            nats.publish("vapora.api.task.submit", {"task_id": f"{prefix}{sent}", "title": "T",
                                                    "task_type": "coding"}, answers.inbox)
            sent += 1
        time.sleep(0.005)
    answers.sent += sent


class Answers:
    """What became of the tasks that were offered."""

    def __init__(self, nats):
        self.sent, self.refused, self.accepted = 0, 0, set()
        self.inbox = nats.inbox + ".bulk"
        nats.subscribe(self.inbox, self.take)

    def take(self, message):
        reply = message.json()
        if "task_id" in reply:
            self.accepted.add(reply["task_id"])
        else:
            assert reply["error"]["code"] == 429, reply
            self.refused += 1


def completed_per_s(nats, seconds):
    first, began = counts(nats)["completed"], time.monotonic()
    time.sleep(seconds)
    return (counts(nats)["completed"] - first) / (time.monotonic() - began)


def slow_readers(serve):
    """Connections that ask for much and read nothing, and some that never finish asking."""
    host, port = re.match(r"http://(.*):(\d+)", serve.http).groups()
    socks = []
    for i in range(SLOW_READERS):
        sock = socket.create_connection((host, int(port)), timeout=10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        try:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + (b"\r\n" if i % 2 else b"X: "))
        except OSError:
            pass  # closed at once: over the limit of one address
        socks.append(sock)
    return socks


def test_ten_times_the_load_for_a_minute():
    with coord.start_serve("--open-tasks", str(ROOM)) as serve:
        nats, watch = serve.connect(), serve.connect()
        fleet, answers = Fleet(serve.connect(), AGENTS), Answers(nats)
        submit_for(nats, 3, AGENTS / WORK_S * 5, "warm", answers)
        capacity = completed_per_s(watch, 5)
        socks = slow_readers(serve)
        before, began = counts(watch), time.monotonic()
        sender = threading.Thread(target=submit_for, args=(
            nats, BURST_S, capacity * OVERLOAD, "burst", answers))
        sender.start()
        slowest, full = 0, []  # memory while there is no room
        while sender.is_alive():
            asked = time.monotonic()
            now = counts(watch)
            slowest = max(slowest, time.monotonic() - asked)
            assert now["open"] <= ROOM, now
            if answers.refused:
                full.append(rss_of(serve.process.pid))
            time.sleep(1)
        goodput = (now["completed"] - before["completed"]) / (asked - began)
        for sock in socks:
            sock.close()
        coord.until("an answer to each", lambda:
                    len(answers.accepted) + answers.refused == answers.sent)
        print(f"    capacity {capacity:.0f}/s, offered {answers.sent}, accepted "
              f"{len(answers.accepted)}, goodput {goodput:.0f}/s ({goodput / capacity:.0%}), slowest "
              f"answer {slowest * 1000:.0f} ms, rss {full[0] >> 20} to {full[-1] >> 20} MiB in "
              f"{len(full)} s without room")
        assert goodput >= 0.9 * capacity, (goodput, capacity)
        assert len(full) > BURST_S / 2 and max(full) < full[0] + CACHE, full
        assert max(full[len(full) // 2:]) < full[len(full) // 2] * 1.05, full
        fleet.work_s = 0
        coord.until("every accepted task to end", lambda: counts(watch)["open"] == 0, 600, 0.5)
        assert counts(watch)["completed"] == len(answers.accepted)
        fleet.ended = True


def test_what_has_no_room_waits_in_the_mailbox():
    with coord.start_serve("--open-tasks", "2000") as serve:
        nats, watch = serve.connect(), serve.connect()
        for i in range(MAIL):
            nats.publish(f"vapora.task.submit.t{i}", {"title": "T", "task_type": "coding"})
        nats.flush()
        coord.until("the mailbox to be left alone", lambda: "tasks.paused" in serve.log())
        assert counts(watch)["open"] < 2000 + 2 * PULL, counts(watch)
        fleet = Fleet(serve.connect(), AGENTS)
        fleet.work_s = 0
        coord.until("every task to end", lambda: counts(watch)["completed"] == MAIL, 600, 0.5)
        fleet.ended = True


def register_many(nats, n, window=2000):
    done, gate = [0], threading.Semaphore(window)

    def registered(message):
        assert "interval_ms" in message.json(), message.data
        done[0] += 1
        gate.release()
    inbox = nats.inbox + ".many"
    nats.subscribe(inbox, registered)
    for i in range(n):
        gate.acquire()
        nats.publish(f"vapora.api.agent.register.m{i}", {"role": "many", "capabilities": ["c"]}, inbox)
    coord.until("all to be registered", lambda: done[0] == n, 600)


def test_a_large_fleet_is_registered_served_and_reloaded():
    with coord.start_serve("--heartbeat", "10m", "--lease", "30m") as serve:
        nats = serve.connect()
        empty, began = rss_of(serve.process.pid), time.monotonic()
        register_many(nats, FLEET - 1)  # and one that works
        took = time.monotonic() - began
        each = (rss_of(serve.process.pid) - empty) / FLEET
        assert sum(nats.request("stats.get")["agents"].values()) == FLEET - 1
        worker = coord.Agent(nats, "worker", role="worker", heartbeats=False)
        asked = time.monotonic()
        nats.request("task.submit", {"task_id": "t", "title": "T", "role": "worker"})
        coord.until("the task to be done", lambda: nats.request("task.get", {"task_id": "t"})[
            "task"]["state"] == "completed")
        served = time.monotonic() - asked
        serve.stop()
        began = time.monotonic()
        serve.start()
        reload_s = time.monotonic() - began
        nats = serve.connect()
        assert sum(nats.request("stats.get")["agents"].values()) == FLEET
        worker.stop()
        print(f"    {FLEET} agents: {FLEET / took:.0f} registrations/s, {each:.0f} bytes each, a task "
              f"through in {served * 1000:.0f} ms, ready {reload_s:.1f} s after a restart")


def test_flapping_agents_leave_nothing_behind():
    """Agents that register, take a task and vanish or are removed: nothing stays in flight."""
    with coord.start_serve("--heartbeat", "100ms", "--lease", "300ms") as serve:
        nats, rss = serve.connect(), []
        for n in range(ROUNDS):
            for i in range(100):
                name = f"flap{i}"
                nats.subscribe(f"vapora.task.assign.{name}", lambda m, n=i: nats.publish(
                    m.reply, {"accepted": n % 2 == 0}))
                nats.request(f"agent.register.{name}", {"role": "flap", "capacity": 3})
                nats.request("task.submit", {"task_id": f"t{n}-{i}", "title": "T", "role": "flap",
                                             "max_attempts": 1})
                if i % 3 == 0:
                    nats.request("agent.remove", {"agent_id": name})
                elif i % 3 == 1:
                    nats.request(f"agent.register.{name}", {"role": "flap", "capacity": 1})
            with nats.lock:
                for sid in list(nats.queues)[1:]:  # the first is the inbox
                    nats.sock.sendall(f"UNSUB {sid}\r\n".encode())
                    del nats.queues[sid]
            coord.until("no task to be held", lambda: not [
                1 for s in ("assigned", "working") if counts(nats)[s]])
            for task in nats.request("task.list", {"state": "queued", "limit": 1000})["tasks"]:
                nats.request("task.cancel", {"task_id": task["task_id"]})
            rss.append(rss_of(serve.process.pid))
        assert counts(nats)["open"] == 0, counts(nats)
        for agent in nats.request("agent.list")["agents"]:
            assert agent["in_flight"] == 0, agent
        print(f"    rss after each round: {[r >> 10 for r in rss]} KiB")
        assert rss[-1] < rss[0] + CACHE * 1.5 and rss[-1] - rss[-3] < 1 << 18, rss


if __name__ == "__main__":
    coord.main(globals())
