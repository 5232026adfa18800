"""The checkers of lesson 09: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest

from helpers.exercises import lesson09

WEIGHTS, RECENT, HEARD = np.array([0.5, 0.0, 0.0]), np.array([0.4, -0.2, 0.1]), 0.38
ERROR, POWER = HEARD - WEIGHTS @ RECENT, RECENT @ RECENT
RIGHT = WEIGHTS + 0.5 * ERROR * RECENT / POWER


def says(verdict, said):
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (RIGHT, None),
        (list(RIGHT), None),
        (2 * WEIGHTS - RIGHT, "the sign is turned"),
        (WEIGHTS + 0.5 * ERROR * RECENT, "that is LMS"),
        (WEIGHTS + 0.5 * ERROR * RECENT / np.sqrt(POWER), "divided by the norm"),
        (WEIGHTS + 0.5 * ERROR * RECENT / (POWER / 3), "mean power"),
        (WEIGHTS + 0.5 * HEARD * RECENT / POWER, "the sample heard"),
        (WEIGHTS + ERROR * RECENT / POWER, "the whole step"),
        (RIGHT - WEIGHTS, "the change alone"),
        (WEIGHTS + (RIGHT - WEIGHTS)[::-1], "back to front"),
        (WEIGHTS, "the old weights"),
        (np.ones(3), "the filter predicts 0.300; the right ones predict 0.290"),
        (np.ones(2), "the shape (2,)"),
    ],
)
def test_step(answer, said):
    says(lesson09.check_step(answer, WEIGHTS, RECENT, HEARD), said)


def test_the_right_step_says_what_it_did():
    message = lesson09.check_step(RIGHT, WEIGHTS, RECENT, HEARD).message
    assert "predicts 0.29 where it predicted 0.20, and 0.38 was heard" in message
