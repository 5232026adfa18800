"""Check a translation against its source: what is no matter of language has to be the same."""

import collections
import csv
import re
from decimal import Decimal

from book.lessons import ROOT, read
from book.zh_catalog import EXTRA, catalog, incomplete, messages, untouched

GLOSSARY = ROOT / "locale" / "zh" / "glossary.csv"
FENCE = re.compile(r"(?ms)^[ \t]*```.*?^[ \t]*```")
SPAN = re.compile(r"(`+)[^`].*?\1")
FORMULA = re.compile(r"(?s)\$\$.+?\$\$|(?<![\\\w])\$[^$\n]+\$")
LINK = re.compile(r"""(?:\]\(|\b(?:src|href)=["'])([^)\s"']+)|<(https?:[^>\s]+)>""")
MARKER = re.compile(r"<!--.*?-->", re.S)
LINE = re.compile(r"(?m)^[ \t]*(#+|[-*+]|\d+\.|\||>)(?:\s|(?<=\|))")
NUMBER = re.compile(
    r"((?<![0-9A-Za-z])[-−])?(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?"
    r"(?:\s?(thousand|million|billion|[万亿]))?"
)
TIMES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "万": 10**4, "亿": 10**8}
MONTHS = "January February March April May June July August September October November December"
MONTH = MONTHS.replace(" ", "|")
QUOTED = re.compile(r'["“]([^"”]{12,}?),?["”]')
NAME = re.compile(r"\b[A-Z][^\W\d_]{2,}\b(?! (?!and\b)[a-z])")
HAN = "[\u4e00-\u9fff]"
STOPS = "，。、；：？！"
STARS = re.compile(r"(?<!\*)(\*{1,3})(?![*\s])((?:[^*\n]|\n(?!\n))+?)\1(?!\*)")
BLANK = "a space beside wide punctuation"  # but after stars one may be needed
STYLE = {
    "half-width punctuation": rf"{HAN}[,;:?!()]|[,;?!()]{HAN}",
    "no space between Chinese and Latin": rf"{HAN}[A-Za-z0-9]|[A-Za-z0-9%]{HAN}",
    BLANK: rf"[{STOPS}] +(?=[^\s|])|(?<=\S) +[{STOPS}]",  # but at the end of a table's cell
    "a line break inside a paragraph": rf"(?:{HAN}|[{STOPS}])\n(?:{HAN}|(?!\d+\. )[A-Za-z0-9])",
}
# In an extra no check would find where such a number comes from.
MEASURED = re.compile(r"\d\s?(?:dB|k?Hz|m?s\b|[GMK]i?B|%|秒|毫秒|赫兹|分贝)")
LAB = re.compile(r"(run\.py lab)(?! zh)")  # opens the English edition
EDGE = re.compile(rf"[\s{STOPS}（）《》“”‘’…—·!-/:-@\[-`{{-~]|^$")  # what stars may stand beside


def lesson(path, root=ROOT):
    """Return what is wrong with the Chinese of a lesson, a line a fault."""
    file = root / "locale" / "zh" / f"{path.stem}.po"
    wanted, entries = messages(read(path)), catalog(file)
    if untouched(entries):
        return []  # the edition shows its English, and says so
    gaps = incomplete(wanted, entries)
    found = [f"{path.stem}: {context} {reason}" for context, reason in gaps]
    table, broken = terms(), {context for context, _ in gaps}
    for entry in entries:
        if not entry.obsolete and entry.msgctxt not in broken:
            for fault in faults(entry.msgid, entry.msgstr, table):
                found.append(f"{path.stem}: {entry.msgctxt}: {fault}")
    return found


def faults(source, chinese, table=()):
    """Return what a translation has that its source has not, or the other way round."""
    found = []
    same = started(EXTRA.sub("", chinese))
    for what, parts in PARTS.items():
        here = collections.Counter(parts(started(source)))
        there = collections.Counter(parts(same))
        lost, new = sorted((here - there).elements()), sorted((there - here).elements())
        if lost or new:
            lost, new = (", ".join(parts) or "nothing" for parts in (lost, new))
            found.append(f"{what}: {lost} lost, {new} new")
    found += [f"a reference lost {name!r}" for name in cited(source) if name not in chinese]
    extras = " ".join(EXTRA.findall(chinese))
    found += [f"a number of {hit[0]!r} in an extra" for hit in MEASURED.finditer(extras)]
    found += ["run.py lab opens the English edition: run.py lab zh"] if LAB.search(chinese) else []
    return found + untranslated(source, chinese) + style(chinese) + wording(source, chinese, table)


# --- what has to be the same ------------------------------------------------------------------


def started(text):
    """Return a text in which the command that opens a lesson names no edition."""
    return re.sub(r"(run\.py lab) zh\b", r"\1", text)


def prose(text):
    """Return a text without its code, formulas, addresses and comments."""
    for pattern in (FENCE, SPAN, FORMULA, MARKER):
        text = pattern.sub(" ", text)
    return re.sub(r"https?:[^\s)>，。；）]+", " ", LINK.sub("](", text))


def code(text):
    """Return the pieces of code."""
    return [*FENCE.findall(text), *(hit[0] for hit in SPAN.finditer(FENCE.sub("", text)))]


def formulas(text):
    """Return the formulas."""
    return FORMULA.findall(SPAN.sub("", FENCE.sub("", text)))


def links(text):
    """Return what is linked to, pictures included."""
    return ["".join(hit) for hit in LINK.findall(FENCE.sub("", text))]


def numbers(text):
    """Return the numbers; 16,000 and 1.6 万 are one, so are May 2026 and 2026 年 5 月."""

    def month(hit):
        return str(1 + MONTHS.split().index(hit[1]))

    text = re.sub(rf"\b({MONTH})\b(?= \d)", month, prose(text))
    text = re.sub(r"\bminus (?=\d)|负 ?(?=\d)", "-", text)
    found = []
    for sign, whole, fraction, unit in NUMBER.findall(text):
        value = Decimal(whole.replace(",", "") + fraction) * TIMES.get(unit, 1)
        found.append(f"{'-' if sign else ''}{value.normalize():f}")
    return found


def lines(text):
    """Return the marks that begin a line: headings, list items, table rows, quotations."""
    marks = LINE.findall(FENCE.sub("", text))
    return ["1." if mark[0].isdigit() else mark for mark in marks]


PARTS = {
    "code": code,
    "formulas": formulas,
    "links": links,
    "numbers": numbers,
    "comments": MARKER.findall,
    "lines that begin with": lines,
}


def reference(line):
    """Tell whether a line is an item of a reading list; its titles stay in their language."""
    return re.match(r"\s*[-*+] .*(?:\b(?:19|20)\d\d\b|arXiv)", line)


def cited(source):
    """Return the titles and the people of the references in a text."""
    found = []
    for line in prose(source).splitlines():
        if reference(line):
            title = QUOTED.search(line)
            if title:
                found += [title[1], *NAME.findall(line[: title.start()])]
    for inside in re.findall(r"\(([^()]*\b(?:19|20)\d\d\b[^()]*)\)", prose(source)):
        found += [name for name in NAME.findall(inside) if not re.fullmatch(MONTH, name)]
    return found


# --- Chinese ----------------------------------------------------------------------------------


def untranslated(source, chinese):
    """Tell where there are English words in the source and no Chinese in the translation."""
    lines = (line for line in prose(source).splitlines() if not reference(line))
    words = re.findall(r"\b[a-z]{2,}", " ".join(lines))
    return ["is still English"] if len(words) > 2 and not re.search(HAN, chinese) else []


def style(chinese):
    """Return what a Chinese printer would mend."""
    plain, found = prose(chinese), []
    text = FORMULA.sub("x", SPAN.sub("x", FENCE.sub("", MARKER.sub("", chinese))))
    text = re.sub(r"\]\([^)]*\)|https?:\S+", "", text)
    for what, pattern in STYLE.items():
        bare = text if what == BLANK else text.replace("*", "")
        hits = [hit[0] for hit in re.finditer(pattern, bare)]
        found += [f"{what}: {hits}"] if hits else []
    for hit in STARS.finditer(plain):
        before, after = plain[: hit.start()][-1:], plain[hit.end() :][:1]
        starts = EDGE.match(before) or not EDGE.match(hit[2][0])
        ends = EDGE.match(after) or not EDGE.match(hit[2][-1])
        if not (starts and ends):
            found.append(f"{hit[0]} would show its stars: put a space beside it")
    return found


# --- terms ------------------------------------------------------------------------------------


def terms(path=GLOSSARY):
    """Return the glossary: (English, its pattern, Chinese, patterns of other words, always)."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows.sort(
        key=lambda row: -len(row["english"])
    )  # a longer term first, so that it is taken whole
    table = []
    for row in rows:
        words = re.escape(row["english"]).replace(r"\ ", r"[\s-]+")
        pattern = re.compile(rf"\b{words}(?:s|es)?\b", 0 if row["english"].isupper() else re.I)
        forbidden = [word for word in row["forbidden"].split("|") if word]
        always = row["always"] == "yes"
        table.append((row["english"], pattern, row["chinese"], forbidden, always))
    return table


def wording(source, chinese, table):
    """Return the terms that a translation does not follow."""
    found, plain = [], prose(chinese)
    left = "\n".join(line for line in prose(source).splitlines() if not reference(line))
    for english, pattern, term, forbidden, always in table:
        for word in forbidden:
            hit = re.search(word, plain.replace(term, " "))
            found += [f"{hit[0]} should be {term}"] if hit else []
        left, times = pattern.subn(" ", left)
        if times and always and term not in plain:
            found.append(f"{english} should be {term}")
    return found
