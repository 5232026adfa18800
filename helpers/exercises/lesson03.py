"""Checkers of 03_mixtures_and_masks: a mixture at an SNR, a binary mask, the best real mask."""

import numpy as np

from helpers import masks, spectra
from helpers.clip import decibel
from helpers.exercises.answers import (
    Array,
    Unfit,
    checker,
    exercise,
    finite,
    read_clip,
    read_instance,
)
from helpers.exercises.verdict import _, off, right


@checker
def check_mixture(answer, speech, noise, snr=5):
    """Check a mixture of speech and noise that was to have a signal-to-noise ratio in dB."""
    samples = read_clip(answer, "mine", speech.rate, len(speech)).samples.astype(np.float64)
    parts = np.stack([speech.samples, noise.samples], axis=1).astype(np.float64)
    shares, *_rest = np.linalg.lstsq(parts, samples, rcond=None)
    voice, hiss = map(float, shares)
    if np.square(samples - parts @ shares).mean() > 1e-4 * np.square(samples).mean():
        return off(
            _("There is more in it than these two clips times a number each: add the samples, "
              "change nothing else.")
        )  # fmt: skip
    if abs(voice) < 0.01:
        return off(_("The speech is missing: the mixture is the speech plus the scaled noise."))
    if abs(hiss) < 1e-6:
        return off(_("That is the speech alone: add the scaled noise."))
    found = speech.level - noise.level + decibel((voice / hiss) ** 2)
    if abs(found - snr) < 0.1 and abs(voice - 1) > 0.01:
        return off(
            _("The ratio is right, and the speech was changed by {change:+.1f} dB: scale the noise "
              "only.", change=decibel(voice**2))
        )  # fmt: skip
    if abs(found - snr) < 0.1:
        return right(
            _("The SNR is {snr:.1f} dB: the noise was turned by {gain:+.1f} dB.", snr=found,
              gain=decibel(hiss**2))
        )  # fmt: skip
    start = speech.level - noise.level
    gain = start - snr
    mistakes = [
        (start - 2 * gain, _("10 ** (dB / 10) is a factor of power; samples are amplitudes, "
                             "10 ** (dB / 20).")),
        (start - gain / 2, _("that is half the gain, in dB.")),
        (-snr, _("the sign of the SNR is turned: a positive SNR means less noise.")),
        (start, _("the noise was not scaled at all.")),
        (start + gain, _("the gain's sign is turned.")),
        (snr + start - (speech.peak - noise.peak),
         _("it is the peaks that have this ratio; the mean power was asked for.")),
    ]  # fmt: skip
    known = (why for wrong, why in mistakes if abs(found - wrong) < 0.05)
    otherwise = _("the gain in dB is the speech's level minus the noise's minus the SNR.")
    told = {"snr": found, "gap": abs(found - snr), "why": next(known, otherwise)}
    if found < snr:
        return off(
            _("Your SNR is {snr:.1f} dB, so the noise is {gap:.1f} dB too loud: {why}", **told)
        )
    return off(_("Your SNR is {snr:.1f} dB, so the noise is {gap:.1f} dB too soft: {why}", **told))


@checker
def check_binary(answer, target, rest):
    """Check an ideal binary mask [shape=(1 + size / 2, frames)], zeros and ones or booleans."""
    ideal = masks.binary(target, rest)
    mask = _mask(answer, "his_mask", ideal.shape)
    if not np.isin(mask, (0, 1)).all():
        return off(
            _("There are values between 0 and 1: that is a ratio mask; a binary one decides, `>`.")
        )
    agree, kept = (mask == ideal).mean(), mask.mean()
    if agree > 0.999:
        return right(
            _("Your mask keeps {kept:.0%} of the cells and throws the rest away.", kept=kept)
        )
    part, other = spectra.stft(target), spectra.stft(rest)
    if (mask == (np.abs(part) > np.abs(part + other))).mean() > 0.99:
        return off(_("You compared the voice with the mixture: compare it with the other voice."))
    if agree < 0.05:
        return off(_("That is the other voice's mask: `>` the other way round."))
    return off(
        _("{wrong:.0%} of the cells are decided otherwise than in the ideal mask: compare the "
          "magnitudes, `np.abs(...)`, of the two voices.", wrong=1 - agree)
    )  # fmt: skip


@exercise
def check_best_real(target, mixture):
    """Check the real mask that comes nearest to the target: the real part of the complex one."""
    ideal = masks.complex_ratio(target, mixture)
    size = 2 * (len(ideal) - 1)
    whole = np.abs(spectra.stft(mixture, size)) ** 2

    def real(answer):
        mask = _mask(answer, "best_mask", ideal.shape)
        if np.iscomplexobj(mask):
            raise Unfit(
                _("Your mask is complex: it turns the phase as well, and a real one was asked for.")
            )
        return mask

    def error(mask, other):  # what separates this mask's result from another's, re the mixture
        return decibel(float((whole * np.abs(mask - other) ** 2).sum() / whole.sum()) + 1e-12)

    def that_is(what):
        return _("That is {what}: take the target divided by the mixture, and of it the real part, "
                 "whatever its size and sign.", what=what)  # fmt: skip

    rest = mixture.with_samples(mixture.samples - target.samples)
    return Array(
        "best_mask",
        ideal.real,
        _("The real part of the complex mask, the phase-sensitive mask: in each cell no real "
          "number comes nearer."),
        [
            (np.abs(ideal), that_is(_("only the magnitudes' quotient"))),
            (np.cos(np.angle(ideal)), that_is(_("only the cosine"))),
            (ideal.imag, that_is(_("the imaginary part"))),
            (ideal.real.clip(0, 1), that_is(_("right, but cut to 0...1"))),
            (masks.ratio(target, rest, 0.5, size), that_is(_("the ratio mask"))),
            (masks.ratio(target, rest, 1, size), that_is(_("the Wiener mask"))),
            (masks.binary(target, rest, 0, size), that_is(_("the binary mask"))),
        ],
        lambda mask: _(
            "Your result lies {gap:.0f} dB (re the mixture) away from the best one: in each cell, "
            "the target divided by the mixture, and of that the part that is real.",
            gap=error(mask, ideal.real)),
        within=-50,
        reader=real,
        alike=lambda mask, other, within: error(mask, other) < within,
    )  # fmt: skip


def _mask(answer, name, shape):
    """Return an answer that is an array of finite numbers of this shape; it may be complex."""
    asked = _("`{name}` is a {kind}: a mask is an array, a number for each cell of the spectrum.")
    read_instance(answer, name, np.ndarray, asked)
    if answer.dtype.kind not in "biufc":
        raise Unfit(asked.format(name=name, kind=type(answer).__name__))
    if answer.shape != shape:
        raise Unfit(
            _(
                "`{name}` has the shape {found}, and the spectrum has {shape}.",
                name=name,
                found=answer.shape,
                shape=shape,
            )
        )
    return finite(answer, name)
