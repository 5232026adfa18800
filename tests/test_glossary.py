"""Every term of the glossary is in the lesson that it names, in both languages."""

import json
import re

import pytest

from book import glossary, terms
from book.pages import EDITIONS, Mender

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


@pytest.mark.parametrize("edition", ["en", "zh"])
def test_the_first_use_of_a_term_in_a_lesson_is_a_link_to_its_row(edition):
    """Every term is linked in the lesson that teaches it, once, and lands on a place that is."""
    mender = Mender(EDITIONS[edition])
    page = glossary.PAGES[edition][0].relative_to(glossary.HERE.parent).as_posix()
    there = mender.mend(glossary.PAGES[edition][0].read_text(encoding="utf-8"), page)
    linked = {}
    for path in EDITIONS[edition].lessons():
        cells = mender.lesson(path)["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        found = re.findall(r'class="a2a-term" href="\.\./book/glossary\.html#([\w-]+)"', text)
        assert len(found) == len(set(found)), path
        linked[path.rpartition("/")[2][:2]] = set(found)
    assert all(f'<a id="{anchor}">' in there for found in linked.values() for anchor in found)
    lost = [row["field"] for row in ROWS if terms.anchor(row) not in linked[row["lesson"]]]
    assert set(lost) <= {"denoising"}  # lesson 07 says it in its links and headings alone


def test_code_formulas_links_and_headings_have_no_terms():
    link = terms.linker("en", "glossary.html")
    apart = "# A mask\n\n`mask` $mask$ [a mask](x.md) ![mask](x.png) <b title='mask'>\n\n| mask |"
    assert link(apart) == apart
    tag = '<a class="a2a-term" href="glossary.html#term-mask" title="掩蔽 · 03">Masks</a>'
    assert link("unmasked. Masks, and a mask") == f"unmasked. {tag}, and a mask"
    assert link("a mask") == "a mask"  # not the lesson's first


def test_a_longer_term_is_not_taken_for_a_shorter_one():
    text = terms.linker("en", "g.html")("an ideal binary mask (IBM)")
    assert ">ideal binary mask</a> (IBM)" in text
    assert text.count("<a ") == 1


def test_a_term_of_one_character_is_not_found_in_another_word():
    link = terms.linker("zh", "g.html")
    assert "<a " not in link("单元格和表格的格式")
    assert ">格</a>里" in link("每个格里有两个数")
