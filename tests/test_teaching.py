"""The page for teachers: its cells exist, and its minutes are enough for them."""

import base64
import io
import json
import math
import re

import pytest
import soundfile

from book import lessons

PAGES = ["book/teaching.md", "book/teaching.zh-CN.md"]
SPANS = re.compile(r"`(\d\d-[\w-]+)`(?:(?: to | 到 )`(\d\d-[\w-]+)`)?")
# A class, by our reckoning: 150 characters a minute are read or told, each sound is played twice,
# a cell of code, with its figure, is looked at for a minute, an exercise takes 6 minutes.
CHARACTERS, TWICE, LOOK, EXERCISE = 150 / 60, 2, 60, 6 * 60


def cells(number):
    """Return the cells of a Chinese lesson."""
    (path,) = (lessons.NOTEBOOKS / "zh").glob(f"{number}_*.ipynb")
    return json.loads(path.read_text("utf-8"))["cells"]


def seconds(cell):
    """Return how long a class needs for a cell."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return len(re.findall("[\u4e00-\u9fff]", source)) / CHARACTERS
    if "solution" in cell["metadata"].get("tags", []):
        return 0
    spent = EXERCISE if "-exercise-" in cell["id"] else LOOK
    for output in cell["outputs"]:
        html = "".join(output.get("data", {}).get("text/html", ""))
        for sound in re.findall(r'data:audio/flac;base64,([^"]+)', html):
            about = soundfile.info(io.BytesIO(base64.b64decode(sound)))
            spent += TWICE * about.frames / about.samplerate
    return spent


def minutes(first, last):
    """Return how long a class needs from one cell of a lesson to another, both included."""
    found = cells(first[:2])
    ids = [cell["id"] for cell in found]
    start, stop = ids.index(first), ids.index(last)
    assert start <= stop, (first, last)
    return sum(map(seconds, found[start : stop + 1])) / 60


def rows(page, column):
    """Return (minutes, spans of cells) of the rows of the table whose first column is so named."""
    lines = page.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| {column} |"))
    found = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            return found
        fields = [field.strip() for field in line.strip("|").split("|")]
        found.append((int(fields[0]), [(a, b or a) for a, b in SPANS.findall(line)]))
    return found


@pytest.fixture(scope="module", params=PAGES)
def page(request):
    return (lessons.ROOT / request.param).read_text("utf-8")


def test_every_cell_that_the_page_names_exists(page):
    for first, last in SPANS.findall(page):
        ids = [cell["id"] for cell in cells(first[:2])]
        assert first in ids
        assert not last or last in ids


@pytest.mark.parametrize(("columns", "wanted"), [(("two hours", "两小时"), 120)])
def test_two_hours_are_enough_for_their_cells(page, columns, wanted):
    column = next(name for name in columns if f"| {name} |" in page)
    table = rows(page, column)
    assert sum(given for given, _ in table) == wanted
    for given, spans in table:
        if spans:
            needed = sum(minutes(*span) for span in spans)
            assert given - 6 < math.ceil(needed) <= given, spans  # and not much more than enough


def test_a_double_lesson_of_the_ten_hours_fits_into_its_time(page):
    column = next(name for name in ("ten hours", "十小时") if f"| {name} |" in page)
    table = rows(page, column)
    assert [number for number, _ in table] == [1, 2, 3, 4, 5]
    for _, spans in table:
        needed = sum(minutes(*span) for span in spans)
        assert 60 < needed <= 105  # of 120: there are questions, and someone is late


def test_the_reckoning():
    sound = io.BytesIO()
    soundfile.write(sound, [0.0] * 8000, 8000, format="FLAC")
    html = f'<audio src="data:audio/flac;base64,{base64.b64encode(sound.getvalue()).decode()}">'
    code = {"cell_type": "code", "id": "00-x", "source": ["x"], "metadata": {}}
    assert seconds(code | {"outputs": [{"data": {"text/html": [html]}}]}) == LOOK + 2
    assert seconds(code | {"outputs": [], "id": "00-exercise-x"}) == EXERCISE
    assert seconds(code | {"outputs": [], "metadata": {"tags": ["solution"]}}) == 0
    assert seconds({"cell_type": "markdown", "source": ["听" * 150]}) == 60
