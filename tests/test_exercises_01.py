"""The checkers of lesson 01: what is special to them; the rest is in test_exercises.py."""

from helpers.exercises import lesson01

CASE, TASK = next(iter(lesson01.CASES.items()))


def test_the_stub_of_open_cases_is_blank():
    assert lesson01.check_tasks(dict.fromkeys(lesson01.CASES, ...)).passed is None
    assert lesson01.check_tasks({}).passed is None


def test_unknown_tasks_and_unfinished_answers():
    assert "none of" in lesson01.check_tasks({CASE: "magic"}).message
    assert "5 to go" in lesson01.check_tasks({CASE: TASK}).message
