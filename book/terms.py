"""Links from a lesson's first use of a term to its row of the glossary, in the site's pages.

The notebooks stay as they are: a link on every fifth word would be in the way of who edits them.
"""

import html
import re
from collections.abc import Callable

from book import glossary

# What is left as it is: code, formulas, links and pictures, HTML, addresses.
APART = re.compile(
    r"(?ms)(^```.*?^```\s*?$|^\$\$.*?^\$\$|\$\$.*?\$\$|`[^`\n]+`|\$[^$\n]+\$|<a\b.*?</a>"
    r"|!?\[(?:[^\[\]]|\[[^\]]*\])*\]\([^()\s]+\)|<!--.*?-->|<[^<>]+>|https?://\S+)"
)
BEFORE, AFTER = r"\s\d个每各的在与和把、，：。（“是", "口子式局外"
BLOCK = re.compile(r"(?m)(^(?:#|\||:::).*$)")  # headings, tables, directives


def anchor(row: dict) -> str:
    """Return the name that a row of the glossary has in its page's addresses."""
    return "term-" + re.sub(r"\W+", "-", row["field"].lower()).strip("-")


def patterns(language: str) -> list[tuple[re.Pattern, dict]]:
    """Return what finds each term, the longest words first: "mask" is not looked for in another.

    Parameters
    ----------
    language : str
        "en" or "zh".

    Returns
    -------
    list of (pattern, dict)
        A pattern, and the term's row of the table.
    """
    found = []
    for row in glossary.rows():
        for word in [row["chinese"]] if language == "zh" else glossary.forms(row["field"]):
            exact = re.escape(word).replace(r"\ ", r"\s+")
            if word.isascii():  # MACs and IBM as they are, "mask" at a sentence's beginning, too
                case = "" if word.isupper() or any(c.isupper() for c in word[1:]) else "(?i)"
                exact = rf"{case}(?<![\w-]){exact}(?:s|es)?(?![\w-])"
            elif len(word) == 1:  # not in the middle of another word: 格 is in 单元格, too
                exact = rf"(?<=[{BEFORE}]){exact}(?![{AFTER}])"
            found.append((re.compile(exact), row))
    return sorted(found, key=lambda each: -len(each[0].pattern))


def linker(language: str, page: str) -> Callable[[str], str]:
    """Return a function for the prose cells of one lesson, to be called in their order.

    Parameters
    ----------
    language : str
        "en" or "zh".
    page : str
        The glossary's address, as seen from the lesson's.

    Returns
    -------
    callable
        Takes a cell's Markdown and returns it with a link where a term stands for the first time
        in the lesson.
    """
    left = patterns(language)

    def link(text):
        pieces = APART.split(text)
        pieces[::2] = map(prose, pieces[::2])
        return "".join(pieces)

    def prose(text):
        lines = BLOCK.split(text)
        lines[::2] = map(plain, lines[::2])
        return "".join(lines)

    def plain(text):
        hits: list[tuple[int, int, dict]] = []
        for pattern, row in left:
            if any(row is other for *_, other in hits):
                continue
            for hit in pattern.finditer(text):
                if all(hit.end() <= start or end <= hit.start() for start, end, _ in hits):
                    hits.append((*hit.span(), row))
                    break
        left[:] = [(found, row) for found, row in left if all(row is not hit for *_, hit in hits)]
        for start, end, row in sorted(hits, key=lambda each: -each[0]):
            about = row["field"] if language == "zh" else row["chinese"]
            title = html.escape(f"{about} · {row['lesson']}", quote=True)
            tag = f'<a class="a2a-term" href="{page}#{anchor(row)}" title="{title}">'
            text = f"{text[:start]}{tag}{text[start:end]}</a>{text[end:]}"
        return text

    return link


def anchored(text: str) -> str:
    """Return the glossary's page with a place to jump to in each row."""
    for row in glossary.rows():
        text = text.replace(
            f"\n| {row['field']} |", f'\n| <a id="{anchor(row)}"></a>{row["field"]} |'
        )
    return text
