"""The checkers of lesson 17 know right answers, the usual mistakes, and blanks."""

import pytest

from helpers.exercises import lesson17


@pytest.mark.parametrize(
    ("answer", "says"),
    [(0.625, "62%"), (1.25, "more than all"), (1, "nothing to do"), (0.8, "workers over shards"),
     (0.25, "second round alone"), (0.375, "that they wait"), (0.5, "How many shards"),
     (..., "Not yet")],
)  # fmt: skip
def test_busy(answer, says):
    verdict = lesson17.check_busy(answer)
    assert says in verdict.message
    assert verdict.passed == {0.625: True, ...: None}.get(answer, False)


@pytest.mark.parametrize(
    ("answer", "says"),
    [(10, "10 dollars, on one machine"), (250, "divided by"), (0.1, "the cost is the same"),
     (1000, "only once"), (50, "at real time"), (0.01, "one hour"), (200, "has a price"),
     (3, "times the price"), ("x", "number"), (..., "Not yet")],
)  # fmt: skip
def test_cost(answer, says):
    verdict = lesson17.check_cost(answer)
    assert says in verdict.message
    assert verdict.passed == {10: True, ...: None}.get(answer, False)


def test_again():
    right = dict(lesson17.CASES)
    assert lesson17.check_again(right).passed
    for case, name in right.items():
        other = {"again": "kept", "kept": "again"}[name]
        verdict = lesson17.check_again(right | {case: other})
        assert not verdict.passed
        assert case in verdict.message
    assert lesson17.check_again(dict.fromkeys(right, ...)).passed is None
