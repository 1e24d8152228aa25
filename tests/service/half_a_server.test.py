"""After a power cut a NATS server may have lost its streams, and kept what its consumers remembered."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord


def lose_streams(folder):
    """What was seen of nats-server 2.9.10: descriptions empty, messages gone, consumers' state kept."""
    lost = glob.glob(folder + "/jetstream/*/streams/*/meta.*")
    lost += glob.glob(folder + "/jetstream/*/streams/*/obs/*/meta.*")
    assert len(lost) == 2 * (4 + 2), lost
    for path in lost:
        open(path, "w", encoding="utf-8").close()
    for path in glob.glob(folder + "/jetstream/*/streams/*/msgs/*"):
        os.remove(path)
    assert len(glob.glob(folder + "/jetstream/*/streams/*/obs/*/o.dat")) == 2


def mail(serve, name, n):
    nats = serve.connect()
    for i in range(n):
        nats.store(f"vapora.task.submit.{name}{i}", {"title": "T"}, f"{name}{i}")


def completed(serve):
    try:
        return serve.connect().request("stats.get", timeout=2)["tasks"]["completed"]
    except (OSError, coord.Error):
        return -1


def test_a_consumer_that_remembers_a_stream_which_is_gone():
    with coord.NatsServer() as server, coord.start_serve("--nats-url", server.url) as serve:
        agent = coord.Agent(serve.connect(), "ada", capacity=10)
        mail(serve, "old", 20)
        coord.until("the old tasks to end", lambda: completed(serve) == 20)
        agent.stop()
        server.stop()
        lose_streams(server.dir)
        server.start()
        coord.until("the coordinator to be back", serve.answers)
        agent = coord.Agent(serve.connect(), "ada", capacity=10)
        mail(serve, "new", 5)
        coord.until("the new tasks to end", lambda: completed(serve) == 25)
        agent.stop()


coord.main(globals())
