"""Checkers of 13_failure_clinic: from symptom to cause, what wraps round, what is lost."""

from helpers.exercises.verdict import matching, number

CASES = {
    "the track of the person far away is as loud as the other": "levels",
    "the right half of a stereo interview is silent": "channels",
    "loud passages crackle like sparks": "overflow",
    "every run sounds different, and none like speech": "weights",
    "the last word of a two-minute file is gone": "tail",
}
WHY = {
    "levels": ("each track was divided by its own largest sample", "每条音轨都除以了自己的最大值"),
    "channels": ("only the left channel was read", "只读了左声道"),
    "overflow": ("numbers above 32767 started again from below",
                 "超过 32767 的数从最小值重新开始了"),
    "weights": ("the file with the weights was missing, and random numbers ran instead",
                "权重文件缺失，用的是随机数"),
    "tail": ("the last window was not full, and the rest was left out",
             "最后一个窗没有填满，剩下的被丢掉了"),
}  # fmt: skip


def check_causes(answer):
    """Check which cause stands behind each symptom.

    Parameters
    ----------
    answer : dict
        From each symptom in `CASES` to one of the keys of `WHY`.

    Returns
    -------
    Verdict
        Right where all five agree; else the first that does not.

    Examples
    --------
    >>> check_causes(CASES)
    ✓ All five. ...
    """
    praise = (
        "All five. None of them raised an error, and each can be heard.",
        "五个全对。它们都不报错，但每一个都能听出来。",
    )
    return matching(answer, "causes", CASES, WHY, praise)


def check_wrap(answer, value=40000):
    """Check what a number becomes that is too large for 16 bits.

    Parameters
    ----------
    answer : int
        The 16-bit number.
    value : int
        The number before.

    Returns
    -------
    Verdict
        Right at value - 65536.

    Examples
    --------
    >>> check_wrap(-25536)
    ✓ -25536: ...
    """
    wrapped = (value + 32768) % 65536 - 32768
    return number(
        answer,
        "wrapped",
        wrapped,
        (f"{wrapped}: {value} minus 65536. From one sample to the next the wave jumps through the "
         "whole range, and that is the crackle.",
         f"{wrapped}：{value} 减去 65536。波形在相邻采样点之间跳过整个范围，听起来就是爆裂声。"),
        {
            32767: ("That is what clipping would give, and what should happen.",
                    "这是削波的结果，也是本该发生的事。"),
            value: ("16 bits can't hold it: the largest is 32767.", "16 位放不下：最大是 32767。"),
            value - 32768: ("Subtract 65536, the number of different values, not half of it.",
                            "应当减去 65536，即不同取值的个数，而不是它的一半。"),
            -wrapped: ("Right but for the sign.", "只差一个正负号。"),
        },
        ("Not quite: values that differ by 65536 have the same 16 bits.",
         "还不对：相差 65536 的两个数，低 16 位相同。"),
    )  # fmt: skip


def check_short(answer, n=52000, hop=320, frame=640):
    """Check how many samples come back from a transform that drops what fills no frame.

    Parameters
    ----------
    answer : int
        The samples.
    n : int
        Samples that went in.
    hop, frame : int
        Step and length of the frames, in samples.

    Returns
    -------
    Verdict
        Right at the end of the last full frame.

    Examples
    --------
    >>> check_short(51840)
    ✓ 51840: 160 samples are gone.
    """
    frames = n // hop + 1  # a frame of padding goes before and after
    wanted = (frames - 1) * hop
    return number(
        answer,
        "back",
        wanted,
        (f"{wanted}: {n - wanted} samples are gone.", f"{wanted}：少了 {n - wanted} 个采样点。"),
        {
            n - wanted: ("That is how many are lost; how many come back?",
                         "这是丢掉的个数；回来的有多少？"),
            n: ("That is what went in: is it a multiple of the hop?",
                "这是进去的个数：它是步长的整数倍吗？"),
            n // frame * frame: ("Frames overlap: they begin every hop, not every frame.",
                                 "帧是重叠的：每个步长就开始一帧，而不是每个帧长。"),
            n // hop: ("That is a number of hops; times the hop.", "这是步数，再乘以步长。"),
        },
        (f"Not quite: the largest multiple of {hop} that fits into {n}.",
         f"还不对：不超过 {n} 的 {hop} 的最大整数倍。"),
    )  # fmt: skip
