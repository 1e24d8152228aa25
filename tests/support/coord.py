"""What the tests of the running program share: a `serve` of their own, a small NATS client, checks.

Standard library only. The binary under test is $VAPORA_COORD.
"""
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

BINARY = os.path.abspath(os.environ.get("VAPORA_COORD", "build/bin/vapora-coord"))
PATIENCE_S = 30  # for anything that needs another process; never reached when all is well


def until(what, check, patience_s=PATIENCE_S, pause_s=0.02):
    """Ask `check` until it gives something true, and return that."""
    end = time.monotonic() + patience_s
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s} s in vain for {what}")
        time.sleep(pause_s)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*args, stdin="", env=None, timeout=60, cwd=None):
    """Run the program; the result has returncode, stdout and stderr as text."""
    whole = {k: v for k, v in os.environ.items()
             if k not in ("VAPORA_COORD_URL", "NATS_URL", "NO_COLOR")}
    whole.update(env or {})
    return subprocess.run([BINARY, *map(str, args)], input=stdin, capture_output=True, text=True,
                          env=whole, timeout=timeout, cwd=cwd)


class Error(Exception):
    """An error reply: code as in HTTP, text, and the body's error object."""

    def __init__(self, code, text, error=None):
        super().__init__(f"{code} {text}")
        self.code, self.text, self.error = code, text, error or {}


class Message:
    def __init__(self, subject, reply, headers, data):
        self.subject, self.reply, self.headers, self.data = subject, reply, headers, data

    def json(self):
        return json.loads(self.data)


class Nats:
    """One connection, spoken in raw protocol, so that the tests share no code with the program."""

    def __init__(self, url):
        at = urllib.parse.urlparse(url)
        self.sock = socket.create_connection((at.hostname, at.port or 4222), timeout=10)
        self.sock.settimeout(None)
        self.file = self.sock.makefile("rb")
        self.lock = threading.Lock()
        self.queues, self.next_sid, self.next_inbox = {}, 0, 0
        self.pongs, self.errors = queue.Queue(), []
        self.file.readline()  # INFO
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True,
                   "lang": "python", "version": "1", "name": "test"}
        if at.username:
            options["user"] = urllib.parse.unquote(at.username)
        if at.password:
            options["pass"] = urllib.parse.unquote(at.password)
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n")
        first = self.file.readline()
        while first.startswith(b"INFO"):
            first = self.file.readline()
        if not first.startswith(b"PONG"):
            raise Error(401, first.decode().strip())
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        user = f"{at.username}." if at.password else ""
        self.inbox = f"_INBOX.{user}{os.urandom(8).hex()}"  # where `nats auth` lets a user listen
        self.answers = {}
        self.subscribe(self.inbox + ".*", self.answer)

    def send(self, data):
        with self.lock:
            self.sock.sendall(data)

    def read(self):
        try:
            while line := self.file.readline():
                word, *args = line.decode().split()
                if word in ("MSG", "HMSG"):
                    self.take(word == "HMSG", args)
                elif word == "PING":
                    self.send(b"PONG\r\n")
                elif word == "PONG":
                    self.pongs.put(True)
                elif word == "-ERR":
                    self.errors.append(line.decode().strip())
        except (OSError, ValueError):
            pass

    def take(self, with_headers, args):
        sizes = [int(args.pop())]
        if with_headers:
            sizes.insert(0, int(args.pop()))
        body = self.file.read(sizes[-1] + 2)[:-2]
        head = body[:sizes[0]] if with_headers else b""
        subject, sid = args[0], int(args[1])
        message = Message(subject, args[2] if len(args) > 2 else None, parse_headers(head),
                          body[len(head):])
        target = self.queues.get(sid)
        if callable(target):
            target(message)
        elif target:
            target.put(message)

    def answer(self, message):
        waiting = self.answers.pop(message.subject, None)
        if waiting:
            waiting.put(message)

    def subscribe(self, subject, target=None, group=""):
        """Messages go to the function `target`, on the reader's thread, or into a fresh Queue,
        which is returned."""
        target = target or queue.Queue()
        with self.lock:
            self.next_sid += 1
            sid = self.next_sid
            self.queues[sid] = target
        self.send(f"SUB {subject} {group} {sid}\r\n".encode())
        return target

    def publish(self, subject, body=b"", reply="", headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if not headers:
            self.send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")
            return
        head = "NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        head = head.encode()
        self.send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n".encode() +
                  head + data + b"\r\n")

    def flush(self):
        self.send(b"PING\r\n")
        self.pongs.get(timeout=PATIENCE_S)

    def ask(self, subject, body=b"", headers=None, timeout=PATIENCE_S):
        """Send a request; the answer as a Message. Error 503 when nobody listens."""
        with self.lock:
            self.next_inbox += 1
            inbox = f"{self.inbox}.{self.next_inbox}"
        waiting = self.answers[inbox] = queue.Queue()
        self.publish(subject, body, inbox, headers)
        try:
            message = waiting.get(timeout=timeout)
        except queue.Empty:
            self.answers.pop(inbox, None)
            raise Error(408, f"no answer on {subject} within {timeout} s") from None
        if message.headers.get("status") == "503":
            raise Error(503, f"nobody listens on {subject}")
        return message

    def request(self, verb, body=None, timeout=PATIENCE_S):
        """Ask the coordinator: request("task.get", {"task_id": "t1"}). Raises Error."""
        message = self.ask("vapora.api." + verb, body if body is not None else {}, timeout=timeout)
        reply = message.json()
        if "Nats-Service-Error-Code" in message.headers or "error" in reply:
            error = reply.get("error", {})
            code = int(message.headers.get("Nats-Service-Error-Code", error.get("code", 500)))
            raise Error(code, error.get("description", ""), error)
        return reply

    def store(self, subject, body, msg_id, timeout=PATIENCE_S):
        """Publish into a stream and return its acknowledgement."""
        ack = self.ask(subject, body, {"Nats-Msg-Id": msg_id}, timeout).json()
        if "error" in ack:
            raise Error(ack["error"]["code"], ack["error"]["description"], ack["error"])
        return ack

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


def parse_headers(head):
    if not head:
        return {}
    first, *lines = head.decode().split("\r\n")
    headers = {"status": first.split()[1]} if len(first.split()) > 1 else {}
    for line in lines:
        if ":" in line:
            key, value = line.split(":", 1)
            headers[key] = value.strip()
    return headers


class NatsServer:
    """A bare nats-server with JetStream, for tests that play the coordinator themselves."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="vapora-nats-")
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", self.dir],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("nats-server to listen", self.listens)

    def listens(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self):
        return Nats(self.url)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Serve:
    """A coordinator of one's own in a directory of its own."""

    def __init__(self, *args, data_dir=None, env=None):
        self.own_dir = data_dir is None
        self.dir = data_dir or tempfile.mkdtemp(prefix="vapora-test-")
        self.args, self.env, self.process, self.connections = args, env, None, []
        self.log_path = os.path.join(self.dir, "serve.log")
        self.start()

    def start(self):
        self.log_start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data-dir", self.dir, "--http", "127.0.0.1:0", *self.args],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(self.env or {})})
        log.close()
        try:
            until("the coordinator to answer", self.answers)
        except BaseException:
            self.stop()
            raise

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log()}")
        try:
            with open(os.path.join(self.dir, "nats.url"), encoding="utf-8") as file:
                nats = Nats(file.read().strip())
        except (OSError, Error, ValueError):
            return False
        try:
            nats.request("stats.get", timeout=2)
            return True
        except (Error, OSError):
            return False
        finally:
            nats.close()

    def log(self):
        """What this start has logged so far."""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            file.seek(self.log_start)
            return file.read()

    @property
    def url(self):
        with open(os.path.join(self.dir, "nats.url"), encoding="utf-8") as file:
            return file.read().strip()

    @property
    def http(self):
        """Base URL of the HTTP service, from the log."""
        found = until("the HTTP address in the log", lambda: re.search(
            r"\bhttp\S*\s.*?127\.0\.0\.1[: ](?:port=)?(\d+)", self.log()))
        return f"http://127.0.0.1:{found.group(1)}"

    def connect(self):
        nats = Nats(self.url)
        self.connections.append(nats)
        return nats

    def run(self, *args, **kwargs):
        """Run an online command against this coordinator."""
        return run(*args, "--data-dir", self.dir, **kwargs)

    def kill(self):
        """As a power cut would: no chance to finish anything."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """End it in order; its exit code, which should be 0."""
        for nats in self.connections:
            nats.close()
        self.connections = []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def restart(self):
        self.stop()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            sys.stderr.write(self.log()[-4000:])
        self.stop()
        if self.own_dir:
            shutil.rmtree(self.dir, ignore_errors=True)


def start_serve(*args, **kwargs):
    """A running coordinator: `with start_serve("--strict") as serve: ...`"""
    return Serve(*args, **kwargs)


class Agent:
    """An agent that answers each assignment through `work(assignment)`: the body of its result, or
    None to keep the task without ever finishing it."""

    def __init__(self, nats, agent_id, work=None, heartbeats=True, **card):
        self.nats, self.id, self.assignments = nats, agent_id, queue.Queue()
        self.work = work or (lambda assignment: {"outcome": "success", "duration_ms": 5})
        self.running, self.accept, self.ended = {}, True, threading.Event()
        nats.subscribe(f"vapora.task.assign.{agent_id}", self.on_assign)
        self.card = nats.request(f"agent.register.{agent_id}", {"agent_id": agent_id, **card})
        if heartbeats:
            threading.Thread(target=self.beat, daemon=True).start()

    def on_assign(self, message):
        assignment = message.json()
        self.nats.publish(message.reply, {"accepted": True} if self.accept
                          else {"accepted": False, "reason": "full"})
        if self.accept:
            self.running[assignment["task_id"]] = assignment["epoch"]
            self.assignments.put(assignment)
            threading.Thread(target=self.finish, args=(assignment,), daemon=True).start()

    def finish(self, assignment):
        result = self.work(assignment)
        if result is not None:
            self.send_result(assignment, result)

    def send_result(self, assignment, result):
        task_id, epoch = assignment["task_id"], assignment["epoch"]
        self.nats.store(f"vapora.task.result.{self.id}",
                        {"task_id": task_id, "epoch": epoch, **result}, f"{task_id}:{epoch}")
        self.running.pop(task_id, None)

    def beat(self):
        while not self.ended.wait(self.card["interval_ms"] / 1000):
            running = [{"task_id": t, "epoch": e} for t, e in list(self.running.items())]
            try:
                self.nats.publish(f"vapora.agent.heartbeat.{self.id}",
                                  {"agent_id": self.id, "instance_id": "test", "running": running})
            except OSError:
                return

    def stop(self):
        self.ended.set()


def main(tests):
    """Run the functions of a module whose names begin with test_, one line each; exit 1 if any
    fails. Names given on the command line choose."""
    import traceback
    chosen = sys.argv[1:]
    failed = 0
    for name, test in list(tests.items()):
        if not name.startswith("test_") or not callable(test) or (chosen and name not in chosen):
            continue
        began = time.monotonic()
        try:
            test()
            print(f"ok   {name} {time.monotonic() - began:.2f} s", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {name}", flush=True)
            traceback.print_exc()
    sys.exit(1 if failed else 0)
