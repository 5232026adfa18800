"""Checkers of 12_train_your_own: the loss by hand, the better order, how much a model has heard."""

import numpy as np

from helpers.exercises.answers import Number, Unfit, exercise, read_function, trying
from helpers.exercises.verdict import _


@exercise
def check_si_sdr():
    """Check a function for SI-SDR, by trying it on waves that were made to have 10 dB.

    It takes estimate and reference, tensors [shape=(batch, n)], to SI-SDR in dB [shape=(batch,)].
    """
    import torch

    rng = np.random.default_rng(12)
    reference = torch.from_numpy(rng.normal(size=(2, 4000)))
    noise = torch.from_numpy(rng.normal(size=(2, 4000)))
    # Noise without any of the reference in it, a tenth of its power: 10 dB, at half the level.
    noise -= (noise * reference).sum(-1, True) / reference.square().sum(-1, True) * reference
    noise *= (0.1 * reference.square().sum(-1, True) / noise.square().sum(-1, True)).sqrt()

    def score(answer):
        read_function(
            answer, "my_si_sdr",
            _("`my_si_sdr` is a {kind}, and a function of two tensors is asked for.")
        )  # fmt: skip
        with trying():
            got = torch.as_tensor(answer(0.5 * (reference + noise), reference))
        if got.shape != (2,):
            raise Unfit(
                _("The result has shape {shape}, and one number for each row is asked for: sum "
                  "over the last axis, dim=-1.", shape=tuple(got.shape))
            )  # fmt: skip
        return float(got.double().mean())

    return Number(
        "my_si_sdr",
        10,
        _("10.0 dB on waves that were made to have 10 dB, at any level of the estimate."),
        [
            (-10, _("The sign is turned round: as a score it is +10 dB here, the loss comes "
                    "later.")),
            (20, _("Twice too much: energies are ratios of powers, so 10 log10 and not 20.")),
            (5, _("Half of it: square the samples before you sum.")),
            (float(10 * np.log10(1 / (0.25 * 0.1 + 0.25))),  # without the scale
             _("That is the plain SNR: scale the reference by <estimate, reference> / <reference, "
               "reference> first.")),
            (np.log(10), _("That is a natural logarithm: torch.log10, times 10.")),
            (1, _("Right, but in bel: times 10 for decibels.")),
        ],
        lambda value: _("For waves that were made to score 10 dB it gives {value:.1f}.",
                        value=value),
        reader=score,
    )  # fmt: skip


@exercise
def check_order(scores):
    """Check the permutation-invariant loss; `scores` has each estimate (row) as each source."""
    straight, crossed = (scores[0][0] + scores[1][1]) / 2, (scores[0][1] + scores[1][0]) / 2
    best, worst = max(straight, crossed), min(straight, crossed)
    return Number(
        "loss",
        -best,
        _("{loss:.1f}: the better order counts, and a loss is what should fall.", loss=-best),
        [
            (best, _("That is the score; a loss should fall as the model gets better: minus it.")),
            (-worst, _("That is the worse order: the network may choose the better one.")),
            (-2 * best, _("The sum over both people; take their mean.")),
            (-float(np.mean(scores)),
             _("The mean of all four: each estimate counts for one person.")),
        ],
        _("Not quite: two orders are possible, the two diagonals. Take means, choose one, minus."),
    )  # fmt: skip


@exercise
def check_heard(steps, seconds=4):
    """Check how many hours of mixtures a model has heard in training: steps times seconds."""
    hours = steps * seconds / 3600
    return Number(
        "hours_heard",
        hours,
        _(
            "{hours:.1f} hours of mixtures, each drawn anew. The sentences in them came back, in "
            "other company and at other speeds.",
            hours=hours,
        ),
        [
            (hours * 60, _("Right in minutes; hours are asked for.")),
            (hours * 3600, _("Right in seconds; hours are asked for.")),
            (hours / seconds, _("Each step brings {seconds:g} s, not one.", seconds=seconds)),
            (2 * hours, _("Two people at once are still one mixture.")),
        ],
        _("Not quite: steps times seconds in each, then into hours."),
    )  # fmt: skip
