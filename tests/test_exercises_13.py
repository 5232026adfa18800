"""The checkers of lesson 13: what is special to them; the rest is in test_exercises.py."""

from helpers.exercises import lesson13

CASE, CAUSE = next(iter(lesson13.CASES.items()))


def test_causes():
    assert lesson13.check_causes(dict.fromkeys(lesson13.CASES, ...)).passed is None
    assert lesson13.check_causes(dict(lesson13.CASES)).passed
    assert "none of" in lesson13.check_causes({CASE: "magic"}).message
    assert "4 to go" in lesson13.check_causes({CASE: CAUSE}).message
