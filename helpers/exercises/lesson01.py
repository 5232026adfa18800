"""Checkers of 01_task_landscape: name the task, and count what a convolution costs."""

from helpers.exercises.answers import Choice, Number, exercise
from helpers.exercises.verdict import N_, _

CASES = {
    "an old telephone interview, dull but quiet": "bandwidth",
    "your own voice comes back half a second later": "echo",
    "two people talk at once in a podcast": "separation",
    "a lecture in a church": "dereverberation",
    "a voice message from beside a road": "denoising",
    "an interview that you need as text": "none",
}
WHY = {
    "bandwidth": N_("nothing disturbs the voice: its upper half is missing"),
    "echo": N_("the disturbance is known: it is what your loudspeaker played"),
    "separation": N_("the disturbance is a voice, and you want to keep both"),
    "dereverberation": N_("the disturbance is the voice itself, come late from the walls"),
    "denoising": N_("one voice, and something that is not a voice"),
    "none": N_("text comes out, not sound: that is speech recognition"),
}


@exercise
def check_tasks():
    """Check which task each recording needs: a dictionary from `CASES` to the keys of `WHY`."""
    praise = _("All six, and each by asking what disturbs the voice, and whether it is known.")
    return Choice("tasks", CASES, WHY, praise)


@exercise
def check_macs(filters=512, kernel=16, stride=8, rate=8000):
    """Check how many million multiplications an encoder needs for a second of sound.

    The one frame more or less at the end doesn't count.
    """
    frames = rate // stride
    wanted = filters * kernel * frames / 1e6
    return Number(
        "millions",
        wanted,
        _("{wanted:.1f} million: {frames} frames, {filters} filters, {kernel} products each. The "
          "encoder is next to nothing; the mask net does the work.",
          wanted=wanted, frames=frames, filters=filters, kernel=kernel),
        [
            (wanted * stride,
             _("That is a product at every sample; the filters move by the stride.")),
            (wanted / kernel, _("Each filter value costs as many products as the filter is long.")),
            (wanted * 2, _("That counts multiplication and addition apart; here both are one.")),
            (wanted * 1e6, _("Right, but in ones; millions are asked for.")),
            # At 1000 frames a second one frame in millions is as much as a second in billions.
            (filters * kernel / 1e6,
             _("That is one frame, or a second in billions: a second has {frames} frames, and "
               "millions are asked for.", frames=frames), 1e-3),
        ],
        _("Not quite: filters times their length times frames in a second, in millions."),
    )  # fmt: skip
