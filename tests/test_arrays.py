"""Beamformers, simulated rooms and WPE, each against an answer that is known beforehand."""

import numpy as np
import pytest

from helpers import audio, metrics
from helpers.lab import arrays
from helpers.spectra import stft

RATE = 16000
FRONT, SIDE = (2.1, 3.2, 1.3), (3.2, 2.3, 1.3)


@pytest.fixture(scope="module")
def voice():
    return audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav").cut(0, 3)


@pytest.fixture(scope="module")
def scene(voice):
    """A voice before four microphones, a hiss from the side: what each gets of either."""
    hiss = voice.with_samples(0.05 * np.random.default_rng(1).normal(size=len(voice)), "hiss")
    microphones = arrays.line((2, 2, 1.2), 4, 0.08)
    answers = arrays.responses((4.5, 4, 2.6), microphones, [FRONT, SIDE], RATE, rt60=0.2)
    return [arrays.heard(clip, answer) for clip, answer in zip((voice, hiss), answers, strict=True)]


def added(scene):
    return [a.with_samples(a.samples + b.samples) for a, b in zip(*scene, strict=True)]


def oracle(scene):
    return arrays.share([part[0] for part in scene])


def random_covariance(rng, bins, m):
    root = rng.normal(size=(bins, m, m)) + 1j * rng.normal(size=(bins, m, m))
    return root @ root.conj().swapaxes(1, 2)


def test_mvdr_leaves_the_direction_as_it_is():
    rng = np.random.default_rng(0)
    microphones = arrays.line((2, 2, 1), 4, 0.05)
    towards = arrays.steering(microphones, FRONT, RATE, 512)
    weights = arrays.mvdr(towards, random_covariance(rng, 257, 4))
    assert np.allclose((weights.conj() * towards).sum(axis=1), 1)


def test_mvdr_has_the_least_noise_of_all_that_leave_it():
    rng = np.random.default_rng(0)
    noise, towards = random_covariance(rng, 1, 3), np.exp(2j * np.pi * rng.uniform(size=(1, 3)))
    best = arrays.mvdr(towards, noise)[0]

    def power(weights):
        return (weights.conj() @ noise[0] @ weights).real

    for _ in range(50):
        step = 0.1 * (rng.normal(size=3) + 1j * rng.normal(size=3))
        step -= towards[0] * (towards[0].conj() @ step) / 3  # stays distortionless
        assert abs((best + step).conj() @ towards[0] - 1) < 1e-9
        assert power(best + step) > power(best)


def test_mvdr_of_noise_without_direction_is_delay_and_sum():
    towards = arrays.steering(arrays.line((2, 2, 1), 4), SIDE, RATE, 512)
    assert np.allclose(arrays.mvdr(towards, np.tile(np.eye(4), (257, 1, 1))), towards / 4)


def test_souden_is_mvdr_where_the_voice_has_one_direction():
    rng = np.random.default_rng(3)
    towards = arrays.steering(arrays.line((2, 2, 1), 4), FRONT, RATE, 512, reference=2)
    noise = random_covariance(rng, 257, 4)
    speech = 0.3 * towards[:, :, None] * towards[:, None].conj()
    assert np.allclose(arrays.souden(speech, noise, 2), arrays.mvdr(towards, noise), atol=1e-6)


def test_the_noise_falls_and_the_voice_stays(scene):
    # Of the parts themselves: a mask leaves noise in the voice's covariance, and that costs level.
    everywhere = np.ones(oracle(scene).shape)
    weights = arrays.souden(
        *(arrays.covariance(arrays.spectrum(part), everywhere) for part in scene)
    )
    voice, hiss = (arrays.filtered(weights, part) for part in scene)
    assert hiss.level < scene[1][0].level - 8
    # 1.1 dB here: in a room a voice comes from more than one direction, so its rank is not one.
    assert abs(voice.level - scene[0][0].level) < 2
    assert metrics.si_sdr(voice, scene[0][0]) > 10


def test_beamform_gains_and_a_mask_that_knows_nothing_does_not(scene):
    mixture, wanted = added(scene), scene[0][0]
    before = metrics.si_sdr(mixture[0], wanted)
    assert metrics.si_sdr(arrays.beamform(mixture, oracle(scene)), wanted) > before + 6
    same = arrays.beamform(mixture, np.full(oracle(scene).shape, 0.5))
    assert abs(metrics.si_sdr(same, wanted) - before) < 1.5


def test_a_mask_that_knows_nothing_gives_one_microphone_of_four():
    same = random_covariance(np.random.default_rng(4), 257, 4)
    assert np.allclose(arrays.souden(same, 3 * same, 1), [0, 0.25, 0, 0], atol=1e-3)


def test_covariance_of_one_direction_has_rank_one(scene):
    clip = scene[0][0]
    cells = np.stack([stft(clip), 0.5j * stft(clip)], axis=1)
    found = arrays.covariance(cells, np.ones((257, cells.shape[2])))
    assert np.allclose(found[40, 1, 0] / found[40, 0, 0], 0.5j)
    assert np.abs(np.linalg.det(found)).max() < 1e-9 * np.abs(found).max() ** 2


def test_sound_takes_its_time_and_grows_soft():
    near, far = arrays.responses(
        (9, 4, 3), arrays.line((1, 2, 1), 1), [(2, 2, 1), (5, 2, 1)], RATE, 0
    )
    late = np.argmax(np.abs(far[0])) - np.argmax(np.abs(near[0]))
    assert abs(late - 3 / 343 * RATE) <= 1
    assert np.abs(near[0]).max() / np.abs(far[0]).max() == pytest.approx(4, rel=0.1)


def test_a_room_dies_in_its_reverberation_time():
    ((answer,),) = arrays.responses((5, 4, 3), arrays.line((2, 2, 1), 1), [(3, 3, 1.5)], RATE, 0.4)
    left = 10 * np.log10(np.cumsum(answer[::-1] ** 2)[::-1] / np.sum(answer**2) + 1e-20)
    assert 0.25 < np.argmax(left < -60) / RATE < 0.7


def test_early_is_the_beginning():
    answer = np.exp(-np.arange(3200) / 800)
    assert np.flatnonzero(arrays.early(answer, RATE, 32)).max() == 512


def test_wpe_takes_an_echo_off_and_needs_frames(voice):
    ((answer,),) = arrays.responses(
        (6, 5, 3), arrays.line((3, 2, 1), 1), [(4.5, 4, 1.5)], RATE, 0.7
    )
    reverberant = arrays.heard(voice, [answer])
    wanted = arrays.heard(voice, [arrays.early(answer, RATE)])[0]
    dry = arrays.dereverberate(reverberant)[0]
    assert len(dry) == len(voice)
    assert metrics.si_sdr(dry, wanted) > metrics.si_sdr(reverberant[0], wanted) + 0.5
    with pytest.raises(ValueError, match="too few"):
        arrays.dereverberate([voice.cut(0, 0.1)])


def test_what_does_not_fit_is_refused(voice):
    with pytest.raises(ValueError, match="two microphones or more"):
        arrays.spectrum([voice])
    with pytest.raises(ValueError, match="one rate and length"):
        arrays.spectrum([voice, voice.cut(0, 1)])
    with pytest.raises(ValueError, match="one rate and length"):
        arrays.dereverberate([voice, voice.cut(0, 1)])
    with pytest.raises(ValueError, match="one number"):
        arrays.covariance(np.zeros((3, 2, 4)), np.ones((3, 5)))
    with pytest.raises(ValueError, match="one number"):
        arrays.covariance(np.zeros((3, 2, 4)), np.full((3, 4), np.nan))
    with pytest.raises(ValueError, match="outside"):
        arrays.responses((4, 3, 2.5), arrays.line((2, 1, 1)), [(5, 1, 1)], RATE, 0.3)
    with pytest.raises(ValueError, match="no walls"):
        arrays.responses((4, 3, 2.5), arrays.line((2, 1, 1)), [(3, 1, 1)], RATE, 0.01)
