"""The online commands against a coordinator played by the test: what they ask, what they print."""
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

AT = "2026-01-02T03:04:05.000Z"


class Fake:
    """Answers each verb with what `replies` holds for it: a body, or a function of the request."""

    def __init__(self, server):
        self.nats, self.replies, self.asked = server.connect(), {}, []
        self.nats.subscribe("vapora.api.>", self.on_request)
        self.nats.flush()

    def on_request(self, message):
        verb, body = message.subject.removeprefix("vapora.api."), message.json()
        self.asked.append((verb, body))
        reply = self.replies[verb]
        reply = reply(body) if callable(reply) else reply
        headers = None
        if "error" in reply:
            headers = {"Nats-Service-Error": reply["error"]["description"],
                       "Nats-Service-Error-Code": str(reply["error"]["code"])}
        self.nats.publish(message.reply, reply, headers=headers)


server = coord.NatsServer()
fake = Fake(server)


def run(*args, **kwargs):
    fake.asked.clear()
    return coord.run(*args, "--url", server.url, **kwargs)


def task(task_id="t1", **fields):
    return {"task_id": task_id, "title": "Fix it", "description": None, "state": "completed",
            "task_type": "coding", "type_method": "rule", "type_rule": "fix",
            "type_confidence": 0.9, "priority": 5, "agent_id": "alice", "epoch": 1, "attempt": 1,
            "max_attempts": 3, "decision_id": "d1", "submitted_at": AT, "updated_at": AT,
            "finished_at": AT, "deadline_at": None, "error": None, "waiting_for": None, **fields}


def execution(**fields):
    return {"task_id": "t1", "epoch": 1, "attempt": 1, "agent_id": "alice", "task_type": "coding",
            "outcome": "success", "error_class": None, "error_message": None, "counted": True,
            "winning": True, "started_at": AT, "finished_at": AT, "duration_ms": 1500,
            "cost_micros": None, "decision_id": "d1", "output": "done\nwell", **fields}


def candidate(agent_id, **fields):
    return {"agent_id": agent_id, "gate": None, "score": 0.81, "base": 0.45, "expertise": 0.95,
            "confidence": 1.0, "n": 200, "success_rate": 0.9, "recent_success_rate": None,
            "load": 1.0, "rank": 1, **fields}


def receipt(body):
    return {"task_id": body.get("task_id", "made"), "state": "queued", "task_type": "coding",
            "method": "rule", "confidence": 0.9}


def error(code, text):
    return {"error": {"code": code, "err_code": 1, "reason": "r", "description": text, "field": ""}}


def test_submit_sends_every_option():
    fake.replies["task.submit"] = receipt
    done = run("task", "submit", "--title", "T", "-d", "D", "-t", "coding", "--id", "t9", "-i",
               '{"a":[1]}', "-p", "7", "--requires", "c", "--requires", "gpu", "--role", "r",
               "--exclude", "x", "--pin", "y", "--deadline", "2026-11-24T18:00:00+02:00",
               "--timeout", "5m", "--max-attempts", "2", "-l", "k=v", "-l", "a=b=c", "--parent", "p",
               "--context", "q")
    assert done.returncode == 0 and done.stdout == "t9\n", done
    assert done.stderr == "queued, type coding (rule, confidence 0.90)\n", done
    assert fake.asked == [("task.submit", {
        "title": "T", "description": "D", "task_type": "coding", "task_id": "t9",
        "input": {"a": [1]}, "priority": 7, "requires": ["c", "gpu"], "role": "r",
        "exclude_agents": ["x"], "pin_agent_id": "y", "deadline_at": "2026-11-24T16:00:00.000Z",
        "timeout_ms": 300000, "max_attempts": 2, "labels": {"k": "v", "a": "b=c"},
        "parent_task_id": "p", "context_id": "q"})], fake.asked


def test_submit_leaves_out_what_was_not_said():
    fake.replies["task.submit"] = receipt
    assert run("task", "submit", "--title", "T").stdout == "made\n"
    assert fake.asked == [("task.submit", {"title": "T"})]


def test_input_comes_from_a_file_or_standard_input():
    fake.replies["task.submit"] = receipt
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('[1, "two"]')
        file.flush()
        assert run("task", "submit", "--title", "T", "--input", f"@{file.name}").returncode == 0
    assert fake.asked[0][1]["input"] == [1, "two"]
    assert run("task", "submit", "--title", "T", "--input", "-", stdin='"text"').returncode == 0
    assert fake.asked[0][1]["input"] == "text"


def test_a_relative_deadline_counts_from_now():
    fake.replies["task.submit"] = receipt
    assert run("task", "submit", "--title", "T", "--deadline", "2h").returncode == 0
    at = fake.asked[0][1]["deadline_at"]
    want = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + 7200))
    earlier = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + 7190))
    assert at[:13] in (want, earlier), at


def test_a_file_of_submissions_reports_the_bad_lines_and_goes_on():
    def answer(body):
        return receipt(body) if body.get("title") else error(400, "title is missing")
    fake.replies["task.submit"] = answer
    lines = ['{"task_id":"a","title":"A"}', "", "{oops", "[1]", '{"task_id":"b"}',
             '{"task_id":"again","title":"A"}', '{"title":"' + "x" * 70000 + '"}',
             '{"task_id":"c","title":"C"}']
    done = run("task", "submit", "--jsonl", "-", stdin="\n".join(lines))
    assert done.returncode == 1 and done.stdout.split() == ["a", "again", "c"], done
    assert "line 3: " in done.stderr and "line 4: not a JSON object" in done.stderr, done
    assert "line 5: title is missing" in done.stderr, done
    assert "line 7: longer than a submission may be" in done.stderr, done
    assert done.stderr.endswith("submitted 3, refused 4\n"), done
    done = run("task", "submit", "--jsonl", "-", "-o", "json", stdin=lines[0] + "\n" + lines[7])
    assert done.returncode == 0, done
    assert [json.loads(line)["task_id"] for line in done.stdout.splitlines()] == ["a", "c"]


def test_durable_goes_through_the_stream_with_the_id_as_message_id():
    stream = {"name": "TASKS", "subjects": ["vapora.task.submit.*"], "storage": "memory"}
    without = run("task", "submit", "--title", "T", "--durable")
    assert without.returncode == 5, without
    fake.nats.ask("$JS.API.STREAM.CREATE.TASKS", stream)
    one = run("task", "submit", "--title", "T", "--id", "d1", "--durable")
    two = run("task", "submit", "--title", "T", "--id", "d1", "--durable")
    made = run("task", "submit", "--title", "T", "--durable", "-o", "json")
    assert one.returncode == two.returncode == made.returncode == 0, (one, two, made)
    assert one.stdout == "d1\n" and json.loads(made.stdout)["durable"] is True
    info = fake.nats.ask("$JS.API.STREAM.INFO.TASKS", {}).json()
    assert info["state"]["messages"] == 2, "the same id twice is one message"
    got = fake.nats.ask("$JS.API.STREAM.MSG.GET.TASKS", {"seq": 2}).json()["message"]
    assert re.fullmatch(r"vapora\.task\.submit\.[0-9a-f-]{36}", got["subject"]), got
    bad = run("task", "submit", "--title", "T", "--id", "a.b", "--durable")
    assert bad.returncode == 2 and '"a.b" is no task id' in bad.stderr, bad


def test_error_replies_become_exit_codes():
    for code, exit_code in ((400, 2), (413, 2), (404, 3), (409, 4), (429, 1), (500, 1)):
        fake.replies["task.get"] = error(code, f"said {code}")
        done = run("task", "get", "t1")
        assert done.returncode == exit_code and not done.stdout, (code, done)
        assert done.stderr == f"vapora-coord task get: said {code}\n", done


def test_wait_is_zero_only_when_all_are_completed():
    states = {"t1": ["queued", "working", "completed"], "t2": ["assigned", "failed"]}

    def answer(body):
        left = states[body["task_id"]]
        state = left.pop(0) if len(left) > 1 else left[0]
        return {"task": task(body["task_id"], state=state, error="broke" if state == "failed"
                             else None), "executions": [], "decisions": []}
    fake.replies["task.get"] = answer
    done = run("task", "wait", "t1")
    assert done.returncode == 0 and "t1 completed by alice\n" in done.stderr, done
    done = run("task", "wait", "t1", "t2", "-o", "json")
    assert done.returncode == 1 and "t2 failed by alice: broke\n" in done.stderr, done
    assert [t["state"] for t in json.loads(done.stdout)["tasks"]] == ["completed", "failed"]


def test_wait_gives_up_in_time_and_says_what_the_task_waits_for():
    fake.replies["task.get"] = {"task": task(state="queued", waiting_for="no agent is registered",
                                             agent_id=None)}
    began = time.monotonic()
    done = run("task", "wait", "t1", "--timeout", "300ms")
    assert done.returncode == 1 and time.monotonic() - began < 5, done
    assert "1 of 1 not ended, still queued (no agent is registered)" in done.stderr, done
    fake.replies["task.get"] = error(404, "no task t7")
    assert run("task", "wait", "t7").returncode == 3


def test_get_shows_the_task_and_its_result():
    fake.replies["task.get"] = {
        "task": task(title="evil\x1b[2J\nname"),
        "executions": [execution()],
        "decisions": [{"attempt": 1, "sentence": "alice got it because she is best."}]}
    done = run("task", "get", "t1")
    assert done.returncode == 0 and "\x1b" not in done.stdout, done
    for text in ("title       evil\\x1b[2J\\x0aname", "coding (rule, confidence 0.90)",
                 "attempt 1: alice got it because", "1.5s", "\ndone\nwell\n"):
        assert text in done.stdout, (text, done.stdout)
    assert json.loads(run("task", "get", "t1", "-o", "json").stdout)["task"]["task_id"] == "t1"


def test_list_passes_its_filters_and_names_the_next_page():
    fake.replies["task.list"] = {"tasks": [task(), task("t2", title="ü" * 80, agent_id=None)],
                                 "next_cursor": "c2"}
    done = run("task", "list", "--state", "queued", "-t", "coding", "--agent", "a", "--text", "w",
               "-n", "2", "--cursor", "c1")
    assert fake.asked == [("task.list", {"limit": 2, "state": "queued", "task_type": "coding",
                                         "agent_id": "a", "text": "w", "cursor": "c1"})]
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["TASK", "STATE", "TYPE", "AGENT", "ATTEMPT", "SUBMITTED", "TITLE"]
    assert lines[2].endswith("ü" * 47 + "…") and "  -  " in lines[2], lines
    assert lines[0].index("TITLE") == lines[1].index("Fix it") == lines[2].index("ü"), lines
    assert done.stderr == "more: --cursor c2\n", done


DECISION = {
    "decision_id": "d1", "task_id": "t1", "attempt": 2, "epoch": 2, "at": AT,
    "task_type": {"value": "coding", "method": "rule", "confidence": 0.9, "rule": "fix"},
    "policy": "formula", "strict": False, "recency": "half-life", "base_kind": "success-load",
    "weights": {"load": 0.3, "expertise": 0.5, "confidence": 0.2},
    "candidates": [candidate("alice"),
                   candidate("bob", score=0.3, base=1.0, expertise=0.0, confidence=0.0, n=0,
                             success_rate=None, load=0.0, rank=2),
                   candidate("carol", gate="full", score=0.0, rank=None)],
    "funnel": {"registered": 3, "not_alive": 0, "full": 1, "eligible": 2},
    "chosen": "alice", "rule": "formula", "tie_break": "load", "propensity": 1, "elapsed_us": 41,
    "sentence": "s"}


def test_explain_shows_the_parts_and_their_sum():
    fake.replies["task.explain"] = {
        "task": task(attempt=2, state="working"), "decision": DECISION,
        "attempts": [execution(outcome="failure", error_class="agent_error", agent_id="dan",
                               error_message="exit 1")],
        "sentence": "alice got it because its score is the highest."}
    done = run("task", "explain", "t1")
    assert done.returncode == 0, done
    table = {row[0].split()[-1]: row for row in
             (re.split(r"  +", line.strip().lstrip("* ")) for line in done.stdout.splitlines())
             if row[0]}
    assert table["alice"][1:7] == ["1.000", "0.450", "0.1350", "0.4750", "0.2000", "0.8100"], table["alice"]
    assert table["bob"][1:7] == ["0.000", "1.000", "0.3000", "0.0000", "0.0000", "0.3000"], table["bob"]
    assert table["carol"][2:7] == ["-"] * 5 and table["carol"][-1] == "full"
    assert re.search(r"^\* +alice ", done.stdout, re.M), "the chosen one is marked"
    for text in ("0.3*BASE", "0.5*EXPERTISE", "0.2*CONFIDENCE", "3 registered",
                 "-1 out: full, every slot is taken", "2 eligible",
                 "alice got it because its score is the highest.",
                 "coding, found by rule \"fix\", confidence 0.90", "tie broken  load",
                 "formula: its score is the highest", "attempts so far", "dan", "exit 1"):
        assert text in done.stdout, (text, done.stdout)
    assert "not_alive" not in done.stdout, "a gate that stopped nobody is left out"


def test_explain_of_a_queued_task_says_what_it_waits_for():
    fake.replies["task.explain"] = {
        "task": task(state="queued", agent_id=None, waiting_for="nobody has capability gpu"),
        "decision": None, "attempts": [], "sentence": "It waits: nobody has capability gpu."}
    done = run("task", "explain", "t1")
    assert "waits for   nobody has capability gpu" in done.stdout, done
    assert "It waits: nobody" in done.stdout and "candidates" not in done.stdout, done


def test_cancel_retry_and_drain_ask_and_tell_the_state():
    fake.replies["task.cancel"] = fake.replies["task.retry"] = \
        lambda body: {"task_id": body["task_id"], "state": "canceled"}
    fake.replies["agent.drain"] = lambda body: {
        "agent_id": body["agent_id"], "state": "alive" if body.get("off") else "draining"}
    assert run("task", "cancel", "t1", "--reason", "why").stdout == "t1 canceled\n"
    assert fake.asked == [("task.cancel", {"task_id": "t1", "reason": "why"})]
    run("task", "cancel", "t1")
    assert fake.asked == [("task.cancel", {"task_id": "t1"})]
    assert run("task", "retry", "t1").stdout == "t1 canceled\n"
    assert run("agent", "drain", "a").stdout == "a draining\n"
    assert fake.asked == [("agent.drain", {"agent_id": "a"})]
    assert run("agent", "drain", "a", "--off").stdout == "a alive\n"
    assert fake.asked == [("agent.drain", {"agent_id": "a", "off": True})]


AGENT = {"agent_id": "alice", "role": None, "state": "alive", "in_flight": 1, "capacity": 4,
         "capabilities": ["gpu", "python"], "task_types": [], "version": "1", "registered_at": AT,
         "heartbeat_age_ms": 850, "executions": 12, "success_rate": 0.75,
         "running": [{"task_id": "t5", "epoch": 3}]}
CELL = {"task_type": "coding", "expertise": 0.5, "confidence": 0.25, "n": 5, "success_rate": 0.6,
        "recent_success_rate": None}


def test_agents_are_listed_and_shown():
    fake.replies["agent.list"] = {"agents": [AGENT]}
    fake.replies["agent.get"] = {"agent": AGENT, "types": [CELL]}
    line = re.split(r"  +", run("agent", "list").stdout.splitlines()[1].strip())
    assert line == ["alice", "alive", "-", "1/4", "850ms", "12", "0.750", "-", "gpu, python"], line
    done = run("agent", "get", "alice")
    for text in ("busy        1 of 4", "t5 (epoch 3)", "12 executions, success rate 0.750", "coding"):
        assert text in done.stdout, (text, done.stdout)
    assert re.search(r"coding +0\.500 +0\.250 +5 +0\.600 +-", done.stdout), done.stdout


def test_names_in_tables_and_lines_cannot_move_the_cursor():
    evil = {**AGENT, "agent_id": "a\x1b[31m", "role": "r\u202e\n", "capabilities": ["\x9b2J"]}
    fake.replies["agent.list"] = {"agents": [evil]}
    fake.replies["agent.get"] = {"agent": evil, "types": [{**CELL, "task_type": "t\x07"}]}
    for words in (["agent", "list"], ["agent", "get", "x"]):
        shown = run(*words).stdout
        assert not set("\x1b\u202e\x9b\x07") & set(shown) and "a\\x1b[31m" in shown, shown
    fake.replies["agent.list"] = error(400, "bad \x1b[2J name")
    assert "\x1b" not in run("agent", "list").stderr


def test_score_executions_and_stats():
    fake.replies["score.get"] = candidate("alice")
    done = run("score", "get", "--agent", "alice", "--task-type", "coding")
    assert fake.asked == [("score.get", {"agent_id": "alice", "task_type": "coding"})]
    assert "score       0.810" in done.stdout and "recent      -" in done.stdout, done.stdout
    fake.replies["execution.list"] = {"executions": [execution(counted=False)]}
    done = run("execution", "list", "--agent", "alice", "-n", "5")
    assert fake.asked == [("execution.list", {"limit": 5, "agent_id": "alice"})]
    assert re.search(r"t1 +1 +alice +coding +success +- +no +1\.5s", done.stdout), done.stdout
    fake.replies["stats.get"] = {
        "tasks": {"queued": 3, "completed": 120, "failed": 0}, "agents": {"alive": 2},
        "executions": {"recorded": 0, "late": 0}, "outbox": 0, "uptime_ms": 3723000,
        "version": "0.1.0"}
    done = run("stats")
    for text in ("version 0.1.0, up for 1h 2m", "3 queued, 120 completed\n", "executions  none"):
        assert text in done.stdout, (text, done.stdout)
    assert json.loads(run("stats", "-o", "json").stdout)["tasks"]["failed"] == 0


def on_terminal(*args, **env):
    """What the program writes when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **env}
    environment.pop("NO_COLOR" if "NO_COLOR" not in env else "", None)
    process = subprocess.Popen([coord.BINARY, *args, "--url", server.url], stdout=theirs,
                               stdin=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    out = b""
    try:
        while chunk := os.read(ours, 65536):
            out += chunk
    except OSError:
        pass  # how a terminal says that the other side is gone
    os.close(ours)
    assert process.wait(coord.PATIENCE_S) == 0
    return out.decode()


def test_colour_is_for_terminals_that_want_it():
    fake.replies["task.explain"] = {"task": task(), "decision": DECISION, "attempts": [],
                                    "sentence": "s"}
    coloured = on_terminal("task", "explain", "t1")
    assert re.search(r"\x1b\[1m\* +alice [^\n]*\x1b\[0m", coloured), coloured
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = on_terminal("task", "explain", "t1", **env)
        assert "\x1b" not in plain and "alice" in plain, plain
    assert "\x1b" in on_terminal("task", "explain", "t1", NO_COLOR="")


def test_json_has_no_characters_that_move_the_cursor():
    evil = "a\u009b2J\u202eb"
    fake.replies["task.get"] = {"task": task(title=evil), "executions": [], "decisions": []}
    shown = on_terminal("task", "get", "t1", "-o", "json")
    assert shown.isascii() and json.loads(shown)["task"]["title"] == evil, shown
    piped = run("task", "get", "t1", "-o", "json").stdout  # somebody's terminal is the end of it
    assert piped.isascii() and json.loads(piped)["task"]["title"] == evil, piped


def test_no_answer_and_no_coordinator_are_told_apart():
    with coord.NatsServer() as empty:
        done = coord.run("stats", "--url", empty.url)
        assert done.returncode == 5 and "the NATS server is there, the coordinator is not" \
            in done.stderr, done
        empty_nats = empty.connect()
        empty_nats.subscribe("vapora.api.>")
        empty_nats.flush()
        done = coord.run("stats", "--url", empty.url, "--answer-within", "100ms")
        assert done.returncode == 5 and "within 100 ms" in done.stderr, done
        empty_nats.close()


with server:
    coord.main(globals())
