"""The checkers of lesson 01: the solution passes, a blank gets "not yet", mistakes are named."""

import numpy as np
import pytest

from helpers.clip import Clip
from helpers.exercises import lesson01

RUBBISH = ["loud", [1, 2], float("nan"), np.zeros(3), 1j, Clip([0.1], 8000)]
CASE, TASK = next(iter(lesson01.CASES.items()))


@pytest.mark.parametrize("check", [lesson01.check_tasks, lesson01.check_macs])
@pytest.mark.parametrize("answer", [None, ...])
def test_blank_gets_not_yet(check, answer):
    verdict = check(answer)
    assert verdict.passed is None
    assert "Not yet" in repr(verdict)


@pytest.mark.parametrize("check", [lesson01.check_tasks, lesson01.check_macs])
@pytest.mark.parametrize("answer", RUBBISH, ids=lambda answer: type(answer).__name__)
def test_rubbish_gets_a_verdict(check, answer):
    assert check(answer).passed is False


def test_the_stub_of_open_cases_is_blank():
    assert lesson01.check_tasks(dict.fromkeys(lesson01.CASES, ...)).passed is None
    assert lesson01.check_tasks({}).passed is None


def test_all_tasks_pass():
    assert lesson01.check_tasks(dict(lesson01.CASES)).passed


@pytest.mark.parametrize("case", lesson01.CASES)
def test_each_wrong_task_is_explained(case):
    task = lesson01.CASES[case]
    wrong = next(other for other in lesson01.TASKS if other != task)
    verdict = lesson01.check_tasks(lesson01.CASES | {case: wrong})
    assert verdict.passed is False
    assert case in verdict.message
    assert lesson01.WHY[task][0] in verdict.message


def test_unknown_tasks_and_unfinished_answers():
    assert "none of" in lesson01.check_tasks({CASE: "magic"}).message
    assert "5 to go" in lesson01.check_tasks({CASE: TASK}).message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (8.192, None),
        (65.536, "at every sample"),
        (0.512, "as the filter is long"),
        (16.384, "apart"),
        (8192000, "in ones"),
        (3, "Not quite"),
    ],
)
def test_macs(answer, said):
    verdict = lesson01.check_macs(answer)
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


def test_they_answer_in_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    assert "六个全对" in lesson01.check_tasks(dict(lesson01.CASES)).message
