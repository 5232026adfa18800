"""Checkers of 05_separate_with_mossformer: improvement by hand, levels, the size of a layer."""

from helpers import metrics
from helpers.exercises.verdict import number


def check_improvement(answer, tracks, people, mixture):
    """Check the mean improvement of two tracks that was computed with `metrics.si_sdr` alone.

    Parameters
    ----------
    answer : float
        Mean SI-SDR improvement in dB under the better order.
    tracks : list of Clip
        The two tracks, in the order in which they came.
    people : list of Clip
        The two references.
    mixture : Clip
        What both tracks were made from.

    Returns
    -------
    Verdict
        Right within 0.05 dB.

    Examples
    --------
    >>> from helpers import audio
    >>> mixture, *people = (audio.load(audio.SOUNDS / f"mix_speech{end}.wav")
    ...                     for end in ("", "_s1", "_s2"))
    >>> check_improvement(0.0, [mixture, mixture], people, mixture)
    ✓ +0.0 dB: ...
    """
    scores = [[metrics.si_sdr(track, person) for track in tracks] for person in people]
    straight = (scores[0][0] + scores[1][1]) / 2
    crossed = (scores[0][1] + scores[1][0]) / 2
    before = [metrics.si_sdr(mixture, person) for person in people]
    start = sum(before) / 2
    best, worst = max(straight, crossed), min(straight, crossed)
    gain = best - start
    hints = {
        worst - start: ("The tracks are swapped: this is the improvement of the other order.",
                        "两条音轨的顺序反了：这是另一种顺序的改善量。"),
        best: (f"That is the SI-SDR itself. The mixture already had {start:.1f} dB: subtract that.",
               f"这是 SI-SDR 本身。混合语音原本就有 {start:.1f} dB：请减去它。"),
        best + start: ("The mixture's score was added; subtract it.",
                       "你加上了混合语音的分数，应当减去它。"),
        2 * gain: ("That is the sum over both people, and the mean is asked for.",
                   "这是两个人的总和，这里要的是平均值。"),
        -gain: ("The sign is turned round: after minus before.",
                "正负号反了：应当用之后减去之前。"),
    }  # fmt: skip
    return number(
        answer,
        "improvement",
        gain,
        (f"{gain:+.1f} dB: the better order, minus what the mixture had, and the mean of both.",
         f"{gain:+.1f} dB：取较好的顺序，减去混合语音的分数，再对两人取平均。"),
        hints,
        ("Not quite: score each person's own track, subtract the mixture's score, take the mean.",
         "还不对：给每个人自己的音轨打分，减去混合语音的分数，再取平均。"),
    )  # fmt: skip


def check_louder(answer, first, second, pipeline):
    """Check by how much one person was louder than the other.

    Parameters
    ----------
    answer : float
        Level of the first over the second, in dB.
    first, second : Clip
        The two voices, as loud as in the mixture.
    pipeline : list of Clip
        The same two voices as the pipeline gives them.

    Returns
    -------
    Verdict
        Right within 0.05 dB.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> loud, soft = Clip([0.4, -0.4], 8000), Clip([0.1, -0.1], 8000)
    >>> check_louder(12.04, loud, soft, [loud, loud])
    ✓ +12.0 dB: ...
    """
    wanted = first.level - second.level
    scaled = pipeline[0].level - pipeline[1].level
    power = ("Half of it: a level in dB is 10 log10 of a ratio of powers, or 20 of amplitudes.",
             "只有一半：分贝是功率比的 10 倍对数，或幅度比的 20 倍对数。")  # fmt: skip
    return number(
        answer,
        "louder",
        wanted,
        (f"{wanted:+.1f} dB: this is what the pipeline's scaling had thrown away.",
         f"{wanted:+.1f} dB：这正是流水线的归一化所丢掉的信息。"),
        {
            scaled: ("You compared the pipeline's tracks, whose peaks were both set to one half. "
                     "Take the helper's: voices.",
                     "你比较的是流水线的音轨，它们的峰值都被设成了二分之一。请用 voices。"),
            -wanted: ("The other way round: the first minus the second.",
                      "反了：应当是第一个减第二个。"),
            wanted / 2: power,
            first.level: ("That is one level; subtract the other.",
                          "这只是一个电平，请减去另一个。"),
        },
        ("Not quite: the `level` of the one clip minus the `level` of the other.",
         "还不对：用一段的 `level` 减去另一段的 `level`。"),
    )  # fmt: skip


def check_rows(answer, filters=512, speakers=3):
    """Check how many rows the last layer of the mask net needs.

    Parameters
    ----------
    answer : int
        The rows.
    filters : int
        Filters of the encoder.
    speakers : int
        People to separate.

    Returns
    -------
    Verdict
        Right at filters times speakers.

    Examples
    --------
    >>> check_rows(1536)
    ✓ 1536 rows: one mask value for each of 512 filters and each of 3 people.
    """
    return number(
        answer,
        "rows",
        filters * speakers,
        (f"{filters * speakers} rows: one mask value for each of {filters} filters and each of "
         f"{speakers} people.",
         f"{filters * speakers} 行：{filters} 个滤波器、{speakers} 个人，各一个掩蔽值。"),
        {
            filters * 2: ("That is the network for two people.", "这是分离两个人的网络。"),
            160 * speakers: ("Right for the small model; the published size has 512 filters.",
                             "对小模型是对的；公开发布的模型有 512 个滤波器。"),
            filters: ("One mask alone: each person needs one.", "这只够一个掩蔽：每个人都要一个。"),
            filters * (speakers + 1): ("One mask too many: there is none for noise.",
                                       "多了一个掩蔽：噪声没有自己的掩蔽。"),
        },
        ("Not quite: filters times people, as in the last line above.",
         "还不对：滤波器数乘以人数，如上面最后一行。"),
    )  # fmt: skip
