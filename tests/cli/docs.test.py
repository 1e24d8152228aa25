"""docs/cli.md shows the help of every command as the program prints it. After a change of help,
`VAPORA_COORD=... tests/cli/docs.test.py --write` puts the new text into its sections."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import coord

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "cli.md")
SECTION = re.compile(r"^### (?P<name>[a-z ]+)\n(?P<words>(?:(?!^#|^```)[^\n]*\n)*)"
                     r"```text\n(?P<help>.*?)^```\n", re.M | re.S)


def page():
    with open(PAGE, encoding="utf-8") as file:
        return file.read()


def commands():
    lines = coord.run("help").stdout.split("commands:\n")[1].split("\n\n")[0].splitlines()
    return [re.split(r"  +", line.strip())[0] for line in lines]


def test_every_command_has_its_section_in_the_order_of_help():
    assert [m["name"] for m in SECTION.finditer(page())] == commands()


def test_every_section_shows_the_help_of_today():
    for section in SECTION.finditer(page()):
        help_text = coord.run(*section["name"].split(), "-h").stdout
        assert section["help"] == help_text, f"docs/cli.md, {section['name']}: help is now\n{help_text}"


def test_the_exit_codes_are_the_ones_of_help():
    text = " ".join(coord.run("help").stdout.split("exit codes:\n")[1].split())
    table = dict(re.findall(r"^\| (\d) \| ([a-z ]+)", page(), re.M))
    assert sorted(table) == list("012345")
    for code, meaning in table.items():
        assert f"{code} {meaning.strip()}" in text, (code, meaning)


def write():
    def fresh(section):
        help_text = coord.run(*section["name"].split(), "-h").stdout
        return f"### {section['name']}\n{section['words']}```text\n{help_text}```\n"
    text = SECTION.sub(fresh, page())
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text)


if sys.argv[1:] == ["--write"]:
    write()
else:
    coord.main(globals())
