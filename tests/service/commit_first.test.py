"""Nothing is said that is not committed, with the real parts: the store is locked under the
coordinator, and the coordinator is ended in the middle of a commit."""
import os
import queue
import resource
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

BURST = 300
ROUNDS = 3


def held_by(nats, stream):
    """How many messages the stream still has; what is acknowledged is purged by and by."""
    return nats.ask(f"$JS.API.STREAM.INFO.{stream}").json()["state"]["messages"]


def consumer(nats, stream):
    return nats.ask(f"$JS.API.CONSUMER.INFO.{stream}.coordinator").json()


def locked(serve):
    db = sqlite3.connect(os.path.join(serve.dir, "graph.db"), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db


def state(nats, task_id):
    try:
        return nats.request("task.get", {"task_id": task_id})["task"]["state"]
    except coord.Error as error:
        assert error.code == 404, error
        return None


def assigned(nats, agent_id, task_id):
    """A task that the agent works at, as the store knows; with its assignment."""
    agent = coord.Agent(nats, agent_id, work=lambda assignment: None)
    nats.request("task.submit", {"task_id": task_id, "title": "T"})
    assignment = agent.assignments.get(timeout=coord.PATIENCE_S)
    coord.until("the work to begin", lambda: state(nats, task_id) == "working")
    return agent, assignment


def test_nothing_is_acknowledged_while_the_store_is_locked():
    with coord.start_serve() as serve:
        nats = serve.connect()
        agent, assignment = assigned(nats, "ada", "held")
        db = locked(serve)
        nats.store("vapora.task.submit.by-mail", {"title": "T"}, "by-mail")
        nats.store("vapora.task.result.ada",
                   {"task_id": "held", "epoch": assignment["epoch"], "outcome": "success"},
                   "held:1")
        receipts = nats.subscribe("_INBOX.receipt")
        nats.publish("vapora.api.task.submit", {"task_id": "by-request", "title": "T"},
                     "_INBOX.receipt")
        coord.until("the store to be stuck", lambda: "store.stuck" in serve.log())
        # What was acknowledged would be gone by now: purging takes a few seconds.
        try:
            receipts.get(timeout=8)
            raise AssertionError("a receipt for what is not stored")
        except queue.Empty:
            pass
        for stream in ("VAPORA_TASKS", "VAPORA_RESULTS"):
            info = consumer(nats, stream)
            assert info["ack_floor"]["stream_seq"] == 0, info
            assert held_by(nats, stream) == 1, stream
        agent.stop()
        serve.kill()
        db.close()
        serve.start()
        nats = serve.connect()
        coord.until("the message that was never acknowledged", lambda: state(nats, "by-mail"))
        coord.until("its result", lambda: state(nats, "held") == "completed")
        assert state(nats, "by-request") is None


def refuse_commits(serve):
    """Let no file grow past what the journal has: the next commit cannot be."""
    journal = os.path.getsize(os.path.join(serve.dir, "graph.db-wal"))
    assert os.path.getsize(serve.log_path) < journal
    _, hard = resource.prlimit(serve.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(serve.process.pid, resource.RLIMIT_FSIZE, (journal, hard))


def said_in_a_last_commit(serve, name):
    """Submissions that pile up, then a commit that cannot be: the receipts that came before it."""
    nats = serve.connect()
    nats.request("task.submit", {"task_id": f"before-{name}", "title": "T"})
    receipts = nats.subscribe("_INBOX.receipt")
    nats.flush()
    os.kill(serve.process.pid, signal.SIGSTOP)
    for i in range(BURST):
        nats.publish("vapora.api.task.submit", {"task_id": f"{name}-{i}", "title": "T"},
                     "_INBOX.receipt")
    nats.flush()
    refuse_commits(serve)
    os.kill(serve.process.pid, signal.SIGCONT)
    coord.until("a store that is stuck", lambda: "store.stuck" in serve.log())
    nats.flush()
    serve.kill()
    said = []
    while not receipts.empty():
        said.append(receipts.get().json())
    nats.close()
    return [receipt["task_id"] for receipt in said if "error" not in receipt]


def test_the_end_inside_a_commit_takes_back_nothing_that_was_said():
    with coord.NatsServer() as server, coord.start_serve("--nats-url", server.url) as serve:
        for number in range(ROUNDS):
            said = said_in_a_last_commit(serve, f"round{number}")
            serve.start()
            nats = serve.connect()
            lost = [task_id for task_id in said if state(nats, task_id) is None]
            assert not lost, f"{len(lost)} of {len(said)} receipts are lost"


coord.main(globals())
