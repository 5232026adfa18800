"""The stream gives what the whole file gives, however it is cut, and knows no future."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import adaptive, audio, metrics, stream
from helpers.clip import Clip
from helpers.networks import frcrn_causal

pytestmark = pytest.mark.slow

HOP = stream.HOP
CUTS = st.lists(st.integers(0, 1500), max_size=12)


def noise(n, seed=0, level=0.05):
    return (level * np.random.default_rng(seed).normal(size=n)).astype(np.float32)


def cut(wave, sizes):
    """The wave in pieces of these sizes, and the rest."""
    at = np.cumsum(sizes, dtype=int)
    return np.split(wave, np.minimum(at, wave.shape[-1]), axis=-1)


@pytest.fixture(scope="module")
def net():
    return stream.network()


@pytest.fixture(scope="module")
def live():
    return stream.Denoiser()


def whole(net, wave, block=256):
    """A whole file through the network: a hop of silence before it, and what fills the last one."""
    import torch

    padded = np.pad(wave, (HOP, HOP + -len(wave) % HOP))
    with torch.inference_mode():
        out = net(torch.from_numpy(padded)[None], block=block)[4][0]
    return out[HOP : HOP + len(wave)].numpy()


@settings(deadline=None, max_examples=25)
@given(n=st.integers(0, 4000), sizes=CUTS, seed=st.integers(0, 9))
def test_however_it_is_cut(net, live, n, sizes, seed):
    wave = noise(n, seed)
    parts = [live.process(part) for part in cut(wave, sizes)]
    got = np.concatenate([*parts, live.flush()])
    assert got.dtype == np.float32
    assert len(got) == n
    np.testing.assert_allclose(got, whole(net, wave), atol=1e-5)


def test_latency_is_what_it_says(live):
    """After n samples all speech is out that is older than the latency, by whole hops."""
    live.reset()
    given_back = 0
    for k in range(1, 40):
        given_back += len(live.process(noise(100, k)))
        late = 100 * k - given_back
        assert min(100 * k, HOP) <= late < live.latency * live.rate
    assert live.latency == 0.02


def test_torch_and_onnx_agree(live):
    wave = noise(8000, 3)
    torch_live = stream.Denoiser(engine="torch")
    np.testing.assert_allclose(live.whole(wave), torch_live.whole(wave), atol=1e-5)
    assert torch_live.state.shape == live.state.shape


def test_blocks_of_a_file_do_not_matter(net):
    wave = noise(16000, 4)
    np.testing.assert_allclose(whole(net, wave, 7), whole(net, wave), atol=1e-5)


def test_the_future_is_poisoned(net):
    """All that comes after some moment is not a number; the window alone is stained before it."""
    assert frcrn_causal.lookahead_samples(net) == 2 * HOP - 1


@settings(deadline=None, max_examples=10)
@given(at=st.integers(0, 6000))
def test_another_future_changes_nothing(net, at):
    wave, other = noise(6400, 1), noise(6400, 1)
    other[at:] = noise(6400 - at, 2, level=0.5)
    before = max(0, at - 2 * HOP + 1)
    np.testing.assert_array_equal(whole(net, wave)[:before], whole(net, other)[:before])


def test_louder_in_louder_out(live):
    """The level runs along: no gain has to be known before."""
    wave = noise(8000, 5)
    np.testing.assert_allclose(live.whole(0.1 * wave), 0.1 * live.whole(wave), atol=2e-4)


def test_a_recording_gets_better(live):
    noisy = audio.load(audio.SOUNDS / "speech_with_noise1.wav")
    clean = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav")
    noisy, clean = audio.resample(noisy, 16000), audio.resample(clean, 16000)
    out = noisy.with_samples(live.whole(noisy.samples))
    assert metrics.si_sdr(out, clean) > metrics.si_sdr(noisy, clean) + 3


def test_modelscope_runs_the_folder(live):
    """Its own pipeline, on a whole file; it sets the level before, and pads nothing."""
    import helpers.networks.frcrn_live  # noqa: F401, registers the class
    from helpers import models

    models.register()
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    path = audio.SOUNDS / "speech_with_noise1.wav"
    clip = audio.resample(audio.load(path), 16000)
    denoise = pipeline(Tasks.acoustic_noise_suppression, model=str(stream.MODEL), device="cpu")
    pcm = np.frombuffer(denoise(str(path))["output_pcm"], np.int16) / 32768
    theirs, ours = (Clip(w, 16000).cut(0.5) for w in (pcm, live.whole(clip.samples)))
    assert metrics.si_sdr(ours, theirs) > 30


def test_the_size_is_small():
    folder = [file for file in stream.MODEL.iterdir() if file.is_file()]
    assert sum(file.stat().st_size for file in folder) <= 8e6


def test_state_does_not_grow(live):
    live.reset()
    size = live.state.nbytes
    for k in range(50):
        live.process(noise(333, k))
        assert live.state.nbytes == size < 300_000
    assert live._blocks._waiting.base is None  # it holds its few samples, not all that came
    assert np.any(live.state)
    live.reset()
    assert not np.any(live.state)


def test_silence_and_what_comes_after(live):
    wave = np.concatenate([np.zeros(3200, np.float32), noise(3200)])
    out = live.whole(wave)
    assert np.abs(out[:2800]).max() < 1e-6
    assert np.isfinite(out).all()
    assert np.abs(out[3200:]).max() > 1e-4


def test_nothing_in_nothing_out(live):
    live.reset()
    assert len(live.process(np.zeros(0))) == len(live.flush()) == 0
    assert len(live.process([])) == 0


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros((10, 2)), "shape (10, 2)"),
        (np.zeros(10, np.int16), "int16"),
        (np.array([0.0, np.nan]), "finite"),
        (np.array([0.0, np.inf]), "finite"),
    ],
)
def test_what_is_no_stream(live, samples, says):
    with pytest.raises(ValueError) as error:
        live.process(samples)
    assert says in str(error.value)


def test_no_such_engine():
    with pytest.raises(ValueError, match="onnx or torch"):
        stream.Denoiser(engine="cuda")


def test_a_folder_that_is_changed_or_empty(tmp_path):
    with pytest.raises(ValueError, match="lacks configuration.json, live.onnx"):
        stream.Denoiser(tmp_path)
    for name in ("configuration.json", "checksums.json"):
        shutil.copy(stream.MODEL / name, tmp_path / name)
    (tmp_path / "live.onnx").write_bytes(b"something else")
    with pytest.raises(ValueError, match="checksum"):
        stream.Denoiser(tmp_path)


def test_running_means():
    import torch

    from helpers.networks import frcrn_live

    values = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(0))
    old, mean = torch.ones(2, 3), torch.ones(2, 3)
    found = frcrn_live.running_mean(values, old, frcrn_live.shares(50, 5, 20))
    for t in range(50):
        mean = mean + (values[:, t] - mean) / min(20, 5 + t + 1)
        torch.testing.assert_close(found[:, t], mean)


@settings(deadline=None, max_examples=25)
@given(n=st.integers(1, 6000), sizes=CUTS, seed=st.integers(0, 9))
def test_echo_however_it_is_cut(n, sizes, seed):
    far = noise(n, seed)
    mic = 0.5 * np.pad(far, (300, 0))[:n] + noise(n, seed + 100, 0.01)
    canceler = stream.EchoCanceler()
    pairs = cut(np.stack([mic, far]), sizes)
    got = np.concatenate([*(canceler.process(*pair) for pair in pairs), canceler.flush()])
    left, _, _ = adaptive.kalman(Clip(mic, 16000), Clip(far, 16000))
    np.testing.assert_allclose(got, left.samples, atol=1e-5)


def test_echo_goes_while_it_runs():
    far = noise(64000, 1)
    mic = 0.5 * np.pad(far, (400, 0))[:64000]
    canceler = stream.EchoCanceler()
    near = [canceler.process(mic[at : at + 160], far[at : at + 160]) for at in range(0, 64000, 160)]
    assert np.std(np.concatenate(near)[-16000:]) < 0.05 * np.std(mic)
    again = canceler.filter
    canceler.reset()
    assert canceler.filter is not again
    assert not np.any(canceler.filter.answer)


def test_echo_needs_both_sides():
    with pytest.raises(ValueError, match="the microphone gave 10 samples and the far end 20"):
        stream.EchoCanceler().process(np.zeros(10), np.zeros(20))
