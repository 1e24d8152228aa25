"""Every event reaches its stream, whatever the burst and whatever an outsider wrote."""
import os
import sys

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


def test_a_stream_of_events_that_was_deleted():
    with coord.start_serve() as serve:
        nats = serve.connect()
        nats.ask("$JS.API.STREAM.DELETE.VAPORA_EVENTS")
        nats.request("task.submit", {"title": "T"})
        drains(nats)



coord.main(globals())
