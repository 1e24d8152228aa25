"""doctor on a real coordinator: what is well, what differs, what was lost, and the exit code."""
import base64
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord


def doctor(serve, *args):
    done = serve.run("doctor", "-o", "json", *args, timeout=60)
    report = json.loads(done.stdout)
    failed = any(f["level"] == "fail" for f in report["findings"])
    assert done.returncode == int(failed) and report["ok"] == (not failed), done
    for finding in report["findings"]:
        assert set(finding) == {"level", "check", "finding", "do"}, finding
        assert (finding["level"] == "ok") == (finding["do"] is None), finding
    return report["findings"]


def of(findings, check):
    return [f for f in findings if f["check"] == check]


def submit(nats, first, last):
    for n in range(first, last):
        nats.request("task.submit", {"task_id": f"t{n}", "title": "x"})


def drained(nats):
    return nats.request("stats.get")["outbox"] == 0


def test_a_coordinator_that_is_well_fails_nothing():
    with coord.start_serve() as serve:
        nats = serve.connect()
        submit(nats, 0, 5)
        coord.until("the outbox to drain", lambda: drained(nats))
        findings = doctor(serve)
        bad = [f for f in findings if f["level"] == "fail"]
        assert not bad, bad
        for check in ("max_payload", "coordinator", "events", "database", "open files"):
            assert [f["level"] for f in of(findings, check)] == ["ok"], of(findings, check)
        assert [f["level"] for f in of(findings, "streams")] == ["ok"] * 4, findings
        server = of(findings, "server")
        assert server[0]["finding"].startswith("nats-server "), server
        version = tuple(map(int, server[0]["finding"].split()[1].split(".")))
        assert any("CVE-2025-30215" in f["finding"] for f in server) == (version < (2, 10, 27))
        table = serve.run("doctor")
        assert table.stdout.splitlines()[0].split()[:3] == ["LEVEL", "CHECK", "FINDING"], table


def test_streams_that_differ_are_told():
    with coord.start_serve() as serve:
        nats = serve.connect()
        config = nats.ask("$JS.API.STREAM.INFO.VAPORA_EVENTS").json()["config"]
        config["max_age"] //= 2
        answer = nats.ask("$JS.API.STREAM.UPDATE.VAPORA_EVENTS", config).json()
        assert "error" not in answer, answer
        drift = [f for f in of(doctor(serve), "streams") if f["level"] == "warn"]
        assert len(drift) == 1 and "VAPORA_EVENTS max_age is " in drift[0]["finding"], drift
        nats.ask("$JS.API.STREAM.DELETE.VAPORA_DEAD")
        gone = [f for f in of(doctor(serve), "streams") if f["level"] == "fail"]
        assert len(gone) == 1 and "VAPORA_DEAD" in gone[0]["finding"], gone


def test_a_database_that_lost_commits_is_found_by_its_events():
    with coord.start_serve() as serve, tempfile.TemporaryDirectory(prefix="vapora-doc-") as folder:
        nats = serve.connect()
        submit(nats, 0, 3)
        db, copy = os.path.join(serve.dir, "graph.db"), os.path.join(folder, "copy.db")
        assert coord.run("db", "backup", "--db", db, "--output", copy).returncode == 0
        submit(nats, 3, 20)
        coord.until("the outbox to drain", lambda: drained(nats))
        assert of(doctor(serve), "events")[0]["level"] == "ok"
        lost = of(doctor(serve, "--db", copy), "events")[0]
        assert lost["level"] == "fail" and "it has lost what it had committed" in lost["finding"], lost


def test_events_that_the_server_lost_are_found():
    with coord.start_serve() as serve:
        nats = serve.connect()
        submit(nats, 0, 5)
        coord.until("the outbox to drain", lambda: drained(nats))
        stream = "VAPORA_EVENTS"
        message = nats.ask(f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": 1}).json()["message"]
        headers = base64.b64decode(message["hdrs"]).decode()
        first = re.search("Nats-Msg-Id: ?(\\S+)", headers).group(1)
        assert first.endswith(":1"), headers
        # A stream that was lost and begins anew with an old event.
        config = nats.ask(f"$JS.API.STREAM.INFO.{stream}").json()["config"]
        nats.ask(f"$JS.API.STREAM.DELETE.{stream}")
        nats.ask(f"$JS.API.STREAM.CREATE.{stream}", config)
        nats.store("vapora.event.task.submitted", {}, first)
        lost = of(doctor(serve), "events")[0]
        assert lost["level"] == "warn" and "the server has lost some" in lost["finding"], lost


def test_damage_and_absence_are_told_with_what_to_do():
    with tempfile.TemporaryDirectory(prefix="vapora-doc-") as folder:
        db = os.path.join(folder, "graph.db")
        row = {"task_id": "t", "epoch": 1, "agent_id": "a", "task_type": "x", "outcome": "success",
               "finished_at": 4102444800000}
        assert coord.run("execution", "import", "-", "--db", db,
                         stdin=json.dumps(row) + "\n").returncode == 0
        done = coord.run("doctor", "--data-dir", folder, "-o", "json")
        findings = json.loads(done.stdout)["findings"]
        assert done.returncode == 1 and of(findings, "server")[0]["level"] == "fail", findings
        assert of(findings, "database")[0]["level"] == "ok", findings
        clock = of(findings, "clock")[0]
        assert clock["level"] == "warn" and "2100-01-01" in clock["finding"], clock
        os.truncate(db, os.path.getsize(db) // 2)
        findings = json.loads(coord.run("doctor", "--data-dir", folder, "-o", "json").stdout)["findings"]
        assert of(findings, "database")[0]["level"] == "fail", findings
        assert "db restore" in of(findings, "database")[0]["do"], findings
        os.unlink(db)
        findings = json.loads(coord.run("doctor", "--data-dir", folder, "-o", "json").stdout)["findings"]
        assert of(findings, "database")[0]["level"] == "warn", findings


coord.main(globals())
