"""The console blocks of README.md and docs/*.md work: they are run, in their order, in an empty
directory a page, with the program on the PATH.

Lines that begin with "$ " are commands; what stands below one is what it prints, errors included,
where "…" stands for any text. A command with nothing below it only has to succeed. What ends in "&"
runs until the page ends, and so does `vapora-coord serve`, which is waited for. A block below
`<!-- file: NAME -->` becomes that file. ELSEWHERE names the commands that other tests run; every
other one is run here, so none is left out."""
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import pages

ELSEWHERE = {
    "make": "the build that these tests are given",
    "make test": "the run that this test is part of",
    "make demo": "examples/demo, by its own test",
    "make lint": "tests/lint",
}
SERVE = r"vapora-coord serve\b(?!.* (?:-h|--help)\b)"
PART = re.compile(r"^<!-- file: (?P<file>\S+) -->\n```\w*\n(?P<content>.*?)^```|"
                  r"^```console\n(?P<console>.*?)^```", re.M | re.S)
COMMAND = re.compile(r"^\$ (?P<words>.*?(?:\\\n.*?)*)(?:  +#.*)?\n"
                     r"(?P<output>(?:(?!\$ ).*\n)*)", re.M)


class Terminal:
    """A scratch directory with the program on the PATH, and whatever was left running in it."""

    def __init__(self, folder):
        self.folder, self.running = folder, []
        programs = os.path.join(folder, ".bin")
        os.mkdir(programs)
        os.symlink(coord.BINARY, os.path.join(programs, "vapora-coord"))
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("VAPORA_COORD_URL", "NATS_URL")}
        self.env["PATH"] = programs + os.pathsep + self.env["PATH"]
        self.env["NO_COLOR"] = "1"

    def start(self, command):
        words = command.rstrip("& ")
        serves = re.match(SERVE, words)
        if serves and "--http" not in words:
            words += " --http 127.0.0.1:0"  # other tests may run beside this one
        with open(os.path.join(self.folder, ".log"), "ab") as log:
            self.running.append(subprocess.Popen(
                ["sh", "-c", "exec " + words], cwd=self.folder, env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        if serves:
            coord.until(f"{command!r} to answer", lambda: subprocess.run(
                ["vapora-coord", "stats"], cwd=self.folder, env=self.env, capture_output=True,
                check=False).returncode == 0)

    def run(self, command, output):
        if re.match(SERVE, command) or command.endswith("&"):
            self.start(command)
            return
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120, check=False)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}(exit code {done.returncode})"
        pattern = ".*".join(re.escape(part) for part in output.split("…"))
        assert not output.strip() or re.fullmatch(pattern, done.stdout, re.S), \
            f"$ {command}\nprints\n{done.stdout}not\n{output}"

    def stop(self):
        """The last one started ends first."""
        while self.running:
            process = self.running.pop()
            process.send_signal(signal.SIGTERM)
            process.wait(coord.PATIENCE_S)


def run_page(page):
    """How many commands of the page were run."""
    ran = 0
    with tempfile.TemporaryDirectory(prefix="vapora-docs-") as folder:
        terminal = Terminal(folder)
        try:
            for part in PART.finditer(pages.read(page)):
                if part["file"]:
                    with open(os.path.join(folder, part["file"]), "w", encoding="utf-8") as file:
                        file.write(part["content"])
                for found in COMMAND.finditer(part["console"] or ""):
                    if found["words"].strip() not in ELSEWHERE:
                        terminal.run(found["words"].strip(), found["output"])
                        ran += 1
        finally:
            terminal.stop()
    return ran


def test_the_commands_of_every_page_work():
    told = [page for page in pages.pages()
            if page == "README.md" or re.fullmatch(r"docs/[^/]+\.md", page)]
    ran = {page: run_page(page) for page in told if "```console" in pages.read(page)}
    assert sum(ran.values()) > 0, "no page has a command"
    print("    " + ", ".join(f"{page}: {n}" for page, n in ran.items()))


if __name__ == "__main__":
    coord.main(globals())
