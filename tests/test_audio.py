"""audio: load, resample, level, save, listen."""

import base64
import io
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from helpers import audio, metrics
from helpers.clip import Clip


def tone(rate=16000, seconds=1.0, hertz=440, name="tone"):
    return Clip(
        0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate), rate, name
    )


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_load_reads_every_depth(tmp_path, subtype):
    clip = tone()
    back = audio.load(audio.save(clip, tmp_path / "a tone.wav", subtype))
    assert (back.name, back.rate, len(back)) == ("a tone", 16000, 16000)
    assert back.samples.dtype == np.float32
    np.testing.assert_allclose(back.samples, clip.samples, atol=0.008 if "U8" in subtype else 1e-4)


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_load_reads_compressed_files(tmp_path, suffix):
    clip = tone()
    back = audio.load(audio.save(clip, tmp_path / f"tone{suffix}"))
    assert len(back) == len(clip)
    assert back.level == pytest.approx(clip.level, abs=0.5)


def test_load_takes_path_str_bytes_and_open_file(tmp_path):
    path = audio.save(tone(), tmp_path / "录音 1.wav")
    clips = [audio.load(path), audio.load(str(path)), audio.load(path.read_bytes())]
    with path.open("rb") as file:
        clips.append(audio.load(file))
    for clip in clips:
        np.testing.assert_array_equal(clip.samples, clips[0].samples)
    assert [clip.name for clip in clips] == ["录音 1", "录音 1", "", ""]


def test_load_averages_channels_so_that_the_right_one_is_heard(tmp_path):
    right = np.stack([np.zeros(100), np.full(100, 0.5)], axis=1)
    soundfile.write(tmp_path / "right.wav", right, 8000, subtype="FLOAT")
    np.testing.assert_array_equal(audio.load(tmp_path / "right.wav").samples, np.full(100, 0.25))


def test_load_resamples_and_passes_clips_through():
    clip = tone()
    assert audio.load(clip) is clip
    assert (audio.load(clip, rate=8000).rate, len(audio.load(clip, rate=8000))) == (8000, 8000)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"no sound file at '.*gone.wav', seen from .*audio.SOUNDS"
    ):
        audio.load(tmp_path / "gone.wav")
    with pytest.raises(ValueError, match="no sound file at"):
        audio.load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"not a sound", b"RIFF\x00\x00\x00\x00WAVE", bytes(range(99))]
)
def test_what_is_no_sound_file_says_how_to_convert(tmp_path, content):
    (tmp_path / "text.wav").write_bytes(content)
    with pytest.raises(ValueError, match=r"'text' can't be read as a sound file .*ffmpeg"):
        audio.load(tmp_path / "text.wav")
    with pytest.raises(ValueError, match="'this' can't be read"):
        audio.load(content)


def test_a_file_without_samples_is_refused(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    with pytest.raises(ValueError, match="without a single sample"):
        audio.load(tmp_path / "empty.wav")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_samples_that_are_no_numbers_are_located(tmp_path, bad):
    samples = np.zeros(8000)
    samples[4000:4002] = bad
    soundfile.write(tmp_path / "bad.wav", samples, 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"2 samples that are no number .* at 0.500 s"):
        audio.load(tmp_path / "bad.wav")
    with pytest.raises(ValueError, match="no number"):
        audio.load(Clip(samples, 8000))


@pytest.mark.parametrize("source", [np.zeros(10), 5, None, [0.0]])
def test_load_says_what_it_takes(source):
    with pytest.raises(ValueError, match=r"give a path.*Clip\(samples, rate=16000\)"):
        audio.load(source)


@pytest.mark.parametrize("rates", [(16000, 8000), (8000, 16000), (44100, 8000), (8000, 44100)])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 999, 8001])
def test_resample_has_the_length_it_promises(rates, n):
    old, new = rates
    clip = audio.resample(Clip(np.ones(n), old), new)
    assert clip.rate == new
    assert len(clip) == max(1, round(n * new / old))
    assert len(audio.resample(clip, old, length=n)) == n


def test_resample_keeps_a_tone_and_removes_what_the_new_rate_cannot_tell():
    low, high = tone(16000), tone(16000, hertz=6000)
    middle = slice(1000, 7000)
    np.testing.assert_allclose(
        audio.resample(low, 8000).samples[middle], tone(8000).samples[middle], atol=1e-3
    )
    assert audio.resample(high, 8000).cut(0.1, 0.9).level < -80


def test_resample_of_nothing_and_to_the_same_rate():
    assert len(audio.resample(Clip([], 8000), 16000)) == 0
    clip = tone()
    np.testing.assert_array_equal(audio.resample(clip, 16000).samples, clip.samples)


def test_resample_refuses_what_is_no_rate():
    with pytest.raises(ValueError, match="whole number of Hz"):
        audio.resample(tone(), 0)


def test_level_sets_the_level():
    assert audio.set_level(tone(), -25).level == pytest.approx(-25, abs=1e-4)
    with pytest.raises(ValueError, match="'hush' is silent"):
        audio.set_level(Clip(np.zeros(10), 8000, "hush"), -25)


def test_save_and_load_keep_16_bits_exactly(tmp_path):
    pcm = np.random.default_rng(0).integers(-32768, 32768, 5000).astype(np.int16)
    path = audio.save(Clip(pcm, 8000), tmp_path / "deep" / "down.wav")
    np.testing.assert_array_equal(soundfile.read(path, dtype="int16")[0], pcm)
    np.testing.assert_array_equal(audio.load(path).samples, pcm / np.float32(32768))


def test_save_clips_and_does_not_wrap(tmp_path):
    loud = Clip([1.2, -1.2, 40000 / 32768], 8000)
    pcm = soundfile.read(audio.save(loud, tmp_path / "loud.wav"), dtype="int16")[0]
    assert pcm.tolist() == [32767, -32768, 32767]


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = audio.save(tone(), tmp_path / "a.wav")
    before = path.read_bytes()

    def interrupted(file, *_, **__):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(soundfile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audio.save(tone(hertz=880), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_refuses_what_it_cannot_write(tmp_path):
    with pytest.raises(ValueError, match=r"can't tell a sound format by 'a.txt'.*\.wav or \.flac"):
        audio.save(tone(), tmp_path / "a.txt")
    with pytest.raises(ValueError, match="FLAC can't store 'FLOAT': .*'PCM_24'"):
        audio.save(tone(), tmp_path / "a.flac", "FLOAT")
    assert not list(tmp_path.iterdir())


def payload(page):
    return base64.b64decode(re.search('base64,([^"]*)"', page)[1])


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_a_player_plays_what_it_was_given(rate):
    noise = np.random.default_rng(0).normal(size=2 * rate) * 10 ** (-25 / 20)
    clip = Clip(noise, rate, "noise")
    back = audio.load(payload(audio.listen(clip)._repr_html_()))
    assert back.rate == rate
    assert metrics.si_sdr(back, clip) > 65  # 16 bits


@pytest.mark.parametrize(("rate", "played"), [(5000, 8000), (11025, 16000), (96000, 48000)])
def test_a_player_of_a_rate_that_no_sound_card_has(rate, played):
    clip = tone(rate, seconds=1)
    back = audio.load(payload(audio.listen(clip)._repr_html_()))
    assert back.rate == played
    assert back.duration == pytest.approx(clip.duration, abs=1e-3)
    assert back.level == pytest.approx(clip.level, abs=0.1)


def test_a_player_clips_what_is_too_loud():
    clip = Clip(np.tile([2.0, -2.0], 4000), 8000)
    back = audio.load(payload(audio.listen(clip)._repr_html_()))
    assert back.peak == pytest.approx(0, abs=0.01)


def test_a_player_is_labeled_and_asks_for_nothing():
    page = audio.listen(tone(name='<me> & "you"'))._repr_html_()
    label = "&lt;me&gt; &amp; &quot;you&quot; · 1.00 s · 16000 Hz · -9.0 dB"
    assert f'aria-label="{label}"' in page
    assert f"<figcaption>{label}</figcaption>" in page
    assert "<script" not in page
    assert "http" not in page


def test_a_player_has_a_line_of_text():
    assert repr(audio.listen(tone())) == "▶ tone · 1.00 s · 16000 Hz · -9.0 dB"
    assert repr(audio.listen(tone(), caption="other")).startswith("▶ other ·")
    assert repr(audio.listen(Clip(np.zeros(8000), 8000))) == "▶ sound · 1.00 s · 8000 Hz · -inf dB"


def test_several_players_in_a_row():
    player = audio.listen(tone(name="a"), tone(name="b"))
    assert [line[:3] for line in repr(player).splitlines()] == ["▶ a", "▶ b"]
    assert player._repr_html_().count("<audio controls") == 2


def test_a_loud_clip_is_clipped_in_its_player_not_wrapped():
    clip = Clip(3 * tone(seconds=2).samples, 16000)
    back = audio.load(payload(audio.listen(clip)._repr_html_()))
    square = np.clip(clip.samples, -1, 1)
    assert np.corrcoef(back.samples, square)[0, 1] > 0.98


@pytest.mark.parametrize("clips", [(), (Clip([], 8000),), (np.zeros(10),), ("a.wav",)])
def test_there_must_be_something_to_play(clips):
    with pytest.raises(ValueError, match="listen plays Clips with samples in them"):
        audio.listen(*clips)


def test_one_caption_is_for_one_clip():
    with pytest.raises(ValueError, match="one caption for 2 clips"):
        audio.listen(tone(), tone(), caption="both")


def test_a_stream_that_was_read_already_is_no_sound():
    stream = io.BytesIO(b"")
    with pytest.raises(ValueError, match="can't be read as a sound file"):
        audio.load(stream)


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="there is no such place")
def test_numba_has_a_cache_where_home_takes_none(root):
    code = "import helpers, os; print(os.environ.get('NUMBA_CACHE_DIR', ''))"
    kept = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    env = {**kept, "HOME": "/dev/null", "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert "a2a-numba" in done.stdout
