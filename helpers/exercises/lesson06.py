"""Checkers of 06_inside_mossformer: a chunk in time, attention without a table, costs, masks."""

import functools

import numpy as np

from helpers.exercises.answers import (
    Array,
    Number,
    Unfit,
    exercise,
    read_array,
    read_function,
    read_number,
    trying,
)
from helpers.exercises.verdict import _


@exercise
def check_span():
    """Check how many ms one chunk of the local attention lasts: 128 frames, 16 samples apart."""

    def span(answer):
        value = read_number(answer, "span")
        return 256 if abs(value - 258) < 0.05 else value  # the last frame's end counted as well

    return Number(
        "span",
        256,
        _("A quarter of a second, about a syllable. The published model gets the same from twice "
          "the frames at half the hop."),
        [
            (128, _("That is the number of frames: how far apart are they?")),
            (2048, _("That is in samples: 8 of them make a millisecond.")),
            (512, _("Frames are 32 samples long, but they start every 16 samples.")),
            (4096, _("In samples, and with frames 32 apart; they start every 16.")),
            (0.256, _("In seconds it is right: give it in ms.")),
        ],
        _("Not quite: frames in a chunk, times samples from one frame to the next, by 8 a ms."),
        reader=span,
    )  # fmt: skip


@exercise
def check_linear():
    """Check linear attention, its result and that it makes no table of frames times frames.

    The answer is a function from queries and keys [shape=(n, d)] and values [shape=(n, e)] to a
    tensor [shape=(n, e)].

    Examples
    --------
    >>> check_linear(lambda q, k, values: q @ k.T @ values / len(q))
    ✗ The result is right, but on the way...
    """
    import torch

    from helpers.lab import probe

    n, width, chance = 500, 4, torch.Generator().manual_seed(6)
    given = [torch.randn(n, size, generator=chance) for size in (width, width, 6)]
    needed = []

    def result(answer):
        read_function(answer, "linear", _("`linear` is to be a function."))
        got = []
        with trying():
            cost = probe.cost(lambda: got.append(torch.as_tensor(answer(*given)).double()))
        if got[0].shape != (n, 6):
            text = _("Return one row for each frame, {wanted}; this is {found}.")
            raise Unfit(text.format(wanted=(n, 6), found=tuple(got[0].shape)))
        needed[:] = [cost.bytes]
        return got[0].detach().numpy()

    def table(value):
        if needed and needed[0] >= n * n:
            return _("The result is right, but on the way there was a table of {n} times {n} "
                     "numbers: put the brackets around keys and values.", n=n)  # fmt: skip

    q, k, values = (each.double() for each in given)
    scores = q @ k.T  # (n, n)
    wanted = (scores @ values / n).numpy()
    return Array(
        "linear",
        wanted,
        lambda value: _("Right: it needed {kilobytes:.0f} KB; a table of {n} times {n} has 1000.",
                        kilobytes=needed[0] / 1000 if needed else 0, n=n),
        [
            (wanted * n, _("Divide by the number of frames, or a longer recording gets louder.")),
            (wanted * n / width,
             _("Divided by the width of the queries; the number of frames is asked for.")),
            (wanted * n / width**0.5,
             _("That is the scale of a usual transformer, the root of the width; here it is the "
               "number of frames.")),
            ((scores.T @ values / n).numpy(), _("Queries and keys are exchanged.")),
            ((scores.softmax(1) @ values).numpy(),
             _("That is a softmax: linear attention has none, which is why the brackets may "
               "move.")),
            ((scores.relu().square() @ values / n).numpy(),
             _("That is squared, as in the chunks: linear attention leaves the scores as they "
               "are.")),
        ],
        _("The result is off: each query times (the keys' sum of products with the values), by n."),
        within=1e-3,
        reader=result,
        unless=table,
    )  # fmt: skip


@exercise
def check_even(chunk=256, width=128, values=2048):
    """Check from how many frames on MossFormer's attention is the cheaper one, to a frame.

    There full attention costs as much as chunks and linear attention together: at
    chunk + 2 width values / (width + values).
    """
    even = chunk + 2 * width * values / (width + values)
    half = values // 2
    return Number(
        "even",
        even,
        _("{even:.0f} frames, half a second at 1000 frames a second. Anything longer than a word "
          "is cheaper MossFormer's way.", even=even),
        [
            (chunk, _("That is the chunk alone: the linear attention costs something too.")),
            (even - chunk, _("That is the linear attention alone: the chunks cost something too.")),
            ((even + chunk) / 2,
             _("Linear attention is two products: keys with values, and queries with that.")),
            (chunk + 2 * width * half / (width + half),
             _("v and u are attended to: 2048 values a frame, not 1024.")),
            (chunk + 2 * width,
             _("Nearly: the full attention also multiplies queries with keys, {both} products a "
               "pair of frames.", both=width + values)),
            (even / 1000, _("In seconds it is right: give it in frames.")),
        ],
        _("Not quite: set n n (d + e) equal to n g (d + e) + 2 n d e, and divide by n (d + e)."),
        within=1.1,
        near=0.05,
    )  # fmt: skip


@exercise
def check_hard(masks):
    """Check masks [shape=(2, 1, filters, frames)] that give each number to one of two speakers.

    What is equal in both may be given to either.

    Examples
    --------
    >>> import torch
    >>> masks = torch.tensor([[[[0.2, 3.0]]], [[[0.4, 1.0]]]])
    >>> check_hard(masks > 0.5, masks)
    ✗ Compared with one half: compare both masks with each other...
    """
    masks = np.asarray(masks.detach())
    first = masks[0] > masks[1]
    differ = masks[0] != masks[1]  # (1, filters, frames)
    wanted = np.stack([first, ~first]).astype(float)
    one = _("That is one mask: stack it with that of the other speaker, which is its opposite.")

    def shared(value):
        if not np.array_equal(value.sum(0), np.ones_like(value[0])):
            return _("Right, but for places where both masks are equal: give them to one speaker.")

    return Array(
        "hard",
        wanted,
        _("Each number goes to one speaker only."),
        [
            (wanted * masks, _("The larger mask is kept as it was: put 1 in its place.")),
            (wanted[::-1],
             _("The wrong way round: 1 where a speaker's own mask is the larger one.")),
            (masks > 0.5, _("Compared with one half: compare both masks with each other.")),
            (np.stack([first, first]),
             _("Both speakers got the same mask: turn the second one round.")),
        ],
        lambda value: _("{agree:.0f} % of the numbers are right: 1 where masks[0] > masks[1], and "
                        "its opposite.", agree=100 * (value == wanted).mean()),
        reader=functools.partial(
            read_array, name="hard", shape=masks.shape,
            shaped=_("`hard` should have the shape of the masks, {shape}."),
            shapes={masks.shape[1:]: one, masks.shape[2:]: one}),
        alike=lambda value, other, within: np.array_equal(value[:, differ], other[:, differ]),
        unless=shared,
    )  # fmt: skip
