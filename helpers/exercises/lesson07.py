"""Checkers of 07_denoise_with_frcrn: the padding, what was taken away, a little of it put back."""

import numpy as np

from helpers.exercises.verdict import clip_faults, number, off, right


def check_padding(answer, seconds=10, rate=16000):
    """Check how many zeros the pipeline puts after a recording.

    Parameters
    ----------
    answer : int
        The zeros, in samples.
    seconds : float
        How long the recording is.
    rate : int
        Samples a second, in Hz.

    Returns
    -------
    Verdict
        Right by the formula in the pipeline's source, for 1.75 s and more.

    Examples
    --------
    >>> check_padding(16000)
    ✓ 16000: ...
    """
    n, window, stride = round(seconds * rate), rate, rate * 3 // 4
    strides = (n - window) // stride
    zeros = n - strides * stride
    return number(
        answer,
        "zeros",
        zeros,
        (f"{zeros}: {strides} strides fit exactly, no zero was needed, and a whole window is added "
         "all the same.",
         f"{zeros}：正好放下 {strides} 个步长，本来一个零也不需要，却仍然补了整整一个窗。"),
        {
            0: ("That is what would be needed, not what the pipeline does: use its formula.",
                "这是实际需要的个数，而不是流水线的做法：请套用它的公式。"),
            n + zeros: ("That is the length after padding; the zeros alone are asked for.",
                        "这是补零之后的总长度；这里只问补了多少个零。"),
            n - (n // stride) * stride: ("Take the first window off before you count strides.",
                                         "数步长之前，先减去第一个窗。"),
            strides: ("That is the number of strides: put it into the formula.",
                      "这是步长的个数：请代入公式。"),
            zeros / rate: ("Right in seconds; samples are asked for.",
                           "以秒计是对的；这里要采样点数。"),
        },
        (f"Not quite: t = {n}, then the two lines of the cell above.",
         f"还不对：令 t = {n}，再照上面单元格的两行计算。"),
    )  # fmt: skip


def check_removed(answer, noisy, kept):
    """Check what a denoiser took away.

    Parameters
    ----------
    answer : Clip
        The recording minus what was kept.
    noisy : Clip
        The recording.
    kept : Clip
        What the denoiser kept, at the recording's level.

    Returns
    -------
    Verdict
        Right where both add up to the recording.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> noisy, kept = Clip([0.5, -0.3], 8000), Clip([0.4, -0.3], 8000)
    >>> check_removed(Clip(noisy.samples - kept.samples, 8000), noisy, kept)
    ✓ Kept and taken away add up to the recording again.
    """
    fault = clip_faults(answer, "taken", noisy.rate, len(noisy))
    if fault is not None:
        return fault
    wanted, scale = noisy.samples - kept.samples, 1e-3 * np.abs(noisy.samples).max()
    known = {
        "plus": noisy.samples + kept.samples,
        "turned": -wanted,
        "kept": kept.samples,
        "noisy": noisy.samples,
    }
    if np.abs(answer.samples - wanted).max() < scale:
        return right(
            "Kept and taken away add up to the recording again.",
            "保留的与去掉的加起来又是原来的录音。",
        )
    found = [name for name, wave in known.items() if np.abs(answer.samples - wave).max() < scale]
    hints = {
        "plus": ("That is the sum; subtract what was kept.", "这是相加；请减去保留的部分。"),
        "turned": (
            "Upside down: the recording minus what was kept.",
            "减反了：用录音减去保留的部分。",
        ),
        "kept": ("That is what was kept.", "这是保留下来的部分。"),
        "noisy": ("That is the recording itself.", "这是录音本身。"),
    }
    total = np.abs(answer.samples + kept.samples - noisy.samples).max()
    other = (
        f"Kept and yours together miss the recording by up to {total:.3f}: subtract each sample.",
        f"你的答案加上保留的部分，与录音最多相差 {total:.3f}：请逐个采样点相减。",
    )
    return off(*(hints[found[0]] if found else other))


def check_softer(answer, noisy, kept, db=-12):
    """Check a recording whose noise was made softer instead of taken away.

    Parameters
    ----------
    answer : Clip
        What was kept, plus a part of what was taken away.
    noisy : Clip
        The recording.
    kept : Clip
        What the denoiser kept, at the recording's level.
    db : float
        By how much the rest was to be changed.

    Returns
    -------
    Verdict
        Right within 0.1 dB.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> noisy, kept = Clip([0.5, -0.3, 0.1], 8000), Clip([0.4, -0.3, 0.0], 8000)
    >>> check_softer(Clip([0.425, -0.3, 0.025], 8000), noisy, kept)
    ✓ The rest is 12.0 dB softer, ...
    """
    fault = clip_faults(answer, "softer", noisy.rate, len(noisy))
    if fault is not None:
        return fault
    rest = (noisy.samples - kept.samples).astype(np.float64)
    extra = answer.samples - kept.samples
    share = float(extra @ rest) / float(rest @ rest)
    if np.abs(extra - share * rest).max() > 1e-3 * np.abs(noisy.samples).max():
        return off(
            "This is not what was kept plus a share of the rest: did the voice get softer too?",
            "这不是“保留的部分加上一份余下的部分”：是不是连人声也变轻了？",
        )
    if share <= 0:
        return off(
            "None of the rest is left: add it, times a factor between 0 and 1.",
            "余下的部分一点也没有了：请乘上 0 到 1 之间的系数再加回来。",
        )
    change = 20 * np.log10(share)
    if abs(change - db) < 0.1:
        return right(
            f"The rest is {-change:.1f} dB softer, and the voice as loud as before.",
            f"余下的部分轻了 {-change:.1f} dB，人声和原来一样响。",
        )
    if abs(change - 2 * db) < 0.1:
        return off(
            f"The rest changed by {change:.1f} dB, twice too much: a factor on samples is an "
            "amplitude, so divide the dB by 20 and not by 10.",
            f"余下的部分变化了 {change:.1f} dB，多了一倍：乘在采样点上的是幅度，"
            "应当把分贝数除以 20，而不是 10。",
        )
    return off(
        f"The rest changed by {change:+.1f} dB, and {db:+.1f} dB is asked for.",
        f"余下的部分变化了 {change:+.1f} dB，应为 {db:+.1f} dB。",
    )
