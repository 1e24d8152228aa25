"""Real work for the demo: documents of seven kinds, the same for the same seed.

KINDS holds for each kind how its tasks are called, the type that the submitter states (None: the
coordinator finds it in the title), the recipes that write a sound document, and the breaks that
turn one into a document with a bug that people really make."""
import json
import random
import re
import textwrap

THINGS = ("order", "invoice", "parcel", "ticket", "reader", "sensor", "booking", "recipe", "track",
          "vessel", "customer", "garden", "lesson", "engine", "picture", "station")
PLACES = ("Porto", "Bergen", "Gdansk", "Lyon", "Oulu", "Cork", "Trieste", "Ghent", "Brno", "Riga")
WORDS = ("blue", "north", "slow", "tidy", "round", "early", "plain", "brisk", "quiet", "sharp")
SHARE_BROKEN = 0.06


def lines(text, **values):
    """A block of text without its margin; @name@ is replaced."""
    text = textwrap.dedent(text).strip("\n") + "\n"
    return re.sub(r"@(\w+)@", lambda m: str(values[m.group(1)]), text)


def names(rng):
    """What the recipes fill in."""
    thing, other = rng.sample(THINGS, 2)
    word, second = rng.sample(WORDS, 2)
    return {"thing": thing, "other": other, "word": word, "second": second,
            "place": rng.choice(PLACES), "low": rng.randrange(2, 9), "high": rng.randrange(11, 60),
            "id": rng.randrange(1000, 9999)}


# json ------------------------------------------------------------------------------------------

def json_listing(rng, v):
    rows = [{"id": v["id"] + i, v["thing"]: f"{rng.choice(WORDS)} {v['thing']}",
             "place": rng.choice(PLACES), "open": rng.random() < 0.5,
             "weight": round(rng.uniform(0.1, 90), 2)} for i in range(rng.randrange(2, 6))]
    return json.dumps({"total": len(rows), "next": None, f"{v['thing']}s": rows}, indent=2)


def json_settings(_, v):
    return json.dumps({
        "name": f"{v['word']}-{v['thing']}",
        "limits": {"open": v["high"], "retries": v["low"], "strict": True},
        "stores": [{"place": v["place"], "path": f"/srv/{v['other']}", "proxy": None},
                   {"place": "local", "path": "/tmp", "proxy": False}],
        "labels": {"team": v["second"], "tier": {"name": v["word"], "paid": v["low"] > 4}},
    }, indent=4)


def json_event(rng, v):
    return json.dumps({
        "event": f"{v['thing']}.moved", "at": f"2026-0{rng.randrange(1, 9)}-1{rng.randrange(9)}",
        "from": {"place": v["place"], "position": [v["low"], -v["high"]]},
        "to": {"place": rng.choice(PLACES), "position": None},
        "comment": f"said \"{v['word']}\" \u2013 then left",
        "seen_by": [{"id": v["id"], "sure": True}, {"id": v["id"] + 1, "sure": False}],
    }, indent=2)


JSON_BREAKS = (
    ("a comma after the last element", r"(\d|\"|true|false|null|[\]}])(\n\s*[\]}])", r"\1,\2"),
    ("a comment", r"\n(\s*)\"", r"\n\1// see the wiki\n\1" + '"'),
    ("a key without quotes", r"\n(\s*)\"(\w+)\":", r"\n\1\2:"),
    ("the last brace is missing", r"}\s*$", ""),
)


# xml -------------------------------------------------------------------------------------------

def xml_catalog(rng, v):
    rows = "".join(f'  <{v["thing"]} id="x{v["id"] + i}" place="{rng.choice(PLACES)}">\n'
                   f"    <name>{rng.choice(WORDS)} &amp; {v['second']}</name>\n    <empty/>\n"
                   f"  </{v['thing']}>\n" for i in range(rng.randrange(2, 5)))
    return f'<?xml version="1.0"?>\n<catalog>\n{rows}</catalog>\n'


def xml_feed(_, v):
    return lines('''
        <?xml version="1.0" encoding="UTF-8"?>
        <rss version="2.0">
          <channel>
            <title>News of the @word@ @thing@</title>
            <link>https://example.org/@other@?a=@low@&amp;b=@high@</link>
            <item><guid isPermaLink="false">@id@</guid><title>Now in @place@</title></item>
            <description><![CDATA[<b>@second@</b> & more]]></description>
          </channel>
        </rss>''', **v)


def xml_drawing(rng, v):
    shapes = "".join(f'    <rect x="{rng.randrange(90)}" y="{rng.randrange(90)}" width="{v["low"]}"'
                     f' height="{v["high"]}"/>\n' for _ in range(rng.randrange(2, 6)))
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99">\n'
            f'  <title>{v["place"]}</title>\n  <g id="{v["thing"]}">\n{shapes}  </g>\n</svg>\n')


XML_BREAKS = (
    ("an element that is closed by another name", r"</(title|catalog|name)>", r"</\1s>"),
    ("a bare ampersand", r"<(name|title)>", r"<\1>Fish & "),
    ("an attribute without quotes", r' (id|version|x)="([\w.]+)"', r" \1=\2"),
    ("the end tag is missing", r"</\w+>\s*$", ""),
)


# shell -----------------------------------------------------------------------------------------

def shell_backup(_, v):
    return lines('''
        #!/bin/bash
        # Keep the last @low@ copies of the @thing@ files.
        set -euo pipefail

        keep=${1:-@low@}
        for file in "$HOME/@thing@s"/*.tar; do
            if [ "$(stat -c %s "$file")" -gt @id@ ]; then
                gzip -k "$file" && echo "packed: $file"
            fi
        done
        find "$HOME/@thing@s" -name '*.gz' | sort -r | tail -n +"$((keep + 1))" | xargs -r rm --
        ''', **v)


def shell_options(_, v):
    return lines('''
        #!/bin/bash
        usage() {
            echo "usage: ${0##*/} [-@word@] @thing@..." >&2
            exit 2
        }

        verbose=0
        while getopts "vp:" option; do
            case $option in
            v) verbose=1 ;;
            p) place=$OPTARG ;;
            *) usage ;;
            esac
        done
        shift $((OPTIND - 1))
        if [ $# -eq 0 ]; then
            usage
        fi
        (( verbose )) && echo "$# @thing@s for ${place:-@place@}"
        ''', **v)


def shell_retry(_, v):
    return lines('''
        #!/bin/sh
        # Ask for the @other@ until it answers, @low@ times at most.
        attempt=0
        until curl -fsS "https://example.org/@other@/@id@" >/dev/null; do
            attempt=$((attempt + 1))
            if [ "$attempt" -ge @low@ ]; then
                echo "no @other@ after $attempt attempts" >&2
                exit 1
            fi
            sleep $((attempt * 2))
        done
        ''', **v)


SHELL_BREAKS = (
    ("fi is missing", r"\n *fi\n", "\n"),
    ("then is missing", r"; then\n", "\n"),
    ("done is missing", r"\ndone", "\n"),
    ("a quote is not closed", r'(echo "[^"\n]*)"', r"\1"),
)


# c ---------------------------------------------------------------------------------------------

def c_ring(_, v):
    return lines('''
        #include <stdbool.h>
        #include <stddef.h>

        #define @thing@_MAX @high@

        struct @thing@_ring {
            int items[@thing@_MAX];
            size_t first, used;
        };

        bool @thing@_push(struct @thing@_ring *ring, int item)
        {
            if (ring->used == @thing@_MAX)
                return false;
            ring->items[(ring->first + ring->used) % @thing@_MAX] = item;
            ring->used++;
            return true;
        }
        ''', **v)


def c_count(_, v):
    return lines('''
        #include <stdio.h>

        static int count_@thing@s(const char *text, char mark)
        {
            int found = 0;
            for (const char *at = text; *at; at++)
                if (*at == mark)
                    found++;
            return found;
        }

        int main(void)
        {
            int found = count_@thing@s("@word@, @second@, @place@", ',');
            printf("%d @thing@s\\n", found);
            return 0;
        }
        ''', **v)


def c_compare(_, v):
    return lines('''
        #include <stdlib.h>
        #include <string.h>

        struct @thing@ {
            char place[@high@];
            double weight;
        };

        static int by_place(const void *a, const void *b)
        {
            const struct @thing@ *x = a, *y = b;
            int found = strcmp(x->place, y->place);
            return found;
        }

        void @thing@_sort(struct @thing@ *all, size_t n)
        {
            qsort(all, n, sizeof *all, by_place);
        }
        ''', **v)


C_BREAKS = (
    ("a semicolon is missing", r"(return \w+);", r"\1"),
    ("a name that nobody declared", r"\b(found|ring)\b(?=[;\-+])", r"\1s"),
    ("a member that does not exist", r"(->|\bint )(used|place|found)\b(?!\[)", r"\1\2 x."),
    ("the last brace is missing", r"}\s*$", ""),
)


# python, as unit tests -------------------------------------------------------------------------

def python_slug(_, v):
    return lines('''
        import re

        def slug(title):
            """A title as a part of an address."""
            words = re.findall(r"[a-z0-9]+", title.lower())
            return "-".join(words)

        assert slug("The @word@ @thing@, @place@!") == "the-@word@-@thing@-" + "@place@".lower()
        assert slug("  ") == ""
        assert slug("@second@ @id@") == "@second@-@id@"
        ''', **v)


def python_pages(_, v):
    return lines('''
        def pages(total, size):
            """How many pages of @thing@s there are."""
            return (total + size - 1) // size

        class TestPages:
            def test_a_full_page_is_one_page(self):
                assert pages(@high@, @high@) == 1

            def test_one_more_needs_another(self):
                assert pages(@high@ + 1, @high@) == 2

            def test_no_@thing@_is_no_page(self):
                assert pages(0, @low@) == 0

        for name, test in vars(TestPages).items():
            if name.startswith("test_"):
                test(TestPages())
        ''', **v)


def python_stock(_, v):
    return lines('''
        import unittest
        from collections import Counter

        def merge(left, right):
            return {key: left.get(key, 0) + right.get(key, 0) for key in {*left, *right}}

        class MergeTest(unittest.TestCase):
            def test_sums(self):
                self.assertEqual(merge({"@word@": @low@}, {"@word@": 1}), {"@word@": @low@ + 1})

            def test_like_counter(self):
                a, b = Counter("@place@"), Counter("@thing@")
                self.assertEqual(merge(a, b), dict(a + b))

        unittest.main()
        ''', **v)


PYTHON_BREAKS = (
    ("one too many", r"(size - 1|right\.get\(key, 0\))", r"\1 + 1"),
    ("a colon is missing", r"(def \w+\(.*\)):", r"\1"),
    ("a name that does not exist", r"\b(words|total|left)\b(?=[) .])(?!.*=)", r"\1_"),
    ("a wrong expectation", r"(== |@)(1|\"\")\n", r"\1 None\n"),
)


# sql -------------------------------------------------------------------------------------------

def sql_orders(rng, v):
    rows = ",\n    ".join(f"({v['id'] + i}, '{rng.choice(PLACES)}', {rng.randrange(1, 99)})"
                          for i in range(rng.randrange(2, 6)))
    return lines('''
        -- The @thing@s of a week, by place.
        CREATE TABLE @thing@s (id INTEGER PRIMARY KEY, place TEXT NOT NULL, weight REAL);
        INSERT INTO @thing@s (id, place, weight) VALUES
            @rows@;
        SELECT place, count(*), avg(weight) FROM @thing@s GROUP BY place HAVING count(*) > 0;
        ''', rows=rows, **v)


def sql_join(_, v):
    return lines('''
        BEGIN;
        CREATE TABLE owner (id INTEGER PRIMARY KEY, place TEXT NOT NULL UNIQUE);
        CREATE TABLE @thing@s (
            id INTEGER PRIMARY KEY,
            owner INTEGER NOT NULL REFERENCES owner (id),
            weight REAL CHECK (weight > 0)
        );
        INSERT INTO owner (id, place) VALUES (1, '@place@');
        INSERT INTO @thing@s (id, owner, weight) VALUES (@id@, 1, @low@.5);
        COMMIT;
        SELECT place, weight FROM @thing@s JOIN owner ON owner.id = @thing@s.owner;
        ''', **v)


def sql_migration(_, v):
    return lines('''
        CREATE TABLE @thing@s (id INTEGER PRIMARY KEY, place TEXT NOT NULL, weight REAL);
        INSERT INTO @thing@s (id, place, weight) VALUES (@id@, '@place@', @high@);
        ALTER TABLE @thing@s ADD COLUMN label TEXT NOT NULL DEFAULT '@word@';
        CREATE INDEX @thing@s_by_place ON @thing@s (place);
        UPDATE @thing@s SET label = '@second@' WHERE weight > @low@;
        ''', **v)


SQL_BREAKS = (
    ("a column that does not exist", r"\(id, (place|owner)", r"(id, \1_name"),
    ("a quote is not closed", r"'([A-Z]\w+)'", r"'\1"),
    ("a key twice", r"(INSERT INTO (?:\w+) .*\n?.*\))(,|;)", r"\1, \1\2"),
    ("a parenthesis is missing", r"\(id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY"),
)


# make ------------------------------------------------------------------------------------------

def make_program(_, v):
    return lines('''
        CFLAGS ?= -O2 -Wall
        parts = @word@.o @second@.o

        all: @thing@

        @thing@: $(parts)
        \t$(CC) $(CFLAGS) -o $@ $^

        $(parts):
        \techo compile $(@:.o=.c)

        clean:
        \trm -f $(parts) @thing@

        .PHONY: all clean
        ''', **v)


def make_site(_, v):
    return lines('''
        pages := $(addprefix out/,@thing@.html @other@.html @place@.html)

        ifeq ($(DRAFT),yes)
        flags := --draft
        endif

        site: $(pages) out/style.css
        \techo "$(words $(pages)) pages for @word@"

        out/%.html: | out
        \techo render $(flags) $* > $@

        out/style.css: | out
        \techo "a { color: @second@ }" > $@

        out:
        \tmkdir -p $@

        .PHONY: site
        ''', **v)


MAKE_BREAKS = (
    ("blanks where a tab belongs", r"\n\t", "\n        "),
    ("a prerequisite that nobody makes", r"\n(all|site): ", r"\n\1: missing.o "),
    ("a parenthesis is missing", r"\$\((parts|flags|pages|CC)\)", r"$(\1"),
)

KINDS = {
    "json": ("Check the {word} {thing} JSON", "json",
             (json_listing, json_settings, json_event), JSON_BREAKS),
    "xml": ("Check the {word} {thing} XML", "xml",
            (xml_catalog, xml_feed, xml_drawing), XML_BREAKS),
    "shell": ("Check the script for the {word} {thing}", "shell",
              (shell_backup, shell_options, shell_retry), SHELL_BREAKS),
    "c": ("Compile the {thing} module", "c", (c_ring, c_count, c_compare), C_BREAKS),
    "sql": ("Try the {thing} statements", "sql", (sql_orders, sql_join, sql_migration), SQL_BREAKS),
    "python": ("Run the unit tests of the {thing} module", None,
               (python_slug, python_pages, python_stock), PYTHON_BREAKS),
    "make": ("Dry-run the {thing} pipeline's Makefile", None,
             (make_program, make_site), MAKE_BREAKS),
}


def spoil(text, bug):
    """The text with the bug, a row of the breaks; None where it finds no place for it."""
    _, pattern, put = bug
    spoilt, n = re.subn(pattern, put, text, count=1)
    return spoilt if n else None


def broken(rng, text, breaks):
    """The text with one bug, and the bug's name."""
    for bug in rng.sample(breaks, len(breaks)):
        spoilt = spoil(text, bug)
        if spoilt:
            return spoilt, bug[0]
    raise ValueError(f"no way found to break this:\n{text}")


def document(rng, kind, with_bug):
    """One document: its title and stated type, its text, and its bug or None."""
    title, stated, recipes, breaks = KINDS[kind]
    values = names(rng)
    text, bug = rng.choice(recipes)(rng, values), None
    if with_bug:
        text, bug = broken(rng, text, breaks)
    return {"kind": kind, "title": title.format(**values), "task_type": stated, "text": text,
            "bug": bug}


def documents(n, seed):
    """@n documents, kinds equally often, in random order; some are broken."""
    rng = random.Random(seed)
    order = [kind for i, kind in zip(range(n), list(KINDS) * (n // len(KINDS) + 1))]
    rng.shuffle(order)
    spoilt = set(rng.sample(range(n), round(n * SHARE_BROKEN)))
    return [document(rng, kind, i in spoilt) for i, kind in enumerate(order)]
