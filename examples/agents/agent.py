#!/usr/bin/env python3
"""An agent without any library, NATS spoken by hand: agent.py NATS_URL AGENT_ID

It ends when the connection does; let something start it again, or reconnect."""
import json, socket, sys, threading, time, urllib.parse

url, agent_id, running = urllib.parse.urlparse(sys.argv[1]), sys.argv[2], {}
sock = socket.create_connection((url.hostname, url.port))
stream, lock, acks = sock.makefile("rb"), threading.Lock(), {}

def send(*parts):
    with lock:
        sock.sendall(b"".join(p if isinstance(p, bytes) else p.encode() for p in parts))

def publish(subject, body, reply="", msg_id=None):
    data, head = json.dumps(body).encode(), f"NATS/1.0\r\nNats-Msg-Id: {msg_id}\r\n\r\n"
    if msg_id:
        send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n{head}", data, b"\r\n")
    else:
        send(f"PUB {subject} {reply} {len(data)}\r\n", data, b"\r\n")

def work(task):
    return {"words": len(task["title"].split())}

def run(task):
    task_id, epoch, begun = task["task_id"], task["epoch"], time.monotonic()
    try:
        result = {"outcome": "success", "output": work(task)}
    except Exception as e:
        result = {"outcome": "failure", "error": {"class": "agent_error", "message": str(e)}}
    result |= {"task_id": task_id, "epoch": epoch,
               "duration_ms": int(1000 * (time.monotonic() - begun))}
    inbox = f"_INBOX.{agent_id}.{task_id}.{epoch}"
    acks[inbox] = threading.Event()
    while not acks[inbox].is_set():  # the result is safe when the stream has said so
        publish(f"vapora.task.result.{agent_id}", result, inbox, f"{task_id}:{epoch}")
        acks[inbox].wait(2)
    del running[task_id], acks[inbox]

def beat(interval_s):
    while True:
        publish(f"vapora.agent.heartbeat.{agent_id}",
                {"agent_id": agent_id, "running": list(running.values())})
        time.sleep(interval_s)

def take(subject, reply, body):
    if subject == f"_INBOX.{agent_id}.register":
        if "interval_ms" not in body:
            sys.exit(f"not registered: {body.get('error', 'no coordinator listens')}")
        threading.Thread(target=beat, args=(body["interval_ms"] / 1000,), daemon=True).start()
    elif subject in acks and "error" not in body:
        acks[subject].set()
    elif subject == f"vapora.task.assign.{agent_id}":
        running[body["task_id"]] = {"task_id": body["task_id"], "epoch": body["epoch"]}
        publish(reply, {"accepted": True})
        threading.Thread(target=run, args=(body,), daemon=True).start()

options = {"user": url.username, "pass": url.password, "verbose": False, "headers": True,
           "no_responders": True, "protocol": 1}
send("CONNECT ", json.dumps(options), "\r\n",
     f"SUB vapora.task.assign.{agent_id} 1\r\nSUB _INBOX.{agent_id}.> 2\r\n")
publish(f"vapora.api.agent.register.{agent_id}", {"agent_id": agent_id, "capacity": 4},
        f"_INBOX.{agent_id}.register")
for line in stream:
    word, *args = line.decode().split()
    if word == "PING":
        send("PONG\r\n")
    elif word in ("MSG", "HMSG"):  # subject, sid, [reply], [length of the headers], length
        sizes = [int(a) for a in args[-2 if word == "HMSG" else -1:]]
        body = stream.read(sizes[-1] + 2)[sizes[0] if word == "HMSG" else 0:]
        reply = args[2] if len(args) - len(sizes) == 3 else ""
        take(args[0], reply, json.loads(body.strip() or b"{}"))
    elif word == "-ERR":
        sys.exit(line.decode())
sys.exit("the connection is gone")
