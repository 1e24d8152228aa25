"""Every row of every .def table is used somewhere else.

A row is MACRO(NAME, ...). It is used when NAME, or a word that ends in _NAME, occurs in a source
file, or when a quoted string of the row (its name on the wire) does. Rows with a lower-case name
are functions, which the linker checks, or plain data. A table of constants that are data too says
"all rows: <why>" in its first comment."""
import pathlib
import re
import sys

ROW = re.compile(r"^\s*[A-Z][A-Z0-9_]*\(\s*([A-Z][A-Z0-9_]*)\b", re.M)
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)+"')
SKIPPED = {"build", "node_modules", ".git"}


def files(*suffixes):
    for path in sorted(pathlib.Path(".").rglob("*")):
        if path.suffix in suffixes and not SKIPPED & set(path.parts):
            yield path


def rows_of(text):
    """Yield (line number, name, strings) of each row."""
    starts = list(ROW.finditer(text))
    for match, after in zip(starts, starts[1:] + [None]):
        body = text[match.start():after.start() if after else len(text)]
        yield text.count("\n", 0, match.start(1)) + 1, match.group(1), STRING.findall(body)


def main():
    sources = "\n".join(path.read_text() for path in files(".c", ".h", ".py"))
    tails = {word[start:] for word in set(WORD.findall(sources))
             for start in [0] + [m.end() for m in re.finditer("_", word)]}
    strings = set(STRING.findall(sources))
    rows, bad = 0, 0
    for path in files(".def"):
        text = path.read_text()
        if f'#include "{path}"' not in sources:
            bad += 1
            print(f"{path}:1: nobody includes this table")
        if "all rows:" in text.split("*/", 1)[0]:
            continue
        for line, name, quoted in rows_of(text):
            rows += 1
            if name not in tails and not strings & set(quoted):
                bad += 1
                print(f"{path}:{line}: {name} is used nowhere; use the row or drop it")
    print(f"{rows} rows checked, {bad} complaints")
    return 1 if bad or not rows else 0


sys.exit(main())
