"""The nineteen traps: each shown on the library as it is, and shown to be absent here.

The networks are tiny ones with random weights, or stand-ins that give back what they get: the traps
are in what the library does before and after its networks. A row of the list is `test_NN_...`; the
first part of each test runs ModelScope's own code, the second ours. Where the clinic has an
examination for a trap, `test_NN_the_clinic...` holds it on both, on the same stand-in: 3 (work that
is wasted), 11 (bytes), 13 (batches) and 19 (names of files on a server) are of one library's
interface, and have none.
"""

import copy
import dataclasses
import importlib.util
import io
import logging
import sys

import clinic_systems
import model_folders
import numpy as np
import pytest
import soundfile

from helpers import audio, clinic, denoise, metrics, models, separate, windows
from helpers.clinic import system, targets
from helpers.clinic.record import FAILED, PASSED
from helpers.clip import Clip
from helpers.networks import NETWORKS
from helpers.networks.frcrn import HOP
from training.published import configure, published

pytestmark = pytest.mark.slow

SECOND = 16000  # samples of a second, as FRCRN counts
ANS, SEPARATION = targets.TASKS


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


class Delaying(Transforming):
    """One that is 80 samples, 5 ms, late: turned by so much in the spectrum."""

    def __call__(self, inputs):
        import torch

        phases = torch.arange(321) * 2 * torch.pi * 80 / 640
        real, imaginary = self.there(inputs["noisy"]).chunk(2, dim=1)
        spectrum = torch.complex(real, imaginary) * torch.polar(torch.ones(321), phases)[:, None]
        both = torch.cat([spectrum.real, spectrum.imag], dim=1)
        return {"wav_l2": self.back(both).squeeze(1)}


class Louder(Passing):
    """One that is 18 dB too loud."""

    def __call__(self, inputs):
        return {"wav_l2": 8 * inputs["noisy"]}


class Cold(Passing):
    """One that has to hear 0.3 s before it gives anything."""

    def __call__(self, inputs):
        out = inputs["noisy"].clone()
        out[..., : int(0.3 * SECOND)] = 0
        return {"wav_l2": out}


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
def pipe(shelf):
    """The library's pipeline for noise, on a tiny network or on a stand-in."""
    built = models.pipeline("frcrn", folder=shelf, quiet=True)

    def on(network=None, kind=None):
        pipe = copy.copy(built)
        pipe.__class__ = kind or built.__class__
        pipe.model = network or built.model
        return pipe

    return on


@pytest.fixture(scope="module")
def ans(pipe):
    """The same as a function from a source to samples."""

    def on(network=None, kind=None):
        built = pipe(network, kind)
        return lambda source: np.frombuffer(built(source)["output_pcm"], dtype=np.int16)

    return on


@pytest.fixture(scope="module")
def sep(shelf):
    """The library's pipeline for speakers, on a tiny network."""
    return models.pipeline("mossformer", folder=shelf, quiet=True)


def ours(monkeypatch, network):
    """Let `denoise` and `separate` run on a stand-in."""
    monkeypatch.setattr(models, "bare", lambda *_, **__: network)


def fails(target, name):
    """Hold one examination of the clinic, and expect it to fail: for what it measures."""
    (result,) = clinic.examine(target, only=[name], budget=900)
    assert result.status == FAILED, f"{name}: {result.found}"
    assert result.smallest
    return result.found


def passes(target, name):
    """The same, expected to pass."""
    (result,) = clinic.examine(target, only=[name], budget=900)
    assert result.status == PASSED, f"{name}: {result.found}"


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


@pytest.fixture
def dithering():
    """The library's pipeline for 48 kHz, on a tiny network and without its last transform."""
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
    return pipe


def test_17_dither_makes_every_run_another(dithering, shelf):
    """The course has no DFSMN: that the same input gives the same output is shown on its own."""
    import torch

    samples = torch.from_numpy(noise(48000, rate=48000, db=-60).samples) * 32768
    first, second = (dithering._forward(samples) for _ in range(2))
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


# --- the same, by the clinic ----------------------------------------------------------------------

# By trap: the examination that finds it, and what stands in for the network on either side.
FOUND = [
    pytest.param("tail", Passing, "the last 12", id="01"),
    pytest.param("borders", Cold, "differ most", id="04"),
    pytest.param("edges", Delaying, "first and last 20 ms", id="05"),
    pytest.param("length", Transforming, "lengths come back otherwise", id="06"),
    pytest.param("gain", Passing, "comes out 0.0 dB softer", id="07-gain"),
    pytest.param("faint", Passing, "dB louder", id="07-faint"),
    pytest.param("stereo", Passing, "a voice on the right", id="08"),
    pytest.param("full-scale", Louder, "samples wrap round", id="09"),
    pytest.param("printing", Passing, "inputs", id="18"),
]


@pytest.mark.parametrize(("examination", "network", "words"), FOUND)
def test_the_clinic_finds_it_in_the_denoising_pipeline(
    pipe, monkeypatch, examination, network, words
):
    theirs = targets.Pipeline(ANS, "", built=pipe(network()))
    assert words in fails(theirs, examination)
    ours(monkeypatch, network())
    passes("denoise", examination)


def test_02_the_clinic_finds_the_quarter_of_a_second(pipe, monkeypatch):
    from modelscope.pipelines.audio.ans_pipeline import ANSZipEnhancerPipeline

    theirs = targets.Pipeline(ANS, "", built=pipe(Passing(), ANSZipEnhancerPipeline))
    assert "ms of 8 s are empty" in fails(theirs, "tail")
    ours(monkeypatch, Passing())
    passes("denoise", "tail")


class Knowing(Halves):
    """A separator that knows the clinic's voices."""

    def __init__(self):
        super().__init__()

    def __call__(self, mixture):
        self.sources = clinic_systems.oracle(mixture[0].numpy())
        return super().__call__(mixture)


@pytest.mark.parametrize("examination", ["gain", "far-voice", "total", "louder", "faint"])
def test_10_the_clinic_finds_levels_that_are_made(sep, monkeypatch, examination):
    built = copy.copy(sep)
    built.model = Knowing()
    fails(targets.Pipeline(SEPARATION, "", built=built), examination)

    perfect = dataclasses.replace(
        NETWORKS["mossformer"], apply=lambda _, samples: np.stack(clinic_systems.oracle(samples))
    )
    monkeypatch.setitem(NETWORKS, "mossformer", perfect)
    passes("separate", examination)


@pytest.mark.parametrize("examination", ["stereo", "length", "empty"])
def test_12_the_clinic_finds_stereo_and_short_files(sep, shelf, examination):
    fails(targets.Pipeline(SEPARATION, "", built=sep), examination)
    passes(targets._ours("separate", None, shelf), examination)


def test_14_the_clinic_finds_weights_that_are_missing(tmp_path):
    folder = published("frcrn", tmp_path / model_folders.FRCRN)
    said = fails(targets.Pipeline(ANS, folder), "damaged-weights")
    assert said == "weights that are missing run all the same, without a word"
    passes(targets._ours("denoise", None, folder), "damaged-weights")


class Files(system.System):
    """A canceler that is given the bytes of two WAV files, as a function (mic, far)."""

    def __init__(self, function):
        self.function = function
        super().__init__("files", "canceler", SECOND, {"file", "rates", "trained"})

    def call(self, inputs, rate, subtype):
        return self.function(*(wav(x, rate, subtype or "PCM_16") for x in inputs)), rate


def stored(mic, far):
    """What the library's pipeline does before and after its networks, which do nothing here."""
    loaded, _ = preprocessor().load_wav(mic)
    preprocessor().load_wav(far)
    return np.int16(np.clip(loaded, -32768, 32767))


def cancelled(mic, far):
    from helpers import echo

    return echo.cancel(mic, far, residual=None).samples


@pytest.mark.filterwarnings("ignore")  # the library's own
@pytest.mark.parametrize(
    ("examination", "words"), [("rate", "8000 Hz ends in TypeError"), ("formats", "FLOAT")]
)
def test_15_and_16_the_clinic_finds_rates_and_floats(examination, words):
    assert words in fails(Files(stored), examination)
    passes(Files(cancelled), examination)


def test_17_the_clinic_finds_the_dither(dithering, shelf):
    import torch

    def theirs(samples):
        spectrum = dithering._forward(torch.from_numpy(samples * np.float32(32768))).ravel()
        return np.concatenate([spectrum.real, spectrum.imag]) / 32768

    fails(targets.find(theirs, rate=48000), "twice")
    passes(targets._ours("denoise", None, shelf), "twice")
    passes(targets._ours("separate", None, shelf), "twice")
