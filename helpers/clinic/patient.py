"""What an examination is given: a system, the sounds for its kind, and a sense of time."""

import re
import time
from dataclasses import dataclass

import numpy as np

from helpers.clinic import sounds
from helpers.clinic.record import bad
from helpers.clinic.system import Crashed, Refused

# What numpy, torch and onnxruntime say when something went wrong inside: no refusal in words.
INSIDE = r"could not be broadcast|weight of size|too many values|to unpack|out of (range|bounds)"
ECHO_ROOM = 0.15  # seconds, of the room between loudspeaker and microphone


@dataclass(frozen=True)
class Attempt:
    """What came of an input that a system may refuse: tracks, a refusal in words, or a fault."""

    tracks: np.ndarray | None = None
    refusal: str = ""
    fault: str = ""


class Patient:
    """A system with the sounds that its kind is examined with.

    Parameters
    ----------
    system : System
        What is examined.
    budget : float
        How many seconds one examination may take, as far as that can be foreseen.
    """

    def __init__(self, system, budget=45.0):
        self.system, self.rate, self.kind, self.budget = system, system.rate, system.kind, budget
        self._pace, self._known = None, {}
        self.printed = None  # what the runner caught on stdout meanwhile, an io.StringIO

    def run(self, sound, far=None, **how):
        """Run the system on one sound.

        Parameters
        ----------
        sound : ndarray [shape=(n,)]
            The recording; for a canceler what the microphone heard.
        far : ndarray [shape=(n,)], optional
            For a canceler the far end; None is `self.far` from its beginning. Others get none.
        **how : dict
            As for `System.__call__`.

        Returns
        -------
        ndarray [shape=(tracks, n)]
            What it gave.
        """
        if self.kind != "canceler":
            return self.system(sound, **how)
        if far is None:
            far = self.far(np.shape(sound)[0], how.get("rate"))
        return self.system(sound, far, **how)

    def attempt(self, sound, words, **how):
        """Run it on something that it may refuse, if it says why.

        Parameters
        ----------
        sound : ndarray
            Such as two channels, or samples that are no numbers.
        words : str
            A regular expression: one of its words makes a refusal one that a user understands.
        **how : dict
            As for `run`.

        Returns
        -------
        Attempt
            Tracks, or a refusal, or a fault.
        """
        try:
            return Attempt(tracks=self.run(sound, **how))
        except Refused as problem:
            said = _brief(problem)
            known = re.search(words, str(problem), re.I) and not re.search(INSIDE, str(problem))
            return Attempt(refusal=said) if known else Attempt(fault=said)
        except Crashed as problem:
            return Attempt(fault=_brief(problem))

    def usual(self, n, rate=None, start=0.0, loop=2 * sounds.LOOP):
        """Return what the kind is for: noisy speech, two people, or a microphone with an echo.

        Parameters
        ----------
        n : int
            How many samples.
        rate : int, optional
            In Hz; None is the system's.
        start, loop : float
            As for `sounds.voice`.

        Returns
        -------
        ndarray [shape=(n,)]
            The recording.
        """
        rate = rate or self.rate
        near = sounds.voice(rate, n, 0, start, loop)
        if self.kind == "separator":
            return near + sounds.voice(rate, n, 1, start, loop)
        if self.kind == "canceler":
            return near + self.echo(self.far(n, rate, start, loop), rate)
        hiss = sounds.noise(round(loop * rate), -38)
        return near + hiss[(round(start * rate) + np.arange(n)) % len(hiss)]

    def voice(self, n, start=0.0):
        """Return a clean voice; for a canceler, without an echo."""
        return sounds.voice(self.rate, n, 0, start)

    def far(self, n, rate=None, start=0.0, loop=2 * sounds.LOOP):
        """Return the far end of a canceler's conversation."""
        return sounds.voice(rate or self.rate, n, 2, start, loop)

    def echo(self, far, rate=None):
        """Return what a microphone hears of the far end, 20 ms later and from a small room."""
        rate = rate or self.rate
        late = np.concatenate([np.zeros(rate // 50, np.float32), far])[: len(far)]
        return np.float32(0.5) * sounds.room(rate, late, ECHO_ROOM)

    def base(self, seconds=3.0):
        """Return the usual input of some seconds and what comes of it, run once for all."""
        if seconds not in self._known:
            sound = self.usual(round(seconds * self.rate))
            self._known[seconds] = sound, self.run(sound)
        return self._known[seconds]

    def spoken(self, seconds=3.0):
        """Return a clean voice and what comes of it, run once for all."""
        if ("voice", seconds) not in self._known:
            sound = self.voice(round(seconds * self.rate))
            self._known["voice", seconds] = sound, self.run(sound)
        return self._known["voice", seconds]

    def takes(self, seconds, calls=1):
        """Estimate how many seconds the system takes for so many of sound in so many calls."""
        if self._pace is None:
            times = []
            self.base(0.5)  # the first call is the slow one
            for length in (0.5, 2.0):
                start = time.perf_counter()
                self.run(self.usual(round(length * self.rate)))
                times.append(time.perf_counter() - start)
            factor = max(1e-9, (times[1] - times[0]) / 1.5)
            self._pace = max(0.0, times[0] - 0.5 * factor), factor
        overhead, factor = self._pace
        return calls * overhead + seconds * factor

    def affords(self, seconds, calls=1):
        """Tell whether that stays within the budget."""
        return self.takes(seconds, calls) <= self.budget

    def broken(self, tracks):
        """Return a complaint about tracks that hold NaN or infinity, or None."""
        if np.isfinite(tracks).all():
            return None
        count = int((~np.isfinite(tracks)).sum())
        return bad(f"{count} samples of the output are NaN or infinite", count, "samples")

    def seconds(self, n):
        """Say a length in words."""
        count = f"{n} sample{'' if n == 1 else 's'}"
        return f"{count} ({n / self.rate:.3g} s at {self.rate} Hz)" if n > 99 else count


def _brief(problem, length=160):
    """Return the first line of an error, cut to what a table holds."""
    line = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
    return line if len(line) <= length else line[: length - 1] + "…"
