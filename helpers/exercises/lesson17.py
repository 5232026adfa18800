"""Checkers of 17_a_corpus: what is done again, how busy workers are, what a thousand hours cost."""

from helpers.exercises.answers import Choice, Number, exercise
from helpers.exercises.verdict import N_, _

CASES = {
    "a recording that was replaced by another of the same name": "again",
    "a recording that was copied, with a new date and the same contents": "kept",
    "a recording whose result somebody has deleted": "again",
    "a file that holds a letter": "kept",
    "a recording for which the memory was too small": "again",
}
WHY = {
    "again": N_("something is no longer as the row tells, or it was the machine's fault"),
    "kept": N_("name, contents and settings are as they were, and so would be what comes of them"),
}


@exercise
def check_again():
    """Check what the second run does with each recording: from `CASES` to the keys of `WHY`."""
    return Choice("second", CASES, WHY, _("All five: a checksum can tell, and a date can't."))


@exercise
def check_busy(recordings=10_000, shard=500, workers=16):
    """Check what share of the time workers are busy, when shards are large.

    Examples
    --------
    >>> check_busy(0.8)
    ✗ That is workers over shards: count the rounds, and what is done in the last one.
    """
    shards = recordings // shard
    rounds = -(-shards // workers)
    busy = shards / (rounds * workers)
    return Number(
        "busy",
        busy,
        _("{share:.0%}: {shards} shards fill one round, and a quarter of a second one. With shards "
          "of 16 the last round is one of many.", share=busy, shards=shards),
        [
            (shards / workers, _("Nobody is busy for more than all of the time: {shards} shards on "
                                 "{workers} workers take two rounds.",
                                 shards=shards, workers=workers)),
            (1.0, _("In the second round, most workers have nothing to do.")),
            (workers / shards, _("That is workers over shards: count the rounds, and what is done "
                                 "in the last one.")),
            ((shards - workers) / workers, _("That is the second round alone; the first one "
                                             "counts, too.")),
            (1 - busy, _("That is the share that they wait.")),
        ],
        _("How many shards are there, how many rounds do they take, and how many places have all "
          "rounds together?"),
        within=0.01,
    )  # fmt: skip


@exercise
def check_cost(hours=1000, factor=0.2, price=0.05, machines=100):
    """Check what so many hours cost, at a real-time factor and a price of a core-hour.

    Examples
    --------
    >>> check_cost(250)
    ✗ You divided by the real-time factor: an hour of sound takes 0.2 hours, not 5.
    """
    cost = hours * factor * price
    return Number(
        "cost",
        cost,
        _("{cost:g} dollars, on one machine or on a hundred: each works a hundredth of the time.",
          cost=cost),
        [
            (hours / factor * price,
             _("You divided by the real-time factor: an hour of sound takes {factor:g} hours, not "
               "{other:g}.", factor=factor, other=1 / factor)),
            (cost / machines, _("A hundred machines take a hundredth of the time each, and are a "
                                "hundred: the cost is the same.")),
            (cost * machines, _("You paid a hundred machines for all of the time: together they "
                                "need it only once.")),
            (hours * price, _("That is at real time: an hour of sound takes only a part of one.")),
            (factor * price, _("That is the cost of one hour.")),
            (hours * factor, _("That is hours of work; each has a price.")),
        ],
        _("Hours of sound, times the real-time factor, times the price of an hour."),
        within=1e-3,
    )  # fmt: skip
