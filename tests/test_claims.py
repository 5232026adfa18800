"""Numbers in prose stand on something, and a digit that is changed is noticed."""

import csv
import json
import re

import pytest

from book import claims, lessons

LESSONS = lessons.lessons()


def notebook(tmp_path, prose, code="", printed=""):
    cells = [
        {"cell_type": "code", "id": "c", "source": [code], "outputs": [{"text": [printed]}]},
        {"cell_type": "markdown", "id": "m", "source": [prose]},
    ]
    path = tmp_path / "00_x.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("prose", "code", "printed"),
    [
        ("It gains 3.1 dB.", "", "gain 3.14"),
        ("It gains 3 dB.", "", "gain +3.14 dB"),
        ("It takes 40 ms.", "", "0.04 s"),
        ("A window of 1,600 samples.", "cut(1600)", ""),
        ("Loses 12 %.", "", "share 0.118"),
        ("From -25 to 8 kHz: 8 kHz.", "rate=8000", ""),
        ("`wait 77 ms`, [there](x/77 ms.md), and <!-- 77 ms -->", "", ""),
        ("- Somebody (2019), *The 77 ms paper*, arXiv 1901.00001.", "", ""),
        ("No unit: 77 people.", "", ""),
    ],
)
def test_a_number_that_stands_on_something_is_no_fault(tmp_path, prose, code, printed):
    assert claims.faults(notebook(tmp_path, prose, code, printed), set()) == []


@pytest.mark.parametrize(
    "prose",
    ["It gains 3.2 dB.", "It takes 41 ms.", "1,601 samples", "13 % of it", "9 kHz", "77 Hz"],
)
def test_a_number_that_stands_on_nothing_is_named_with_its_cell(tmp_path, prose):
    path = notebook(tmp_path, prose, "cut(1600, rate=8000)", "gain 3.14, 0.04 s, share 0.118")
    (fault,) = claims.faults(path, set())
    assert fault.startswith("m: ")


def test_a_file_that_the_cell_names_is_evidence(tmp_path):
    prose = "`evaluation/long.csv` says so: {} s."
    with open(claims.ROOT / "evaluation" / "long.csv", encoding="utf-8") as file:
        value = next(csv.DictReader(file))["value"]
    assert claims.faults(notebook(tmp_path, prose.format(value)), set()) == []
    assert claims.faults(notebook(tmp_path, prose.format("98765.4")), set()) != []


def test_a_source_excuses_one_claim_of_one_cell(tmp_path):
    path = notebook(tmp_path, "The paper has 22.8 dB.")
    assert claims.faults(path, {("m", "22.8 dB")}) == []
    assert claims.faults(path, {("other", "22.8 dB")}) != []


def test_every_source_is_asked_for():
    """What is in the list is in a lesson: nothing is excused twice, or for nobody."""
    with open(claims.LIST, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all(row["source"].strip() for row in rows)
    there = {
        (cell["id"], text)
        for path in LESSONS
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        for text, *_ in claims.claims("".join(cell["source"]))
    }
    assert [row for row in rows if (row["cell"], row["claim"]) not in there] == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_changed_digit_is_found_in_every_lesson(path, tmp_path):
    """The numbers of three digits and more: a changed small one may be another output's."""
    content = json.loads(path.read_text(encoding="utf-8"))
    tried = found = 0
    for cell in content["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        source = "".join(cell["source"])
        for text, *_ in claims.claims(source):
            if sum(c.isdigit() for c in text) < 3 or source.count(text) > 1:
                continue
            for step in (1, 4, 7):  # round numbers meet others, so one change says little
                other = re.sub(
                    r"[1-9]",
                    lambda d, step=step: str((int(d[0]) - 1 + step) % 9 + 1),
                    text,
                    count=1,
                )
                cell["source"] = source.replace(text, other)
                copy = tmp_path / path.name
                copy.write_text(json.dumps(content), encoding="utf-8")
                tried += 1
                found += any(f.startswith(f"{cell['id']}: ") for f in claims.faults(copy))
            cell["source"] = source
    if not tried:
        pytest.skip("this lesson's prose has no number of three digits")
    assert found >= tried / 2, (found, tried)
