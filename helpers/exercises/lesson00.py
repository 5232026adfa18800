"""Checkers of 00_start_here: what a clip knows of itself, and a gain in decibels."""

import numpy as np

from helpers.exercises.verdict import clip_faults, number, off, right


def check_duration(answer, clip):
    """Check how long a recording lasts, computed from its samples.

    Parameters
    ----------
    answer : float
        The duration in seconds.
    clip : Clip
        The recording.

    Returns
    -------
    Verdict
        Right at samples divided by rate.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> check_duration(2.0, Clip(np.zeros(16000), 8000))
    ✓ 2.00 s: 16000 samples at 8000 a second.
    """
    n, rate, value = len(clip), clip.rate, clip.duration
    return number(
        answer,
        "seconds",
        value,
        (f"{value:.2f} s: {n} samples at {rate} a second.",
         f"{value:.2f} 秒：共 {n} 个采样点，每秒 {rate} 个。"),
        {
            n: ("That is the number of samples: divide it by how many there are in a second.",
                "这是采样点的个数：请除以每秒的个数。"),
            rate: ("That is the rate, the samples of one second: divide the samples by it.",
                   "这是采样率，即每秒的采样点数：请用采样点的个数除以它。"),
            1000 * value: ("Right, but in milliseconds; seconds are asked for.",
                           "对了，但单位是毫秒；这里要的是秒。"),
            1 / value: ("Upside down: samples divided by rate, not rate divided by samples.",
                        "除反了：是采样点数除以采样率。"),
            n / 16000: ("This recording has 8000 samples a second, not 16,000: ask mixture.rate.",
                        "这段录音每秒 8000 个采样点，而不是 16000 个：请看 mixture.rate。"),
        },
        (f"Not quite: {n} samples, {rate} of them in each second.",
         f"还差一点：共 {n} 个采样点，每秒 {rate} 个。"),
    )  # fmt: skip


def check_gain(answer, clip, db=-6):
    """Check a clip that was to be made softer.

    Parameters
    ----------
    answer : Clip
        The clip at another level.
    clip : Clip
        The clip as it was.
    db : float
        The gain that is asked for, in dB.

    Returns
    -------
    Verdict
        Right within 0.1 dB.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> loud = Clip([0.5, -0.5], 8000)
    >>> check_gain(loud.gain(-6), loud)
    ✓ -6.0 dB: every sample is 0.50 times what it was. ...
    """
    fault = clip_faults(answer, "softer", clip.rate, len(clip))
    if fault is not None:
        return fault
    factor = float(answer.samples @ clip.samples) / float(clip.samples @ clip.samples)
    if np.abs(answer.samples - factor * clip.samples).max() > 1e-3 * np.abs(clip.samples).max():
        return off(
            "This is another sound, and the same one, softer, is asked for: first.gain(...).",
            "这是另一段声音；这里要的是同一段、只是轻一些：first.gain(...)。",
        )
    change = answer.level - clip.level
    if abs(change - db) < 0.1:
        return right(
            f"{change:.1f} dB: every sample is {factor:.2f} times what it was. Lesson 02 says why.",
            f"{change:.1f} dB：每个采样点变为原来的 {factor:.2f} 倍。原因见第 02 课。",
        )
    if abs(change + db) < 0.1:
        return off(
            f"{change:+.1f} dB is louder: a gain below zero makes it softer.",
            f"{change:+.1f} dB 是更响：增益小于零才会变轻。",
        )
    return off(
        f"The level changed by {change:+.1f} dB, and {db:+.1f} dB is asked for.",
        f"电平变化了 {change:+.1f} dB，应为 {db:+.1f} dB。",
    )
