"""Checkers of 09_cancel_echo: a step of NLMS by hand, a delay, an ERLE."""

import functools

import numpy as np

from helpers import adaptive, echo
from helpers.clip import decibel
from helpers.exercises.answers import Array, Number, exercise, read_array
from helpers.exercises.verdict import _


@exercise
def check_step(weights, recent, heard, step=0.5):
    """Check the weights [shape=(taps,)] after one step of NLMS.

    `recent` are the far end's last samples, the newest first, `heard` is the microphone's.
    """
    before, power = weights @ recent, recent @ recent
    error = heard - before
    change = step * error * recent / power
    mistakes = [
        (weights - change, _("the sign is turned: this step makes the error larger.")),
        (weights + step * error * recent,
         _("that is LMS: it is not divided by the power of the far end, so it explodes when the "
           "far end is loud.")),
        (weights + step * error * recent / np.sqrt(power),
         _("divided by the norm; the power is its square, `recent @ recent`.")),
        (weights + step * error * recent / (power / len(recent)),
         _("divided by the mean power: it is the sum over all taps.")),
        (weights + step * heard * recent / power,
         _("that is the sample heard; the step needs the error, what was heard minus what the "
           "filter predicted.")),
        (weights + change / step, _("the whole step: it has to be multiplied by the step size.")),
        (change, _("that is the change alone: add it to the old weights.")),
        (weights + change[::-1],
         _("the change is back to front: the first weight belongs to the newest sample.")),
        (weights, _("these are the old weights.")),
    ]  # fmt: skip
    return Array(
        "new_weights",
        weights + change,
        lambda new: _(
            "The filter now predicts {now:.2f} where it predicted {before:.2f}, and {heard:.2f} "
            "was heard: of the error, {step:.0%} is gone, which is the step.",
            now=new @ recent, before=before, heard=heard, step=step),
        [(wrong, _("Not yet there: {why}", why=why)) for wrong, why in mistakes],
        lambda new: _(
            "With these weights the filter predicts {now:.3f}; the right ones predict "
            "{wanted:.3f}: error times step times `recent`, divided by its power.",
            now=new @ recent, wanted=before + step * error),
        within=1e-5,
        reader=functools.partial(
            read_array, name="new_weights", shape=weights.shape,
            shaped=_("`new_weights` has the shape {found}, and the filter has {shape}.")),
    )  # fmt: skip


@exercise
def check_delay(mic, far):
    """Check by how many ms an echo comes after the far end, to less than a sample at 16 kHz."""
    lag = adaptive.bulk_delay(mic, far)
    late = 1000 * lag / mic.rate
    return Number(
        "late",
        late,
        _("{late:.1f} ms, {lag} samples: the way through air, cable and buffers.", late=late,
          lag=lag),
        [
            (lag, _("that is the number of samples: divide by the rate.")),
            (late / 1000, _("that is in seconds, and ms are asked for.")),
            (-late, _("the sign is turned: the echo comes after the far end, so conjugate the far "
                      "end's spectrum and not the microphone's.")),
            (2 * late, _("twice too much: there are {rate} samples a second.", rate=mic.rate)),
        ],
        _("Not quite: take the lag of the strongest correlation, and divide by the rate."),
    )  # fmt: skip


@exercise
def check_erle(mic, out, stop=4.0):
    """Check an ERLE in dB, measured while the far end speaks alone: up to `stop` seconds."""
    before, after = mic.cut(0, stop), out.cut(0, stop)
    wanted = echo.erle(before, after)
    power = [np.square(clip.samples, dtype=np.float64).mean() for clip in (before, after)]
    taken = np.square(before.samples - after.samples, dtype=np.float64).mean()
    return Number(
        "my_erle",
        wanted,
        _("{wanted:.1f} dB: one part in {part:.0f} of the echo's power is left.", wanted=wanted,
          part=10 ** (wanted / 10)),
        [
            (-wanted,
             _("The sign is turned: before over after, so that a larger ERLE is better.")),
            (2 * wanted,
             _("Twice too much: 20 log10 is for amplitudes, and this is a ratio of powers.")),
            (wanted / 2,
             _("Half of it: 10 log10 is for powers, and this is a ratio of amplitudes.")),
            (power[0] / power[1],
             _("That is the ratio of the powers: make it decibels.")),
            (echo.erle(mic, out),
             _("That is over the whole recording, near end and all: only up to {stop:g} s does the "
               "far end speak alone.", stop=stop)),
            (before.peak - after.peak,
             _("Those are the peaks: the mean powers are asked for.")),
            (decibel(power[0] / taken),
             _("You divided by what was taken out: divide by what is left.")),
        ],
        _("Not quite: the mean power before over the mean power after, up to {stop:g} s, in dB.",
          stop=stop),
    )  # fmt: skip
