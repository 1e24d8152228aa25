"""The frame of the commands: help at every level, refusals that name the nearest, exit codes."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

ONLINE = {"task submit": ["--title", "x"], "task list": [], "task get": ["t1"],
          "task explain": ["t1"], "task wait": ["t1"], "task cancel": ["t1"], "task retry": ["t1"],
          "agent list": [], "agent get": ["a1"], "agent drain": ["a1"], "agent remove": ["a1"],
          "score get": ["--agent", "a", "--task-type", "t"], "execution list": [], "stats": []}


def commands():
    lines = coord.run("help").stdout.split("commands:\n")[1].split("\n\n")[0].splitlines()
    return [re.split(r"  +", line.strip())[0] for line in lines]


def test_help_is_there_at_every_level():
    assert len(commands()) >= 20
    for words in ([], ["-h"], ["--help"], ["help"], ["task"], ["task", "-h"], ["help", "task"]):
        done = coord.run(*words)
        assert done.returncode == 0 and not done.stderr, (words, done)
        assert "usage: vapora-coord" in done.stdout and "task submit" in done.stdout, words
    for command in commands():
        done = coord.run(*command.split(), "-h")
        assert done.returncode == 0 and not done.stderr, (command, done)
        assert done.stdout.startswith(f"usage: vapora-coord {command} [OPTION...]"), command
        assert f"$ vapora-coord {command}" in done.stdout, f"{command} has no example"
        assert "-o, --output-format" in done.stdout, command
        assert coord.run("help", *command.split()).stdout == done.stdout, command


def test_help_fits_a_terminal():
    for command in commands():
        for line in coord.run(*command.split(), "-h").stdout.splitlines():
            assert len(line) <= 100, (command, line)


def test_help_asks_for_nothing_else():
    done = coord.run("score", "get", "--help")
    assert done.returncode == 0 and "--agent" in done.stdout


def test_what_is_unknown_is_refused_with_the_nearest_name():
    cases = [
        (["task", "sumbit"], 'no command "task sumbit"; did you mean "task submit"?'),
        (["tsak"], 'no command "tsak"; did you mean "task"?'),
        (["srve"], 'no command "srve"; did you mean "serve"?'),
        (["xyzzyplugh"], 'no command "xyzzyplugh"; "vapora-coord help" lists them'),
        (["help", "task", "gte"], 'no command "task gte"; did you mean "task get"?'),
        (["task", "submit", "--titel", "x"], "no option --titel; did you mean --title?"),
        (["task", "submit", "--titel=x"], "no option --titel; did you mean --title?"),
        (["stats", "--qqqqqqqqq"], "no option --qqqqqqqqq"),
        (["stats", "-q"], "no option -q"),
        (["\x1b[31mred"], 'no command "\\x1b[31mred"'),
    ]
    for words, text in cases:
        done = coord.run(*words)
        assert done.returncode == 2 and text in done.stderr and not done.stdout, (words, done)


def test_what_does_not_fit_the_command_is_refused():
    cases = [
        (["task", "get"], "it needs TASK_ID"),
        (["task", "get", "a", "b"], 'one TASK_ID, not also "b"'),
        (["stats", "x"], 'it takes no operand: "x"'),
        (["score", "get", "--agent", "a"], "it needs --task-type T"),
        (["task", "list", "--limit"], "--limit needs a value: --limit N"),
        (["task", "list", "--limit", "0"], "--limit takes a whole number from 1 to 1000"),
        (["task", "list", "--limit", "12x"], 'not "12x"'),
        (["task", "list", "--limit", ""], 'not ""'),
        (["task", "list", "--limit", " 5"], 'not " 5"'),
        (["task", "list", "--limit", "99999999999999999999"], "from 1 to 1000"),
        (["task", "list", "--state", "a", "--state", "b"], "--state is given twice"),
        (["stats", "-o", "yaml"], '-o takes table or json, not "yaml"'),
        (["stats", "--help=x"], "--help takes no value"),
        (["agent", "drain", "a", "--off=1"], "--off takes no value"),
        (["task", "wait", "t", "--timeout", "5"], "--timeout"),
        (["stats", "--answer-within", "soon"], "--answer-within"),
        (["task", "submit"], "it needs --title T, or --jsonl FILE"),
        (["task", "submit", "--title", "x", "--jsonl", "-"], "exclude each other"),
        (["task", "submit", "--title", "x", "--label", "=v"], "--label takes key=value"),
        (["task", "submit", "--title", "x", "--priority", "10"], "from 0 to 9"),
        (["task", "submit", "--title", "x", "--input", "{"], "--input is no JSON"),
        (["task", "submit", "--title", "x", "--deadline", "tomorrow"], "--deadline takes"),
        (["serve", "--http", "7480"], "--http takes ADDR:PORT"),
        (["serve", "--http", "::1:7480"], "--http takes ADDR:PORT"),
        (["serve", "--http", "127.0.0.1:99999"], "--http takes ADDR:PORT"),
        (["serve", "--recency", "linear"], "--recency takes half-life, e-fold or step"),
        (["serve", "--log-level", "loud"], "--log-level takes"),
        (["serve", "--nats-url", "nats://x", "--nats-port", "1"], "excludes --nats-url"),
        (["serve", "--heartbeat", "1ms"], "serve:"),
    ]
    for words, text in cases:
        done = coord.run(*words)
        assert done.returncode == 2 and text in done.stderr and not done.stdout, (words, done)


def test_options_may_stand_anywhere_and_two_dashes_end_them():
    one = coord.run("task", "get", "--url", "nats://127.0.0.1:1", "--", "-x")
    two = coord.run("task", "get", "-x", "--url=nats://127.0.0.1:1")
    assert one.returncode == 5, one
    assert two.returncode == 2 and "no option -x" in two.stderr, two


def test_without_a_coordinator_the_line_says_what_to_do():
    with tempfile.TemporaryDirectory() as empty:
        for command, words in ONLINE.items():
            done = coord.run(*command.split(), *words, cwd=empty)
            assert done.returncode == 5, (command, done)
            assert done.stderr.startswith(f"vapora-coord {command}: no coordinator to ask"), done
            assert "vapora-coord serve" in done.stderr, done
            done = coord.run(*command.split(), *words, "--url", "nats://me:hush@127.0.0.1:1")
            assert done.returncode == 5, (command, done)
            assert "no coordinator answers at nats://127.0.0.1:1" in done.stderr, done
            assert "hush" not in done.stderr, "the password is shown"
        done = coord.run("stats", "--data-dir", empty)
        assert done.returncode == 5 and f"{empty}/nats.url" in done.stderr, done


def test_the_url_is_looked_up_in_the_documented_order():
    with tempfile.TemporaryDirectory() as top:
        def data_dir(name, port):
            os.mkdir(f"{top}/{name}")
            with open(f"{top}/{name}/nats.url", "w", encoding="utf-8") as file:
                file.write(f"nats://127.0.0.1:{port}\n")
        data_dir("vapora-data", 5)
        data_dir("other", 2)
        env = {"VAPORA_COORD_URL": "nats://127.0.0.1:3", "NATS_URL": "nats://127.0.0.1:4"}
        words, steps = ["stats"], []
        steps.append((words + ["--url", "nats://127.0.0.1:1", "--data-dir", f"{top}/other"], env, 1))
        steps.append((words + ["--data-dir", f"{top}/other"], env, 2))
        steps.append((words, env, 3))
        steps.append((words, {"VAPORA_COORD_URL": "", "NATS_URL": env["NATS_URL"]}, 4))
        steps.append((words, {}, 5))
        for args, environment, port in steps:
            done = coord.run(*args, env=environment, cwd=top)
            assert f"nats://127.0.0.1:{port}:" in done.stderr, (args, port, done)


def test_lost_output_is_a_failure():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([coord.BINARY, "help"], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == 1 and "cannot write to standard output" in done.stderr, done


def test_the_version_is_told():
    done = coord.run("version")
    assert re.fullmatch(r"vapora-coord \d+\.\d+\.\d+\S*\n", done.stdout), done
    assert coord.run("--version").stdout == done.stdout
    assert '"protocol": "1.0"' in coord.run("version", "-o", "json").stdout


coord.main(globals())
