"""A purge names numbers, which a server may give out anew after a kill: it must not wait for one."""
import json
import os
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

PURGER = "vapora-coord-purge"


def connections(port):
    url = f"http://127.0.0.1:{port}/connz?subs=1"
    with urllib.request.urlopen(url, timeout=coord.PATIENCE_S) as answer:
        return json.load(answer)["connections"]


def sender(port, reply):
    """The name of the connection that waits for an answer under the subject @reply."""
    inbox = reply.rpartition(".")[0]
    names = [c["name"] for c in connections(port)
             if any(s.startswith(inbox) for s in c.get("subscriptions_list", []))]
    assert len(names) == 1, (reply, names)
    return names[0]


def purgers(port):
    return [c["cid"] for c in connections(port) if c.get("name") == PURGER]


def test_purges_travel_on_a_connection_that_ends_with_its_server():
    monitor = coord.free_port()
    with coord.NatsServer("-m", str(monitor)) as server, \
            coord.start_serve("--nats-url", server.url) as serve:
        nats = serve.connect()
        purges = nats.subscribe("$JS.API.STREAM.PURGE.>")
        agent = coord.Agent(serve.connect(), "ada", capacity=10)
        nats.store("vapora.task.submit.a", {"title": "T"}, "a")
        seen = {purge.subject: purge.reply for purge in (purges.get(timeout=coord.PATIENCE_S)
                                                         for _ in range(2))}
        assert sorted(seen) == ["$JS.API.STREAM.PURGE.VAPORA_RESULTS",
                                "$JS.API.STREAM.PURGE.VAPORA_TASKS"], seen
        assert {sender(monitor, reply) for reply in seen.values()} == {PURGER}
        agent.stop()
        server.stop()
        server.start()
        coord.until("the coordinator to be back", serve.answers)
        nats = serve.connect()
        purges = nats.subscribe("$JS.API.STREAM.PURGE.>")
        agent = coord.Agent(serve.connect(), "ada", capacity=10)
        nats.store("vapora.task.submit.b", {"title": "T"}, "b")
        assert sender(monitor, purges.get(timeout=coord.PATIENCE_S).reply) == PURGER
        assert len(purgers(monitor)) == 1
        agent.stop()


coord.main(globals())
