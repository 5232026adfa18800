"""The checkers of lesson 13: what is special to them; the rest is in test_exercises.py."""

import re

import pytest

from helpers import clinic
from helpers.clinic import measure
from helpers.exercises import lesson13

CASE, CAUSE = next(iter(lesson13.CASES.items()))


def test_causes():
    assert lesson13.check_causes(dict.fromkeys(lesson13.CASES, ...)).passed is None
    assert lesson13.check_causes(dict(lesson13.CASES)).passed
    assert "none of" in lesson13.check_causes({CASE: "magic"}).message
    assert "4 to go" in lesson13.check_causes({CASE: CAUSE}).message


def fades(patient, seconds=9.6, limit=-6, against=None):
    """Compare two stretches that say the same."""
    n = round(seconds * patient.rate)
    sound = patient.usual(n)
    out = patient.run(sound)[:, -n // 2 :]
    before = sound[: n // 2] if against == "input" else patient.run(sound)[:, : n // 2]
    change = measure.db(out) - measure.db(before)
    return clinic.judge(change > limit, f"{change:.1f} dB", change, "dB")


def test_the_examination():
    verdict = lesson13.check_examination(fades)
    assert verdict.passed is False
    assert "decorator" in verdict.message
    clinic.examination("levels", "medium", "is no softer at the end")(fades)
    try:
        assert lesson13.check_examination(fades).passed
    finally:
        clinic.EXAMINATIONS.pop("fades")
    assert lesson13.check_examination(lambda patient: ...).passed is None


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda patient: fades(patient, seconds=4.0), "repeats itself|longer than that"),
        (lambda patient: fades(patient, seconds=2.0), "pauses|longer than that"),
        (lambda patient: fades(patient, against="input"), "not with what went in"),
        (lambda patient: fades(patient, limit=-15), "half as loud"),
        (lambda patient: clinic.ok("well"), "longer than that"),
        (lambda patient: clinic.bad("ill"), "gives back what it gets"),
        (lambda patient: True, r"True \(bool\)"),
        (lambda patient: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_what_is_wrong_with_an_examination_is_said(answer, says):
    verdict = lesson13.check_examination(answer)
    assert verdict.passed is False
    assert re.search(says, verdict.message), verdict
