"""The checkers of lesson 06: the solution passes, a blank gets "not yet", mistakes are named."""

import numpy as np
import pytest
import torch

from helpers.exercises import lesson06

MASKS = torch.rand(2, 1, 4, 9, generator=torch.Generator().manual_seed(6)) * 2
FIRST = MASKS[0] > MASKS[1]
HARD = torch.stack([FIRST, ~FIRST])
CHECKS = [
    lesson06.check_span,
    lesson06.check_linear,
    lesson06.check_even,
    lambda answer: lesson06.check_hard(answer, MASKS),
]
RUBBISH = [
    *("soon", [1, 2], float("nan"), float("inf"), np.zeros(3), {}, np.array(["x"]), True, 1j),
    *(torch.full((2, 1, 4, 9), torch.nan), torch.ones(2, 1, 4, 9, requires_grad=True)),
    *(lambda: 1, lambda *given: None, lambda *given: "x", lambda *given: given[0]),
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
    ("span", "said"),
    [
        (128, "number of frames"),
        (2048, "in samples"),
        (512, "start every 16"),
        (4096, "frames 32 apart"),
        (0.256, "in ms"),
        (77, "frames in a chunk"),
    ],
)
def test_mistakes_in_span(span, said):
    verdict = lesson06.check_span(span)
    assert verdict.passed is False
    assert said in verdict.message


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
    ("even", "said"),
    [
        (256, "chunk alone"),
        (240.94, "linear attention alone"),
        (376.47, "two products"),
        (256 + 2 * 128 * 1024 / 1152, "2048 values"),
        (512, "Nearly"),
        (0.497, "in frames"),
        (1000, "set n n"),
    ],
)
def test_mistakes_in_even(even, said):
    verdict = lesson06.check_even(even)
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


def test_it_speaks_chinese(monkeypatch):
    monkeypatch.setenv("A2A_LANG", "zh")
    assert "这是帧数" in lesson06.check_span(128).message
    assert "硬" not in lesson06.check_hard(~HARD, MASKS).message
    assert "正好反了" in lesson06.check_hard(~HARD, MASKS).message
    assert "先把键和值相乘" in lesson06.check_linear(lambda q, k, v: q @ k.T @ v / 500).message
