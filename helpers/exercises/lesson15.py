"""Checkers of 15_real_time: a latency budget, a ring buffer, and skips that wait."""

import numpy as np

from helpers.exercises.verdict import blank, number, off, right


def check_budget(answer):
    """Check the latency of windows of 32 ms, hops of 8 ms and one hop of look-ahead.

    Parameters
    ----------
    answer : float
        In milliseconds, as the DNS challenges count it.

    Returns
    -------
    Verdict
        Right at 48: window, hop and look-ahead.

    Examples
    --------
    >>> check_budget(40)
    ✗ The look-ahead is missing: one hop more that has to be waited for.
    """
    praise = (
        "48 ms: 8 too many. A window of 24 ms would do, or no look-ahead.",
        "48 ms：超出 8 ms。窗长改成 24 ms，或者不看未来，就行了。",
    )
    hints = {
        40.0: ("The look-ahead is missing: one hop more that has to be waited for.",
               "少了前瞻：还要多等一个帧移。"),
        32.0: ("That is the window alone: what waits for the next hop, and for the look-ahead?",
               "这只是窗长：等下一个帧移、等前瞻的时间呢？"),
        41.0: ("The look-ahead counts in hops of 8 ms, not in milliseconds.",
               "前瞻以帧移（8 ms）计，而不是以毫秒计。"),
        16.0: ("The window is missing: its first sample waits for its last.",
               "少了窗长：窗里的第一个采样点要等到最后一个。"),
    }  # fmt: skip
    otherwise = ("Add up window, hop and look-ahead, in ms.", "把窗长、帧移和前瞻相加，单位 ms。")
    return number(answer, "budget", 48.0, praise, hints, otherwise)


def check_ring(answer):
    """Check a function that reads a ring buffer, oldest value first.

    Parameters
    ----------
    answer : callable
        Takes the ring, an array, and the place that is written next.

    Returns
    -------
    Verdict
        Right where it gives all values in the order that they came in.

    Examples
    --------
    >>> check_ring(lambda ring, place: ring)
    ✗ That is the order in which they lie, not the one in which they came...
    """
    if answer is None or answer is ...:
        return blank("in_order")
    if not callable(answer):
        return off(
            "`in_order` is to be a function: def in_order(ring, place).",
            "`in_order` 应当是一个函数：def in_order(ring, place)。",
        )
    for size, written in ((4, 6), (5, 5), (3, 10), (8, 9)):
        ring = np.zeros(size)
        for value in range(written):
            ring[value % size] = value
        place, wanted = written % size, np.arange(written - size, written)
        before = ring.copy()
        try:
            got = np.asarray(answer(ring, place), dtype=float)
        except Exception as problem:
            return off(
                f"The function stopped with {type(problem).__name__}: {problem}",
                f"函数出错，{type(problem).__name__}：{problem}",
            )
        if not np.array_equal(ring, before):
            return off(
                "The function changed the ring, which goes on being used: return a new array.",
                "函数改动了环形缓冲，而它还要继续用：请返回新的数组。",
            )
        if got.shape == wanted.shape and np.array_equal(got, wanted):
            continue
        mistakes = (
            (ring, "That is the order in which they lie, not the one in which they came: "
             "ring[place] is the oldest.", "这是存放的次序，不是到来的次序："
             "ring[place] 是最旧的。"),
            (wanted[::-1], "The newest comes first: turn it round.", "最新的排在了最前：倒过来。"),
            (np.roll(ring, place), "It was turned the wrong way: ring[place] has to come first.",
             "转的方向反了：ring[place] 应当排在最前。"),
        )  # fmt: skip
        for wrong, english, chinese in mistakes:
            if got.shape == wrong.shape and np.array_equal(got, wrong):
                return off(english, chinese)
        return off(
            f"A ring of {size} into which 0 to {written - 1} were written, next place {place}, "
            f"should give {wanted.tolist()}, and gave {got.tolist()}.",
            f"大小为 {size} 的环写入了 0 到 {written - 1}，下一个位置是 {place}，应当给出 "
            f"{wanted.tolist()}，却给出了 {got.tolist()}。",
        )
    return right(
        "Oldest first, and nothing was moved to write it.", "最旧的在前，写入时什么也不用搬动。"
    )


def check_skips(answer):
    """Check by how many frames each skip has to wait for decoders that are a frame late each.

    Parameters
    ----------
    answer : sequence of int
        For the inputs of the second to the seventh decoder.

    Returns
    -------
    Verdict
        Right at 1 to 6.

    Examples
    --------
    >>> check_skips([1, 1, 1, 1, 1, 1])
    ✗ Each decoder adds a frame: what reaches the third one has been through two.
    """
    if answer is None or answer is ...:
        return blank("waits")
    try:
        got = [float(value) for value in answer]
    except (TypeError, ValueError):
        return off("`waits` is to be a list of six numbers.", "`waits` 应当是六个数的列表。")
    if len(got) != 6:
        return off(
            f"Six decoders have a skip, and this is a list of {len(got)}.",
            f"有跳跃连接的解码器是六个，这个列表里有 {len(got)} 个数。",
        )
    if got == [1, 2, 3, 4, 5, 6]:
        return right(
            "One frame more at each stage, seven at the end, twice: 14 frames of delay, the "
            "look-ahead of lesson 08 paid in another coin.",
            "每一级多一帧，到最后七帧，两个 U-Net 共 14 帧延迟：第 08 课的前瞻，换了一种方式来付。",
        )
    if len(set(got)) == 1:
        return off(
            "Each decoder adds a frame: what reaches the third one has been through two.",
            "每个解码器多加一帧：到达第三个的，已经过了两个。",
        )
    if got == [6, 5, 4, 3, 2, 1]:
        return off(
            "That is from the outside in: the second decoder is the innermost that has a skip.",
            "这是从外向里数的：第二个解码器才是带跳跃连接的最里面一个。",
        )
    if got == [0, 1, 2, 3, 4, 5]:
        return off(
            "The first decoder is late, too: what reaches the second one has been through it.",
            "第一个解码器也晚一帧：到达第二个的，已经过了它。",
        )
    return off(
        "Count the decoders that the other input of each join has been through.",
        "数一数：每处拼接的另一路输入，已经过了几个解码器。",
    )
