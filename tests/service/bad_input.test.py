"""Whatever comes in: one clear answer, the service lives, nothing accepted is lost."""
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

BODY_MAX = 65536


def refusal(nats, verb, body):
    """The error that the coordinator answers, as (code, reason, field)."""
    try:
        reply = nats.request(verb, body)
    except coord.Error as error:
        assert error.error["description"], error.error
        return error.code, error.error["reason"], error.error["field"]
    raise AssertionError(f"{verb} {body!r} was taken: {reply}")


def test_requests_that_cannot_be_get_an_error_reply_each_and_the_service_lives():
    table = [
        ("task.submit", b"", 400, "bad_json", None),
        ("task.submit", b"{", 400, "bad_json", None),
        ("task.submit", b"[]", 400, "schema_violation", None),
        ("task.submit", b'{"title":"a","title":"b"}', 400, "bad_json", None),
        ("task.submit", b'{"title":"\xff"}', 400, "bad_json", None),
        ("task.submit", b'{"title":1e999}', 400, "bad_json", None),
        ("task.submit", b'{"title":"x","input":' + b"[" * 40 + b"]" * 40 + b"}", 400, "bad_json",
         None),
        ("task.submit", {}, 400, "schema_violation", "title"),
        ("task.submit", {"title": "  "}, 400, "schema_violation", "title"),
        ("task.submit", {"title": 7}, 400, "schema_violation", "title"),
        ("task.submit", {"title": "x", "task_id": "a.b"}, 400, "bad_id", "task_id"),
        ("task.submit", {"title": "x", "task_id": "a b"}, 400, "bad_id", "task_id"),
        ("task.submit", {"title": "x", "task_id": "*"}, 400, "bad_id", "task_id"),
        ("task.submit", {"title": "x", "task_id": "a>"}, 400, "bad_id", "task_id"),
        ("task.submit", {"title": "x", "task_id": "x" * 65}, 400, "bad_id", "task_id"),
        ("task.submit", {"title": "x", "priority": 10}, 400, "schema_violation", "priority"),
        ("task.submit", {"title": "x", "priority": -1}, 400, "schema_violation", "priority"),
        ("task.submit", {"title": "x", "max_attempts": 0}, 400, "schema_violation",
         "max_attempts"),
        ("task.submit", {"title": "x", "deadline_at": "soon"}, 400, "schema_violation",
         "deadline_at"),
        ("task.submit", {"title": "x", "pin_agent_id": "a", "exclude_agents": ["b", "a"]}, 400,
         "schema_violation", "exclude_agents"),
        ("task.get", {"task_id": "none"}, 404, "task_not_found", None),
        ("task.get", {}, 400, "schema_violation", "task_id"),
        ("task.get", {"task_id": "a.b"}, 400, "bad_id", "task_id"),
        ("task.cancel", {"task_id": "none"}, 404, "task_not_found", None),
        ("task.cancel", {"task_id": "a b"}, 400, "bad_id", "task_id"),
        ("task.cancel", {}, 400, "schema_violation", "task_id"),
        ("task.cancel", {"task_id": "none", "reason": 7}, 400, "schema_violation", "reason"),
        ("agent.drain", {"agent_id": "none", "off": "yes"}, 400, "schema_violation", "off"),
        ("task.retry", {"task_id": "none"}, 404, "task_not_found", None),
        ("task.list", {"state": "lost"}, 400, "schema_violation", "state"),
        ("task.list", {"limit": 1001}, 400, "schema_violation", "limit"),
        ("task.list", {"cursor": "x"}, 400, "schema_violation", "cursor"),
        ("agent.get", {"agent_id": "none"}, 404, "agent_not_found", "agent_id"),
        ("agent.drain", {"agent_id": "none"}, 404, "agent_not_found", None),
        ("agent.register.a1", {"agent_id": "a2"}, 400, "bad_id", "agent_id"),
        ("agent.register.a1", {"capacity": 0}, 400, "schema_violation", "capacity"),
        ("agent.register.a1", {"capacity": 1025}, 400, "schema_violation", "capacity"),
        ("score.rank", {}, 400, "schema_violation", "task_type"),
        ("score.rank", {"task_type": "No Type"}, 400, "schema_violation", "task_type"),
        ("task.fly", {}, 404, "unknown_verb", None),
    ]
    with coord.start_serve() as serve:
        nats = serve.connect()
        for verb, body, code, reason, field in table:
            got = refusal(nats, verb, body)
            assert got[:2] == (code, reason), (verb, body, got)
            assert field is None or got[2] == field, (verb, body, got)
        assert nats.request("stats.get")["tasks"]["queued"] == 0
        assert serve.process.poll() is None
        assert nats.request("task.list", {"limit": None, "state": None}) == nats.request("task.list")
        nats.request("task.submit", {"task_id": "t", "title": "T", "role": None})
        nats.request("task.cancel", {"task_id": "t", "reason": None})


def padded(size):
    """A submission of exactly that many bytes."""
    body = json.dumps({"task_id": "big", "title": "x", "input": ""})
    return json.dumps({"task_id": "big", "title": "x", "input": "y" * (size - len(body))}).encode()


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_refused():
    with coord.start_serve() as serve:
        nats = serve.connect()
        assert refusal(nats, "task.submit", padded(BODY_MAX + 1))[:2] == (413, "too_large")
        assert nats.request("task.submit", padded(BODY_MAX))["task_id"] == "big"


def test_ids_at_the_limit_are_taken():
    with coord.start_serve() as serve:
        nats = serve.connect()
        long_id = "x" * 64
        assert nats.request("task.submit", {"task_id": long_id, "title": "x"})["task_id"] == long_id
        assert nats.request(f"agent.register.{long_id}", {})["agent_id"] == long_id


def test_a_bad_message_in_a_mailbox_becomes_a_dead_letter_and_the_next_one_is_served():
    with coord.start_serve() as serve:
        nats = serve.connect()
        dead = nats.subscribe("vapora.dead.invalid")
        nats.store("vapora.task.submit.bad", b'{"title":', "bad")
        letter = dead.get(timeout=coord.PATIENCE_S).json()["events"][0]
        assert letter["task_id"] == "bad" and letter["body"] == '{"title":', letter
        assert "bad_json" in letter["description"], letter
        nats.store("vapora.task.result.nobody", b'{"task_id":"t","epoch":1,"outcome":"fine"}', "r1")
        letter = dead.get(timeout=coord.PATIENCE_S).json()["events"][0]
        assert "outcome" in letter["description"], letter
        nats.store("vapora.task.submit.good", {"title": "x"}, "good")
        coord.until("the good one", lambda: nats.request("stats.get")["tasks"]["queued"] == 1)


def test_results_of_unknown_agents_and_wrong_epochs_are_kept_but_change_nothing():
    with coord.start_serve() as serve:
        nats = serve.connect()
        agent = coord.Agent(nats, "a1", lambda a: None)
        nats.request("task.submit", {"task_id": "t1", "title": "x"})
        agent.assignments.get(timeout=coord.PATIENCE_S)
        told = nats.subscribe("vapora.agent.control.*")
        for subject, body in [("a1", {"task_id": "t1", "epoch": 2, "outcome": "success"}),
                              ("ghost", {"task_id": "t1", "epoch": 1, "outcome": "success"}),
                              ("a1", {"task_id": "t9", "epoch": 1, "outcome": "success"})]:
            nats.store(f"vapora.task.result.{subject}", body, json.dumps([subject, body]))
            answer = told.get(timeout=coord.PATIENCE_S).json()
            assert answer["verb"] == "stale" and answer["agent_id"] == subject, answer
        stats = nats.request("stats.get")
        assert stats["executions"] == {"recorded": 0, "late": 3}, stats
        agent.send_result({"task_id": "t1", "epoch": 1}, {"outcome": "success"})
        coord.until("t1 to end", lambda: nats.request("stats.get")["tasks"]["completed"] == 1)


def test_a_heartbeat_of_an_unknown_agent_is_told_to_register():
    with coord.start_serve() as serve:
        nats = serve.connect()
        told = nats.subscribe("vapora.agent.control.stranger")
        nats.publish("vapora.agent.heartbeat.stranger", {"agent_id": "stranger"})
        assert told.get(timeout=coord.PATIENCE_S).json()["verb"] == "register"


def serve_once(*args, path=None):
    """Run serve where it must end by itself; its exit code and its last line."""
    env = dict(os.environ)
    if path is not None:
        env["PATH"] = path
    done = subprocess.run([coord.BINARY, "serve", *args], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60, env=env)
    return done.returncode, done.stderr.strip().splitlines()[-1]


def test_a_server_that_cannot_be_is_refused_before_its_name_is_published():
    with tempfile.TemporaryDirectory() as folder:
        done = coord.run("serve", "--data-dir", folder, "--http", "127.0.0.1:0", "--nats-url",
                         "nats://host:port")
        assert done.returncode == 2 and "the NATS URL is not" in done.stderr.splitlines()[-1], done
        assert not os.path.exists(os.path.join(folder, "nats.url"))


def test_a_second_serve_on_the_same_data_dir_names_the_holder():
    with coord.start_serve() as serve:
        code, line = serve_once("--data-dir", serve.dir, "--http", "127.0.0.1:0")
        assert code == 4 and str(serve.process.pid) in line and "graph.db" in line, (code, line)
        assert serve.answers()


def test_ports_in_use_are_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in (["--http", f"127.0.0.1:{port}"],
                       ["--http", "127.0.0.1:0", "--nats-port", str(port)]):
            with tempfile.TemporaryDirectory() as data_dir:
                code, line = serve_once("--data-dir", data_dir, *option)
                assert code == 4 and str(port) in line, (option, code, line)


def test_a_database_of_a_newer_version_is_refused_and_left_alone():
    with tempfile.TemporaryDirectory() as data_dir:
        with coord.start_serve(data_dir=data_dir):
            pass
        path = os.path.join(data_dir, "graph.db")
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 999")
        code, line = serve_once("--data-dir", data_dir, "--http", "127.0.0.1:0")
        assert code == 1 and "newer" in line and "999" in line, (code, line)
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (999,)


def test_without_nats_server_on_the_path_the_package_is_named():
    with tempfile.TemporaryDirectory() as data_dir:
        code, line = serve_once("--data-dir", data_dir, "--http", "127.0.0.1:0", path=data_dir)
        assert code != 0 and "package 'nats-server'" in line, (code, line)


def readyz(serve):
    try:
        with urllib.request.urlopen(serve.http + "/readyz?verbose", timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Waiting(coord.Serve):
    """A coordinator whose NATS is away or refuses: it must live and say so over HTTP."""

    def answers(self):
        assert self.process.poll() is None, self.log()
        return "http.started" in self.log()


def test_an_absent_nats_server_is_waited_for():
    port = coord.free_port()
    with Waiting("--nats-url", f"nats://127.0.0.1:{port}") as serve:
        status, text = readyz(serve)
        assert status == 503 and "[-]nats failed" in text and str(port) in text, text
        with urllib.request.urlopen(serve.http + "/livez") as reply:
            assert reply.status == 200
        store = tempfile.mkdtemp()
        server = subprocess.Popen(["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd",
                                   store], stderr=subprocess.DEVNULL)
        try:
            coord.until("readiness", lambda: readyz(serve)[0] == 200)
        finally:
            server.terminate()
            server.wait()
            shutil.rmtree(store)


def test_a_server_that_refuses_the_password_is_named_without_the_password():
    port = coord.free_port()
    store = tempfile.mkdtemp()
    server = subprocess.Popen(["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd",
                               store, "--user", "u", "--pass", "right"],
                              stderr=subprocess.DEVNULL)
    try:
        with Waiting("--nats-url", f"nats://u:wrong@127.0.0.1:{port}") as serve:
            text = coord.until("the refusal", lambda: "refuses the user" in readyz(serve)[1] and
                               readyz(serve)[1])
            assert str(port) in text and "wrong" not in text, text
            coord.until("the same in the log", lambda: "refuses the user" in serve.log())
            assert "wrong" not in serve.log(), serve.log()
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(store)


coord.main(globals())
