"""The checkers of lesson 13: the solution passes, a blank gets "not yet", mistakes are named."""

import numpy as np
import pytest

from helpers.clip import Clip
from helpers.exercises import lesson13

RUBBISH = ["loud", [1, 2], float("nan"), np.zeros(3), 1j, Clip([0.1], 8000)]
CHECKS = [lesson13.check_causes, lesson13.check_wrap, lesson13.check_short]
CASE, CAUSE = next(iter(lesson13.CASES.items()))


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


def test_causes():
    assert lesson13.check_causes(dict.fromkeys(lesson13.CASES, ...)).passed is None
    assert lesson13.check_causes(dict(lesson13.CASES)).passed
    assert "none of" in lesson13.check_causes({CASE: "magic"}).message
    assert "4 to go" in lesson13.check_causes({CASE: CAUSE}).message


@pytest.mark.parametrize("case", lesson13.CASES)
def test_each_wrong_cause_is_explained(case):
    cause = lesson13.CASES[case]
    wrong = next(other for other in lesson13.WHY if other != cause)
    verdict = lesson13.check_causes(lesson13.CASES | {case: wrong})
    assert verdict.passed is False
    assert lesson13.WHY[cause][0] in verdict.message


@pytest.mark.parametrize(
    ("check", "answer", "said"),
    [
        (lesson13.check_wrap, np.array(40000).astype(np.int16), None),
        (lesson13.check_wrap, 32767, "clipping"),
        (lesson13.check_wrap, 40000, "can't hold"),
        (lesson13.check_wrap, 7232, "not half"),
        (lesson13.check_wrap, 25536, "sign"),
        (lesson13.check_wrap, 0, "Not quite"),
        (lesson13.check_short, 51840, None),
        (lesson13.check_short, 160, "how many are lost"),
        (lesson13.check_short, 52000, "multiple of the hop"),
        (lesson13.check_short, 162, "times the hop"),
        (lesson13.check_short, 1, "Not quite"),
    ],
)
def test_numbers(check, answer, said):
    verdict = check(answer)
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


def test_they_answer_in_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    assert "五个全对" in lesson13.check_causes(dict(lesson13.CASES)).message
