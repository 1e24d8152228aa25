"""The pages of docs/ hang together: links lead somewhere, files exist, tables and vectors are
true."""
import json
import math
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord
import pages

SUFFIXES = (".c", ".h", ".py", ".txt", ".md", ".def", ".json")
NOW_MS = 1790000000000
DAY_MS = 86400000
DECAY = {"half-life": lambda d: 2 ** (-d / 7), "e-fold": lambda d: math.exp(-d / 7),
         "step": lambda d: 1.0}


def test_all_links_lead_somewhere():
    dead = [why for page in pages.pages() for target in pages.link_targets(pages.read(page))
            if (why := pages.is_dead(page, target))]
    assert not dead, "\n".join(dead)


def test_every_page_of_docs_is_reached_from_another():
    reached = set()
    for page in pages.pages():
        for target in pages.link_targets(pages.read(page)):
            reached.add(os.path.normpath(os.path.join(os.path.dirname(page), target.split("#")[0])))
    lonely = [page for page in pages.pages() if page.startswith("docs/decisions/0") and
              page not in reached]
    assert not lonely, lonely


def test_the_files_that_pages_name_are_there():
    missing = []
    outside = re.findall(r"<([\w/]+\.h)>", pages.read("tests/lint/edges.txt"))
    for page in ("docs/architecture.md", "docs/scoring.md", "docs/protocol.md",
                 *(p for p in pages.pages() if p.startswith("docs/decisions/"))):
        folder = None
        prose = re.sub(r"```.*?```", "", pages.read(page), flags=re.S)
        for word in re.findall(r"`([\w./-]+)`", prose):
            if word in outside or word == "nats/":  # nats/ is in the data directory
                continue
            if "/" in word and (word.endswith(SUFFIXES) or word.endswith("/")):
                folder = os.path.dirname(word)
                path = word
            elif word.endswith((".c", ".h")) and folder:
                path = f"{folder}/{word}"
            else:
                continue
            if not (pages.ROOT / path).exists():
                missing.append((page, word))
    assert not missing, missing


def test_the_folder_table_is_the_one_that_is_checked():
    edges = {}
    for line in pages.read("tests/lint/edges.txt").splitlines():
        if line.strip() and not line.startswith("#"):
            group, may = line.split(":", 1)
            edges.setdefault(group, []).extend(may.split())
    want = {}
    for group, may in edges.items():
        if "*" in may or group in ("pure", "libc"):
            continue
        want[group] = ({m for m in may if m[0] not in "<!"},
                       {m[1:-1] for m in may if m[0] == "<"} - {"pure", "libc"})
    told = {pages.words(row[0])[0]: (set(pages.words(row[1])), set(pages.words(row[2])))
            for row in pages.rows(pages.section(pages.read("docs/architecture.md"), "## Folders"))}
    assert told == want, f"told {told}\nwant {want}"


# -- scoring.md ------------------------------------------------------------------------------------

def scoring():
    return pages.read("docs/scoring.md")


def vectors(name):
    table = scoring().split(f"<!-- vectors: {name} -->\n")[1].split("\n\n")[0]
    return pages.rows(table)


def history_of(text):
    """(age in days, value) of each execution that the words of a vector describe."""
    if text.startswith("one a day"):
        return [(age, 1 if age < 5 else 0) for age in range(10)]
    out = []
    for n, word, age in re.findall(r"(\d+) (ok|fail) at ([\d.]+)", text):
        out += [(float(age), int(word == "ok"))] * int(n)
    return out


def expertise(history, recency):
    weights = [(3 if d <= 7 else 1) * DECAY[recency](d) for d, _ in history]
    return sum(w * v for w, (_, v) in zip(weights, history)) / sum(weights)


def test_the_vectors_are_what_the_formula_gives():
    rows = vectors("expertise")
    assert len(rows) >= 7
    for text, n, *told in rows:
        history = history_of(text)
        assert len(history) == int(n), text
        for value, recency in zip(told, ("half-life", "e-fold", "step")):
            assert abs(expertise(history, recency) - float(value)) < 1e-9, (text, recency)
    for s, load, e, n, base, confidence, score in vectors("score"):
        s, load, e, n = float(s), float(load), float(e), int(n)
        assert abs(s / (1 + load) - float(base)) < 1e-9 and min(1, n / 20) == float(confidence)
        want = 0.3 * s / (1 + load) + 0.5 * e + 0.2 * min(1, n / 20)
        assert abs(want - float(score)) < 1e-9, score


def test_the_vectors_are_what_the_program_gives():
    with tempfile.TemporaryDirectory() as folder:
        db = os.path.join(folder, "graph.db")
        lines, wanted = [], {}
        for i, (text, _, *told) in enumerate(vectors("expertise")):
            wanted[f"v{i}"] = dict(zip(("half-life", "e-fold", "step"), map(float, told)))
            for k, (age, value) in enumerate(history_of(text)):
                lines.append(json.dumps({
                    "task_id": f"v{i}-{k}", "epoch": 1, "agent_id": f"v{i}", "task_type": "coding",
                    "outcome": "success" if value else "failure", "duration_ms": 1,
                    "finished_at": round(NOW_MS - age * DAY_MS)}))
        done = coord.run("execution", "import", "-", "--db", db, stdin="\n".join(lines))
        assert done.returncode == 0, done
        for recency in DECAY:
            done = coord.run("score", "rank", "--db", db, "--task-type", "coding", "--at", NOW_MS,
                             "--recency", recency, "-o", "json")
            for candidate in json.loads(done.stdout)["candidates"]:
                want = wanted[candidate["agent_id"]][recency]
                assert abs(candidate["expertise"] - want) < 1e-9, (candidate, want)


def test_gates_and_rules_are_those_of_the_tables():
    gates = [pages.words(row[0])[0] for row in pages.rows(pages.section(scoring(), "## Gates"))]
    assert gates == [row[1] for row in pages.def_rows("scoring/gate.def", "VC_GATE")]
    choice = pages.section(scoring(), "## The choice").split("### Trials")[0]
    rules = [pages.words(row[0])[0] for row in pages.rows(choice)]
    assert rules == [row[1] for row in pages.def_rows("scoring/rule.def", "VC_RULE")]


def test_the_numbers_of_the_formula_are_those_of_the_code():
    known = pages.constants()
    for name, value in (("VC_HISTORY_MAX", 100), ("VC_CONFIDENCE_FULL", 20),
                        ("VC_RECENT_DAYS", 7), ("VC_RECENT_BOOST", 3), ("VC_SILENT_INTERVALS", 3)):
        assert known[name] == value, name
    assert re.search(r"VC_WEIGHTS_DEFAULT[\s\\]*\{[\s\\]*0\.3, 0\.5, 0\.2[\s\\]*\}", pages.read("scoring/score.h"))
    assert re.search(r"\.trials = 3,[\s\\]*\.max_share = 0\.2,[\s\\]*\.priority_max = 7,",
                     pages.read("scoring/choice.h"))


if __name__ == "__main__":
    coord.main(globals())
