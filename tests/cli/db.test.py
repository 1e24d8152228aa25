"""db check, backup and restore on the real program: while a coordinator serves, and after damage."""
import json
import os
import re
import sqlite3
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

ROWS = [{"task_id": f"t{i}", "epoch": 1, "agent_id": f"a{i % 7}", "task_type": "coding",
         "outcome": "success" if i % 3 else "failure", "finished_at": 1790000000000 + i * 1000}
        for i in range(300)]


class Imported:
    """A directory with a database of 300 executions."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="vapora-db-")
        self.db = self.path("graph.db")
        done = coord.run("execution", "import", "-", "--db", self.db,
                         stdin="".join(json.dumps(row) + "\n" for row in ROWS))
        assert done.returncode == 0, done
        return self

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def __exit__(self, *exception):
        self.folder.cleanup()


def check(db):
    done = coord.run("db", "check", "--db", db, "-o", "json", timeout=120)
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0), done
    return report


def found(report):
    return [c["name"] for c in report["checks"] if not c["ok"]]


def rank(db):
    return coord.run("score", "rank", "--db", db, "--task-type", "coding", "--at", "1790000400000",
                     "-o", "json")


def flip(path, pattern):
    """Flip a bit in the last byte of what fits; pages keep older copies of a row beside it."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    places = [found.end() - 1 for found in re.finditer(pattern, data, re.S)]
    assert places, pattern
    for place in places:
        data[place] ^= 1
    with open(path, "wb") as file:
        file.write(data)


def test_check_passes_a_sound_database_and_names_its_checks():
    with Imported() as it:
        report = check(it.db)
        assert found(report) == [] and len(report["checks"]) == 10, report
        table = coord.run("db", "check", "--db", it.db)
        assert table.returncode == 0 and table.stderr == ""
        assert [line.split()[:2] for line in table.stdout.splitlines()[1:]] == [
            [c["name"], "0"] for c in report["checks"]], table
        assert coord.run("db", "check", "--db", it.path("none.db")).returncode == 3


def test_check_finds_a_bit_that_flipped_in_a_text():
    with Imported() as it:
        flip(it.db, rb"importfailure: agent_errort9")  # the title of a task
        with sqlite3.connect(it.db) as reader:
            assert reader.execute("SELECT title FROM task WHERE task_id = 't9'").fetchone() == ("t8",)
            assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        reader.close()
        report = check(it.db)
        assert found(report) == ["checksums"] and report["checks"][2]["first"] == "task 't9'", report
        done = coord.run("db", "check", "--db", it.db)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        assert f"vapora-coord db restore --from BACKUP --db '{it.db}' --force" in done.stderr, done


def test_serve_refuses_a_damaged_database_with_one_line():
    for damage in ("cut", "zero", "flip", "empty"):
        with Imported() as it:
            if damage == "cut":
                os.truncate(it.db, os.path.getsize(it.db) // 2)
            elif damage == "zero":
                with open(it.db, "r+b") as file:
                    file.seek(4096 * 2)  # the root of the agents
                    file.write(bytes(4096))
            elif damage == "empty":
                os.truncate(it.db, 0)
            else:
                flip(it.db, rb"a3.{6}\{\}")  # the card of an agent
            done = coord.run("serve", "--data-dir", it.folder.name, "--http", "127.0.0.1:0")
            lines = [line for line in done.stderr.splitlines() if " info " not in line.lower()]
            assert done.returncode == 1 and len(lines) == 1, (damage, done)
            assert lines[0].startswith("vapora-coord serve: cannot "), (damage, lines)
            assert f"db restore --from BACKUP --db '{it.db}' --force" in lines[0], (damage, lines)


def test_restore_puts_a_backup_in_the_place_of_a_damaged_database():
    with Imported() as it:
        before = rank(it.db).stdout
        backup = it.path("backup.db")
        done = coord.run("db", "backup", "--db", it.db, "--output", backup, "-o", "json")
        assert done.returncode == 0, done
        assert json.loads(done.stdout)["bytes"] == os.path.getsize(backup)
        assert os.stat(backup).st_mode & 0o777 == 0o600
        os.chmod(it.db, 0o640)
        os.truncate(it.db, os.path.getsize(it.db) // 2)
        assert rank(it.db).returncode == 1
        assert coord.run("db", "restore", "--from", backup, "--db", it.db).returncode == 4
        done = coord.run("db", "restore", "--from", backup, "--db", it.db, "--force")
        assert done.returncode == 0, done
        assert os.stat(it.db).st_mode & 0o777 == 0o640
        assert os.path.exists(it.db + ".replaced") and check(it.db)["ok"]
        assert rank(it.db).stdout == before
        done = coord.run("db", "restore", "--from", it.db + ".replaced", "--db", it.db, "--force")
        assert done.returncode == 1 and "nothing was changed" in done.stderr, done
        assert rank(it.db).stdout == before


def submit_until(serve, ended, accepted):
    nats = serve.connect()
    while not ended.is_set():
        task_id = f"task-{len(accepted)}"
        nats.request("task.submit", {"task_id": task_id, "title": "x", "task_type": "coding"})
        accepted.append(task_id)


def ids_in(db):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as reader:
        return [row[0] for row in reader.execute("SELECT task_id FROM task ORDER BY seq")]


def test_backups_under_load_are_whole_and_a_prefix_of_what_was_accepted():
    with coord.start_serve() as serve, tempfile.TemporaryDirectory(prefix="vapora-db-") as folder:
        db = os.path.join(serve.dir, "graph.db")
        ended, accepted = threading.Event(), []
        coord.Agent(serve.connect(), "ada", capacity=50)
        feeder = threading.Thread(target=submit_until, args=(serve, ended, accepted))
        feeder.start()
        try:
            coord.until("some tasks", lambda: len(accepted) > 100)
            sizes = []
            for i in range(4):
                copy = os.path.join(folder, f"copy-{i}.db")
                least = len(accepted)
                done = coord.run("db", "backup", "--db", db, "--output", copy, timeout=60)
                most = len(accepted) + 1  # one may be committed and not yet answered
                assert done.returncode == 0, done
                assert check(copy)["ok"], check(copy)
                ids = ids_in(copy)
                assert ids == [f"task-{n}" for n in range(len(ids))]
                assert least <= len(ids) <= most, (least, len(ids), most)
                sizes.append(len(ids))
            assert check(db)["ok"], check(db)
            refused = coord.run("db", "restore", "--from", copy, "--db", db, "--force")
            assert refused.returncode == 4 and str(serve.process.pid) in refused.stderr, refused
            refused = coord.run("db", "restore", "--from", db, "--db", copy, "--force")
            assert refused.returncode == 4 and "db backup" in refused.stderr, refused
        finally:
            ended.set()
            feeder.join()
        assert sizes == sorted(sizes) and sizes[0] < sizes[-1] < len(accepted), (sizes, accepted[-1])
        print(f"    backups of {sizes} tasks while {len(accepted)} were accepted")


def test_a_backup_replaces_an_older_backup_of_the_same_store_and_nothing_else():
    with Imported() as it, Imported() as other:
        backup = it.path("backup.db")
        for _ in range(2):
            assert coord.run("db", "backup", "--db", it.db, "--output", backup).returncode == 0
        text = it.path("nats.url")
        with open(text, "w", encoding="utf-8") as file:
            file.write("nats://127.0.0.1:1\n")
        empty = it.path("graph.db-wal")
        open(empty, "w", encoding="utf-8").close()
        for target in (other.db, text, empty):
            before = open(target, "rb").read()
            done = coord.run("db", "backup", "--db", it.db, "--output", target)
            assert done.returncode == 4 and "it is no backup of" in done.stderr, (target, done)
            assert open(target, "rb").read() == before


def test_what_a_restore_replaced_is_kept_until_it_is_moved_away():
    with Imported() as it:
        backup = it.path("backup.db")
        assert coord.run("db", "backup", "--db", it.db, "--output", backup).returncode == 0
        first = uuid_in(it.db)
        for code in (0, 4):
            done = coord.run("db", "restore", "--from", backup, "--db", it.db, "--force")
            assert done.returncode == code, done
            assert uuid_in(it.db + ".replaced") == first
        assert "move it away first" in done.stderr and check(it.db)["ok"], done


def uuid_in(db):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as file:
        return file.execute("SELECT value FROM meta WHERE key = 'uuid'").fetchone()[0]


def test_a_restored_database_is_served():
    with coord.start_serve() as serve:
        nats = serve.connect()
        for n in range(20):
            nats.request("task.submit", {"task_id": f"t{n}", "title": "x"})
        db, copy = os.path.join(serve.dir, "graph.db"), os.path.join(serve.dir, "copy.db")
        assert coord.run("db", "backup", "--db", db, "--output", copy).returncode == 0
        for n in range(20, 30):
            nats.request("task.submit", {"task_id": f"t{n}", "title": "x"})
        serve.kill()
        done = coord.run("db", "restore", "--from", copy, "--db", db, "--force")
        assert done.returncode == 0, done
        assert not os.path.exists(db + "-wal") and not os.path.exists(db + "-shm")
        assert len(ids_in(db)) == 20
        assert uuid_in(db) != uuid_in(db + ".replaced") == uuid_in(copy)
        serve.start()
        assert serve.connect().request("stats.get")["tasks"]["queued"] == 20
        assert check(db)["ok"], check(db)


coord.main(globals())
