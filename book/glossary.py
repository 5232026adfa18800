"""The glossary: the field's word, ours, the Chinese one, and the lesson that teaches it.

    python -m book.glossary      # after a change of book/glossary.csv

Writes book/glossary.md and book/glossary.zh-CN.md, which the site shows.
"""

import csv
import re
from pathlib import Path

from book.lessons import about, lessons, write

HERE = Path(__file__).resolve().parent
TABLE = HERE / "glossary.csv"
COLUMNS = ["field", "ours", "chinese", "lesson"]
PAGES = {
    "en": (
        HERE / "glossary.md",
        "# Glossary\n\nWhat papers call it, what this course calls it where it uses a plainer "
        "word, the Chinese term, and the lesson that teaches it.\n",
        ("In papers", "Here also", "Chinese", "Lesson"),
        "notebooks",
    ),
    "zh": (
        HERE / "glossary.zh-CN.md",
        "# 术语表\n\n论文里的叫法、中文、课程英文版里更通俗的叫法，以及讲它的那一课。\n",
        ("论文里", "中文", "英文版里也叫", "课"),
        "notebooks/zh",
    ),
}


def rows():
    """Return the terms in the order of the alphabet.

    Raises a ValueError where a term stands twice, or a place that must be filled is empty.
    """
    with open(TABLE, newline="", encoding="utf-8") as file:
        found = sorted(csv.DictReader(file), key=lambda row: row["field"].lower())
    for row in found:
        if list(row) != COLUMNS or not (row["field"] and row["chinese"] and row["lesson"]):
            raise ValueError(f"book/glossary.csv: a row needs {', '.join(COLUMNS)}; this is {row}")
    terms = [row["field"].lower() for row in found]
    if twice := {term for term in terms if terms.count(term) > 1}:
        raise ValueError(f"book/glossary.csv has a term twice: {', '.join(sorted(twice))}")
    return found


def forms(term):
    """Return a term and its abbreviation: "ideal binary mask (IBM)" is found as either."""
    found = re.fullmatch(r"(.*) \((.*)\)", term)
    return list(found.groups()) if found else [term]


def page(language):
    """Return one language's page."""
    _, opening, heads, folder = PAGES[language]
    paths = {path.name[:2]: path for path in lessons(folder=HERE.parent / folder)}
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|"]
    for row in rows():
        path = paths[row["lesson"]]
        title = re.sub(r"[:：].*", "", about(path)[0])
        link = f"[{row['lesson']} {title}](../{folder}/{path.name})"
        words = [row["field"], row["ours"], row["chinese"]]
        if language == "zh":
            words[1:] = words[:0:-1]
        lines.append(f"| {' | '.join([*words, link])} |")
    return opening + "\n" + "\n".join(lines) + "\n"


def main():
    """Write both pages."""
    for language, (path, *_) in PAGES.items():
        write(path, page(language))


if __name__ == "__main__":
    main()
