"""Every promise of docs/guarantees.md names a test, and every test named there exists."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import pages

PAGE = "docs/guarantees.md"


def promises():
    """(promise, [(file, test or None)]) of every row."""
    for row in pages.rows(pages.read(PAGE)):
        tests, file = [], None
        for word in pages.words(row[-1]):
            if "/" in word:
                file = word
                tests.append((file, None))
            else:
                tests.append((file, word))
        yield row[0], tests


def defined(file, name):
    """Whether the file defines that function as a test, and not only speaks of it."""
    text = pages.read(file)
    if file.endswith(".py"):
        return name.startswith("test_") and re.search(rf"^def {name}\(", text, re.M)
    return re.search(rf"^static void {name}\(void \*\*state\)", text, re.M)


def test_every_promise_names_tests_that_exist():
    wrong, count = [], 0
    for promise, tests in promises():
        if not tests:
            wrong.append((promise, "names no test"))
        for file, name in tests:
            count += 1
            if not file or not (pages.ROOT / file).is_file():
                wrong.append((promise, f"{file} is not there"))
            elif not re.search(r"/(test_\w+\.c|\w+\.test\.(py|sh))$", file):
                wrong.append((promise, f"{file} is no test"))
            elif name and not defined(file, name):
                wrong.append((promise, f"{file} has no test {name}"))
    assert not wrong, "\n".join(map(str, wrong))
    assert count > 40, count


def test_a_file_is_named_alone_only_when_it_is_one_test():
    for promise, tests in promises():
        for i, (file, name) in enumerate(tests):
            if name is None and (i + 1 == len(tests) or tests[i + 1][0] != file):
                assert file.startswith(("tests/lint/", "tests/sim/test_seeds.c")), (promise, file)


def test_the_sections_promise_something():
    for heading in re.findall(r"^## .*$", pages.read(PAGE), re.M):
        assert pages.rows(pages.section(pages.read(PAGE), heading)) or heading == \
            "## What is not promised", heading


if __name__ == "__main__":
    coord.main(globals())
