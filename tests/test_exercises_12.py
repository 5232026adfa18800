"""The checkers of lesson 12: the solution passes, a blank gets "not yet", mistakes are named."""

import numpy as np
import pytest
import torch

from helpers.clip import Clip
from helpers.exercises import lesson12

SCORES = np.array([[-10.0, 8.0], [6.0, -9.0]])
RUBBISH = ["loud", [1, 2], float("nan"), np.zeros(3), {}, 1j, Clip([0.1], 8000)]
CHECKS = [
    lesson12.check_si_sdr,
    lambda answer: lesson12.check_order(answer, SCORES),
    lambda answer: lesson12.check_heard(answer, 9000),
]


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


def si_sdr(estimate, reference, ten=10, power=2, scaled=True, log=torch.log10):
    """SI-SDR, with a place for each mistake."""
    scale = (estimate * reference).sum(-1, True) / reference.square().sum(-1, True)
    target = scale * reference if scaled else reference
    energies = [wave.square().sum(-1) ** (power / 2) for wave in (target, estimate - target)]
    return ten * log(energies[0] / energies[1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"ten": -10}, "sign is turned"),
        ({"ten": 20}, "Twice too much"),
        ({"power": 1}, "Half of it"),
        ({"scaled": False}, "plain SNR"),
        ({"ten": 1, "log": torch.log}, "natural logarithm"),
        ({"ten": 1}, "in bel"),
        ({"ten": 3}, "it gives 3.0"),
    ],
)
def test_si_sdr(changed, said):
    verdict = lesson12.check_si_sdr(lambda *waves: si_sdr(*waves, **changed))
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda a, b: (a - b).sum(), "shape ()"),
        (lambda a, b: 1 / 0, "ZeroDivisionError"),
        (lambda a: a, "TypeError"),
        (lambda a, b: a[:, 0] * float("nan"), "it gives nan"),
    ],
)
def test_functions_that_fail_are_told(function, said):
    verdict = lesson12.check_si_sdr(function)
    assert verdict.passed is False
    assert said in verdict.message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (-7, None),
        (7, "That is the score"),
        (9.5, "worse order"),
        (-14, "sum over both"),
        (1.25, "mean of all four"),
        (3, "Not quite"),
    ],
)
def test_order(answer, said):
    verdict = lesson12.check_order(answer, SCORES)
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (10, None),
        (600, "in minutes"),
        (36000, "in seconds"),
        (2.5, "brings 4 s"),
        (20, "still one mixture"),
        (1, "Not quite"),
    ],
)
def test_heard(answer, said):
    verdict = lesson12.check_heard(answer, 9000)
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


def test_they_answer_in_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    assert "小时" in lesson12.check_heard(10, 9000).message
