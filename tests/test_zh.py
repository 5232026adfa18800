"""The Chinese edition: it is what its sources give, it is whole, and it says what they say."""

import ast
import csv
import json
import re

import nbformat
import polib
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book import lessons, sounds, zh, zh_catalog, zh_check, zh_exercises
from training import cards_zh

# How an output begins that our own code says, in the edition's language.
VERDICTS = "✓✗…"
SAID = (*(f"{mark} " for mark in VERDICTS), "Blind test", "盲听测试", "your ear", "你的耳朵")
SOURCES = lessons.lessons()
FOLDER = lessons.NOTEBOOKS / "zh"
CHINESE_PAGES = ["README.zh-CN.md", "sounds/README.zh-CN.md", "helpers/clinic/README.zh-CN.md"]
CHINESE_PAGES += ["book/teaching.zh-CN.md"]
CHINESE_PAGES += [
    f"models/{path.parent.name}/README.zh-CN.md" for path in lessons.ROOT.glob("models/*/README.md")
]


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


# --- the edition that there is --------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_lesson_is_wholly_and_faithfully_translated(path):
    assert zh_check.lesson(path) == []


def test_the_edition_is_what_a_build_gives():
    wanted, _ = zh.edition()
    there = {path: path.read_text("utf-8") for path in wanted if path.exists()}
    assert [path.name for path in wanted if there.get(path) != wanted[path]] == [], "run.py zh"
    assert zh.strays() == []


def spoken(cell):
    """Take what our own code says out of a cell's outputs, in place, and return it."""
    found = []
    for output in cell.get("outputs", ()):
        text = "".join(output.get("data", {}).get("text/plain", ""))
        if text.startswith(SAID) and output["output_type"] == "execute_result":
            found.append(text)
            del output["data"]["text/plain"]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_code_names_no_path_that_leads_elsewhere_in_the_chinese_folder(path):
    """A kernel starts in its notebook's folder, and that of the Chinese edition lies deeper."""
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in code if "../" in "".join(cell["source"])] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_code_and_outputs_are_those_of_the_source(path):
    copy = FOLDER / path.name
    assert copy.exists(), "python run.py zh"
    pairs = list(zip(cells(path), cells(copy), strict=True))
    for source, chinese in pairs:
        english, said = spoken(source), spoken(chinese)
        for kept in ("id", "cell_type", "outputs", "execution_count"):
            assert source.get(kept) == chinese.get(kept), source["id"]
        for old, new in zip(english, said, strict=True):
            assert re.search(zh_check.HAN, new.split("\n")[0]), f"{source['id']} speaks English"
            if old[0] in VERDICTS:
                assert new[0] == old[0], source["id"]
                measured = set(re.findall(r"\d+\.\d+", old))
                assert measured <= set(re.findall(r"\d+\.\d+", new)), source["id"]
        if source["cell_type"] == "code":
            assert source["source"] == chinese["source"]
            for about in (source["metadata"], chinese["metadata"]):
                about.get("a2a", {}).pop("alt", None)  # told in words, so translated
            assert source["metadata"] == chinese["metadata"]


def test_every_cell_has_an_id_of_its_own():
    ids = [cell.get("id") for path in SOURCES for cell in cells(path)]
    assert None not in ids
    assert sorted(set(ids)) == sorted(ids)
    for path in SOURCES:  # an id that an editor made up would be another one tomorrow
        number = path.name[:2]
        odd = [cell["id"] for cell in cells(path) if not re.match(number + "-[a-z]", cell["id"])]
        assert odd == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_links_of_a_chinese_lesson_lead_somewhere(path):
    for cell in cells(path):
        if cell["cell_type"] == "markdown":
            for target in zh_check.links("".join(cell["source"])):
                if not re.match("[a-z]+:|#", target):
                    assert (path.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", CHINESE_PAGES)
def test_a_page_and_its_translation_name_each_other(root, page):
    chinese, english = root / page, root / page.replace(".zh-CN", "")
    assert chinese.exists(), "every README has a Chinese sister"
    assert f"({english.name})" in chinese.read_text("utf-8")
    assert f"({chinese.name})" in english.read_text("utf-8")
    text = chinese.read_text("utf-8")
    for target in zh_check.links(text):
        if not re.match("[a-z]+:|#", target):
            assert (chinese.parent / target.partition("#")[0]).exists(), target
    headings = re.compile(r"(?m)^#+ ")
    assert headings.findall(text) == headings.findall(english.read_text("utf-8"))


@pytest.mark.parametrize("page", CHINESE_PAGES)
def test_a_page_has_the_code_and_the_terms_of_its_source(root, page):
    chinese = re.sub(r"(?s)<!-- (\w+) -->.*?<!-- /\1 -->", "", (root / page).read_text("utf-8"))
    english = (root / page.replace(".zh-CN", "")).read_text("utf-8")
    blocks = [
        [re.sub(r"\s+#.*", "", block) for block in zh_check.FENCE.findall(zh_check.started(text))]
        for text in (chinese, english)
    ]
    assert blocks[0] == blocks[1]
    english = re.sub(r"(?s)<!-- (\w+) -->.*?<!-- /\1 -->", "", english)
    assert sorted(zh_check.numbers(chinese)) == sorted(zh_check.numbers(english))
    found = zh_check.wording("", chinese, zh_check.terms()) + zh_check.style(chinese)
    assert found == []


def test_the_chinese_readme_opens_the_chinese_edition(root):
    lines = (root / "README.zh-CN.md").read_text("utf-8").splitlines()
    english = [line for line in lines if re.search(r"run\.py lab(?! zh)", line)]
    assert len(english) == 1
    assert "英文版" in english[0]


# Lessons whose captions name the words of their figures in both languages; more are welcome.
BOTH_LANGUAGES = [
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "07",
    "08",
    "09",
    "10",
    "11",
    "12",
    "13",
    "14",
    "15",
    "16",
    "17",
]
HELPERS = {  # what our own functions write on the axes
    "waveform": {"Time", "Amplitude"},
    "spectrogram": {"Time", "Frequency"},
    "show": {"Time", "Frequency"},
    "side_by_side": {"Time", "Amplitude", "Frequency"},
}


def axis_words(code):
    """Return the words that a cell writes on the axes of its figure, without units."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            found |= HELPERS.get(getattr(node.func, "attr", ""), set())
        if isinstance(node, ast.keyword) and node.arg in ("xlabel", "ylabel"):
            parts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
            text = next((part for part in parts if isinstance(part, str)), "")
            found.add(re.split(r" \[|,", text)[0])
    return found - {""}


def test_the_words_on_the_axes_are_found():
    code = 'plots.waveform(x)\n_ = ax.set(xlabel=f"SNR [dB], {n}", ylabel="", title="no axis")'
    assert axis_words(code) == {"Time", "Amplitude", "SNR"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_caption_names_the_axes_of_its_figures_in_both_languages(path):
    if path.name[:2] not in BOTH_LANGUAGES:
        pytest.skip("its figures speak English only")
    missing, waiting = {}, set()
    for cell in cells(FOLDER / path.name):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            named = "".join(re.findall("（图中文字：.*?）", source))
            gap = {word for word in waiting if not re.search(f"{word}[^，]*{zh_check.HAN}", named)}
            missing |= {cell["id"]: gap} if gap else {}
            waiting = set()
        elif "alt" in cell["metadata"].get("a2a", {}):
            waiting |= axis_words(source)
    assert missing == {}


def test_what_the_chinese_readme_says_for_its_readers_alone_is_well_written(root):
    text = (root / "README.zh-CN.md").read_text("utf-8")
    extras = zh_check.EXTRA.findall(text)
    words = " ".join(extras)
    for name in (
        "通义实验室",
        "魔搭",
        "达摩院",
        "PIP_INDEX_URL",
        "A2A_MODELS",
        "SoundFile",
        "ffmpeg",
    ):
        assert name in words
    for extra in extras:
        assert zh_check.style(extra) + zh_check.wording("", extra, zh_check.terms()) == []
        assert not zh_check.MEASURED.search(extra)


def test_the_chinese_credits_are_those_of_the_manifest():
    page = (sounds.SOUNDS / sounds.CHINESE).read_text(encoding="utf-8")
    assert page == sounds.page(name=sounds.CHINESE), "python -m book.sounds"
    for author in {row["author"] for row in sounds.rows()} - {"this project"}:
        assert author in page


@pytest.mark.parametrize("card", sorted(lessons.ROOT.glob("models/*/README.md")), ids=str)
def test_the_chinese_card_measures_what_the_english_one_does(card):
    chinese = card.with_name("README.zh-CN.md").read_text(encoding="utf-8")
    assert chinese == cards_zh.page(card.parent), "python -m training.cards_zh"
    digits = re.compile(r"\d+(?:\.\d+)?|[0-9a-f]{64}")
    blocks = [
        digits.findall(cards_zh.block(text)) for text in (chinese, card.read_text(encoding="utf-8"))
    ]
    assert blocks[0] == blocks[1]


def test_a_line_that_the_cards_cant_say_in_chinese_is_told():
    with pytest.raises(ValueError, match="no Chinese for.*'It sings.'"):
        cards_zh.chinese(["It sings."])


def test_the_glossary_has_one_chinese_term_for_an_english_one():
    with open(zh_check.GLOSSARY, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    english = [row["english"].lower() for row in rows]
    assert sorted(set(english)) == sorted(english)
    chosen = {row["chinese"] for row in rows}
    for row in rows:
        assert re.search(zh_check.HAN, row["chinese"])
        assert row["always"] in ("", "yes")
        for word in filter(None, row["forbidden"].split("|")):  # no term forbids another
            assert not [
                term for term in chosen if re.search(word, term.replace(row["chinese"], ""))
            ]


# --- a toy course ---------------------------------------------------------------------------------


CHINESE = {
    "00-open": "# 你好\n\n先说一声你好。再说一声。",
    "00-index": "下面是全部课程。\n\n<!-- lessons -->",
    "00-plot:alt": "一条线",
    "03-open": "# 掩蔽\n\n<!-- nav -->\n\n藏起来|找出来；然后见[第 00 课](00_hello.ipynb)。",
    "03-more": "见[许可证](../LICENSE)、[录音](../sounds/README.md)和 `[x](../y)`。",
}


def save(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(new_notebook(cells=list(cells))), encoding="utf-8")


@pytest.fixture
def course(tmp_path):
    """A course of two lessons, wholly translated but for what a test takes away."""
    plot = new_code_cell("plot()", id="00-plot", execution_count=1)
    plot.metadata["a2a"] = {"alt": "A line"}
    plot.outputs = [new_output("display_data", data={"image/png": "aGVsbG8="})]
    save(
        tmp_path / "notebooks" / "00_hello.ipynb",
        new_markdown_cell("# Hello\n\nSay hello. Say it again.", id="00-open"),
        plot,
        new_markdown_cell("Here are all lessons.\n\n<!-- lessons -->", id="00-index"),
    )
    more = "See [the license](../LICENSE), [the sounds](../sounds/README.md) and `[x](../y)`."
    save(
        tmp_path / "notebooks" / "03_masks.ipynb",
        new_markdown_cell("# Masks\n\n<!-- nav -->\n\nHide | seek; see lesson 00.", id="03-open"),
        new_markdown_cell(more, id="03-more"),
    )
    (tmp_path / "LICENSE").touch()
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "README.zh-CN.md").write_text("# 录音\n")
    for name in ("README.md", "README.zh-CN.md"):
        (tmp_path / name).write_text("# A course\n\n<!-- lessons -->\n<!-- /lessons -->\n")
    for path, content in lessons.links(tmp_path / "notebooks", tmp_path / "README.md").items():
        lessons.write(path, content)
    zh.main(["update"], tmp_path)
    translate(tmp_path, CHINESE)
    return tmp_path


def translate(course, texts):
    """Put Chinese into the catalogs."""
    for file in course.glob("locale/zh/*.po"):
        entries = zh_catalog.catalog(file)
        for entry in entries:
            entry.msgstr = texts.get(entry.msgctxt, entry.msgstr)
        lessons.write(file, str(entries))


def entries(course, name="03_masks"):
    """Return a lesson's catalog by context."""
    found = zh_catalog.catalog(course / "locale" / "zh" / f"{name}.po")
    return {entry.msgctxt: entry for entry in found}


def edit(course, old, new, name="03_masks"):
    """Change a lesson's English."""
    path = course / "notebooks" / f"{name}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def built(course, name):
    return lessons.read(course / "notebooks" / "zh" / f"{name}.ipynb")


def test_a_whole_course_is_built(course, capsys):
    assert zh.main([], course) == 0
    assert capsys.readouterr().err == ""
    first, second = built(course, "00_hello"), built(course, "03_masks")
    assert first.metadata["a2a"]["lang"] == "zh-CN"
    assert [cell.id for cell in first.cells][1:4] == ["00-open", "00-plot", "00-index"]
    assert first.cells[1].source == CHINESE["00-open"]
    assert first.cells[2].source == "plot()"
    assert first.cells[2].metadata["a2a"]["alt"] == "一条线"
    assert first.cells[2].outputs[0].data == {"image/png": "aGVsbG8="}
    row = r"| 03 | [掩蔽](03_masks.ipynb) | 藏起来\|找出来。 |"
    assert row in first.cells[3].source
    page = (course / "README.zh-CN.md").read_text(encoding="utf-8")
    assert row.replace("(03", "(notebooks/zh/03") in page
    assert "| 00 | [你好](notebooks/zh/00_hello.ipynb) | 先说一声你好。 |" in page
    home = "[全部课程](../../README.zh-CN.md#课程目录)"
    steps = f"[← 你好](00_hello.ipynb) | {home} | [English](../03_masks.ipynb)"
    assert f"<!-- nav -->\n{steps}\n<!-- /nav -->" in second.cells[0].source
    assert steps in second.cells[-1].source


def test_a_second_build_changes_nothing(course):
    zh.main([], course)
    before = {path: path.read_bytes() for path in course.rglob("*.*") if path.is_file()}
    zh.main(["update"], course)
    zh.main([], course)
    assert {path: path.read_bytes() for path in before} == before
    wanted, faults = zh.edition(course)
    assert faults == []
    assert all(path.read_text(encoding="utf-8") == new for path, new in wanted.items())


def answer(course, said):
    """Give a lesson an exercise whose check said this, and the course a message in Chinese."""
    path = course / "notebooks" / "03_masks.ipynb"
    notebook = lessons.read(path)
    output = new_output("execute_result", data={"text/plain": said}, execution_count=1)
    check = new_code_cell("check(rows)", id="03-exercise", execution_count=1, outputs=[output])
    notebook.cells.insert(1, check)
    lessons.write(path, lessons.text(notebook))
    (course / "helpers" / "exercises").mkdir(parents=True)
    code = '_("{n} rows: {why}. {n} it is.", n=3, why=_(WHY))\nN_("that is all")\n'
    (course / "helpers" / "exercises" / "lesson03.py").write_text(code)
    zh.main(["update", "exercises"], course)
    texts = {
        "{n} rows: {why}. {n} it is.": "{why}：{n} 行，正是 {n} 行。",
        "that is all": "全在这里",
    }
    file = course / "locale" / "zh" / "exercises.po"
    catalog = zh_catalog.catalog(file)
    for entry in catalog:
        entry.msgstr = texts[entry.msgid]
    lessons.write(file, str(catalog))


def test_a_verdict_is_shown_in_chinese(course, capsys):
    answer(course, "✓ 3 rows: that is all. 3 it is.")
    assert zh.main([], course) == 0, capsys.readouterr().err
    cell = built(course, "03_masks").cells[1]
    assert cell.source == "check(rows)"
    assert cell.outputs[0].data["text/plain"] == "✓ 全在这里：3 行，正是 3 行。"


@pytest.mark.parametrize(
    "said", ["✗ 3 columns.", "✓ 3 rows: that is all. 4 it is.", "… 3 rows: that is all. 3 it is"]
)
def test_a_verdict_that_no_message_says_fails_the_build(course, capsys, said):
    answer(course, said)
    assert zh.main([], course) == 1
    told = f"03_masks: 03-exercise says what the catalog has not: {said!r}"
    assert told in capsys.readouterr().err


def test_what_a_cell_shows_of_its_own_stays(course):
    answer(course, "3 rows: that is all. 3 it is.")
    assert zh.main([], course) == 0
    output = built(course, "03_masks").cells[1].outputs[0]
    assert output.data["text/plain"] == "3 rows: that is all. 3 it is."


def one_message(root, english, chinese):
    """Give a folder one check that says one thing, and its Chinese."""
    (root / "helpers" / "exercises").mkdir(parents=True)
    (root / "locale" / "zh").mkdir(parents=True)
    (root / "helpers" / "exercises" / "lesson00.py").write_text(f'_("{english}")\n')
    catalog = polib.POFile(wrapwidth=0)
    catalog.append(polib.POEntry(msgid=english, msgstr=chinese))
    lessons.write(root / "locale" / "zh" / "exercises.po", str(catalog))


def test_a_message_is_written_with_the_same_digits_in_both_languages(tmp_path):
    """Else the Chinese can't be made of what was said in English."""
    one_message(tmp_path, "{n:.1f} dB.", "{n:.2f} dB。")
    assert "has other {fields} in Chinese" in zh_exercises.faults(tmp_path)[0]


def test_what_a_chinese_reader_gets_beyond_the_english_is_shown_without_its_marks(course):
    more = "<!-- zh -->在 Windows 上，见 `D:/x` 和[表](../LICENSE)。<!-- /zh -->"
    translate(course, {"03-more": CHINESE["03-more"] + more})
    assert zh.main([], course) == 0
    text = built(course, "03_masks").cells[1].source
    assert text.endswith("在 Windows 上，见 `D:/x` 和[表](../../LICENSE)。")
    assert "zh -->" not in text


def test_links_are_mended_for_the_folder(course):
    zh.main([], course)
    text = built(course, "03_masks").cells[1].source
    assert "[许可证](../../LICENSE)" in text
    assert "[录音](../../sounds/README.zh-CN.md)" in text
    assert "`[x](../y)`" in text


@pytest.mark.parametrize(
    ("link", "mended"),
    [
        ("![a](../book/separated.png)", "![a](../../book/separated.png)"),
        ('<img src="picture.png">', '<img src="../picture.png">'),
        ("[a](../README.md#the-lessons)", "[a](../../README.zh-CN.md#课程目录)"),
        ("[a](../CONTRIBUTING.md#add)", "[a](../../CONTRIBUTING.md#add)"),
        ("[`a`](05_x.ipynb#b)", "[`a`](05_x.ipynb#b)"),
        ("[a](https://arxiv.org/abs/1)", None),
        ("[a](#b)", None),
        ("```\n[a](../b)\n```", None),
    ],
)
def test_links_of_every_kind(link, mended, tmp_path):
    assert zh.mended(link, tmp_path) == (mended or link)


@pytest.mark.parametrize("begun", [False, True], ids=["no catalog", "empty catalog"])
def test_a_lesson_that_nobody_has_translated_shows_its_english_and_says_so(course, capsys, begun):
    (course / "locale" / "zh" / "03_masks.po").unlink()
    if begun:
        assert zh.main(["update", "03"], course) == 0
    assert zh.main([], course) == 0
    assert capsys.readouterr().err == ""
    page, source = built(course, "03_masks"), lessons.read(course / "notebooks" / "03_masks.ipynb")
    assert page.cells[0].source.startswith(zh.BANNER)
    assert page.metadata["a2a"]["lang"] == "en"
    assert "# Masks" in page.cells[0].source
    assert [cell.id for cell in page.cells] == [cell.id for cell in source.cells]
    assert built(course, "00_hello").cells[1].source.startswith("# 你好")
    readme = (course / "README.zh-CN.md").read_text(encoding="utf-8")
    assert "[Masks](notebooks/zh/03_masks.ipynb)" in readme
    assert zh.main(["check"], course) == 0


@pytest.mark.parametrize("gap", ["", "  "])
def test_an_entry_without_chinese_is_named(course, capsys, gap):
    translate(course, {"03-more": gap})
    assert zh.main([], course) == 1
    assert capsys.readouterr().err == "03_masks: 03-more is not translated\n"


def test_a_changed_cell_fails_the_build_until_it_is_looked_at(course, capsys):
    edit(course, "Hide | seek", "Hide and seek")
    assert zh.main([], course) == 1
    assert "03_masks: 03-open was translated from another text" in capsys.readouterr().err
    assert zh.main(["update"], course) == 0
    entry = entries(course)["03-open"]
    assert entry.fuzzy
    assert "Hide and seek" in entry.msgid
    assert "Hide | seek" in entry.previous_msgid
    assert entry.msgstr == CHINESE["03-open"]
    capsys.readouterr()
    assert zh.main([], course) == 1
    assert "03_masks: 03-open is fuzzy" in capsys.readouterr().err


def test_a_fuzzy_entry_remembers_what_was_translated(course):
    edit(course, "Hide | seek", "Hide and seek")
    zh.main(["update"], course)
    edit(course, "Hide and seek", "Hide or seek")
    zh.main(["update"], course)
    entry = entries(course)["03-open"]
    assert entry.fuzzy
    assert "Hide or seek" in entry.msgid
    assert "Hide | seek" in entry.previous_msgid


def test_an_entry_that_was_never_translated_does_not_become_fuzzy(course):
    translate(course, {"03-open": ""})
    edit(course, "Hide | seek", "Hide and seek")
    zh.main(["update"], course)
    entry = entries(course)["03-open"]
    assert (entry.fuzzy, entry.previous_msgid, entry.msgstr) == (False, None, "")


def test_a_changed_description_of_a_figure_is_noticed(course, capsys):
    edit(course, "A line", "Two lines", "00_hello")
    assert zh.main([], course) == 1
    assert "00_hello: 00-plot:alt was translated from another text" in capsys.readouterr().err


def test_a_cell_that_went_is_obsolete_and_can_come_back(course):
    path = course / "notebooks" / "03_masks.ipynb"
    before = path.read_bytes()
    notebook = lessons.read(path)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "03-more"]
    lessons.write(path, lessons.text(notebook))
    assert zh.main([], course) == 1
    zh.main(["update"], course)
    assert entries(course)["03-more"].obsolete
    assert zh.main([], course) == 0
    path.write_bytes(before)
    zh.main(["update"], course)
    assert not entries(course)["03-more"].obsolete
    assert zh.main([], course) == 0


def test_a_new_cell_gets_an_empty_entry_in_its_place(course):
    path = course / "notebooks" / "03_masks.ipynb"
    notebook = lessons.read(path)
    notebook.cells.insert(1, new_markdown_cell("New.", id="03-new"))
    lessons.write(path, lessons.text(notebook))
    zh.main(["update"], course)
    assert list(entries(course)) == ["03-open", "03-new", "03-more"]
    assert entries(course)["03-new"].msgstr == ""


def test_a_cell_with_another_id_takes_its_translation_along(course):
    edit(course, "03-more", "03-rest")
    zh.main(["update"], course)
    assert entries(course)["03-rest"].msgstr == CHINESE["03-more"]
    assert entries(course)["03-more"].obsolete


def test_navigation_and_index_are_no_business_of_the_translator(course):
    assert "nav" not in " ".join(entries(course))
    assert entries(course, "00_hello")["00-index"].msgid.endswith("\n\n<!-- lessons -->")
    hit = re.search(r"(?s)<!-- nav -->.*?<!-- /nav -->", entries(course)["03-open"].msgid)
    assert hit is None


def test_what_stands_twice_or_is_no_catalog_is_told(course, capsys):
    file = course / "locale" / "zh" / "03_masks.po"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + 'msgctxt "03-more"\nmsgid "x"\nmsgstr "y"\n', encoding="utf-8")
    assert zh.main([], course) == 1
    assert "03-more" in capsys.readouterr().err
    file.write_text(text + "what is this\n", encoding="utf-8")
    assert zh.main([], course) == 1
    assert "03_masks.po can't be read" in capsys.readouterr().err


def test_what_has_no_english_any_more_is_told(course, capsys):
    zh.main([], course)
    (course / "notebooks" / "03_masks.ipynb").unlink()
    assert zh.main([], course) == 1
    said = capsys.readouterr().err
    assert "03_masks.po: its English lesson is gone" in said
    assert "03_masks.ipynb: its English lesson is gone" in said


def test_a_catalog_survives_formulas_quotes_and_backslashes(tmp_path):
    hard = '$$\\frac{\\nu}{\\tau}\\\\$$ "x" \\n\n\ttab “y” C:\\new'
    made = polib.POFile(wrapwidth=0)
    made.append(polib.POEntry(msgctxt="a", msgid=hard, msgstr=hard))
    lessons.write(tmp_path / "a.po", zh_catalog.updated({"a": hard}, made))
    again = zh_catalog.catalog(tmp_path / "a.po")
    assert again[0].msgid == again[0].msgstr == hard


# --- what a translation is held to ----------------------------------------------------------------


TERMS = [("mask", re.compile(r"\bmasks?\b", re.I), "掩蔽", ["掩码"], True)]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("At 16,000 samples and -30 dB.", "每秒 16,000 个采样点，-30 dB。"),
        ("3.6 million orders and 16,000 more.", "360 万种次序，再加 1.6 万种。"),
        ("It falls to minus 55 in November 2026.", "2026 年 11 月降到负 55。"),
        ("See `x` and `y`, $a$ to $b$.", "见 `y` 和 `x`，从 $a$ 到 $b$。"),
        (
            "The **mask** [stops](../a.md) it, from 2-3 cells.",
            "**掩蔽**[挡住](../a.md)它，2-3 格。",
        ),
        (
            '- A. Bee, "On the dance of bees", ICASSP 2019.',
            '- A. Bee, "On the dance of bees", 2019。',
        ),
        ("It was measured (Yu and others, 2017).", "有人做过测量（Yu 等，2017）。"),
        ("**1. Undo it.** By how many?", "**1. 扣掉它。** 是几个？"),
        ("`separate(x)`", "`separate(x)`"),
        ("Run `A=b python run.py lab 14`.", "运行 `A=b python run.py lab zh 14`。"),
        ("*A line.* See.", "*一条线。*<!-- zh -->（图中文字：Time 时间。）<!-- /zh --> 看。"),
        (
            "A line.",
            "一条线。<!-- zh -->另见 `x`：\n\n| 甲 | 乙 |\n|---|---|\n| 1 | 2 |<!-- /zh -->",
        ),
    ],
)
def test_a_faithful_translation_has_no_fault(english, chinese):
    assert zh_check.faults(english, chinese, TERMS) == []


@pytest.mark.parametrize(
    ("english", "chinese", "fault"),
    [
        ("At 16,000 samples.", "每秒 1600 个采样点。", "numbers: 16000 lost, 1600 new"),
        ("At -30 dB.", "电平 30 dB。", "numbers: -30 lost, 30 new"),
        ("Two voices.", "2 个声音。", "numbers: nothing lost, 2 new"),
        ("Call `x.y`.", "调用 `x`。", "code: `x.y` lost, `x` new"),
        ("At $R/2$ it folds.", "在 $R$ 处折回。", "formulas: $R/2$ lost"),
        ("See [a](../a.md).", "见[甲](../b.md)。", "links: ../a.md lost"),
        ("## A\n\nB.", "甲\n\n乙。", "lines that begin with: ## lost"),
        ("- a\n- b", "- 甲、乙", "lines that begin with: - lost"),
        ("A <!-- nav -->", "甲", "comments"),
        ('- A. Bee, "On the dance of bees", 2019.', "- A. Bee，《蜂舞》，2019。", "On the dance"),
        ("So it is (Taal and others, 2011).", "就是这样（塔尔等，2011）。", "lost 'Taal'"),
        ("Nothing was done here.", "Nothing was done here.", "still English"),
        ("A mask is a table.", "掩码是一张表。", "掩码 should be 掩蔽"),
        ("A mask is a table.", "它是一张表。", "mask should be 掩蔽"),
        ("Good, yes.", "好,是的。", "half-width punctuation"),
        ("It has SNR.", "它有SNR。", "no space"),
        ("It is, yes.", "是， 对。", "a space beside"),
        ("It is\nlong.", "它很\n长。", "a line break"),
        ("**It is.** So.", "**是的。**对。", "would show its stars"),
        ("Run `run.py lab`.", "运行 `run.py lab`。", "opens the English edition"),
        ("It is.", "对。<!-- zh -->它有 3 dB。<!-- /zh -->", "a number of '3 dB' in an extra"),
        ("It is.", "对。<!-- zh -->它是掩码。<!-- /zh -->", "掩码 should be 掩蔽"),
        ("It is.", "对。<!-- zh -->它是 `x`。", "comments"),
    ],
)
def test_an_unfaithful_translation_is_found(english, chinese, fault):
    assert any(fault in found for found in zh_check.faults(english, chinese, TERMS))


def test_a_longer_term_is_taken_whole(tmp_path):
    (tmp_path / "g.csv").write_text(
        "english,chinese,forbidden,always\nmask,掩蔽,掩码,yes\nbinary mask,二值掩蔽,,yes\n"
    )
    table = zh_check.terms(tmp_path / "g.csv")
    assert zh_check.wording("Two Binary-masks.", "两个二值掩蔽。", table) == []
    assert zh_check.wording("A binary mask.", "一个掩蔽。", table) == [
        "binary mask should be 二值掩蔽"
    ]


@pytest.mark.parametrize(
    ("loser", "term"),
    [
        ("绕过所有块的路", "残差连接"),
        ("跳接", "跳跃连接"),
        ("每个声音一个掩蔽", "人声"),
        ("管整段的注意力", "全局注意力"),
        ("矩阵相乘可以随意加括号", "结合律"),
        ("除以离散程度", "标准差"),
        ("滑动均值", "累积均值"),
        ("这是块内注意力", "段"),
        ("八个块", "模块"),
        ("另一种顺序", "次序"),
        ("公布的规模", "已发布的规模"),
        ("加一个掩膜", "掩蔽"),
        ("PyTorch 会数活", "计算量"),
        ("一则轶事", "个例"),
        ("在这个笔记本里", "notebook"),
    ],
)
def test_the_glossary_finds_what_lost(loser, term):
    found = zh_check.wording("", f"这里有{loser}。", zh_check.terms())
    assert len(found) == 1
    assert term in found[0]


@pytest.mark.parametrize(
    "kept",
    ["一个声音文件", "一台笔记本电脑", "权重取指数滑动平均", "真正的活动", "卷积模块", "这个声音"],
)
def test_the_glossary_leaves_alone_what_is_right(kept):
    assert zh_check.wording("", f"这里有{kept}。", zh_check.terms()) == []


@pytest.mark.parametrize(
    "english",
    ["residual connection", "receptive field", "global attention", "generalization", "in parallel",
     "associative", "standard deviation", "multi-head", "mask", "voice", "block", "chunk"],
)  # fmt: skip
def test_the_field_has_its_own_words(english):
    assert english in {row[0] for row in zh_check.terms()}


def test_a_checker_that_uses_what_lost_is_told(tmp_path):
    one_message(tmp_path, "Wrong order.", "顺序不对。")
    assert zh_exercises.faults(tmp_path) == [
        "exercises: lesson00.py “Wrong order.” 顺序 should be 次序"
    ]


def test_what_the_programs_and_the_site_say_in_chinese_follows_the_glossary(root):
    table, found = zh_check.terms(), {}
    for folder in ("helpers", "book", "training"):
        for path in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                text = getattr(node, "value", None)
                if isinstance(text, str) and re.search(zh_check.HAN, text):
                    gap = zh_check.wording("", text, table)
                    found |= {(path.name, node.lineno): gap} if gap else {}
    for path in [*(root / "book" / "static").glob("*.js"), root / "book" / "site" / "live.zh.md"]:
        gap = zh_check.wording("", path.read_text("utf-8"), table)
        found |= {path.name: gap} if gap else {}
    assert found == {}


# --- the language of a kernel ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "folder", "language"),
    [
        ({}, "notebooks", "en"),
        ({}, "notebooks/zh", "zh"),
        ({}, "zh", "en"),
        ({"A2A_LANG": "en"}, "notebooks/zh", "en"),
        ({"A2A_LANG": "zh_CN"}, "notebooks", "zh"),
        ({"JPY_SESSION_NAME": "/课程/notebooks/zh/05_x.ipynb"}, ".", "zh"),
        ({"JPY_SESSION_NAME": "/课程/notebooks/05_x.ipynb"}, ".", "en"),
        ({"JPY_SESSION_NAME": "4f1c-22"}, "notebooks/zh", "zh"),
    ],
)
def test_a_kernel_knows_its_edition(tmp_path, monkeypatch, variables, folder, language):
    from helpers.exercises import verdict

    for name in ("A2A_LANG", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    assert verdict.language() == language
    assert verdict.listed("ab") == {"en": "a, b", "zh": "a、b"}[language]


def test_a_checker_answers_in_chinese_in_a_lesson_of_the_chinese_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("A2A_LANG", raising=False)
    path = tmp_path / "notebooks" / "zh" / "02_x.ipynb"
    code = "from helpers.exercises import lesson02\nlesson02.check_alias(...)"
    save(path, new_code_cell(code, id="02-x"))
    lessons.run(path)
    assert "还没有答案" in lessons.read(path).cells[0].outputs[0].data["text/plain"]
