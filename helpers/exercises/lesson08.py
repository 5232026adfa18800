"""Checkers of 08_inside_frcrn: three products, the reach of a memory, a running mean, the wait."""

import numpy as np

from helpers.exercises.verdict import blank, number, off, right


def check_three(answer):
    """Check a complex convolution made of real ones, and count those.

    Parameters
    ----------
    answer : callable
        Takes the real and imaginary parts of input and weights, and a convolution.

    Returns
    -------
    Verdict
        Right with three calls of that function.

    Examples
    --------
    >>> def four(real, imag, a, b, conv):
    ...     return conv(real, a) - conv(imag, b), conv(real, b) + conv(imag, a)
    >>> check_three(four)
    ✗ The result is right, and took 4 calls of `conv`...
    """
    import torch
    from torch.nn import functional

    if answer is None or answer is ...:
        return blank("three")
    if not callable(answer):
        return off(
            "`three` is to be a function: def three(real, imag, a, b, conv).",
            "`three` 应当是一个函数：def three(real, imag, a, b, conv)。",
        )
    calls = []

    def conv(x, weight):
        calls.append(1)
        return functional.conv2d(x, weight)

    chance = torch.Generator().manual_seed(8)
    real, imag = torch.randn(2, 1, 3, 7, 6, generator=chance).double()
    a, b = torch.randn(2, 4, 3, 5, 2, generator=chance).double()
    try:
        got = [torch.as_tensor(part) for part in answer(real, imag, a, b, conv)]
    except Exception as problem:
        return off(
            f"The function stopped with {type(problem).__name__}: {problem}",
            f"函数出错，{type(problem).__name__}：{problem}",
        )
    products = ((real, a), (imag, b), (real, b), (imag, a))
    p, q, r, s = (functional.conv2d(*product) for product in products)
    if len(got) != 2 or any(part.shape != p.shape or part.is_complex() for part in got):
        return off(
            "Return two real tensors: real and imaginary part.", "应当返回实部和虚部两个张量。"
        )

    def gives(first, second):
        pairs = zip(got, (first, second), strict=True)
        return all(torch.allclose(part.double(), wanted, atol=1e-6) for part, wanted in pairs)

    if gives(p - q, r + s) and len(calls) == 3:
        return right("Three convolutions do the work of four.", "三次卷积做了四次的工作。")
    if gives(p - q, r + s):
        return off(
            f"The result is right, and took {len(calls)} calls of `conv`, not three: what does "
            "conv(real + imag, a + b) hold?",
            f"结果对了，但 `conv` 用了 {len(calls)} 次：conv(real + imag, a + b) 里有哪些乘积？",
        )
    mistakes = [
        ((r + s, p - q), "Real and imaginary part are exchanged.", "实部和虚部颠倒了。"),
        ((p + q, r + s), "The sign in the real part: i times i is -1, so it is a difference.",
         "实部的符号不对：i 乘 i 等于 -1，所以是相减。"),
        ((p - q, p + q + r + s), "The imaginary part still holds the other two products: subtract "
         "both from conv(real + imag, a + b).",
         "虚部里还含有另外两个乘积：从 conv(real + imag, a + b) 里把它们都减掉。"),
        ((p - q, r + s + 2 * q), "The imaginary part subtracts one product only: subtract both.",
         "虚部只减去了一个乘积：两个都要减。"),
    ]  # fmt: skip
    otherwise = (
        "The result is off: (x + iy)(a + ib) = (xa - yb) + i(xb + ya).",
        "结果不对：(x + iy)(a + ib) = (xa - yb) + i(xb + ya)。",
    )
    return off(*next((texts for parts, *texts in mistakes if gives(*parts)), otherwise))


def check_reach(answer):
    """Check how far down in frequency the memory before the fourth encoder reaches.

    Parameters
    ----------
    answer : float
        In Hz.

    Returns
    -------
    Verdict
        Right at 3800: 19 rows of 8 times 25 Hz.

    Examples
    --------
    >>> check_reach(475)
    ✗ That is 19 rows of 25 Hz...
    """
    return number(
        answer,
        "reach",
        3800,
        ("19 rows below, 200 Hz apart: 3800 Hz, nearly half of the range. A harmonic here can be "
         "judged by all those below it.",
         "往下 19 行，行距 200 Hz：3800 Hz，将近全部频率的一半。"
         "判断一个谐波时，可以参考它下面的所有谐波。"),
        {
            4000: ("20 rows, but the newest of them is the row itself: 19 lie below.",
                   "共 20 行，但最新的一行就是它自己：下面只有 19 行。"),
            475: ("That is 19 rows of 25 Hz, but each encoder before took every second row only.",
                  "这是 19 行、每行 25 Hz，但前面每个编码器都只保留一半的行。"),
            1900: ("Half of it: three encoders come before this memory, not two.",
                   "只有一半：这个记忆前面有三个编码器，而不是两个。"),
            7600: ("Twice too much: three encoders come before this memory, not four.",
                   "多了一倍：这个记忆前面有三个编码器，而不是四个。"),
            19: ("That is in rows: how many Hz apart are they?", "这是行数：行距是多少 Hz？"),
            3.8: ("In kHz it is right: give it in Hz.", "以 kHz 为单位是对的：请换算成 Hz。"),
        },
        ("The rows below the present one, times 25 Hz, doubled by each encoder that came before.",
         "当前行下面的行数，乘以行距：25 Hz，每经过一个编码器加倍一次。"),
    )  # fmt: skip


def check_running(answer, x):
    """Check the mean of each channel over all rows and over all frames up to the present one.

    Parameters
    ----------
    answer : Tensor or ndarray [shape=(channels, frames)]
        The running means.
    x : Tensor [shape=(channels, rows, frames)]
        What they are of.

    Returns
    -------
    Verdict
        Right within a thousandth of the largest mean.

    Examples
    --------
    >>> import torch
    >>> check_running(torch.ones(2), torch.ones(2, 3, 4))
    ✗ One number a channel is the mean over all, the future too...
    """
    if answer is None or answer is ...:
        return blank("running")
    x = np.asarray(x.detach(), dtype=np.float64)
    try:
        got = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):  # words; a tensor that still has its gradient
        got = np.full((), np.nan)
    channels, _, frames = x.shape
    shapes = {
        (channels,): (
            "One number a channel is the mean over all, the future too: give one for each frame.",
            "每个通道一个数，是整段录音（包括未来）的平均：这里要每帧一个数。"),
        x.shape: ("The rows are still there: the mean goes over all of them as well, x.mean(1).",
                  "行还在：平均也要对所有的行进行，x.mean(1)。"),
    }  # fmt: skip
    if got.shape != (channels, frames):
        otherwise = (
            f"`running` should be a table of {channels} channels and {frames} frames.",
            f"`running` 应当是 {channels} 个通道、{frames} 帧的表。",
        )
        return off(*shapes.get(got.shape, otherwise))
    if not np.isfinite(got).all():
        return off(
            "`running` holds NaN or infinity: the first mean is over one frame, not over none.",
            "`running` 里有 NaN 或无穷大：第一个平均是对一帧，而不是对零帧。",
        )
    each = x.mean(1)  # (channels, frames)
    sums, count = each.cumsum(1), np.arange(1, frames + 1)
    wanted = sums / count
    mistakes = [
        (each, "Those are the means of each frame alone, without what came before.",
         "这是每一帧自己的平均，没有包括之前的帧。"),
        (sums, "Those are sums: divide by how many frames they hold, 1, 2, 3 and so on.",
         "这是累加和：还要除以帧数 1、2、3……"),
        (np.repeat(each.mean(1, keepdims=True), frames, 1),
         "The mean over the whole recording, repeated: it knows the future.",
         "这是整段录音的平均重复了许多遍：它知道未来。"),
        (each[:, ::-1].cumsum(1)[:, ::-1] / count[::-1],
         "Time is turned round: those means go from the present frame to the end.",
         "时间方向反了：这些平均是从当前帧到结尾。"),
        (np.pad(wanted, ((0, 0), (1, 0)))[:, :-1],
         "One frame too old: the present frame counts too.", "晚了一帧：当前帧也算在内。"),
    ]  # fmt: skip

    def off_by(other):
        return np.abs(got - other).max() / np.abs(other).max()

    if off_by(wanted) < 1e-3:
        return right("Each mean ends at its frame; the last is over all.", "每个平均到当前帧为止。")
    otherwise = (
        "The means are off: frame 2 should hold the mean over all rows of frames 0, 1 and 2.",
        "平均值不对：第 2 帧应当是第 0、1、2 帧所有行的平均。",
    )
    return off(*next((texts for wrong, *texts in mistakes if off_by(wrong) < 1e-3), otherwise))


def check_wait(answer):
    """Check how long the output must wait for the frames that it depends on.

    Parameters
    ----------
    answer : float
        In milliseconds.

    Returns
    -------
    Verdict
        Right from 319.8 to 320: a sample more or less is not asked about.

    Examples
    --------
    >>> check_wait(280)
    ✗ 14 frames, but the window is missing...
    """
    fine = isinstance(answer, int | float | np.number) and 319.8 <= float(answer) <= 320.1
    return number(
        320 if fine else answer,
        "wait",
        320,
        ("14 hops of 20 ms and a window of 40 ms: nearly a third of a second. In a talk over the "
         "telephone people would begin to interrupt each other.",
         "14 个 20 ms 的帧移，加上 40 ms 的窗：将近三分之一秒。打电话时，双方会开始抢话。"),
        {
            280: ("14 frames, but the window is missing: the last frame has to be whole.",
                  "14 帧算对了，还缺窗长：最后一帧必须完整。"),
            300: ("The last frame is a window long, 40 ms, not a hop.",
                  "最后一帧的长度是窗长 40 ms，而不是帧移。"),
            180: ("One U-Net looks 7 frames ahead, and there are two, one after the other.",
                  "一个 U-Net 向前看 7 帧，这里有两个，前后相接。"),
            600: ("Frames of 40 ms are only 20 ms apart: they overlap.",
                  "帧长是 40 ms，但帧移只有 20 ms：它们是重叠的。"),
            5119: ("In samples: divide by 16 for ms.", "这是采样点数：除以 16 得毫秒。"),
            0.32: ("In seconds it is right: give it in ms.", "以秒为单位是对的：请换算成毫秒。"),
        },
        ("The frames to come, one every 20 ms, and then a whole window of 40 ms.",
         "未来的帧，每 20 ms 一帧，再加上完整的 40 ms 的窗。"),
    )  # fmt: skip
