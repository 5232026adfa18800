"""What every checker is made of: the verdict, the two languages, and the commonest faults."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """A checker's answer: `passed` is True, False, or None while the stub is still blank."""

    passed: bool | None
    message: str

    def __repr__(self):
        return f"{ {True: '✓', False: '✗', None: '…'}[self.passed] } {self.message}"


def language():
    """Tell in which edition this kernel runs: "zh" or "en".

    The environment variable A2A_LANG says so where it is set. Else the folder does: the Chinese
    lessons lie in notebooks/zh, and a lesson's kernel starts in its lesson's folder. Jupyter also
    names the lesson to the kernel, which holds after the working directory was changed.

    Examples
    --------
    >>> language()
    'en'
    """
    chosen = os.environ.get("A2A_LANG", "").lower()
    if chosen:
        return "zh" if chosen.startswith("zh") else "en"
    folders = [Path(os.environ.get("JPY_SESSION_NAME", "")).parent, Path.cwd()]
    return "zh" if any(folder.parts[-2:] == ("notebooks", "zh") for folder in folders) else "en"


def tell(english, chinese):
    """Choose between two texts by the edition's language.

    Examples
    --------
    >>> tell("too loud", "太响")
    'too loud'
    """
    return chinese if language() == "zh" else english


def right(english, chinese):
    """The answer is right; say what it shows."""
    return Verdict(True, tell(english, chinese))


def off(english, chinese):
    """The answer is off; say what and by how much."""
    return Verdict(False, tell(english, chinese))


def blank(name):
    """Nothing was answered yet."""
    return Verdict(
        None, tell(f"Not yet: put your answer into `{name}`.", f"还没有答案：请写进 `{name}`。")
    )


def diagnosis(value, hints, otherwise):
    """Find the known mistake that gives this value, to 0.05.

    Parameters
    ----------
    value : float
        What the learner got, or by how much it is off, in dB.
    hints : dict
        From the value that a mistake gives to its (English, Chinese) explanation.
    otherwise : tuple of str
        The explanation where no known mistake gives it.

    Examples
    --------
    >>> diagnosis(3.01, {3.0: ("amplitude?", "幅度？")}, ("start again", "重来"))
    ('amplitude?', '幅度？')
    """
    return next((texts for wrong, texts in hints.items() if abs(wrong - value) < 0.05), otherwise)


def number_fault(answer, name):
    """Verdict on an answer that is no number, or None where it is one."""
    if answer is None or answer is ...:
        return blank(name)
    try:
        value = float(answer)
    except (TypeError, ValueError, RuntimeError):
        kind = type(answer).__name__
        return off(
            f"`{name}` is a {kind}, and a number is asked for.",
            f"`{name}` 是 {kind}，这里要一个数。",
        )
    if not np.isfinite(value):
        return off(
            f"`{name}` is {value}: is there a division by zero, or a logarithm of zero?",
            f"`{name}` 是 {value}：是不是除以了零，或对零取了对数？",
        )
    return None


def number(answer, name, wanted, praise, hints, otherwise):
    """Judge an answer that is one number.

    Parameters
    ----------
    answer : object
        What the learner gave.
    name : str
        The variable's name in the notebook.
    wanted : float
        The right number; 0.05 on either side will do.
    praise : tuple of str
        What a right answer shows, in both languages.
    hints : dict
        From the number that a known mistake gives to its explanation.
    otherwise : tuple of str
        The explanation of any other number.

    Returns
    -------
    Verdict
        Right, off or blank.

    Examples
    --------
    >>> number(3.0, "answer", 6.0, ("yes", "对"), {3.0: ("power?", "功率？")}, ("no", "不对"))
    ✗ power?
    """
    fault = number_fault(answer, name)
    if fault is not None:
        return fault
    if abs(float(answer) - wanted) < 0.05:
        return right(*praise)
    return off(*diagnosis(float(answer), hints, otherwise))


def matching(answer, name, cases, why, praise):
    """Judge a dictionary that gives each case its name.

    Parameters
    ----------
    answer : object
        What the learner gave: from case to name, an open case holding three dots.
    name : str
        The variable's name in the notebook.
    cases : dict
        From each case to its right name.
    why : dict
        From each name that may be given to what tells it, in both languages.
    praise : tuple of str
        What a right answer shows, in both languages.

    Returns
    -------
    Verdict
        Right where all agree; else about the first that does not.

    Examples
    --------
    >>> matching({"a": 2}, "letters", {"a": 1}, {1: ("x", "x"), 2: ("y", "y")}, ("yes", "对"))
    ✗ “a” is not 2. Think: x.
    """
    if answer is None or answer is ...:
        return blank(name)
    if not isinstance(answer, dict):
        kind = type(answer).__name__
        return off(
            f"`{name}` is a {kind}, and a dictionary is asked for, as in the cell.",
            f"`{name}` 是 {kind}，这里要一个字典，写法见该单元格。",
        )
    given = {case: answer.get(case, ...) for case in cases}
    done = [case for case in cases if given[case] is not ...]
    if not done:
        return blank(name)
    for case in done:
        if not isinstance(given[case], str | int) or given[case] not in why:
            choice = ", ".join(map(str, why))
            return off(
                f"{given[case]!r} is none of {choice}.",
                f"{given[case]!r} 不在可选之列：{choice}。",
            )
        if given[case] != cases[case]:
            english, chinese = why[cases[case]]
            return off(
                f"“{case}” is not {given[case]}. Think: {english}.",
                f"“{case}”不是 {given[case]}。提示：{chinese}。",
            )
    if len(done) < len(cases):
        rest = [case for case in cases if case not in done]
        return off(
            f"Right so far; {len(rest)} to go: “{rest[0]}”.",
            f"到目前都对，还剩 {len(rest)} 个：“{rest[0]}”。",
        )
    return right(*praise)


def clip_faults(answer, name, rate=None, length=None):
    """Verdict on an answer that is no Clip of that rate and length, or None where it is one.

    Parameters
    ----------
    answer : object
        What the learner gave.
    name : str
        The variable's name in the notebook.
    rate : int, optional
        The rate that is asked for, in Hz.
    length : int, optional
        The number of samples that is asked for.
    """
    from helpers.clip import Clip

    if answer is None or answer is ...:
        return blank(name)
    if not isinstance(answer, Clip):
        kind = type(answer).__name__
        return off(
            f"`{name}` is a {kind}: wrap it, Clip(samples, rate).",
            f"`{name}` 是 {kind}：请包装成 Clip(samples, rate)。",
        )
    if rate and answer.rate != rate:
        return off(
            f"`{name}` has {answer.rate} Hz, and {rate} Hz is asked for: audio.resample.",
            f"`{name}` 的采样率是 {answer.rate} Hz，应为 {rate} Hz：用 audio.resample。",
        )
    if length and len(answer) != length:
        return off(
            f"`{name}` has {len(answer)} samples, and {length} are asked for.",
            f"`{name}` 有 {len(answer)} 个采样点，应为 {length} 个。",
        )
    if not np.isfinite(answer.samples).all():
        return off(
            f"`{name}` holds NaN or infinity: is there a division by zero?",
            f"`{name}` 里有 NaN 或无穷大：是不是除以了零？",
        )
    return None
