"""denoise: no click, no loss, and the level that the recording had."""

import io

import model_folders
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import models
from helpers.clip import Clip
from helpers.denoise import denoise, level_gain
from helpers.networks import NETWORKS
from helpers.networks.frcrn import HOP


@pytest.fixture(autouse=True, scope="module")
def _hypothesis_looks():
    model_folders.let_hypothesis_look()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_folders.frcrn(tmp_path_factory.mktemp("f") / "tiny", channels=8)


def noise(n, seed=0, rate=16000, name="street"):
    return Clip(0.1 * np.random.default_rng(seed).normal(size=n), rate, name)


class Transform:
    """FRCRN with masks of one: its own transform there and back, so that the input comes out."""

    def __init__(self, polarity=1):
        from modelscope.models.audio.ans.conv_stft import ConviSTFT, ConvSTFT

        sizes = (640, 320, 640, "hann", "complex")
        self.there, self.back = ConvSTFT(*sizes), ConviSTFT(*sizes)
        self.polarity, self.lengths = polarity, []

    def __call__(self, inputs):
        self.lengths.append(inputs["noisy"].shape[-1])
        return {"wav_l2": self.polarity * self.back(self.there(inputs["noisy"])).squeeze(1)}

    def parameters(self):
        return []


@pytest.fixture
def identity(monkeypatch):
    """A network that takes nothing away: whatever differs then is our fault."""
    return install(monkeypatch, Transform())


def install(monkeypatch, network):
    monkeypatch.setattr(models, "bare", lambda *_, **__: network)
    return network


@pytest.mark.parametrize("n", [1, 2, 319, 320, 321, 640, 5000, 28000, 52000])
@pytest.mark.parametrize("db", [0, -60])
def test_what_the_network_leaves_comes_back_exactly(identity, n, db):
    """Level, length and edges: 28000 and 52000 samples come back 160 short from the library."""
    clip = noise(n).gain(db)
    clean = denoise(clip)
    assert (len(clean), clean.rate) == (n, 16000)
    error = np.abs(clean.samples - clip.samples).max() / np.abs(clip.samples).max()
    assert error < 1e-4
    assert identity.lengths[-1] < n + 3 * HOP


def test_there_is_no_click_at_the_edges(identity):
    """The library's transform alone divides by nearly nothing there."""
    import torch

    clip = noise(16000)
    ends = np.abs(clip.samples[[0, -1]])
    alone = identity({"noisy": torch.from_numpy(clip.samples)[None]})["wav_l2"][0].numpy()
    assert abs(alone[0]) < 0.01 * ends[0]  # a hole here, a click where the mask is not one
    np.testing.assert_allclose(np.abs(denoise(clip).samples[[0, -1]]), ends, rtol=1e-3)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 9000), old=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]))
def test_every_rate_and_length_comes_back(folder, n, old):
    clip = noise(n, rate=old)
    for rate in (None, 16000, 8000):
        clean = denoise(clip, rate=rate, folder=folder)
        assert clean.rate == (rate or old)
        assert len(clean) == round(n * clean.rate / old) or n * clean.rate < old
        assert np.isfinite(clean.samples).all()


@pytest.mark.parametrize("seconds", [61, 75.0001])
def test_long_recordings_go_window_by_window(identity, seconds):
    clip = noise(round(16000 * seconds))
    np.testing.assert_allclose(denoise(clip).samples, clip.samples, atol=1e-4)
    assert len(identity.lengths) > 2
    assert max(identity.lengths) < 21 * 16000


def test_speech_upside_down_is_turned_round(monkeypatch):
    install(monkeypatch, Transform(polarity=-1))
    clip = noise(4000)
    np.testing.assert_allclose(denoise(clip).samples, clip.samples, atol=1e-4)


def test_silence_stays_silence(folder):
    """The library divides by its level: nothing but NaN."""
    from modelscope.utils.audio.audio_utils import audio_norm

    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        assert np.isnan(audio_norm(np.zeros(100))).all()
    clean = denoise(Clip(np.zeros(5000), 16000), folder=folder)
    assert len(clean) == 5000
    assert not clean.samples.any()


@pytest.mark.parametrize("db", [-120, -25, 20])
def test_the_level_of_the_input_does_not_change_what_is_heard(folder, db):
    clip = noise(4000)
    expected, other = denoise(clip, folder=folder), denoise(clip.gain(db), folder=folder)
    scale = np.abs(expected.samples).max()
    np.testing.assert_allclose(other.gain(-db).samples, expected.samples, atol=1e-3 * scale)


@pytest.mark.parametrize("seed", range(5))
def test_the_gain_is_the_librarys(seed):
    from modelscope.utils.audio.audio_utils import audio_norm

    rng = np.random.default_rng(seed)
    samples = rng.normal(size=4000) * rng.random(4000) ** 3
    np.testing.assert_allclose(level_gain(samples) * samples, audio_norm(samples), rtol=1e-9)


@pytest.mark.parametrize(
    ("samples", "gain"),
    [(np.zeros(9), 1), (np.full(9, 1e-30), 1), (np.full(9, 0.5), 2 * 10**-1.25)],
)
def test_the_gain_of_silence_and_of_a_constant(samples, gain):
    assert level_gain(samples) == pytest.approx(gain)


def test_it_is_named_and_silent_about_it(folder, capfd):
    """The library's pipeline prints its shapes and paddings."""
    assert denoise(noise(800), folder=folder).name == "street denoised"
    assert capfd.readouterr() == ("", "")


def test_anything_that_load_takes(folder, tmp_path):
    path = tmp_path / "噪声 1.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=(4410, 2)) / 10, 44100)
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        clean = denoise(source, folder=folder)
        assert (len(clean), clean.rate) == (4410, 44100)


def test_nothing_to_denoise(folder):
    with pytest.raises(ValueError, match="nothing to denoise"):
        denoise(Clip([], 16000), folder=folder)
    with pytest.raises(ValueError, match="no number"):
        denoise(Clip([np.nan], 16000), folder=folder)


def test_weights_that_cannot_be_had_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="no frcrn in"):
        denoise(noise(800), folder=tmp_path / "nothing")


def test_the_published_shape_runs(tmp_path_factory):
    """ModelScope's own FRCRN, 13.96 M parameters with random weights."""
    folder = model_folders.frcrn(tmp_path_factory.mktemp("p") / model_folders.FRCRN)
    clean = denoise(noise(4001), folder=folder)
    assert len(clean) == 4001
    assert np.isfinite(clean.samples).all()


def test_apply_is_the_pipelines_network(folder):
    """Away from the edges, the same padded input gives the pipeline's own output."""
    import torch

    network = models.pipeline("frcrn", folder=folder, quiet=True).model
    samples = noise(6400).samples
    padded = torch.from_numpy(np.pad(samples, HOP))[None]
    with torch.inference_mode():
        expected = network({"noisy": padded})["wav_l2"][:, HOP:-HOP]
    np.testing.assert_allclose(NETWORKS["frcrn"].apply(network, samples), expected, atol=1e-6)
