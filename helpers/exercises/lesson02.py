"""Checkers of 02_sound_and_spectra: aliasing, levels, a band cut out of a spectrum."""

import numpy as np

from helpers.clip import decibel
from helpers.exercises.verdict import clip_faults, diagnosis, number_fault, off, right


def check_alias(answer, frequency=7000, rate=8000):
    """Check which frequency is heard when a tone is sampled without a filter.

    Parameters
    ----------
    answer : float
        The frequency heard, in Hz.
    frequency : float
        The tone's, in Hz, above rate / 2 and below rate.
    rate : int
        Samples a second, in Hz.

    Returns
    -------
    Verdict
        Right at rate - frequency, where the samples are the same.

    Examples
    --------
    >>> check_alias(1000)
    ✓ 1000 Hz: 7000 Hz folds down at 4000 Hz, as in a mirror. ...
    """
    fault = number_fault(answer, "heard")
    if fault is not None:
        return fault
    value, half, heard = float(answer), rate / 2, rate - frequency
    if abs(value - heard) < 0.5:
        return right(
            f"{heard:g} Hz: {frequency:g} Hz folds down at {half:g} Hz, as in a mirror. Sampled at "
            f"{rate} Hz the two can't be told apart.",
            f"{heard:g} Hz：{frequency:g} Hz 在 {half:g} Hz 处像照镜子一样折叠下来。"
            f"采样率为 {rate} Hz 时，这两个音的采样点分不出彼此。",
        )
    if abs(value + heard) < 0.5:
        return off(
            f"{value:g} Hz is the right distance; the minus only turns the wave upside down, which "
            "nobody hears. Give it as a positive frequency.",
            f"{value:g} Hz 的绝对值是对的；负号只是把波形上下翻转，人耳听不出来。请写成正的频率。",
        )
    if abs(1000 * value - heard) < 0.5:
        return off(
            f"{value:g} is right in kHz, and Hz are asked for.",
            f"{value:g} kHz 是对的，但这里要用 Hz。",
        )
    if abs(value - (frequency - half)) < 0.5:
        return off(
            f"{value:g} Hz is how far the tone lies above {half:g} Hz. It lands as far below that "
            "line, not above zero.",
            f"{value:g} Hz 是这个音超出 {half:g} Hz 的距离。"
            "它会落在这条线以下同样远的地方，而不是从零算起。",
        )
    if value > half:
        return off(
            f"{value:g} Hz can't come out: at {rate} samples a second nothing above {half:g} Hz "
            "exists.",
            f"不可能听到 {value:g} Hz：采样率为 {rate} Hz 时，{half:g} Hz 以上的频率都不存在。",
        )
    return off(
        f"{value:g} Hz is {abs(value - heard):g} Hz off: mirror {frequency:g} Hz at {half:g} Hz.",
        f"{value:g} Hz 差了 {abs(value - heard):g} Hz："
        f"请把 {frequency:g} Hz 以 {half:g} Hz 为镜面折下来。",
    )


def check_level(answer, clip, target=-30):
    """Check a clip that was to be brought to a level by a gain computed by hand.

    Parameters
    ----------
    answer : Clip
        The clip times one number.
    clip : Clip
        The clip as it was.
    target : float
        The root mean square that is asked for, in dB re full scale.

    Returns
    -------
    Verdict
        Right within 0.1 dB.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> loud = Clip([0.5, -0.5], 8000)
    >>> check_level(loud.gain(-30 - loud.level), loud)
    ✓ -30.0 dB, by a gain of -24.0 dB, which is a factor of 0.063.
    """
    fault = clip_faults(answer, "quieter", clip.rate, len(clip))
    if fault is not None:
        return fault
    new, old = answer.samples.astype(np.float64), clip.samples.astype(np.float64)
    factor = float(new @ old / (old @ old))
    if not np.allclose(new, factor * old, atol=1e-3 * np.abs(new).max(initial=1e-9)):
        return off(
            "The waveform has another shape than before: multiply all samples by one number.",
            "波形的形状变了：应当给所有采样点乘上同一个数。",
        )
    gain = target - clip.level
    if abs(answer.level - target) < 0.1:
        return right(
            f"{answer.level:.1f} dB, by a gain of {gain:.1f} dB, which is a factor of "
            f"{factor:.3f}.",
            f"{answer.level:.1f} dB：增益是 {gain:.1f} dB，也就是乘以 {factor:.3f}。",
        )
    wrong, excess = answer.level - clip.level, answer.level - target
    if abs(wrong) < 0.01:
        return off(
            f"`quieter` is as loud as before, {clip.level:.1f} dB: a gain of {gain:.1f} dB is "
            "missing.",
            f"`quieter` 和原来一样响，{clip.level:.1f} dB：还差 {gain:.1f} dB 的增益。",
        )
    hints = {
        2 * gain: (
            "that is the gain twice over: dB / 10 is for power, dB / 20 for amplitude.",
            "增益算了两遍：功率除以 10，幅度除以 20。",
        ),
        gain / 2: (
            "that is half the gain: dB / 20 is the exponent of 10 for amplitude.",
            "增益只算了一半：幅度的指数是 dB / 20。",
        ),
        -gain: (
            "the gain has the wrong sign: target minus level.",
            "增益的符号反了：应当是目标减去当前电平。",
        ),
        target - clip.peak: (
            "that is the level of the peak; asked for is the root mean square.",
            "这是峰值的电平，题目要的是均方根（RMS）。",
        ),
        decibel(gain**2): (
            "the samples were multiplied by the decibels: 10 ** (dB / 20) makes a factor.",
            "直接用分贝数去乘了采样点：应先用 10 ** (dB / 20) 换算成倍数。",
        ),
    }
    otherwise = (
        "the factor is 10 ** (gain / 20), gain = target minus level.",
        "倍数是 10 ** (增益 / 20)。",
    )
    english, chinese = diagnosis(wrong, hints, otherwise)
    return off(
        f"`quieter` has {answer.level:.1f} dB, {abs(excess):.1f} dB too "
        f"{'loud' if excess > 0 else 'soft'}: {english}",
        f"`quieter` 是 {answer.level:.1f} dB，{'响' if excess > 0 else '轻'}了 "
        f"{abs(excess):.1f} dB：{chinese}",
    )


def check_telephone(answer, clip, low=300, high=3400):
    """Check a clip of which only a band of frequencies was to be left.

    Parameters
    ----------
    answer : Clip
        The filtered sound.
    clip : Clip
        The sound before.
    low, high : float
        The band to keep, in Hz.

    Returns
    -------
    Verdict
        Right where the band is left alone and the rest lies 30 dB or more below what it was.
    """
    fault = clip_faults(answer, "telephone", clip.rate, len(clip))
    if fault is not None:
        return fault
    change = _change(answer, clip, low, high)
    below, band, above = change
    if abs(band) < 1 and max(below, above) < -30:
        return right(
            f"{low}-{high} Hz is left as it was; what lies below and above is 30 dB down or more.",
            f"{low}-{high} Hz 原样保留，上下两侧都降低了 30 dB 以上。",
        )
    if max(map(abs, change)) < 1:
        return off(
            "Nothing has changed: multiply the spectrum by your band before `spectra.istft`.",
            "声音没有变化：在 `spectra.istft` 之前，要先把频谱乘上这个频带。",
        )
    if band < -20:
        return off(
            f"The band itself is gone ({band:+.0f} dB): it is the ones that must stand inside it.",
            f"频带本身被去掉了（{band:+.0f} dB）：频带之内应当是 1，之外是 0。",
        )
    if abs(band) >= 1:
        return off(
            f"The band {low}-{high} Hz changed by {band:+.1f} dB: leave it alone, times 1.",
            f"{low}-{high} Hz 频带变化了 {band:+.1f} dB：频带内应保持原样，乘以 1。",
        )
    told = " / ".join(f"{value:+.0f}" for value in change)
    lower = below > above
    return off(
        f"What lies {f'below {low}' if lower else f'above {high}'} Hz is still there ({told} dB "
        "below, in and above the band). Row k is k * rate / size Hz.",
        f"{f'{low} Hz 以下' if lower else f'{high} Hz 以上'}的声音还在"
        f"（频带以下、之内、以上的变化：{told} dB）。第 k 行的频率是 k * rate / size。",
    )


def _change(answer, clip, low, high):
    """Measure by how many dB each of three regions changed, 60 Hz away from the edges."""
    hertz = np.fft.rfftfreq(len(clip), 1 / clip.rate)
    new, old = (
        np.abs(np.fft.rfft(each.samples.astype(np.float64))) ** 2 for each in (answer, clip)
    )
    inside = (hertz > low + 60) & (hertz < high - 60)
    regions = hertz < low - 60, inside, hertz > high + 60
    return [decibel((new[part].sum() + 1e-12) / (old[part].sum() + 1e-12)) for part in regions]
