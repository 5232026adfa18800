"""Checkers of 03_mixtures_and_masks: a mixture at an SNR, a binary mask, the best real mask."""

import numpy as np

from helpers import masks, spectra
from helpers.clip import decibel
from helpers.exercises.verdict import blank, clip_faults, diagnosis, off, right


def check_mixture(answer, speech, noise, snr=5):
    """Check a mixture of speech and noise that was to have a signal-to-noise ratio.

    Parameters
    ----------
    answer : Clip
        The speech plus the noise times one number.
    speech, noise : Clip
        The two, of one length and rate, before the noise was scaled.
    snr : float
        The ratio of mean powers that is asked for, in dB.

    Returns
    -------
    Verdict
        Right within 0.1 dB.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> low, high = Clip(np.sin(np.arange(8000) / 9), 8000), Clip(np.sin(np.arange(8000)), 8000)
    >>> check_mixture(low.with_samples(low.samples + high.samples), low, high)
    ✗ Your SNR is 0.0 dB, so the noise is 5.0 dB too loud: the noise was not scaled at all.
    """
    fault = clip_faults(answer, "mine", speech.rate, len(speech))
    if fault is not None:
        return fault
    parts = np.stack([speech.samples, noise.samples], axis=1).astype(np.float64)
    shares, *_ = np.linalg.lstsq(parts, answer.samples.astype(np.float64), rcond=None)
    voice, hiss = map(float, shares)
    left = answer.samples - parts @ shares
    if np.square(left).mean() > 1e-4 * np.square(answer.samples.astype(np.float64)).mean():
        return off(
            "There is more in it than these two clips times a number each: add the samples, change "
            "nothing else.",
            "里面除了这两段声音各乘一个数之外还有别的东西：只要把采样点相加，别的都不要改。",
        )
    if abs(voice) < 0.01:
        return off(
            "The speech is missing: the mixture is the speech plus the scaled noise.",
            "缺少语音：混合语音等于语音加上缩放后的噪声。",
        )
    if abs(hiss) < 1e-6:
        return off(
            "That is the speech alone: add the scaled noise.",
            "这里只有语音：还要加上缩放后的噪声。",
        )
    found = speech.level - noise.level + decibel((voice / hiss) ** 2)
    if abs(found - snr) < 0.1 and abs(voice - 1) > 0.01:
        return off(
            f"The ratio is right, and the speech was changed by {decibel(voice**2):+.1f} dB: scale "
            "the noise only.",
            f"信噪比对了，但语音变化了 {decibel(voice**2):+.1f} dB：只应缩放噪声。",
        )
    if abs(found - snr) < 0.1:
        return right(
            f"The SNR is {found:.1f} dB: the noise was turned by {decibel(hiss**2):+.1f} dB.",
            f"信噪比是 {found:.1f} dB：噪声的增益是 {decibel(hiss**2):+.1f} dB。",
        )
    start = speech.level - noise.level
    gain = start - snr
    hints = {
        start - 2 * gain: (
            "10 ** (dB / 10) is a factor of power; samples are amplitudes, 10 ** (dB / 20).",
            "10 ** (dB / 10) 是功率的倍数；采样点是幅度，应当用 10 ** (dB / 20)。",
        ),
        start - gain / 2: ("that is half the gain, in dB.", "增益（dB）只算了一半。"),
        -snr: (
            "the sign of the SNR is turned: a positive SNR means less noise.",
            "信噪比的符号反了：信噪比为正，噪声应当更小。",
        ),
        start: ("the noise was not scaled at all.", "噪声根本没有缩放。"),
        start + gain: ("the gain's sign is turned.", "增益的符号反了。"),
        snr + start - (speech.peak - noise.peak): (
            "it is the peaks that have this ratio; the mean power was asked for.",
            "达到这个比值的是峰值，题目要的是平均功率之比。",
        ),
    }
    otherwise = (
        "the gain in dB is the speech's level minus the noise's minus the SNR.",
        "增益（dB）等于语音电平减去噪声电平，再减去信噪比。",
    )
    english, chinese = diagnosis(found, hints, otherwise)
    return off(
        f"Your SNR is {found:.1f} dB, so the noise is {abs(found - snr):.1f} dB too "
        f"{'loud' if found < snr else 'soft'}: {english}",
        f"你的信噪比是 {found:.1f} dB，差了 {abs(found - snr):.1f} dB：{chinese}",
    )


def check_binary(answer, target, rest):
    """Check an ideal binary mask.

    Parameters
    ----------
    answer : ndarray [shape=(1 + size / 2, frames)]
        Zeros and ones, or booleans.
    target, rest : Clip
        What the mask is to keep, and the other voice.

    Returns
    -------
    Verdict
        Right where 999 cells of 1000 agree.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> low, high = Clip(np.sin(np.arange(8000) / 9), 8000), Clip(np.sin(np.arange(8000)), 8000)
    >>> check_binary(masks.binary(low, high), low, high).passed
    True
    """
    ideal = masks.binary(target, rest)
    fault = _table_fault(answer, "his_mask", ideal.shape)
    if fault is not None:
        return fault
    mask = np.asarray(answer)
    if not np.isin(mask, (0, 1)).all():
        return off(
            "There are values between 0 and 1: that is a ratio mask; a binary one decides, `>`.",
            "里面有 0 和 1 之外的值：那是比值掩蔽；二值掩蔽要用 `>` 作出决定。",
        )
    agree, kept = (mask == ideal).mean(), f"{mask.mean():.0%}"
    if agree > 0.999:
        return right(
            f"Your mask keeps {kept} of the cells and throws the rest away.",
            f"你的掩蔽保留了 {kept} 的时频点，其余的全部舍去。",
        )
    part, other = spectra.stft(target), spectra.stft(rest)
    if (mask == (np.abs(part) > np.abs(part + other))).mean() > 0.99:
        return off(
            "You compared the voice with the mixture: compare it with the other voice.",
            "你拿这个人的声音去和混合语音比了：应当和另一个人的声音比。",
        )
    if agree < 0.05:
        return off(
            "That is the other voice's mask: `>` the other way round.",
            "这是另一个人的掩蔽：大于号的方向反了。",
        )
    return off(
        f"{1 - agree:.0%} of the cells are decided otherwise than in the ideal mask: compare the "
        "magnitudes, `np.abs(...)`, of the two voices.",
        f"有 {1 - agree:.0%} 的时频点和理想掩蔽不一致："
        "应当比较两个人声音的幅度，即 `np.abs(...)`。",
    )


def check_best_real(answer, target, mixture):
    """Check the real mask that comes nearest to the target.

    Parameters
    ----------
    answer : ndarray [shape=(1 + size / 2, frames)]
        Real numbers.
    target, mixture : Clip
        What the mask is to keep, and the whole.

    Returns
    -------
    Verdict
        Right where the mask leaves the error of the real part of the complex mask.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> low, high = Clip(np.sin(np.arange(8000) / 9), 8000), Clip(np.sin(np.arange(8000)), 8000)
    >>> mixture = low.with_samples(low.samples + high.samples)
    >>> check_best_real(masks.complex_ratio(low, mixture).real, low, mixture).passed
    True
    """
    ideal = masks.complex_ratio(target, mixture)
    fault = _table_fault(answer, "best_mask", ideal.shape)
    if fault is not None:
        return fault
    mask = np.asarray(answer)
    if np.iscomplexobj(mask):
        return off(
            "Your mask is complex: it turns the phase as well, and a real one was asked for.",
            "你的掩蔽是复数的，连相位也改了；题目要的是实数掩蔽。",
        )
    size = 2 * (len(ideal) - 1)
    whole = np.abs(spectra.stft(mixture, size)) ** 2

    def error(other):  # what separates this mask's result from another's, re the mixture
        return decibel(float((whole * np.abs(mask - other) ** 2).sum() / whole.sum()) + 1e-12)

    if error(ideal.real) < -50:
        return right(
            "The real part of the complex mask, the phase-sensitive mask: no real mask does "
            "better.",
            "这正是复数掩蔽的实部，即相位敏感掩蔽：没有哪个实数掩蔽比它更好。",
        )
    rest = mixture.with_samples(mixture.samples - target.samples)
    hints = [
        (np.abs(ideal), "only the magnitudes' quotient", "只是幅度之比，没有考虑相位差"),
        (np.cos(np.angle(ideal)), "only the cosine", "只有余弦，还要乘以幅度之比"),
        (ideal.imag, "the imaginary part", "这是虚部，应当取实部"),
        (ideal.real.clip(0, 1), "right, but cut to 0...1", "掩蔽是对的，但被限制在 0 到 1 之间"),
        (masks.ratio(target, rest, 0.5, size), "the ratio mask", "这是比值掩蔽，没有用到相位"),
        (masks.ratio(target, rest, 1, size), "the Wiener mask", "这是维纳掩蔽，没有用到相位"),
        (masks.binary(target, rest, 0, size), "the binary mask", "这是二值掩蔽，没有用到相位"),
    ]
    for wrong, english, chinese in hints:
        if error(wrong) < -50:
            return off(
                f"That is {english}: take the target divided by the mixture, and of it the real "
                "part, whatever its size and sign.",
                f"{chinese}：请先用目标除以混合语音，再取实部，大小和正负都不限。",
            )
    gap = error(ideal.real)
    return off(
        f"Your result lies {gap:.0f} dB (re the mixture) away from the best one: in each cell, the "
        "target divided by the mixture, and of that the part that is real.",
        f"结果和最好的相差 {gap:.0f} dB（相对于混合语音）："
        "每个时频点上，先用目标除以混合语音，再取实部。",
    )


def _table_fault(answer, name, shape):
    """Verdict on an answer that is no table of numbers of this shape, or None where it is."""
    if answer is None or answer is ...:
        return blank(name)
    if not isinstance(answer, np.ndarray) or answer.dtype.kind not in "biufc":
        kind = type(answer).__name__
        return off(
            f"`{name}` is a {kind}: a mask is an array, a number for each cell of the spectrum.",
            f"`{name}` 是 {kind}：掩蔽应当是数组，频谱的每个时频点对应一个数。",
        )
    if answer.shape != shape:
        return off(
            f"`{name}` has the shape {answer.shape}, and the spectrum has {shape}.",
            f"`{name}` 的形状是 {answer.shape}，频谱的形状是 {shape}。",
        )
    if not np.isfinite(answer).all():
        return off(
            f"`{name}` holds NaN or infinity: is there a division by zero?",
            f"`{name}` 里有 NaN 或无穷大：是不是除以了零？",
        )
    return None
