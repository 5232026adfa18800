"""The checkers of lesson 15 know right answers, the usual mistakes, and blanks."""

import numpy as np
import pytest

from helpers.exercises import lesson15


@pytest.mark.parametrize(
    ("answer", "says"),
    [(48, "48 ms"), (40, "look-ahead is missing"), (32, "window alone"), (41, "in hops of 8"),
     (16, "window is missing"), (7, "Add up"), ("x", "number"), (..., "Not yet")],
)  # fmt: skip
def test_budget(answer, says):
    verdict = lesson15.check_budget(answer)
    assert says in verdict.message
    assert verdict.passed == {48: True, ...: None}.get(answer, False)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda ring, place: np.roll(ring, -place), "Oldest first"),
        (lambda ring, place: [*ring[place:], *ring[:place]], "Oldest first"),
        (lambda ring, place: ring, "in which they lie"),
        (lambda ring, place: np.roll(ring, place), "wrong way"),
        (lambda ring, place: np.roll(ring, -place)[::-1], "turn it round"),
        (lambda ring, place: ring[place:], "should give"),
        (lambda ring, place: 1 / 0, "ZeroDivisionError"),
        (lambda ring, place: ring.sort(), "changed the ring"),
        (3, "a function"),
        (..., "Not yet"),
    ],
)
def test_ring(answer, says):
    assert says in lesson15.check_ring(answer).message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([1, 2, 3, 4, 5, 6], "14 frames"),
        ([1] * 6, "Each decoder adds"),
        ([6, 5, 4, 3, 2, 1], "outside in"),
        ([0, 1, 2, 3, 4, 5], "late, too"),
        ([1, 2, 4, 8, 16, 32], "Count the decoders"),
        ([1, 2], "this has 2"),
        (5, "the shape ()"),
        (..., "Not yet"),
    ],
)
def test_skips(answer, says):
    assert says in lesson15.check_skips(answer).message
