"""Every #include follows tests/lint/edges.txt. Run at the root of the tree; names file and line."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(<[^>]+>|"[^"]+")')
SYSTEM_LISTS = ("libc", "pure")
GENERATED = {"base/version.h"}


def read_edges(path):
    edges = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            group, may = line.split(":", 1)
            edges.setdefault(group, set()).update(may.split())
    return edges


def core_names():
    found = re.search(r"set\(VC_CORE\s+([^)]*)\)", pathlib.Path("CMakeLists.txt").read_text())
    return set(found.group(1).split()) if found else sys.exit("CMakeLists.txt: no set(VC_CORE ...)")


def group_of(path, core):
    folder = path.split("/", 1)[0]
    if folder == "coordinator" and pathlib.PurePath(path).name.split(".")[0] in core:
        return "core"
    return folder


def refusal(group, target, edges, core):
    """Why @group may not include @target as written, or None."""
    may = edges[group]
    name = target[1:-1]
    if target.startswith("<"):
        allowed = "*" in may or target in may or any(
            f"<{system}>" in may and name in edges[system] for system in SYSTEM_LISTS)
        return None if allowed else f"{group} may not include {target}"
    if name not in GENERATED and not pathlib.Path(name).is_file():
        return f"{target} is no file; includes start at the root of the tree"
    other = group_of(name, core)
    if "!" + name in may or not ("*" in may or other in may or other == group):
        return f"{group} may not include {target}"
    return None


def main():
    edges = read_edges(pathlib.Path(__file__).with_name("edges.txt"))
    core = core_names()
    checked, bad = 0, 0
    for group in sorted({group if group != "core" else "coordinator" for group in edges}):
        for path in sorted(pathlib.Path(group).rglob("*.[chd]*")):
            if path.suffix not in (".c", ".h", ".def"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                why = match and refusal(group_of(str(path), core), match.group(1), edges, core)
                checked += bool(match)
                if why:
                    bad += 1
                    print(f"{path}:{number}: {why} (tests/lint/edges.txt)")
    print(f"{checked} includes checked, {bad} refused")
    return 1 if bad or not checked else 0


sys.exit(main())
