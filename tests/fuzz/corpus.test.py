"""Each fuzz target takes its kept inputs and two seconds of new ones without breaking.

The targets are those of the fuzz build: make fuzz-targets. Longer runs: make fuzz."""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
INPUTS_MAX = 200  # of all targets: kept inputs are few and ours


def main():
    targets = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))
    folders = sorted(path.name for path in (HERE / "corpus").iterdir())
    if folders != targets:
        sys.exit(f"targets {targets} but kept inputs of {folders}")
    inputs = [path for path in (HERE / "corpus").rglob("*") if path.is_file()]
    if len(inputs) > INPUTS_MAX:
        sys.exit(f"{len(inputs)} kept inputs; merge or drop some, {INPUTS_MAX} are plenty")
    return subprocess.run([HERE / "run", "--fresh", "--seconds", "2"], check=False).returncode


sys.exit(main())
