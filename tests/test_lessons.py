"""The lessons, and the tool that runs, links and checks them."""

import re
import struct

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book import lessons, picture

README = "# A course\n\n<!-- lessons -->\n<!-- /lessons -->\n\nThe end.\n"


def save(path, *cells, **metadata):
    """Write a notebook; a string becomes prose or, after a >, code."""
    made = [
        new_code_cell(cell[1:].strip(), id=f"c-{i}")
        if cell.startswith(">")
        else new_markdown_cell(cell, id=f"c-{i}")
        for i, cell in enumerate(cells)
    ]
    path.write_text(nbformat.writes(new_notebook(cells=made, metadata=metadata)))
    return path


@pytest.fixture
def course(tmp_path):
    """A folder of three lessons and a README; `links` has been called."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    save(folder / "00_hello.ipynb", "# Hello\n\nSay hello. Twice.", "<!-- lessons -->", "> ")
    save(folder / "03_masks.ipynb", "# Masks\n\nHide | seek.", "## More")
    save(folder / "12_train.ipynb", "# Train\n\nTrain one.", "More.")
    (tmp_path / "README.md").write_text(README)
    write_links(tmp_path)
    return tmp_path


def write_links(course):
    for path, content in lessons.links(course / "notebooks", course / "README.md").items():
        lessons.write(path, content)


def check(course):
    return lessons.check(course / "notebooks", course / "README.md")


def source(course, name, which):
    return lessons.read(course / "notebooks" / name).cells[which].source


def change(course, name, edit):
    """Edit a lesson of the course and write it back."""
    path = course / "notebooks" / name
    notebook = lessons.read(path)
    edit(notebook)
    lessons.write(path, lessons.text(notebook))


# --- the lessons that there are -------------------------------------------------------------------


def test_the_lessons_pass_their_check():
    assert lessons.check() == []


def test_readme_shows_a_small_picture_and_describes_it(root):
    alt, path = re.search(
        r"!\[([^\]]+)\]\((.+?)\)", (root / "README.md").read_text("utf-8")
    ).groups()
    assert (root / path).resolve() == picture.PICTURE
    assert len(alt) > 50
    contents = picture.PICTURE.read_bytes()
    assert len(contents) < 200_000
    assert struct.unpack(">II", contents[16:24]) == (1200, 300)


# --- run ------------------------------------------------------------------------------------------


def test_run_executes_in_place_and_the_same_way_twice(tmp_path):
    code = "> import pathlib, sys\nimport helpers\nprint(pathlib.Path.cwd().name)\nsys.executable"
    path = save(
        tmp_path / "00_x.ipynb",
        "# X",
        code,
        "> ",
        "> 1 + 1",
        kernelspec={"name": "j", "display_name": "Julia"},
    )
    lessons.run(path)
    first = path.read_bytes()
    notebook = lessons.read(path)
    assert notebook.metadata == lessons.METADATA
    _, found, _, two = notebook.cells
    assert (found.execution_count, two.execution_count) == (1, 2)
    assert found.outputs[0].text == f"{tmp_path.name}\n"
    assert found.outputs[1].data["text/plain"] == repr(lessons.sys.executable)
    assert two.outputs[0].execution_count == 2
    lessons.run(path)
    assert path.read_bytes() == first


def test_run_leaves_a_lesson_alone_that_fails(tmp_path):
    path = save(tmp_path / "00_x.ipynb", "# X", "> 1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        lessons.run(path)
    assert path.read_bytes() == before


def test_normalize_keeps_what_the_course_put_there():
    cell = new_code_cell("1", execution_count=7, outputs=[new_output("execute_result")])
    cell.outputs[0].execution_count = 7
    cell.metadata.update(a2a={"alt": "x"}, tags=["y"], execution={"at": "noon"}, scrolled=True)
    notebook = lessons.normalize(new_notebook(cells=[new_markdown_cell("# X"), cell]))
    assert cell.metadata == {"a2a": {"alt": "x"}, "tags": ["y"]}
    assert (cell.execution_count, cell.outputs[0].execution_count) == (1, 1)
    assert notebook.metadata["language_info"]["version"] == "3.11"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["00_hello", "03_masks", "12_train"]),
        (["3"], ["03_masks"]),
        (["12", "00"], ["00_hello", "12_train"]),
        (["notebooks/03_masks.ipynb"], ["03_masks"]),
    ],
)
def test_lessons_by_number_or_name(course, words, found):
    assert [path.stem for path in lessons.lessons(words, course / "notebooks")] == found


def test_an_unknown_lesson_is_told(course, capsys):
    with pytest.raises(ValueError, match="no lesson '99_'.*00_hello"):
        lessons.lessons(["99"], course / "notebooks")
    assert lessons.main(["run", "99"]) == 1
    assert "no lesson '99_'" in capsys.readouterr().err


# --- links ----------------------------------------------------------------------------------------


def test_each_lesson_points_to_its_neighbors(course):
    home = "[All lessons](../README.md#the-lessons)"
    first, middle, last = (
        f"<!-- nav -->\n{line}\n<!-- /nav -->"
        for line in (
            f"{home} | [Masks →](03_masks.ipynb)",
            f"[← Hello](00_hello.ipynb) | {home} | [Train →](12_train.ipynb)",
            f"[← Masks](03_masks.ipynb) | {home}",
        )
    )
    for name, line in {"00_hello": first, "03_masks": middle, "12_train": last}.items():
        assert source(course, f"{name}.ipynb", 0) == source(course, f"{name}.ipynb", -1) == line
        assert len(lessons.read(course / "notebooks" / f"{name}.ipynb").cells) in (4, 5)


def test_the_index_is_where_it_is_asked_for(course):
    page = (course / "README.md").read_text()
    assert "| 00 | [Hello](notebooks/00_hello.ipynb) | Say hello. |\n" in page
    assert r"| 03 | [Masks](notebooks/03_masks.ipynb) | Hide \| seek. |" in page
    assert page.endswith("<!-- /lessons -->\n\nThe end.\n")
    assert "| 12 | [Train](12_train.ipynb) | Train one. |" in source(course, "00_hello.ipynb", 2)


def test_links_settle_at_once_and_follow_a_new_lesson(course):
    before = {path: path.read_bytes() for path in course.rglob("*.*") if path.is_file()}
    write_links(course)
    assert {path: path.read_bytes() for path in before} == before
    save(course / "notebooks" / "04_new.ipynb", "# New\n\nA new one.")
    write_links(course)
    assert "[New →](04_new.ipynb)" in source(course, "03_masks.ipynb", -1)
    assert "[New](notebooks/04_new.ipynb)" in (course / "README.md").read_text()
    assert check(course) == []


@pytest.mark.parametrize("mark", ["<!-- nav -->", "<!-- nav -->\nold\n<!-- nav -->"])
def test_markers_that_an_author_wrote_are_used(course, mark):
    path = course / "notebooks" / "03_masks.ipynb"
    save(path, f"{mark}\n\n# Masks\n\nHide.", f"Bye.\n\n{mark}")
    write_links(course)
    assert len(lessons.read(path).cells) == 2
    assert source(course, path.name, 0).endswith("<!-- /nav -->\n\n# Masks\n\nHide.")
    assert source(course, path.name, 1).startswith("Bye.\n\n<!-- nav -->\n[← Hello]")
    assert "old" not in path.read_text()


@pytest.mark.parametrize(
    "prose",
    [
        ["# Masks\n\nHide it. And more."],
        ["# 03 · Masks\n\nHide it; then show it."],
        [
            "<!-- nav -->\n[a](b)\n<!-- /nav -->",
            "# 3. Masks",
            "## What you'll do\n\n- Hide\n  it.\n",
        ],
        ["# Masks\n\n**What you'll do.** Hide it.\n\n**What you'll learn.** Much."],
        ["# Masks\n\n**What you'll do**\n\nhide it"],
    ],
)
def test_the_title_and_the_line_come_from_the_lesson(tmp_path, prose):
    path = save(tmp_path / "03_masks.ipynb", *prose, "> 1", "# Other\n\nNo.")
    assert lessons.about(path) == ("Masks", "Hide it.")


@pytest.mark.parametrize("prose", ["Hide it.", "# Masks", "## Masks\n\nHide it."])
def test_a_lesson_without_title_or_sentence_is_told(course, prose):
    save(course / "notebooks" / "03_masks.ipynb", prose)
    assert check(course) == ["03_masks.ipynb needs a title (# Start here) and under it a sentence"]


def test_a_readme_without_place_is_told(course):
    (course / "README.md").write_text("# A course\n")
    assert "no place for the index" in check(course)[0]


# --- check ----------------------------------------------------------------------------------------


def test_a_sound_course_has_no_faults(course):
    assert check(course) == []


def test_a_stale_link_and_a_stale_index_are_found(course):
    save(course / "notebooks" / "04_new.ipynb", "# New\n\nA new one.")
    assert [line.split(":")[0] for line in check(course)] == [
        "README.md",
        "00_hello.ipynb",
        "03_masks.ipynb",
        "04_new.ipynb",
        "12_train.ipynb",
    ]


@pytest.mark.parametrize("counts", [[None, None], [1, None], [2, 1], [1, 3], [2, 3]])
def test_cells_out_of_order_are_found(course, counts):
    cells = [new_code_cell("1", id=f"n-{n}", execution_count=n) for n in counts]
    for i, cell in enumerate(cells):
        cell.id = f"n-{i}"
    change(
        course, "03_masks.ipynb", lambda notebook: notebook.cells.__setitem__(slice(2, 2), cells)
    )
    first = next(i for i, count in enumerate(counts) if count != i + 1)
    fault = f"n-{first} was executed as number {counts[first]}, not {first + 1}"
    assert check(course) == [f"03_masks.ipynb: {fault}: run.py lessons run 03"]


def shown(course, *outputs, **metadata):
    """Put an executed cell with these outputs into a lesson and check the course."""
    cell = new_code_cell("1", id="shown", execution_count=1, outputs=list(outputs))
    cell.metadata.update(metadata)
    change(course, "03_masks.ipynb", lambda notebook: notebook.cells.insert(2, cell))
    return check(course)


def test_an_error_is_found(course):
    error = new_output("error", ename="KeyError", evalue="'x'", traceback=[])
    assert shown(course, error) == ["03_masks.ipynb: shown ended in KeyError"]


@pytest.mark.parametrize("alt", [None, "", " "])
def test_a_figure_that_nobody_described_is_found(course, alt):
    figure = new_output("display_data", data={"image/png": "aGVsbG8="})
    found = shown(course, figure, **({} if alt is None else {"a2a": {"alt": alt}}))
    assert found == ["03_masks.ipynb: shown shows a figure without alt text (metadata a2a.alt)"]


def test_a_figure_with_words_is_fine(course):
    figure = new_output("display_data", data={"image/png": "aGVsbG8="})
    assert shown(course, figure, a2a={"alt": "Two voices, one above the other"}) == []


@pytest.mark.filterwarnings("ignore:Non-unique cell id")
def test_an_id_used_twice_is_found(course):
    path = course / "notebooks" / "03_masks.ipynb"
    path.write_text(path.read_text().replace('"c-1"', '"c-0"'))
    assert "03_masks.ipynb: 2 cells have the id 'c-0'" in check(course)


def test_check_says_so_and_exits_with_1(course, monkeypatch, capsys):
    monkeypatch.setattr(lessons, "check", lambda: ["03_masks.ipynb: something"])
    assert lessons.main(["check"]) == 1
    assert capsys.readouterr().err == "03_masks.ipynb: something\n"
    monkeypatch.setattr(lessons, "check", list)
    assert lessons.main(["check"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", lessons.lessons(), ids=lambda path: path.stem)
def test_a_blank_exercise_is_told_the_name_that_its_cell_asks_for(path):
    for cell in lessons.read(path)["cells"]:
        stub = re.search(r"(?m)^(\w+) = \.\.\.", "".join(cell["source"]))
        if cell["cell_type"] == "code" and stub:
            said = "".join(out.get("data", {}).get("text/plain", "") for out in cell["outputs"])
            assert f"`{stub[1]}`" in said, cell["id"]
