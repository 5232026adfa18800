"""Checkers of 02_sound_and_spectra: aliasing, levels, a band cut out of a spectrum."""

import numpy as np

from helpers.clip import decibel
from helpers.exercises.answers import Number, Unfit, checker, exercise, read_clip, scaled
from helpers.exercises.verdict import N_, _, off, right


@exercise
def check_alias(frequency=7000, rate=8000):
    """Check which frequency in Hz is heard when a tone above rate / 2 is sampled without a filter.

    Examples
    --------
    >>> check_alias(1000)
    ✓ 1000 Hz: 7000 Hz folds down at 4000 Hz, as in a mirror. ...
    """
    half, heard = rate / 2, rate - frequency

    def said(message):
        told = {"half": half, "heard": heard, "frequency": frequency, "rate": rate}
        return lambda value: _(message, value=value, gap=abs(value - heard), **told)

    too_high = said(N_("{value:g} Hz can't come out: at {rate} samples a second nothing above "
                       "{half:g} Hz exists."))  # fmt: skip
    other = said(N_("{value:g} Hz is {gap:g} Hz off: mirror {frequency:g} Hz at {half:g} Hz."))
    return Number(
        "heard",
        heard,
        said(N_("{heard:g} Hz: {frequency:g} Hz folds down at {half:g} Hz, as in a mirror. Sampled "
                "at {rate} Hz the two can't be told apart.")),
        [
            (-heard, said(N_("{value:g} Hz is the right distance; the minus only turns the wave "
                             "upside down, which nobody hears. Give it as a positive frequency."))),
            (heard / 1000, said(N_("{value:g} is right in kHz, and Hz are asked for.")), 5e-4),
            (frequency - half, said(N_("{value:g} Hz is how far the tone lies above {half:g} Hz. "
                                       "It lands as far below that line, not above zero."))),
        ],
        lambda value: (too_high if value > half else other)(value),
        within=0.5,
    )  # fmt: skip


@exercise
def check_level(clip, target=-30):
    """Check a clip that was to be brought to a level in dB, by a gain computed by hand."""
    gain = target - clip.level

    def change(answer):
        answer = read_clip(answer, "quieter", clip.rate, len(clip))
        if scaled(answer.samples, clip.samples)[1] > 1e-3 * np.abs(answer.samples).max():
            raise Unfit(
                _("The waveform has another shape than before: multiply all samples by one number.")
            )
        return answer.level - clip.level

    def because(why):
        def said(change):
            told = {"level": clip.level + change, "excess": abs(change - gain), "why": why}
            if change > gain:
                return _("`quieter` has {level:.1f} dB, {excess:.1f} dB too loud: {why}", **told)
            return _("`quieter` has {level:.1f} dB, {excess:.1f} dB too soft: {why}", **told)

        return said

    return Number(
        "quieter",
        gain,
        lambda change: _(
            "{level:.1f} dB, by a gain of {gain:.1f} dB, which is a factor of {factor:.3f}.",
            level=clip.level + change, gain=gain, factor=10 ** (change / 20)),
        [
            (0, _("`quieter` is as loud as before, {level:.1f} dB: a gain of {gain:.1f} dB is "
                  "missing.", level=clip.level, gain=gain), 0.01),
            (2 * gain, because(_("that is the gain twice over: dB / 10 is for power, dB / 20 for "
                                 "amplitude."))),
            (gain / 2, because(_("that is half the gain: dB / 20 is the exponent of 10 for "
                                 "amplitude."))),
            (-gain, because(_("the gain has the wrong sign: target minus level."))),
            (target - clip.peak, because(_("that is the level of the peak; asked for is the root "
                                           "mean square."))),
            (decibel(gain**2), because(_("the samples were multiplied by the decibels: 10 ** (dB / "
                                         "20) makes a factor."))),
        ],
        because(_("the factor is 10 ** (gain / 20), gain = target minus level.")),
        within=0.1,
        near=0.05,
        reader=change,
    )  # fmt: skip


@checker
def check_telephone(answer, clip, low=300, high=3400):
    """Check a clip of which only a band in Hz was to be left: the rest 30 dB or more below."""
    change = _change(read_clip(answer, "telephone", clip.rate, len(clip)), clip, low, high)
    below, band, above = change
    told = {"low": low, "high": high, "band": band}
    if abs(band) < 1 and max(below, above) < -30:
        return right(
            _("{low}-{high} Hz is left as it was; what lies below and above is 30 dB down or more.",
              **told)
        )  # fmt: skip
    if max(map(abs, change)) < 1:
        return off(
            _("Nothing has changed: multiply the spectrum by your band before `spectra.istft`.")
        )
    if band < -20:
        return off(
            _("The band itself is gone ({band:+.0f} dB): it is the ones that must stand inside it.",
              **told)
        )  # fmt: skip
    if abs(band) >= 1:
        return off(
            _("The band {low}-{high} Hz changed by {band:+.1f} dB: leave it alone, times 1.",
              **told)
        )  # fmt: skip
    told["change"] = " / ".join(f"{value:+.0f}" for value in change)
    if below > above:
        return off(
            _("What lies below {low} Hz is still there ({change} dB below, in and above the band). "
              "Row k is k * rate / size Hz.", **told)
        )  # fmt: skip
    return off(
        _("What lies above {high} Hz is still there ({change} dB below, in and above the band). "
          "Row k is k * rate / size Hz.", **told)
    )  # fmt: skip


def _change(answer, clip, low, high):
    """Measure by how many dB each of three regions changed, 60 Hz away from the edges."""
    hertz = np.fft.rfftfreq(len(clip), 1 / clip.rate)
    new, old = (
        np.abs(np.fft.rfft(each.samples.astype(np.float64))) ** 2 for each in (answer, clip)
    )
    inside = (hertz > low + 60) & (hertz < high - 60)
    regions = hertz < low - 60, inside, hertz > high + 60
    return [decibel((new[part].sum() + 1e-12) / (old[part].sum() + 1e-12)) for part in regions]
