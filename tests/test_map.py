"""Lesson 00's map: its table says what the lessons say that they need, and it can be drawn."""

import re
from xml.etree import ElementTree

import pytest

from book import lessons, picture

SVG = "{http://www.w3.org/2000/svg}"
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


def test_a_lesson_that_the_table_lacks_is_told():
    with pytest.raises(ValueError, match=r"book/map.csv lacks the lessons \[98\]: a row for each"):
        picture.draw_map([(98, "A lesson to come")])


def test_the_committed_map_is_that_of_the_table():
    titles = [(int(path.name[:2]), lessons.about(path)[0]) for path in lessons.lessons()]
    assert picture.MAP.read_text("utf-8") == picture.draw_map(titles), "run.py lessons picture"


def drawn(path):
    """Return a map's texts, its boxes as (x, y, width, height), and its arrows' kinds."""
    tree = ElementTree.parse(path).getroot()
    texts = ["".join(each.itertext()) for each in tree.iter(f"{SVG}text")]
    sides = ("x", "y", "width", "height")
    boxes = [[float(rect.get(side)) for side in sides] for rect in tree.iter(f"{SVG}rect")
             if rect.get("x")]  # fmt: skip
    kinds = [path.get("class") for path in tree.iter(f"{SVG}path") if path.get("class")]
    return texts, boxes, kinds


def test_both_maps_have_every_lesson_every_group_and_every_arrow():
    english, chinese = drawn(picture.MAP), drawn(picture.CHINESE_MAP)
    table = picture.lessons()
    for texts, boxes, kinds in (english, chinese):
        assert {row["lesson"] for row in table} <= set(texts)
        assert len(boxes) == len(table) + len(picture.COLORS)
        assert kinds.count("needs") == len(picture.arrows(table))
        assert kinds.count("helps") == sum(len(row["helps"]) for row in table)
    assert english[2] == chinese[2]
    assert set(picture.COLORS) <= set(english[0])
    assert set(picture.GROUPS.values()) <= set(chinese[0])


def test_the_chinese_map_is_in_chinese():
    """The titles are those of notebooks/zh: tests/test_zh.py asks whether it is up to date."""
    words = [text for text in drawn(picture.CHINESE_MAP)[0] if not text.isdigit()]
    assert [text for text in words if not re.search("[一-鿿]", text)] == []


@pytest.mark.parametrize("path", [picture.MAP, picture.CHINESE_MAP], ids=lambda path: path.name)
def test_the_boxes_of_a_map_stay_apart_and_inside(path):
    boxes = drawn(path)[1]
    for i, (x, y, wide, high) in enumerate(boxes):
        assert min(x, y) >= 0
        assert x + wide <= picture.SIZE[0]
        assert y + high <= picture.SIZE[1]
        for left, top, its_width, its_height in boxes[:i]:
            aside = x >= left + its_width or left >= x + wide
            assert aside or y >= top + its_height or top >= y + high


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("Real time", ["Real time"]),
        ("More ears, more rooms, one wanted voice", ["More ears, more rooms,", "one wanted voice"]),
        ("多只耳朵，带混响的房间，只要其中一个人", ["多只耳朵，带混响的房间", "只要其中一个人"]),
        ("MossFormer 的内部", ["MossFormer 的内部"]),
    ],
)
def test_a_long_title_gets_lines(title, lines):
    assert picture.wrapped(title) == lines
