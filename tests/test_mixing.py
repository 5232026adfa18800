"""mixing: sums at a ratio that one chooses."""

import model_folders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.clip import Clip
from helpers.mixing import at_sir, at_snr, mix


@pytest.fixture(autouse=True, scope="module")
def _hypothesis_looks():
    model_folders.let_hypothesis_look()


def noise(n, seed=0, rate=8000, name="noise"):
    return Clip(np.random.default_rng(seed).normal(size=n), rate, name)


def test_mix_adds_and_pads():
    mixture = mix(Clip([1, 1, 1], 8000), Clip([1], 8000), Clip([0, 1], 8000), name="all")
    assert mixture.samples.tolist() == [2, 2, 1]
    assert mixture.name == "all"


def test_mix_leaves_its_inputs_alone():
    first = Clip([1.0, 1.0], 8000)
    mix(first, first)
    assert first.samples.tolist() == [1, 1]


def test_mix_refuses_two_rates():
    with pytest.raises(
        ValueError, match=r"'a' has 8000 Hz and 'b' has 16000.*resample\(clip, 8000"
    ):
        mix(noise(10, name="a"), noise(10, rate=16000, name="b"))


def test_mix_refuses_nothing():
    with pytest.raises(ValueError, match="nothing to mix"):
        mix()


@given(st.floats(-40, 40), st.integers(10, 3000), st.integers(10, 3000))
def test_at_snr_hits_the_ratio(snr, n, m):
    speech = noise(n, seed=1, name="speech")
    mixture, scaled = at_snr(speech, noise(m), snr)
    assert len(mixture) == len(scaled) == n
    assert speech.level - scaled.level == pytest.approx(snr, abs=1e-3)
    np.testing.assert_array_equal(mixture.samples, speech.samples + scaled.samples)


def test_at_snr_loops_short_noise():
    _, scaled = at_snr(noise(10, seed=1), noise(4), 0)
    np.testing.assert_array_equal(scaled.samples[:4], scaled.samples[4:8])


def test_at_snr_names_the_mixture():
    mixture, _ = at_snr(noise(10, name="speech"), noise(10, name="fan"), 5)
    assert mixture.name == "speech + fan, 5 dB"


def test_at_ratio_gives_references_that_add_up():
    mixture, first, second = at_sir(noise(3000, 1), noise(2000, 2), 6)
    assert len(mixture) == len(first) == len(second) == 3000
    assert first.level - second.level == pytest.approx(6, abs=1e-3)
    np.testing.assert_array_equal(mixture.samples, first.samples + second.samples)


def test_at_ratio_keeps_the_first_even_if_it_is_shorter():
    short = noise(1000, 1)
    _, first, second = at_sir(short, noise(2000, 2), -3)
    np.testing.assert_array_equal(first.samples[:1000], short.samples)
    assert first.level - second.level == pytest.approx(-3, abs=1e-3)


@pytest.mark.parametrize("function", [at_snr, at_sir])
@pytest.mark.parametrize("silent", [0, 1])
def test_silence_has_no_ratio(function, silent):
    clips = [noise(10), noise(10)]
    clips[silent] = Clip(np.zeros(10), 8000, "hush")
    with pytest.raises(ValueError, match="'hush' is silent"):
        function(*clips, 0)


@pytest.mark.parametrize("function", [at_snr, at_sir])
def test_ratios_need_one_rate(function):
    with pytest.raises(ValueError, match="share one rate"):
        function(noise(10), noise(10, rate=16000), 0)
