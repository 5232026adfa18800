"""`Clip`: a piece of mono sound, the one noun that flows through the whole course.

Taught in 00_start_here; used in every lesson.
"""

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

# What a full-scale sample is in each integer format that sound cards and ModelScope hand out.
_FULL_SCALE = {"int16": 2**15, "int32": 2**31, "uint8": 2**7}


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """A piece of mono sound: its samples, how many there are a second, and its name.

    Parameters
    ----------
    samples : array_like [shape=(n,)]
        The waveform; 1.0 is full scale. Becomes float32. PCM integers (int16, int32, uint8) are
        divided by their own full scale, any other number is taken as it is.
    rate : int
        Samples a second, in Hz.
    name : str
        What it is called in captions, plots and messages.

    Raises
    ------
    ValueError
        If the samples are not one-dimensional numbers, or the rate is not a positive whole number.

    Examples
    --------
    >>> import numpy as np
    >>> seconds = np.arange(16000) / 16000
    >>> Clip(0.5 * np.sin(2 * np.pi * 440 * seconds), rate=16000, name="a tone")
    Clip('a tone', 1.00 s, 16000 Hz, -9.0 dB)
    """

    samples: np.ndarray
    rate: int
    name: str = ""

    def __post_init__(self):
        samples = np.asarray(self.samples)
        if samples.ndim != 1:
            raise ValueError(
                f"a Clip holds one channel, shape (n,), and got shape {samples.shape}: average the "
                "channels first, for example samples.mean(axis=1) for (n, 2), or use audio.load"
            )
        if samples.size and samples.dtype.kind not in "iuf":
            raise ValueError(
                f"a Clip holds real numbers, and got {samples.dtype}: samples.astype('float32')"
            )
        if not isinstance(self.rate, Real) or self.rate < 1 or self.rate % 1:
            raise ValueError(f"a rate is a whole number of Hz, such as 16000, not {self.rate!r}")
        scale = _FULL_SCALE.get(samples.dtype.name)
        if samples.dtype == np.uint8:  # 8-bit PCM is the one unsigned format: 128 is silence
            samples = samples.astype(np.float32) - scale
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        object.__setattr__(self, "samples", samples / np.float32(scale) if scale else samples)
        object.__setattr__(self, "rate", int(self.rate))

    def __len__(self):
        """Count the samples."""
        return len(self.samples)

    def __repr__(self):
        return f"Clip({self.name!r}, {self.duration:.2f} s, {self.rate} Hz, {self.level:.1f} dB)"

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.rate

    @property
    def level(self) -> float:
        """Root mean square in dB re full scale; silence is -inf."""
        energy = np.einsum(
            "i,i->", self.samples, self.samples, dtype=np.float64
        )  # no copy in float64
        return decibel(float(energy) / max(1, len(self)))

    @property
    def peak(self) -> float:
        """Largest absolute sample in dB re full scale; above 0 a file would clip it."""
        return decibel(float(np.abs(self.samples).max(initial=0)) ** 2)

    def named(self, name: str) -> "Clip":
        """Return the same sound under another name."""
        return replace(self, name=name)

    def with_samples(self, samples: Any, name: str | None = None) -> "Clip":
        """Return other samples at this rate, under this name or another."""
        return Clip(samples, self.rate, self.name if name is None else name)

    def cut(self, start: float, stop: float | None = None) -> "Clip":
        """Keep the seconds from `start` to `stop`; a stop past the end means the end."""
        stop = self.duration if stop is None else min(stop, self.duration)
        if not 0 <= start < stop:
            raise ValueError(
                f"nothing to cut from {start:g} s to {stop:g} s: this clip lasts "
                f"{self.duration:.2f} s, and the start must come before the stop"
            )
        return self.with_samples(self.samples[round(start * self.rate) : round(stop * self.rate)])

    def gain(self, db: float) -> "Clip":
        """Make it `db` decibels louder, or softer where `db` is negative."""
        return self.with_samples(self.samples * np.float32(10 ** (db / 20)))


def decibel(power: float) -> float:
    """Turn a ratio of powers into decibels.

    Parameters
    ----------
    power : float
        A power, or a power divided by another; not negative.

    Returns
    -------
    float
        10 log10(power), and -inf for 0.

    Examples
    --------
    >>> decibel(100)
    20.0
    """
    return -math.inf if power == 0 else 10 * math.log10(power)


def resample(clip: Clip, rate: int, length: int | None = None) -> Clip:
    """Change the number of samples a second, and nothing that can be heard below half of it.

    Parameters
    ----------
    clip : Clip
        The sound.
    rate : int
        The new rate, in Hz. What lies above rate / 2 is filtered out.
    length : int, optional
        Samples wanted; None is round(n * rate / clip.rate), which may lose one there and back.

    Returns
    -------
    Clip
        As long in seconds.

    Examples
    --------
    >>> import numpy as np
    >>> resample(Clip(np.zeros(44100), 44100, "a second"), 8000)
    Clip('a second', 1.00 s, 8000 Hz, -inf dB)
    """
    import soxr

    like, samples = Clip(np.empty(0), rate, clip.name), clip.samples  # refuses a rate that is none
    if like.rate != clip.rate and len(clip):
        samples = soxr.resample(samples, clip.rate, like.rate, quality="HQ")
    if length is None:
        length = round(len(clip) * like.rate / clip.rate) or min(1, len(clip))
    return like.with_samples(np.pad(samples[:length], (0, max(0, length - len(samples)))))
