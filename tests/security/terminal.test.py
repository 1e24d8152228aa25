"""No name, title or reason can act on a terminal: every command is run against a coordinator whose
agents and tasks hold C0, C1, escape sequences and bidirectional controls wherever text may stand, and no
such character may come out, neither on standard output nor on standard error nor in a log."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

CONTROLS = ("\x1b[31m\x1b]0;title\x07", "\x9b31m\x90q\x9c\x85", "\r\x08\x0b\x0c\n\tx", "\x7f\x01\x1f",
            "\u202e\u2066\u2069\u200e\u200f\u061c", "\u2028\u2029\ufeff")
EVIL = "evil" + "".join(CONTROLS) + "end"
SHORT = "e\x1b[1m\x9b\u202e"  # where 80 bytes are the limit
FORBIDDEN = ({chr(c) for c in range(0x20)} | {chr(c) for c in range(0x7f, 0xa0)} |
             set("\u061c\u200e\u200f\u2028\u2029\ufeff") |
             {chr(c) for c in range(0x202a, 0x202f)} | {chr(c) for c in range(0x2066, 0x206a)}) - {"\n"}


def check(what, data):
    text = data.decode("utf-8")  # what is not UTF-8 is an error too
    bad = sorted({f"{ord(c):04x}" for c in text} & {f"{ord(c):04x}" for c in FORBIDDEN})
    assert not bad, (what, bad, text)
    return text


class Outputs:
    def __init__(self, serve):
        self.serve, self.ran, self.seen = serve, 0, 0

    def run(self, *args, stdin=b"", dirs=True):
        where = ["--data-dir", self.serve.dir] if dirs else []
        done = subprocess.run([coord.BINARY, *args, *where], input=stdin, capture_output=True,
                              timeout=60, check=False)
        for stream in (done.stdout, done.stderr):
            text = check(args, stream)
            self.seen += "evil" in text or "\\x1b" in text or "\\u001b" in text
        self.ran += 1
        return done


def fill(nats):
    """Text with controls in every field that takes text."""
    agent = coord.Agent(nats, "ada", lambda a: {
        "outcome": "failure" if a["task_id"] == "bad" else "success", "output": {EVIL: EVIL},
        "usage": {"model": EVIL}, "error": {"class": "tool_error", "message": EVIL}},
        role=SHORT, version=SHORT, capabilities=[SHORT], labels={SHORT: EVIL})
    texts = {"title": EVIL, "description": EVIL, "labels": {SHORT: EVIL}, "input": {EVIL: [EVIL]},
             EVIL: EVIL, "task_type": "coding"}
    nats.request("task.submit", {"task_id": "good", "role": SHORT, "requires": [SHORT], **texts})
    nats.request("task.submit", {"task_id": "bad", "max_attempts": 1, **texts})
    nats.request("task.submit", {"task_id": "waits", "requires": ["no" + SHORT], **texts})
    nats.request("task.submit", {"task_id": "left", "role": "no" + SHORT, **texts})
    nats.request("task.cancel", {"task_id": "left", "reason": EVIL})
    shy = coord.Agent(nats, "shy", role="shy")
    shy.accept = False
    nats.subscribe("vapora.task.assign.rude", lambda m: nats.publish(
        m.reply, {"accepted": False, "reason": EVIL}))
    nats.request("agent.register.rude", {"role": "rude"})
    nats.request("task.submit", {"task_id": "declined", "role": "rude", **texts})
    for body in (EVIL.encode(), b'{"' + EVIL.encode() + b'":', b"\xff\x1b[31m\x80"):
        nats.publish("vapora.task.submit.broken", body)
        nats.publish("vapora.agent.heartbeat.ada", body)
        nats.publish("vapora.task.result.ada", body)
        nats.publish("vapora.api.task.submit", body)
    for task, state in (("good", "completed"), ("bad", "dead"), ("left", "canceled")):
        coord.until(f"{task} to be {state}", lambda t=task, s=state: nats.request(
            "task.get", {"task_id": t})["task"]["state"] == s)
    return agent


COMMANDS = [
    ["task", "list"], ["task", "list", "--text", EVIL], ["task", "list", "--state", EVIL],
    ["task", "list", "--cursor", EVIL], ["task", "get", EVIL], ["task", "explain", EVIL],
    ["task", "cancel", EVIL], ["task", "cancel", "waits", "--reason", EVIL], ["task", "retry", EVIL],
    ["task", "retry", "left"], ["task", "wait", "good", "bad", EVIL, "--timeout", "1s"],
    ["task", "submit", "--title", EVIL, "--description", EVIL, "--label", f"k={EVIL}"],
    ["task", "submit", "--title", "x", "--id", EVIL], ["task", "submit", "--title", "x", "--input", EVIL],
    ["task", "submit", "--title", "x", "--input", "@" + EVIL], ["task", "submit", "--jsonl", EVIL],
    ["task", "submit", "--title", "x", "--id", EVIL, "--durable"],
    ["task", "submit", "--title", EVIL, "--durable"],
    ["task", "submit", "--title", EVIL, "--role", SHORT, "--wait"],
    ["agent", "list"], ["agent", "get", "ada"], ["agent", "get", EVIL], ["agent", "drain", EVIL],
    ["agent", "run", "--id", EVIL, "--exec", "true"],
    ["agent", "run", "--id", "x", "--exec", "true", "--task-type", EVIL],
    ["score", "rank", "--task-type", "coding"], ["score", "rank", "--task-type", EVIL],
    ["score", "get", "--agent", "ada", "--task-type", "coding"],
    ["score", "get", "--agent", EVIL, "--task-type", EVIL],
    ["execution", "list"], ["execution", "list", "--agent", EVIL], ["stats"],
] + [["task", verb, task] for verb in ("get", "explain")
     for task in ("good", "bad", "waits", "left", "declined")]
OFFLINE = [
    [EVIL], ["task", EVIL], ["task", "list", "--" + EVIL], ["task", "list", EVIL], ["help", EVIL],
    ["infer", "--title", EVIL], ["infer", "--title", EVIL, "-o", "json"], ["infer", "--jsonl", EVIL],
    ["execution", "import", EVIL, "--db", EVIL], ["score", "rank", "--task-type", "x", "--db", EVIL],
    ["serve", "--recency", EVIL], ["serve", "--http", EVIL], ["serve", "--data-dir", "/dev/null/" + EVIL],
    ["serve", "--nats-url", EVIL], ["serve", "--log-level", EVIL], ["stats", "--url", EVIL],
    ["stats", "--url", "@" + EVIL], ["stats", "--data-dir", EVIL], ["stats", "--answer-within", EVIL],
    ["stats", "-o", EVIL], ["version", EVIL], ["nats", "auth", "--agent", EVIL],
    ["nats", "auth", "--agent", "a", "--dir", "/dev/null/" + EVIL],
    ["nats", "auth", "--dir", "x", "--server", EVIL],
]


def test_no_command_lets_a_control_character_out():
    with coord.start_serve("--log-level", "debug") as serve:
        out = Outputs(serve)
        agent = fill(serve.connect())
        for command in COMMANDS:
            out.run(*command)
            if "run" not in command:
                out.run(*command, "-o", "json")
        lines = "\n".join([json.dumps({"title": EVIL, "task_id": "j1"}, ensure_ascii=False),
                           json.dumps({"title": EVIL, "task_id": EVIL}, ensure_ascii=False),
                           EVIL, '{"' + EVIL]).encode()
        out.run("task", "submit", "--jsonl", "-", stdin=lines)
        out.run("task", "submit", "--jsonl", "-", "-o", "json", stdin=lines)
        out.run("infer", "--jsonl", "-", stdin=lines, dirs=False)
        with tempfile.TemporaryDirectory() as folder:
            out.run("execution", "import", "-", "--db", os.path.join(folder, "x.db"), stdin=lines,
                    dirs=False)
        for command in OFFLINE:
            out.run(*command, dirs=False)
        agent.stop()
        with open(serve.log_path, "rb") as file:
            check("the log", file.read())
        print(f"    {out.ran} commands, {out.seen} outputs with escaped controls")
        assert out.seen > 40, out.seen


def test_json_output_is_the_same_document():
    with coord.start_serve() as serve:
        serve.connect().request("task.submit", {"task_id": "t", "title": EVIL, "input": {"ä€": EVIL}})
        done = serve.run("task", "get", "t", "-o", "json")
        task = json.loads(done.stdout)["task"]
        assert task["title"] == EVIL and task["input"] == {"ä€": EVIL}, task
        assert "ä€" in done.stdout, "letters stay letters"


def test_an_agents_output_is_escaped_where_it_runs():
    with coord.start_serve() as serve:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "evil")
            with open(path, "w", encoding="utf-8") as file:
                file.write(EVIL)
            agent = subprocess.Popen(
                [coord.BINARY, "agent", "run", "--id", "ada", "--exec", f"tee /dev/stderr <{path}; exit 3",
                 "--max-tasks", "1", "--data-dir", serve.dir], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                done = serve.run("task", "submit", "--title", "T", "--max-attempts", "1", "--wait")
                said = agent.communicate(timeout=coord.PATIENCE_S)
            finally:
                agent.kill()
        for data in (*said, done.stdout.encode(), done.stderr.encode(), serve.log().encode()):
            check("an agent", data)
        assert "evil\\x1b" in done.stderr, done


if __name__ == "__main__":
    coord.main(globals())
