"""Checkers of 01_task_landscape: name the task, and count what a convolution costs."""

from helpers.exercises.verdict import matching, number

CASES = {
    "an old telephone interview, dull but quiet": "bandwidth",
    "your own voice comes back half a second later": "echo",
    "two people talk at once in a podcast": "separation",
    "a lecture in a church": "dereverberation",
    "a voice message from beside a road": "denoising",
    "an interview that you need as text": "none",
}
WHY = {
    "bandwidth": ("nothing disturbs the voice: its upper half is missing",
                  "没有东西干扰人声，缺的是高频的一半"),
    "echo": ("the disturbance is known: it is what your loudspeaker played",
             "干扰是已知的：就是扬声器放出来的声音"),
    "separation": ("the disturbance is a voice, and you want to keep both",
                   "干扰本身也是人声，而且两个都要保留"),
    "dereverberation": ("the disturbance is the voice itself, come late from the walls",
                        "干扰就是人声自己，经墙面反射迟到了"),
    "denoising": ("one voice, and something that is not a voice",
                  "一个人声，加上不是人声的东西"),
    "none": ("text comes out, not sound: that is speech recognition",
             "输出是文字而不是声音：那是语音识别"),
}  # fmt: skip
TASKS = tuple(WHY)


def check_tasks(answer):
    """Check which task each recording needs.

    Parameters
    ----------
    answer : dict
        From each description in `CASES` to one of `TASKS`.

    Returns
    -------
    Verdict
        Right where all six agree; else the first that does not.

    Examples
    --------
    >>> check_tasks(CASES)
    ✓ All six, ...
    """
    praise = (
        "All six, and each by asking what disturbs the voice, and whether it is known.",
        "六个全对。办法都一样：问一问是什么干扰了人声，它是不是已知的。",
    )
    return matching(answer, "tasks", CASES, WHY, praise)


def check_macs(answer, filters=512, kernel=16, stride=8, rate=8000):
    """Check how many multiplications an encoder needs for a second of sound.

    Parameters
    ----------
    answer : float
        Millions of multiply-accumulates.
    filters, kernel, stride : int
        The encoder's filters, their length and their step, in samples.
    rate : int
        Samples a second, in Hz.

    Returns
    -------
    Verdict
        Right at filters * kernel * frames; the one frame more or less at the end doesn't count.

    Examples
    --------
    >>> check_macs(8.2)
    ✓ 8.2 million: ...
    """
    frames = rate // stride
    wanted = filters * kernel * frames / 1e6
    return number(
        answer,
        "millions",
        wanted,
        (f"{wanted:.1f} million: {frames} frames, {filters} filters, {kernel} products each. The "
         "encoder is next to nothing; the mask net does the work.",
         f"{wanted:.1f} 百万次：{frames} 帧，{filters} 个滤波器，各 {kernel} 次乘法。"
         "编码器几乎不花时间，真正干活的是掩蔽网络。"),
        {
            wanted * stride: ("That is a product at every sample; the filters move by the stride.",
                              "这是每个采样点都算一次；滤波器每次移动一个步长。"),
            wanted / kernel: ("Each filter value costs as many products as the filter is long.",
                              "滤波器每输出一个值，要做与滤波器长度相同次数的乘法。"),
            wanted * 2: ("That counts multiplication and addition apart; here both are one.",
                         "这是把乘法和加法分开数；这里合起来算一次。"),
            wanted * 1e6: ("Right, but in ones; millions are asked for.",
                           "对了，但这里的单位是百万。"),
            wanted / 1000: ("Right, but in billions; millions are asked for.",
                            "对了，但你用的是十亿，这里的单位是百万。"),
            filters * kernel / 1e6: ("That is one frame: how many are there in a second?",
                                     "这只是一帧：一秒有多少帧？"),
        },
        ("Not quite: filters times their length times frames in a second, in millions.",
         "还不对：滤波器数 × 长度 × 每秒帧数，以百万计。"),
    )  # fmt: skip
