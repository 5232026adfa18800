"""Checkers of 14_capstone: how much two people overlap, which order is better, the report."""

import re

import numpy as np

from helpers.exercises.verdict import blank, number_fault, off, right

PARTS = {
    "recording": ("what was recorded, where and how long", "录了什么、在哪里、多长"),
    "chain": ("which models, which weights, in which order", "用了哪些模型、哪套权重、什么顺序"),
    "measured": ("figures with their units, before and after", "带单位的数字，处理前与处理后"),
    "heard": ("what you heard that the figures don't say", "数字没说、但你听到了的"),
    "limits": ("where it failed, and whom your figures don't speak for",
               "哪里失败了，你的数字不能代表谁"),
}  # fmt: skip


def talking(clip, seconds=0.02, floor=-45):
    """Tell for each short piece of a clip whether somebody talks in it.

    Parameters
    ----------
    clip : Clip
        One voice.
    seconds : float
        Length of a piece.
    floor : float
        Mean power below which a piece is a pause, in dB re full scale.

    Returns
    -------
    ndarray of bool [shape=(pieces,)]
        True where the piece is louder.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> talking(Clip([0.1, -0.1, 0.0, 0.0], 100)).tolist()
    [True, False]
    """
    n = round(seconds * clip.rate)
    pieces = clip.samples[: len(clip) // n * n].reshape(-1, n).astype(np.float64)
    return (pieces**2).mean(axis=1) > 10 ** (floor / 10)


def check_overlap(answer, first, second):
    """Check in how much of the time both people talk.

    Parameters
    ----------
    answer : float
        Percent of the whole duration.
    first, second : Clip
        The two voices, in time with each other.

    Returns
    -------
    Verdict
        Right within 2 percent of the duration.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> voice = Clip([0.1] * 200, 1000)
    >>> check_overlap(50, voice, Clip([0.1] * 100 + [0] * 100, 1000))
    ✓ Both talk in 50 % of the time. ...
    """
    fault = number_fault(answer, "overlap")
    if fault is not None:
        return fault
    value, one, two = float(answer), talking(first), talking(second)
    wanted, some = 100 * (one & two).mean(), 100 * (one | two).mean()
    if abs(value - wanted) < 2:
        return right(
            f"Both talk in {wanted:.0f} % of the time. Only there is there anything to separate.",
            f"{wanted:.0f}% 的时间里两个人都在说话。只有这些地方才需要分离。",
        )
    hints = [
        (wanted / 100, 0.02, "Right as a share; percent are asked for.",
         "作为比例是对的，这里要百分数。"),
        (some, 2, "That is where anybody talks: both at once needs `&`, not `|`.",
         "这是有人说话的时间；两个人都说要用 `&`，不是 `|`。"),
        (100 * wanted / max(some, 1e-9), 2, "That is a share of the time in which somebody talks; "
         "take the whole duration.", "这是占“有人说话的时间”的比例；请除以总时长。"),
        (100 * one.mean(), 2, "That is the first person's share.", "这是第一个人的比例。"),
        (100 * two.mean(), 2, "That is the second person's share.", "这是第二个人的比例。"),
        (100 - wanted, 2, "That is the rest, where at most one talks.",
         "这是其余的时间，最多一个人在说。"),
    ]  # fmt: skip
    for other, within, *texts in hints:
        if abs(value - other) < within:
            return off(*texts)
    return off(
        f"{value:g} % is {abs(value - wanted):.0f} off: both arrays, `&`, and the mean.",
        f"{value:g}% 差了 {abs(value - wanted):.0f}：两个数组用 `&`，再取平均。",
    )


def check_order(answer, scores):
    """Check which chain is the better one by its figures.

    Parameters
    ----------
    answer : str
        The chain's name.
    scores : dict
        From each chain's name to the SI-SDR improvements of both people, in dB.

    Returns
    -------
    Verdict
        Right where the mean is the highest.

    Examples
    --------
    >>> check_order("a", {"a": [5.0, 6.0], "b": [7.0, 2.0]})
    ✓ 5.5 dB in the mean, ...
    """
    if answer is None or answer is ...:
        return blank("better")
    if not isinstance(answer, str) or answer not in scores:
        return off(
            f"`better` should be one of {', '.join(map(repr, scores))}.",
            f"`better` 应是其中之一：{', '.join(map(repr, scores))}。",
        )
    means = {name: float(np.mean(gains)) for name, gains in scores.items()}
    best = max(means, key=means.get)
    if answer == best:
        return right(
            f"{means[best]:.1f} dB in the mean, and that is the highest. On one recording: would "
            "another noise or another pair turn it round?",
            f"平均 {means[best]:.1f} dB，是最高的。但这只是一段录音："
            "换一种噪声、换两个人，结论会不会反过来？",
        )
    return off(
        f"It gains {means[answer]:.1f} dB in the mean, and another gains {means[best]:.1f} dB.",
        f"它平均改善 {means[answer]:.1f} dB，另一种改善 {means[best]:.1f} dB。",
    )


def check_report(answer):
    """Check the form of the report: its five parts, its figures, its length.

    Parameters
    ----------
    answer : dict
        From each key of `PARTS` to a text.

    Returns
    -------
    Verdict
        Right where all parts are there and figures have units; what they say is the teacher's.

    Examples
    --------
    >>> check_report(dict.fromkeys(PARTS, ""))
    … Not yet: put your answer into `report`.
    """
    if answer is None or answer is ...:
        return blank("report")
    if not isinstance(answer, dict):
        kind = type(answer).__name__
        return off(
            f"`report` is a {kind}: keep the dictionary, and fill its five texts.",
            f"`report` 是 {kind}：请保留字典，填写五段文字。",
        )
    texts = {part: answer.get(part) for part in PARTS}
    texts = {part: text if isinstance(text, str) else "" for part, text in texts.items()}
    if not any(text.strip() for text in texts.values()):
        return blank("report")
    for part, (english, chinese) in PARTS.items():
        # A Chinese text has no spaces: two characters count as a word.
        words = len(re.findall(r"[A-Za-zÀ-ÿ0-9'.+-]+", texts[part]))
        words += len(re.findall(r"[\u4e00-\u9fff]", texts[part])) // 2
        if words < 8:
            return off(
                f"“{part}” has {words} words. It should say {english}.",
                f"“{part}”只有 {words} 个词。这一段应写：{chinese}。",
            )
    if len(re.findall(r"\d\s*(dB|%|s\b|秒)", texts["measured"])) < 2:
        return off(
            "“measured” needs at least two figures with units: before and after.",
            "“measured”里至少要有两个带单位的数字：处理前与处理后。",
        )
    return right(
        "Five parts, and figures with units. Now let somebody else read it who has not heard the "
        "recording: do they know what they would hear?",
        "五个部分都有，数字也有单位。现在请一个没听过录音的人读一读：他知道自己会听到什么吗？",
    )
