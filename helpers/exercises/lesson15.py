"""Checkers of 15_real_time: a latency budget, a ring buffer, and skips that wait."""

import numpy as np

from helpers.exercises.answers import Array, Number, Unfit, checker, exercise, read_function, trying
from helpers.exercises.verdict import _, off, right


@exercise
def check_budget():
    """Check the latency in ms of windows of 32 ms, hops of 8 ms and one hop of look-ahead."""
    return Number(
        "budget",
        48.0,
        _("48 ms: 8 too many. A window of 24 ms would do, or no look-ahead."),
        [
            (40.0, _("The look-ahead is missing: one hop more that has to be waited for.")),
            (32.0, _("That is the window alone: what waits for the next hop, and for the "
                     "look-ahead?")),
            (41.0, _("The look-ahead counts in hops of 8 ms, not in milliseconds.")),
            (16.0, _("The window is missing: its first sample waits for its last.")),
        ],
        _("Add up window, hop and look-ahead, in ms."),
    )  # fmt: skip


@checker
def check_ring(answer):
    """Check a function that reads a ring buffer (array, next place), oldest value first."""
    read_function(
        answer, "in_order", _("`in_order` is a {kind}, and a function is asked for: def "
                              "in_order(ring, place).")
    )  # fmt: skip
    for size, written in ((4, 6), (5, 5), (3, 10), (8, 9)):
        ring = np.zeros(size)
        for value in range(written):
            ring[value % size] = value
        place, wanted, before = written % size, np.arange(written - size, written), ring.copy()
        with trying():
            got = np.asarray(answer(ring, place), dtype=float)
        if not np.array_equal(ring, before):
            return off(
                _("The function changed the ring, which goes on being used: return a new array.")
            )
        if np.array_equal(got, wanted):
            continue
        mistakes = (
            (ring, _("That is the order in which they lie, not the one in which they came: "
                     "ring[place] is the oldest.")),
            (wanted[::-1], _("The newest comes first: turn it round.")),
            (np.roll(ring, place),
             _("It was turned the wrong way: ring[place] has to come first.")),
        )  # fmt: skip
        for wrong, said in mistakes:
            if np.array_equal(got, wrong):
                return off(said)
        return off(
            _("A ring of {size} into which 0 to {last} were written, next place {place}, should "
              "give {wanted}, and gave {got}.", size=size, last=written - 1, place=place,
              wanted=wanted.tolist(), got=got.tolist())
        )  # fmt: skip
    return right(_("Oldest first, and nothing was moved to write it."))


@exercise
def check_skips():
    """Check how many frames each skip waits for decoders 2 to 7, which are a frame late each."""
    inside_out = _(
        "That is from the outside in: the second decoder is the innermost that has a skip."
    )
    late = _("The first decoder is late, too: what reaches the second one has been through it.")
    each = _("Each decoder adds a frame: what reaches the third one has been through two.")

    def read(answer):
        if isinstance(answer, list | tuple | np.ndarray) and len(answer) != 6:
            count = len(answer)
            raise Unfit(_("Six decoders have a skip, and this has {count}.", count=count))
        return Array.read(record, answer)

    record = Array(
        "waits",
        np.arange(1.0, 7.0),
        _("One frame more at each stage, seven at the end, twice: 14 frames of delay, the "
          "look-ahead of lesson 08 paid in another coin."),
        [
            (np.arange(6.0, 0.0, -1.0), inside_out),
            (np.arange(6.0), late),
            *((np.full(6, value), each) for value in (1.0, 2.0, 6.0, 7.0)),
        ],
        _("Count the decoders that the other input of each join has been through."),
        within=1e-6,
        reader=read,
    )  # fmt: skip
    return record
