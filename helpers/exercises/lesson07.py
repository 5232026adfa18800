"""Checkers of 07_denoise_with_frcrn: the padding, what was taken away, a little of it put back."""

import numpy as np

from helpers.exercises.answers import Array, Number, Unfit, exercise, read_clip, scaled
from helpers.exercises.verdict import N_, _


@exercise
def check_padding(seconds=10.5, rate=16000):
    """Check how many zeros the pipeline adds where strides do not fit, at 1.75 s or more."""
    n, window, stride = round(seconds * rate), rate, rate * 3 // 4
    strides = (n - window) // stride
    zeros, needed = n - strides * stride, -(n - window) % stride
    return Number(
        "zeros",
        zeros,
        _("{zeros}: {strides} strides fit, {needed} zeros would have filled the next one, and the "
          "pipeline adds {more} more.", zeros=zeros, strides=strides, needed=needed,
          more=zeros - needed),
        [
            (needed, _("That many would be needed, not added: use the pipeline's formula.")),
            (n + zeros, _("That is the length after padding; the zeros alone are asked for.")),
            (n - (n // stride) * stride, _("Take the first window off before you count strides.")),
            (strides, _("That is the number of strides: put it into the formula.")),
            (zeros / rate, _("Right in seconds; samples are asked for.")),
        ],
        _("Not quite: t = {n}, then the two lines of the cell above.", n=n),
    )  # fmt: skip


@exercise
def check_removed(noisy, kept):
    """Check what a denoiser took away: with what it kept it adds up to the recording."""
    wanted, scale = noisy.samples - kept.samples, 1e-3 * np.abs(noisy.samples).max()
    return Array(
        "taken",
        wanted,
        _("Kept and taken away add up to the recording again."),
        [
            (noisy.samples + kept.samples, _("That is the sum; subtract what was kept.")),
            (-wanted, _("Upside down: the recording minus what was kept.")),
            (kept.samples, _("That is what was kept.")),
            (noisy.samples, _("That is the recording itself.")),
        ],
        lambda taken: _("Kept and yours together miss the recording by up to {gap:.3f}: subtract "
                        "each sample.", gap=np.abs(taken - wanted).max()),
        reader=lambda answer: read_clip(answer, "taken", noisy.rate, len(noisy)).samples,
        alike=lambda taken, other, within: np.abs(taken - other).max() < scale,
    )  # fmt: skip


@exercise
def check_softer(noisy, kept, db=-12):
    """Check a recording whose noise was made softer by so many dB instead of taken away."""
    rest = noisy.samples - kept.samples

    def change(answer):
        extra = read_clip(answer, "softer", noisy.rate, len(noisy)).samples - kept.samples
        share, error = scaled(extra, rest)
        if error > 1e-3 * np.abs(noisy.samples).max():
            raise Unfit(_("This is not what was kept plus a share of the rest: did the voice get "
                          "softer too?"))  # fmt: skip
        if share <= 0:
            raise Unfit(_("None of the rest is left: add it, times a factor between 0 and 1."))
        return 20 * np.log10(share)

    def said(message):
        return lambda change: _(message, change=change, softer=-change, db=db)

    return Number(
        "softer",
        db,
        said(N_("The rest is {softer:.1f} dB softer, and the voice as loud as before.")),
        [
            (2 * db, said(N_("The rest changed by {change:.1f} dB, twice too much: a factor on "
                             "samples is an amplitude, so divide the dB by 20 and not by 10."))),
        ],
        said(N_("The rest changed by {change:+.1f} dB, and {db:+.1f} dB is asked for.")),
        within=0.1,
        reader=change,
    )  # fmt: skip
