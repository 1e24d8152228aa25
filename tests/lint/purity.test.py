"""The pure libraries call nothing but what tests/lint/pure-symbols.txt allows.

Looks at the undefined symbols of the release build, whose folder VC_RELEASE_DIR names."""
import fnmatch
import os
import pathlib
import subprocess
import sys

PURE = ("learning", "scoring", "core")


def read_patterns(path):
    lines = [line.strip() for line in path.read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return ([line for line in lines if not line.startswith("!")],
            [line[1:] for line in lines if line.startswith("!")])


def matches(symbol, patterns):
    return any(fnmatch.fnmatchcase(symbol, pattern) for pattern in patterns)


def undefined(archive):
    """Yield (object, symbol) for each symbol the objects of @archive expect from elsewhere."""
    text = subprocess.run(["nm", "-u", "-A", str(archive)], check=True, capture_output=True,
                          text=True).stdout
    for line in text.splitlines():
        where, _, symbol = line.rpartition(" U ")
        yield where.rstrip(": ").rpartition(":")[2], symbol


def main():
    allowed, forbidden = read_patterns(pathlib.Path(__file__).with_name("pure-symbols.txt"))
    checked, bad = 0, 0
    for name in PURE:
        archive = pathlib.Path(os.environ["VC_RELEASE_DIR"], "lib", f"libvc_{name}.a")
        if not archive.is_file():
            bad += 1
            print(f"{archive}: missing; run make first")
            continue
        for where, symbol in undefined(archive):
            checked += 1
            if matches(symbol, forbidden) or not matches(symbol, allowed):
                bad += 1
                print(f"{archive.name}: {where} calls {symbol}, which pure code may not "
                      "(tests/lint/pure-symbols.txt)")
    print(f"{checked} symbols checked, {bad} complaints")
    return 1 if bad or not checked else 0


sys.exit(main())
