"""Checkers of 05_separate_with_mossformer: improvement by hand, levels, the size of a layer."""

from helpers import metrics
from helpers.exercises.answers import Number, exercise
from helpers.exercises.verdict import _


@exercise
def check_improvement(tracks, people, mixture):
    """Check the mean SI-SDR improvement in dB of two tracks, under the better order."""
    scores = [[metrics.si_sdr(track, person) for track in tracks] for person in people]
    straight, crossed = (scores[0][0] + scores[1][1]) / 2, (scores[0][1] + scores[1][0]) / 2
    start = sum(metrics.si_sdr(mixture, person) for person in people) / 2
    best, worst = max(straight, crossed), min(straight, crossed)
    gain = best - start
    return Number(
        "improvement",
        gain,
        _("{gain:+.1f} dB: the better order, minus what the mixture had, and the mean of both.",
          gain=gain),
        [
            (worst - start,
             _("The tracks are swapped: this is the improvement of the other order.")),
            (best, _("That is the SI-SDR itself. The mixture already had {start:.1f} dB: subtract "
                     "that.", start=start)),
            (best + start, _("The mixture's score was added; subtract it.")),
            (2 * gain, _("That is the sum over both people, and the mean is asked for.")),
            (-gain, _("The sign is turned round: after minus before.")),
        ],
        _("Not quite: score each person's own track, subtract the mixture's score, take the mean."),
    )  # fmt: skip


@exercise
def check_louder(first, second, pipeline):
    """Check by how many dB one voice is louder than the other; `pipeline` has scaled both."""
    wanted = first.level - second.level
    return Number(
        "louder",
        wanted,
        _("{wanted:+.1f} dB: this is what the pipeline's scaling had thrown away.", wanted=wanted),
        [
            (pipeline[0].level - pipeline[1].level,
             _("You compared the pipeline's tracks, whose peaks were both set to one half. Take "
               "the helper's: voices.")),
            (-wanted, _("The other way round: the first minus the second.")),
            (wanted / 2,
             _("Half of it: a level in dB is 10 log10 of a ratio of powers, or 20 of amplitudes.")),
            (first.level, _("That is one level; subtract the other.")),
        ],
        _("Not quite: the `level` of the one clip minus the `level` of the other."),
    )  # fmt: skip


@exercise
def check_rows(filters=512, speakers=3):
    """Check how many rows the last layer of the mask net needs: filters times speakers."""
    rows = filters * speakers
    return Number(
        "rows",
        rows,
        _("{rows} rows: one mask value for each of {filters} filters and each of {speakers} "
          "people.", rows=rows, filters=filters, speakers=speakers),
        [
            (filters * 2, _("That is the network for two people.")),
            (160 * speakers,
             _("Right for the small model; the published size has 512 filters.")),
            (filters, _("One mask alone: each person needs one.")),
            (filters * (speakers + 1), _("One mask too many: there is none for noise.")),
        ],
        _("Not quite: filters times people, as in the last line above."),
    )  # fmt: skip
