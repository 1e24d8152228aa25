"""The example agents do real work for a real coordinator, and go on after it was killed."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import coord

AGENTS = HERE.parent.parent / "examples" / "agents"
TITLES = {"Fix the login": 3, "Say": 1, "One two three four five": 5}

serve = coord.start_serve("--heartbeat", "500ms", "--lease", "2s")


def submit(task_id, title, agent_id):
    done = serve.run("task", "submit", "--id", task_id, "--title", title, "--task-type", "counting",
                     "--pin", agent_id, "--wait")
    assert done.returncode == 0, done


def start_agent(agent_id, command):
    log = open(os.path.join(serve.dir, f"{agent_id}.log"), "a", encoding="utf-8")
    process = subprocess.Popen(command, cwd=AGENTS, stdin=subprocess.DEVNULL, stdout=log,
                               stderr=log)
    log.close()
    coord.until(f"{agent_id} to register",
                lambda: process.poll() is not None or is_alive(agent_id))
    return process


def check_agent(agent_id, command, reconnects=True):
    """Start the agent, give it work, kill the coordinator, give it more."""
    process = start_agent(agent_id, command)
    try:
        for i, title in enumerate(TITLES):
            submit(f"{agent_id}-{i}", title, agent_id)
        serve.kill()
        serve.start()
        if not reconnects:
            assert process.wait(coord.PATIENCE_S) == 1
            process = start_agent(agent_id, command)
        submit(f"{agent_id}-again", "Two words", agent_id)
        assert process.poll() is None
    except BaseException:
        sys.stderr.write((pathlib.Path(serve.dir) / f"{agent_id}.log").read_text())
        raise
    finally:
        process.terminate()
        process.wait(coord.PATIENCE_S)
    recorded = json.loads(serve.run("execution", "list", "--agent", agent_id, "-o", "json").stdout)
    words = {e["task_id"]: (e["outcome"], e["output"], e["counted"])
             for e in recorded["executions"]}
    assert words == {f"{agent_id}-again": ("success", {"words": 2}, True), **{
        f"{agent_id}-{i}": ("success", {"words": n}, True)
        for i, n in enumerate(TITLES.values())}}, words


def is_alive(agent_id):
    agents = json.loads(serve.run("agent", "list", "-o", "json").stdout)["agents"]
    return any(a["agent_id"] == agent_id and a["state"] == "alive" for a in agents)


def test_the_agent_in_javascript():
    if not (shutil.which("node") and shutil.which("npm")):
        print("skipped: node and npm are not installed")
        return
    if not (AGENTS / "node_modules").exists():
        got = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=AGENTS, timeout=120,
                             capture_output=True, text=True, check=False)
        assert got.returncode == 0, got.stderr
    check_agent("node-1", ["node", "agent.mjs", serve.url, "node-1"])


def test_the_agent_in_python():
    check_agent("python-1", [sys.executable, "agent.py", serve.url, "python-1"],
                reconnects=False)


def test_the_agent_in_shell():
    check_agent("shell-1", [coord.BINARY, "agent", "run", "--id", "shell-1", "--exec", "./agent.sh",
                            "--url", serve.url])


def test_the_javascript_agent_is_short():
    lines = (AGENTS / "agent.mjs").read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if not line.startswith(("import ", "//"))]
    assert len(code) <= 24, len(code)


def test_the_lock_file_names_no_host():
    lock = (AGENTS / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in lock and "://" not in lock


with serve:
    coord.main(globals())
