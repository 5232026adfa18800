"""Checkers of 04_measuring_quality: a delay, a level, an order, an improvement."""

import itertools
import math

import numpy as np

from helpers import metrics, mixing
from helpers.exercises.verdict import blank, clip_faults, number_fault, off, right


def late(clip):
    """Make the recording of the first exercise: the same sound, a secret number of samples late."""
    return clip.with_samples(np.pad(clip.samples, (37, 0))[: len(clip)], "late")


def tracks(voices):
    """Make the tracks of the third exercise: each a voice with the others faint, out of order."""
    mixed = [
        mixing.mix(voice, *(other.gain(-15) for other in voices if other is not voice))
        for voice in voices
    ]
    return [clip.named(f"track {i}") for i, clip in enumerate([*mixed[2:], *mixed[:2]])]


def check_delay(answer, late, clean):
    """Check a delay in samples.

    Parameters
    ----------
    answer : int
        By how many samples `late` is late.
    late, clean : Clip
        The recording, and what it should be.

    Returns
    -------
    Verdict
        With the SI-SDR that the answer leaves, where it is off.
    """
    fault = number_fault(answer, "delay")
    if fault is not None:
        return fault
    answer, true = float(answer), _delay(late, clean)
    if answer == true:
        ms = 1000 * true / clean.rate
        return right(
            f"{true} samples it is, {ms:.1f} ms: nobody hears them, and they cost the whole score.",
            f"正是 {true} 个采样点，即 {ms:.1f} 毫秒：谁也听不出来，分数却全丢了。",
        )
    for per, english, chinese in ((1, "seconds", "秒"), (1000, "milliseconds", "毫秒")):
        if math.isclose(answer * clean.rate / per, true, rel_tol=0.02) and answer % 1:
            return off(
                f"{answer:g} looks like {english}, and samples are asked for: times "
                f"{clean.rate / per:g}.",
                f"{answer:g} 像是以{chinese}为单位，这里要采样点数：请乘以 {clean.rate / per:g}。",
            )
    if answer == -true:
        return off(
            "The size is right and the sign is not: late is positive here.",
            "大小对了，符号反了：这里“晚到”记为正数。",
        )
    if answer % 1:
        return off(
            f"{answer:g} is no whole number of samples, and this delay is one.",
            f"{answer:g} 不是整数个采样点，而这里的延迟是整数。",
        )
    if abs(answer) >= len(late) // 2:
        return off(
            f"{answer:.0f} samples are {abs(answer) / clean.rate:.1f} s: try 0 to 60.",
            f"{answer:.0f} 个采样点相当于 {abs(answer) / clean.rate:.1f} 秒：请在 0 到 60 之间找。",
        )
    undone = late.with_samples(np.roll(late.samples, -int(answer)))
    left, score = abs(true - answer), metrics.si_sdr(undone, clean)
    return off(
        f"Moved back by {answer:.0f} samples it scores {score:.0f} dB: it is still off by "
        f"{left:.0f}. Try every delay from 0 to 60 and keep the one that scores best.",
        f"往回移 {answer:.0f} 个采样点后为 {score:.0f} dB：还差 {left:.0f} 个采样点。"
        "请把 0 到 60 逐个试一遍，取得分最高的那个。",
    )


def check_disturbed(answer, clean, noise, wanted):
    """Check speech to which noise was added at a wanted SI-SDR.

    Parameters
    ----------
    answer : Clip
        The noisy speech.
    clean, noise : Clip
        What it is made of; the noise at the level that it came with.
    wanted : float
        The SI-SDR that is asked for, in dB.

    Returns
    -------
    Verdict
        With the SI-SDR that was reached, where it is off.
    """
    fault = clip_faults(answer, "disturbed", clean.rate, len(clean))
    if fault is not None:
        return fault
    score = metrics.si_sdr(answer, clean)
    if abs(score - wanted) < 0.2:
        return right(
            f"{wanted:g} dB: the noise is weaker by that much than the speech, in power.",
            f"{wanted:g} dB：噪声的功率正好比语音低这么多。",
        )
    untouched = clean.level - noise.level  # what no gain at all gives, in dB
    reasons = (
        (score > 60, "there is no noise in it", "里面没有噪声"),
        (score < -25, "there is hardly any speech in it: add the two", "里面几乎没有语音：应相加"),
        (_near(score, untouched, 1), "the noise was added as it came", "噪声没有调过音量就加上了"),
        (_near(score, -wanted, 1), "the sign is turned round: the noise is the louder of the two",
         "符号反了：噪声比语音还响"),
        (_near(score, 2 * wanted, 1), "twice the decibels: for amplitudes divide by 20, not by 10",
         "分贝数翻了一倍：对幅度要除以 20，不是 10"),
        (_near(score, wanted / 2, 1), "half the decibels: for powers divide by 10, not by 20",
         "分贝数少了一半：对功率要除以 10，不是 20"),
        (_near(score, untouched + wanted, 1),
         "the two were not equally loud to begin with: clean.level and noise.level",
         "两者原来就不一样响：请看 clean.level 和 noise.level"),
        (score < wanted, "the noise is too loud", "噪声太响"),
        (True, "the noise is too soft", "噪声太轻"),
    )  # fmt: skip
    english, chinese = next(words for test, *words in reasons if test)
    gap = f"{abs(score - wanted):.1f} dB"
    return off(
        f"Its SI-SDR is {score:.1f} dB, and {wanted:g} dB is asked for, {gap} off: {english}.",
        f"SI-SDR 是 {score:.1f} dB，应为 {wanted:g} dB，相差 {gap}：{chinese}。",
    )


def check_order(answer, tracks, voices):
    """Check which track belongs to each voice.

    Parameters
    ----------
    answer : list of int
        The track answer[i] is voice i.
    tracks, voices : list of Clip
        What a separator gave, and what it should have given.

    Returns
    -------
    Verdict
        With the number of voices that are right, where it is off.
    """
    if answer is None or answer is ...:
        return blank("order")
    count, true = len(voices), metrics.match(tracks, voices).order
    if isinstance(answer, np.ndarray):
        answer = answer.tolist()
    whole = isinstance(answer, list | tuple) and all(
        isinstance(i, int | np.integer) and not isinstance(i, bool) for i in answer
    )
    if not whole or len(answer) != count:
        return off(
            f"`order` should be a list of {count} whole numbers, one a voice.",
            f"`order` 应是 {count} 个整数的列表，每个说话人一个。",
        )
    answer = list(answer)
    if answer == true:
        return right(
            f"{true}: every voice has its track.", f"{true}：每个说话人都找到了自己的音轨。"
        )
    if sorted(answer) == list(range(1, count + 1)):
        return off("Tracks are counted from 0 here.", "这里的音轨从 0 开始编号。")
    if sorted(answer) != list(range(count)):
        return off(
            f"Each track from 0 to {count - 1} belongs to one voice: use each once.",
            f"0 到 {count - 1} 的每条音轨各属于一个说话人：每个编号只用一次。",
        )
    if answer == np.argsort(true).tolist():
        return off(
            "That is the other way round: which voice each track is. Asked is which track each "
            "voice is.",
            "方向反了：这是每条音轨对应哪个说话人，题目要的是每个说话人对应哪条音轨。",
        )
    hits = sum(a == b for a, b in zip(answer, true, strict=True))
    return off(
        f"{hits} of {count} voices have their track: compare the scores column by column.",
        f"{count} 个说话人中有 {hits} 个配对正确：请逐列比较分数。",
    )


def check_improvement(answer, tracks, voices, mixture):
    """Check the mean improvement in SI-SDR of a separation.

    Parameters
    ----------
    answer : float
        In dB.
    tracks, voices : list of Clip
        What a separator gave, in any order, and what it should have given.
    mixture : Clip
        What it was given.

    Returns
    -------
    Verdict
        With what was forgotten, where it is off.
    """
    fault = number_fault(answer, "improvement")
    if fault is not None:
        return fault
    answer, match = float(answer), metrics.match(tracks, voices, mixture)
    true, plain = np.mean(match.si_sdri), np.mean(match.si_sdr)
    if _near(answer, true):
        return right(
            f"{true:.0f} dB better than handing back the mixture, on average.",
            f"平均比直接交回混合语音好 {true:.0f} dB。",
        )
    orders = [o for o in itertools.permutations(range(len(voices))) if list(o) != match.order]
    others = [
        np.mean([metrics.si_sdr(tracks[i], v) for i, v in zip(order, voices, strict=True)])
        for order in orders
    ]
    before = plain - true
    reasons = (
        (_near(answer, plain), "that is the SI-SDR itself: subtract what the mixture scores",
         "这是 SI-SDR 本身：还要减去混合语音的得分"),
        (_near(answer, before), "that is what the mixture scores", "这是混合语音的得分"),
        (_near(answer, -true), "the sign is turned round: after minus before",
         "符号反了：应为后减前"),
        (_near(answer, true * len(voices)), "that is the sum over the voices: take the mean",
         "这是各说话人之和：应取平均"),
        (any(_near(answer, other - before) or _near(answer, other) for other in others),
         "the tracks are not in the voices' order: metrics.match finds it",
         "音轨与说话人没有对上：用 metrics.match 来配对"),
        (True, "metrics.match(tracks, voices, mixture).si_sdri holds one number a voice",
         "metrics.match(tracks, voices, mixture).si_sdri 里每个说话人有一个数"),
    )  # fmt: skip
    english, chinese = next(words for test, *words in reasons if test)
    return off(
        f"{answer - true:+.1f} dB off: {english}.", f"相差 {answer - true:+.1f} dB：{chinese}。"
    )


def _near(score, value, within=0.2):
    """Tell whether two figures in dB are the same but for rounding."""
    return abs(score - value) < within


def _delay(late, clean):
    """Find by how many samples a clip is late: where the correlation is highest."""
    size = 2 * len(clean)
    spectra = [np.fft.rfft(clip.samples, size) for clip in (late, clean)]
    peak = int(np.argmax(np.fft.irfft(spectra[0] * spectra[1].conj(), size)))
    return peak - size * (peak > size // 2)
