"""SIGTERM: what has arrived is committed and told, and the end comes within 5 s whatever happens."""
import os
import signal
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import life

LIMIT_S = 5


def end(serve, signals=1):
    """End it; how long it took."""
    began = time.monotonic()
    for _ in range(signals):
        serve.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    assert serve.process.wait(coord.PATIENCE_S) == 0, serve.log()
    return time.monotonic() - began


def rows(serve, sql):
    with life.database(os.path.join(serve.dir, "graph.db")) as db:
        return db.execute(sql).fetchall()


def untold(serve):
    return rows(serve, "SELECT seq FROM outbox WHERE seq > (SELECT value FROM meta "
                       "WHERE key = 'relayed_seq')")


def test_what_has_arrived_is_committed_answered_and_told():
    with coord.NatsServer() as server, coord.start_serve("--nats-url", server.url) as serve:
        nats = server.connect()
        receipts = nats.subscribe(nats.inbox + ".bulk")
        nats.flush()
        for i in range(2000):
            nats.publish("vapora.api.task.submit", {"task_id": f"t{i}", "title": "T"},
                         nats.inbox + ".bulk")
        nats.flush()
        first = receipts.get(timeout=coord.PATIENCE_S)
        took = end(serve)
        assert "service.stopping drained=yes" in serve.log(), serve.log()
        assert took < LIMIT_S, took
        nats.flush()
        got = {message.json()["task_id"] for message in [first, *receipts.queue]}
        stored = {row[0] for row in rows(serve, "SELECT task_id FROM task")}
        assert got == stored and untold(serve) == []


def test_work_goes_on_while_the_coordinator_is_away_and_is_recorded_after_its_return():
    with coord.NatsServer() as server, coord.start_serve("--nats-url", server.url) as serve:
        agent = coord.Agent(server.connect(), "ada", work=lambda assignment: None)
        serve.connect().request("task.submit", {"task_id": "t", "title": "T"})
        held = agent.assignments.get(timeout=coord.PATIENCE_S)
        assert end(serve) < LIMIT_S
        agent.send_result(held, {"outcome": "success"})
        serve.start()
        nats = serve.connect()
        coord.until("the result to be recorded", lambda: nats.request(
            "task.get", {"task_id": "t"})["task"]["state"] == "completed")
        agent.stop()


def test_a_second_signal_does_not_wait():
    with coord.start_serve() as serve:
        other = sqlite3.connect(os.path.join(serve.dir, "graph.db"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        serve.connect().publish("vapora.api.task.submit", {"title": "T"}, "_INBOX.x")
        coord.until("the store to be refused", lambda: "store.stuck" in serve.log())
        end(serve, signals=2)
        assert "drained" not in serve.log()
        other.close()


def test_a_store_that_refuses_does_not_hold_it_up():
    with coord.start_serve() as serve:
        other = sqlite3.connect(os.path.join(serve.dir, "graph.db"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        serve.connect().publish("vapora.api.task.submit", {"title": "T"}, "_INBOX.x")
        coord.until("the store to be refused", lambda: "store.stuck" in serve.log())
        took = end(serve)
        assert "service.stopping drained=no" in serve.log() and took < LIMIT_S, took
        other.close()
        serve.start()
        assert rows(serve, "SELECT count(*) FROM task") == [(0,)]  # nobody had a receipt for it


def test_a_server_that_is_away_does_not_hold_it_up():
    with coord.NatsServer() as server, coord.start_serve("--nats-url", server.url) as serve:
        coord.until("the link", lambda: "nats.ready" in serve.log())
        server.stop()
        coord.until("the loss to be seen", lambda: "nats.away" in serve.log())
        assert end(serve) < LIMIT_S
        server.start()


coord.main(globals())
