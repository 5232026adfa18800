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


@pytest.mark.parametrize(
    "measured",
    [
        "她的改善量从 0 分贝提高到 9 分贝，他的提高得少一些。",
        "延迟是 20 毫秒，每个帧移的计算最慢用了 3ms。",
        "录音用 16 千赫的采样率，降噪之后 4000 赫兹以上的声音还在。",
        "识别错误从 40％ 降到 31%，说的是同样的几句话。",
        "处理十秒的录音，先降噪用了3s的时间，先分离用了 5 秒。",
    ],
)
def test_chinese_units_count_as_units(monkeypatch, measured):
    monkeypatch.setenv("A2A_LANG", "zh")
    report = dict.fromkeys(lesson14.PARTS, "两个人在厨房的桌子边说话，后面有一台风扇。")
    assert lesson14.check_report(report | {"measured": measured}).passed


@pytest.mark.parametrize(
    "measured",
    [
        "她的改善量从 0 提高到 9，他的提高得少一些，两条处理链差不多。",
        "She gained 0 sones and he gained 9 dBase, whatever those are.",
    ],
)
def test_what_is_no_unit_is_not_taken_for_one(measured):
    report = dict.fromkeys(lesson14.PARTS, TEXT) | {"measured": measured}
    assert "two figures" in lesson14.check_report(report).message


def test_a_short_chinese_text_is_counted_in_characters(monkeypatch):
    short = {"recording": "厨房里两个人"}
    assert "6 Chinese characters of at least 16" in lesson14.check_report(REPORT | short).message
    monkeypatch.setenv("A2A_LANG", "zh")
    said = lesson14.check_report(REPORT | short).message
    assert "6 个字" in said
    assert "至少 16 个字" in said
    assert "“recording”" in said
    assert "0 个字" in lesson14.check_report(REPORT | {"recording": ""}).message
