"""The checkers of lesson 04: what is special to them; the rest is in test_exercises.py."""

import re

import numpy as np
import pytest

from helpers import audio, metrics, mixing
from helpers.clip import Clip
from helpers.exercises import lesson04


def noise(seed, name):
    """A voice's stand-in: noise, a little dull."""
    rng = np.random.default_rng(seed)
    samples = np.convolve(rng.normal(size=8000), np.ones(3) / 3, "same")
    return audio.set_level(Clip(samples, 8000, name), -25)


@pytest.fixture(scope="module")
def clean():
    return noise(0, "clean")


@pytest.fixture(scope="module")
def hiss():
    return audio.set_level(noise(9, "hiss"), -18)


@pytest.fixture(scope="module")
def voices():
    return [noise(seed, f"voice {seed}") for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def tracks(voices):
    return lesson04.tracks(voices)


# --- the delay --------------------------------------------------------------------------------


def test_the_delay_is_found_as_the_solution_finds_it(clean):
    late = lesson04.late(clean)
    delay = max(
        range(60),
        key=lambda n: metrics.si_sdr(late.with_samples(np.roll(late.samples, -n)), clean),
    )
    assert lesson04.check_delay(delay, late, clean)
    assert lesson04.check_delay(float(delay), late, clean)


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (-37, "the sign is not"),
        (37 / 8000, "looks like seconds.*times 8000"),
        (1000 * 37 / 8000, "looks like milliseconds.*times 8"),
        (36, "still off by 1"),
        (30, "still off by 7"),
        (0, "still off by 37"),
        (12.5, "no whole number"),
        (7000, "try 0 to 60"),
    ],
)
def test_a_wrong_delay_is_told_why(answer, diagnosis, clean):
    verdict = lesson04.check_delay(answer, lesson04.late(clean), clean)
    assert verdict.passed is False
    assert_says(verdict, diagnosis)


# --- the level --------------------------------------------------------------------------------


def test_the_disturbance_passes(clean, hiss):
    soft = hiss.gain(clean.level - 12 - hiss.level)
    assert lesson04.check_disturbed(mixing.mix(clean, soft), clean, hiss, 12)
    assert lesson04.check_disturbed(mixing.at_snr(clean, hiss, 12)[0].gain(-6), clean, hiss, 12)


@pytest.mark.parametrize(
    ("gain", "diagnosis"),
    [
        (-7 + 12, "the sign is turned round"),
        (-7 - 24, "twice the decibels.*by 20, not by 10"),
        (-7 - 6, "half the decibels.*by 10, not by 20"),
        (0, "19.* dB off.*added as it came"),
        (-12, "7.* dB off.*not equally loud to begin with"),
        (-7 - 10, "too loud"),
        (-7 - 15, "too soft"),
        (60, "hardly any speech"),
        (-120, "no noise"),
    ],
)
def test_a_wrong_level_is_told_why(gain, diagnosis, clean, hiss):
    verdict = lesson04.check_disturbed(mixing.mix(clean, hiss.gain(gain)), clean, hiss, 12)
    assert verdict.passed is False
    assert_says(verdict, diagnosis)


def test_a_clip_of_another_kind_is_told(clean, hiss):
    short = lesson04.check_disturbed(clean.cut(0, 0.5), clean, hiss, 12)
    assert_says(short, "4000 samples, and 8000")
    assert_says(lesson04.check_disturbed(clean.samples, clean, hiss, 12), "wrap it")
    silence = clean.with_samples(np.zeros(len(clean)))
    assert_says(lesson04.check_disturbed(silence, clean, hiss, 12), "hardly any speech")


# --- the order --------------------------------------------------------------------------------


def test_the_order_passes_however_it_is_written(voices, tracks):
    true = metrics.match(tracks, voices).order
    for answer in (true, tuple(true), np.array(true)):
        assert lesson04.check_order(answer, tracks, voices)


def test_the_order_is_not_its_own_inverse(voices, tracks):
    true = metrics.match(tracks, voices).order
    assert np.argsort(true).tolist() != true


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        ([2, 3, 1], "counted from 0"),
        ([2, 0, 1], "the other way round"),
        ([1, 1, 0], "use each once"),
        ([0, 1, 2], "0 of 3"),
        ([1, 0, 2], "1 of 3"),
        ([1, 2], "list of 3 whole numbers"),
        ([1.0, 2.0, 0.0], "list of 3 whole numbers"),
        (1, "list of 3 whole numbers"),
    ],
)
def test_a_wrong_order_is_told_why(answer, diagnosis, voices, tracks):
    verdict = lesson04.check_order(answer, tracks, voices)
    assert verdict.passed is False
    assert_says(verdict, diagnosis)


# --- the improvement --------------------------------------------------------------------------


def test_a_wrong_improvement_is_told_why(voices, tracks):
    mixture = mixing.mix(*voices)
    found = metrics.match(tracks, voices, mixture)
    gain, plain = np.mean(found.si_sdri), np.mean(found.si_sdr)
    in_line = np.mean([metrics.si_sdr(t, v) for t, v in zip(tracks, voices, strict=True)])
    assert lesson04.check_improvement(gain, tracks, voices, mixture)
    assert lesson04.check_improvement(round(gain, 1), tracks, voices, mixture)
    for answer, diagnosis in (
        (plain, "SI-SDR itself: subtract"),
        (plain - gain, "what the mixture scores"),
        (-gain, "sign is turned round"),
        (3 * gain, "take the mean"),
        (in_line - (plain - gain), "not in the voices' order"),
        (in_line, "not in the voices' order"),
        (gain + 1.5, r"\+1.5 dB off: metrics.match"),
    ):
        verdict = lesson04.check_improvement(answer, tracks, voices, mixture)
        assert verdict.passed is False
        assert_says(verdict, diagnosis)


def assert_says(verdict, pattern):
    """The verdict's line matches the pattern."""
    assert re.search(pattern, verdict.message), verdict.message
