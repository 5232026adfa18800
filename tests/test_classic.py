"""The methods before networks: each does what its paper says, and says what it can't do."""

import numpy as np
import pytest

from helpers import audio, metrics, mixing
from helpers.clip import Clip
from helpers.lab import classic
from helpers.spectra import stft


@pytest.fixture(scope="module")
def speech():
    return audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav").cut(0, 3)


@pytest.fixture(scope="module")
def hiss(speech):
    rng = np.random.default_rng(10)
    return mixing.at_snr(speech, Clip(rng.normal(size=len(speech)), 16000, "hiss"), 5)[1]


@pytest.fixture(scope="module")
def noisy(speech, hiss):
    return mixing.mix(speech, hiss, name="noisy")


@pytest.fixture(scope="module")
def voices():
    return [audio.load(audio.SOUNDS / f"mix_speech_s{i}.wav") for i in (1, 2)]


def silence(clip):
    return clip.with_samples(np.zeros(len(clip)))


# --- one microphone, one voice --------------------------------------------------------------------

DENOISERS = [classic.subtraction, classic.wiener]


@pytest.mark.parametrize("method", DENOISERS)
def test_noise_that_is_known_is_reduced(method, speech, hiss, noisy):
    cleaned = method(noisy, noise=hiss)
    assert metrics.si_sdr_improvement(cleaned, speech, noisy) > 4
    assert (cleaned.rate, len(cleaned)) == (noisy.rate, len(noisy))
    assert cleaned.name.startswith("noisy · ")


@pytest.mark.parametrize("method", DENOISERS)
def test_the_quiet_frames_are_taken_for_noise(method, speech, hiss, noisy):
    """With a pause in front, the guess comes near to the known noise."""
    start = np.zeros(16000, np.float32)
    longer = speech.with_samples(np.concatenate([start, speech.samples]))
    late = noisy.with_samples(np.concatenate([hiss.samples[:16000], noisy.samples]))
    gains = [
        metrics.si_sdr_improvement(method(late, noise=noise), longer, late)
        for noise in (None, hiss)
    ]
    assert gains[0] > gains[1] - 1


@pytest.mark.parametrize("method", DENOISERS)
def test_the_level_does_not_matter(method, noisy):
    loud, faint = method(noisy), method(noisy.gain(-40))
    np.testing.assert_allclose(faint.gain(40).samples, loud.samples, atol=1e-4)


@pytest.mark.parametrize("method", DENOISERS)
def test_silence_stays_silence(method, noisy):
    assert method(silence(noisy)).level == -np.inf
    half = noisy.samples * (np.arange(len(noisy)) > len(noisy) / 2)
    assert np.isfinite(method(noisy.with_samples(half)).samples).all()


@pytest.mark.parametrize("method", DENOISERS)
def test_a_noise_of_another_rate_is_refused(method, noisy):
    with pytest.raises(ValueError, match=r"'hum' has 8000 Hz.*audio\.resample\(example, 16000\)"):
        method(noisy, noise=Clip(np.ones(8000), 8000, "hum"))


@pytest.mark.parametrize("method", DENOISERS)
@pytest.mark.parametrize("wrong", [Clip([], 16000), [0.1, 0.2], None])
def test_what_is_no_sound_is_refused(method, wrong):
    with pytest.raises(ValueError, match="a Clip with samples"):
        method(wrong)


def test_subtraction_is_boll_s_formula(noisy, hiss):
    """Magnitudes: what is left is |X| - |N|, or nothing, in every cell, with the phase of X."""
    import librosa

    spectrum, mean = stft(noisy), np.abs(stft(hiss)).mean(axis=1, keepdims=True)
    left = np.clip(np.abs(spectrum) - mean, 0, None) * np.exp(1j * np.angle(spectrum))
    wanted = librosa.istft(left, hop_length=128, length=len(noisy))
    got = classic.subtraction(noisy, noise=hiss).samples
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_a_floor_keeps_some_of_the_noise(hiss):
    without, some = (classic.subtraction(hiss, hiss, over=4, floor=f) for f in (0, 0.1))
    assert without.level < hiss.level - 40
    assert some.level == pytest.approx(hiss.level - 20, abs=4)


def test_more_subtraction_leaves_less(noisy, hiss):
    levels = [classic.subtraction(noisy, hiss, over=over).level for over in (0, 1, 2, 4)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] == pytest.approx(noisy.level, abs=0.01)


def test_wiener_never_goes_below_its_floor(hiss):
    levels = [classic.wiener(hiss, hiss, floor=floor).level - hiss.level for floor in (-10, -20)]
    assert levels == pytest.approx([-10, -20], abs=1.5)


def test_smoothing_stills_the_twinkling(noisy, hiss):
    """The gains of a pure noise jump about with the plain rule, and hardly with the smooth one."""

    def restless(smoothing):
        cleaned = classic.wiener(hiss, hiss, smoothing=smoothing, floor=-60)
        gains = np.abs(stft(cleaned)) / np.abs(stft(hiss))
        return np.abs(np.diff(gains, axis=1)).mean()

    assert restless(0.98) < restless(0) / 5


# --- two voices -----------------------------------------------------------------------------------


def test_nmf_separates_voices_it_has_heard(voices):
    mixture = mixing.mix(*voices)
    tracks = classic.nmf(mixture, *voices, rounds=30)
    found = metrics.match(tracks, voices, mixture)
    assert found.order == [0, 1]
    assert min(found.si_sdri) > 4
    assert np.abs(tracks[0].samples + tracks[1].samples - mixture.samples).max() < 1e-5


def test_nmf_depends_on_its_seed_alone(voices):
    mixture = mixing.mix(*voices).cut(0, 1)
    runs = [classic.nmf(mixture, *voices, parts=5, rounds=5, seed=s)[0] for s in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0].samples, runs[1].samples)
    assert np.abs(runs[0].samples - runs[2].samples).max() > 1e-5


def test_nmf_learns_the_rest_from_the_mixture(voices):
    """A hum without an example: it comes last."""
    hum = voices[0].with_samples(0.05 * np.sin(np.arange(len(voices[0])) * 2 * np.pi * 0.11))
    mixture = mixing.mix(voices[0], hum)
    person, rest = classic.nmf(mixture, voices[0], free=2)
    assert metrics.si_sdr(rest, hum) > 10
    assert metrics.si_sdr_improvement(person, voices[0], mixture) > 10


def test_nmf_of_silence_is_silence(voices):
    tracks = classic.nmf(silence(voices[0]), *voices, parts=3, rounds=3)
    assert [track.level for track in tracks] == [-np.inf, -np.inf]
    tracks = classic.nmf(voices[0], silence(voices[0]), voices[1], parts=3, rounds=3)
    assert all(np.isfinite(track.samples).all() for track in tracks)


def test_nmf_wants_two_sources(voices):
    with pytest.raises(ValueError, match=r"these are 1: nmf\(mixture, her, him\)"):
        classic.nmf(voices[0], voices[1])
    with pytest.raises(ValueError, match=r"audio\.resample\(example, 8000\)"):
        classic.nmf(voices[0], voices[1], Clip(np.ones(16000), 16000))


# --- two microphones ------------------------------------------------------------------------------


def test_ica_undoes_a_mixing_desk(voices):
    her, him = voices
    left, right = mixing.mix(her, him), mixing.mix(her.gain(-6), him)
    tracks = classic.ica(left, right)
    found = metrics.match(tracks, voices)
    assert min(found.si_sdr) > 30
    for index, voice in zip(found.order, voices, strict=True):  # as loud as on the left
        assert tracks[index].level == pytest.approx(voice.level, abs=0.2)


def test_ica_can_t_undo_a_delay(voices):
    """What tells a desk from a room: he reaches the second microphone half a millisecond later."""
    her, him = voices
    late = him.with_samples(np.roll(him.samples, 4))
    early = her.with_samples(np.roll(her.samples, -4))
    tracks = classic.ica(mixing.mix(her, him), mixing.mix(early, late))
    assert min(metrics.match(tracks, voices).si_sdr) < 10


def test_ica_refuses_one_ear_twice(voices):
    with pytest.raises(ValueError, match="put them at different places"):
        classic.ica(voices[0], voices[0].gain(-6))
    with pytest.raises(ValueError, match="put them at different places"):
        classic.ica(voices[0], silence(voices[0]))


@pytest.mark.parametrize("other", [(), "short", "rate", "list"])
def test_ica_refuses_what_was_not_recorded_together(voices, other):
    clip = voices[0]
    others = {"short": clip.cut(0, 1), "rate": Clip(clip.samples, 16000), "list": [0.1, 0.2]}
    with pytest.raises(ValueError, match=r"ica\(left, right\)"):
        classic.ica(clip, *([others[other]] if other else []))
