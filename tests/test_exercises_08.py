"""The checkers of lesson 08: the solution passes, a blank gets "not yet", mistakes are named."""

import numpy as np
import pytest
import torch

from helpers.exercises import lesson08

X = torch.randn(4, 5, 9, generator=torch.Generator().manual_seed(8)) + 0.3
EACH = X.mean(1)
COUNT = torch.arange(1, 10)
RUNNING = EACH.cumsum(1) / COUNT
CHECKS = [
    lesson08.check_three,
    lesson08.check_reach,
    lambda answer: lesson08.check_running(answer, X),
    lesson08.check_wait,
]
RUBBISH = [
    *("soon", [1, 2], float("nan"), np.zeros(3), {}, np.array(["x"]), True),
    *(torch.full((4, 9), torch.nan), 1j, lambda: 1),
    *(lambda *given: None, lambda *given: (1, 2), lambda *given: given[:3]),
]


def three(real, imag, a, b, conv):
    p, q = conv(real, a), conv(imag, b)
    return p - q, conv(real + imag, a + b) - p - q


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


def test_solutions_pass():
    assert lesson08.check_three(three)
    assert "Three convolutions" in lesson08.check_three(three).message
    for reach in (3800, 19 * 8 * 25.0, np.float32(3800)):
        assert lesson08.check_reach(reach).passed
    for running in (RUNNING, RUNNING.numpy(), RUNNING.double()):
        assert lesson08.check_running(running, X).passed
    for wait in (320, 14 * 20 + 40, 5119 / 16):
        assert lesson08.check_wait(wait).passed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p, q, r, s: (p - q, r + s), "took 4 calls"),
        (lambda p, q, r, s: (r + s, p - q), "exchanged"),
        (lambda p, q, r, s: (p + q, r + s), "i times i is -1"),
        (lambda p, q, r, s: (p - q, p + q + r + s), "still holds the other two"),
        (lambda p, q, r, s: (p - q, r + s + 2 * q), "one product only"),
        (lambda p, q, r, s: (p, q), "The result is off"),
        (lambda p, q, r, s: (p, q, r), "Return two real tensors"),
        (lambda p, q, r, s: torch.complex(p - q, r + s)[None], "Return two real tensors"),
        (lambda p, q, r, s: p + "q", "TypeError"),
    ],
)
def test_mistakes_in_three(change, said):
    def answer(real, imag, a, b, conv):
        return change(conv(real, a), conv(imag, b), conv(real, b), conv(imag, a))

    verdict = lesson08.check_three(answer)
    assert verdict.passed is False
    assert said in verdict.message


def test_a_convolution_of_ones_own_is_not_counted():
    def answer(real, imag, a, b, conv):
        return three(real, imag, a, b, torch.conv2d)

    assert "took 0 calls" in lesson08.check_three(answer).message


@pytest.mark.parametrize(
    ("reach", "said"),
    [
        (4000, "19 lie below"),
        (475, "every second row"),
        (1900, "not two"),
        (7600, "not four"),
        (19, "in rows"),
        (3.8, "In kHz"),
        (1234, "The rows below the present one"),
    ],
)
def test_mistakes_in_reach(reach, said):
    verdict = lesson08.check_reach(reach)
    assert verdict.passed is False
    assert said in verdict.message


@pytest.mark.parametrize(
    ("running", "said"),
    [
        (X.mean((1, 2)), "the future too"),
        (X.cumsum(2) / COUNT, "rows are still there"),
        (RUNNING.T, "a table of 4 channels and 9 frames"),
        (EACH, "each frame alone"),
        (EACH.cumsum(1), "divide by how many"),
        (EACH.mean(1, keepdim=True).expand(4, 9), "it knows the future"),
        (EACH.flip(1).cumsum(1).flip(1) / COUNT.flip(0), "Time is turned round"),
        (torch.nn.functional.pad(RUNNING, (1, 0))[:, :-1], "One frame too old"),
        (EACH.cumsum(1) / (COUNT - 1), "NaN or infinity"),
        (RUNNING + 1, "frame 2 should hold"),
        (RUNNING.clone().requires_grad_(), "should be a table"),
    ],
)
def test_mistakes_in_running(running, said):
    verdict = lesson08.check_running(running, X)
    assert verdict.passed is False
    assert said in verdict.message


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (280, "the window is missing"),
        (300, "not a hop"),
        (180, "there are two"),
        (600, "they overlap"),
        (5119, "divide by 16"),
        (0.32, "in ms"),
        (100, "one every 20 ms"),
    ],
)
def test_mistakes_in_wait(wait, said):
    verdict = lesson08.check_wait(wait)
    assert verdict.passed is False
    assert said in verdict.message


def test_it_speaks_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    assert "还缺窗长" in lesson08.check_wait(280).message
    assert "这里要每帧一个数" in lesson08.check_running(X.mean((1, 2)), X).message
