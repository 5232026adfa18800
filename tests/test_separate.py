"""separate: every speaker a track, as long and as loud as in the mixture."""

import dataclasses

import model_folders
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import audio, metrics, models, networks
from helpers.clip import Clip
from helpers.separate import least_squares_gains, separate

MOSSFORMER = networks.NETWORKS["mossformer"]


@pytest.fixture(autouse=True, scope="module")
def _hypothesis_looks():
    model_folders.let_hypothesis_look()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_folders.mossformer(tmp_path_factory.mktemp("m") / "tiny", **model_folders.SMALL)


@pytest.fixture(scope="module")
def model(folder):
    return models.pipeline("mossformer", folder=folder, quiet=True).model


def noise(n, seed=0, rate=8000, name="mix"):
    return Clip(0.1 * np.random.default_rng(seed).normal(size=n), rate, name)


def voices(seconds, rate=8000):
    """Two 'speakers' that a filter can tell apart: one below 2 kHz, one above."""
    n = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=n))
    half = len(spectrum) // 2
    low, high = spectrum.copy(), spectrum.copy()
    low[half:], high[:half] = 0, 0
    return [Clip(0.1 * np.fft.irfft(half, n), rate) for half in (low, high)]


class FilterBank:
    """A perfect separator of `voices` that swaps its tracks, and their scales, at every call."""

    def __init__(self):
        self.calls = []

    def __call__(self, _, samples):
        spectrum = np.fft.rfft(samples)
        half = len(spectrum) // 2
        low, high = spectrum.copy(), spectrum.copy()
        low[half:], high[:half] = 0, 0
        rows = np.stack([np.fft.irfft(part, len(samples)) for part in (low, high)])
        self.calls.append(len(samples))
        return rows.astype(np.float32)[:: (-1) ** len(self.calls)]


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 32, 33, 47, 100, 8000, 8001])
def test_every_length_comes_back_to_the_sample(folder, n):
    sources = separate(noise(n), folder=folder)
    assert [(len(source), source.rate) for source in sources] == [(n, 8000)] * 2


@settings(max_examples=15, deadline=None)
@given(n=st.integers(300, 6000), old=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]))
def test_every_rate_comes_back_on_request(folder, n, old):
    clip = noise(n, rate=old)
    for rate in (None, old, 16000):
        for source in separate(clip, rate=rate, folder=folder):
            assert source.rate == (rate or 8000)
            assert len(source) == round(n * source.rate / old)
            assert np.isfinite(source.samples).all()


def test_sources_are_named_and_silent_about_it(folder, capfd):
    names = [source.name for source in separate(noise(800), folder=folder)]
    assert names == ["mix speaker 1", "mix speaker 2"]
    assert capfd.readouterr() == ("", "")


def test_anything_that_load_takes(folder, tmp_path):
    path = tmp_path / "two people.wav"
    stereo = np.random.default_rng(0).normal(size=(4000, 2)) / 10
    soundfile.write(path, stereo, 16000, subtype="PCM_24")
    for source in (path, str(path), path.read_bytes()):
        assert [len(clip) for clip in separate(source, folder=folder)] == [2000, 2000]


def test_silence_stays_silence(folder):
    for source in separate(Clip(np.zeros(5000), 8000), folder=folder):
        assert not source.samples.any()


def test_nothing_to_separate(folder):
    with pytest.raises(ValueError, match="nothing to separate"):
        separate(noise(0), folder=folder)


def test_nan_is_refused(folder):
    with pytest.raises(ValueError, match="no number"):
        separate(Clip(np.full(800, np.nan), 8000), folder=folder)


def test_weights_that_cannot_be_had_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="no mossformer in"):
        separate(noise(800), folder=tmp_path / "nothing")


def test_the_model_runs_as_it_would_in_the_pipeline(model):
    """Where the frames fill the clip, `apply` is the network and nothing else."""
    import torch

    samples = noise(8000).samples  # (8000 - 16) is a multiple of the hop of 8
    with torch.inference_mode():
        expected = model(torch.from_numpy(samples)[None])[0].T
    np.testing.assert_allclose(MOSSFORMER.apply(model, samples), expected, atol=1e-6)


def test_the_last_samples_are_not_lost(model):
    """The network alone gives zeros for what does not fill its last frame."""
    import torch

    samples = noise(8007).samples
    with torch.inference_mode():
        alone = model(torch.from_numpy(samples)[None])[0].T.numpy()
    assert not alone[:, -7:].any()
    assert MOSSFORMER.apply(model, samples)[:, -7:].any(axis=1).all()


def test_fit_gives_each_source_its_level_and_polarity_back():
    low, high = (clip.samples for clip in voices(1))
    found = least_squares_gains(np.stack([50 * low, -0.01 * high]), low + high)
    np.testing.assert_allclose(found, [1 / 50, -100], rtol=1e-3)


def test_fit_keeps_a_faint_source_faint():
    """The library's pipeline brings every source to one peak."""
    low, high = voices(1)
    mixture = low.samples + high.gain(-60).samples
    rows = np.stack([low.samples, high.samples])
    loud, faint = least_squares_gains(rows, mixture) * np.linalg.norm(rows, axis=1)
    assert 20 * np.log10(faint / loud) == pytest.approx(-60, abs=1)


def test_fit_of_one_person_alone_leaves_the_double_faint():
    voice = noise(8000).samples
    gains = least_squares_gains(np.stack([2 * voice, 0.02 * voice]), voice)
    assert gains[0] == pytest.approx(gains[1])
    assert gains @ [2, 0.02] == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("second", [0, 1, -1, -0.999])
def test_fit_never_gives_a_source_more_than_the_mixture_has(second):
    voice = noise(8000).samples
    rows = np.stack([voice, np.float32(second) * voice])
    sizes = np.abs(least_squares_gains(rows, voice)) * np.linalg.norm(rows, axis=1)
    assert (sizes <= 1.01 * np.linalg.norm(voice)).all()


def test_fit_of_silence():
    assert least_squares_gains(np.zeros((2, 10), np.float32), np.ones(10, np.float32)).tolist() == [
        0,
        0,
    ]


@pytest.mark.parametrize("seconds", [3, 61, 90.001])
def test_sources_add_up_and_keep_their_track_in_long_recordings(folder, monkeypatch, seconds):
    network = FilterBank()
    record = dataclasses.replace(MOSSFORMER, apply=network)
    monkeypatch.setitem(networks.NETWORKS, "mossformer", record)
    first, second = voices(seconds)
    mixture = first.with_samples(first.samples + second.gain(-12).samples)
    sources = separate(mixture, folder=folder)
    assert (len(network.calls) > 1) == (seconds > 30)
    assert max(network.calls) <= 30 * 8000
    total = sources[0].samples + sources[1].samples
    assert 20 * np.log10(np.linalg.norm(total - mixture.samples) / np.linalg.norm(total)) < -40
    match = metrics.match(sources, [first, second.gain(-12)])
    assert min(match.si_sdr) > 25
    levels = [sources[i].level for i in match.order]
    assert levels == pytest.approx([first.level, second.level - 12], abs=0.2)


def test_the_recording_itself_is_left_alone(folder):
    clip = noise(4000)
    before = clip.samples.copy()
    separate(clip, folder=folder)
    np.testing.assert_array_equal(clip.samples, before)
    assert audio.load(clip) is clip
