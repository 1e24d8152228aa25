"""infer: which task type a text asks for, one or many."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord


def test_infer_names_type_method_confidence_and_rule():
    done = coord.run("infer", "--title", "Write unit tests for the parser", "-o", "json")
    reply = json.loads(done.stdout)
    assert done.returncode == 0 and list(reply) == ["task_type", "method", "confidence", "rule"]
    assert reply["task_type"] == "testing" and reply["method"] == "rule" and reply["rule"]
    assert 0 < reply["confidence"] <= 1
    done = coord.run("infer", "--title", "Zzyzx", "-o", "json")
    assert json.loads(done.stdout) == {"task_type": "general", "method": "default",
                                       "confidence": 0, "rule": None}


def test_infer_reads_the_description_too():
    reply = json.loads(coord.run("infer", "--title", "Zzyzx", "--description", "write unit tests",
                                 "-o", "json").stdout)
    assert reply["task_type"] == "testing"


def test_infer_prints_a_sentence_for_people():
    assert coord.run("infer", "--title", "Zzyzx").stdout == "general (default, confidence 0.00)\n"
    assert coord.run("infer", "--title", "Write unit tests").stdout.startswith('testing (rule "')


def test_infer_gives_one_line_for_each_line_and_tells_bad_ones_by_the_exit_code():
    good = '{"title":"Write unit tests","description":null}\n{"title":"Zzyzx"}\n'
    done = coord.run("infer", "--jsonl", stdin=good)
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [r["task_type"] for r in replies] == ["testing", "general"]
    bad = ['{"title":1}', "[]", "", "{", '{"description":"x"}', '{"title":"a","title":"b"}',
           '{"title":"x","description":[]}', '{"title":"' + "x" * 66000 + '"}', '{"title":"\\ud800"}']
    done = coord.run("infer", "--jsonl", "-", stdin=good + "\n".join(bad))
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and len(replies) == 2 + len(bad), replies
    assert all(list(r) == ["error"] for r in replies[2:]), replies


def test_infer_answers_bytes_that_are_no_utf8():
    done = subprocess.run([coord.BINARY, "infer", "--jsonl"], input=b'{"title":"\xff\xfe"}\n\x00\n',
                          capture_output=True)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 2
    assert all("error" in json.loads(line) for line in done.stdout.splitlines())


def test_infer_holds_a_conversation():
    process = subprocess.Popen([coord.BINARY, "infer", "--jsonl"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        process.stdin.write('{"title":"Write unit tests"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["task_type"] == "testing"
    process.stdin.close()
    assert process.wait(coord.PATIENCE_S) == 0
    process.stdout.close()


def test_infer_reads_files_and_refuses_what_it_cannot_use():
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write('{"title":"Zzyzx"}')
        file.flush()
        assert '"general"' in coord.run("infer", "--jsonl", file.name).stdout
    assert coord.run("infer", "--jsonl", "/nowhere/x.jsonl").returncode == 3
    assert coord.run("infer").returncode == 2
    assert coord.run("infer", "--title", "x", "--jsonl", "-").returncode == 2


coord.main(globals())
