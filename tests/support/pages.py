"""Reading the pages of docs/ and the tables of the sources that they speak of."""
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def pages():
    """Every Markdown page that ships, relative to the root of the tree."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found if path.is_file())


def section(text, heading):
    """What stands below a heading, up to the next of its rank or above."""
    level = heading.split()[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text,
                      re.M | re.S)
    assert found, f"there is no heading {heading!r}"
    return found.group(1)


def rows(text):
    """The cells of every row of the tables in a text, without their heads."""
    out, above = [], ""
    for line in text.splitlines():
        if line.startswith("|") and not re.match(r"^\|[-: |]+\|$", line):
            out.append([cell.strip() for cell in line.strip("|").split("|")])
        elif line.startswith("|") and above.startswith("|"):
            out.pop()
        above = line
    return out


def words(cell):
    """The `words` of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def def_rows(path, macro):
    """The arguments of each MACRO(...) of a .def table, texts without their quotes."""
    return [[a.strip().strip('"') for a in args.split(",", 3)]
            for args in re.findall(rf"^{macro}\(([^)]*)\)", read(path), re.M)]


def constants():
    """Every `#define VC_... number` of the headers."""
    raw = {}
    for path in ROOT.rglob("*.h"):
        if "build" not in path.relative_to(ROOT).parts:
            raw.update(re.findall(r"^#define (VC_\w+)[ \t]+([^/\n]+)", path.read_text(), re.M))

    def value(text):
        text = re.sub(r"\((?:off_t|size_t)\)|INT64_C", "", text)
        text = re.sub(r"VC_\w+", lambda m: str(value(raw[m.group()])), text)
        return int(eval(text, {"__builtins__": {}}))  # sums and products of our own headers
    out = {}
    for name, text in raw.items():
        if re.fullmatch(r"[\w\s()*+<-]+", text):
            try:
                out[name] = value(text)
            except (KeyError, SyntaxError, NameError, TypeError):
                pass  # not a number
    return out


def link_targets(text):
    """Where the links of a page lead; code is no link."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
    return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text)


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def is_dead(page, target):
    """Why a link of a page leads nowhere, or None."""
    if "://" in target or target.startswith("mailto:"):
        return None
    path, _, fragment = target.partition("#")
    where = os.path.normpath(ROOT / os.path.dirname(page) / path) if path else ROOT / page
    if not os.path.exists(where):
        return f"{page}: {target} is not there"
    if fragment and anchor(fragment) not in [
            anchor(h) for h in re.findall(r"^#+ (.+)$", pathlib.Path(where).read_text(), re.M)]:
        return f"{page}: {target}: there is no such heading"
    return None
