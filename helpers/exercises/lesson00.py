"""Checkers of 00_start_here: what a clip knows of itself, and a gain in decibels."""

import numpy as np

from helpers.exercises.answers import Number, Unfit, exercise, read_clip, scaled
from helpers.exercises.verdict import N_, _


@exercise
def check_duration(clip):
    """Check how long a recording lasts, in seconds: its samples divided by its rate."""
    n, rate, seconds = len(clip), clip.rate, clip.duration
    return Number(
        "seconds",
        seconds,
        _("{seconds:.2f} s: {n} samples at {rate} a second.", seconds=seconds, n=n, rate=rate),
        [
            (n, _("That is the number of samples: divide it by how many there are in a second.")),
            (rate, _("That is the rate, the samples of one second: divide the samples by it.")),
            (1000 * seconds, _("Right, but in milliseconds; seconds are asked for.")),
            (1 / seconds, _("Upside down: samples divided by rate, not rate divided by samples.")),
            (n / 16000,
             _("This recording has 8000 samples a second, not 16,000: ask mixture.rate.")),
        ],
        _("Not quite: {n} samples, {rate} of them in each second.", n=n, rate=rate),
    )  # fmt: skip


@exercise
def check_gain(clip, db=-6):
    """Check a clip that was to be made softer by so many decibels, to 0.1 dB."""

    def change(answer):
        answer = read_clip(answer, "softer", clip.rate, len(clip))
        if scaled(answer.samples, clip.samples)[1] > 1e-3 * np.abs(clip.samples).max():
            text = _("This is another sound, and the same one, softer, is asked for: "
                     "first.gain(...).")  # fmt: skip
            raise Unfit(text)
        return answer.level - clip.level

    def said(message):
        return lambda change: _(message, change=change, factor=10 ** (change / 20), db=db)

    return Number(
        "softer",
        db,
        said(N_("{change:.1f} dB: every sample is {factor:.2f} times what it was. Lesson 02 says "
                "why.")),
        [(-db, said(N_("{change:+.1f} dB is louder: a gain below zero makes it softer.")))],
        said(N_("The level changed by {change:+.1f} dB, and {db:+.1f} dB is asked for.")),
        within=0.1,
        reader=change,
    )  # fmt: skip
