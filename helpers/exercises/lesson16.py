"""Checkers of 16_more_ears: a delay between microphones, what four of them gain, and which tool."""

import numpy as np

from helpers.exercises.answers import Choice, Number, exercise
from helpers.exercises.verdict import N_, _

TOOLS = {
    "beamformer": N_(
        "several microphones heard it, and what is wanted comes from a direction of its own"
    ),
    "WPE": N_("nothing else can be heard: what disturbs is the same voice, some frames late"),
    "denoiser": N_("one microphone, one voice, and the rest is no voice"),
    "separator and enrolled voice": N_(
        "two voices in one microphone, and only one of them is wanted"
    ),
}


@exercise
def check_late():
    """Check how many samples later a wave from 30 degrees off the front reaches a microphone."""
    within, path = 0.1, 0.08 * np.sin(np.pi / 6)
    return Number(
        "late",
        path / 343 * 16000,
        _("1.87 samples: 4 cm more to go, 0.12 ms. So little is all that a beamformer hears of a "
          "direction."),
        [
            (0.08 / 343 * 16000, _("That is a wave from the side, along the row: from 30° it has "
                                   "only a part of the 8 cm more to go.")),
            (0.08 * np.cos(np.pi / 6) / 343 * 16000,
             _("The angle is counted from the front here, where both hear it at once: the sine, "
               "not the cosine.")),
            (3 * path / 343 * 16000, _("That is from the first microphone to the last; the next "
                                       "one is asked for.")),
            (1000 * path / 343, _("That is in ms; how many samples is it at 16,000 a second?"),
             0.01),
            (path / 343, _("That is in seconds; how many samples is it at 16,000 a second?"), 1e-4),
        ],
        _("How many meters further is it, and how long does sound take for them at 343 m/s?"),
        within=within,
        near=within,
    )  # fmt: skip


@exercise
def check_hiss():
    """Check by how many dB four microphones that are added up weaken a hiss of their own."""
    return Number(
        "gained",
        10 * np.log10(4),
        _("6 dB: the voices add up as amplitudes, and four hisses, which know nothing of each "
          "other, as powers."),
        [
            (20 * np.log10(4), _("The voice grows by that much, four times its amplitude. But the "
                                 "hiss grows, too: its power is four times one hiss.")),
            (10 * np.log10(2), _("That is for two microphones.")),
            (0.0, _("Were the hisses one and the same, nothing would be gained. But each "
                    "microphone has its own.")),
            (4.0, _("Four times the ratio of powers, right: and how many decibels is that?")),
            (-10 * np.log10(4), _("Right but for the sign: a gain counts upwards.")),
        ],
        _("Four equal voices add up to four times the amplitude; four hisses to four times the "
          "power. What does that make of the ratio of powers?"),
    )  # fmt: skip


@exercise
def check_tools():
    """Check which tool goes first for four recordings."""
    return Choice(
        "tools",
        {
            "a bar, one microphone, one voice, clatter": "denoiser",
            "a church, one microphone, one voice, nothing else": "WPE",
            "a table, four microphones, a fan on the left": "beamformer",
            "a phone, two people at once, she has an account": "separator and enrolled voice",
        },
        TOOLS,
        _("Each for what it hears: direction, the past, what isn't a voice, and whose voice."),
    )
