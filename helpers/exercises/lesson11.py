"""Checkers of 11_long_and_fast: fades of another shape, three speakers in order, a folded norm."""

from itertools import permutations

import numpy as np

from helpers.exercises.verdict import blank, off, right


def check_fades(answer, length=1000):
    """Check two fades for the stretch that two windows have in common.

    Parameters
    ----------
    answer : sequence of two array_like [shape=(length,)]
        What the old window and what the new window is multiplied by.
    length : int
        The samples that both windows have.

    Returns
    -------
    Verdict
        Right where one falls from 1 to 0, the other rises, both curved, and they sum to one.

    Examples
    --------
    >>> t = (np.arange(1000) + 0.5) / 1000
    >>> check_fades((np.cos(t * np.pi / 2), np.sin(t * np.pi / 2)))
    ✗ In the middle they sum to 1.414, which is 3.0 dB too loud...
    """
    fades, fault = _arrays(answer, "fades", (length,), 2)
    if fault is not None:
        return fault
    out, into = fades
    if out[0] < 0.1 and out[-1] > 0.9 and into[0] > 0.9 and into[-1] < 0.1:
        return off(
            "The other way round: the old window's fade comes first, and falls.",
            "顺序反了：先写旧窗的淡出，它应当从 1 降到 0。",
        )
    total = out + into
    worst = total[np.abs(total - 1).argmax()]
    if abs(worst - 1) > 1e-3:
        if np.abs(out**2 + into**2 - 1).max() < 1e-3:
            loud = 20 * np.log10(worst)
            return off(
                f"In the middle they sum to {worst:.3f}, which is {loud:.1f} dB too loud: their "
                "squares sum to one. That suits two different sounds; these two are the same one.",
                f"两者在中点之和为 {worst:.3f}，响了 {loud:.1f} dB：你让平方和等于 1。"
                "那适合两段不同的声音，而这里是同一段声音。",
            )
        return off(
            f"Where it is worst they sum to {worst:.3f}, and it should be 1 everywhere: make the "
            "second one 1 minus the first.",
            f"最差处两者之和为 {worst:.3f}，而处处都应为 1：令第二个等于 1 减第一个。",
        )
    if not (out[0] > 0.99 and out[-1] < 0.01):
        return off(
            f"They sum to one, but the old window starts at {out[0]:.2f} and ends at "
            f"{out[-1]:.2f}: it should go from 1 to 0, or there is a step at the ends.",
            f"和等于 1，但旧窗从 {out[0]:.2f} 到 {out[-1]:.2f}：应当从 1 到 0，否则两端会有跳变。",
        )
    if np.abs(np.diff(out, 2)).max() < 1e-8:
        return off(
            "Right, but these are the straight lines of above: bend them.",
            "没有错，但这还是上面的直线：请换成弯曲的形状。",
        )
    return right(
        "They sum to one at every sample: what both windows agree on passes unchanged.",
        "每个采样点上两者之和都是 1：两个窗一致的内容原样通过。",
    )


def check_order(answer, alike):
    """Check which track of a new window continues which speaker.

    Parameters
    ----------
    answer : sequence of int
        For each speaker so far, the row of the new window.
    alike : array_like [shape=(speakers, speakers)]
        How alike each speaker so far (rows) is to each new track (columns).

    Returns
    -------
    Verdict
        Right where the sum of the likenesses is the greatest.

    Examples
    --------
    >>> check_order([0, 1], [[0.9, 0.8], [0.8, 0.1]])
    ✗ These pairs add up to 1.00, and another order to 1.60...
    """
    alike = np.asarray(alike, dtype=float)
    n = len(alike)
    rows, fault = _arrays(None if answer is None or answer is ... else [answer], "order", (n,), 1)
    if fault is not None:
        return fault
    order = [int(i) for i in rows[0]]
    if sorted(order) != list(range(n)) or (rows[0] % 1).any():
        return off(
            f"Each of the numbers 0 to {n - 1} once: every new track belongs to one speaker.",
            f"0 到 {n - 1} 每个数恰好出现一次：每条新音轨只属于一位说话人。",
        )

    def total(order):
        return sum(alike[i, order[i]] for i in range(n))

    best = list(max(permutations(range(n)), key=total))
    if order == best:
        return right(
            f"These pairs add up to {total(best):.2f}, and no other order to more.",
            f"这样配对之和为 {total(best):.2f}，没有别的排列更大。",
        )
    if order == np.argsort(best).tolist():
        return off(
            "The other way round: you gave each new track its speaker; give each speaker a track.",
            "方向反了：你给每条新音轨找了说话人；这里要给每位说话人找音轨。",
        )
    first = int(alike[0].argmax())
    greedy = (
        f" Speaker 0 alone would like track {first}, but somebody else then gets a bad one.",
        f"单看 0 号说话人，音轨 {first} 最像，但那样别人就只能分到很差的。",
    )
    hint = greedy if order[0] == first != best[0] else ("", "")
    return off(
        f"These pairs add up to {total(order):.2f}, and another order to {total(best):.2f}."
        + hint[0],
        f"这样配对之和为 {total(order):.2f}，另一种排列可达 {total(best):.2f}。" + hint[1],
    )


def check_folded(answer, conv, norm):
    """Check a convolution that does the work of a batch norm as well.

    Parameters
    ----------
    answer : sequence of two tensors
        The new weight, shaped like the old one, and the new bias.
    conv : torch.nn.Conv2d
        The convolution.
    norm : torch.nn.BatchNorm2d
        The norm after it, with the statistics that it learnt.

    Returns
    -------
    Verdict
        Right where the convolution with these numbers equals both layers.

    Examples
    --------
    >>> import torch
    >>> conv, norm = torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2)
    >>> _ = norm.running_var.fill_(4.0)
    >>> check_folded((conv.weight / 4, conv.bias / 4), conv, norm)
    ✗ You divided by the variance: the norm divides by its square root...
    """
    if answer is None or answer is ...:
        return blank("folded")
    try:
        parts = dict(zip(("weight", "bias"), answer, strict=True))
    except (TypeError, ValueError):
        return off(
            "`folded` is a pair: the new weight and the new bias.",
            "`folded` 应当是一对：新的权重和新的偏置。",
        )
    w, b, mean, var, gamma, beta = (
        t.detach().double().numpy()
        for t in (conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.weight,
                  norm.bias)
    )  # fmt: skip
    got = []
    for (name, part), like in zip(parts.items(), (w, b), strict=True):
        part = part.detach() if hasattr(part, "detach") else part
        found, fault = _arrays([part], f"folded: {name}", like.shape, 1)
        if fault is not None:
            return fault
        got.append(found[0])
    scale = gamma / np.sqrt(var + norm.eps)

    def fold(scale, bias):
        return w * scale.reshape(-1, 1, 1, 1), bias

    known = [
        (fold(scale, beta + (b - mean) * scale), None),
        (fold(gamma / var, beta + (b - mean) * gamma / var),
         ("You divided by the variance: the norm divides by its square root.",
          "你除以了方差；应当除以方差的平方根。")),
        (fold(scale, beta + (b + mean) * scale),
         ("The bias has the mean's sign wrong: the norm takes the mean away.",
          "偏置里均值的符号反了：归一化是减去均值。")),
        (fold(scale, b),
         ("The weight is right; the bias has to go through the norm too.",
          "权重对了；偏置也要经过归一化。")),
        (fold(scale, beta - mean * scale),
         ("The weight is right; the bias forgets what the convolution itself added.",
          "权重对了；但偏置里漏掉了卷积自己的偏置。")),
        (fold(scale, beta + b * scale),
         ("The weight is right; the bias forgets the mean.",
          "权重对了；但偏置里漏掉了均值。")),
        (fold(scale, beta + b - mean * scale),
         ("The weight is right; the convolution's bias has to be scaled like the weight.",
          "权重对了；卷积的偏置也要像权重一样缩放。")),
        ((w, beta + (b - mean) * scale),
         ("The bias is right; the weight is still the old one: scale it too.",
          "偏置对了；权重还是旧的：也要缩放。")),
    ]  # fmt: skip
    for (weight, bias), texts in known:
        if _near(got[0], weight) and _near(got[1], bias):
            if texts is None:
                return right(
                    "One convolution now does the work of both layers.",
                    "一个卷积现在完成了两层的工作。",
                )
            return off(*texts)
    part = ("weight", "权重") if not _near(got[0], known[0][0][0]) else ("bias", "偏置")
    return off(
        f"The {part[0]} is off: scale = norm.weight / sqrt(running_var + eps), one a channel; then "
        "weight * scale, and (bias - running_mean) * scale + norm.bias.",
        f"{part[1]}不对：每个通道 scale = norm.weight / sqrt(running_var + eps)；"
        "然后 weight * scale，(bias - running_mean) * scale + norm.bias。",
    )


def _near(a, b):
    return np.abs(a - b).max() <= 1e-4 * np.abs(b).max()


def _arrays(answer, name, shape, count):
    """Read arrays of one shape: (arrays, None), or (None, what is wrong)."""
    if answer is None or answer is ...:
        return None, blank(name)
    try:
        found = [np.asarray(part, dtype=np.float64) for part in answer]
    except (TypeError, ValueError, RuntimeError):
        kind = type(answer).__name__
        return None, off(
            f"`{name}` is a {kind} that holds no numbers.", f"`{name}` 是 {kind}，里面不是数。"
        )
    if len(found) != count or any(part.shape != shape for part in found):
        got = " and ".join(str(part.shape) for part in found) or "nothing"
        return None, off(
            f"`{name}` has the shapes {got}; asked for: {count} of {shape}.",
            f"`{name}` 的形状是 {got}；应为 {count} 个 {shape}。",
        )
    if not all(np.isfinite(part).all() for part in found):
        return None, off(
            f"`{name}` holds NaN or infinity: is there a division by zero?",
            f"`{name}` 里有 NaN 或无穷大：是不是除以了零？",
        )
    return found, None
