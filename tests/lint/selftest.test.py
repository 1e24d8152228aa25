"""The checks of this folder bite: each passes on a small clean tree and fails on a
planted mistake."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HARDENED = ["-O2", "-fPIE", "-pie", "-fstack-protector-all", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro",
            "-Wl,-z,now"]

CLEAN = {
    "CMakeLists.txt": "set(VC_CORE core)\n",
    ".clang-format": (ROOT / ".clang-format").read_text(),
    "base/time.h": "int vc_day(void);\n",
    "base/color.def": 'VC_COLOR(RED, "red")\nVC_COLOR(BLUE,\n    "blue")\n',
    "base/color.h": '#include "base/color.def"\nint vc_red(void); /* VC_COLOR_RED, "blue" */\n',
    "learning/curve.c": '#include "base/time.h"\n\nint vc_curve(void);\n\nint vc_curve(void)\n{\n'
                        "    return vc_day();\n}\n",
    "coordinator/core.c": '#include "learning/curve.h"\n',
    "learning/curve.h": "int vc_curve(void);\n",
    "cli/main.c": '#include <stdio.h>\n#include <string.h>\n\nint main(int argc, char **argv)\n{\n'
                  '    char text[9];\n    strcpy(text, argv[argc - 1]);\n'
                  "    return puts(text);\n}\n",
    "scripts/run": "#!/bin/sh\ntrue\n",
}

# check, file, what is planted there, what the check says about it
PLANTED = [
    ("edges.test.py", "learning/curve.c", '#include "base/log.h"\n',
     'learning/curve.c:1: "base/log.h" is'),
    ("edges.test.py", "learning/curve.c", '\n#include "coordinator/core.c"\n',
     "learning/curve.c:2: learning"),
    ("edges.test.py", "learning/curve.h", "#include <stdio.h>\n", "may not include <stdio.h>"),
    ("edges.test.py", "coordinator/core.c", "#include <uv.h>\n", "core may not include <uv.h>"),
    ("edges.test.py", "base/color.h", '#include "color.def"\n', "start at the root"),
    ("purity.test.py", "learning/curve.c", "#include <time.h>\nlong x(void);\nlong x(void)\n{\n"
     "    return time(0);\n}\n", "calls time"),
    ("purity.test.py", "learning/curve.c", "int vc_wall_now(void);\nint x(void);\nint x(void)\n{\n"
     "    return vc_wall_now();\n}\n", "calls vc_wall_now"),
    ("defs.test.py", "base/color.def", 'VC_COLOR(GREEN, "green")\n', "base/color.def:1: GREEN"),
    ("defs.test.py", "base/color.h", "/* RED blue */\n", "base/color.def:1: nobody includes"),
    ("format.test.sh", "learning/curve.h", "int  vc_curve(void);\n", "learning/curve.h:1"),
    ("ids.test.py", "cli/main.c", 'int x = sqlite3_exec(db, "", 0, 0, 0);\n', "runs SQL outside"),
    ("ids.test.py", "kg-store/open.c", "int x = sqlite3_exec(db, text, 0, 0, 0);\n", "not fixed"),
    ("ids.test.py", "kg-store/open.c", "int x = run_text(kg, vc_buf_text(&sql), 0);\n", "not fixed"),
    ("ids.test.py", "kg-store/statement.c", "int x = sqlite3_prepare_v2(db, sql, 1, 0, 0);\n",
     "not from statements.def"),
    ("ids.test.py", "kg-store/read.c", 'char *x = sqlite3_mprintf("%Q", id);\n', "builds SQL"),
    ("ids.test.py", "kg-store/read.c", 'char *x = "SELECT id " "FROM task";\n', "holds SQL"),
    ("ids.test.py", "kg-store/read.c", 'char *x = f("... WHERE id = \'%s\'", id);\n', "into SQL"),
    ("ids.test.py", "kg-store/a.def", 'X(A, "... WHERE id = %s")\n', "puts text into SQL"),
    ("ids.test.py", "cli/main.c", 'char *x = f("vapora.api.%s", verb);\n', "builds a subject"),
    ("ids.test.py", "coordinator/core.c", 'char *x = f("%s.task.assign.%s", p, id);\n', "builds a"),
    ("ids.test.py", "cli/main.c", 'char *x = f("_INBOX.%s", user);\n', "builds a subject"),
    ("ids.test.py", "nats-bridge/bus.c", 'char *x = f("$JS.API.%s", verb);\n', "builds a subject"),
    ("ids.test.py", "cli/main.c", "int x = natsConnection_Publish(nc, id, 0, 0);\n", "speaks to"),
    ("marks.test.sh", "scripts/run", "# TO" + "DO later\n", "scripts/run:1"),
    ("shell.test.sh", "scripts/run", "#!/bin/sh\nif true\n", "scripts/run"),
    ("shell.test.sh", "scripts/run.sh", "true\n", "no #!/bin/sh line"),
    ("hardening.test.sh", "CFLAGS", "-no-pie", "PIE"),
    ("hardening.test.sh", "CFLAGS", "-Wl,-z,lazy", "BIND_NOW"),
    ("hardening.test.sh", "CFLAGS", "-Wl,-z,norelro", "RELRO"),
    ("hardening.test.sh", "CFLAGS", "-Wl,-z,execstack", "not executable"),
    ("hardening.test.sh", "CFLAGS", "-fno-stack-protector", "canary"),
    ("hardening.test.sh", "CFLAGS", "-U_FORTIFY_SOURCE", "FORTIFY"),
]


def build(tree, flags):
    """What make would leave in build/: three archives and a binary."""
    for folder in ("bin", "lib"):
        (tree / "build" / folder).mkdir(parents=True)
    subprocess.run(["cc", "-w", "-O0", "-I.", "-c", "learning/curve.c", "-o", "build/curve.o"],
                   cwd=tree, check=True)
    for name in ("learning", "scoring", "core"):
        subprocess.run(["ar", "rc", f"build/lib/libvc_{name}.a", "build/curve.o"],
                       cwd=tree, check=True)
    subprocess.run(["cc", "-w", "cli/main.c", "-o", "build/bin/vapora-coord", *HARDENED, *flags],
                   cwd=tree, check=True)


def run(check, planted=None, text=None):
    """The exit code and the output of @check over a clean tree with one file replaced."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for name, content in {**CLEAN, **({planted: text} if planted else {})}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(content)
        if check in ("purity.test.py", "hardening.test.sh"):
            build(tree, [text] if planted == "CFLAGS" else [])
        interpreter = sys.executable if check.endswith(".py") else "sh"
        shutil.copytree(HERE, tree / "tests" / "lint",
                        ignore=shutil.ignore_patterns("selftest*"))
        done = subprocess.run([interpreter, f"tests/lint/{check}"], cwd=tree, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, "VC_RELEASE_DIR": str(tree / "build")})
        return done.returncode, done.stdout


def main():
    bad = 0
    for check in sorted({row[0] for row in PLANTED}):
        code, output = run(check)
        if code != 0:
            bad += 1
            print(f"{check} complains about a clean tree:\n{output}")
    for check, planted, text, expected in PLANTED:
        code, output = run(check, planted, text)
        if code == 0 or expected not in output:
            bad += 1
            print(f"{check} overlooks {text!r} in {planted}: exit {code}, wanted {expected!r} in:"
                  f"\n{output}")
    print(f"{len(PLANTED)} planted mistakes, {bad} complaints")
    return 1 if bad else 0


sys.exit(main())
