"""docs/protocol.md is true: its examples are told to a coordinator as one story, and its tables are
those of the sources.

`<!-- example: SCHEMA; ACTION [SUBJECT] -->` stands above a JSON block. Every block must fit
docs/schemas/SCHEMA.json, members that the schema does not name included; `none` has no schema.

  request SUBJECT   ask the coordinator          reply             what it answers
  publish SUBJECT   publish, expect nothing      arrives SUBJECT   the next message there
  store SUBJECT     publish into a stream        answer            answer what arrived last
  shape             nothing else

`<!-- accept: SUBJECT -->` takes the next assignment there and accepts it. What comes back must equal
the example but for clocks and made-up ids."""
import json
import os
import queue
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import pages
import schema

PAGE = "docs/protocol.md"
STEP = re.compile(r"^<!-- (?:example: (?P<schema>\w+); (?P<action>\w+)(?: (?P<subject>\S+))?|"
                  r"accept: (?P<accept>\S+)) -->\n(?:```json\n(?P<body>.*?)^```)?", re.M | re.S)
VOLATILE = {"at", "decision_id", "elapsed_us", "heartbeat_age_ms"}


def text():
    return pages.read(PAGE)


def steps():
    return list(STEP.finditer(text()))


def settled(value, key=""):
    """A message with what differs from run to run made equal."""
    if isinstance(value, dict):
        return {k: settled(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [settled(v) for v in value]
    volatile = value is not None and (key in VOLATILE or key.endswith("_at"))
    return f"<{key}>" if volatile else value


class Story:
    """A coordinator, and one connection that plays everybody else."""

    def __init__(self, serve):
        self.nats = serve.connect()
        self.came, self.got, self.reply_to = {}, None, None
        for subject in ("vapora.task.assign.>", "vapora.agent.control.>", "vapora.event.>",
                        "vapora.dead.>"):
            self.nats.subscribe(subject, self.take)

    def take(self, message):
        self.came.setdefault(message.subject, queue.Queue()).put(message)

    def arrives(self, subject, _=None):
        message = self.came.setdefault(subject, queue.Queue()).get(timeout=coord.PATIENCE_S)
        self.got, self.reply_to = message.json(), message.reply
        return self.got

    def reply(self, _, __):
        return self.got

    def request(self, subject, body):
        self.got = self.nats.ask(subject, body.encode()).json()

    def publish(self, subject, body):
        self.nats.publish(subject, body.encode())
        self.nats.flush()

    def store(self, subject, body):
        report = json.loads(body)
        last = subject.rsplit(".", 1)[1]
        msg_id = f"{report['task_id']}:{report['epoch']}" if "epoch" in report else last
        self.nats.store(subject, body.rstrip("\n").encode(), msg_id)

    def answer(self, _, body):
        self.nats.publish(self.reply_to, body.encode())

    def shape(self, _, __):
        pass


def line_of(step):
    return f"{PAGE}:{text().count(chr(10), 0, step.start()) + 1}"


def test_every_json_block_is_an_example():
    assert len(re.findall(r"^```json$", text(), re.M)) == sum(1 for s in steps() if s["body"])


def test_examples_fit_their_schemas():
    for step in steps():
        if step["body"] and step["schema"] != "none":
            wrong = schema.complaints(json.loads(step["body"]), step["schema"] + ".json",
                                      strict="ticket" not in step["body"])
            assert not wrong, (line_of(step), wrong)


def test_the_examples_are_what_the_coordinator_does():
    with coord.start_serve() as serve:
        story = Story(serve)
        for step in steps():
            if step["accept"]:
                story.arrives(step["accept"])
                story.answer(None, '{"accepted":true}')
                continue
            real = getattr(story, step["action"])(step["subject"], step["body"])
            if real is not None:
                wrong = schema.complaints(real, step["schema"] + ".json",
                                          strict="ticket" not in step["body"])
                assert not wrong, (line_of(step), wrong, real)
                want = settled(json.loads(step["body"]))
                assert settled(real) == want, f"{line_of(step)}\nis   {real}\nwant {want}"


def test_real_replies_of_every_verb_fit_their_schemas():
    """Also members that no example shows."""
    with coord.start_serve() as serve:
        nats = serve.connect()
        agent = coord.Agent(nats, "ada", lambda a: {"outcome": "failure", "error": {
            "class": "tool_error", "message": "no luck"}})
        id_of, asked = {"task_id": "t"}, {"agent_id": "ada", "task_type": "coding"}
        requests = [
            ("task.submit", {"task_id": "t", "title": "T", "task_type": "coding", "max_attempts": 1},
             "task_submit_response"),
            ("task.get", id_of, "task_get_response"), ("task.list", {}, "task_list_response"),
            ("task.explain", id_of, "task_explain_response"),
            ("agent.list", {}, "agent_list_response"),
            ("agent.get", {"agent_id": "ada"}, "agent_get_response"),
            ("score.rank", {"task_type": "coding"}, "score_rank_response"),
            ("score.get", asked, "score_get_response"),
            ("profile.get", {"agent_id": "ada"}, "profile_get_response"),
            ("execution.list", {"agent_id": "ada"}, "execution_list_response"),
            ("stats.get", {}, "stats_get_response"),
            ("agent.drain", {"agent_id": "ada"}, "agent_state_response"),
            ("task.retry", id_of, "task_state_response"),
            ("task.cancel", id_of, "task_state_response"),
            ("agent.register", {"agent_id": "ada"}, "agent_register_response"),
            ("agent.remove", {"agent_id": "ada"}, "agent_state_response"),
        ]
        assert sorted(verb for verb, _, _ in requests) == sorted(source_verbs())
        for verb, body, name in requests:
            wrong = schema.complaints(body, verb.replace(".", "_") + "_request.json", strict=True)
            assert not wrong, (verb, wrong)
            reply = nats.request(verb, body)
            wrong = schema.complaints(reply, name + ".json", strict=True)
            assert not wrong, (verb, wrong, reply)
            if verb == "task.submit":
                coord.until("the task to die", lambda: nats.request("task.get", id_of)["task"][
                    "state"] == "dead")
        agent.stop()


def test_what_the_schemas_refuse_is_refused_by_the_coordinator():
    bad = [
        ("task.submit", {}), ("task.submit", {"title": ""}), ("task.submit", {"title": "x" * 501}),
        ("task.submit", {"title": "x", "task_id": "a.b"}), ("task.submit", {"title": 1}),
        ("task.submit", {"title": "x", "task_type": "Bad"}),
        ("task.submit", {"title": "x", "priority": 10}),
        ("task.submit", {"title": "x", "max_attempts": 0}),
        ("task.submit", {"title": "x", "timeout_ms": 2592000001}),
        ("task.submit", {"title": "x", "requires": ["c"] * 33}),
        ("task.submit", {"title": "x", "labels": {"a": 1}}),
        ("task.submit", {"title": "x", "labels": {str(i): "x" for i in range(17)}}),
        ("task.submit", {"title": "x", "budget": -1}),
        ("agent.register", {"agent_id": "a", "capacity": 1025}),
        ("agent.register", {"agent_id": "a", "task_types": ["Bad"]}),
        ("task.get", {}), ("task.list", {"limit": 0}), ("task.list", {"limit": 1001}),
        ("task.list", {"state": "odd"}), ("score.rank", {}), ("score.get", {"agent_id": "a b"}),
    ]
    with coord.start_serve() as serve:
        nats = serve.connect()
        for verb, body in bad:
            name = verb.replace(".", "_") + "_request.json"
            assert schema.complaints(body, name), (verb, body)
            try:
                raise AssertionError((verb, body, nats.request(verb, body)))
            except coord.Error as refused:
                assert refused.code in (400, 404), (verb, body, refused)


def test_the_permissions_suffice_and_hold():
    ada, boss = re.findall(r"<!-- nats-permissions -->\n```text\n(.*?)```", text(), re.S)
    config = (f"authorization {{ users: [\n{{user: boss, password: x, permissions: {{\n{boss}}}}}\n"
              f"{{user: ada, password: x, permissions: {{\n{ada}}}}}\n]}}\n")
    with NatsServerWith(config) as server, coord.start_serve(
            "--nats-url", server.url_of("boss")) as serve:
        ada = coord.Nats(server.url_of("ada"))
        ada.inbox = "_INBOX.ada"
        ada.subscribe("_INBOX.ada.*", ada.answer)
        agent = coord.Agent(ada, "ada")
        reply = serve.connect().request("task.submit", {"task_id": "t", "title": "T"})
        assert reply["state"] == "queued", reply
        coord.until("the task to be done", lambda: serve.connect().request(
            "task.get", {"task_id": "t"})["task"]["state"] == "completed")
        before = len(ada.errors)
        for subject in ("vapora.task.result.bob", "vapora.agent.heartbeat.bob",
                        "vapora.api.task.list", "vapora.task.submit.t2",
                        "vapora.api.agent.register.bob",
                        "$JS.API.STREAM.DELETE.VAPORA_TASKS"):
            ada.publish(subject, {})
            ada.flush()
            before += 1
            coord.until(f"{subject} to be denied", lambda: len(ada.errors) == before)
        assert "denied" not in serve.log().lower(), serve.log()
        agent.stop()


def test_the_permissions_are_those_of_the_program():
    told = re.findall(r"<!-- nats-permissions -->\n```text\n(.*?)```", text(), re.S)
    block = coord.run("nats", "auth", "--agent", "ada").stdout
    for page, user in zip(told, ("ada", "coordinator")):
        real = re.search(rf'user: "{user}".*?permissions: {{\n(.*?)\n      }}', block, re.S).group(1)
        assert re.findall(r'\w+:|"[^"]*"', page) == re.findall(r'\w+:|"[^"]*"', real), (user, real)


class NatsServerWith(coord.NatsServer):
    """A nats-server with more in its configuration."""

    def __init__(self, config):
        self.config = config
        super().__init__()

    def start(self):
        path = os.path.join(self.dir, "server.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'listen: "127.0.0.1:{self.port}"\njetstream {{store_dir: "{self.dir}"}}\n')
            file.write(self.config)
        self.process = coord.subprocess.Popen(
            ["nats-server", "-c", path], stdin=coord.subprocess.DEVNULL,
            stdout=coord.subprocess.DEVNULL, stderr=coord.subprocess.DEVNULL)
        coord.until("nats-server to listen", self.listens)

    def url_of(self, user):
        return f"nats://{user}:x@127.0.0.1:{self.port}"

    def connect(self):
        return coord.Nats(self.url_of("boss"))


# -- the tables ------------------------------------------------------------------------------------

def source_verbs():
    table = re.search(r"vc_api_verbs\[\] = \{(.*?)NULL", pages.read("coordinator/api.c"), re.S)
    return re.findall(r'"([a-z.]+)"', table.group(1))


def test_the_verbs_are_those_of_the_program():
    assert [pages.words(row[0])[0] for row in pages.rows(pages.section(text(), "## The API"))] == \
        source_verbs()


def test_the_limits_are_those_of_the_headers():
    known = pages.constants()
    rows = pages.rows(pages.section(text(), "## Limits"))
    assert len(rows) > 20
    for name, value, _ in rows:
        name = name.strip("`")
        assert known.get(name) == int(value.replace(",", "")), (name, value, known.get(name))


def test_states_and_moves_are_those_of_the_core():
    states = [row[1] for row in pages.def_rows("coordinator/task_state.def", "VC_TASK_STATE")]
    source = "".join(path.read_text() for path in (pages.ROOT / "coordinator").glob("task*.c"))
    moves = {}
    for state, bits in re.findall(r"\[VC_TASK_(\w+)\] =((?:[\s|]*BIT\(\w+\))+)", source):
        moves[state.lower()] = {word.lower() for word in re.findall(r"BIT\((\w+)\)", bits)}
    told = {pages.words(row[0])[0]: set(pages.words(row[1]))
            for row in pages.rows(pages.section(text(), "## States"))}
    assert told == moves and set(told) < set(states), (told, moves)


def test_error_classes_are_those_of_learning():
    want = {row[1]: row[2] == "true" for row in
            pages.def_rows("learning/error_class.def", "VC_ERROR_CLASS") if row[1]}
    told = {pages.words(row[0])[0]: row[1] == "yes"
            for row in pages.rows(pages.section(text(), "## Outcomes"))}
    assert told == want
    outcomes = {row[1] for row in pages.def_rows("learning/outcome.def", "VC_OUTCOME")}
    common = schema.load("common.json")["definitions"]
    assert outcomes == set(common["outcome"]["enum"])
    assert set(want) == set(common["error_class"]["enum"])
    states = [row[1] for row in pages.def_rows("coordinator/task_state.def", "VC_TASK_STATE")]
    assert common["state"]["enum"] == states
    assert common["gate"]["enum"] == [row[1] for row in
                                      pages.def_rows("scoring/gate.def", "VC_GATE")]
    assert common["rule"]["enum"] == [row[1] for row in
                                      pages.def_rows("scoring/rule.def", "VC_RULE")]


def test_error_codes_are_those_of_the_bridge():
    known = dict(re.findall(r'\{"(\w+)", (\d+)\}', pages.read("nats-bridge/json.c")))
    families = dict(re.findall(r"\{(\d{3}), (\d{5})\}", pages.read("nats-bridge/json.c")))
    told = pages.rows(pages.section(text(), "## Errors"))
    for code, reason, number, _ in told:
        assert known.get(reason.strip("`"), families.get(code)) == number, reason
    used = set()
    for folder in ("coordinator", "nats-bridge"):
        for path in (pages.ROOT / folder).glob("*.c"):
            used |= set(re.findall(r'\b(?:4\d\d|50\d), "([a-z_]+)"', path.read_text()))
    assert used == {row[1].strip("`") for row in told}, used


def test_every_schema_is_spoken_of_or_used_by_one_that_is():
    spoken = {step["schema"] + ".json" for step in steps() if step["schema"]}
    spoken |= {word + ".json" for word in re.findall(r"`(\w+)`", text())}
    spoken |= {verb.replace(".", "_") + "_request.json" for verb in source_verbs()}
    found = set(spoken) & set(schema.names())
    while True:
        more = {ref for name in found for ref in re.findall(
            r'"\$ref": ?"(\w+\.json)', pages.read(f"docs/schemas/{name}"))} - found
        if not more:
            break
        found |= more
    assert found == set(schema.names()), set(schema.names()) - found


if __name__ == "__main__":
    coord.main(globals())
