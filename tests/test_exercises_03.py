"""The checkers of lesson 03: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest

from helpers import audio, masks, mixing, spectra
from helpers.exercises import lesson03

SPEECH = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav")
NOISE = audio.load(audio.SOUNDS / "noise/street/test_005.ogg").cut(0, SPEECH.duration)
FIRST, SECOND = (audio.load(audio.SOUNDS / f"mix_speech_s{i}.wav") for i in (1, 2))
BOTH = mixing.mix(FIRST, SECOND)
COMPLEX = masks.complex_ratio(SECOND, BOTH)


def noisy(factor, voice=1):
    return SPEECH.with_samples(voice * SPEECH.samples + factor * NOISE.samples)


GAIN = SPEECH.level - NOISE.level - 5


def test_mixture_is_right():
    verdict = lesson03.check_mixture(noisy(10 ** (GAIN / 20)), SPEECH, NOISE)
    assert verdict.passed
    assert "The SNR is 5.0 dB" in verdict.message
    assert lesson03.check_mixture(mixing.at_snr(SPEECH, NOISE, 5)[0], SPEECH, NOISE)


PEAKS = SPEECH.peak - NOISE.peak - 5


@pytest.mark.parametrize(
    ("factor", "voice", "said"),
    [
        (10 ** (GAIN / 10), 1, "3.4 dB too soft: 10 ** (dB / 10) is a factor of power"),
        (10 ** (GAIN / 40), 1, "half the gain"),
        (10 ** ((GAIN + 10) / 20), 1, "the sign of the SNR is turned"),
        (10 ** (-GAIN / 20), 1, "the gain's sign is turned"),
        (10 ** (PEAKS / 20), 1, "it is the peaks"),
        (1, 1, "3.4 dB too loud: the noise was not scaled"),
        (10 ** ((GAIN + 2) / 20), 1, "2.0 dB too loud: the gain in dB is"),
        (0.5 * 10 ** (GAIN / 20), 0.5, "the speech was changed by -6.0 dB"),
        (1, 0, "speech is missing"),
        (0, 0, "speech is missing"),
        (0, 1, "speech alone"),
    ],
)
def test_mixture_mistakes(factor, voice, said):
    verdict = lesson03.check_mixture(noisy(factor, voice), SPEECH, NOISE)
    assert verdict.passed is False
    assert said in verdict.message


def test_mixture_with_something_else():
    clipped = SPEECH.with_samples(np.clip(noisy(0.6).samples, -0.05, 0.05))
    assert "more in it" in lesson03.check_mixture(clipped, SPEECH, NOISE).message


@pytest.mark.parametrize("kind", [bool, int, float])
def test_binary_is_right(kind):
    first, second = (np.abs(spectra.stft(clip)) for clip in (FIRST, SECOND))
    verdict = lesson03.check_binary((second > first).astype(kind), SECOND, FIRST)
    assert verdict.passed
    assert "of the cells" in verdict.message


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (masks.binary(FIRST, SECOND), "the other voice's mask"),
        (masks.ratio(SECOND, FIRST), "that is a ratio mask"),
        (np.abs(spectra.stft(SECOND)) > np.abs(spectra.stft(BOTH)), "with the mixture"),
        (spectra.stft(SECOND).real > spectra.stft(FIRST).real, "are decided otherwise"),
        (masks.binary(SECOND, FIRST).T, "the shape"),
    ],
)
def test_binary_mistakes(mask, said):
    verdict = lesson03.check_binary(mask, SECOND, FIRST)
    assert verdict.passed is False
    assert said in verdict.message


def test_best_real_is_right():
    by_angle = np.abs(COMPLEX) * np.cos(np.angle(COMPLEX))
    assert lesson03.check_best_real(COMPLEX.real, SECOND, BOTH)
    assert lesson03.check_best_real(by_angle, SECOND, BOTH)
