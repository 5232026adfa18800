"""Checkers of 13_failure_clinic: symptoms and causes, what wraps, what is lost, a new test."""

from helpers.exercises.answers import Choice, Number, checker, exercise, given
from helpers.exercises.verdict import N_, _, off, right

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


@checker
def check_examination(answer):
    """Check an examination that is to find a system whose output fades after five seconds."""
    from helpers import clinic
    from helpers.clinic.patient import Patient

    given(answer, "fades")
    if not callable(answer):
        kind = type(answer).__name__
        return off(_("`fades` is a {kind}, and a function is asked for.", kind=kind))
    for system, wanted, why in _fading():
        try:
            result = answer(Patient(clinic.find(system)))
        except Exception as problem:
            said = f"{type(problem).__name__}: {problem}"
            return off(_("It stops with {said}.", said=said))
        if result is ...:
            given(..., "fades")
        if not isinstance(result, clinic.Result):
            got = f"{result!r:.20} ({type(result).__name__})"
            return off(
                _("It returns {got}, and the clinic wants what clinic.judge returns.", got=got)
            )
        if result.status != wanted:
            return off(_(why))
    if all(each.function is not answer for each in clinic.EXAMINATIONS.values()):
        return off(
            _("It finds the tired one; but the clinic does not know it yet. Write the decorator "
              "above it: @clinic.examination(theme, severity, what a good system does).")
        )  # fmt: skip
    return right(_("It finds the tired one, whatever the level, and lets the healthy ones go."))


def _fading():
    """Return systems, what an examination should say of each, and what to think of if not."""

    def fades(samples, db=-20.0):
        out = samples.copy()
        out[5 * 16000 :] *= 10 ** (db / 20)
        return out

    return (
        (lambda samples: samples, "passed",
         N_("It fails a system that gives back what it gets: the voice pauses, so compare "
            "stretches that say the same; it repeats itself every 4.8 s.")),
        (lambda samples: 0.1 * samples, "passed",
         N_("It fails a system that is soft from the beginning, and that does not fade: compare "
            "the end with the beginning, not with what went in.")),
        (fades, "failed",
         N_("It passes a system that is 20 dB softer after five seconds: is the recording longer "
            "than that?")),
        (lambda samples: fades(0.1 * samples, -10.0), "failed",
         N_("It passes a soft system that fades by 10 dB: that is heard as half as loud.")),
    )  # fmt: skip
