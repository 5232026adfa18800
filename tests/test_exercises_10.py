"""The checkers of lesson 10: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest

from helpers import audio
from helpers.exercises import lesson10
from helpers.spectra import istft, stft

NOISY = audio.load(audio.SOUNDS / "speech_with_noise1.wav").cut(1, 3)
SPECTRUM = stft(NOISY)
MAGNITUDE, PHASE = np.abs(SPECTRUM), np.exp(1j * np.angle(SPECTRUM))
QUIET = MAGNITUDE[:, np.square(MAGNITUDE).sum(axis=0).argsort()[:38]]  # (bins, frames)
POWER = np.square(QUIET).mean(axis=1, keepdims=True)
SYSTEMS = {"A": (1, 2.0), "B": (2, 1.5), "C": (4, 3.0), "D": (4, 2.5), "E": (9, 3.0), "F": (20, 4)}
CHECKS = [
    lambda answer: lesson10.check_power(answer, NOISY, POWER),
    lambda answer: lesson10.check_delay(answer, window=32, hop=8, ahead=2),
    lambda answer: lesson10.check_front(answer, SYSTEMS),
    lesson10.check_choice,
]


# --- powers ---------------------------------------------------------------------------------------


def power(step):
    """Power subtraction, with a place for each mistake."""
    rest = MAGNITUDE**2 - POWER
    left = np.sqrt(np.maximum(rest, 0))
    made = {
        "right": lambda: left * PHASE,
        "magnitudes": lambda: np.maximum(MAGNITUDE - np.sqrt(POWER), 0) * PHASE,
        "abs": lambda: np.sqrt(np.abs(rest)) * PHASE,
        "no root": lambda: np.maximum(rest, 0) * PHASE,
        "no phase": lambda: left.astype(complex),
        "taken": lambda: SPECTRUM - left * PHASE,
        "nothing": lambda: SPECTRUM,
        "share": lambda: np.maximum(rest, 0) / MAGNITUDE**2 * SPECTRUM,
        "twice": lambda: np.sqrt(np.maximum(rest - 6 * POWER, 0)) * PHASE,
    }
    return istft(made[step](), NOISY)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("magnitudes", "as Boll does"),
        ("abs", "came back by abs"),
        ("no root", "take the root first"),
        ("no phase", "phase is gone"),
        ("taken", "what was taken away"),
        ("nothing", "recording itself"),
        ("share", "used as a gain"),
        ("twice", "The difference from power subtraction is -"),
    ],
)
def test_power_names_the_mistake(step, said):
    verdict = CHECKS[0](power(step))
    assert verdict.passed is False
    assert said in verdict.message


def test_power_takes_the_solution():
    assert CHECKS[0](power("right")).passed is True


def test_power_knows_magnitudes_from_their_own_mean():
    """Boll's mean is of magnitudes, a decibel below the root of the mean power."""
    mean = QUIET.mean(axis=1, keepdims=True)
    verdict = CHECKS[0](istft(np.maximum(MAGNITUDE - mean, 0) * PHASE, NOISY))
    assert "as Boll does" in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (NOISY.samples, "wrap it"),
        (NOISY.cut(0, 1), "16000 samples, and 32000"),
        (audio.resample(NOISY, 8000), "16000 Hz is asked for"),
        (NOISY.with_samples(np.full(len(NOISY), np.nan)), "division by zero"),
        (NOISY.with_samples(np.zeros(len(NOISY))), "The difference"),
    ],
)
def test_power_takes_a_clip(answer, said):
    verdict = CHECKS[0](answer)
    assert verdict.passed is False
    assert said in verdict.message


# --- the front ------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [{"A", "C", "F"}, ["C", "F", "A"], ("A", "C", "F")])
def test_front_takes_the_solution(answer):
    verdict = CHECKS[2](answer)
    assert verdict.passed is True
    assert "A, C, F" in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"A", "B", "C", "F"}, "B does not belong: A costs 1 instead of 2"),
        ({"A", "C", "D", "F"}, "D does not belong: C costs 4 instead of 4 and reaches 3"),
        ({"A", "C", "E", "F"}, "E does not belong: C costs 4 instead of 9"),
        ({"F"}, "2 more: look at cost 1"),
        ("A", "2 more: look at cost 4"),
        ({"A", "G"}, "out of: A, B"),
        (set(), "a set of names"),
        (5, "a set of names"),
    ],
)
def test_front_names_the_mistake(answer, said):
    verdict = CHECKS[2](answer)
    assert verdict.passed is False
    assert said in verdict.message


def test_front_keeps_twins():
    twins = {"A": (1, 2), "B": (1, 2)}
    assert lesson10.check_front({"A", "B"}, twins).passed is True


# --- the choice -----------------------------------------------------------------------------------


def test_choice():
    assert lesson10.check_choice(lesson10.CASES).passed is True
    wrong = lesson10.CASES | {"a video call from a train": "offline denoiser"}
    assert "wait for the future" in lesson10.check_choice(wrong).message
    partly = lesson10.CASES | {"callers hear their own words come back": ...}
    assert "1 to go" in lesson10.check_choice(partly).message
    assert "none of" in lesson10.check_choice(dict.fromkeys(lesson10.CASES, "magic")).message
