"""echo: the loudspeaker's voice goes, the near end stays, and nothing that comes in breaks it."""

import io
import shutil

import model_folders
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from helpers import adaptive, audio, echo, echo_mask, masks, metrics, models
from helpers.clip import Clip
from helpers.files import checkpoint
from helpers.networks import NETWORKS
from training import echo as recipe
from training.data import Corpus

pytestmark = pytest.mark.slow

RATE = 16000
SPEECH = audio.SOUNDS / "speech"
MODEL = checkpoint.EMBEDDED / NETWORKS["echo_mask"].embedded
NEAR = slice(3 * RATE, 6 * RATE)  # he speaks from second 3 to 6


@pytest.fixture(autouse=True, scope="module")
def _hypothesis_looks():
    model_folders.let_hypothesis_look()


def rng(*seed):
    return np.random.default_rng(seed)


def noise(n, seed=0, rate=RATE, name="noise"):
    return Clip(0.05 * rng(seed).normal(size=n), rate, name)


class Talk:
    """A call of 8 s in a simulated room: she all the time, he from second 3 to 6, a little hiss."""

    def __init__(self, seed, bend=0.0):
        far = audio.load(SPEECH / "allison" / "test_047.ogg").cut(0, 8)
        self.far = audio.set_level(far, -25).named("far")
        voice = audio.set_level(audio.load(SPEECH / "carlo" / "test_038.ogg").cut(1, 4), -25)
        his = np.zeros(len(far))
        his[NEAR] = voice.samples
        to_mic, from_him = recipe.room(rng(seed))
        played = self.far.samples
        if bend:
            drive = bend / np.sqrt(np.mean(played**2))
            played = np.tanh(drive * played) / drive
        hiss = 10 ** (-65 / 20) * rng(seed, 1).normal(size=len(far))
        self.near = far.with_samples(recipe.through(from_him, his) + hiss)
        self.echo = far.with_samples(recipe.through(to_mic, played))
        self.mic = far.with_samples(self.near.samples + self.echo.samples, "mic")

    def erle(self, out):
        """While she talks alone, before and after him."""
        values = [echo.erle(self.mic.cut(*at), out.cut(*at)) for at in ((0.5, 3), (6.5, 8))]
        return min(values)

    def si_sdr(self, out):
        """Of him, while both talk."""
        return metrics.si_sdr(*(clip.with_samples(clip.samples[NEAR]) for clip in (out, self.near)))


@pytest.fixture(scope="module")
def talks():
    return [Talk(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def corpus():
    return Corpus()


# --- the promise ----------------------------------------------------------------------------------


@pytest.mark.parametrize("residual", list(echo.MASKS))
def test_the_echo_is_20_db_softer_while_she_talks_alone(talks, residual):
    for talk in talks:
        assert talk.erle(echo.cancel(talk.mic, talk.far, residual=residual)) >= 20


@pytest.mark.parametrize("residual", list(echo.MASKS))
def test_he_is_clearer_by_10_db_while_both_talk(talks, residual):
    for talk in talks:
        out = echo.cancel(talk.mic, talk.far, residual=residual)
        assert talk.si_sdr(out) > talk.si_sdr(talk.mic) + 10
        assert talk.si_sdr(out) > 12


def test_each_mask_takes_echo_that_a_bent_loudspeaker_leaves():
    talk = Talk(3, bend=0.6)
    found = {name: echo.cancel(talk.mic, talk.far, residual=name) for name in echo.MASKS}
    gone = {name: talk.erle(out) for name, out in found.items()}
    assert gone["ratio"] > gone[None] + 2
    assert gone["trained"] > gone[None] + 5
    for name in ("ratio", "trained"):
        assert talk.si_sdr(found[name]) > talk.si_sdr(found[None]) - 1.5


def test_people_would_rate_it_better(talks):
    talk = talks[0]
    out = echo.cancel(talk.mic, talk.far)
    before, after = (
        echo.aecmos(talk.far.cut(0, 3), talk.mic.cut(0, 3), clip.cut(0, 3), "far")["echo"]
        for clip in (talk.mic, out)
    )
    assert after > before + 1


@pytest.mark.parametrize("late", [-6000, 3000, 7500])
def test_a_far_end_that_is_early_or_late_does_no_harm(talks, late):
    talk = talks[0]
    far = adaptive.shift(talk.far, -late, len(talk.far) + 5000)
    out = echo.cancel(talk.mic, far, residual=None)
    last = slice(7 * RATE, max(0, -late) and len(out) - 6000 or len(out))
    mic, left = (clip.with_samples(clip.samples[last]) for clip in (talk.mic, out))
    assert echo.erle(mic, left) > 20


def test_a_far_end_that_stops_early_is_silent_from_there_on(talks):
    talk = talks[0]
    out = echo.cancel(talk.mic, talk.far.cut(0, 4), residual=None)
    assert len(out) == len(talk.mic)
    assert echo.erle(talk.mic.cut(1, 3), out.cut(1, 3)) > 20
    np.testing.assert_allclose(out.cut(6).samples, talk.mic.cut(6).samples, atol=1e-3)


def test_a_microphone_that_heard_nothing_of_her_is_left_alone():
    names = ("june/test_000.ogg", "nickolay/test_049.ogg")
    he, she = (audio.load(SPEECH / name).cut(0, 5) for name in names)
    np.testing.assert_allclose(echo.cancel(he, she).samples, he.samples, atol=1e-5)


# --- anything in, as much out ---------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(1, 9000),
    far=st.integers(1, 12000),
    rates=st.tuples(*[st.sampled_from([8000, 11025, 16000, 44100, 48000])] * 2),
)
def test_every_rate_and_length_comes_back(n, far, rates):
    mic = noise(n, rate=rates[0])
    for rate in (None, 16000):
        out = echo.cancel(mic, noise(far, 0, rates[1]), rate=rate)
        assert out.rate == (rate or rates[0])
        assert len(out) == max(1, round(n * out.rate / rates[0]))
        assert np.isfinite(out.samples).all()


@pytest.mark.parametrize(("old", "other"), [(8000, 48000), (44100, 16000)])
def test_the_echo_goes_at_other_rates(talks, old, other):
    talk = talks[0]
    mic, far = audio.resample(talk.mic, old), audio.resample(talk.far, other)
    out = echo.cancel(mic, far)
    assert (out.rate, len(out)) == (old, len(mic))
    assert echo.erle(mic.cut(0.5, 3), out.cut(0.5, 3)) > 20


@pytest.mark.parametrize("db", [-60, 15])
@pytest.mark.parametrize("which", ["mic", "far", "both"])
def test_levels_do_not_change_what_is_left(talks, db, which):
    talk = talks[0]
    mic, far = talk.mic.cut(0, 2), talk.far.cut(0, 2)
    loud = mic.gain(db) if which != "far" else mic
    out = echo.cancel(loud, far.gain(db) if which != "mic" else far).gain(loud is not mic and -db)
    expected = echo.cancel(mic, far).samples
    np.testing.assert_allclose(out.samples, expected, atol=2e-2 * np.abs(expected).max())


def test_silence_stays_silence():
    silence = Clip(np.zeros(5000), RATE, "silence")
    for mic, far in ((silence, noise(5000)), (silence, silence)):
        out = echo.cancel(mic, far)
        assert len(out) == 5000
        assert not out.samples.any()
    np.testing.assert_array_equal(echo.cancel(noise(5000), silence).samples, noise(5000).samples)


def test_an_offset_is_no_echo(talks):
    talk = talks[0]
    shifted = talk.mic.with_samples(talk.mic.samples + 0.1)
    out, plain = (echo.cancel(mic, talk.far) for mic in (shifted, talk.mic))
    np.testing.assert_allclose(out.samples, plain.samples, atol=3e-3)


def test_the_same_call_gives_the_same_samples(talks):
    mic, far = talks[0].mic.cut(0, 2), talks[0].far.cut(0, 2)
    assert np.array_equal(echo.cancel(mic, far).samples, echo.cancel(mic, far).samples)


def test_long_recordings_go_window_by_window(monkeypatch):
    left, predicted = noise(75 * RATE), noise(75 * RATE, 1)
    seen = []

    def half(heard, guess):
        seen.append(len(heard))
        assert len(guess) == len(heard)
        return np.full((257, 1 + len(heard) // 128), 0.5)

    monkeypatch.setitem(echo.MASKS, "ratio", half)
    out = echo.suppress(left, predicted, "ratio")
    np.testing.assert_allclose(out.samples, left.samples / 2, atol=1e-5)
    assert len(seen) > 2
    assert max(seen) <= 20 * RATE


def test_anything_that_load_takes(tmp_path):
    path = tmp_path / "回声 1.wav"
    soundfile.write(path, rng(0).normal(size=(4410, 2)) / 10, 44100)
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        out = echo.cancel(source, path)
        assert (len(out), out.rate) == (4410, 44100)
    assert echo.cancel(path, path).name == "回声 1 without echo"


@pytest.mark.parametrize(
    ("mic", "far", "options", "said"),
    [
        (Clip([], RATE), noise(9), {}, "microphone's recording holds no samples"),
        (noise(9), Clip([], RATE), {}, "far end holds no samples"),
        (Clip([np.nan], RATE), noise(9), {}, "no number"),
        (noise(9), "nowhere.wav", {}, "nowhere.wav"),
        (noise(9), noise(9), {"residual": "magic"}, "no mask .* 'magic': take one of 'trained'"),
        (noise(9), noise(9), {"rate": 0.5}, "rate is a whole number"),
    ],
)
def test_what_cannot_be_done_is_told(mic, far, options, said):
    with pytest.raises(ValueError, match=said):
        echo.cancel(mic, far, **options)


# --- the library's traps --------------------------------------------------------------------------


def wav(samples, rate):
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def test_trap_15_another_rate_than_16_khz(talks):
    """ModelScope's preprocessor hands librosa.resample its rates by position: TypeError."""
    from modelscope.preprocessors.audio import LinearAECAndFbank

    mic, far = (audio.resample(clip, 8000).cut(0, 3) for clip in (talks[0].mic, talks[0].far))
    files = [wav((32767 * clip.samples).astype(np.int16), 8000) for clip in (mic, far)]
    with pytest.raises(TypeError, match="positional"):
        LinearAECAndFbank.load_wav(files[0])
    assert echo.erle(mic.cut(1), echo.cancel(*files).cut(1)) > 15


def test_trap_16_a_wav_of_floats(talks):
    """It takes samples between -1 and 1 for integers, and its output is rounded to integers: 0."""
    from modelscope.preprocessors.audio import LinearAECAndFbank

    mic, far = talks[0].mic.cut(0, 3), talks[0].far.cut(0, 3)
    files = [wav(clip.samples, RATE) for clip in (mic, far)]
    assert not LinearAECAndFbank.load_wav(files[0])[0].astype(np.int16).any()
    out = echo.cancel(*files)
    np.testing.assert_allclose(out.samples, echo.cancel(mic, far).samples, atol=1e-6)
    assert out.samples.any()


# --- the filter -----------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [-7999, -300, 0, 1, 4800, 8000])
def test_the_delay_is_found_to_the_sample(late):
    far = noise(40000)
    mic = adaptive.shift(far, late, 40000)
    mixed = mic.with_samples(
        mic.samples + 3 * noise(40000, 1).samples
    )  # 10 dB more of something else
    assert adaptive.bulk_delay(mic, far) == adaptive.bulk_delay(mixed, far) == late


@pytest.mark.parametrize("mic", [noise(40000, 1), Clip(np.zeros(40000), RATE), noise(1, 1)])
def test_no_delay_where_nothing_is_in_common(mic):
    assert adaptive.bulk_delay(mic, noise(40000)) is None


@pytest.mark.parametrize("function", [adaptive.bulk_delay, adaptive.kalman])
def test_two_rates_are_told(function):
    with pytest.raises(ValueError, match=r"16000 Hz .* 8000 Hz: audio.resample\(far, 16000\)"):
        function(noise(100), noise(100, rate=8000))


def test_what_is_left_and_what_was_taken_add_up(talks):
    left, predicted, _ = adaptive.kalman(talks[0].mic, talks[0].far)
    np.testing.assert_allclose(
        left.samples + predicted.samples, talks[0].mic.samples, atol=1e-6
    )  # fmt: skip


def test_the_filter_finds_the_rooms_answer():
    answer = rng(5).normal(size=1000) * 10 ** (-np.arange(1000) / 500)
    far = noise(10 * RATE)
    mic = far.with_samples(recipe.through(answer, far.samples))
    room, _ = adaptive.kalman(mic, far)[2]
    learned = np.fft.irfft(room, axis=1)[:, : adaptive.BLOCK].ravel()[:1000]
    assert np.sum((learned - answer) ** 2) < 1e-2 * np.sum(answer**2)


def test_a_filter_that_goes_on_knows_what_it_knew(talks):
    mic, far = talks[0].mic.cut(0, 3), talks[0].far.cut(0, 3)
    first, _, learned = adaptive.kalman(mic, far)
    again = adaptive.kalman(mic, far, start=learned)[0]
    at = (0, 0.5)
    assert echo.erle(mic.cut(*at), again.cut(*at)) > echo.erle(mic.cut(*at), first.cut(*at)) + 6


def test_a_long_silence_does_not_make_the_filter_sure_of_itself(talks):
    """Once, doubt died out while the far end was silent, and the room was never learned."""
    talk, wait = talks[0], 40 * RATE
    mic, far = (
        adaptive.shift(clip.cut(0, 3), wait, wait + 3 * RATE) for clip in (talk.mic, talk.far)
    )
    mic = mic.with_samples(mic.samples + 1e-4 * noise(len(mic)).samples)
    left, _ = adaptive.linear(mic, far)
    assert echo.erle(mic.cut(41), left.cut(41)) > 15


def test_a_room_that_changed_is_no_worse_at_first_than_one_never_heard(talks):
    mic = talks[0].mic.cut(0, 3), talks[1].mic.cut(0, 3)
    whole = mic[0].with_samples(np.concatenate([clip.samples for clip in mic]))
    far = whole.with_samples(np.tile(talks[0].far.cut(0, 3).samples, 2))
    left, _ = adaptive.linear(whole, far)
    assert echo.erle(whole.cut(1, 3), left.cut(1, 3)) > 12


@pytest.mark.parametrize("kind", ["sine", "clicks", "square"])
def test_the_filter_is_stable_whatever_is_played(talks, kind):
    time = np.arange(6 * RATE)
    played = {
        "sine": 0.05 * np.sin(2 * np.pi * 437 * time / RATE),
        "clicks": 0.5 * (time % 8000 == 0),
        "square": 0.05 * np.sign(np.sin(2 * np.pi * 100.3 * time / RATE)),
    }[kind]
    answer = recipe.room(rng(0))[0]
    mic = Clip(recipe.through(answer, played), RATE)
    mic = mic.with_samples(mic.samples + 0.01 * noise(len(mic)).samples)
    left, _, _ = adaptive.kalman(mic, mic.with_samples(played))
    assert echo.erle(mic, left, window=1).min() > -1


# --- the masks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [echo_mask.residual_echo_mask, echo_mask.trained_mask])
def test_a_mask_lies_between_0_and_1(mask):
    for left, predicted in ((noise(9000), noise(9000, 1)), (noise(9000), noise(9000).gain(-200))):
        values = mask(left, predicted)
        assert values.shape == (257, 1 + 9000 // 128)
        assert 0 <= values.min() <= values.max() <= 1


def test_the_network_beats_the_arithmetic_in_rooms_and_voices_it_never_met(corpus):
    calls = recipe.held_out(corpus, 4, seed=2)
    trained, ratio = (
        recipe.figures(mask, calls)
        for mask in (echo_mask.trained_mask, echo_mask.residual_echo_mask)
    )
    assert trained["gain"] > ratio["gain"]
    assert trained["far"] > ratio["far"] + 2


def test_the_checkpoint_is_small_and_holds_tensors_only():
    file = MODEL / "pytorch_model.bin"
    state = torch.load(file, weights_only=True)
    assert file.stat().st_size < 2e6
    assert all(torch.isfinite(value).all() for value in state.values())


def test_the_network_is_modelscopes_with_the_files_numbers():
    from modelscope.models.audio.aec.network.se_net import MaskNet

    net = models.load("echo_mask", quiet=True)
    assert type(net) is MaskNet
    state = torch.load(MODEL / "pytorch_model.bin", weights_only=True)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("content", [{"linear1.linear.bias": torch.zeros(3)}, print, {}])
def test_weights_that_are_none_or_do_not_fit_are_refused(tmp_path, content):
    """A pickled function is not run, and what a file lacks is not left at random."""
    folder = shutil.copytree(MODEL, tmp_path / "model")
    torch.save(content, folder / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match="does not hold plain weights|do not fit its configuration"
    ):
        models.load("echo_mask", folder)


# --- the measures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("db", [-30, 0, 12])
def test_erle_is_the_change_of_level(db):
    clip = noise(RATE)
    assert echo.erle(clip, clip.gain(db)) == pytest.approx(-db, abs=1e-3)
    windows = echo.erle(clip, clip.gain(db), window=0.3)
    np.testing.assert_allclose(windows, [-db] * 3, atol=1e-3)


def test_erle_of_silence():
    silence, half = Clip(np.zeros(200), RATE), Clip(np.repeat([0.0, 1.0], 100), RATE)
    assert np.isnan(echo.erle(silence, silence))
    assert echo.erle(noise(200), silence) == pytest.approx(120)
    assert np.isnan(echo.erle(half, half, 100 / RATE)).tolist() == [True, False]


@pytest.mark.parametrize("other", [noise(99), noise(100, rate=8000)])
def test_erle_of_different_clips_is_told(other):
    with pytest.raises(
        ValueError, match=r"differ in rate or length.*audio.resample\(out, 16000, 100"
    ):
        echo.erle(noise(100), other)


@pytest.mark.parametrize(
    ("clips", "talk", "said"),
    [
        ([noise(RATE)] * 3, "nobody", "talk must be .far., .near. or .both., not 'nobody'"),
        ([noise(RATE), noise(RATE), noise(9)], "far", "one length at 16000 Hz"),
        ([noise(RATE, rate=8000)] * 3, "far", "one length at 16000 Hz"),
        ([noise(RATE).gain(60)] * 3, "far", "within full scale"),
        ([Clip(np.zeros(RATE), RATE)] * 3, "far", "within full scale"),
    ],
)
def test_what_aecmos_cannot_rate_is_told(clips, talk, said):
    with pytest.raises(ValueError, match=said):
        echo.aecmos(*clips, talk)


# --- the recipe -----------------------------------------------------------------------------------


def test_a_call_is_its_parts_and_the_same_each_time(corpus):
    one, two = (recipe.call(corpus, rng(4, 2), seconds=3) for _ in range(2))
    assert np.array_equal(one.mic.samples, two.mic.samples)
    np.testing.assert_allclose(one.left.samples + one.echo.samples, one.mic.samples, atol=1e-6)
    assert {len(clip) for clip in (one.mic, one.far, one.near, one.left, one.talk)} == {3 * RATE}


def test_no_voice_of_the_test_is_trained_on(corpus, monkeypatch):
    heard = []
    monkeypatch.setattr(recipe, "call", lambda corpus, _: heard.append(corpus))
    recipe.held_out(corpus, 1)
    tested = {wave.tobytes() for waves in heard[0].voices.values() for wave in waves}
    trained = {wave.tobytes() for waves in corpus.voices.values() for wave in waves}
    assert len(tested) > 50
    assert not tested & trained


def test_exported_weights_give_what_the_trained_ones_give(corpus, tmp_path):
    torch.manual_seed(0)
    net = recipe.build().eval()
    recipe.export(net.state_dict(), tmp_path)
    loaded = models.load("echo_mask", tmp_path, quiet=True)
    left, predicted = noise(9000), noise(9000, 1)
    mask = echo_mask.trained_mask(left, predicted, net)
    np.testing.assert_allclose(mask, echo_mask.trained_mask(left, predicted, loaded), atol=1e-6)
    assert mask.mean() > 0.8  # untrained, it lets most through


def test_a_step_of_training_lowers_the_loss(corpus):
    pool = recipe.pooled(corpus, seed=0, count=1)
    batch = recipe.example(pool, rng(0), frames=100, count=4)
    assert [tuple(part.shape) for part in batch] == [(4, 100, 192), (4, 100, 257), (4, 100, 257)]
    torch.manual_seed(0)
    net = recipe.build()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(5):
        losses.append(recipe.loss_of(net, batch))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]


def test_figures_of_doing_nothing_and_of_the_truth(corpus):
    call = recipe.call(corpus, rng(4, 2), seconds=3)
    nothing = recipe.figures(lambda left, _: np.ones((257, 1 + len(left) // 128)), [call])
    assert nothing["both"] == pytest.approx(0, abs=0.01)
    best = recipe.figures(
        lambda left, _: masks.complex_ratio(call.near, left, limit=1).real.clip(0, 1), [call]
    )
    assert best["gain"] > nothing["gain"] + 2


# --- echoes that come late, clocks that drift ---------------------------------------------------


def whisper(seconds, rate=16000, seed=0):
    """Noise in syllables: as hard to foresee as speech."""
    rng, n = np.random.default_rng(seed), round(seconds * rate)
    gates = np.repeat(rng.uniform(0, 1, n // 3200 + 1) > 0.3, 3200)[:n]
    return Clip(0.05 * rng.normal(size=n) * np.convolve(gates, np.ones(320) / 320, "same"), rate)


def echo_of(far, late, ppm=0):
    """Play a clip late, by a clock that is off, into a room."""
    rng, n = np.random.default_rng(1), len(far)
    room = rng.normal(size=1200) * np.exp(-np.arange(1200) / 200)
    room[0] = 3  # the direct sound
    time = np.arange(n) * (1 + ppm * 1e-6) - late
    played = np.interp(time, np.arange(n), far.samples, left=0, right=0)
    heard = np.convolve(played, room / np.linalg.norm(room))[:n]
    return far.with_samples(0.5 * heard + 1e-4 * rng.normal(size=n))


@pytest.mark.parametrize("late", [-1.2, 0.7, 4])
def test_an_echo_later_than_half_a_second_is_found(caplog, late):
    far = whisper(16)
    mic = echo_of(far, round(late * far.rate))
    out = echo.cancel(mic, far, residual=None)
    assert echo.erle(mic, out, window=4)[1:-1].min() > 15
    assert "s late" in caplog.text


@pytest.mark.parametrize(("ppm", "late"), [(50, 320), (-100, 8000), (300, 12000), (-300, 320)])
def test_a_clock_that_drifts_is_found_and_followed(ppm, late):
    far = whisper(60)
    found = adaptive.clock(echo_of(far, late, ppm), far)
    assert found[0] == pytest.approx(late, abs=32)  # 2 ms: the room smears it
    assert found[1] == pytest.approx(ppm, abs=4)


def test_an_echo_by_another_clock_is_taken_out(caplog):
    far = whisper(40)
    mic = echo_of(far, 320, 300)
    out = echo.cancel(mic, far, residual=None)
    assert echo.erle(mic, out, window=10).min() > 12
    assert "ppm off" in caplog.text


def test_no_echo_is_said(caplog):
    mic, far = whisper(6, seed=2).named("mic"), whisper(6, seed=3).named("far")
    out = echo.cancel(mic, far)
    np.testing.assert_allclose(out.samples, mic.samples, atol=1e-6)
    assert "'mic': no echo of 'far' was found, nothing is taken out" in caplog.text
    assert adaptive.clock(mic, far) is None
