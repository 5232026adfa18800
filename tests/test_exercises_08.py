"""The checkers of lesson 08: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest
import torch

from helpers.exercises import lesson08

X = torch.randn(4, 5, 9, generator=torch.Generator().manual_seed(8)) + 0.3
EACH = X.mean(1)
COUNT = torch.arange(1, 10)
RUNNING = EACH.cumsum(1) / COUNT


def three(real, imag, a, b, conv):
    p, q = conv(real, a), conv(imag, b)
    return p - q, conv(real + imag, a + b) - p - q


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
    ],
)
def test_mistakes_in_running(running, said):
    verdict = lesson08.check_running(running, X)
    assert verdict.passed is False
    assert said in verdict.message
