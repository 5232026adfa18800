"""The checkers of 00, 05 and 07: solutions pass, blanks get "not yet", mistakes are named."""

import numpy as np
import pytest

from helpers import audio, metrics, mixing
from helpers.clip import Clip
from helpers.exercises import lesson00, lesson05, lesson07

MIXTURE, FIRST, SECOND = (
    audio.load(audio.SOUNDS / f"mix_speech1{end}.wav") for end in ("", "_s1", "_s2")
)
# Two tracks that came in the other order, each with a little of the other voice in it.
TRACKS = [
    mixing.mix(SECOND, FIRST.gain(-9)),
    mixing.mix(FIRST, SECOND.gain(-12)),
]
SCALED = [track.gain(-6 - track.peak) for track in TRACKS]
NOISY, CLEAN = (audio.load(audio.SOUNDS / f"speech_with_noise1{end}.wav") for end in ("", "_clean"))
REST = NOISY.samples - CLEAN.samples
RUBBISH = ["loud", [1, 2], float("nan"), np.zeros(3), {}, 1j, Clip([np.nan] * 4, 8000)]


def improvement(answer):
    return lesson05.check_improvement(answer, TRACKS, [FIRST, SECOND], MIXTURE)


def louder(answer):
    return lesson05.check_louder(answer, TRACKS[1], TRACKS[0], SCALED[::-1])


CHECKS = [
    lambda answer: lesson00.check_duration(answer, MIXTURE),
    lambda answer: lesson00.check_gain(answer, FIRST),
    improvement,
    louder,
    lesson05.check_rows,
    lesson07.check_padding,
    lambda answer: lesson07.check_removed(answer, NOISY, CLEAN),
    lambda answer: lesson07.check_softer(answer, NOISY, CLEAN),
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
        (4.6, None),
        (36800, "number of samples"),
        (8000, "That is the rate"),
        (4600, "milliseconds"),
        (8000 / 36800, "Upside down"),
        (2.3, "8000 samples a second, not 16,000"),
        (5, "Not quite"),
    ],
)
def test_duration(answer, said):
    says(lesson00.check_duration(answer, MIXTURE), said)


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


def score(*tracks):
    """Mean SI-SDR in dB of the tracks, in that order."""
    return np.mean([metrics.si_sdr(*pair) for pair in zip(tracks, [FIRST, SECOND], strict=True)])


START, BEST = score(MIXTURE, MIXTURE), score(*TRACKS[::-1])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (BEST - START, None),
        (score(*TRACKS) - START, "swapped"),
        (2 * (BEST - START), "sum over both"),
        (START - BEST, "sign is turned"),
        (0.5, "Not quite"),
    ],
)
def test_improvement(answer, said):
    says(improvement(answer), said)


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
    ("answer", "said"),
    [
        (TRACKS[1].level - TRACKS[0].level, None),
        (TRACKS[0].level - TRACKS[1].level, "other way round"),
        (SCALED[1].level - SCALED[0].level, "peaks were both"),
        ((TRACKS[1].level - TRACKS[0].level) / 2, "Half of it"),
        (TRACKS[1].level, "one level"),
        (40, "Not quite"),
    ],
)
def test_louder(answer, said):
    says(louder(answer), said)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (1536, None),
        (1024, "two people"),
        (480, "small model"),
        (512, "One mask alone"),
        (2048, "none for noise"),
        (7, "Not quite"),
    ],
)
def test_rows(answer, said):
    says(lesson05.check_rows(answer), said)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (16000, None),
        (0, "what would be needed"),
        (176000, "length after padding"),
        (12, "number of strides"),
        (1, "in seconds"),
        (160000 - 13 * 12000, "first window off"),
        (99, "Not quite"),
    ],
)
def test_padding(answer, said):
    says(lesson07.check_padding(answer), said)


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


def test_they_answer_in_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    assert "还没有答案" in repr(lesson05.check_rows(...))
    assert "一半" in louder((TRACKS[1].level - TRACKS[0].level) / 2).message
