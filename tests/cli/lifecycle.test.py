"""A task's whole life, seen through the commands, against a real coordinator."""
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

serve = coord.start_serve("--heartbeat", "500ms", "--lease", "2s")


def ask(*args, code=0, **kwargs):
    """Run a command with -o json: its document, after checking the exit code."""
    done = serve.run(*args, "-o", "json", **kwargs)
    assert done.returncode == code, (args, done)
    return json.loads(done.stdout)


def agent(agent_id, work=None, **card):
    return coord.Agent(serve.connect(), agent_id, work, **card)


def test_a_task_is_done_and_explained():
    worker = agent("alice", lambda a: {"outcome": "success", "duration_ms": 7, "output": {"n": 42}})
    done = serve.run("task", "submit", "--title", "Add two numbers", "--task-type", "coding", "--id",
                     "life-1", "--input", "[40, 2]", "--wait")
    assert done.returncode == 0 and done.stdout == "life-1\n", done
    assert "life-1 completed by alice" in done.stderr, done
    assignment = worker.assignments.get(timeout=coord.PATIENCE_S)
    assert assignment["task_id"] == "life-1" and assignment["input"] == [40, 2], assignment
    got = ask("task", "get", "life-1")
    assert got["task"]["state"] == "completed" and got["task"]["agent_id"] == "alice", got
    assert [e["outcome"] for e in got["executions"]] == ["success"], got
    assert got["executions"][0]["output"] == {"n": 42}, got
    explained = ask("task", "explain", "life-1")
    best = explained["decision"]["candidates"][0]
    weights = explained["decision"]["weights"]
    parts = (weights["load"] * best["base"] + weights["expertise"] * best["expertise"] +
             weights["confidence"] * best["confidence"])
    assert explained["decision"]["chosen"] == "alice" and abs(parts - best["score"]) < 1e-9
    text = serve.run("task", "explain", "life-1").stdout
    assert "* " in text and "alice" in text and explained["sentence"].strip() in text, text
    assert any(t["task_id"] == "life-1" for t in ask("task", "list", "--state", "completed")["tasks"])
    assert ask("execution", "list", "--agent", "alice")["executions"][0]["task_id"] == "life-1"
    assert ask("score", "get", "--agent", "alice", "--task-type", "coding")["n"] == 1
    assert ask("agent", "get", "alice")["types"][0]["task_type"] == "coding"
    assert ask("stats")["tasks"]["completed"] >= 1
    worker.stop()


def test_the_same_submission_twice_is_one_task_and_another_body_a_conflict():
    words = ["task", "submit", "--title", "Same", "--id", "life-2", "--requires", "nobody-has-it"]
    assert ask(*words) == ask(*words)
    other = serve.run("task", "submit", "--title", "Other", "--id", "life-2")
    assert other.returncode == 4 and "life-2" in other.stderr, other
    waiting = ask("task", "explain", "life-2")
    assert waiting["task"]["state"] == "queued" and waiting["task"]["waiting_for"], waiting
    assert "waits for" in serve.run("task", "explain", "life-2").stdout
    assert serve.run("task", "wait", "life-2", "--timeout", "200ms").returncode == 1
    assert ask("task", "cancel", "life-2", "--reason", "test")["state"] == "canceled"
    assert serve.run("task", "wait", "life-2").returncode == 1


def test_a_failed_task_waits_with_1_and_can_be_retried():
    outcomes = queue.Queue()
    worker = agent("bob", lambda a: outcomes.get(), role="retrier")
    outcomes.put({"outcome": "failure", "duration_ms": 1,
                  "error": {"class": "agent_error", "message": "no luck", "retryable": False}})
    done = serve.run("task", "submit", "--title", "Try", "--id", "life-3", "--role", "retrier",
                     "--max-attempts", "1", "--wait")
    assert done.returncode == 1 and "life-3" in done.stderr, done
    assert "no luck" in serve.run("task", "get", "life-3").stdout
    outcomes.put({"outcome": "success", "duration_ms": 1})
    ask("task", "retry", "life-3")
    assert serve.run("task", "wait", "life-3", "--timeout", "20s").returncode == 0
    assert [e["outcome"] for e in ask("task", "get", "life-3")["executions"]].count("success") == 1
    worker.stop()


def test_what_is_not_there_is_told_with_3():
    for words in (["task", "get", "nope"], ["task", "explain", "nope"], ["task", "cancel", "nope"],
                  ["task", "retry", "nope"], ["task", "wait", "nope"], ["agent", "get", "nope"],
                  ["agent", "drain", "nope"]):
        done = serve.run(*words)
        assert done.returncode == 3 and "nope" in done.stderr and not done.stdout, (words, done)


def test_bad_submissions_are_refused_with_2():
    for words in (["--id", "a.b"], ["--id", "x" * 65], ["--task-type", "Not A Type"],
                  ["--title", ""], ["--requires", ""]):
        title = [] if "--title" in words else ["--title", "T"]
        done = serve.run("task", "submit", *title, *words)
        assert done.returncode == 2 and done.stderr.count("\n") <= 2, (words, done)


def test_a_draining_agent_gets_nothing_until_it_is_let_back():
    worker = agent("dora", role="drainer")
    assert ask("agent", "drain", "dora")["state"] == "draining"
    ask("task", "submit", "--title", "T", "--id", "life-4", "--role", "drainer")
    assert serve.run("task", "wait", "life-4", "--timeout", "300ms").returncode == 1
    assert any(a["agent_id"] == "dora" and a["state"] == "draining"
               for a in ask("agent", "list")["agents"])
    ask("agent", "drain", "dora", "--off")
    assert serve.run("task", "wait", "life-4", "--timeout", "20s").returncode == 0
    worker.stop()


def test_a_durable_submission_survives_the_coordinator_being_away():
    """The mailbox takes it while nobody coordinates; the next start finds it."""
    with coord.NatsServer() as nats, tempfile.TemporaryDirectory() as data_dir:
        first = coord.start_serve("--nats-url", nats.url, data_dir=data_dir)
        assert first.stop() == 0
        away = coord.run("task", "submit", "--title", "T", "--url", nats.url)
        assert away.returncode == 5 and "no coordinator answers" in away.stderr, away
        done = coord.run("task", "submit", "--title", "T", "--id", "dur", "--durable", "--url",
                         nats.url)
        assert done.returncode == 0 and done.stdout == "dur\n", done
        with coord.start_serve("--nats-url", nats.url, data_dir=data_dir):
            coord.until("the task to be known", lambda: coord.run(
                "task", "get", "dur", "--url", nats.url).returncode == 0)


def test_wait_outlasts_a_restart_of_the_coordinator():
    with coord.start_serve() as own:  # its NATS server comes back under another port
        assert own.run("task", "submit", "--title", "T", "--id", "long").returncode == 0
        result = queue.Queue()
        waiter = threading.Thread(target=lambda: result.put(
            own.run("task", "wait", "long", "--timeout", "60s")))
        waiter.start()
        try:
            result.get(timeout=1)
            raise AssertionError("it should still wait")
        except queue.Empty:
            pass
        own.restart()
        coord.Agent(own.connect(), "late")
        done = result.get(timeout=coord.PATIENCE_S)
        assert done.returncode == 0 and "long completed by late" in done.stderr, done


def test_a_removed_agent_is_off_the_list_and_comes_back_with_its_record():
    worker = agent("fleeting")
    assert serve.run("task", "submit", "--title", "T", "--pin", "fleeting", "--wait").returncode == 0
    worker.stop()
    done = serve.run("agent", "remove", "fleeting")
    assert done.returncode == 0 and done.stdout == "fleeting removed\n", done
    assert "fleeting" not in [a["agent_id"] for a in ask("agent", "list")["agents"]]
    assert serve.run("agent", "remove", "fleeting").returncode == 3
    back = agent("fleeting")
    assert ask("agent", "get", "fleeting")["agent"]["executions"] == 1
    back.stop()


def test_waiting_for_a_task_brings_its_output():
    worker = agent("speaker", lambda a: {"outcome": "success", "output": "42"})
    done = ask("task", "submit", "--title", "T", "--pin", "speaker", "--wait")
    assert done["task"]["output"] == "42", done
    worker.stop()


def test_an_agent_waits_for_a_coordinator_that_is_not_there_yet():
    with tempfile.TemporaryDirectory() as data_dir:
        with tempfile.TemporaryFile() as log:
            early = subprocess.Popen([coord.BINARY, "agent", "run", "--id", "early", "--exec", "cat",
                                      "--data-dir", data_dir], stderr=log)
            try:
                with coord.start_serve(data_dir=data_dir) as own:
                    coord.until("it to register", lambda: own.run("agent", "get", "early")
                                .returncode == 0)
            finally:
                early.terminate()
                early.wait()


def test_what_the_coordinator_ends_lasted_as_long_as_it_was_held():
    worker = agent("slow", lambda a: None)
    serve.run("task", "submit", "--title", "T", "--id", "held", "--pin", "slow")
    worker.assignments.get(timeout=coord.PATIENCE_S)
    time.sleep(0.3)
    assert serve.run("task", "cancel", "held").returncode == 0
    execution = ask("task", "get", "held")["executions"][0]
    assert execution["outcome"] == "canceled" and execution["duration_ms"] >= 300, execution
    worker.stop()


def test_a_second_coordinator_on_the_same_directory_is_refused():
    done = coord.run("serve", "--data-dir", serve.dir, "--http", "127.0.0.1:0")
    assert done.returncode == 4 and str(serve.process.pid) in done.stderr, done


def test_it_ends_in_order_and_remembers():
    with coord.start_serve() as own:
        assert own.run("task", "submit", "--title", "T", "--id", "kept").returncode == 0
        assert own.stop() == 0
        assert coord.run("stats", "--data-dir", own.dir).returncode == 5
        own.start()
        assert own.run("task", "get", "kept").returncode == 0


with serve:
    coord.main(globals())
