"""Checkers of 08_inside_frcrn: three products, the reach of a memory, a running mean, the wait."""

import functools

import numpy as np

from helpers.exercises.answers import (
    Array,
    Number,
    Unfit,
    exercise,
    read_array,
    read_function,
    trying,
)
from helpers.exercises.verdict import _


@exercise
def check_three():
    """Check a complex convolution made of three real ones.

    The answer is a function of the real and imaginary parts of input and weights, and of a
    convolution whose calls are counted.

    Examples
    --------
    >>> def four(real, imag, a, b, conv):
    ...     return conv(real, a) - conv(imag, b), conv(real, b) + conv(imag, a)
    >>> check_three(four)
    ✗ The result is right, and took 4 calls of `conv`...
    """
    import torch
    from torch.nn import functional

    chance = torch.Generator().manual_seed(8)
    real, imag = torch.randn(2, 1, 3, 7, 6, generator=chance).double()
    a, b = torch.randn(2, 4, 3, 5, 2, generator=chance).double()
    calls = []

    def conv(x, weight):
        calls.append(1)
        return functional.conv2d(x, weight)

    def parts(answer):
        asked = _("`three` is to be a function: def three(real, imag, a, b, conv).")
        read_function(answer, "three", asked)
        calls.clear()
        with trying():
            got = [torch.as_tensor(part) for part in answer(real, imag, a, b, conv)]
        if len(got) != 2 or any(part.shape != p.shape or part.is_complex() for part in got):
            raise Unfit(_("Return two real tensors: real and imaginary part."))
        return tuple(part.detach().double().numpy() for part in got)

    def too_many(value):
        if len(calls) != 3:
            return _("The result is right, and took {count} calls of `conv`, not three: what does "
                     "conv(real + imag, a + b) hold?", count=len(calls))  # fmt: skip

    products = ((real, a), (imag, b), (real, b), (imag, a))
    p, q, r, s = (functional.conv2d(*product).numpy() for product in products)
    return Array(
        "three",
        (p - q, r + s),
        _("Three convolutions do the work of four."),
        [
            ((r + s, p - q), _("Real and imaginary part are exchanged.")),
            ((p + q, r + s),
             _("The sign in the real part: i times i is -1, so it is a difference.")),
            ((p - q, p + q + r + s),
             _("The imaginary part still holds the other two products: subtract both from "
               "conv(real + imag, a + b).")),
            ((p - q, r + s + 2 * q),
             _("The imaginary part subtracts one product only: subtract both.")),
        ],
        _("The result is off: (x + iy)(a + ib) = (xa - yb) + i(xb + ya)."),
        within=1e-5,
        reader=parts,
        unless=too_many,
    )  # fmt: skip


@exercise
def check_reach():
    """Check how many Hz down the memory before the fourth encoder reaches: 19 rows of 200 Hz."""
    return Number(
        "reach",
        3800,
        _("19 rows below, 200 Hz apart: 3800 Hz, nearly half of the range. A harmonic here can be "
          "judged by all those below it."),
        [
            (4000, _("20 rows, but the newest of them is the row itself: 19 lie below.")),
            (475, _("That is 19 rows of 25 Hz, but each encoder before took every second row "
                    "only.")),
            (1900, _("Half of it: three encoders come before this memory, not two.")),
            (7600, _("Twice too much: three encoders come before this memory, not four.")),
            (19, _("That is in rows: how many Hz apart are they?")),
            (3.8, _("In kHz it is right: give it in Hz.")),
        ],
        _("The rows below the present one, times 25 Hz, doubled by each encoder that came before."),
    )  # fmt: skip


@exercise
def check_running(x):
    """Check each channel's mean over all rows and over all frames up to the present one.

    `x` is a tensor [shape=(channels, rows, frames)], the answer has a mean for each channel and
    frame.

    Examples
    --------
    >>> import torch
    >>> check_running(torch.ones(2), torch.ones(2, 3, 4))
    ✗ One number a channel is the mean over all, the future too...
    """
    x = np.asarray(x.detach(), dtype=np.float64)
    channels, _rows, frames = x.shape
    each = x.mean(1)  # (channels, frames)
    sums, count = each.cumsum(1), np.arange(1, frames + 1)
    wanted = sums / count
    return Array(
        "running",
        wanted,
        _("Each mean ends at its frame; the last is over all."),
        [
            (each, _("Those are the means of each frame alone, without what came before.")),
            (sums, _("Those are sums: divide by how many frames they hold, 1, 2, 3 and so on.")),
            (np.repeat(each.mean(1, keepdims=True), frames, 1),
             _("The mean over the whole recording, repeated: it knows the future.")),
            (each[:, ::-1].cumsum(1)[:, ::-1] / count[::-1],
             _("Time is turned round: those means go from the present frame to the end.")),
            (np.pad(wanted, ((0, 0), (1, 0)))[:, :-1],
             _("One frame too old: the present frame counts too.")),
        ],
        _("The means are off: frame 2 should hold the mean over all rows of frames 0, 1 and 2."),
        within=1e-3,
        reader=functools.partial(
            read_array, name="running", shape=(channels, frames),
            shaped=_("`running` should be a table of {channels} channels and {frames} frames.",
                     channels=channels, frames=frames),
            shapes={
                (channels,): _("One number a channel is the mean over all, the future too: give "
                               "one for each frame."),
                x.shape: _("The rows are still there: the mean goes over all of them as well, "
                           "x.mean(1)."),
            },
            holes=_("`running` holds NaN or infinity: the first mean is over one frame, not over "
                    "none.")),
    )  # fmt: skip


@exercise
def check_wait():
    """Check how many ms the output must wait for the frames that it depends on.

    A sample more or less is not asked about.
    """
    return Number(
        "wait",
        320,
        _("14 hops of 20 ms and a window of 40 ms: nearly a third of a second. In a talk over the "
          "telephone people would begin to interrupt each other."),
        [
            (280, _("14 frames, but the window is missing: the last frame has to be whole.")),
            (300, _("The last frame is a window long, 40 ms, not a hop.")),
            (180, _("One U-Net looks 7 frames ahead, and there are two, one after the other.")),
            (600, _("Frames of 40 ms are only 20 ms apart: they overlap.")),
            (5119, _("In samples: divide by 16 for ms.")),
            (0.32, _("In seconds it is right: give it in ms.")),
        ],
        _("The frames to come, one every 20 ms, and then a whole window of 40 ms."),
        within=0.2,
        near=0.05,
    )  # fmt: skip
