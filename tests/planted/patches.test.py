"""Every planted fault still fits the tree, and the tests that it names exist."""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent


def complaints_about(path):
    header = path.read_text().split("\n\n", 1)[0]
    fields = dict(line.split(": ", 1) for line in header.splitlines() if ": " in line)
    if set(fields) != {"Fault", "Rigs"}:
        yield "its header must be the lines 'Fault:' and 'Rigs:'"
    for rig in fields.get("Rigs", "").split():
        folder, _, what = rig.partition("/")
        if not ((TESTS / folder / f"test_{what}.c").is_file() or
                (TESTS / folder / f"{what}.test.py").is_file()):
            yield f"there is no test {rig}"
    done = subprocess.run(["git", "apply", "--check", "-"], cwd=TESTS.parent, text=True,
                          input=path.read_text(), capture_output=True, check=False)
    if done.returncode != 0:
        yield f"it does not fit the tree: {done.stderr.strip()}"


def main():
    patches = sorted(HERE.glob("*.patch"))
    bad = 0
    for path in patches:
        for complaint in complaints_about(path):
            bad += 1
            print(f"tests/planted/{path.name}: {complaint}")
    print(f"{len(patches)} faults that can be planted, {bad} complaints")
    return 0 if patches and not bad else 1


sys.exit(main())
