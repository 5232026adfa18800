"""Hear yourself denoised: microphone to loudspeaker, while you speak. Taught in 15_real_time.

    python -m helpers live                  # headphones on; Enter switches, q and Enter ends
    python -m helpers live --wav noisy.wav  # no microphone: a file, in real time, into a file

The sound card's callback gets a block and owes one at once. `Room` makes that of a stream that
gives what is ready: it begins with as much silence as never runs out, and so has a fixed delay.
"""

import argparse
import collections
import math
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from helpers import stream

RATE = stream.RATE
BLOCK = 10  # ms that the sound card gives and takes at a time
BARS, QUIETEST = 20, -60  # characters of a level meter, and the level in dB that it begins at
KEPT = 6000  # hops whose computing time is remembered: a minute
NO_PORTAUDIO = (
    "the sound card can't be reached, because the library PortAudio is missing. Install it, on "
    "Debian and Ubuntu with `sudo apt-get install libportaudio2`, on Fedora with `sudo dnf install "
    "portaudio`; or do without a microphone: python -m helpers live --wav noisy.wav"
)


class Room:
    """Block in, block out, always at once: the stream, its delay, the switch and the meters.

    Parameters
    ----------
    block : int
        Samples in a block.
    denoiser : stream.Denoiser, optional
        What works; None makes the embedded one.

    Attributes
    ----------
    on : bool
        Whether the denoised sound is heard; else the sound as it came, just as late.
    delay : int
        How many samples the result is late, the block itself aside.
    missed : int
        Blocks whose computing took longer than they last.
    times : collections.deque of float
        Seconds that the last blocks took to compute.

    Examples
    --------
    >>> room = Room(160)
    >>> room.delay, len(room.work(np.zeros(160, np.float32)))
    (160, 160)
    """

    def __init__(self, block: int, denoiser: stream.Denoiser | None = None) -> None:
        self.block, self.denoiser = block, denoiser or stream.Denoiser()
        hop = stream.HOP
        # After some blocks up to hop - gcd samples wait for the rest of their hop.
        self.delay = hop + hop - math.gcd(block, hop)
        self.on, self._gain = True, 1.0
        self.missed = 0
        self.times: collections.deque = collections.deque(maxlen=KEPT)
        self.levels = QUIETEST, QUIETEST
        self._wet = self._dry = np.zeros(self.delay, np.float32)

    def work(self, samples: np.ndarray) -> np.ndarray:
        """Take a block of the microphone, and give one for the loudspeaker.

        Parameters
        ----------
        samples : ndarray [shape=(block,)]
            What the microphone heard.

        Returns
        -------
        ndarray [shape=(block,)]
            What the loudspeaker is to play.
        """
        began, n = time.perf_counter(), len(samples)
        # What a driver gives by fault must not stay in the stream's memory.
        samples = np.clip(np.nan_to_num(samples), -1, 1)
        wet = np.concatenate([self._wet, self.denoiser.process(samples)])
        dry = np.concatenate([self._dry, samples])
        self._wet, self._dry = wet[n:], dry[n:]
        aim = float(self.on)
        gain = np.linspace(self._gain, aim, n, dtype=np.float32)  # a switch must not click
        self._gain = aim
        out = gain * wet[:n] + (1 - gain) * dry[:n]
        self.levels = _level(samples), _level(out)
        self.times.append(time.perf_counter() - began)
        self.missed += self.times[-1] > n / RATE
        return out

    def meter(self) -> str:
        """Say in one line how loud it is, what is heard, and how long the computing takes."""
        before, after = (_bar(level) for level in self.levels)
        slow = 1e3 * np.percentile(self.times, 99) if self.times else 0.0
        what = "denoised" if self.on else "original"
        return (
            f"in {before} out {after} {what}; computing {slow:4.1f} of "
            f"{1e3 * self.block / RATE:.0f} ms, missed {self.missed}"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run `python -m helpers live`.

    Parameters
    ----------
    arguments : list of str, optional
        What stands after `live`; None takes the program's own.

    Returns
    -------
    int
        The exit status: 0 for done.

    Raises
    ------
    ValueError
        If there is no sound card, no such device or file, or an option makes no sense.

    Examples
    --------
    >>> main(["--block", "0"])
    Traceback (most recent call last):
        ...
    ValueError: --block is 1 to 200 ms, not 0
    """
    options = _parser().parse_args(arguments)
    if not 1 <= options.block <= 200:
        raise ValueError(f"--block is 1 to 200 ms, not {options.block:g}")
    if options.list:
        print(_sounddevice().query_devices())
        return 0
    room = Room(round(options.block * RATE / 1000))
    if options.wav:
        return _from_file(room, options)
    return _from_microphone(room, options)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m helpers live",
        description=__doc__.split("\n\n    ")[0],
        epilog="While it runs: Enter switches between denoised and original, q and Enter ends it.",
    )
    add = parser.add_argument
    add("--wav", metavar="FILE", type=Path, help="hear a recording instead of the microphone")
    add("-o", "--output", metavar="FILE", type=Path, help="where --wav writes its result")
    add("--record", metavar="FOLDER", type=Path, help="keep before.wav and after.wav there")
    add("--block", metavar="MS", type=float, default=BLOCK, help=f"buffer; without it {BLOCK} ms")
    add("--seconds", type=float, default=math.inf, help="end by itself after so long")
    add("--off", action="store_true", help="begin with the original sound")
    add("--input", metavar="DEVICE", type=_device, help="which microphone: see --list")
    add("--loudspeaker", metavar="DEVICE", type=_device, help="which loudspeaker: see --list")
    add("--list", action="store_true", help="list the sound devices and end")
    add(
        "--round-trip", action="store_true", help="measure it: noise from loudspeaker to microphone"
    )
    return parser


def _device(text):
    return int(text) if text.isdecimal() else text


def _from_file(room, options):
    """Play a recording in real time, into a file."""
    from helpers import audio

    clip = audio.load(options.wav)
    target = options.output or options.wav.with_name(f"{options.wav.stem}_live.wav")
    if target.resolve() == options.wav.resolve():
        raise ValueError(f"the result {str(target)!r} would overwrite the recording: name another")
    sound = audio.resample(clip, RATE).samples
    sound = sound[: int(min(options.seconds, 1e9) * RATE)]
    blocks = -(-(len(sound) + room.delay) // room.block)  # until the last sample has come out
    padded = np.pad(sound, (0, blocks * room.block - len(sound)))
    room.on = not options.off
    heard, done, late = queue.SimpleQueue(), threading.Event(), 0
    with _Keys(room, done), _Recorder(heard, options, target) as recorder:
        began = time.perf_counter()
        for i in range(blocks):
            due = began + (i + 1) * room.block / RATE  # when the microphone would have the block
            time.sleep(max(0.0, due - time.perf_counter()))
            block = padded[i * room.block : (i + 1) * room.block]
            heard.put((block, room.work(block)))
            late += time.perf_counter() > due + room.block / RATE
            if i % 10 == 0:
                recorder.drain()
                _show(room)
            if done.is_set():
                break
    _end(room)
    print(f"{target}: late by {1e3 * room.delay / RATE:.0f} ms, and a block when heard; {late} of "
          f"{blocks} blocks came too late", flush=True)  # fmt: skip
    return 0


def _from_microphone(room, options):
    """Run between the microphone and the loudspeaker until told to end."""
    sounddevice = _sounddevice()
    devices = options.input, options.loudspeaker
    settings = {"samplerate": RATE, "channels": 1, "dtype": "float32"}
    heard, done, trips, faults = queue.SimpleQueue(), threading.Event(), [], []
    room.on = not options.off

    def callback(indata, outdata, _frames, now, status):
        if status:
            faults.append(str(status))
        block = indata[:, 0].copy()
        outdata[:, 0] = room.work(block)
        trips.append(now.outputBufferDacTime - now.inputBufferAdcTime)
        heard.put((block, outdata[:, 0].copy()))

    try:
        if options.round_trip:
            print(round_trip(sounddevice, devices, settings), flush=True)
        with (
            sounddevice.Stream(
                blocksize=room.block, latency="low", device=devices, callback=callback, **settings
            ),
            _Keys(room, done),
            _Recorder(heard, options) as recorder,
        ):
            began = time.monotonic()
            while not done.wait(0.1) and time.monotonic() - began < options.seconds:
                recorder.drain()
                _show(room)
    except sounddevice.PortAudioError as problem:
        raise ValueError(
            f"the sound card refuses ({problem}): choose another by --input and --loudspeaker, "
            "which `python -m helpers live --list` lists, or do without: --wav noisy.wav"
        ) from problem
    except KeyboardInterrupt:
        pass  # Ctrl-C is one way to end it
    _end(room)
    trip = np.median(trips) if trips else math.nan
    print(
        f"from microphone to loudspeaker {1e3 * (trip + room.delay / RATE):.0f} ms: the sound card "
        f"{1e3 * trip:.0f} ms by its own account, the denoiser {1e3 * room.delay / RATE:.0f} ms; "
        f"{len(faults)} blocks dropped by the card",
        flush=True,
    )
    return 0


def round_trip(sounddevice: Any, devices: Any, settings: dict, seconds: float = 1.5) -> str:
    """Measure how long sound takes out of the loudspeaker and back in at the microphone.

    Parameters
    ----------
    sounddevice : module
        The library.
    devices : tuple
        Microphone and loudspeaker.
    settings : dict
        Rate, channels and type of samples.
    seconds : float
        How long noise is played.

    Returns
    -------
    str
        What was found, as a sentence.
    """
    from helpers import adaptive
    from helpers.clip import Clip

    n = int(seconds * RATE)
    noise = np.zeros(n + RATE, np.float32)
    noise[:n] = 0.1 * np.random.default_rng(0).normal(size=n)
    got = sounddevice.playrec(noise[:, None], device=devices, blocking=True, **settings)[:, 0]
    lag = adaptive.bulk_delay(Clip(np.nan_to_num(got), RATE), Clip(noise, RATE), most=1.0)
    if lag is None:
        return "round trip: the microphone did not hear the loudspeaker (headphones?)"
    return f"round trip, measured by ear: {1e3 * lag / RATE:.0f} ms through card, air and card"


def _sounddevice():
    """Import the library, or say what is missing."""
    try:
        import sounddevice
    except OSError as problem:
        raise ValueError(NO_PORTAUDIO) from problem
    except ImportError as problem:
        raise ValueError("sounddevice is missing: python run.py lab installs it") from problem
    return sounddevice


class _Keys:
    """A thread that reads the keyboard: Enter switches, q ends."""

    def __init__(self, room, done):
        self.room, self.done = room, done

    def __enter__(self):
        if sys.stdin is not None and sys.stdin.isatty():
            threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.done.set()

    def _read(self):
        for line in sys.stdin:
            if self.done.is_set() or line.strip().lower() == "q":
                break
            self.room.on = not self.room.on
        self.done.set()


class _Recorder:
    """Files that what was heard and what was played go to, outside the callback."""

    def __init__(self, heard, options, target=None):
        self.heard, self.files = heard, []
        self.paths = [None, target]
        self.folder = options.record

    def __enter__(self):
        import soundfile

        paths = [(1, self.paths[1])] if self.paths[1] else []
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            paths += [(0, self.folder / "before.wav"), (1, self.folder / "after.wav")]
        if exists := [str(path) for _, path in paths if path.exists()]:
            raise ValueError(f"{', '.join(exists)} is there already: name another place")
        self.files = [(i, soundfile.SoundFile(path, "w", RATE, 1, "PCM_16")) for i, path in paths]
        return self

    def drain(self):
        """Write what has come."""
        while not self.heard.empty():
            pair = self.heard.get()
            for i, file in self.files:
                file.write(pair[i])

    def __exit__(self, *_):
        self.drain()
        for _, file in self.files:
            file.close()


def _level(samples):
    """Level in dB re full scale."""
    return 10 * math.log10(float(samples @ samples) / max(1, len(samples)) + 1e-12)


def _bar(level):
    """A level meter."""
    full = round(BARS * min(1.0, max(0.0, 1 - level / QUIETEST)))
    return f"[{'#' * full}{'.' * (BARS - full)}]"


def _show(room):
    """Draw the meter over the one before, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r{room.meter()}", end="", file=sys.stderr, flush=True)


def _end(room):
    """Leave the meter's last line as it stands."""
    print(f"\r{room.meter()}", file=sys.stderr, flush=True)
