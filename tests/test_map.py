"""Lesson 00's map: its table says what the lessons say that they need, and it can be drawn."""

import re

import numpy as np
import pytest
from PIL import Image

from book import lessons, picture

NEED = re.compile(r"\*\*What you'll need\.\*\*(.*)")


def named(text):
    """The lessons that a text names: "Lessons 03 to 05 and 07" are four."""
    spans = [(int(a), int(b)) for a, b in re.findall(r"\b(\d\d) to (\d\d)\b", text)]
    inside = {f"{number:02d}" for a, b in spans for number in range(a, b + 1)}
    return inside | set(re.findall(r"\b\d\d\b", text))


@pytest.mark.parametrize("path", lessons.lessons(), ids=lambda path: path.name[:2])
def test_the_table_has_what_a_lesson_says_that_it_needs(path):
    row = next(row for row in picture.lessons() if row["lesson"] == path.name[:2])
    cells = "\n".join(cell.source for cell in lessons.read(path).cells)
    assert set(row["needs"]) | set(row["helps"]) == named(NEED.search(cells)[1])
    assert not set(row["needs"]) & set(row["helps"])


def test_the_map_is_described_arrow_by_arrow():
    text = (lessons.NOTEBOOKS / "00_start_here.ipynb").read_text(encoding="utf-8")
    told = re.search(r"!\[(A map of the course[^\]]*)\]", text)[1]
    assert {row["lesson"] for row in picture.lessons()} <= set(re.findall(r"\b\d\d\b", told))


def rows(**needs):
    return [
        {"lesson": name[1:], "needs": what.split(), "helps": []} for name, what in needs.items()
    ]


def test_what_follows_from_other_arrows_is_left_out():
    assert picture.arrows(rows(l01="", l02="01", l03="01 02")) == [("01", "02"), ("02", "03")]
    assert picture.arrows(rows(l01="", l02="01", l03="02", l04="01 03")) == [
        ("01", "02"),
        ("02", "03"),
        ("03", "04"),
    ]


def test_a_lesson_stands_right_of_all_that_it_needs_or_uses():
    table = rows(l01="", l02="01", l03="", l04="02 03")
    assert picture.columns(table) == {"01": 0, "02": 1, "03": 0, "04": 2}
    table[2]["helps"] = ["02"]
    assert picture.columns(table)["03"] == 2


@pytest.mark.parametrize("needs", ["09", "03", "02"])
def test_a_lesson_can_need_only_what_comes_before(needs):
    with pytest.raises(ValueError, match=f"lesson 02 can't need {needs}"):
        picture.arrows(rows(l01="", l02=needs, l03=""))


def test_a_lesson_that_the_table_lacks_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"book/map.csv lacks the lessons \[98\]: a row for each"):
        picture.draw_map([(98, "A lesson to come")], tmp_path / "map.png")


def test_the_committed_map_is_that_of_the_table(tmp_path):
    titles = [(int(path.name[:2]), lessons.about(path)[0]) for path in lessons.lessons()]
    picture.draw_map(titles, tmp_path / "map.png")
    new, old = (
        np.asarray(Image.open(path).convert("L"), float)
        for path in (tmp_path / "map.png", picture.MAP)
    )
    assert new.shape == old.shape
    assert (np.abs(new - old) > 40).mean() < 0.002  # a box that moved is more than that
