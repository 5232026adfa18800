"""The checkers of lesson 14: the solution passes, a blank gets "not yet", mistakes are named."""

import numpy as np
import pytest

from helpers.clip import Clip
from helpers.exercises import lesson14

VOICE = np.random.default_rng(0).normal(size=16000) * 0.1
FIRST = Clip(np.r_[VOICE, VOICE, 0 * VOICE, 0 * VOICE, 0 * VOICE], 16000)
SECOND = Clip(np.r_[0 * VOICE, VOICE, VOICE, VOICE, 0 * VOICE], 16000)  # 20 % both, 80 % somebody
SCORES = {"denoise first": [5.0, 2.0], "separate first": [6.0, 6.0]}
TEXT = "Two people at a kitchen table, a fan behind them."
REPORT = dict.fromkeys(lesson14.PARTS, TEXT)
REPORT["measured"] = "SI-SDR rose from 0 dB to 6.3 dB for her and 5 dB for him."
CHECKS = [
    lambda answer: lesson14.check_overlap(answer, FIRST, SECOND),
    lambda answer: lesson14.check_order(answer, SCORES),
    lesson14.check_report,
]
RUBBISH = ["loud", [1, 2], float("nan"), np.zeros(3), 1j, Clip([0.1], 8000)]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [None, ...])
def test_blank_gets_not_yet(check, answer):
    verdict = check(answer)
    assert verdict.passed is None
    assert "Not yet" in repr(verdict)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", RUBBISH, ids=lambda answer: type(answer).__name__)
def test_rubbish_gets_a_verdict(check, answer):
    assert check(answer).passed is False


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (20, None),
        (0.2, "as a share"),
        (80, "where anybody talks"),
        (25, "in which somebody talks"),
        (40, "first person's"),
        (60, "second person's"),
        (95, "75 off"),
    ],
)
def test_overlap(answer, said):
    verdict = CHECKS[0](answer)
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


def test_overlap_of_the_rest():
    whole = Clip(np.resize(VOICE, 5 * 16000), 16000)
    brief = Clip(np.r_[VOICE, np.zeros(4 * 16000)], 16000)
    assert "at most one" in lesson14.check_overlap(80, whole, brief).message


def test_order():
    assert lesson14.check_order("separate first", SCORES).passed
    assert "another gains 6.0 dB" in lesson14.check_order("denoise first", SCORES).message
    assert "one of" in lesson14.check_order("neither", SCORES).message


def test_report():
    assert lesson14.check_report(dict.fromkeys(lesson14.PARTS, " ")).passed is None
    assert lesson14.check_report(REPORT).passed
    assert "two figures" in lesson14.check_report(REPORT | {"measured": TEXT}).message


@pytest.mark.parametrize("part", lesson14.PARTS)
def test_a_part_that_is_missing_is_named(part):
    said = lesson14.check_report(REPORT | {part: "Short."}).message
    assert part in said
    assert lesson14.PARTS[part][0] in said


def test_a_chinese_report_passes_and_is_answered_in_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    text = "两个人在厨房的桌子边说话，后面有一台风扇一直在转。"
    report = dict.fromkeys(lesson14.PARTS, text)
    report["measured"] = "她的 SI-SDR 从 0 dB 提高到 6.3 dB，他的提高了 5 dB，识别错误略有减少。"
    verdict = lesson14.check_report(report)
    assert verdict.passed
    assert "五个部分" in verdict.message
