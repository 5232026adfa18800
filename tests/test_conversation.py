"""conversation: as many tracks as there are people, one for the noise, together the recording."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile

from helpers import audio, cli, models, networks, separate, windows
from helpers.clip import Clip
from helpers.files import checkpoint

RATE = 8000
BANDS = ((0, 900), (900, 1800), (1800, 2700), (2700, 4000))  # Hz: three voices, then the noise
FOLDER = checkpoint.EMBEDDED / "mossformer_conversation_8k"


def band(which, seconds, level=0.1, seed=0):
    """A 'voice' or a noise: all that lies in one of the bands."""
    low, high = BANDS[which]
    wave = np.random.default_rng(seed + 10 * which).normal(size=round(seconds * RATE))
    spectrum = np.fft.rfft(wave)
    f = np.fft.rfftfreq(len(wave), 1 / RATE)
    spectrum[(f < low) | (f >= high)] = 0
    wave = np.fft.irfft(spectrum, len(wave))
    return (level * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


def silent_before(wave, seconds):
    """The same, that begins later."""
    wave = wave.copy()
    wave[: round(seconds * RATE)] = 0
    return wave


class Bands:
    """A perfect network that gives its three voices in another order at every call."""

    def __init__(self):
        self.calls = 0

    def __call__(self, _model, samples):
        spectrum = np.fft.rfft(samples)
        f = np.fft.rfftfreq(len(samples), 1 / RATE)
        rows = [np.where((f >= low) & (f < high), spectrum, 0) for low, high in BANDS]
        rows = np.stack([np.fft.irfft(row, len(samples)) for row in rows]).astype(np.float32)
        self.calls += 1
        turn = np.roll([0, 1, 2], self.calls)
        return rows[[*turn, 3]]


@pytest.fixture
def perfect(monkeypatch):
    """The tool with that network in place of the trained one."""
    network = Bands()
    record = dataclasses.replace(
        networks.NETWORKS["conversation"],
        apply=network,
        encode=lambda _: lambda wave: np.abs(np.fft.rfft(wave, 512))[:, None],
    )
    monkeypatch.setitem(networks.NETWORKS, "conversation", record)
    return network


def mixture(*waves):
    return Clip(np.sum(waves, axis=0), RATE, "talk")


@pytest.mark.parametrize("people", [0, 1, 2, 3])
def test_there_are_as_many_tracks_as_people(perfect, people):
    voices = [band(i, 3) for i in range(people)]
    heard = separate.conversation(mixture(band(3, 3, 0.03), *voices))
    assert len(heard.people) == people
    assert heard.noise.level == pytest.approx(-30.5, abs=0.3)


@pytest.mark.usefixtures("perfect")
def test_people_come_in_the_order_in_which_they_begin():
    starts = {2: 0.0, 0: 1.0, 1: 2.0}
    waves = [silent_before(band(who, 4), at) for who, at in starts.items()]
    heard = separate.conversation(mixture(*waves))
    for wave, person in zip(waves, heard.people, strict=True):
        assert np.corrcoef(wave, person.samples)[0, 1] > 0.99
    assert [person.name for person in heard.people] == [f"talk speaker {i}" for i in (1, 2, 3)]
    assert heard.noise.name == "talk noise"


@pytest.mark.usefixtures("perfect")
def test_people_keep_their_track_in_a_long_recording_and_noise_its_own():
    seconds = 70
    assert len(windows.window_bounds(seconds * RATE, RATE)) > 3
    waves = [silent_before(band(i, seconds, seed=i), 0.3 * i) for i in range(2)]
    rest = band(3, seconds, 0.05)
    heard = separate.conversation(mixture(*waves, rest))
    assert len(heard.people) == 2
    for wave, clip in zip([*waves, rest], [*heard.people, heard.noise], strict=True):
        assert np.corrcoef(wave, clip.samples)[0, 1] > 0.99


@pytest.mark.parametrize("n", [1, 2, 31, 33, 8001, 20000])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_the_trained_network_gives_people_and_noise_that_add_up(n, rate):
    clip = Clip(0.1 * np.random.default_rng(n).normal(size=n), rate, "any")
    heard = separate.conversation(clip)
    total = np.sum([c.samples for c in (*heard.people, heard.noise)], axis=0)
    expected = audio.resample(audio.remove_dc(clip), RATE)
    assert len(total) == len(expected)
    np.testing.assert_allclose(total, expected.samples, atol=1e-6)


def test_levels_follow_the_recording():
    """A recording that is 20 dB softer gives the same people, 20 dB softer."""
    clip = audio.load(audio.SOUNDS / "mix_speech.wav", RATE)
    loud = separate.conversation(clip)
    soft = separate.conversation(Clip(0.1 * clip.samples, RATE))
    assert len(loud.people) == len(soft.people) == 2
    for a, b in zip(loud.people, soft.people, strict=True):
        np.testing.assert_allclose(0.1 * a.samples, b.samples, atol=1e-5)


def test_silence_holds_nobody():
    heard = separate.conversation(Clip(np.zeros(5000), RATE))
    assert heard.people == []
    assert not heard.noise.samples.any()


def test_results_come_at_the_rate_asked_for():
    heard = separate.conversation(audio.SOUNDS / "mix_speech.wav", rate=16000)
    assert {clip.rate for clip in (*heard.people, heard.noise)} == {16000}


def test_people_with_a_channel_each_keep_it():
    one, two = (Clip(band(i, 2), RATE, "call") for i in range(2))
    heard = separate.conversation([one, two])
    assert [
        np.array_equal(p.samples, c.samples) for p, c in zip(heard.people, (one, two), strict=True)
    ] == [
        True,
        True,
    ]
    assert not heard.noise.samples.any()


def test_a_model_that_does_not_count_is_refused():
    two = checkpoint.EMBEDDED / "mossformer_mini_8k"
    with pytest.raises(ValueError, match=r"thresholds_db.*separate\.separate"):
        separate.conversation(Clip(np.ones(800), RATE), folder=two)


def test_separate_sends_its_caller_to_conversation():
    with pytest.raises(ValueError, match=r"separate\.conversation"):
        separate.separate(Clip(np.ones(800), RATE), network="conversation")


def test_the_thresholds_lie_with_the_weights():
    about = json.loads((FOLDER / "configuration.json").read_text(encoding="utf-8"))
    found = models.resolve("conversation", quiet=True).path
    limits = checkpoint.thresholds(found)
    assert limits == about["people"]["thresholds_db"] == sorted(limits, reverse=True)
    assert len(limits) == 3
    assert limits[0] < 0


def test_nobody_is_heard_behind_somebody_who_is_not():
    limits = [-9, -13, -25]
    assert not separate.heard(np.array([-10.0, -10.0, -10.0]), limits).any()
    assert separate.heard(np.array([-8.0, -30.0, -14.0]), limits).tolist() == [True, False, False]


def test_modelscopes_own_pipeline_gives_four_tracks():
    clip = audio.load(audio.SOUNDS / "mix_speech.wav", RATE)
    given = models.pipeline("conversation", quiet=True)(str(audio.SOUNDS / "mix_speech.wav"))
    assert len(given["output_pcm_list"]) == 4
    assert {len(np.frombuffer(track, np.int16)) for track in given["output_pcm_list"]} == {
        len(clip)
    }


def test_onset_is_where_a_person_takes_over():
    voice, other = silent_before(band(0, 2), 1.0), band(1, 2)
    leak = voice + 0.1 * other  # what leaks over from the other does not count
    assert separate.onset(leak, voice + other) == RATE


def test_the_level_of_a_track_does_not_depend_on_pauses():
    word = band(0, 1)
    pause = np.zeros(3 * RATE, np.float32)
    alone = separate.loudness(word)
    assert separate.loudness(np.concatenate([word, pause])) == pytest.approx(alone, rel=1e-3)


@pytest.mark.usefixtures("perfect")
def test_the_command_line_writes_a_file_for_each_and_the_noise(tmp_path, capsys):
    wave = band(0, 2) + silent_before(band(1, 2), 0.5) + band(3, 2, 0.02)
    soundfile.write(tmp_path / "talk.wav", wave, RATE, subtype="FLOAT")
    assert cli.main(["separate", "--conversation", str(tmp_path / "talk.wav")]) == 0
    names = [path.rsplit("talk_", 1)[1] for path in capsys.readouterr().out.split()]
    assert names == ["speaker1.wav", "speaker2.wav", "noise.wav"]


def test_the_command_line_leaves_results_of_an_earlier_run_out(tmp_path, perfect):
    for name in ("talk.wav", "talk_noise.wav", "talk_speaker1.wav"):
        soundfile.write(tmp_path / name, band(0, 1), RATE)
    assert cli.main(["separate", "--conversation", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    assert perfect.calls == 1


def test_conversation_has_one_network(tmp_path, capsys):
    soundfile.write(tmp_path / "talk.wav", band(0, 1), RATE)
    chosen = ["separate", "--conversation", "--network", "mossformer2", str(tmp_path / "talk.wav")]
    assert cli.main(chosen) == 2
    assert "leave --network out" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [[], [-9, float("nan")], "-9", None])
def test_thresholds_that_are_none_are_refused(tmp_path, wrong):
    about = {"people": {"thresholds_db": wrong}}
    (tmp_path / "configuration.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(ValueError, match="thresholds_db"):
        checkpoint.thresholds(tmp_path)


def test_the_last_threshold_holds_for_the_rest():
    assert separate.heard(np.array([-3.0, -4.0, -12.0]), [-9]).tolist() == [True, True, False]


def test_tracks_of_an_earlier_run_are_told(tmp_path, capsys):
    from helpers import cli

    audio.save(Clip(np.zeros(8000), RATE), tmp_path / "a.wav")
    audio.save(Clip(band(0, 1), RATE), tmp_path / "out" / "a_speaker1.wav")
    command = ["separate", "--conversation", str(tmp_path / "a.wav"), "-o", str(tmp_path / "out")]
    assert cli.main(command) == 0
    assert "a_speaker1.wav is from an earlier run: 0 heard" in capsys.readouterr().err
