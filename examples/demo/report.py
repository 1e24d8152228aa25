"""What the demo shows. A result is a dict: task_id, task_type, bug (None: a sound document), agent
(who got it first), ok (the first attempt succeeded), rule (by which that agent was chosen),
attempts, done (it succeeded in the end)."""
import os
import shutil
import sys

GREEN, RED, DIM, BOLD = "32", "31", "2", "1"
FANCY = {"bar": "━", "rest": "─", "none": "·", "steps": " ▁▂▃▄▅▆▇█", "side": "│", "foot": "└",
         "floor": "─"}
PLAIN = {"bar": "=", "rest": "-", "none": ".", "steps": "    ####", "side": "|", "foot": "+",
         "floor": "-"}
RECENT = 50
CURVE_COLUMNS = 25
CURVE_ROWS = 6
MIN_COLUMNS, MIN_LINES = 86, 14  # of a terminal in which the table can be redrawn


class Terminal:
    """Standard output: what it can show, and a block at its end that can be drawn again."""

    def __init__(self):
        size = shutil.get_terminal_size()
        self.redraws = (sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
                        and size.columns >= MIN_COLUMNS and size.lines >= MIN_LINES)
        self.colors = self.redraws and not os.environ.get("NO_COLOR")
        self.glyphs, self.drawn = FANCY, 0
        try:
            "".join(FANCY.values()).encode(sys.stdout.encoding or "ascii")
        except UnicodeEncodeError:
            self.glyphs = PLAIN

    def paint(self, color, text):
        return f"\033[{color}m{text}\033[0m" if self.colors else text

    def say(self, *lines):
        self.drawn = 0
        print(*lines, sep="\n", flush=True)

    def head(self, text):
        self.say("", self.paint(BOLD, text))

    def redraw(self, lines):
        """Put @lines over those of the last redraw."""
        up = f"\033[{self.drawn}A" if self.drawn else ""
        sys.stdout.write(up + "".join(f"\033[K{line}\n" for line in lines))
        sys.stdout.flush()
        self.drawn = len(lines)


def rate(results):
    """The part that succeeded at the first attempt; 0 of none."""
    return sum(r["ok"] for r in results) / len(results) if results else 0.0


def percent(share):
    return f"{100 * share:.0f} %"


def thirds(results):
    third = len(results) // 3
    return results[:third], results[-third:]


def matrix(term, agents, results):
    """Lines: types down, agents across, each cell successes/tasks, by first attempts."""
    types = sorted({r["task_type"] for r in results if r["task_type"]})
    width = max(8, *(len(a) + 2 for a in agents))
    lines = [f"  {'':9}" + "".join(f"{agent:>{width}}" for agent in agents) + "  right at once"]
    for task_type in types:
        row = [r for r in results if r["task_type"] == task_type]
        cells = [cell(term, [r for r in row if r["agent"] == agent], width) for agent in agents]
        lines.append(f"  {task_type:9}" + "".join(cells) + f"{percent(rate(row)):>15}")
    return lines


def cell(term, results, width):
    if not results:
        return term.paint(DIM, f"{term.glyphs['none']:>{width}}")
    good = sum(r["ok"] for r in results)
    text = f"{good}/{len(results)}"
    return term.paint(GREEN if 2 * good > len(results) else RED, f"{text:>{width}}")


def progress(term, agents, results, total):
    """Show how far it is: a table that is redrawn, or now and then a line."""
    n, recent = len(results), rate(results[-RECENT:])
    state = f"{n:4}/{total} tasks, {percent(recent)} of the last {min(n, RECENT)} right at once"
    if term.redraws:
        done = 30 * n // total
        bar = term.glyphs["bar"] * done + term.paint(DIM, term.glyphs["rest"] * (30 - done))
        term.redraw([f"  {bar} {state}", "", *matrix(term, agents, results)])
    elif n % max(1, total // 10) == 0:
        term.say(state)


def curve(term, results):
    """The rate over the run as a chart."""
    columns = min(CURVE_COLUMNS, len(results))
    cuts = [len(results) * i // columns for i in range(columns + 1)]
    rates = [rate(results[a:b]) for a, b in zip(cuts, cuts[1:])]
    steps = term.glyphs["steps"]
    lines = []
    for row in reversed(range(CURVE_ROWS)):
        label = {CURVE_ROWS - 1: "100 %", CURVE_ROWS // 2 - 1: "50 %"}.get(row, "")
        fill = (min(1, max(0, r * CURVE_ROWS - row)) for r in rates)
        bars = "".join(2 * steps[round(f * (len(steps) - 1))] + " " for f in fill)
        lines.append(f"  {label:>5} {term.glyphs['side']} {term.paint(GREEN, bars.rstrip())}")
    width = 3 * columns
    lines.append(f"  {'0 %':>5} {term.glyphs['foot']}{term.glyphs['floor'] * width}")
    lines.append(f"  {'':5}  {'first task':<{width - 9}}last task")
    return lines
