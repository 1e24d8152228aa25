"""The demo learns, cannot be fooled by tools that all fail, and leaves nothing behind."""
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DEMO = HERE.parent.parent / "examples" / "demo"
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(DEMO))
import coord
import fleet
import inputs

TOOL_OF = {"json": "jq", "xml": "xmllint", "shell": "bash", "c": "gcc", "sql": "sqlite",
           "python": "python", "make": "make"}


TASKS = 175  # half a demo; with a few dozen, chance decides


def command(directory, *args, tasks=TASKS):
    return [sys.executable, str(DEMO / "run"), "--dir", str(directory), "--tasks", str(tasks),
            *args]


def run(directory, *args, **kwargs):
    return subprocess.run(command(directory, *args, **kwargs), capture_output=True, text=True,
                          timeout=240, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, "VAPORA_COORD": coord.BINARY})


def left_behind(directory):
    """Command lines of processes that still mention the directory."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(directory) in word for word in words):
            found.append(words)
    return found


def test_the_last_third_goes_better_than_the_first():
    with tempfile.TemporaryDirectory() as directory:
        done = run(directory)
        assert done.returncode == 0, done
        assert done.stderr == "", done.stderr
        assert "\033" not in done.stdout
        first, last = map(int, re.search(r"first third (\d+) %, last third (\d+) %",
                                         done.stdout).groups())
        assert first < last, (first, last)
        for shown in ("which type first, first third", "which type first, last third", "100 % │",
                      "candidates, best first", "kill -9", "score rank --db"):
            assert shown in done.stdout, (shown, done.stdout)
        for task_type in ("c", "devops", "json", "shell", "sql", "testing", "xml"):
            assert len(re.findall(rf"^  {task_type} .* %$", done.stdout, re.M)) == 2, task_type
            assert re.search(rf"^  {task_type} +best: .* every score as before$", done.stdout, re.M)
        assert not left_behind(directory)


def test_where_every_tool_fails_there_is_nothing_to_learn():
    with tempfile.TemporaryDirectory() as directory:
        hopeless = pathlib.Path(directory) / "agents.txt"
        hopeless.write_text("".join(f"{name} - false\n" for name in ("one", "two", "three")))
        done = run(pathlib.Path(directory) / "demo", "--agents", str(hopeless), tasks=30)
        assert done.returncode == 1, done
        assert "nothing was learnt" in done.stderr and "0 % of the last third" in done.stderr, done
        assert not left_behind(directory)


def test_an_interrupted_demo_ends_everything():
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(command(directory), stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                   env={**os.environ, "VAPORA_COORD": coord.BINARY})
        while "right at once" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130 and "stopped" in err, (process.returncode, err)
        coord.until("everything to end", lambda: not left_behind(directory))


def test_a_strange_directory_is_left_alone():
    with tempfile.TemporaryDirectory() as directory:
        kept = pathlib.Path(directory) / "kept"
        kept.write_text("mine")
        done = run(directory)
        assert done.returncode == 1 and "not empty" in done.stderr, done
        assert kept.read_text() == "mine"


def test_a_missing_tool_is_named_with_its_package():
    try:
        fleet.check_tools([["no", "no-such-package", "jq . | no-such-tool -x"]])
    except fleet.Trouble as trouble:
        assert "not installed: no-such-tool" in str(trouble), trouble
        assert "apt-get install no-such-package" in str(trouble), trouble
    else:
        raise AssertionError("nothing was missed")


def accepts(agent_command, text, directory):
    """Whether the tool takes the text; the task around it is what agents get from jq."""
    tool = agent_command.split("|")[-1]
    return subprocess.run(["sh", "-c", tool], input=text.encode(), capture_output=True,
                          cwd=directory, check=False).returncode == 0


def test_each_tool_takes_what_is_sound_and_refuses_every_bug():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    tools = {agent_id: line for agent_id, _, line in fleet.read_agents(DEMO / "agents.txt")}
    with tempfile.TemporaryDirectory() as directory:
        for kind, (_, _, recipes, breaks) in inputs.KINDS.items():
            for recipe in recipes:
                sound = recipe(rng, inputs.names(rng))
                assert accepts(tools[TOOL_OF[kind]], sound, directory), (seed, sound)
                for bug in breaks:
                    spoilt = inputs.spoil(sound, bug)
                    assert not spoilt or not accepts(tools[TOOL_OF[kind]], spoilt, directory), (
                        seed, bug, spoilt)
        assert not os.listdir(directory)


def test_no_tool_takes_the_documents_of_another_but_bash_some_makefiles():
    rng = random.Random(7)
    agents = fleet.read_agents(DEMO / "agents.txt")
    taken = set()
    with tempfile.TemporaryDirectory() as directory:
        for kind, (_, _, recipes, _) in inputs.KINDS.items():
            for recipe in recipes:
                text = recipe(rng, inputs.names(rng))
                taken |= {(agent_id, recipe.__name__) for agent_id, _, line in agents
                          if agent_id != TOOL_OF[kind] and accepts(line, text, directory)}
    assert taken == {("bash", "make_program")}, taken


def test_the_same_seed_gives_the_same_documents():
    docs = inputs.documents(280, 5)
    assert docs == inputs.documents(280, 5) and docs != inputs.documents(280, 6)
    assert {d["kind"] for d in docs} == set(TOOL_OF)
    assert 0.05 <= sum(bool(d["bug"]) for d in docs) / len(docs) <= 0.08
    assert len({d["text"] for d in docs}) > 270


if __name__ == "__main__":
    coord.main(globals())
