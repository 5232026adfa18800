"""Checkers of 10_compare_and_choose: subtract powers, count a delay, find the front, choose."""

import numpy as np

from helpers.exercises.verdict import blank, clip_faults, matching, number, off, right

CASES = {
    "a video call from a train": "streaming denoiser",
    "yesterday's lecture, with a fan in the room": "offline denoiser",
    "two guests at one microphone, often both at once": "separator",
    "two singers, two channels of a mixing desk, both heard in both": "ICA",
    "callers hear their own words come back": "echo canceler",
    "a studio voice with a hiss far below it": "nothing",
}
WHY = {
    "streaming denoiser": ("it must not wait for the future", "它不能等待未来的声音"),
    "offline denoiser": ("there is noise, no hurry, and the whole recording is there to be heard",
                         "有噪声，不赶时间，而且整段录音都可以用"),
    "separator": ("the disturbance is a voice, and there is one microphone",
                  "干扰也是人声，而且只有一支麦克风"),
    "ICA": ("there are as many microphones as people, and the mixture has no delays",
            "麦克风和人一样多，混合时也没有延迟"),
    "echo canceler": ("the disturbance is known: it was played by the loudspeaker",
                      "干扰是已知的：就是扬声器放出来的声音"),
    "nothing": ("every method takes a little of the voice, and here there is little to gain",
                "每种方法都会损失一点人声，而这里没有多少可改善的"),
}  # fmt: skip
CHOICES = tuple(WHY)


def check_power(answer, noisy, power):
    """Check a recording from which the noise's mean power was subtracted.

    Parameters
    ----------
    answer : Clip
        The result.
    noisy : Clip
        The recording.
    power : ndarray [shape=(bins, 1)]
        Mean power of the noise in each frequency.

    Returns
    -------
    Verdict
        Right where the difference from the right result is 40 dB below it.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> check_power(..., Clip(np.ones(8000), 8000), power=np.ones((129, 1)))
    … Not yet: put your answer into `mine`.
    """
    from helpers.spectra import istft, stft

    fault = clip_faults(answer, "mine", rate=noisy.rate, length=len(noisy))
    if fault is not None:
        return fault
    spectrum = stft(noisy)
    magnitude, phase = np.abs(spectrum), np.exp(1j * np.angle(spectrum))
    rest = magnitude**2 - power  # (bins, frames)
    kept = np.sqrt(np.maximum(rest, 0))
    wanted = istft(kept * phase, noisy).samples
    if _far(answer.samples, wanted) < -40:
        share = 100 * np.mean(rest < 0)
        return right(
            f"Powers subtracted. In {share:.0f} % of the cells that was all there was.",
            f"已按功率相减。有 {share:.0f}% 的时频点，减完之后什么也不剩。",
        )
    wiener = np.maximum(rest, 0) / np.maximum(magnitude**2, 1e-12)
    mistakes = [
        (noisy.samples, ("That is the recording itself: nothing was subtracted.",
                         "这就是原录音：什么也没有减去。")),
        (istft(np.maximum(magnitude - np.sqrt(power), 0) * phase, noisy).samples,
         ("Magnitudes were subtracted, as Boll does: square first, take the root afterwards.",
          "减的是幅度，即 Boll 的做法：应先平方，相减后再开方。")),
        (noisy.samples - wanted, ("That is what was taken away; what is left was asked for.",
                                  "这是被去掉的部分，这里要的是留下的部分。")),
        (istft(np.sqrt(np.abs(rest)) * phase, noisy).samples,
         ("Cells that went below zero came back by abs: set them to zero, np.maximum(..., 0).",
          "小于零的时频点被 abs 变回正数了：应设为零，np.maximum(..., 0)。")),
        (istft(wiener * spectrum, noisy).samples,
         ("The share of power was used as a gain: its root is the gain of the samples.",
          "把功率的比例当成了增益：开方之后才是对采样值的增益。")),
        (istft(kept.astype(complex), noisy).samples,
         ("The phase is gone: multiply what is left by exp(1j * angle(spectrum)).",
          "相位丢了：请把剩下的幅度乘以 exp(1j * angle(spectrum))。")),
        (istft(np.maximum(rest, 0) * phase, noisy).samples,
         ("Powers went into the inverse transform: take the root first.",
          "把功率直接送进了逆变换：请先开方。")),
    ]  # fmt: skip
    distances = [_far(_scaled(answer.samples, wave), wave) for wave, _ in mistakes]
    if min(distances) < -18:
        return off(*mistakes[int(np.argmin(distances))][1])
    far = _far(_scaled(answer.samples, wanted), wanted)
    return off(
        f"The difference from power subtraction is {far:.0f} dB; below -40 dB is asked for. Is it "
        "the root of |X|² - P, never below 0, with the phase of X?",
        f"与功率谱减法结果之差为 {far:.0f} dB，要求低于 -40 dB。"
        "是不是 |X|² - P 开方、不小于零、并带上 X 的相位？",
    )


def check_delay(answer, window, hop, ahead):
    """Check the delay that a method needs at least.

    Parameters
    ----------
    answer : float
        Milliseconds.
    window, hop : float
        Length of a frame, and from one frame to the next, in ms.
    ahead : int
        Frames of the future that the network asks for.

    Returns
    -------
    Verdict
        Right at one window and `ahead` hops.

    Examples
    --------
    >>> check_delay(32.0, window=20, hop=10, ahead=1)
    ✗ Not quite: ...
    """
    delay = window + ahead * hop
    return number(
        answer,
        "delay",
        delay,
        (f"{delay:g} ms: the first sample waits for the whole window and for {ahead} hops more.",
         f"{delay:g} ms：第一个采样点要等整个窗，再等 {ahead} 个帧移。"),
        {
            window: ("That is the window alone; the frames to come are waited for as well.",
                     "这只是窗长；后面的帧也要等。"),
            ahead * hop: ("That is the frames to come; the window itself has to fill first.",
                          "这只是后面的帧；窗本身也要先填满。"),
            (1 + ahead) * window: ("Frames overlap: each further one brings only a hop.",
                                   "各帧是重叠的：每多一帧只多等一个帧移。"),
            (1 + ahead) * hop: ("The first frame takes a whole window, not a hop.",
                                "第一帧要等整个窗，而不是一个帧移。"),
        },
        ("Not quite: one whole window, and a hop for each further frame.",
         "还不对：一个整窗，每多一帧再加一个帧移。"),
    )  # fmt: skip


def check_front(answer, systems):
    """Check which systems lie on the Pareto front.

    Parameters
    ----------
    answer : collection of str
        The names.
    systems : dict
        From each name to (cost, quality).

    Returns
    -------
    Verdict
        Right where the names are those that no other system beats.

    Examples
    --------
    >>> check_front({"A", "B"}, {"A": (1, 2.0), "B": (2, 1.5)})
    ✗ B does not belong: A costs 1 instead of 2 and reaches 2 instead of 1.5.
    """
    if answer is None or answer is ...:
        return blank("best")
    try:
        names = {answer} if isinstance(answer, str) else set(answer)
    except TypeError:
        names = {None}
    unknown = [name for name in names if name not in systems]
    if unknown or not names:
        choice = ", ".join(systems)
        return off(
            f"`best` should be a set of names out of: {choice}.",
            f"`best` 应是名称的集合，可选：{choice}。",
        )
    beaten = {name: _better(name, systems) for name in systems}
    for name in sorted(names):
        if beaten[name]:
            cost, quality = systems[name]
            rival, (less, more) = beaten[name], systems[beaten[name]]
            return off(
                f"{name} does not belong: {rival} costs {less:g} instead of {cost:g} and reaches "
                f"{more:g} instead of {quality:g}.",
                f"{name} 不在前沿上：{rival} 的开销是 {less:g} 而不是 {cost:g}，"
                f"质量是 {more:g} 而不是 {quality:g}。",
            )
    missing = sorted(name for name in systems if not beaten[name] and name not in names)
    if missing:
        cost = systems[missing[0]][0]
        return off(
            f"All of these belong, and {len(missing)} more: look at cost {cost:g}.",
            f"这些都对，还差 {len(missing)} 个：看看开销为 {cost:g} 的。",
        )
    return right(
        f"{', '.join(sorted(names))}: each of the others has a rival no dearer and no worse.",
        f"{'、'.join(sorted(names))}：其余每一个，都有另一个不比它贵、也不比它差。",
    )


def check_choice(answer):
    """Check what was chosen for each recording.

    Parameters
    ----------
    answer : dict
        From each description in `CASES` to one of `CHOICES`.

    Returns
    -------
    Verdict
        Right where all agree.

    Examples
    --------
    >>> check_choice(CASES)
    ✓ All six: ...
    """
    praise = (
        "All six: first what disturbs, then how many microphones, then how long you may wait.",
        "六个全对：先问干扰是什么，再问有几支麦克风，最后问能等多久。",
    )
    return matching(answer, "choice", CASES, WHY, praise)


def _better(name, systems):
    """Name a system that is at least as cheap and as good, and one of the two strictly."""
    cost, quality = systems[name]
    for other, (less, more) in systems.items():
        if less <= cost and more >= quality and (less, more) != (cost, quality):
            return other
    return None


def _scaled(wave, like):
    """Bring a wave to the scale at which it is nearest to another."""
    wave = wave.astype(np.float64)
    return wave * (wave @ like) / max(wave @ wave, 1e-20)


def _far(wave, wanted):
    """Level of the difference in dB re the wanted wave."""
    wanted = wanted.astype(np.float64)
    error = np.square(wave - wanted).sum() / max(np.square(wanted).sum(), 1e-20)
    return float(10 * np.log10(max(error, 1e-20)))
