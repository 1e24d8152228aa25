"""The processes of the demo: a coordinator, its agents, and the commands that talk to it."""
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

START_S = 20  # for a start that takes well under a second
END_S = 15    # an agent may finish what it works on for 10 s
CAPACITY = 4


class Trouble(Exception):
    """Why the demo cannot go on, in one line for people."""


def read_agents(path):
    """[(id, package, command)] of an agents file."""
    rows = []
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Trouble(f"cannot read the agents: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        rows.append(line.split(None, 2))
        if len(rows[-1]) != 3:
            raise Trouble(f"{path}:{number}: an agent is an id, a package and a command: {line}")
    return rows


def check_tools(agents):
    """Trouble that names every tool that is not there, and the packages that hold them."""
    wanted = {"jq": "jq", "nats-server": "nats-server"}
    for _, package, command in agents:
        wanted[command.split("|")[-1].split()[0]] = package
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    missing = {tool: package for tool, package in wanted.items()
               if not shutil.which(tool, path=path)}
    if missing:
        raise Trouble(f"not installed: {', '.join(missing)}; scripts/install-deps demo installs "
                      f"them, or: apt-get install {' '.join(sorted(set(missing.values())))}")


class Fleet:
    """Everything lives in one directory, and ends with `with`."""

    def __init__(self, binary, directory, agents):
        self.binary, self.dir, self.agents = binary, pathlib.Path(directory), agents
        self.serve, self.running, self.calls = None, {}, set()

    def __enter__(self):
        self.take_directory()
        return self

    def take_directory(self):
        """Begin from nothing, but only where an earlier demo was."""
        mark = self.dir / "made-by-the-demo"
        if self.dir.exists() and any(self.dir.iterdir()) and not mark.exists():
            raise Trouble(f"{self.dir} is not empty and not of an earlier demo; name another")
        self.dir.mkdir(parents=True, exist_ok=True)
        self.lock = open(mark, "w", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble(f"another demo runs in {self.dir}") from None
        shutil.rmtree(self.data_dir, ignore_errors=True)
        shutil.rmtree(self.dir / "work", ignore_errors=True)
        (self.dir / "work").mkdir()

    @property
    def data_dir(self):
        return self.dir / "data"

    def spawn(self, log, *args):
        """A process in a session of its own: Ctrl-C reaches the demo, which ends them in order."""
        # The agents find the same python3 as the demo.
        path = os.path.dirname(os.path.realpath(sys.executable)) + ":" + os.environ["PATH"]
        with open(self.dir / log, "ab") as out:
            return subprocess.Popen([self.binary, *args, "--data-dir", self.data_dir],
                                    stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    start_new_session=True, cwd=self.dir / "work",
                                    env={**os.environ, "PATH": path})

    def start_coordinator(self):
        self.serve = self.spawn("serve.log", "serve", "--http", "127.0.0.1:0")
        self.until("the coordinator answers", lambda: self.call("stats")[0] == 0)

    def start_agents(self):
        for agent_id, _, command in self.agents:
            self.running[agent_id] = self.spawn(f"agent-{agent_id}.log", "agent", "run", "--id",
                                                agent_id, "--exec", command, "--capacity",
                                                str(CAPACITY))
        self.until_all_alive()

    def until_all_alive(self):
        self.until("all agents have registered", lambda: sum(
            agent["state"] == "alive" for agent in self.ask("agent", "list")["agents"])
            == len(self.agents))

    def until(self, what, check):
        end = time.monotonic() + START_S
        while not check():
            self.look()
            if time.monotonic() > end:
                raise Trouble(f"waited {START_S} s until {what}; see {self.dir}/*.log")
            time.sleep(0.05)

    def look(self):
        """Trouble when the coordinator or an agent has ended."""
        for name, process in {"serve": self.serve,
                              **{f"agent-{a}": p for a, p in self.running.items()}}.items():
            if process.poll() is not None:
                log = (self.dir / f"{name}.log").read_text(errors="replace").strip()
                raise Trouble(f"{name} ended with {process.returncode}: {log.split(chr(10))[-1]}")

    def call(self, *args, stdin=""):
        """(exit code, standard output, standard error) of an online command."""
        process = subprocess.Popen([self.binary, *args, "--data-dir", self.data_dir], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.calls.add(process)
        out, err = process.communicate(stdin)
        self.calls.discard(process)
        return process.returncode, out, err

    def stop_calls(self):
        """End the commands that still wait for something."""
        end(list(self.calls), signal.SIGKILL)

    def ask(self, *args, stdin=""):
        """The JSON answer of an online command."""
        code, out, err = self.call(*args, "-o", "json", stdin=stdin)
        try:
            return json.loads(out)
        except ValueError:
            raise Trouble(f"vapora-coord {' '.join(args)}: exit {code}: {err.strip()}") from None

    def kill_coordinator(self):
        """As a power cut would."""
        self.serve.kill()
        self.serve.wait()

    def __exit__(self, *_):
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for group in (self.running.values(), [self.serve] if self.serve else []):
                end(group, sig)
        self.lock.close()


def end(processes, sig):
    """Send @sig to those that still run, and wait for all."""
    alive = [process for process in processes if process.poll() is None]
    for process in alive:
        process.send_signal(sig)
    deadline = time.monotonic() + END_S
    for process in alive:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
