"""Checkers of 14_capstone: how much two people overlap, which order is better, the report."""

import re

import numpy as np

from helpers.exercises.answers import Number, checker, exercise, given, read_instance
from helpers.exercises.verdict import N_, _, blank, language, listed, off, right

PARTS = {
    "recording": N_("what was recorded, where and how long"),
    "chain": N_("which models, which weights, in which order"),
    "measured": N_("figures with their units, before and after"),
    "heard": N_("what you heard that the figures don't say"),
    "limits": N_("where it failed, and whom your figures don't speak for"),
}
WORDS = 8  # of a part of the report at least; two Chinese characters count as one word
UNIT = "dB(?![A-Za-z])|分贝|[%％]|百分点|k?Hz|千?赫兹?|m?s(?![A-Za-z])|毫?秒"


def talking(clip, seconds=0.02, floor=-45):
    """Tell for each short piece of a clip whether somebody talks in it.

    Parameters
    ----------
    clip : Clip
        One voice.
    seconds : float
        Length of a piece.
    floor : float
        Mean power below which a piece is a pause, in dB re full scale.

    Returns
    -------
    ndarray of bool [shape=(pieces,)]
        True where the piece is louder.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> talking(Clip([0.1, -0.1, 0.0, 0.0], 100)).tolist()
    [True, False]
    """
    n = round(seconds * clip.rate)
    pieces = clip.samples[: len(clip) // n * n].reshape(-1, n).astype(np.float64)
    return (pieces**2).mean(axis=1) > 10 ** (floor / 10)


@exercise
def check_overlap(first, second):
    """Check in how many percent of the whole duration both people talk, to 2 percent."""
    one, two = talking(first), talking(second)
    wanted, some = 100 * (one & two).mean(), 100 * (one | two).mean()
    return Number(
        "overlap",
        wanted,
        _("Both talk in {wanted:.0f} % of the time. Only there is there anything to separate.",
          wanted=wanted),
        [
            (wanted / 100, _("Right as a share; percent are asked for."), 0.02),
            (some, _("That is where anybody talks: both at once needs `&`, not `|`.")),
            (100 * wanted / max(some, 1e-9),
             _("That is a share of the time in which somebody talks; take the whole duration.")),
            (100 * one.mean(), _("That is the first person's share.")),
            (100 * two.mean(), _("That is the second person's share.")),
            (100 - wanted, _("That is the rest, where at most one talks.")),
        ],
        lambda value: _("{value:g} % is {gap:.0f} off: both arrays, `&`, and the mean.",
                        value=value, gap=abs(value - wanted)),
        within=2,
    )  # fmt: skip


@checker
def check_order(answer, scores):
    """Check which chain has the best mean SI-SDR improvement; `scores` has both people's in dB."""
    if not isinstance(given(answer, "better"), str) or answer not in scores:
        return off(_("`better` should be one of {names}.", names=listed(map(repr, scores))))
    means = {name: float(np.mean(gains)) for name, gains in scores.items()}
    best = max(means, key=means.get)
    if answer == best:
        return right(
            _("{gain:.1f} dB in the mean, and that is the highest. On one recording: would another "
              "noise or another pair turn it round?", gain=means[best])
        )  # fmt: skip
    return off(
        _("It gains {gain:.1f} dB in the mean, and another gains {best:.1f} dB.",
          gain=means[answer], best=means[best])
    )  # fmt: skip


@checker
def check_report(answer):
    """Check the form of the report, from the keys of `PARTS` to texts: its parts and figures.

    What they say is the teacher's.
    """
    asked = _("`{name}` is a {kind}: keep the dictionary, and fill its five texts.")
    read_instance(answer, "report", dict, asked)
    texts = {part: answer.get(part) for part in PARTS}
    texts = {part: text if isinstance(text, str) else "" for part, text in texts.items()}
    if not any(text.strip() for text in texts.values()):
        return blank("report")
    for part, what in PARTS.items():
        words = len(re.findall(r"[A-Za-zÀ-ÿ0-9'.+-]+", texts[part]))
        characters = len(re.findall(r"[\u4e00-\u9fff]", texts[part]))
        if words + characters / 2 >= WORDS:
            continue
        if characters or language() == "zh":  # written without spaces: nobody counts words in it
            return off(
                _("“{part}” has {count} Chinese characters of at least {wanted}. It should say "
                  "{what}.", part=part, count=characters + 2 * words, wanted=2 * WORDS,
                  what=_(what))
            )  # fmt: skip
        return off(
            _("“{part}” has {words} words of at least {wanted}. It should say {what}.", part=part,
              words=words, wanted=WORDS, what=_(what))
        )  # fmt: skip
    if len(re.findall(rf"\d\s*(?:{UNIT})", texts["measured"])) < 2:
        return off(_("“measured” needs at least two figures with units: before and after."))
    return right(
        _("Five parts, and figures with units. Now let somebody else read it who has not heard the "
          "recording: do they know what they would hear?")
    )  # fmt: skip
