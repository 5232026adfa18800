"""Checkers of lessons 00, 05 and 07: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest

from helpers import audio, metrics, mixing
from helpers.clip import Clip
from helpers.exercises import lesson00, lesson05, lesson07

MIXTURE, FIRST, SECOND = (
    audio.load(audio.SOUNDS / f"mix_speech1{end}.wav") for end in ("", "_s1", "_s2")
)
# Two tracks that came in the other order, each with a little of the other voice in it.
NOISY, CLEAN = (audio.load(audio.SOUNDS / f"speech_with_noise1{end}.wav") for end in ("", "_clean"))
REST = NOISY.samples - CLEAN.samples


def says(verdict, said):
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (FIRST.gain(-6), None),
        (FIRST.gain(6), "is louder"),
        (FIRST.gain(-3), "changed by -3.0 dB"),
        (SECOND, "another sound"),
    ],
)
def test_gain(answer, said):
    says(lesson00.check_gain(answer, FIRST), said)


def test_improvement_without_the_mixtures_own_score():
    rate = {"rate": FIRST.rate}
    tone, hiss = (Clip(wave, **rate) for wave in np.random.default_rng(0).normal(size=(2, 8000)))
    mixture = mixing.mix(tone, hiss.gain(-6))  # scores +6 dB as the one and -6 dB as the other
    alike = [tone, tone]
    best = metrics.si_sdr(tone.with_samples(tone.samples + 0.1 * hiss.samples), tone)
    track = tone.with_samples(tone.samples + 0.1 * hiss.samples)
    said = lesson05.check_improvement(best, [track, track], alike, mixture)
    says(said, "the SI-SDR itself")
    start = metrics.si_sdr(mixture, tone)
    said = lesson05.check_improvement(best + start, [track, track], alike, mixture)
    says(said, "was added")


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (REST, None),
        (-REST, "Upside down"),
        (NOISY.samples + CLEAN.samples, "That is the sum"),
        (CLEAN.samples, "what was kept"),
        (NOISY.samples, "the recording itself"),
        (REST / 2, "subtract each sample"),
    ],
)
def test_removed(samples, said):
    says(lesson07.check_removed(Clip(samples, 16000), NOISY, CLEAN), said)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (CLEAN.samples + 10 ** (-12 / 20) * REST, None),
        (CLEAN.samples + 10 ** (-12 / 10) * REST, "twice too much"),
        (CLEAN.samples + 0.5 * REST, "-6.0 dB, and -12.0 dB is asked for"),
        (CLEAN.samples, "None of the rest"),
        (NOISY.samples / 4, "voice get softer"),
    ],
)
def test_softer(samples, said):
    says(lesson07.check_softer(Clip(samples, 16000), NOISY, CLEAN), said)


def test_wrong_length_and_rate_are_named():
    assert "samples" in lesson07.check_removed(CLEAN.cut(0, 1), NOISY, CLEAN).message
    assert "Hz" in lesson00.check_gain(audio.resample(FIRST, 16000), FIRST).message
