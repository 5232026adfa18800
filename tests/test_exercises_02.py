"""The checkers of lesson 02: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest

from helpers import audio, spectra
from helpers.exercises import lesson02

VOICE = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav")


def gained(factor):
    return VOICE.with_samples(VOICE.samples * np.float32(factor))


def band(keep):
    spectrum = spectra.stft(VOICE)
    hertz = np.arange(len(spectrum))[:, None] * 16000 / 512
    return spectra.istft(spectrum * keep(hertz), VOICE)


def test_alias_is_found():
    verdict = lesson02.check_alias(1000)
    assert verdict.passed
    assert "mirror" in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (-1000, "upside down"),
        (1, "in kHz"),
        (3000, "how far the tone lies above 4000"),
        (7000, "can't come out"),
        (4000, "3000 Hz off"),
        (1500.0, "500 Hz off"),
    ],
)
def test_alias_mistakes(answer, said):
    verdict = lesson02.check_alias(answer)
    assert verdict.passed is False
    assert said in verdict.message


def test_level_is_reached():
    verdict = lesson02.check_level(gained(10 ** ((-30 - VOICE.level) / 20)), VOICE)
    assert verdict.passed
    assert "-30.0 dB" in verdict.message


GAIN = -30 - VOICE.level


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (10 ** (GAIN / 10), "the gain twice over"),
        (10 ** (GAIN / 40), "half the gain"),
        (10 ** (-GAIN / 20), "wrong sign"),
        (10 ** ((-30 - VOICE.peak) / 20), "level of the peak"),
        (GAIN, "multiplied by the decibels"),
        (1, "as loud as before"),
        (0.01, "too soft: the factor is"),
        (0, "too soft"),
    ],
)
def test_level_mistakes(factor, said):
    verdict = lesson02.check_level(gained(factor), VOICE)
    assert verdict.passed is False
    assert said in verdict.message


def test_level_wants_the_same_shape():
    clipped = VOICE.with_samples(np.clip(VOICE.samples, -0.03, 0.03))
    assert "another shape" in lesson02.check_level(clipped, VOICE).message
    assert "16000 Hz is asked" in lesson02.check_level(audio.resample(VOICE, 8000), VOICE).message


def test_telephone_is_made():
    verdict = lesson02.check_telephone(band(lambda f: (f >= 300) & (f <= 3400)), VOICE)
    assert verdict.passed
    assert "30 dB down" in verdict.message


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (lambda f: f >= 300, "above 3400 Hz is still there"),
        (lambda f: f <= 3400, "below 300 Hz is still there"),
        (lambda f: (f < 300) | (f > 3400), "The band itself is gone"),
        (lambda f: 0.5 * ((f >= 300) & (f <= 3400)), "changed by -6.0 dB"),
        (lambda f: f > -1, "Nothing has changed"),
    ],
)
def test_telephone_mistakes(keep, said):
    verdict = lesson02.check_telephone(band(keep), VOICE)
    assert verdict.passed is False
    assert said in verdict.message
