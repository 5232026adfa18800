"""The nineteen traps: each shown on the library as it is, and shown to be absent here.

The networks are tiny ones with random weights, or stand-ins that give back what they get: the traps
are in what the library does before and after its networks. A row of the list is `test_NN_...`; the
first part of each test runs ModelScope's own code, the second ours.
"""

import copy
import dataclasses
import importlib.util
import io
import logging
import sys

import model_folders
import numpy as np
import pytest
import soundfile

from helpers import audio, denoise, metrics, models, separate, windows
from helpers.clip import Clip
from helpers.networks import NETWORKS
from helpers.networks.frcrn import HOP
from training.published import configure

pytestmark = pytest.mark.slow

SECOND = 16000  # samples of a second, as FRCRN counts


def noise(n, seed=0, rate=SECOND, db=-20):
    return Clip(np.random.default_rng(seed).normal(size=n) * 10 ** (db / 20), rate, "noise")


def wav(samples, rate=SECOND, subtype="PCM_16"):
    """Return the contents of a WAV file."""
    file = io.BytesIO()
    soundfile.write(file, np.asarray(samples), rate, subtype=subtype, format="WAV")
    return file.getvalue()


class Passing:
    """A denoiser that gives back what it gets, and notes how much that was."""

    def __init__(self):
        self.lengths = []

    def __call__(self, inputs):
        self.lengths.append(inputs["noisy"].shape[-1])
        return {"wav_l2": inputs["noisy"]}


class Transforming(Passing):
    """FRCRN's own transform there and back, with one mask for all of it."""

    def __init__(self, mask=1):
        from modelscope.models.audio.ans.conv_stft import ConviSTFT, ConvSTFT

        super().__init__()
        sizes = (640, 320, 640, "hann", "complex")
        self.there, self.back, self.mask = ConvSTFT(*sizes), ConviSTFT(*sizes), mask

    def __call__(self, inputs):
        return {"wav_l2": self.back(self.mask * self.there(inputs["noisy"])).squeeze(1)}


class Constant:
    """A denoiser that says one number, whatever it hears."""

    def __init__(self, value):
        self.value = value

    def __call__(self, inputs):
        return {"wav_l2": 0 * inputs["noisy"] + self.value}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return model_folders.shelf(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def ans(shelf):
    """The library's pipeline for noise, on a tiny network or on a stand-in."""
    built = models.pipeline("frcrn", folder=shelf, quiet=True)

    def on(network=None, kind=None):
        pipe = copy.copy(built)
        pipe.__class__ = kind or built.__class__
        pipe.model = network or built.model
        return lambda source: np.frombuffer(pipe(source)["output_pcm"], dtype=np.int16)

    return on


@pytest.fixture(scope="module")
def sep(shelf):
    """The library's pipeline for speakers, on a tiny network."""
    return models.pipeline("mossformer", folder=shelf, quiet=True)


def ours(monkeypatch, network):
    """Let `denoise` and `separate` run on a stand-in."""
    monkeypatch.setattr(models, "bare", lambda *_, **__: network)


@pytest.mark.parametrize("seconds", [121, 124])
def test_01_frcrn_loses_the_tail_of_long_files(ans, monkeypatch, seconds):
    clip = noise(seconds * SECOND)
    lost = ans(Passing())(wav(clip.samples))
    assert len(lost) == len(clip)
    assert not lost[-2000:].any()
    assert lost[-2100:-2000].any()

    ours(monkeypatch, Passing())
    np.testing.assert_allclose(denoise.denoise(clip).samples, clip.samples, atol=1e-5)


@pytest.mark.parametrize("seconds", [8, 11])
def test_02_zipenhancer_loses_a_quarter_of_a_second(ans, monkeypatch, seconds):
    """The course has no ZipEnhancer: that its windows keep the tail is shown on the same input."""
    from modelscope.pipelines.audio.ans_pipeline import ANSZipEnhancerPipeline

    clip = noise(seconds * SECOND)
    lost = ans(Passing(), ANSZipEnhancerPipeline)(wav(clip.samples))
    assert len(lost) == len(clip)
    assert not lost[-4000:].any()
    assert lost[-4100:-4000].any()

    ours(monkeypatch, Passing())
    np.testing.assert_allclose(denoise.denoise(clip).samples, clip.samples, atol=1e-5)
    (found,) = windows.overlap_add(noise(8007).samples, lambda part: part[None], rate=100)
    np.testing.assert_allclose(found, noise(8007).samples, atol=1e-5)


def test_03_padding_by_a_third(ans, monkeypatch):
    clip, network = noise(75_165), Passing()
    ans(network)(wav(clip.samples))
    assert network.lengths == [102_330]

    network = Passing()
    ours(monkeypatch, network)
    denoise.denoise(clip)
    assert sum(network.lengths) <= len(clip) + 3 * HOP


def test_03_padding_changes_what_is_heard(ans, shelf):
    """Squeeze and excitation averages over time, silence after the end included."""
    import torch

    model = models.pipeline("frcrn", folder=shelf, quiet=True).model
    samples = torch.from_numpy(noise(6400).samples)[None]
    with torch.inference_mode():
        alone = model({"noisy": samples})["wav_l2"]
        padded = model({"noisy": torch.nn.functional.pad(samples, (0, 6400))})["wav_l2"][:, :6400]
    middle = slice(640, -640)
    assert (alone - padded)[:, middle].norm() > 1e-3 * alone[:, middle].norm()


def test_04_one_pass_then_hard_cut_windows(ans, monkeypatch):
    network, clip = Passing(), noise(120 * SECOND + 1)
    ans(network)(wav(clip.samples[:-1]))
    assert max(network.lengths) >= 120 * SECOND  # memory for all of it at once

    network.lengths.clear()
    ans(network)(wav(clip.samples))
    assert set(network.lengths) == {SECOND}  # and, one sample later, seconds that do not overlap

    network = Passing()
    ours(monkeypatch, network)
    for samples in (clip.samples[:-1], clip.samples):
        network.lengths.clear()
        denoise.denoise(clip.with_samples(samples))
        assert max(network.lengths) < 61 * SECOND
        assert min(network.lengths) > 2 * SECOND


def test_05_a_click_at_the_edges(monkeypatch):
    """Where the window's sum is nearly 0, what a mask moves there is divided by nearly nothing."""
    import torch

    phases = torch.arange(321) * 2 * torch.pi * 80 / 640  # a delay of 80 samples, 5 ms
    turned = torch.polar(torch.ones(321), phases)[None, :, None]

    class Delaying(Transforming):
        def __call__(self, inputs):
            real, imaginary = self.there(inputs["noisy"]).chunk(2, dim=1)
            spectrum = torch.complex(real, imaginary) * turned
            both = torch.cat([spectrum.real, spectrum.imag], dim=1)
            return {"wav_l2": self.back(both).squeeze(1)}

    clip, network = noise(16000), Delaying()
    alone = network({"noisy": torch.from_numpy(clip.samples)[None]})["wav_l2"][0].numpy()
    usual = np.abs(alone[2000:-2000]).max()
    assert np.abs(alone[:4]).max() > 10 * usual
    assert np.abs(alone[-4:]).max() > 10 * usual

    ours(monkeypatch, network)
    clean = denoise.denoise(clip).samples
    usual = np.abs(clean[2000:-2000]).max()
    assert np.abs(clean[:320]).max() < 2 * usual
    assert np.abs(clean[-320:]).max() < 2 * usual


@pytest.mark.parametrize("n", [28_000, 52_000])
def test_06_an_output_160_samples_short(ans, monkeypatch, n):
    clip = noise(n)
    short = Clip(ans(Transforming())(wav(clip.samples)), SECOND)
    assert len(short) == n - 160
    with pytest.raises(ValueError, match="samples"):
        metrics.si_sdr(short, clip)

    ours(monkeypatch, Transforming())
    assert len(denoise.denoise(clip)) == n


def test_07_silence_and_the_level_of_the_input(ans, monkeypatch):
    from modelscope.utils.audio.audio_utils import audio_norm

    with pytest.warns(RuntimeWarning), np.errstate(all="ignore"):
        assert np.isnan(audio_norm(np.zeros(100))).all()
    loud, soft = noise(SECOND, db=-20), noise(SECOND, db=-60)
    levels = [Clip(ans(Passing())(wav(clip.samples)), SECOND).level for clip in (loud, soft)]
    assert levels == pytest.approx([levels[0]] * 2, abs=0.1)  # 40 dB apart before

    ours(monkeypatch, Passing())
    for clip in (loud, soft, Clip(np.zeros(SECOND), SECOND)):
        assert denoise.denoise(clip).level == pytest.approx(clip.level, abs=0.01)


def test_08_speech_on_the_right_becomes_silence(ans, monkeypatch, caplog):
    voice = noise(SECOND).samples
    right = wav(np.stack([0 * voice, voice], axis=1))
    with pytest.warns(RuntimeWarning):  # 0 / 0: see 7
        assert not ans(Passing())(right).any()

    ours(monkeypatch, Passing())
    clean = denoise.denoise(right)
    np.testing.assert_allclose(clean.samples, voice / 2, atol=1e-4)
    assert "2 channels averaged into one" in caplog.text


def test_09_what_is_too_loud_wraps_round(ans, monkeypatch, tmp_path):
    too_loud = 40000 / 32768
    wrapped = ans(Constant(too_loud))(wav(noise(SECOND).samples))
    assert wrapped[0] < 0  # on Intel and AMD -25536

    ours(monkeypatch, Passing())
    clip = Clip(np.tile([too_loud, -too_loud], SECOND), SECOND)
    clean = denoise.denoise(clip)
    np.testing.assert_allclose(clean.samples, clip.samples, rtol=1e-4)
    stored, _ = soundfile.read(audio.save(clean, tmp_path / "loud.wav"), dtype="int16")
    assert stored[:2].tolist() == [32767, -32768]


class Halves:
    """A separator that knows the answer."""

    num_spks = 2

    def __init__(self, *sources):
        self.sources = sources

    def __call__(self, mixture):
        import torch

        return torch.from_numpy(np.stack(self.sources, axis=-1))[None]  # (1, n, speakers)


@pytest.mark.parametrize("db", [-60, -np.inf])
def test_10_every_source_is_made_equally_loud(sep, monkeypatch, tmp_path, db):
    loud, soft = (noise(8000, seed, rate=8000) for seed in (0, 1))
    soft = soft.gain(db)
    mixture = loud.with_samples(loud.samples + soft.samples, "mixture")
    network = Halves(loud.samples, soft.samples)
    pipe = copy.copy(sep)
    pipe.model = network
    path = audio.save(mixture, tmp_path / "mixture.wav", "FLOAT")
    with np.errstate(all="ignore"):
        pcm = [np.frombuffer(part, np.int16) for part in pipe(str(path))["output_pcm_list"]]
    first, second = (Clip(part, 8000) for part in pcm)
    assert first.peak == pytest.approx(-6, abs=0.1)
    if np.isfinite(db):
        assert second.peak == pytest.approx(first.peak, abs=0.1)
        rest = mixture.samples - first.samples - second.samples
        assert mixture.with_samples(rest).level > mixture.level

    perfect = dataclasses.replace(
        NETWORKS["mossformer"], apply=lambda *_: np.stack([loud.samples, soft.samples])
    )
    monkeypatch.setitem(NETWORKS, "mossformer", perfect)
    first, second = separate.separate(path)
    assert first.level == pytest.approx(loud.level, abs=0.1)
    assert second.level <= loud.level + max(db, -100) + 1
    rest = mixture.samples - first.samples - second.samples
    assert mixture.with_samples(rest).level < mixture.level - 90


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_11_bytes_are_taken_for_raw_floats(sep, ans, shelf):
    clip = noise(8000, rate=8000)
    contents = wav(clip.samples, rate=8000)
    pcm = sep(contents)["output_pcm_list"][0]
    assert len(pcm) // 2 == len(contents) // 4 == 4011  # no error, and no sound: 8000 were sent
    assert len(ans(Passing())(wav(noise(SECOND).samples))) == SECOND  # there it means a WAV file

    assert [len(track) for track in separate.separate(contents, folder=shelf)] == [8000, 8000]
    assert len(denoise.denoise(contents, folder=shelf)) == 8000


def test_12_arrays_stereo_short_files_and_paths(sep, shelf, tmp_path):
    clip = noise(4000, rate=8000)
    path, stereo, short, wide = (tmp_path / f"{name}.wav" for name in ("a", "stereo", "short", "w"))
    soundfile.write(path, clip.samples, 8000)
    soundfile.write(stereo, np.stack([clip.samples, clip.samples / 2], axis=1), 8000)
    soundfile.write(short, clip.samples[:15], 8000)
    soundfile.write(wide, clip.samples, 16000)
    with pytest.raises(UnboundLocalError):
        sep(clip.samples)
    with pytest.raises(AssertionError, match="PosixPath|WindowsPath"):
        sep(path)
    with pytest.raises(RuntimeError, match="conv1d"):
        sep(str(stereo))
    with pytest.raises(RuntimeError):
        sep(str(short))
    with pytest.raises(ValueError, match="should be 8000"):
        sep(str(wide))
    sep(str(path), output_path=str(tmp_path / "out.wav"))
    assert not (tmp_path / "out.wav").exists()

    with pytest.raises(ValueError, match=r"Clip\(samples, rate=16000\)"):
        separate.separate(clip.samples, folder=shelf)
    for source, n in ((path, 4000), (stereo, 4000), (short, 15), (wide, 2000)):
        assert [len(track) for track in separate.separate(source, folder=shelf)] == [n, n]


def test_13_batches_crash_both_pipelines(sep, shelf, tmp_path):
    """Several recordings: a loop here, and folders on the command line."""
    paths = [str(audio.save(noise(8000, i, 8000), tmp_path / f"{i}.wav")) for i in range(2)]
    wide = [str(audio.save(noise(8000, i), tmp_path / f"wide {i}.wav")) for i in range(2)]
    denoiser = models.pipeline("frcrn", folder=shelf, quiet=True)
    for pipe, files in ((sep, paths), (denoiser, wide)):
        with pytest.raises(AttributeError, match="'list' object has no attribute"):
            pipe(files, batch_size=2)
        assert len(pipe(files)) == 2  # without batch_size it loops

    assert [len(denoise.denoise(path, folder=shelf)) for path in paths] == [8000, 8000]
    with pytest.raises(ValueError, match="can't load a list: give a path"):
        separate.separate(paths, folder=shelf)


def test_14_missing_weights_run_on_random_numbers(shelf, tmp_path):
    import torch
    from modelscope.models.audio.ans.frcrn import FRCRNDecorator

    folder = tmp_path / model_folders.FRCRN
    folder.mkdir()
    sizes = NETWORKS["frcrn"].sizes
    configure(NETWORKS["frcrn"], folder, sizes)
    heard = []
    for seed in range(2):
        torch.manual_seed(seed)
        network = FRCRNDecorator(str(folder), **sizes).eval()
        heard.append(next(p for p in network.parameters() if p.requires_grad)[0].flatten())
    assert not torch.equal(*heard)  # another network at every start, without a word

    with pytest.raises(ValueError, match=r"pytorch_model\.bin"):
        denoise.denoise(noise(100), folder=folder)


def preprocessor():
    from modelscope.preprocessors.audio import LinearAECAndFbank

    return LinearAECAndFbank


def test_15_echo_cancellation_at_another_rate_than_16_khz():
    from helpers import echo

    far, mic = noise(8000, 0, 8000), noise(8000, 1, 8000)
    with pytest.raises(TypeError, match="positional argument"):
        preprocessor().load_wav(wav(mic.samples, 8000))

    for rate in (8000, 44100):
        out = echo.cancel(audio.resample(mic, rate), audio.resample(far, rate), residual=None)
        assert (len(out), out.rate) == (rate, rate)


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_16_float_files_into_echo_cancellation():
    from helpers import echo

    mic, far = noise(SECOND, 0), noise(SECOND, 1)
    as_float, _ = preprocessor().load_wav(wav(mic.samples, subtype="FLOAT"))
    as_pcm, _ = preprocessor().load_wav(wav(mic.samples))
    np.testing.assert_allclose(as_float * 32768, as_pcm, atol=1)
    # The pipeline goes on to store what comes of it as 16-bit numbers, without a factor.
    assert not (as_float * 0.99 / np.abs(as_float).max()).astype(np.int16).any()
    assert as_pcm.astype(np.int16).any()

    results = [
        echo.cancel(wav(mic.samples, subtype=kind), wav(far.samples, subtype=kind), residual=None)
        for kind in ("FLOAT", "PCM_16")
    ]
    assert results[0].level == pytest.approx(results[1].level, abs=0.1)
    assert results[0].samples.any()


def test_17_dither_makes_every_run_another(shelf):
    """The course has no DFSMN: that the same input gives the same output is shown on its own."""
    import torch
    from modelscope.models.audio.ans.denoise_net import DfsmnAns
    from modelscope.pipelines.audio.ans_dfsmn_pipeline import (
        HOP_LENGTH,
        N_FFT,
        STFT_WIN_LEN,
        ANSDFSMNPipeline,
    )

    torch.manual_seed(0)
    network = DfsmnAns(".", fsmn_depth=2, lorder=20, norm_dim=24, hidden_dim=24).eval()
    pipe = ANSDFSMNPipeline.__new__(ANSDFSMNPipeline)
    window = torch.hamming_window(STFT_WIN_LEN, periodic=False)
    pipe.model = network
    pipe.stft = lambda x: torch.view_as_real(
        torch.stft(x, N_FFT, HOP_LENGTH, center=False, window=window, return_complex=True)
    )
    pipe.istft = lambda spectrum, n: spectrum
    samples = torch.from_numpy(noise(48000, rate=48000, db=-60).samples) * 32768
    first, second = (pipe._forward(samples) for _ in range(2))
    assert not np.array_equal(first, second)

    clip = noise(8000, rate=8000)
    for tool in (separate.separate, lambda *args, **kw: [denoise.denoise(*args, **kw)]):
        once, again = tool(clip, folder=shelf), tool(clip, folder=shelf)
        for one, other in zip(once, again, strict=True):
            np.testing.assert_array_equal(one.samples, other.samples)


def test_18_the_log_level_comes_back_and_the_pipeline_prints(ans, shelf, monkeypatch, capfd):
    from modelscope.utils import logger as installed

    monkeypatch.delenv("MODELSCOPE_LOG_LEVEL", raising=False)
    spec = importlib.util.spec_from_file_location("trap18.logger", installed.__file__)
    fresh = importlib.util.module_from_spec(spec)  # as it is where nobody set the variable
    spec.loader.exec_module(fresh)
    log = fresh.get_logger()
    log.setLevel(logging.ERROR)  # a learner asks for silence
    fresh.get_logger()  # the next module of the library is imported
    assert log.level == logging.INFO
    ans(Passing())(wav(noise(100).samples))
    assert "inputs after padding" in capfd.readouterr().out

    models.register()
    denoise.denoise(noise(100), folder=shelf)
    separate.separate(noise(100), folder=shelf)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("modelscope").level >= logging.ERROR


def test_19_a_name_with_two_colons_and_slashes(tmp_path):
    from modelscope.fileio import File

    name = "https://example.org/fetch?from=https://example.org/a.wav"
    with pytest.raises(ValueError, match="too many values to unpack"):
        File.read(name)

    with pytest.raises(ValueError, match=r"no sound file at 'https.*download it first"):
        audio.load(name)
    if sys.platform != "win32":  # where a file may well be called so
        folder = tmp_path / "a:"
        folder.mkdir()
        path = audio.save(noise(100), folder / "b:.wav")
        assert len(audio.load(f"{tmp_path}//a://{path.name}")) == 100
