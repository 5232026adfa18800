"""What the exercises of lesson 16 say, beside what tests/test_exercises.py asks of every record."""

import numpy as np
import pytest

from helpers.exercises import lesson16


@pytest.mark.parametrize(
    ("answer", "passed", "says"),
    [
        (1.866, True, "4 cm"),
        (1.9, True, "4 cm"),
        (3.73, False, "from the side"),
        (3.23, False, "sine"),
        (5.6, False, "the next one"),
        (0.117, False, "in ms"),
        (0.000117, False, "in seconds"),
        (1.0, False, "343 m/s"),
        (..., False, "late"),
    ],
)
def test_late(answer, passed, says):
    verdict = lesson16.check_late(answer)
    assert bool(verdict.passed) == passed
    assert says in verdict.message


@pytest.mark.parametrize(
    ("answer", "passed", "says"),
    [
        (6.02, True, "as powers"),
        (6, True, "as powers"),
        (12.04, False, "hiss grows"),
        (3.01, False, "two microphones"),
        (4, False, "how many decibels"),
        (-6.02, False, "sign"),
        (9, False, "ratio of powers"),
    ],
)
def test_hiss(answer, passed, says):
    verdict = lesson16.check_hiss(answer)
    assert bool(verdict.passed) == passed
    assert says in verdict.message


def test_four_hisses_are_6_db_weaker():
    hisses = np.random.default_rng(0).normal(size=(4, 200000))
    gained = 20 * np.log10(4) - 10 * np.log10(hisses.sum(axis=0).var() / hisses.var(axis=1).mean())
    assert lesson16.check_hiss(round(gained, 1)).passed


def test_tools_one_at_a_time():
    open_cases = dict.fromkeys(lesson16.check_tools.record().wanted, ...)
    assert not lesson16.check_tools(open_cases).passed
    church = next(case for case in open_cases if "church" in case)
    assert "3 to go" in lesson16.check_tools(open_cases | {church: "WPE"}).message
    wrong = lesson16.check_tools(open_cases | {church: "denoiser"})
    assert "some frames late" in wrong.message
