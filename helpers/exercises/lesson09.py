"""Checkers of 09_cancel_echo: a step of NLMS by hand, a delay, an ERLE."""

import numpy as np

from helpers import adaptive, echo
from helpers.clip import decibel
from helpers.exercises.verdict import blank, number, off, right


def check_step(answer, weights, recent, heard, step=0.5):
    """Check the weights after one step of NLMS.

    Parameters
    ----------
    answer : array_like [shape=(taps,)]
        The new weights.
    weights : ndarray [shape=(taps,)]
        The old ones.
    recent : ndarray [shape=(taps,)]
        The far end's last samples, the newest first.
    heard : float
        The microphone's sample.
    step : float
        The step size.

    Returns
    -------
    Verdict
        Right to 1e-6.

    Examples
    --------
    >>> check_step([0.5, 0.0], np.zeros(2), np.array([1.0, 0.0]), heard=1.0)
    ✓ The filter now predicts 0.50 where it predicted 0.00, and 1.00 was heard: of the ...
    """
    if answer is None or answer is ...:
        return blank("new_weights")
    try:
        new = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        kind = type(answer).__name__
        return off(
            f"`new_weights` is a {kind}: an array of numbers is asked for.",
            f"`new_weights` 是 {kind}：这里要一个由数组成的数组。",
        )
    if new.shape != weights.shape:
        return off(
            f"`new_weights` has the shape {new.shape}, and the filter has {weights.shape}.",
            f"`new_weights` 的形状是 {new.shape}，滤波器的形状是 {weights.shape}。",
        )
    if not np.isfinite(new).all():
        return off(
            "`new_weights` holds NaN or infinity: is there a division by zero?",
            "`new_weights` 里有 NaN 或无穷大：是不是除以了零？",
        )
    before, power = weights @ recent, recent @ recent
    error = heard - before
    change = step * error * recent / power
    if np.allclose(new, weights + change, atol=1e-6):
        return right(
            f"The filter now predicts {new @ recent:.2f} where it predicted {before:.2f}, and "
            f"{heard:.2f} was heard: of the error, {step:.0%} is gone, which is the step.",
            f"滤波器原来预测 {before:.2f}，现在预测 {new @ recent:.2f}，实际听到的是 {heard:.2f}："
            f"误差减少了 {step:.0%}，这正是步长。",
        )
    mistakes = [
        (
            weights - change,
            "the sign is turned: this step makes the error larger.",
            "符号反了：这一步让误差变大了。",
        ),
        (
            weights + step * error * recent,
            "that is LMS: it is not divided by the power of the far end, so it explodes when the "
            "far end is loud.",
            "这是 LMS：没有除以远端信号的功率，远端一响就会发散。",
        ),
        (
            weights + step * error * recent / np.sqrt(power),
            "divided by the norm; the power is its square, `recent @ recent`.",
            "你除以了范数；应当除以它的平方，即功率 `recent @ recent`。",
        ),
        (
            weights + step * error * recent / (power / len(recent)),
            "divided by the mean power: it is the sum over all taps.",
            "你除以了平均功率；应当除以所有抽头的功率之和。",
        ),
        (
            weights + step * heard * recent / power,
            "that is the sample heard; the step needs the error, what was heard minus what the "
            "filter predicted.",
            "你用了麦克风的采样值；应当用误差，即听到的减去滤波器预测的。",
        ),
        (
            weights + change / step,
            "the whole step: it has to be multiplied by the step size.",
            "走了整整一步：还要乘以步长。",
        ),
        (
            change,
            "that is the change alone: add it to the old weights.",
            "这只是改变量：还要加上旧的权重。",
        ),
        (
            weights + change[::-1],
            "the change is back to front: the first weight belongs to the newest sample.",
            "顺序反了：第一个权重对应最新的采样点。",
        ),
        (weights, "these are the old weights.", "这还是旧的权重。"),
    ]
    for wrong, english, chinese in mistakes:
        if np.allclose(new, wrong, atol=1e-6):
            return off(f"Not yet there: {english}", f"还不对：{chinese}")
    return off(
        f"With these weights the filter predicts {new @ recent:.3f}; the right ones predict "
        f"{before + step * error:.3f}: error times step times `recent`, divided by its power.",
        f"用这些权重滤波器预测 {new @ recent:.3f}，正确的应预测 {before + step * error:.3f}。"
        "误差乘以步长，再乘以 `recent`，除以它的功率。",
    )


def check_delay(answer, mic, far):
    """Check by how many milliseconds an echo comes after the far end.

    Parameters
    ----------
    answer : float
        The delay in ms.
    mic, far : Clip
        The microphone's recording and the far end.

    Returns
    -------
    Verdict
        Right within 0.05 ms, less than a sample at 16 kHz.

    Examples
    --------
    >>> far = echo.Clip(np.random.default_rng(0).normal(size=16000), 16000)
    >>> check_delay(20, adaptive.shift(far, 320, 16000), far)
    ✓ 20.0 ms, 320 samples: the way through air, cable and buffers.
    """
    lag = adaptive.bulk_delay(mic, far)
    late = 1000 * lag / mic.rate
    hints = {
        lag: (
            "that is the number of samples: divide by the rate.",
            "这是采样点数：还要除以采样率。",
        ),
        late / 1000: ("that is in seconds, and ms are asked for.", "这是秒，题目要的是毫秒。"),
        -late: (
            "the sign is turned: the echo comes after the far end, so conjugate the far end's "
            "spectrum and not the microphone's.",
            "符号反了：回声在远端之后，所以应当对远端的频谱取共轭，而不是麦克风的。",
        ),
        2 * late: (
            f"twice too much: there are {mic.rate} samples a second.",
            f"多了一倍：每秒有 {mic.rate} 个采样点。",
        ),
    }
    return number(
        answer,
        "late",
        late,
        (
            f"{late:.1f} ms, {lag} samples: the way through air, cable and buffers.",
            f"{late:.1f} ms，即 {lag} 个采样点：这是经过空气、线缆和缓冲区所用的时间。",
        ),
        hints,
        (
            "Not quite: take the lag of the strongest correlation, and divide by the rate.",
            "不太对：找出互相关最强处的延迟，再除以采样率。",
        ),
    )


def check_erle(answer, mic, out, stop=4.0):
    """Check an ERLE that was to be measured while the far end spoke alone.

    Parameters
    ----------
    answer : float
        In dB.
    mic, out : Clip
        The recording before and after.
    stop : float
        The second at which the near end begins to speak.

    Returns
    -------
    Verdict
        Right within 0.05 dB.

    Examples
    --------
    >>> noise = echo.Clip(np.random.default_rng(0).normal(size=80000), 16000)
    >>> check_erle(-20, noise, noise.gain(-20))
    ✗ The sign is turned: before over after, so that a larger ERLE is better.
    """
    before, after = mic.cut(0, stop), out.cut(0, stop)
    wanted, whole = echo.erle(before, after), echo.erle(mic, out)
    power = [np.square(clip.samples, dtype=np.float64).mean() for clip in (before, after)]
    peaks = before.peak - after.peak
    hints = {
        -wanted: (
            "The sign is turned: before over after, so that a larger ERLE is better.",
            "符号反了：应当用处理前除以处理后，ERLE 越大越好。",
        ),
        2 * wanted: (
            "Twice too much: 20 log10 is for amplitudes, and this is a ratio of powers.",
            "多了一倍：20 log10 用于幅度，而这里是功率之比。",
        ),
        wanted / 2: (
            "Half of it: 10 log10 is for powers, and this is a ratio of amplitudes.",
            "少了一半：10 log10 用于功率，而这里是幅度之比。",
        ),
        power[0] / power[1]: (
            "That is the ratio of the powers: make it decibels.",
            "这是功率之比：还要换算成分贝。",
        ),
        whole: (
            f"That is over the whole recording, near end and all: only up to {stop:g} s does the "
            "far end speak alone.",
            f"这是对整段录音计算的，近端也算进去了：只有前 {stop:g} 秒是远端单独说话。",
        ),
        peaks: (
            "Those are the peaks: the mean powers are asked for.",
            "这是峰值：题目要的是平均功率。",
        ),
        decibel(power[0] / np.square(before.samples - after.samples, dtype=np.float64).mean()): (
            "You divided by what was taken out: divide by what is left.",
            "你除以了被去掉的部分：应当除以剩下的部分。",
        ),
    }
    return number(
        answer,
        "my_erle",
        wanted,
        (
            f"{wanted:.1f} dB: one part in {10 ** (wanted / 10):.0f} of the echo's power is left.",
            f"{wanted:.1f} dB：回声功率只剩下约 {10 ** (wanted / 10):.0f} 分之一。",
        ),
        hints,
        (
            f"Not quite: the mean power before over the mean power after, up to {stop:g} s, in dB.",
            f"不太对：取前 {stop:g} 秒，用处理前的平均功率除以处理后的平均功率，再换算成分贝。",
        ),
    )
