"""No text from outside becomes part of an SQL statement or of a subject.

SQL is fixed text: statements.def, checks.def, the migrations and the pragmas of kg-store; values are bound.
A subject is built by nats-bridge/subjects.h, which looks at every id; a string in which a subject has
a hole, or a message that is sent from outside nats-bridge, is a mistake."""
import pathlib
import re
import sys

FOLDERS = ("base", "learning", "scoring", "coordinator", "kg-store", "nats-bridge", "dashboard", "cli")
CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'', re.S)
STATEMENTS = {"kg-store/statement.c", "kg-store/open.c", "kg-store/check.c", "kg-store/backup.c"}
SUBJECTS = {"nats-bridge/subjects.c", "nats-bridge/permissions.c"}
# In theirs the holes hold names of streams, or of the service and a number made up by us.
SERVERS = {"nats-bridge/streams.c", "nats-bridge/mailbox.c", "nats-bridge/service_api.c",
           "nats-bridge/inspect.c"}
HOLE = r"(?:%[-.*\d]*l{0,2}[a-z]|\{\w\})"
NOUNS = r"(?:task|agent|api|event|dead)"

# what, where it may be, pattern in the code (strings emptied) or in one string
CODE_RULES = [
    ("runs SQL outside kg-store", STATEMENTS,
     re.compile(r"\bsqlite3_(?:prepare\w*|exec|get_table)\b")),
    ("builds SQL; bind the value", set(), re.compile(r"\bsqlite3_(?:v?s?n?mprintf|str_v?append\w*)\b")),
    ("prepares SQL that is not from statements.def", {"kg-store/check.c"},
     re.compile(r"\bsqlite3_prepare\w*\((?!\s*[\w>.-]+,\s*statements\[\w+\]\.sql\b)")),
    ("runs SQL that is not fixed text", set(),
     re.compile(r"\bsqlite3_exec\((?!\s*[\w>.-]+,\s*(?:sql|\w+_pragmas?|\w+->sql|statements\[\w+\]\.sql|"
                r"vc_stmt_sql\(\w+\)),)")),
    ("runs SQL that is not fixed text", set(),
     re.compile(r"\brun_text\((?!struct\b|\s*&?\w+,\s*(?:\w+_pragmas|\w+->sql|vc_stmt_sql\(\w+\)),)")),
    ("speaks to the NATS library outside nats-bridge", None, re.compile(r"\bnats[A-Z]\w+_[A-Z]\w+\(")),
]
STRING_RULES = [
    ("holds SQL; it belongs into statements.def", {"kg-store/open.c", "kg-store/backup.c"},
     re.compile(r"^(?:SELECT\s|INSERT\s+(?:OR\s|INTO\s)|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA\s|"
                r"CREATE\s+(?:TABLE|INDEX|VIEW|TRIGGER)|DROP\s|ATTACH\s|BEGIN\b|COMMIT\b|ROLLBACK\b)")),
    ("puts text into SQL", set(), re.compile(
        rf"\b(?:SELECT|WHERE|FROM|VALUES|PRAGMA|SET)\b.*{HOLE}")),
    ("builds a subject; nats-bridge/subjects.h does that", SUBJECTS,
     re.compile(rf"(?<!io\.)\bvapora\.{NOUNS}\b.*{HOLE}|^{HOLE}\.{NOUNS}\.|^{NOUNS}\.\w+\.{HOLE}")),
    ("builds a subject; nats-bridge/subjects.h does that", SUBJECTS | SERVERS,
     re.compile(rf"(?:\$JS|\$SRV|_INBOX)\b.*{HOLE}")),
]


def parts(text):
    """The code with comments and strings emptied, and [(line, string)]."""
    strings = []

    def blank(match):
        token = match.group()
        if token[0] == '"':
            strings.append((text.count("\n", 0, match.start()) + 1, token[1:-1]))
            return '""'
        return "\n" * token.count("\n") if token[0] == "/" else "0"
    return CODE.sub(blank, text), strings


def complaints(path, text):
    code, strings = parts(text)
    for what, where, pattern in CODE_RULES:
        if (path in where) if where is not None else path.startswith("nats-bridge/"):
            continue
        for found in pattern.finditer(code):
            yield code.count("\n", 0, found.start()) + 1, what
    for what, where, pattern in STRING_RULES:
        if path not in where:
            yield from ((line, what) for line, string in strings if pattern.search(string))


def main():
    files = bad = 0
    for folder in FOLDERS:
        for path in sorted(pathlib.Path(folder).glob("*.[ch]")):
            files += 1
            for line, what in complaints(path.as_posix(), path.read_text()):
                bad += 1
                print(f"{path}:{line}: {what}")
    for path in sorted(pathlib.Path("kg-store").glob("*.def")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r'"[^"]*%[-.*\d]*[sd]', line):
                bad += 1
                print(f"{path}:{number}: puts text into SQL")
    print(f"{files} files checked, {bad} complaints")
    return 1 if bad or not files else 0


sys.exit(main())
