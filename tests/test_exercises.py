"""What holds for every exercise: its record, its blank, rubbish, and both languages."""

import ast
import dataclasses
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

from book import zh_exercises, zh_outputs
from helpers import adaptive, audio, mixing
from helpers.clip import Clip
from helpers.exercises import lesson04, lesson10, lesson11, lesson14
from helpers.exercises.answers import Array, Choice, Number

ROOT = Path(__file__).resolve().parent.parent
SOUNDS = audio.SOUNDS
FIRST, SECOND = (audio.load(SOUNDS / f"mix_speech1_s{i}.wav") for i in (1, 2))
# With a third voice the mixture scores some dB below 0: else to forget it costs nothing.
MIXTURE = mixing.mix(FIRST, SECOND, FIRST.with_samples(FIRST.samples[::-1]))
TRACKS = [mixing.mix(SECOND, FIRST.gain(-9)), mixing.mix(FIRST, SECOND.gain(-12))]
SCALED = [track.gain(-6 - track.peak) for track in TRACKS]
NOISY, CLEAN = (audio.load(SOUNDS / f"speech_with_noise1{end}.wav") for end in ("", "_clean"))
STREET = audio.load(SOUNDS / "noise/street/test_005.ogg").cut(0, CLEAN.duration)
SHORT = NOISY.cut(1, 2)
MIC = adaptive.shift(CLEAN, 2345, len(CLEAN))
LEFT = MIC.with_samples(MIC.samples * np.where(np.arange(len(MIC)) < 48000, 0.1, 0.9) + 0.01)
CHANCE = torch.Generator().manual_seed(6)
MASKS = torch.rand(2, 1, 4, 9, generator=CHANCE) * 2
X = torch.randn(4, 5, 9, generator=CHANCE) + 0.3
VOICE = np.random.default_rng(0).normal(size=16000) * 0.1
TALKERS = [Clip(np.repeat(on, 16000) * np.resize(VOICE, 160000), 16000)
           for on in ([1, 1, 1, *[0] * 7], [0, 0, 1, 1, 1, 1, *[0] * 4])]  # fmt: skip


def noise(seed):
    """A voice's stand-in at 8 kHz and -25 dB: noise, a little dull."""
    wave = np.random.default_rng(seed).normal(size=8000)
    return audio.set_level(Clip(np.convolve(wave, np.ones(3) / 3, "same"), 8000), -25)


VOICES = [noise(seed).gain(gain) for seed, gain in ((1, 0), (2, 2), (3, 9))]
PARTS = lesson04.tracks(VOICES)
CONV, NORM = torch.nn.Conv2d(2, 3, 2), torch.nn.BatchNorm2d(3)
with torch.no_grad():
    for tensor in (*CONV.parameters(), *NORM.parameters(), NORM.running_mean):
        tensor.normal_(generator=CHANCE)
    NORM.running_var.uniform_(0.5, 3, generator=CHANCE)

# What each check is given besides the answer; a check with defaults only needs no row.
CONTEXTS = {
    "lesson00.check_duration": [FIRST],
    "lesson00.check_gain": [FIRST],
    "lesson02.check_level": [CLEAN],
    "lesson02.check_telephone": [CLEAN],
    "lesson03.check_mixture": [CLEAN, STREET],
    "lesson03.check_binary": [SECOND, FIRST],
    "lesson03.check_best_real": [SECOND, mixing.mix(FIRST, SECOND)],
    "lesson04.check_delay": [lesson04.late(VOICES[0]), VOICES[0]],
    "lesson04.check_disturbed": [VOICES[0], VOICES[1].gain(8), 12],
    "lesson04.check_order": [PARTS, VOICES],
    "lesson04.check_improvement": [PARTS, VOICES, mixing.mix(*VOICES)],
    "lesson05.check_improvement": [TRACKS, [FIRST, SECOND], MIXTURE],
    "lesson05.check_louder": [TRACKS[1], TRACKS[0], SCALED[::-1]],
    "lesson06.check_hard": [MASKS],
    "lesson07.check_removed": [NOISY, CLEAN],
    "lesson07.check_softer": [NOISY, CLEAN],
    "lesson08.check_running": [X],
    "lesson09.check_step": [np.array([0.5, 0, 0]), np.array([0.4, -0.2, 0.1]), 0.38],
    "lesson09.check_delay": [MIC, CLEAN],
    "lesson09.check_erle": [MIC, LEFT, 3],
    "lesson10.check_power": [SHORT, np.full((257, 1), 0.01)],
    "lesson10.check_delay": [32, 8, 2],
    "lesson10.check_front": [{"A": (1, 2.0), "B": (2, 1.5)}],
    "lesson11.check_order": [np.array([[0.9, 0.8, 0.1], [0.8, 0.1, 0.3], [0.2, 0.3, 0.7]])],
    "lesson11.check_folded": [CONV, NORM],
    "lesson11.check_three": list(torch.randn(4, 3, 3, generator=CHANCE)),
    "lesson12.check_order": [np.array([[-10.0, 8.0], [6.0, -9.0]])],
    "lesson12.check_heard": [9000],
    "lesson14.check_overlap": TALKERS,
    "lesson14.check_order": [{"denoise first": [5.0, 2.0], "separate first": [6.0, 6.0]}],
}


def found():
    """Every check of every lesson, by its name."""
    checks = {}
    for path in sorted((ROOT / "helpers" / "exercises").glob("lesson*.py")):
        module = importlib.import_module(f"helpers.exercises.{path.stem}")
        names = [name for name in vars(module) if name.startswith("check_")]
        checks |= {f"{path.stem}.{name}": getattr(module, name) for name in names}
    return checks


CHECKS = found()
RECORDS = {
    name: check.record(*CONTEXTS.get(name, []))
    for name, check in CHECKS.items()
    if hasattr(check, "record")
}
RECORDS["lesson10.check_delay, half a window"] = lesson10.check_delay.record(20, 10, 1)


def said(text, value):
    return text(value) if callable(text) else text


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_the_right_answer_passes(record):
    if getattr(record, "unless", None) and record.unless(record.wanted):
        record = dataclasses.replace(record, unless=None)  # what else it asks is tested by lesson
    assert record.judge(record.wanted).passed


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("lesson00.check_duration", len(FIRST) / 8000),
        ("lesson01.check_macs", 8.192),
        ("lesson02.check_alias", 1000),
        ("lesson04.check_delay", 37),
        ("lesson05.check_louder", TRACKS[1].level - TRACKS[0].level),
        ("lesson05.check_rows", 1536),
        ("lesson06.check_span", (127 * 16 + 32) / 8),
        ("lesson06.check_even", 497),
        ("lesson07.check_padding", 24000),
        ("lesson08.check_reach", 3800),
        ("lesson08.check_wait", 5119 / 16),
        ("lesson09.check_delay", 2345 / 16),
        ("lesson10.check_delay", 48),
        ("lesson12.check_order", -7),
        ("lesson12.check_heard", 10),
        ("lesson13.check_wrap", -25536),
        ("lesson13.check_short", 75840),
        ("lesson14.check_overlap", 10),
    ],
)
def test_the_right_number_is_what_a_hand_computes(name, answer):
    assert CHECKS[name](answer, *CONTEXTS.get(name, [])).passed


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_each_mistake_is_told_its_own_message(record):
    """So no mistake gives the right answer, and no two that differ in their text give the same."""
    assert record.mistakes
    for value, text, *_near in record.mistakes:
        verdict = record.judge(value)
        assert verdict.passed is False, text
        assert verdict.message == said(text, value)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_no_two_mistakes_give_the_same(record):
    rows = [(value, said(text, value), *near) for value, text, *near in record.mistakes]
    for i, (value, text, *_near) in enumerate(rows):
        for other, its, *near in rows[:i]:
            assert text == its or not record.same(value, other, *near), (text, its)


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("answer", [None, ...])
def test_a_blank_gets_not_yet(name, answer):
    verdict = CHECKS[name](answer, *CONTEXTS.get(name, []))
    assert verdict.passed is None
    assert "Not yet" in repr(verdict)


RUBBISH = [
    *("loud", "", b"x", [], [1, 2], [[1], [2, 3]], (1, "x"), {1}, float("nan"), 1j),
    *(-np.inf, np.zeros((3, 5)), np.array(["x"]), object(), print, lambda *given: None),
    *(Clip([np.nan] * 4, 8000), Clip([0.1], 8000), torch.ones(2, requires_grad=True)),
]


@pytest.mark.parametrize("name", CHECKS)
def test_rubbish_gets_a_verdict(name):
    for answer in RUBBISH:
        verdict = CHECKS[name](answer, *CONTEXTS.get(name, []))
        assert verdict.passed is False, answer
        assert len(verdict.message) > 10


def test_the_answer_comes_first_in_every_signature():
    for name, check in CHECKS.items():
        assert next(iter(inspect.signature(check).parameters)) == "answer", name


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        (Number("a", 1, "yes", [], "no"), "x", "a number is asked for"),
        (Number("a", 1, "yes", [], "no"), float("inf"), "a division by zero"),
        (Array("a", np.ones(2), "yes", [], "no"), "x", "an array of numbers is asked for"),
        (Array("a", np.ones(2), "yes", [], "no"), [1], "has the shape (1,), and (2,)"),
        (Array("a", np.ones(2), "yes", [], "no"), [1, np.nan], "holds NaN"),
        (Choice("a", {"x": 1}, {1: "y"}, "yes"), 3, "a dictionary is asked for"),
        (Choice("a", {"x": 1}, {1: "y"}, "yes"), {"x": [1]}, "is none of 1"),
    ],
)
def test_each_kind_tells_what_it_needs(kind, answer, said):
    verdict = kind.check(answer)
    assert verdict.passed is False
    assert said in verdict.message


def test_a_tensor_is_read_with_its_gradient():
    wanted = Array("a", np.ones(2), "yes", [], "no")
    assert wanted.check(torch.ones(2, requires_grad=True)).passed


# --- Chinese --------------------------------------------------------------------------------------


def test_every_message_is_translated():
    assert zh_exercises.faults(ROOT) == []


def test_the_package_has_the_catalog_that_is_in_locale():
    _po, table = zh_exercises.paths(ROOT)
    assert table.read_text(encoding="utf-8") == zh_exercises.built(ROOT), "run.py zh"


def test_every_message_stands_in_its_call():
    """Else the catalog would miss it: `_(text)` is for tables that are marked by N_."""
    for path in (ROOT / "helpers" / "exercises").glob("lesson*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.func.id if isinstance(node, ast.Call) and hasattr(node.func, "id") else ""
            if name in ("right", "off", "Unfit"):
                assert not isinstance(node.args[0], ast.Constant | ast.JoinedStr), path.name
            if name in ("_", "N_"):
                assert isinstance(node.args[0], ast.Constant | ast.Name), path.name


@pytest.mark.parametrize("name", RECORDS)
def test_every_mistake_is_told_in_chinese(name, monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    check, context = name.split(",")[0], CONTEXTS.get(name.split(",")[0], [])
    record = CHECKS[check].record(*context)
    for value, *_row in record.mistakes:
        message = record.judge(value).message
        assert any("一" <= letter <= "鿿" for letter in message), message
    assert "还没有答案" in record.check(...).message


@pytest.fixture(scope="module")
def catalog():
    return zh_outputs.Catalog(zh_exercises.table(ROOT))


def in_chinese(monkeypatch, judged):
    """Return what is said in English and in Chinese, a row for each verdict."""
    found = []
    for language in ("en", "zh"):
        monkeypatch.setenv("A2A_LANG", language)
        found.append([repr(verdict) for verdict in judged()])
    return zip(*found, strict=True)


@pytest.mark.parametrize("name", RECORDS)
def test_the_build_says_of_every_mistake_what_a_chinese_kernel_says(name, monkeypatch, catalog):
    check, context = name.split(",")[0], CONTEXTS.get(name.split(",")[0], [])

    def judged():
        record = CHECKS[check].record(*context)
        return [record.judge(value) for value in (record.wanted, *(m[0] for m in record.mistakes))]

    for english, chinese in in_chinese(monkeypatch, judged):
        assert catalog.chinese(english) == chinese


@pytest.mark.parametrize("name", CHECKS)
def test_the_build_says_of_rubbish_what_a_chinese_kernel_says(name, monkeypatch, catalog):
    context = CONTEXTS.get(name, [])

    def judged():
        return [CHECKS[name](answer, *context) for answer in [..., *RUBBISH]]

    for english, chinese in in_chinese(monkeypatch, judged):
        assert catalog.chinese(english) == chinese


def test_the_checks_that_judge_by_hand_answer_in_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    for name, check in CHECKS.items():
        assert "还没有答案" in check(..., *CONTEXTS.get(name, [])).message
    assert "方向" in lesson11.check_order([2, 0, 1], np.roll(np.eye(3), 1, 1)).message
    systems = {"A": (1, 2.0), "B": (2, 2.5)}
    assert lesson10.check_front({"A", "B"}, systems).message.startswith("A、B：")
    assert "五段" in lesson14.check_report(3).message
