"""`python -m helpers live`, with files and with a sound card that is made up."""

import sys
import types

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import cli, live, stream

DENOISER = stream.Denoiser()


def noise(n, seed=0):
    return (0.05 * np.random.default_rng(seed).normal(size=n)).astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(block=st.integers(16, 700), on=st.booleans())
def test_a_block_for_a_block(block, on):
    DENOISER.reset()
    room = live.Room(block, DENOISER)
    room.on, room._gain = on, float(on)
    wave = noise(20 * block)
    out = np.concatenate([room.work(wave[at : at + block]) for at in range(0, len(wave), block)])
    DENOISER.reset()
    wanted = DENOISER.whole(wave) if on else wave
    assert len(out) == len(wave)
    late = np.pad(wanted, (room.delay, 0))[: len(wave)]
    # the end of the whole recording is followed by silence, that of the stream by nothing yet
    np.testing.assert_allclose(out, late, atol=1e-5)


def test_the_switch_does_not_click():
    DENOISER.reset()
    room, wave = live.Room(160, DENOISER), np.full(1600, 0.5, np.float32)
    outs = []
    for k in range(10):
        room.on = k % 2 == 0
        outs.append(room.work(wave[k * 160 : (k + 1) * 160]))
    steps = np.abs(np.diff(np.concatenate(outs)[320:]))
    assert steps.max() < 0.02


def test_a_driver_that_gives_nonsense():
    DENOISER.reset()
    room = live.Room(160, DENOISER)
    room.work(np.full(160, np.nan, np.float32))
    room.work(np.full(160, 1e38, np.float32))
    assert np.isfinite(np.concatenate([room.work(noise(160, k)) for k in range(5)])).all()


def test_the_meter_says_what_is_heard():
    room = live.Room(160, DENOISER)
    room.work(noise(160))
    assert "denoised; computing" in room.meter()
    room.on = False
    assert "original" in room.meter()
    assert live._bar(0) == "[####################]"
    assert live._bar(-100) == "[....................]"


def test_a_file_in_real_time(tmp_path, capsys):
    source = tmp_path / "noisy.wav"
    sf.write(source, noise(8000), 16000, subtype="FLOAT")
    status = cli.main(["live", "--wav", str(source), "--record", str(tmp_path / "kept")])
    assert status == 0
    said = capsys.readouterr()
    assert "noisy_live.wav: late by 10 ms" in said.out
    assert "denoised; computing" in said.err
    after = sf.read(tmp_path / "noisy_live.wav", dtype="float32")[0]
    assert len(after) == 8160
    np.testing.assert_array_equal(after, sf.read(tmp_path / "kept/after.wav", dtype="float32")[0])
    wanted = np.pad(DENOISER.whole(noise(8000)), (160, 0))
    np.testing.assert_allclose(after, wanted, atol=1e-4)
    before = sf.read(tmp_path / "kept/before.wav", dtype="float32")[0]
    np.testing.assert_allclose(before[:8000], noise(8000), atol=1e-4)


def test_nothing_is_overwritten(tmp_path, capsys):
    source = tmp_path / "noisy.wav"
    sf.write(source, noise(1600), 16000)
    assert cli.main(["live", "--wav", str(source), "-o", str(source)]) == 2
    (tmp_path / "noisy_live.wav").write_bytes(b"mine")
    assert cli.main(["live", "--wav", str(source)]) == 2
    assert (tmp_path / "noisy_live.wav").read_bytes() == b"mine"
    said = capsys.readouterr().err
    assert "would overwrite" in said
    assert "is there already" in said


def test_a_file_that_is_none(tmp_path, capsys):
    assert cli.main(["live", "--wav", str(tmp_path / "no.wav")]) == 2
    assert "no.wav" in capsys.readouterr().err


def test_no_portaudio_names_the_package(monkeypatch, capsys):
    class Absent:
        def find_spec(self, name, *_):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    assert cli.main(["live"]) == 2
    said = capsys.readouterr().err
    assert "libportaudio2" in said
    assert "--wav" in said


@pytest.fixture
def card(monkeypatch):
    """A sound card whose microphone hears noise: 50 blocks come as soon as a stream is opened."""
    module, now = types.ModuleType("sounddevice"), types.SimpleNamespace()
    now.inputBufferAdcTime, now.outputBufferDacTime = 1.0, 1.025
    module.played = []

    class PortAudioError(Exception):
        pass

    class Stream:
        def __init__(self, blocksize, callback, samplerate, channels, device, **_):
            if device[0] == "none":
                raise PortAudioError("Invalid sample rate")
            assert (samplerate, channels) == (16000, 1)
            self.run = blocksize, callback

        def __enter__(self):
            block, callback = self.run
            for k in range(50):
                out = np.zeros((block, 1), np.float32)
                callback(noise(block, k)[:, None], out, block, now, "input overflow" * (k == 7))
                module.played.append(out[:, 0])

        def __exit__(self, *_):
            pass

    def playrec(wave, **_):
        return np.pad(wave[:, 0], (800, 0))[: len(wave), None]

    module.PortAudioError, module.Stream, module.playrec = PortAudioError, Stream, playrec
    module.query_devices = lambda: "0 a card"
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_from_microphone_to_loudspeaker(card, tmp_path, capsys):
    arguments = ["--seconds", "0.1", "--record", str(tmp_path), "--round-trip"]
    assert cli.main(["live", *arguments]) == 0
    said = capsys.readouterr().out
    assert "round trip, measured by ear: 50 ms" in said
    assert "35 ms: the sound card 25 ms by its own account, the denoiser 10 ms; 1 blocks" in said
    wave = np.concatenate([noise(160, k) for k in range(50)])
    wanted = np.pad(DENOISER.whole(wave), (160, 0))[: len(wave)]
    np.testing.assert_allclose(np.concatenate(card.played)[:-160], wanted[:-160], atol=1e-5)
    assert len(sf.read(tmp_path / "after.wav")[0]) == 8000


def test_a_card_that_refuses(card, capsys):
    assert cli.main(["live", "--input", "none"]) == 2
    assert "live --list" in capsys.readouterr().err
    assert cli.main(["live", "--list"]) == 0
    assert "0 a card" in capsys.readouterr().out
