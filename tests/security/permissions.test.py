"""The users that `vapora-coord nats auth` writes can do what they need and nothing else: every user
tries every subject on a real nats-server, and the program works under these users."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import guarded
import pages

USERS = ("--agent", "ada", "--agent", "bob", "--submitter", "web", "--dashboard", "wall")
ALL = {"coordinator", "ada", "bob", "web", "wall"}
BOSS = {"coordinator"}
STREAMS = ("VAPORA_TASKS", "VAPORA_RESULTS", "VAPORA_EVENTS", "VAPORA_DEAD")
MAILBOXES = STREAMS[:2]
READ = ("task.get", "task.list", "task.explain", "agent.list", "agent.get", "score.rank",
        "score.get", "profile.get", "execution.list", "stats.get")
ASK = ("task.submit", "task.get", "task.list", "task.cancel", "task.retry", "task.explain")


def verbs():
    table = re.search(r"vc_api_verbs\[\] = \{(.*?)NULL", pages.read("coordinator/api.c"), re.S)
    return re.findall(r'"([a-z.]+)"', table.group(1))


def matrix():
    """(subject, who may publish there, who may subscribe to it)"""
    for agent in ("ada", "bob"):
        for subject in ("task.result", "task.progress", "agent.heartbeat", "api.agent.register"):
            yield f"vapora.{subject}.{agent}", BOSS | {agent}, BOSS
        for subject in ("task.assign", "agent.control"):
            yield f"vapora.{subject}.{agent}", BOSS, BOSS | {agent}
    for verb in verbs():
        may = BOSS | ({"web"} if verb in ASK else set()) | ({"wall"} if verb in READ else set())
        yield f"vapora.api.{verb}", may, BOSS
    yield "vapora.task.submit.t1", BOSS | {"web"}, BOSS
    yield "vapora.task.submit.t1.more", BOSS, BOSS
    for event in ("task.completed", "agent.online", "decision", "score"):
        yield f"vapora.event.{event}", BOSS, BOSS | {"wall"}
    for subject in ("vapora.dead.invalid", "vapora.api.task.submit.ada", "vapora.task.result.eve",
                    "vapora.task.result.ada.x", "vapora.api.agent.register.eve", "vapora.other"):
        yield subject, BOSS, BOSS
    for user in sorted(ALL - BOSS):
        yield f"_INBOX.{user}.x.1", BOSS, BOSS | {user}
    yield "_INBOX.stranger", BOSS, BOSS
    for stream in STREAMS:
        may = BOSS if stream in MAILBOXES else set()
        for verb in ("INFO", "CREATE", "MSG.GET"):
            yield f"$JS.API.STREAM.{verb}.{stream}", BOSS, set()
        yield f"$JS.API.STREAM.PURGE.{stream}", may, set()
        for verb in ("DELETE", "UPDATE", "MSG.DELETE", "SNAPSHOT"):
            yield f"$JS.API.STREAM.{verb}.{stream}", set(), set()
        for verb in ("INFO", "DURABLE.CREATE", "DELETE", "MSG.NEXT"):
            yield f"$JS.API.CONSUMER.{verb}.{stream}.coordinator", may, set()
            yield f"$JS.API.CONSUMER.{verb}.{stream}.other", set(), set()
        yield f"$JS.API.CONSUMER.CREATE.{stream}", set(), set()
        yield f"$JS.ACK.{stream}.coordinator.1.1.1.1.0", may, set()
        yield f"$JS.ACK.hub.hash.{stream}.coordinator.1.1.1.1.0.x", may, set()
        yield f"$JS.ACK.{stream}.other.1.1.1.1.0", set(), set()
    for subject in ("$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.CREATE.OTHER",
                    "$JS.EVENT.ADVISORY.API", "$SYS.REQ.SERVER.PING", "other.subject"):
        yield subject, set(), set()
    yield "$SRV.PING", set(), BOSS


WIDE = [  # wildcards, to subscribe only
    (">", set()), ("*", set()), ("*.>", set()), ("vapora.>", BOSS), ("vapora.*.>", BOSS),
    ("vapora.task.>", BOSS), ("vapora.task.assign.*", BOSS), ("vapora.agent.control.>", BOSS),
    ("vapora.task.result.*", BOSS), ("vapora.api.>", BOSS), ("vapora.event.>", BOSS | {"wall"}),
    ("vapora.dead.>", BOSS), ("_INBOX.>", BOSS), ("_INBOX.*", BOSS), ("_INBOX.*.>", BOSS),
    ("$JS.>", set()), ("$JS.ACK.>", set()), ("$SYS.>", set()), ("$SRV.>", BOSS),
] + [(f"_INBOX.{user}.>", BOSS | {user}) for user in sorted(ALL - BOSS)]


def allowed(nats, send):
    """Whether the server lets this pass; it answers what it denies before the PONG."""
    before = len(nats.errors)
    send()
    nats.flush()
    new = nats.errors[before:]
    assert all("Permissions Violation" in line for line in new) and len(new) < 2, new
    return not new


def test_every_user_tries_every_subject():
    tried = denied = 0
    with guarded.GuardedServer(*USERS) as server:
        for user in sorted(ALL):
            nats = server.connect(user)
            rows = [("publish", s, p) for s, p, _ in matrix()]
            rows += [("subscribe", s, w) for s, _, w in matrix()]
            rows += [("subscribe", s, w) for s, w in WIDE]
            for kind, subject, may in rows:
                passed = allowed(nats, lambda k=kind, s=subject: getattr(nats, k)(s))
                assert passed == (user in may), (user, kind, subject, "passed" if passed else "not")
                tried, denied = tried + 1, denied + (not passed)
            nats.close()
    print(f"    {tried} tried, {denied} denied")


def test_an_agent_answers_an_assignment_once_and_nobody_else():
    with guarded.GuardedServer(*USERS) as server:
        boss, ada, bob = (server.connect(user) for user in ("coordinator", "ada", "bob"))
        came = ada.subscribe("vapora.task.assign.ada")
        answers = boss.subscribe("_INBOX.boss.a.t1.1")
        ada.flush()
        boss.publish("vapora.task.assign.ada", {}, "_INBOX.boss.a.t1.1")
        reply = came.get(timeout=coord.PATIENCE_S).reply
        assert not allowed(bob, lambda: bob.publish(reply, b"bob"))
        assert allowed(ada, lambda: ada.publish(reply, b"one"))
        assert not allowed(ada, lambda: ada.publish(reply, b"two"))
        assert answers.get(timeout=coord.PATIENCE_S).data == b"one" and answers.empty()


def start_agent(server, name):
    return subprocess.Popen(
        [coord.BINARY, "agent", "run", "--id", name, "--exec", "jq -r .title", "--url",
         server.url_file(name)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)


def test_the_program_works_under_these_users():
    with guarded.GuardedServer(*USERS) as server, coord.start_serve(
            "--nats-url", server.url_file("coordinator")) as serve:
        agents = [start_agent(server, name) for name in ("ada", "bob")]
        try:
            web, wall = server.url_file("web"), server.url_file("wall")
            for n, more in enumerate((["--wait"], ["--wait", "--durable"], ["--wait", "--pin", "bob"])):
                done = coord.run("task", "submit", "--title", f"T{n}", "--id", f"t{n}", *more,
                                 "--url", web)
                assert done.returncode == 0, (done, serve.log())
            for command in (["task", "list"], ["task", "get", "t0"], ["task", "explain", "t0"],
                            ["agent", "list"], ["agent", "get", "ada"], ["stats"],
                            ["execution", "list"], ["score", "get", "--agent", "ada", "--task-type", "coding"],
                            ["score", "rank", "--task-type", "coding"]):
                done = coord.run(*command, "--url", wall)
                assert done.returncode == 0, (command, done)
            done = coord.run("doctor", "--url", server.url_file("coordinator"), "--data-dir", serve.dir,
                             "-o", "json")
            assert done.returncode == 0 and '"fail"' not in done.stdout, done
            for user, command in (("wall", ["task", "submit", "--title", "T"]),
                                  ("wall", ["task", "cancel", "t0"]),
                                  ("wall", ["agent", "drain", "ada"]),
                                  ("web", ["agent", "drain", "ada"]), ("web", ["stats"]),
                                  ("ada", ["task", "list"])):
                done = coord.run(*command, "--url", server.url_file(user), "--answer-within",
                                 "300ms")
                assert done.returncode == 5 and "denies this user" in done.stderr, (user, done)
        finally:
            for agent in agents:
                agent.terminate()
        for agent in agents:
            _, said = agent.communicate(timeout=coord.PATIENCE_S)
            assert agent.returncode == 0, said
        assert "denie" not in serve.log(), serve.log()
        with open(os.path.join(server.dir, "server.log"), encoding="utf-8") as file:
            violations = [line for line in file if "iolation" in line]
        assert len(violations) == 6, violations


def test_an_answer_goes_to_no_subject_of_the_coordinators_own():
    """The requester names where the answer goes, but the coordinator's permission carries it."""
    with guarded.GuardedServer(*USERS) as server, coord.start_serve(
            "--nats-url", server.url_file("coordinator")):
        web, ada = server.connect("web"), server.connect("ada")
        came = [ada.subscribe(f"vapora.{what}.ada") for what in ("task.assign", "agent.control")]
        ada.flush()
        for i, reply in enumerate(("vapora.task.assign.ada", "vapora.agent.control.ada",
                                   "vapora.task.submit.evil", "$JS.API.STREAM.PURGE.VAPORA_TASKS",
                                   "vapora.event.task.completed")):
            web.publish("vapora.api.task.submit", {"task_id": f"t{i}", "title": "T"}, reply)
            web.publish("vapora.api.task.submit", b"nonsense", reply)
        assert web.request("task.get", {"task_id": "t4"})["task"]["state"] == "queued"
        ada.flush()
        assert all(queue.empty() for queue in came), [queue.get() for queue in came]
        letters = [t["task_id"] for t in web.request("task.list")["tasks"]]
        assert sorted(letters) == [f"t{i}" for i in range(5)], letters


def test_an_agent_runs_nothing_that_is_no_assignment():
    """A receipt has a task_id, but no epoch."""
    with coord.NatsServer() as server:
        agent = subprocess.Popen(
            [coord.BINARY, "agent", "run", "--id", "ada", "--exec", "true", "--url", server.url],
            stderr=subprocess.PIPE, text=True)
        try:
            nats = server.connect()
            nats.subscribe("vapora.api.agent.register.ada", lambda m: nats.publish(
                m.reply, {"interval_ms": 100, "lease_ms": 300}))
            beats = nats.subscribe("vapora.agent.heartbeat.ada")
            beats.get(timeout=coord.PATIENCE_S)
            for body in ({"task_id": "t", "state": "queued"}, {"task_id": "t", "epoch": 0}, {}):
                nats.publish("vapora.task.assign.ada", body)
            for _ in range(3):
                assert beats.get(timeout=coord.PATIENCE_S).json()["running"] == []
        finally:
            agent.terminate()
        assert "task t" not in agent.communicate(timeout=coord.PATIENCE_S)[1]


def test_a_second_run_keeps_the_passwords_and_adds_users():
    with guarded.GuardedServer("--agent", "ada") as server:
        def read(name):
            with open(os.path.join(server.keys, name), encoding="utf-8") as file:
                return file.read()
        first = read("ada.url")
        again = coord.run("nats", "auth", "--agent", "ada", "--agent", "bob", "--dir", server.keys,
                          "--server", f"127.0.0.1:{server.port}")
        assert again.returncode == 0 and read("ada.url") == first, again
        for name in os.listdir(server.keys):
            assert os.stat(os.path.join(server.keys, name)).st_mode & 0o777 == 0o600, name
        passwords = re.findall(r'password: "([\w-]{32})"', read("auth.conf"))
        assert len(set(passwords)) == 3 and passwords[1] in first, passwords
        assert not any(word in again.stdout + again.stderr for word in passwords)


def test_without_passwords_the_server_does_not_start():
    done = coord.run("nats", "auth", "--agent", "ada-1")
    assert done.returncode == 0, done
    with guarded.GuardedServer() as server:
        path = os.path.join(server.dir, "bare.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(done.stdout)
        check = ["nats-server", "-t", "-c", path]
        bare = subprocess.run(check, capture_output=True, text=True, check=False)
        assert bare.returncode != 0 and "VAPORA_PASSWORD_coordinator" in bare.stderr, bare
        full = subprocess.run(check, capture_output=True, text=True, check=False, env={
            **os.environ, "VAPORA_PASSWORD_coordinator": "x1", "VAPORA_PASSWORD_ada_1": "x2"})
        assert full.returncode == 0, full


def test_names_that_cannot_be_users_are_refused():
    for args in (["--agent", "a.b"], ["--agent", "a b"], ["--agent", ">"], ["--agent", "*"],
                 ["--agent", 'x"'], ["--agent", ""], ["--agent", "coordinator"],
                 ["--agent", "x", "--submitter", "x"], ["--agent", "a-b", "--agent", "a_b"],
                 ["--agent", "x", "--server", "h:1"],
                 ["--agent", "x", "--dir", "/nowhere", "--server", "h\n:1"]):
        done = coord.run("nats", "auth", *args)
        assert done.returncode == 2 and not done.stdout, (args, done)


if __name__ == "__main__":
    coord.main(globals())
