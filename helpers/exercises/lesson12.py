"""Checkers of 12_train_your_own: the loss by hand, the better order, how much a model has heard."""

import numpy as np

from helpers.exercises.verdict import blank, number, off, right


def check_si_sdr(answer):
    """Check a function that computes SI-SDR on tensors, by trying it on made-up waves.

    Parameters
    ----------
    answer : callable
        From estimate and reference, tensors [shape=(batch, n)], to SI-SDR in dB [shape=(batch,)].

    Returns
    -------
    Verdict
        Right within 0.05 dB of 10 dB on waves that were made to have 10 dB.

    Examples
    --------
    >>> check_si_sdr(lambda estimate, reference: (estimate - reference).sum(-1))
    ✗ For waves that were made to score 10 dB ...
    """
    import torch

    if answer is None or answer is ...:
        return blank("my_si_sdr")
    if not callable(answer):
        kind = type(answer).__name__
        return off(
            f"`my_si_sdr` is a {kind}, and a function of two tensors is asked for.",
            f"`my_si_sdr` 是 {kind}，这里要一个接收两个张量的函数。",
        )
    rng = np.random.default_rng(12)
    reference = torch.from_numpy(rng.normal(size=(2, 4000)))
    noise = torch.from_numpy(rng.normal(size=(2, 4000)))
    # Noise without any of the reference in it, a tenth of its power: 10 dB, at half the level.
    noise -= (noise * reference).sum(-1, True) / reference.square().sum(-1, True) * reference
    noise *= (0.1 * reference.square().sum(-1, True) / noise.square().sum(-1, True)).sqrt()
    estimate = 0.5 * (reference + noise)
    try:
        got = torch.as_tensor(answer(estimate, reference))
    except Exception as problem:
        return off(
            f"The function stopped with {type(problem).__name__}: {problem}",
            f"函数出错，{type(problem).__name__}：{problem}",
        )
    if got.shape != (2,):
        return off(
            f"The result has shape {tuple(got.shape)}, and one number for each row is asked for: "
            "sum over the last axis, dim=-1.",
            f"结果的形状是 {tuple(got.shape)}，应当每行一个数：请在最后一维上求和，dim=-1。",
        )
    value = float(got.double().mean())
    plain = float(10 * np.log10(1 / (0.25 * 0.1 + 0.25)))  # without the scale
    mistakes = {
        -10: ("The sign is turned round: as a score it is +10 dB here, the loss comes later.",
              "正负号反了：作为分数这里是 +10 dB，取负作损失是后面的事。"),
        20: ("Twice too much: energies are ratios of powers, so 10 log10 and not 20.",
             "多了一倍：能量之比是功率比，用 10 log10 而不是 20。"),
        5: ("Half of it: square the samples before you sum.", "只有一半：求和之前先取平方。"),
        plain: ("That is the plain SNR: scale the reference by <estimate, reference> / "
                "<reference, reference> first.",
                "这是普通的 SNR：请先用 <estimate, reference> / <reference, reference> 缩放参考。"),
        np.log(10): ("That is a natural logarithm: torch.log10, times 10.",
                     "这是自然对数：应当用 torch.log10，再乘 10。"),
        1: ("Right, but in bel: times 10 for decibels.", "对了，但单位是贝尔：乘 10 得分贝。"),
    }  # fmt: skip
    if np.isfinite(value) and abs(value - 10) < 0.05:
        return right(
            "10.0 dB on waves that were made to have 10 dB, at any level of the estimate.",
            "对构造成 10 dB 的波形给出 10.0 dB，与估计的电平无关。",
        )
    known = [texts for wrong, texts in mistakes.items() if abs(wrong - value) < 0.05]
    return off(
        *(known or [(
            f"For waves that were made to score 10 dB it gives {value:.1f}.",
            f"对构造成 10 dB 的波形，它给出 {value:.1f}。",
        )])[0]
    )  # fmt: skip


def check_order(answer, scores):
    """Check the permutation-invariant loss of one mixture.

    Parameters
    ----------
    answer : float
        The loss.
    scores : ndarray [shape=(2, 2)]
        SI-SDR in dB of each estimate (row) as each source (column).

    Returns
    -------
    Verdict
        Right at minus the mean of the better order.

    Examples
    --------
    >>> check_order(-7.0, np.array([[-10.0, 8.0], [6.0, -9.0]]))
    ✓ -7.0: ...
    """
    straight, crossed = (scores[0][0] + scores[1][1]) / 2, (scores[0][1] + scores[1][0]) / 2
    best, worst = max(straight, crossed), min(straight, crossed)
    return number(
        answer,
        "loss",
        -best,
        (f"{-best:.1f}: the better order counts, and a loss is what should fall.",
         f"{-best:.1f}：取较好的顺序；损失应当越小越好，所以取负。"),
        {
            best: ("That is the score; a loss should fall as the model gets better: minus it.",
                   "这是分数；模型越好损失应当越低：请取负。"),
            -worst: ("That is the worse order: the network may choose the better one.",
                     "这是较差的顺序：应当让网络选较好的那个。"),
            -2 * best: ("The sum over both people; take their mean.", "这是两人之和，请取平均。"),
            -float(np.mean(scores)): ("The mean of all four: each estimate counts for one person.",
                                      "这是四个数的平均：每个估计只算一个人。"),
        },
        ("Not quite: two orders are possible, the two diagonals. Take means, choose one, minus.",
         "还不对：共有两种顺序，即表的两条对角线。取平均，选较好的，再取负。"),
    )  # fmt: skip


def check_heard(answer, steps, seconds=4):
    """Check how many hours of mixtures a model has heard in training.

    Parameters
    ----------
    answer : float
        Hours.
    steps : int
        Steps of the optimizer.
    seconds : float
        Seconds of mixtures in each.

    Returns
    -------
    Verdict
        Right at steps times seconds, in hours.

    Examples
    --------
    >>> check_heard(10.0, steps=9000)
    ✓ 10.0 hours of mixtures, none of them heard twice.
    """
    hours = steps * seconds / 3600
    return number(
        answer,
        "hours_heard",
        hours,
        (f"{hours:.1f} hours of mixtures, none of them heard twice.",
         f"{hours:.1f} 小时的混合语音，没有一段听过两次。"),
        {
            hours * 60: ("Right in minutes; hours are asked for.", "以分钟计是对的，这里要小时。"),
            hours * 3600: ("Right in seconds; hours are asked for.", "以秒计是对的，这里要小时。"),
            hours / seconds: (f"Each step brings {seconds:g} s, not one.",
                              f"每一步有 {seconds:g} 秒，而不是 1 秒。"),
            2 * hours: ("Two people at once are still one mixture.",
                        "两个人同时说话仍是一段混合语音。"),
        },
        ("Not quite: steps times seconds in each, then into hours.",
         "还不对：步数乘以每步的秒数，再换算成小时。"),
    )  # fmt: skip
