"""Every term of the glossary is in the lesson that it names, in both languages."""

import json
import re

import pytest

from book import glossary
from book.pages import EDITIONS

ROWS = glossary.rows()


def prose(edition, lesson):
    path = next(p for p in EDITIONS[edition].lessons() if p.rpartition("/")[2].startswith(lesson))
    cells = json.loads((glossary.HERE.parent / path).read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["field"])
def test_a_term_is_in_its_lesson(row):
    english = prose("en", row["lesson"]).lower()
    for word in filter(None, [*glossary.forms(row["field"]), row["ours"]]):
        assert re.search(rf"(?<!\w){re.escape(word.lower())}", english), word
    assert row["chinese"] in prose("zh", row["lesson"])


def test_there_are_the_words_that_papers_use():
    known = {form for row in ROWS for form in glossary.forms(row["field"])}
    wanted = {"IBM", "IRM", "PSM", "cIRM", "oracle", "artifact", "interference", "latency"}
    wanted |= {"multiply-adds", "real-time factor", "NMF", "PIT", "SI-SDR", "double talk"}
    assert wanted <= known


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_are_those_of_the_table(language):
    path = glossary.PAGES[language][0]
    assert path.read_text(encoding="utf-8") == glossary.page(language), "python -m book.glossary"


@pytest.mark.parametrize("edition", ["en", "zh"])
def test_the_site_has_a_page_of_it(edition):
    path = glossary.PAGES[edition][0].relative_to(glossary.HERE.parent).as_posix()
    assert EDITIONS[edition].pages()[path] == "book/glossary"


def test_a_term_that_stands_twice_is_told(monkeypatch, tmp_path):
    table = tmp_path / "glossary.csv"
    table.write_text("field,ours,chinese,lesson\nHop,,帧移,02\nhop,,帧移,02\n", encoding="utf-8")
    monkeypatch.setattr(glossary, "TABLE", table)
    with pytest.raises(ValueError, match="a term twice: hop"):
        glossary.rows()


def test_a_row_with_a_hole_is_told(monkeypatch, tmp_path):
    table = tmp_path / "glossary.csv"
    table.write_text("field,ours,chinese,lesson\nhop,,,02\n", encoding="utf-8")
    monkeypatch.setattr(glossary, "TABLE", table)
    with pytest.raises(ValueError, match="a row needs field, ours, chinese, lesson"):
        glossary.rows()
