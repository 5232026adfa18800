"""Clip: the noun that flows through everything."""

import dataclasses
import math

import model_folders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.clip import Clip, decibel


@pytest.fixture(autouse=True, scope="module")
def _hypothesis_looks():
    model_folders.let_hypothesis_look()


def test_samples_become_float32():
    clip = Clip([0, 0.5, 1], 8000, "ramp")
    assert clip.samples.dtype == np.float32
    assert clip.samples.tolist() == [0, 0.5, 1]
    assert (clip.rate, clip.name, len(clip)) == (8000, "ramp", 3)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([-32768, 0, 16384], np.int16),
        ([-(2**31), 0, 2**30], np.int32),
        ([0, 128, 192], np.uint8),
    ],
)
def test_pcm_is_scaled_to_its_full_scale(values, dtype):
    assert Clip(np.array(values, dtype), 8000).samples.tolist() == [-1, 0, 0.5]


def test_pcm_bytes_as_modelscope_returns_them():
    pcm = np.array([0, 16384, -16384], np.int16).tobytes()
    assert Clip(np.frombuffer(pcm, np.int16), 8000).samples.tolist() == [0, 0.5, -0.5]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((100, 2)), r"one channel.*got shape \(100, 2\).*mean\(axis=1\)"),
        (np.float32(1), r"got shape \(\)"),
        (np.array(["a"]), "real numbers"),
        (np.zeros(4, complex), "got complex128"),
        (np.zeros(4, bool), "got bool"),
    ],
)
def test_what_is_no_waveform_is_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        Clip(samples, 8000)


@pytest.mark.parametrize("rate", [0, -8000, 0.5, 8000.5, "8000", None, math.nan, math.inf])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(ValueError, match="whole number of Hz, such as 16000, not"):
        Clip([0.0], rate)


@pytest.mark.parametrize("rate", [8000.0, np.int64(8000), np.float32(8000)])
def test_a_whole_rate_of_any_type_is_an_int(rate):
    assert type(Clip([0.0], rate).rate) is int


def test_a_clip_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Clip([0.0], 8000).rate = 16000


def test_level_and_peak():
    square = Clip(np.tile([0.1, -0.1], 4000), 8000)
    assert square.level == pytest.approx(-20, abs=1e-4)
    assert square.peak == pytest.approx(-20, abs=1e-4)
    assert square.duration == 1


@pytest.mark.parametrize("samples", [[], [0.0, 0.0]])
def test_silence_has_no_level(samples):
    clip = Clip(samples, 8000, "hush")
    assert (clip.level, clip.peak) == (-math.inf, -math.inf)
    assert repr(clip) == "Clip('hush', 0.00 s, 8000 Hz, -inf dB)"


def test_repr_is_one_line():
    clip = Clip(np.full(75200, 10 ** (-25 / 20)), 16000, "x")
    assert repr(clip) == "Clip('x', 4.70 s, 16000 Hz, -25.0 dB)"


def test_named_and_with_samples_leave_the_original():
    clip = Clip([0.5], 8000, "a")
    assert clip.named("b").name == "b"
    assert clip.with_samples([0.1, 0.2]).name == "a"
    assert clip.with_samples([0.1], "c").name == "c"
    assert (clip.name, len(clip)) == ("a", 1)


def test_cut_by_seconds():
    clip = Clip(np.arange(8000), 8000, "ramp")
    assert clip.cut(0.25, 0.5).samples.tolist() == list(range(2000, 4000))
    assert len(clip.cut(0.5)) == 4000
    assert len(clip.cut(0, 99)) == 8000
    assert clip.cut(0.5).name == "ramp"


@pytest.mark.parametrize("span", [(-1, 1), (2, 3), (0.5, 0.5), (0.5, 0.2), (math.nan, 1)])
def test_cut_outside_says_how_long_the_clip_is(span):
    with pytest.raises(ValueError, match=r"lasts 1.00 s"):
        Clip(np.zeros(8000), 8000).cut(*span)


@given(st.floats(-100, 40))
def test_gain_moves_the_level(db):
    clip = Clip(np.sin(np.arange(1000)), 8000)
    assert clip.gain(db).level - clip.level == pytest.approx(db, abs=1e-4)


@pytest.mark.parametrize(("power", "db"), [(1, 0), (100, 20), (0, -math.inf), (0.5, -3.0103)])
def test_decibel(power, db):
    assert decibel(power) == pytest.approx(db)
