"""spectra and masks: equal to the slow way, exact where they claim to be, clear where refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import masks, metrics, spectra
from helpers.clip import Clip


def noise(n=4000, seed=0, rate=8000):
    return Clip(np.random.default_rng(seed).normal(scale=0.1, size=n), rate, "noise")


def test_a_column_is_a_windowed_fourier_transform():
    clip = noise()
    n = np.arange(256)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / 256)
    table = np.exp(-2j * np.pi * np.outer(np.arange(129), n) / 256)
    frame = clip.samples[20 * 64 - 128 :][:256]
    np.testing.assert_allclose(spectra.stft(clip)[:, 20], table @ (hann * frame), atol=1e-9)


@pytest.mark.parametrize(("rate", "size"), [(8000, 256), (16000, 512), (22050, 706)])
def test_the_window_is_32_ms(rate, size):
    assert len(spectra.stft(noise(rate=rate))) == 1 + size // 2


@pytest.mark.filterwarnings("ignore:n_fft")
@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3000), st.sampled_from([(64, 16), (256, 64), (320, 160), (512, 128)]))
def test_the_inverse_gives_the_input_back(n, sizes):
    clip = noise(n)
    back = spectra.istft(spectra.stft(clip, *sizes), clip, sizes[1])
    assert (len(back), back.rate, back.name) == (n, 8000, "noise")
    np.testing.assert_allclose(back.samples, clip.samples, atol=1e-6)


def test_refusals_say_what_to_do():
    clip = noise()
    with pytest.raises(ValueError, match=r"stft takes a Clip with samples.*Clip\(samples"):
        spectra.stft(clip.samples)
    with pytest.raises(ValueError, match="window of 257 samples.*take an even size"):
        spectra.stft(clip, 257)
    with pytest.raises(ValueError, match="hop of 200 won't do"):
        spectra.stft(clip, 256, 200)
    with pytest.raises(ValueError, match="make 63 frames with a hop of 64"):
        spectra.istft(spectra.stft(clip)[:, :-1], clip)
    with pytest.raises(ValueError, match="differ in rate or length: mixing.at_sir"):
        masks.binary(clip, noise(3000))
    with pytest.raises(ValueError, match="make the mask from clips of the mixture's length"):
        masks.apply(masks.binary(clip, clip), noise(3000))


def test_the_complex_mask_gives_the_target_back():
    target, rest = noise(seed=1), noise(seed=2)
    mixture = target.with_samples(target.samples + rest.samples)
    mask = masks.complex_ratio(target, mixture)
    assert metrics.si_sdr(masks.apply(mask, mixture), target) > 60
    limited = masks.complex_ratio(target, mixture, limit=2)
    assert np.abs(limited).max() <= 2 + 1e-9
    np.testing.assert_allclose(limited * np.abs(mask), mask * np.abs(limited), atol=1e-9)


def test_each_mask_is_the_best_of_its_kind():
    target, rest = noise(seed=1), noise(seed=2)
    mixture = target.with_samples(target.samples + rest.samples)
    wanted, whole = spectra.stft(target), spectra.stft(mixture)

    def error(mask):
        return np.square(np.abs(mask * whole - wanted)).sum()

    binary, real = masks.binary(target, rest), masks.complex_ratio(target, mixture).real
    assert error(binary) < min(error(masks.binary(target, rest, db)) for db in (-6, -1, 1, 6))
    assert error(real) < min(map(error, (binary, masks.ratio(target, rest), 0.99 * real)))


def test_ratio_masks_share_out_the_power():
    first, second = noise(seed=1), noise(seed=2)
    np.testing.assert_allclose(masks.ratio(first, second) ** 2, masks.ratio(first, second, 1))
    np.testing.assert_allclose(masks.ratio(first, second, 1) + masks.ratio(second, first, 1), 1)
    silence = Clip(np.zeros(4000), 8000)
    assert not masks.ratio(silence, silence).any()
    assert not masks.complex_ratio(silence, silence).any()


def test_binary_masks_of_two_voices_fill_the_plane():
    first, second = noise(seed=1), noise(seed=2)
    assert (masks.binary(first, second) + masks.binary(second, first) == 1).all()
    assert masks.binary(first, second, 6).mean() < masks.binary(first, second, -6).mean()


def test_apply_keeps_rate_and_length_and_takes_a_name():
    clip = noise(rate=16000)
    out = masks.apply(masks.ratio(clip, clip, size=1024), clip, "half")
    assert (len(out), out.rate, out.name) == (4000, 16000, "half")


def test_show_draws_on_the_axes_it_is_given():
    clip = noise()
    figure = spectra.show(masks.ratio(clip, clip), clip, "mask")
    assert len(figure.axes) == 2
    ax = spectra.show(masks.ratio(clip, clip), clip, "again", figure.axes[0], vmax=2)
    assert ax.get_title() == "again"
    assert ax.images[-1].get_clim() == (0, 2)
