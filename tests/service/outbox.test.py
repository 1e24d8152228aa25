"""Every event reaches its stream, whatever the burst and whatever an outsider wrote."""
import base64
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord


def drains(nats):
    coord.until("the outbox to drain", lambda: nats.request("stats.get")["outbox"] == 0, patience_s=15)


def test_a_burst_of_submissions():
    with coord.start_serve() as serve:
        nats = serve.connect()
        for i in range(4000):
            nats.publish(f"vapora.task.submit.t{i}", {"title": "T" * 200}, headers={"Nats-Msg-Id": f"t{i}"})
        nats.flush()
        coord.until("all tasks", lambda: nats.request("stats.get")["tasks"]["queued"] == 4000)
        drains(nats)


def test_a_dead_letter_that_grows_when_it_is_quoted():
    with coord.start_serve() as serve:
        nats = serve.connect()
        nats.store("vapora.task.submit.bad", b'"' * 65000, "bad")
        coord.until("the letter", lambda: "message.invalid" in serve.log())
        drains(nats)


def test_an_error_message_that_grows_when_it_is_quoted():
    with coord.start_serve() as serve:
        nats = serve.connect()
        agent = coord.Agent(nats, "ada", lambda a: {"outcome": "failure", "error": {
            "message": "\n" * 30000 + "\x01", "retryable": False}})
        nats.request("task.submit", {"task_id": "t", "title": "T"})
        coord.until("the failure", lambda: nats.request("task.get", {"task_id": "t"})["task"]["state"] == "failed")
        drains(nats)
        agent.stop()


class Events:
    """What the stream of events holds, by event type and task."""

    def __init__(self, nats):
        self.nats = nats

    def ask(self, verb, body=b""):
        return self.nats.ask(f"$JS.API.STREAM.{verb}.VAPORA_EVENTS", body).json()

    def of_tasks(self):
        state = self.ask("INFO").get("state", {"first_seq": 1, "last_seq": 0})
        found = []
        for seq in range(state["first_seq"], state["last_seq"] + 1):
            message = self.ask("MSG.GET", {"seq": seq}).get("message")
            if message and message["subject"].startswith("vapora.event.task."):
                body = json.loads(base64.b64decode(message["data"]))
                found += [event["task_id"] for event in body["events"]]
        return found


def submit(nats, *task_ids):
    for task_id in task_ids:
        nats.request("task.submit", {"task_id": task_id, "title": "T"})
    drains(nats)


def log_of_loss(serve):
    return [line for line in serve.log().splitlines() if "events.lost streams=events " in line]


def test_a_stream_of_events_that_was_deleted():
    with coord.start_serve() as serve:
        nats = serve.connect()
        events = Events(nats)
        submit(nats, "t1", "t2")
        assert events.of_tasks() == ["t1", "t2"]
        events.ask("DELETE")
        submit(nats, "t3")
        coord.until("the events to be there again", lambda: events.of_tasks() == ["t1", "t2", "t3"])
        assert len(log_of_loss(serve)) == 1, serve.log()


class Forgetful(coord.NatsServer):
    """A server that can fall back to what it had on its disk at some moment."""

    def keep(self):
        self.stop()
        self.copy = tempfile.mkdtemp()
        shutil.copytree(self.dir, self.copy, dirs_exist_ok=True)
        self.start()

    def forget(self):
        shutil.rmtree(self.dir)
        shutil.move(self.copy, self.dir)


def forgetting(coordinator_is_away):
    with Forgetful() as server, coord.start_serve("--nats-url", server.url) as serve:
        submit(serve.connect(), "t1", "t2")
        server.keep()
        coord.until("the coordinator to be back", serve.answers)
        submit(serve.connect(), "t3", "t4")
        if coordinator_is_away:
            assert serve.stop() == 0
        server.stop()
        server.forget()
        server.start()
        if coordinator_is_away:
            serve.start()
        coord.until("the coordinator to be back", serve.answers)
        events = Events(serve.connect())
        coord.until("the lost events", lambda: sorted(events.of_tasks()) == ["t1", "t2", "t3", "t4"])
        drains(events.nats)
        assert len(log_of_loss(serve)) == 1, serve.log()
        submit(events.nats, "t5")
        assert events.of_tasks()[-1] == "t5"


def test_a_server_that_forgot_what_it_had_acknowledged():
    forgetting(coordinator_is_away=False)


def test_a_mailbox_that_forgot_and_grew_again_before_the_coordinator_looked():
    """Its new messages have the numbers of others, which were committed."""
    with Forgetful() as server, coord.start_serve("--nats-url", server.url) as serve:
        server.keep()
        coord.until("the coordinator to be back", serve.answers)
        mail(serve.connect(), "old", 10)
        queued(serve, 10)
        serve.process.send_signal(signal.SIGSTOP)
        server.stop()
        server.forget()
        server.start()
        mail(serve.connect(), "new", 12)
        serve.process.send_signal(signal.SIGCONT)
        queued(serve, 22)


def mail(nats, name, n):
    for i in range(n):
        nats.store(f"vapora.task.submit.{name}{i}", {"title": "T"}, f"{name}{i}")


def queued(serve, n):
    def look():
        try:
            return serve.connect().request("stats.get", timeout=2)["tasks"]["queued"] == n
        except (OSError, coord.Error):
            return False
    coord.until(f"{n} queued tasks", look)


def test_a_server_that_forgot_while_the_coordinator_was_away():
    forgetting(coordinator_is_away=True)


def waiting(serve):
    """What the outbox holds, as a dead coordinator left it."""
    with sqlite3.connect(f"file:{serve.dir}/graph.db?mode=ro", uri=True) as db:
        return [row[0] for row in db.execute(
            "SELECT seq FROM outbox WHERE seq > coalesce((SELECT value FROM meta "
            "WHERE key = 'relayed_seq'), 0) ORDER BY seq")]


def left_behind(serve, nats):
    """Kill the coordinator under a burst until its outbox holds what has not left."""
    for number in range(20):
        for i in range(500):
            nats.publish(f"vapora.task.submit.k{number}-{i}", {"title": "T"})
        nats.flush()
        coord.until("the burst to begin", lambda: nats.request("stats.get")["tasks"]["queued"])
        serve.kill()
        left = waiting(serve)
        if left:
            return left
        serve.start()
    raise AssertionError("the outbox was empty at every kill")


def stored(nats):
    """The outbox numbers of all messages that the stream of events holds."""
    last = nats.ask("$JS.API.STREAM.INFO.VAPORA_EVENTS").json()["state"]["last_seq"]
    numbers = set()
    for seq in range(1, last + 1):
        message = nats.ask("$JS.API.STREAM.MSG.GET.VAPORA_EVENTS", {"seq": seq}).json()["message"]
        headers = coord.parse_headers(base64.b64decode(message["hdrs"]))
        numbers.add(int(headers["Nats-Msg-Id"].rsplit(":", 1)[1]))
    return numbers


def assert_no_gap(numbers, waited):
    missing = [number for number in waited if number not in numbers]
    assert not missing, f"{len(missing)} of {len(waited)} events never left: {missing[:5]}"
    assert numbers == set(range(1, max(numbers) + 1)), "a gap in what was published"


def test_what_a_kill_left_in_the_outbox_leaves_after_it():
    with coord.NatsServer() as server, coord.start_serve("--nats-url", server.url) as serve:
        nats = coord.Nats(server.url)
        left = left_behind(serve, nats)
        serve.start()
        drains(nats)
        assert_no_gap(stored(nats), left)
        nats.close()


def test_what_was_on_its_way_to_a_server_that_died_is_sent_again():
    with coord.NatsServer() as server, coord.start_serve(
            "--nats-url", server.url, "--heartbeat", "300ms", "--lease", "1s") as serve:
        nats = coord.Nats(server.url)
        agent = coord.Agent(nats, "ada", work=lambda assignment: None)
        nats.request("task.submit", {"task_id": "t", "title": "T"})
        agent.assignments.get(timeout=coord.PATIENCE_S)
        drains(nats)
        # It takes what is sent to it and never reads it; the lease that runs out is an event.
        os.kill(server.process.pid, signal.SIGSTOP)
        coord.until("the agent to be lost", lambda: "task.lost" in serve.log())
        on_their_way = coord.until("its event", lambda: waiting(serve))
        server.process.kill()
        server.process.wait()
        agent.stop()
        server.start()
        nats = coord.Nats(server.url)
        coord.until("the coordinator to be back", lambda: answers(nats))
        drains(nats)
        assert_no_gap(stored(nats), on_their_way)
        nats.close()


def answers(nats):
    try:
        return nats.request("stats.get", timeout=2)
    except coord.Error:
        return None


coord.main(globals())
