"""agent run: a command as an agent, against a real nats-server and a coordinator played here."""
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

INTERVAL_MS = 100


class Coordinator:
    """Answers registrations and keeps what agents send."""

    def __init__(self, server):
        self.nats = server.connect()
        self.registered, self.heartbeats = queue.Queue(), queue.Queue()
        self.results, self.refuse = queue.Queue(), None
        self.nats.subscribe("vapora.api.agent.register.*", self.on_register)
        self.nats.subscribe("vapora.agent.heartbeat.*", self.heartbeats)
        self.nats.subscribe("vapora.task.result.*", self.results)
        self.nats.flush()

    def make_stream(self):
        reply = self.nats.ask("$JS.API.STREAM.CREATE.VAPORA_RESULTS", {
            "name": "VAPORA_RESULTS", "subjects": ["vapora.task.result.*"], "storage": "file",
            "retention": "limits", "discard": "new", "max_msg_size": 65536,
            "duplicate_window": 600 * 10**9}).json()
        assert "error" not in reply, reply
        return self

    def stored(self):
        """Results in the stream, each once."""
        return self.nats.ask("$JS.API.STREAM.INFO.VAPORA_RESULTS").json()["state"]["messages"]

    def on_register(self, message):
        self.registered.put(message.json())
        if self.refuse:
            self.nats.publish(message.reply, {"error": {"description": self.refuse}}, headers={
                "Nats-Service-Error-Code": "400", "Nats-Service-Error": self.refuse})
            return
        self.nats.publish(message.reply, {"agent_id": "x", "interval_ms": INTERVAL_MS,
                                          "lease_ms": 3 * INTERVAL_MS, "protocol": "1.0"})

    def assign(self, task_id, epoch=1, agent_id="a1", **fields):
        body = {"task_id": task_id, "epoch": epoch, "attempt": 2, "task_type": "testing",
                "title": f"do {task_id}", **fields}
        return self.nats.ask(f"vapora.task.assign.{agent_id}", body).json()

    def control(self, verb, **fields):
        return self.nats.ask("vapora.agent.control.a1", {"verb": verb, **fields}).json()

    def result(self, patience_s=coord.PATIENCE_S):
        message = self.results.get(timeout=patience_s)
        body = message.json()
        assert message.headers["Nats-Msg-Id"] == f"{body['task_id']}:{body['epoch']}"
        return body

    def beat_with(self, *task_ids):
        """Wait for a heartbeat that lists exactly these tasks as running."""
        coord.until(f"a heartbeat with {task_ids}", lambda: [
            r["task_id"] for r in self.heartbeats.get(timeout=coord.PATIENCE_S).json()["running"]
        ] == list(task_ids))


class AgentRun:
    def __init__(self, server, command, *args):
        self.process = subprocess.Popen(
            [coord.BINARY, "agent", "run", "--id", "a1", "--exec", command, "--url", server.url,
             *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def says(self, text):
        coord.until(f"\"{text}\" from the agent, not {self.lines}",
                    lambda: any(text in line for line in list(self.lines)))

    def wait(self):
        code = self.process.wait(coord.PATIENCE_S)
        self.reader.join(coord.PATIENCE_S)
        return code

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()


@contextlib.contextmanager
def running(command, *args, stream=True):
    """A server, a coordinator and a registered agent."""
    with coord.NatsServer() as server:
        boss = Coordinator(server)
        if stream:
            boss.make_stream()
        agent = AgentRun(server, command, *args)
        try:
            boss.registered.get(timeout=coord.PATIENCE_S)
            yield server, boss, agent
            code = agent.stop()
            assert code == 0, (code, agent.lines)
        finally:
            if agent.process.poll() is None:
                agent.process.kill()
                agent.process.wait()
            agent.process.stdout.close()
            boss.nats.close()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pid_from(path):
    def read():
        with contextlib.suppress(OSError, ValueError):
            with open(path, encoding="utf-8") as file:
                return int(file.read())
    return coord.until(f"a pid in {path}", read)


def test_agent_run_registers_with_what_it_was_told():
    with coord.NatsServer() as server:
        boss = Coordinator(server).make_stream()
        agent = AgentRun(server, "true", "--capacity", "3", "--capability", "python",
                         "--capability", "c", "--role", "coder", "--task-type", "testing",
                         "--version", "1.2")
        card = boss.registered.get(timeout=coord.PATIENCE_S)
        assert card["agent_id"] == "a1" and card["capacity"] == 3 and card["role"] == "coder", card
        assert card["capabilities"] == ["python", "c"] and card["task_types"] == ["testing"], card
        assert card["version"] == "1.2" and card["instance_id"], card
        first = boss.heartbeats.get(timeout=coord.PATIENCE_S).json()
        assert first["agent_id"] == "a1" and first["running"] == [] and first["capacity"] == 3
        assert first["instance_id"] == card["instance_id"]
        assert agent.stop() == 0
        boss.nats.close()


def test_agent_run_gives_the_assignment_and_takes_the_result():
    command = ("read -r line; printf '{\"in\":%s,\"env\":\"%s %s %s %s\"}\n' \"$line\" "
               "\"$VAPORA_TASK_ID\" \"$VAPORA_TASK_TYPE\" \"$VAPORA_EPOCH\" \"$VAPORA_ATTEMPT\"")
    with running(command) as (_, boss, agent):
        assert boss.assign("t1", 7, input={"k": [1, "ü"]})["accepted"] is True
        result = boss.result()
        assert result["outcome"] == "success" and "error" not in result, result
        assert result["output"]["env"] == "t1 testing 7 2"
        assert result["output"]["in"]["input"] == {"k": [1, "ü"]}
        assert result["output"]["in"]["title"] == "do t1" and result["duration_ms"] >= 0
        agent.says("task t1 epoch 7 success ")
        coord.until("one stored result", lambda: boss.stored() == 1)


def test_agent_run_reports_output_as_json_or_text():
    cases = [("printf '  {\"a\": 1.5}\\n'", {"a": 1.5}), ("echo 42", 42), ("echo null", None),
             ("printf 'two\\nlines\\n\\n'", "two\nlines"), ("echo '{\"a\":1,\"a\":2}'",
                                                            '{"a":1,"a":2}'),
             ("printf 'a\\377b\\000c'", "a\ufffdb\ufffdc"), ("printf ' \\n'", " "),
             ("printf '%040d' 0 | tr 0 '['", "[" * 40),
             ("(printf '%032d' 0 | tr 0 '['; printf '%032d' 0 | tr 0 ']')", "[" * 32 + "]" * 32)]
    script = "case $VAPORA_TASK_ID in " + " ".join(
        f"t{i}) {command};;" for i, (command, _) in enumerate(cases)) + " esac"
    with running(script) as (_, boss, _):
        for i, (_, output) in enumerate(cases):
            boss.assign(f"t{i}")
            result = boss.result()
            assert result["outcome"] == "success" and result["output"] == output, (i, result)
            coord.until("a free slot", lambda: boss.control("ping")["running"] == [])
        boss.assign("silent")
        assert "output" not in boss.result()


def test_agent_run_cuts_output_that_is_too_long():
    script = ("case $VAPORA_TASK_ID in fits) n=1000;; *) n=1001;; esac; "
              "head -c $n /dev/zero | tr '\\0' x; "
              "[ $VAPORA_TASK_ID = flood ] && head -c 3000000 /dev/zero; true")
    with running(script, "--max-output", "1000", "--capacity", "3") as (_, boss, _):
        for task_id, cut in (("fits", False), ("cut", True), ("flood", True)):
            boss.assign(task_id)
            result = boss.result()
            assert result["output"] == "x" * 1000 and result.get("output_cut", False) is cut, result
    # Each of these bytes takes six in JSON; a message may have 64 KiB.
    with running("head -c 40000 /dev/zero | tr '\\0' '\\001'", "--max-output", "40000") as (
            _, boss, _):
        boss.assign("t1")
        result = boss.result()
        assert result["output_cut"] is True and set(result["output"]) == {"\x01"}
        coord.until("a result that the stream takes", lambda: boss.stored() == 1)


def test_agent_run_tells_failures_apart():
    cases = [("echo half; echo why >&2; exit 3", "failure", "agent_error", "why"),
             ("exit 3", "failure", "agent_error", "exit code 3"),
             ("exit 124", "timeout", "timeout", "exit code 124"),
             ("kill -9 $$", "failure", "tool_error", "killed by signal 9 (Killed)"),
             ("echo why >&2; sh -c 'kill -11 $$'; exit $?", "failure", "tool_error",
              "killed by signal 11 (Segmentation fault): why"),
             ("no-such-command-here", "failure", "agent_error", "not found"),
             ("printf '%03000d\\377' 7 >&2; exit 1", "failure", "agent_error", "0007\ufffd")]
    script = "case $VAPORA_TASK_ID in " + " ".join(
        f"t{i}) {case[0]};;" for i, case in enumerate(cases)) + " esac"
    with running(script, "--capacity", "9") as (_, boss, agent):
        for i, (_, outcome, error_class, message) in enumerate(cases):
            boss.assign(f"t{i}")
            result = boss.result()
            assert result["outcome"] == outcome, (i, result)
            error = result["error"]
            assert error["class"] == error_class and error["retryable"] is True, (i, result)
            assert message in error["message"] and len(error["message"]) <= 2100, (i, result)
            agent.says(f"task t{i} epoch 1 {outcome} ")
        assert result["error"]["message"].startswith("000")


def test_agent_run_kills_a_task_that_takes_too_long_with_all_it_started():
    with tempfile.TemporaryDirectory() as folder:
        script = (f"trap '' TERM; (trap '' TERM; sleep 300) & echo $! > {folder}/grandchild; "
                  f"echo $$ > {folder}/child; echo busy >&2; wait; sleep 300")
        with running(script, "--timeout", "300ms") as (_, boss, _):
            boss.assign("t1")
            pids = [pid_from(f"{folder}/{name}") for name in ("child", "grandchild")]
            boss.beat_with("t1")
            result = boss.result()
            assert result["outcome"] == "timeout" and result["error"]["class"] == "timeout", result
            assert "its time was up after" in result["error"]["message"], result
            assert result["error"]["message"].endswith("busy") and result["duration_ms"] >= 300
            coord.until("an end of the group", lambda: not any(map(is_alive, pids)))


def test_agent_run_obeys_the_shorter_timeout_of_a_task():
    with running("sleep 300") as (_, boss, _):
        boss.assign("t1", timeout_ms=50)
        assert boss.result()["outcome"] == "timeout"


def test_agent_run_leaves_nothing_of_a_task_behind():
    with tempfile.TemporaryDirectory() as folder:
        with running(f"sleep 300 & echo $! > {folder}/pid; echo done") as (_, boss, _):
            boss.assign("t1")
            assert boss.result()["output"] == "done"
            pid = pid_from(f"{folder}/pid")
            coord.until("the end of what it left", lambda: not is_alive(pid))


def test_agent_run_does_not_wait_for_one_that_left_the_group():
    with tempfile.TemporaryDirectory() as folder:
        script = f"setsid sh -c 'echo $$ > {folder}/pid; exec sleep 300' & " \
                 f"while [ ! -s {folder}/pid ]; do sleep 0.01; done; echo done"
        with running(script) as (_, boss, _):
            boss.assign("t1")
            assert boss.result()["output"] == "done"
            os.kill(pid_from(f"{folder}/pid"), signal.SIGKILL)


def test_agent_run_gives_its_command_a_clean_process():
    script = ("exec python3 -c 'import json, os, signal; print(json.dumps({"
              "\"fds\": sorted(fd for fd in map(int, os.listdir(\"/proc/self/fd\")) "
              "if os.path.exists(f\"/proc/self/fd/{fd}\")),"
              "\"mask\": [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],"
              "\"status\": [l.split()[1] for l in open(\"/proc/self/status\") "
              "if l.startswith(\"SigBlk\")],"
              "\"leader\": os.getpgid(0) == os.getpid(),"
              "\"stdin\": len(open(\"/dev/stdin\").read()) > 0}))'")
    with running(script) as (_, boss, _):
        boss.assign("t1")
        assert boss.result()["output"] == {"fds": [0, 1, 2], "mask": [], "leader": True,
                                           "status": ["0000000000000000"], "stdin": True}


def test_agent_run_cancels_and_reports_it():
    with running("sleep 300", "--capacity", "2") as (_, boss, _):
        boss.assign("t1")
        boss.beat_with("t1")
        assert boss.control("cancel", task_id="t1", epoch=2)["ok"] is False
        assert boss.control("cancel", task_id="t2", epoch=1)["ok"] is False
        assert boss.control("cancel", task_id="t1", epoch=1)["ok"] is True
        result = boss.result()
        assert result["outcome"] == "canceled" and result["error"]["class"] == "canceled", result
        boss.beat_with()


def test_agent_run_gives_up_an_epoch_for_a_newer_one():
    with running("[ $VAPORA_EPOCH = 2 ] || sleep 300", "--capacity", "2") as (_, boss, _):
        boss.assign("t1", 1)
        boss.assign("t1", 2)
        outcomes = {(r["epoch"], r["outcome"]) for r in (boss.result(), boss.result())}
        assert outcomes == {(1, "canceled"), (2, "success")}, outcomes


def test_agent_run_runs_an_assignment_once():
    with tempfile.TemporaryDirectory() as folder:
        script = f"echo x >> {folder}/runs; while [ ! -e {folder}/go ]; do sleep 0.01; done"
        with running(script, "--capacity", "4") as (_, boss, _):
            for _ in range(3):
                assert boss.assign("t1")["accepted"] is True
            with open(f"{folder}/go", "w", encoding="utf-8"):
                pass
            boss.result()
            assert boss.assign("t1")["accepted"] is True
            boss.assign("t2")
            assert boss.result()["task_id"] == "t2"
            with open(f"{folder}/runs", encoding="utf-8") as file:
                assert file.read() == "x\nx\n"


def test_agent_run_declines_what_it_cannot_take():
    with tempfile.TemporaryDirectory() as folder:
        script = f"while [ ! -e {folder}/$VAPORA_TASK_ID ]; do sleep 0.01; done"
        with running(script, "--capacity", "2") as (_, boss, _):
            assert boss.assign("t1")["accepted"] and boss.assign("t2")["accepted"]
            reply = boss.assign("t3")
            assert reply["accepted"] is False and reply["reason"] == "full", reply
            with open(f"{folder}/t1", "w", encoding="utf-8"):
                boss.result()
            assert boss.assign("t3")["accepted"] is True
            assert boss.control("drain")["ok"] is True
            with open(f"{folder}/t2", "w", encoding="utf-8"):
                boss.result()
            reply = boss.assign("t4")
            assert reply["accepted"] is False and reply["reason"] == "draining", reply
            assert boss.control("drain", off=True)["ok"] is True
            assert boss.assign("t4")["accepted"] is True
            for body in (b"{", b"[]", b'{"task_id":"a.b","epoch":1}', b'{"task_id":"t9"}',
                         b'{"task_id":"t9","epoch":-1}', b'{"task_id":"t9","epoch":4294967296}'):
                reply = boss.nats.ask("vapora.task.assign.a1", body).json()
                assert reply["accepted"] is False, (body, reply)
            assert boss.control("no such verb")["ok"] is False
            boss.nats.publish("vapora.agent.control.a1", b"\xff{")
            boss.nats.publish("vapora.agent.control.a1", {"verb": "recorded", "task_id": "t1"})
            assert boss.control("ping")["ok"] is True
            for task_id in ("t3", "t4"):
                with open(f"{folder}/{task_id}", "w", encoding="utf-8"):
                    boss.result()


def test_agent_run_beats_while_commands_run():
    with running("exec sleep 300", "--capacity", "2") as (_, boss, agent):
        boss.assign("t1")
        boss.beat_with("t1")
        began = time.monotonic()
        for _ in range(5):
            boss.heartbeats.get(timeout=coord.PATIENCE_S)
        assert time.monotonic() - began < 5 * INTERVAL_MS / 1000 * 10
        agent.process.send_signal(signal.SIGTERM)
        agent.process.send_signal(signal.SIGINT)
        assert boss.result()["outcome"] == "failure"
        assert agent.wait() == 0  # it is on its way out, and takes no third signal


def test_agent_run_ends_in_order_on_term():
    with tempfile.TemporaryDirectory() as folder:
        script = f"while [ ! -e {folder}/go ]; do sleep 0.01; done; echo done"
        with running(script, "--capacity", "2") as (_, boss, agent):
            boss.assign("t1")
            boss.beat_with("t1")
            agent.process.send_signal(signal.SIGTERM)
            coord.until("a refusal", lambda: boss.assign(f"t{time.monotonic_ns()}") == {
                "type": "io.vapora.coord.api.v1.assign_response", "accepted": False,
                "reason": "draining"})
            assert agent.process.poll() is None
            with open(f"{folder}/go", "w", encoding="utf-8"):
                pass
            assert boss.result()["output"] == "done"
            assert agent.wait() == 0


def test_agent_run_ends_at_once_on_a_second_signal():
    with running("exec sleep 300") as (_, boss, agent):
        boss.assign("t1")
        boss.beat_with("t1")
        agent.process.send_signal(signal.SIGTERM)
        coord.until("a refusal", lambda: not boss.assign("t2")["accepted"])
        agent.process.send_signal(signal.SIGTERM)
        result = boss.result()
        assert (result["outcome"], result["error"]["class"]) == ("failure", "lost"), result
        assert agent.wait() == 0


def test_agent_run_exits_after_so_many_tasks():
    for args, n in ((["--once"], 1), (["--max-tasks", "3"], 3)):
        with running("true", *args) as (_, boss, agent):
            for i in range(n):
                coord.until("an acceptance", lambda i=i: boss.assign(f"t{i}")["accepted"])
                boss.result()
            assert agent.wait() == 0
            assert boss.stored() == n


def test_agent_run_waits_for_the_stream_and_keeps_the_lease_meanwhile():
    with running("echo x", stream=False) as (_, boss, agent):
        boss.assign("t1")
        agent.says("task t1 epoch 1 success ")
        boss.beat_with("t1")
        boss.make_stream()
        coord.until("the result in the stream", lambda: boss.stored() == 1)
        boss.beat_with()


def test_agent_run_comes_back_after_the_server_does():
    with running("echo x") as (server, boss, agent):
        server.stop()
        server.start()
        boss.nats.close()
        boss = Coordinator(server)
        boss.registered.get(timeout=coord.PATIENCE_S)
        boss.assign("t1")
        assert boss.result()["output"] == "x"
        coord.until("the result in the stream", lambda: boss.stored() == 1)
        assert agent.stop() == 0
        boss.nats.close()


def test_agent_run_waits_for_an_absent_server():
    with coord.NatsServer() as server:
        server.stop()
        agent = AgentRun(server, "true")
        agent.says("retrying=true")
        server.start()
        boss = Coordinator(server).make_stream()
        boss.registered.get(timeout=coord.PATIENCE_S)
        assert agent.stop() == 0
        boss.nats.close()


def test_agent_run_ends_when_it_is_refused():
    with coord.NatsServer() as server:
        boss = Coordinator(server)
        boss.refuse = "no such role here"
        agent = AgentRun(server, "true")
        assert agent.wait() == 2, agent.lines
        assert agent.lines == ["vapora-coord agent run: no such role here"], agent.lines
        boss.nats.close()


def test_agent_run_says_what_it_cannot_deliver():
    with coord.NatsServer() as server:
        boss = Coordinator(server)
        agent = AgentRun(server, "true", "--once")
        boss.registered.get(timeout=coord.PATIENCE_S)
        boss.assign("t1")
        agent.says("task t1 epoch 1 success ")
        agent.process.send_signal(signal.SIGTERM)
        agent.process.send_signal(signal.SIGINT)
        assert agent.wait() == 1
        assert "1 results were not delivered" in agent.lines[-1], agent.lines
        boss.nats.close()


def test_agent_run_refuses_a_command_line_it_cannot_use():
    base = ["--id", "a1", "--exec", "true", "--url", "nats://127.0.0.1:1"]
    for args in (["--exec", "true"], ["--id", "a1"], ["--id", "a.b", "--exec", "true"],
                 [*base, "--capacity", "0"], [*base, "--capacity", "1025"],
                 [*base, "--timeout", "5"], [*base, "--timeout", "0ms"],
                 [*base, "--max-output", "50000"], [*base, "--max-tasks", "0"],
                 [*base, "--task-type", "A"]):
        assert coord.run("agent", "run", *args).returncode == 2, args


coord.main(globals())
