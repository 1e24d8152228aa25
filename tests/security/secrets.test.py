"""A password stays where it belongs: in files that nobody else can read. A canary is used as password
everywhere, and then looked for everywhere else."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import guarded

CANARY = "canary-5e1f-PASSWORD-77aa"
SECRET = CANARY.encode()


def of_process(pid, what):
    try:
        with open(f"/proc/{pid}/{what}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children(pid):
    """All processes below this one."""
    parents = {}
    for p in processes():
        fields = of_process(p, "stat").rpartition(b")")[2].split()
        if fields:
            parents.setdefault(int(fields[1]), []).append(p)
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def files_with(folder, needle=SECRET):
    """{path: mode} of the files that hold it."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                if needle in file.read():
                    found[os.path.relpath(path, folder)] = os.stat(path).st_mode & 0o777
    return found


def nobody_shows_it_in_argv():
    mine = {os.getpid(), os.getppid()}
    shown = [of_process(p, "cmdline") for p in processes() if p not in mine]
    assert not [line for line in shown if SECRET in line], shown


def agent(exec_command, *args, **kwargs):
    return subprocess.Popen([coord.BINARY, "agent", "run", "--id", "ada", "--exec", exec_command,
                             *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **kwargs)


def test_the_embedded_servers_password_is_in_two_private_files_alone():
    env = {"VAPORA_COORD_NATS_PASSWORD": CANARY}
    with coord.start_serve("--log-level", "debug", env=env) as serve:
        assert CANARY in serve.url
        runner = agent("env; tr '\\0' ' ' </proc/$PPID/cmdline", "--data-dir", serve.dir, env={
            **os.environ, "VAPORA_COORD_URL": serve.url, "NATS_URL": serve.url, **env})
        try:
            done = serve.run("task", "submit", "--title", "T", "--id", "t", "--wait")
            assert done.returncode == 0, done
            said = [done.stdout + done.stderr]
            for command in (["task", "get", "t"], ["task", "get", "t", "-o", "json"],
                            ["task", "explain", "t"], ["agent", "list"], ["stats", "-o", "json"]):
                done = serve.run(*command)
                said.append(done.stdout + done.stderr)
            assert CANARY not in "".join(said), said
            assert "PATH=" in "".join(said), "the command's environment was not shown"
            nobody_shows_it_in_argv()
            below = children(serve.process.pid)
            assert below and not [p for p in below if SECRET in of_process(p, "environ")], below
        finally:
            runner.terminate()
        out, err = runner.communicate(timeout=coord.PATIENCE_S)
        assert SECRET not in out + err, err
        serve.restart()
        assert CANARY in serve.url
        found = files_with(serve.dir)
        assert found == {"nats.url": 0o600, "nats/server.conf": 0o600}, found


def test_a_file_keeps_the_url_of_a_server_of_ones_own_out_of_argv():
    known = {user: CANARY for user in ("coordinator", "ada", "web")}
    with guarded.GuardedServer("--agent", "ada", "--submitter", "web", passwords=known) as server:
        with coord.start_serve("--nats-url", server.url_file("coordinator"), "--log-level",
                               "debug") as serve:
            assert CANARY in serve.url
            runner = agent("env", "--url", server.url_file("ada"))
            try:
                done = coord.run("task", "submit", "--title", "T", "--wait", "--url",
                                 server.url_file("web"))
                assert done.returncode == 0 and CANARY not in done.stdout + done.stderr, done
                nobody_shows_it_in_argv()
            finally:
                runner.terminate()
            out, err = runner.communicate(timeout=coord.PATIENCE_S)
            assert SECRET not in out + err, err
            assert files_with(serve.dir) == {"nats.url": 0o600}, files_with(serve.dir)
        assert set(files_with(server.dir).values()) == {0o600}, files_with(server.dir)


def test_errors_show_no_password():
    with guarded.GuardedServer("--agent", "ada") as server:
        refused = f"nats://ada:{CANARY}@127.0.0.1:{server.port}"
        token = f"nats://{CANARY}@127.0.0.1:{server.port}"
        nobody = f"nats://ada:{CANARY}@127.0.0.1:{coord.free_port()}"
        odd = [f"http://ada:{CANARY}@h", f"nats://ada:{CANARY}@", f"nats://ada:{CANARY}@h:p",
               f"nats://a:{CANARY}@h1,nats://b:{CANARY}@h2", f"ada:{CANARY}@127.0.0.1:1"]
        for url in (refused, token, nobody, *odd):
            for command in (["task", "list"], ["task", "submit", "--title", "T", "--durable"],
                            ["score", "rank", "--task-type", "coding"]):
                done = coord.run(*command, env={"VAPORA_COORD_URL": url})
                assert done.returncode != 0 and CANARY not in done.stdout + done.stderr, (url, done)
        for url in (refused, *odd[:3]):
            done = coord.run("agent", "run", "--id", "ada", "--exec", "true", "--url", url)
            assert done.returncode != 0 and CANARY not in done.stdout + done.stderr, done
        with tempfile.TemporaryDirectory() as folder:
            for url in odd[:3]:
                done = coord.run("serve", "--data-dir", folder, "--http", "127.0.0.1:0",
                                 "--nats-url", url)
                assert done.returncode != 0 and CANARY not in done.stdout + done.stderr, done
            for bad in ("with space", "x" * 129):
                done = coord.run("serve", "--data-dir", folder, "--http", "127.0.0.1:0",
                                 env={"VAPORA_COORD_NATS_PASSWORD": CANARY + bad})
                assert done.returncode == 2 and CANARY not in done.stdout + done.stderr, done


def test_a_url_file_that_everybody_can_read_is_closed_with_a_warning():
    with coord.start_serve() as serve:
        path = os.path.join(serve.dir, "nats.url")
        for mode in (0o644, 0o604, 0o666, 0o602):
            os.chmod(path, mode)
            done = serve.run("stats")
            assert done.returncode == 0 and "secret.exposed" in done.stderr, done
            assert f"mode={mode:03o}" in done.stderr and "change it" in done.stderr, done
            assert os.stat(path).st_mode & 0o777 == 0o600
        assert serve.run("stats").stderr == ""
        os.chmod(path, 0o640)  # a group of operators
        assert serve.run("stats").stderr == "" and os.stat(path).st_mode & 0o777 == 0o640
        os.chmod(path, 0o644)
        serve.restart()
        assert "secret.exposed" in serve.log() and os.stat(path).st_mode & 0o777 == 0o600


def test_a_url_file_of_somebody_else_that_everybody_can_read_is_refused():
    if os.geteuid() != 0:
        print("    skipped: only root can make a file somebody else's")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "nats.url")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"nats://u:{CANARY}@127.0.0.1:1\n")
        os.chown(path, 1, 1)
        os.chmod(path, 0o644)
        for args in (["--data-dir", folder], ["--url", "@" + path]):
            done = coord.run("stats", *args)
            assert done.returncode == 5 and "chmod 600" in done.stderr, done
            assert CANARY not in done.stderr
        os.chmod(path, 0o600)
        assert "chmod" not in coord.run("stats", "--data-dir", folder).stderr


def test_new_secret_files_are_private_whatever_the_umask():
    old = os.umask(0)
    try:
        with coord.start_serve() as serve, tempfile.TemporaryDirectory() as folder:
            password = serve.url.split(":")[2].split("@")[0].encode()
            found = files_with(serve.dir, password)
            assert found == {"nats.url": 0o600, "nats/server.conf": 0o600}, found
            keys = os.path.join(folder, "keys")
            assert coord.run("nats", "auth", "--agent", "ada", "--dir", keys).returncode == 0
            assert os.stat(keys).st_mode & 0o777 == 0o700
            modes = [os.stat(os.path.join(keys, name)).st_mode & 0o777 for name in os.listdir(keys)]
            assert modes == [0o600] * 3, modes
    finally:
        os.umask(old)


if __name__ == "__main__":
    coord.main(globals())
