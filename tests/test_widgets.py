"""The blind listening test, driven by code: its buttons, its file, its ranking."""

import csv
import json

import numpy as np
import pytest

from book import zh_exercises, zh_outputs
from helpers.clip import Clip
from helpers.lab import widgets

NAMES = ("hum", "hiss", "chirps", "clipped")
TASTE = {"hum": 3, "clipped": 2, "chirps": 1, "hiss": 0}  # whom our listener likes


def clips():
    return [
        Clip(np.random.default_rng(i).normal(size=4000), 8000, name) for i, name in enumerate(NAMES)
    ]


def press(test):
    """Take the whole test by its buttons, as a listener of that taste."""
    _ = test.view  # draws the buttons
    for first, second in test.trials:
        test.buttons["A" if TASTE[first] > TASTE[second] else "B"].click()


def test_every_pair_comes_once():
    trials = widgets.BlindTest(*clips(), seed=3).trials
    assert len(trials) == 6
    assert len({frozenset(pair) for pair in trials}) == 6
    assert {name for pair in trials for name in pair} == set(NAMES)


def test_the_seed_decides_the_order_and_the_sides():
    first, same, other = (widgets.BlindTest(*clips(), seed=seed) for seed in (3, 3, 4))
    assert first.trials == same.trials
    assert first.key == same.key
    assert first.trials != other.trials
    sides = [widgets.BlindTest(*clips(), seed=seed).trials for seed in range(20)]
    assert any(("hum", "hiss") in trials for trials in sides)
    assert any(("hiss", "hum") in trials for trials in sides)


def test_no_name_can_be_seen_while_the_test_runs():
    test = widgets.BlindTest(*clips())
    page = json.dumps([str(child.get_state()) for child in walk(test.view)])
    assert not [name for name in NAMES if name in page]
    assert not [name for name in NAMES if name in str(test._repr_mimebundle_())]
    players = "".join(child.value for child in walk(test.view) if hasattr(child, "value"))
    assert players.count("<audio controls") == 2
    assert 'aria-label="A · 0.50 s · 8000 Hz · -25.0 dB"' in players


def test_both_of_a_pair_are_equally_loud():
    test = widgets.BlindTest(*(clip.gain(-7 * i) for i, clip in enumerate(clips())))
    assert [round(clip.level, 3) for clip in test.samples] == [-25] * 4


def test_buttons_fill_the_file(tmp_path):
    file = tmp_path / "output" / "blind.csv"
    test = widgets.BlindTest(*clips(), seed=1, file=file)
    assert not file.exists()
    press(test)
    rows = list(csv.DictReader(file.open(encoding="utf-8", newline="")))
    assert [tuple(row) for row in rows] == [widgets.FIELDS] * 6
    assert [row["trial"] for row in rows] == list("123456")
    assert [(row["first"], row["second"]) for row in rows] == test.trials
    for row in rows:
        assert row["preferred"] == max(row["first"], row["second"], key=TASTE.get)
        assert row["seed"] == "1"


def test_an_answer_is_stored_when_it_is_given(tmp_path):
    file = tmp_path / "blind.csv"
    test = widgets.BlindTest(*clips(), file=file)
    test.choose("A")
    assert len(widgets.read(file)) == 1
    test.choose("neither")
    assert [row["preferred"] for row in widgets.read(file)] == [test.trials[0][0], "neither"]


def test_a_second_round_is_added_under_one_heading(tmp_path):
    file = tmp_path / "blind.csv"
    for seed in (1, 2):
        press(widgets.BlindTest(*clips(), seed=seed, file=file))
    assert file.read_text("utf-8").count("session") == 1
    assert len(widgets.read(file)) == 12
    assert widgets.ranking(widgets.read(file)) == {"hum": 6, "clipped": 4, "chirps": 2, "hiss": 0}


def test_the_pair_changes_and_the_end_is_told():
    test = widgets.BlindTest(*clips())
    heading, players, row = test.view.children
    seen = set()
    for number in range(1, 7):
        assert f"Pair {number} of 6" in heading.value
        assert not any(button.disabled for button in row.children)
        seen.add(players.value)
        row.children[number % 3].click()
    assert len(seen) == 6
    assert "Thank you" in heading.value
    assert players.value == ""
    assert all(button.disabled for button in row.children)
    assert repr(test) == "Blind test: 6 of 6 pairs answered"
    with pytest.raises(ValueError, match="starts another round"):
        test.choose("A")


def test_the_ranking_is_the_listeners():
    test = widgets.BlindTest(*clips(), seed=5)
    press(test)
    assert widgets.ranking(test.answers) == {"hum": 3, "clipped": 2, "chirps": 1, "hiss": 0}


def test_no_difference_counts_half():
    test = widgets.BlindTest(*clips()[:2])
    test.choose("neither")
    assert widgets.ranking(test.answers) == {"hiss": 0.5, "hum": 0.5}
    result = test.compare({"STOI": {"hum": 1, "hiss": 0}})
    assert result.counts == {"STOI": (0, 0, 0)}
    assert "your ear: hiss = hum" in repr(result)


def test_the_metrics_are_compared_pair_by_pair():
    test = widgets.BlindTest(*clips(), seed=5)
    press(test)
    result = test.compare(
        {
            "mine": TASTE,
            "other way round": {name: -value for name, value in TASTE.items()},
            "no opinion": dict.fromkeys(NAMES, 5),
            "half": {"hum": 0.96, "hiss": 0.83, "clipped": 0.82, "chirps": 0.78},
        }
    )
    assert result.counts == {
        "mine": (6, 0, 0),
        "other way round": (0, 6, 0),
        "no opinion": (0, 0, 6),
        "half": (4, 2, 0),
    }
    lines = repr(result).splitlines()
    assert lines[0] == "your ear: hum > clipped > chirps > hiss"
    assert lines[3].startswith("no opinion: chirps = clipped = hiss = hum")
    assert lines[4].endswith("agrees on 4, differs on 2, can't tell 0")


def test_without_answers_the_metrics_stand_alone():
    test = widgets.BlindTest(*clips(), seed=5)
    assert repr(test.compare({"taste": TASTE})).splitlines() == [
        "your ear: no answers yet",
        "taste: hum > clipped > chirps > hiss",
    ]


def test_the_samples_on_paper_hide_the_names_and_the_key_tells_them():
    test = widgets.BlindTest(*clips(), seed=2)
    assert [sample.name for sample in test.samples] == [f"sample {i}" for i in (1, 2, 3, 4)]
    for sample in test.samples:
        heard = test.clips[test.key[sample.name]]
        assert np.array_equal(sample.samples, heard.samples)
    assert sorted(test.key.values()) == sorted(NAMES)


def test_a_notebook_stores_a_line_and_a_view_without_numbers():
    test = widgets.BlindTest(*clips())
    bundle = test._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == "Blind test: 0 of 6 pairs answered"


@pytest.mark.parametrize(
    "wrong",
    [
        clips()[:1],
        [clips()[0], clips()[0]],
        [clips()[0], clips()[1].named("")],
        [clips()[0], clips()[1].named("neither")],
    ],
    ids=["one", "same name", "no name", "reserved name"],
)
def test_clips_that_cannot_be_told_apart_are_refused(wrong):
    with pytest.raises(ValueError, match="each with a name of its own"):
        widgets.BlindTest(*wrong)


def test_another_answer_is_refused(tmp_path):
    test = widgets.BlindTest(*clips(), file=tmp_path / "blind.csv")
    with pytest.raises(ValueError, match="'A', 'B' or 'neither', not 'C'"):
        test.choose("C")
    assert not (tmp_path / "blind.csv").exists()


def test_the_chinese_edition(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    test = widgets.BlindTest(*clips())
    assert "第 1 对，共 6 对" in test.view.children[0].value
    assert test.view.children[2].children[0].description == "A 更好听"
    assert "还没有回答" in repr(test.compare({"STOI": TASTE}))


def test_the_build_says_in_chinese_what_a_chinese_kernel_shows(monkeypatch, root):
    catalog = zh_outputs.Catalog(zh_exercises.table(root))
    test = widgets.BlindTest(*clips(), seed=5)
    for _pair in range(2):
        shown = []
        for language in ("en", "zh"):
            monkeypatch.setenv("A2A_LANG", language)
            shown.append([repr(test), repr(test.compare({"taste": TASTE}))])
        assert [catalog.chinese(text) for text in shown[0]] == shown[1]
        assert all("一" <= text[0] <= "鿿" for text in shown[1])
        test.choose("A")


def walk(widget):
    """A widget and all widgets inside."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)
