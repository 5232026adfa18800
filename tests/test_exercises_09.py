"""The checkers of lesson 09: solutions pass, blanks get "not yet", mistakes are named."""

import numpy as np
import pytest

from helpers import adaptive, audio, echo
from helpers.clip import Clip
from helpers.exercises import lesson09

WEIGHTS, RECENT, HEARD = np.array([0.5, 0.0, 0.0]), np.array([0.4, -0.2, 0.1]), 0.38
ERROR, POWER = HEARD - WEIGHTS @ RECENT, RECENT @ RECENT
RIGHT = WEIGHTS + 0.5 * ERROR * RECENT / POWER
FAR = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav")
MIC = adaptive.shift(FAR, 2345, len(FAR))
LEFT = MIC.with_samples(MIC.samples * np.where(np.arange(len(MIC)) < 3 * 16000, 0.1, 0.9))
GONE = echo.erle(MIC.cut(0, 3), LEFT.cut(0, 3))
CHECKS = [
    lambda answer: lesson09.check_step(answer, WEIGHTS, RECENT, HEARD),
    lambda answer: lesson09.check_delay(answer, MIC, FAR),
    lambda answer: lesson09.check_erle(answer, MIC, LEFT, stop=3),
]
RUBBISH = [
    *("loud", [1, 2], float("nan"), np.zeros((3, 3)), {}, np.array(["x"]), 1j, [[1], [2, 3]]),
    *(Clip([np.nan] * 4, 8000), [np.inf] * 3, print),
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [None, ...])
def test_blank_gets_not_yet(check, answer):
    verdict = check(answer)
    assert verdict.passed is None
    assert "Not yet" in repr(verdict)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", RUBBISH, ids=lambda answer: type(answer).__name__)
def test_rubbish_gets_a_verdict(check, answer):
    assert check(answer).passed is False


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


LATE = 2345 / 16


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (LATE, None),
        (np.float32(LATE + 0.03), None),
        (2345, "number of samples"),
        (LATE / 1000, "in seconds"),
        (-LATE, "conjugate"),
        (2 * LATE, "twice too much"),
        (100, "Not quite"),
    ],
)
def test_delay(answer, said):
    says(lesson09.check_delay(answer, MIC, FAR), said)


POWERS = [np.square(clip.cut(0, 3).samples.astype(float)).mean() for clip in (MIC, LEFT)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (10 * np.log10(POWERS[0] / POWERS[1]), None),
        (-GONE, "The sign is turned"),
        (2 * GONE, "20 log10 is for amplitudes"),
        (GONE / 2, "10 log10 is for powers"),
        (POWERS[0] / POWERS[1], "make it decibels"),
        (echo.erle(MIC, LEFT), "only up to 3 s"),
        (10 * np.log10(1 / 0.81), "divide by what is left"),
        (7, "Not quite"),
    ],
)
def test_erle(answer, said):
    says(lesson09.check_erle(answer, MIC, LEFT, stop=3), said)


def test_erle_of_the_peaks():
    left = LEFT.with_samples(LEFT.samples + 0.01)
    peaks = MIC.cut(0, 3).peak - left.cut(0, 3).peak
    says(lesson09.check_erle(peaks, MIC, left, stop=3), "Those are the peaks")


def test_it_speaks_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    assert "步长" in lesson09.check_step(RIGHT, WEIGHTS, RECENT, HEARD).message
    assert "远端" in lesson09.check_delay(-LATE, MIC, FAR).message
    assert "ERLE" in lesson09.check_erle(-GONE, MIC, LEFT, stop=3).message
