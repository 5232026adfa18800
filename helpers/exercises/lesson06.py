"""Checkers of 06_inside_mossformer: a chunk in time, attention without a table, costs, masks."""

import numpy as np

from helpers.exercises.verdict import blank, number, number_fault, off, right


def check_span(answer):
    """Check how long one chunk of the local attention lasts.

    Parameters
    ----------
    answer : float
        In ms.

    Returns
    -------
    Verdict
        Right at 256: 128 frames, 16 samples apart, at 8 kHz. So is 258, with the last frame's end.

    Examples
    --------
    >>> check_span(128)
    ✗ That is the number of frames...
    """
    return number(
        256 if _near(answer, 258, 0.05) else answer,  # the end of the last frame counted as well
        "span",
        256,
        ("A quarter of a second, about a syllable. The published model gets the same from twice "
         "the frames at half the hop.",
         "四分之一秒，大约一个音节。公开发布的模型帧数多一倍、帧移短一半，长度相同。"),
        {
            128: ("That is the number of frames: how far apart are they?",
                  "这是帧数：相邻两帧相距多少？"),
            2048: ("That is in samples: 8 of them make a millisecond.",
                   "这是采样点数：8 个采样点是一毫秒。"),
            512: ("Frames are 32 samples long, but they start every 16 samples.",
                  "每帧长 32 个采样点，但每隔 16 个采样点就开始新的一帧。"),
            4096: ("In samples, and with frames 32 apart; they start every 16.",
                   "这是采样点数，而且按帧移 32 计算；其实每隔 16 个采样点就有一帧。"),
            0.256: ("In seconds it is right: give it in ms.", "以秒为单位是对的：请换算成毫秒。"),
        },
        ("Not quite: frames in a chunk, times samples from one frame to the next, by 8 a ms.",
         "还不对：每块的帧数，乘以帧移（采样点），再除以每毫秒 8 个采样点。"),
    )  # fmt: skip


def check_linear(answer):
    """Check linear attention, its result and what it holds in memory.

    Parameters
    ----------
    answer : callable
        From queries and keys [shape=(n, d)] and values [shape=(n, e)] to a tensor [shape=(n, e)].

    Returns
    -------
    Verdict
        Right where the result is, and no table of n times n was made on the way.

    Examples
    --------
    >>> check_linear(lambda q, k, values: q @ k.T @ values / len(q))
    ✗ The result is right, but on the way...
    """
    import torch

    from helpers.lab import probe

    if answer is None or answer is ...:
        return blank("linear")
    if not callable(answer):
        return off("`linear` is to be a function.", "`linear` 应当是一个函数。")
    n, chance = 500, torch.Generator().manual_seed(6)
    q, k, values = (torch.randn(n, width, generator=chance) for width in (4, 4, 6))
    got = []
    try:
        cost = probe.cost(lambda: got.append(torch.as_tensor(answer(q, k, values)).double()))
    except Exception as problem:
        return off(
            f"The function stopped with {type(problem).__name__}: {problem}",
            f"函数出错，{type(problem).__name__}：{problem}",
        )
    got, q, k, values = got[0], q.double(), k.double(), values.double()
    if got.shape != values.shape:
        return off(
            f"Return one row for each frame, {tuple(values.shape)}; this is {tuple(got.shape)}.",
            f"应当每帧返回一行，形状 {tuple(values.shape)}；现在是 {tuple(got.shape)}。",
        )
    scores = q @ k.T  # (n, n)
    wanted = scores @ values / n

    def gives(other):
        return torch.allclose(got, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))

    if gives(wanted) and cost.bytes < n * n:
        return right(
            f"Right: it needed {cost.bytes / 1000:.0f} KB; a table of {n} times {n} has 1000.",
            f"正确：只用了 {cost.bytes / 1000:.0f} KB；{n} 乘 {n} 的表格要 1000 KB。",
        )
    if gives(wanted):
        return off(
            f"The result is right, but on the way there was a table of {n} times {n} numbers: put "
            "the brackets around keys and values.",
            f"结果对了，但中间出现了 {n} 乘 {n} 的表格：请先把键和值相乘（注意括号）。",
        )
    mistakes = [
        (wanted * n, "Divide by the number of frames, or a longer recording gets louder.",
         "还要除以帧数，否则录音越长，结果越大。"),
        (wanted * n / q.shape[1], "Divided by the width of the queries; the number of frames is "
         "asked for.", "除以了查询的宽度；应当除以帧数。"),
        (wanted * n / q.shape[1] ** 0.5, "That is the scale of a usual transformer, the root of "
         "the width; here it is the number of frames.",
         "这是普通 Transformer 的缩放（宽度的平方根）；这里应当除以帧数。"),
        (scores.T @ values / n, "Queries and keys are exchanged.", "查询和键颠倒了。"),
        (scores.softmax(1) @ values, "That is a softmax: linear attention has none, which is why "
         "the brackets may move.", "这里用了 softmax：线性注意力没有它，所以括号才可以移动。"),
        (scores.relu().square() @ values / n, "That is squared, as in the chunks: linear attention "
         "leaves the scores as they are.", "这里取了平方，那是块内注意力：线性注意力不改变分数。"),
    ]  # fmt: skip
    otherwise = (
        "The result is off: each query times (the keys' sum of products with the values), by n.",
        "结果不对：用查询乘以（键与值之积的总和），再除以 n。",
    )
    return off(*next((texts for other, *texts in mistakes if gives(other)), otherwise))


def check_even(answer, chunk=256, width=128, values=2048):
    """Check from how many frames on MossFormer's attention is the cheaper one.

    Parameters
    ----------
    answer : float
        In frames, where full attention costs as much as chunks and linear attention together.
    chunk, width, values : int
        Frames of a chunk, width of the queries, width of v and u together.

    Returns
    -------
    Verdict
        Right within a frame of chunk + 2 width values / (width + values).

    Examples
    --------
    >>> check_even(256)
    ✗ That is the chunk alone...
    """
    even = chunk + 2 * width * values / (width + values)
    half, both = values // 2, width + values
    return number(
        even if _near(answer, even, 1.1) else answer,
        "even",
        even,
        (f"{even:.0f} frames, half a second at 1000 frames a second. Anything longer than a word "
         "is cheaper MossFormer's way.",
         f"{even:.0f} 帧，每秒 1000 帧，即半秒。比一个词更长的录音，都是 MossFormer 的做法更省。"),
        {
            chunk: ("That is the chunk alone: the linear attention costs something too.",
                    "这只是块的长度：线性注意力也有代价。"),
            even - chunk: ("That is the linear attention alone: the chunks cost something too.",
                           "这只是线性注意力：块内注意力也有代价。"),
            (even + chunk) / 2: ("Linear attention is two products: keys with values, and queries "
                                 "with that.",
                                 "线性注意力有两次乘法：键乘值，查询再乘以其结果。"),
            chunk + 2 * width * half / (width + half): (
                "v and u are attended to: 2048 values a frame, not 1024.",
                "v 和 u 都要参与注意力：每帧 2048 个值，而不是 1024 个。"),
            chunk + 2 * width: ("Nearly: the full attention also multiplies queries with keys, "
                                f"{both} products a pair of frames.",
                                f"差一点：全注意力还要把查询与键相乘，每对帧共 {both} 次乘法。"),
            even / 1000: ("In seconds it is right: give it in frames.",
                          "以秒为单位是对的：请换算成帧数。"),
        },
        ("Not quite: set n n (d + e) equal to n g (d + e) + 2 n d e, and divide by n (d + e).",
         "还不对：令 n n (d + e) 等于 n g (d + e) + 2 n d e，再除以 n (d + e)。"),
    )  # fmt: skip


def check_hard(answer, masks):
    """Check masks that give every number of the encoder to one of two speakers.

    Parameters
    ----------
    answer : Tensor or ndarray [shape=(2, 1, filters, frames)]
        1 where a speaker's mask is the larger one, else 0.
    masks : Tensor [shape=(2, 1, filters, frames)]
        The network's.

    Returns
    -------
    Verdict
        Right where that holds; what is equal may be given to either.

    Examples
    --------
    >>> import torch
    >>> masks = torch.tensor([[[[0.2, 3.0]]], [[[0.4, 1.0]]]])
    >>> check_hard(masks > 0.5, masks)
    ✗ Compared with one half: compare both masks with each other...
    """
    if answer is None or answer is ...:
        return blank("hard")
    masks = np.asarray(masks.detach())
    try:
        got = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):  # words; a tensor that still has its gradient
        got = np.full((), np.nan)
    if got.shape != masks.shape:
        if got.shape in (masks.shape[1:], masks.shape[2:]):
            return off(
                "That is one mask: stack it with that of the other speaker, which is its opposite.",
                "这只是一个掩蔽：请与另一个人的掩蔽叠在一起，后者正好相反。",
            )
        return off(
            f"`hard` should have the shape of the masks, {masks.shape}.",
            f"`hard` 的形状应当与掩蔽相同：{masks.shape}。",
        )
    first = masks[0] > masks[1]
    differ = masks[0] != masks[1]  # (1, filters, frames)
    wanted = np.stack([first, ~first]).astype(float)

    def gives(other):
        return np.array_equal(got[:, differ], np.asarray(other, dtype=float)[:, differ])

    if gives(wanted) and np.array_equal(got.sum(0), np.ones_like(got[0])):
        return right("Each number goes to one speaker only.", "每个数只归一个人：全有或全无。")
    mistakes = [
        (wanted, "Right, but for places where both masks are equal: give them to one speaker.",
         "其余都对，只是两个掩蔽相等的地方应当只给一个人。"),
        (wanted * masks, "The larger mask is kept as it was: put 1 in its place.",
         "保留了较大的掩蔽原来的值：请换成 1。"),
        (wanted[::-1], "The wrong way round: 1 where a speaker's own mask is the larger one.",
         "正好反了：应当在自己的掩蔽较大处取 1。"),
        (masks > 0.5, "Compared with one half: compare both masks with each other.",
         "你与 0.5 比较了：应当让两个掩蔽互相比较。"),
        (np.stack([first, first]), "Both speakers got the same mask: turn the second one round.",
         "两个人得到了同样的掩蔽：请把第二个反过来。"),
    ]  # fmt: skip
    agree = 100 * (got == wanted).mean()
    otherwise = (
        f"{agree:.0f} % of the numbers are right: 1 where masks[0] > masks[1], and its opposite.",
        f"{agree:.0f}% 的数是对的：masks[0] > masks[1] 处取 1，否则取 0；另一个正好相反。",
    )
    return off(*next((texts for other, *texts in mistakes if gives(other)), otherwise))


def _near(answer, wanted, by):
    """Tell whether an answer is a number that lies so near."""
    return number_fault(answer, "") is None and abs(float(answer) - wanted) < by
