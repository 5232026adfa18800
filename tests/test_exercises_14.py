"""The checkers of lesson 14: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest

from helpers.clip import Clip
from helpers.exercises import lesson14

VOICE = np.random.default_rng(0).normal(size=16000) * 0.1
SCORES = {"denoise first": [5.0, 2.0], "separate first": [6.0, 6.0]}
TEXT = "Two people at a kitchen table, a fan behind them."
REPORT = dict.fromkeys(lesson14.PARTS, TEXT)
REPORT["measured"] = "SI-SDR rose from 0 dB to 6.3 dB for her and 5 dB for him."


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
