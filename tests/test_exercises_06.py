"""The checkers of lesson 06: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest
import torch

from helpers.exercises import lesson06

MASKS = torch.rand(2, 1, 4, 9, generator=torch.Generator().manual_seed(6)) * 2
FIRST = MASKS[0] > MASKS[1]
HARD = torch.stack([FIRST, ~FIRST])


@pytest.mark.parametrize("span", [256, 128 * 16 / 8, (127 * 16 + 32) / 8, np.float32(256)])
def test_span(span):
    assert lesson06.check_span(span).passed


def test_linear():
    assert lesson06.check_linear(lambda q, k, values: q @ (k.T @ values / len(q))).passed
    assert lesson06.check_linear(lambda q, k, v: (v.T @ k @ q.T).T / len(q)).passed
    in_numpy = lesson06.check_linear(lambda *given: linear_in_numpy(*(t.numpy() for t in given)))
    assert in_numpy.passed


def linear_in_numpy(q, k, values):
    return q @ (k.T @ values) / len(q)


@pytest.mark.parametrize("even", [497, 496, 256 + 2 * 128 * 2048 / 2176, np.int64(498)])
def test_even(even):
    assert lesson06.check_even(even).passed


@pytest.mark.parametrize("hard", [HARD, HARD.float(), HARD.numpy(), HARD.int()])
def test_hard(hard):
    assert lesson06.check_hard(hard, MASKS).passed


@pytest.mark.parametrize("first", [0, 1])
def test_what_is_equal_may_go_to_either_but_not_to_both(first):
    masks, hard = MASKS.clone(), HARD.clone()
    masks[:, 0, 0, 0] = 0
    hard[first, 0, 0, 0], hard[1 - first, 0, 0, 0] = True, False
    assert lesson06.check_hard(hard, masks).passed
    hard[:, 0, 0, 0] = False
    assert "equal" in lesson06.check_hard(hard, masks).message


@pytest.mark.parametrize(
    ("linear", "said"),
    [
        (lambda q, k, v: q @ k.T @ v / len(q), "a table of 500 times 500"),
        (lambda q, k, v: q @ (k.T @ v), "Divide by the number of frames"),
        (lambda q, k, v: q @ (k.T @ v) / 4, "width of the queries"),
        (lambda q, k, v: q @ (k.T @ v) / 2, "the root of the width"),
        (lambda q, k, v: k @ (q.T @ v) / len(q), "exchanged"),
        (lambda q, k, v: (q @ k.T).softmax(1) @ v, "softmax"),
        (lambda q, k, v: (q @ k.T).relu() ** 2 @ v / len(q), "squared"),
        (lambda q, k, v: v, "The result is off"),
        (lambda q, k, v: k.T @ v, "one row for each frame"),
        (lambda q, k, v: q @ k, "RuntimeError"),
    ],
)
def test_mistakes_in_linear(linear, said):
    verdict = lesson06.check_linear(linear)
    assert verdict.passed is False
    assert said in verdict.message


@pytest.mark.parametrize(
    ("hard", "said"),
    [
        (FIRST, "one mask"),
        (FIRST[0], "one mask"),
        (HARD[:, 0], "the shape of the masks"),
        (HARD * MASKS, "kept as it was"),
        (~HARD, "wrong way round"),
        (MASKS > 0.5, "one half"),
        (torch.stack([FIRST, FIRST]), "the same mask"),
        (torch.ones(2, 1, 4, 9), "50 % of the numbers"),
    ],
)
def test_mistakes_in_hard(hard, said):
    verdict = lesson06.check_hard(hard, MASKS)
    assert verdict.passed is False
    assert said in verdict.message
