"""Checkers of 13_failure_clinic: from symptom to cause, what wraps round, what is lost."""

from helpers.exercises.answers import Choice, Number, exercise
from helpers.exercises.verdict import N_, _

CASES = {
    "the track of the person far away is as loud as the other": "levels",
    "the right half of a stereo interview is silent": "channels",
    "loud passages crackle like sparks": "overflow",
    "every run sounds different, and none like speech": "weights",
    "the last word of a two-minute file is gone": "tail",
}
WHY = {
    "levels": N_("each track was divided by its own largest sample"),
    "channels": N_("only the left channel was read"),
    "overflow": N_("numbers above 32767 started again from below"),
    "weights": N_("the file with the weights was missing, and random numbers ran instead"),
    "tail": N_("the last window was not full, and the rest was left out"),
}


@exercise
def check_causes():
    """Check which cause stands behind each symptom: from `CASES` to the keys of `WHY`."""
    praise = _("All five. None of them raised an error, and each can be heard.")
    return Choice("causes", CASES, WHY, praise)


@exercise
def check_wrap(value=40000):
    """Check what a number becomes that is too large for 16 bits.

    Examples
    --------
    >>> check_wrap(32767)
    ✗ That is what clipping would give, and what should happen.
    """
    wrapped = (value + 32768) % 65536 - 32768
    return Number(
        "wrapped",
        wrapped,
        _("{wrapped}: {value} minus 65536. From one sample to the next the wave jumps through the "
          "whole range, and that is the crackle.", wrapped=wrapped, value=value),
        [
            (32767, _("That is what clipping would give, and what should happen.")),
            (value, _("16 bits can't hold it: the largest is 32767.")),
            (value - 32768,
             _("Subtract 65536, the number of different values, not half of it.")),
            (-wrapped, _("Right but for the sign.")),
        ],
        _("Not quite: values that differ by 65536 have the same 16 bits."),
    )  # fmt: skip


@exercise
def check_short(n=76000, hop=320, frame=640):
    """Check how many samples come back from a transform that drops what fills no frame."""
    wanted = n // hop * hop  # a frame of padding goes before and after
    return Number(
        "back",
        wanted,
        _("{wanted}: {lost} samples are gone.", wanted=wanted, lost=n - wanted),
        [
            (n - wanted, _("That is how many are lost; how many come back?")),
            (n, _("That is what went in: is it a multiple of the hop?")),
            (n // frame * frame, _("Frames overlap: they begin every hop, not every frame.")),
            (n // hop, _("That is a number of hops; times the hop.")),
        ],
        _("Not quite: the largest multiple of {hop} that fits into {n}.", hop=hop, n=n),
    )  # fmt: skip
