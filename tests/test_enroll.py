"""An enrolled voice: what its descriptions hear, and what they don't."""

import numpy as np
import pytest

from helpers import audio
from helpers.clip import Clip
from helpers.lab import enroll


def said(speaker, number):
    files = sorted((audio.SOUNDS / "speech" / speaker).glob("*.ogg"))
    return audio.load(files[number], rate=8000)


def test_pitch_is_in_octaves():
    tones = [Clip(np.sin(2 * np.pi * f * np.arange(8000) / 8000), 8000) for f in (110, 220)]
    low, high = (enroll.pitch(tone)[0] for tone in tones)
    assert low == pytest.approx(np.log2(110), abs=0.02)
    assert high - low == pytest.approx(1, abs=0.04)


def test_a_man_speaks_lower_than_a_woman():
    assert enroll.pitch(said("nickolay", 0))[0] < enroll.pitch(said("june", 0))[0] - 0.4


@pytest.mark.parametrize("name", enroll.DESCRIPTIONS)
def test_no_description_hears_how_loud_it_is(name):
    clip = said("carlo", 0)
    one, other = (enroll.DESCRIPTIONS[name](c) for c in (clip, clip.gain(-15)))
    assert np.allclose(one, other, atol=0.02 * np.abs(one).max())


@pytest.mark.parametrize("name", enroll.DESCRIPTIONS)
def test_a_voice_is_nearer_to_itself(name):
    tracks = [said("june", 1), said("nickolay", 1)]
    assert enroll.pick(tracks, said("nickolay", 0), enroll.DESCRIPTIONS[name]) == 1
    assert enroll.pick(tracks[::-1], said("nickolay", 0), enroll.DESCRIPTIONS[name]) == 0


def test_another_microphone_changes_the_timbre_and_not_the_pitch():
    clip = said("carlo", 0)
    other = enroll.telephone(clip)
    assert enroll.pitch(other)[0] == pytest.approx(enroll.pitch(clip)[0], abs=0.1)
    apart = np.linalg.norm(enroll.timbre(other) - enroll.timbre(clip))
    assert apart > np.linalg.norm(enroll.timbre(said("carlo", 2)) - enroll.timbre(clip))


def test_silence_is_no_voice():
    for describe in enroll.DESCRIPTIONS.values():
        with pytest.raises(ValueError, match="silent or too short"):
            describe(Clip(np.zeros(8000), 8000))
    with pytest.raises(ValueError, match="resample"):
        enroll.filters(Clip(np.ones(16000), 16000))
