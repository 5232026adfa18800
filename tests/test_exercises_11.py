"""The checkers of lesson 11: what is special to them; the rest is in test_exercises.py."""

import numpy as np
import pytest
import torch

from helpers.exercises import lesson11

T = (np.arange(1000) + 0.5) / 1000
FALL = np.cos(T * np.pi / 2) ** 2
ALIKE = np.array([[0.9, 0.8, 0.1], [0.8, 0.1, 0.3], [0.2, 0.3, 0.7]])


@pytest.fixture(scope="module")
def layers():
    torch.manual_seed(0)
    conv, norm = torch.nn.Conv2d(2, 3, 2), torch.nn.BatchNorm2d(3)
    for tensor in (norm.weight, norm.bias):
        torch.nn.init.normal_(tensor)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 3)
    return conv, norm


def folded(conv, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = conv.weight * scale[:, None, None, None]
    return weight, (conv.bias - norm.running_mean) * scale + norm.bias


def test_fades_solution_passes():
    assert lesson11.check_fades((FALL, 1 - FALL)).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((np.sqrt(FALL), np.sqrt(1 - FALL)), "1.414, which is 3.0 dB too loud"),
        ((1 - FALL, FALL), "The other way round"),
        ((1 - T, T), "straight lines"),
        ((FALL, FALL), "they sum to 2.000"),
        ((0.9 * FALL, 1 - 0.9 * FALL), "starts at 0.90"),
        ((FALL[:10], FALL[:10]), "has the shapes (10,) and (10,); asked for: 2 of (1000,)"),
        ((FALL, np.full(1000, np.nan)), "NaN"),
        (3, "holds no numbers"),
        ("ab", "holds no numbers"),
    ],
)
def test_fades_off(answer, message):
    verdict = lesson11.check_fades(answer)
    assert verdict.passed is False
    assert message in verdict.message


def test_order_solution_passes():
    assert lesson11.check_order([1, 0, 2], ALIKE).passed
    assert lesson11.check_order(np.array([1, 0, 2]), ALIKE).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 1, 2], "add up to 1.70, and another order to 2.30. Speaker 0 alone"),
        ([2, 1, 0], "another order to 2.30"),
        ([0, 0, 2], "once"),
        ([1, 0], "has the shapes (2,)"),
        ([0.5, 1, 2], "once"),
        ("120", "shapes ()"),
        ([np.nan] * 3, "NaN"),
        (["a", "b", "c"], "no numbers"),
    ],
)
def test_order_off(answer, message):
    verdict = lesson11.check_order(answer, ALIKE)
    assert verdict.passed is False
    assert message in verdict.message


def test_order_the_wrong_way_round_is_named():
    alike = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], float)
    assert lesson11.check_order([1, 2, 0], alike).passed
    assert "The other way round" in lesson11.check_order([2, 0, 1], alike).message


def test_folded_solution_passes_and_is_equal(layers):
    conv, norm = layers
    weight, bias = folded(conv, norm)
    assert lesson11.check_folded((weight, bias), conv, norm).passed
    x = torch.randn(1, 2, 5, 5)
    expected = norm.eval()(conv(x))
    assert torch.allclose(torch.nn.functional.conv2d(x, weight, bias), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, b, s, c, n: (c.weight * (n.weight / n.running_var)[:, None, None, None],
                                (c.bias - n.running_mean) * n.weight / n.running_var + n.bias),
         "divided by the variance"),
        (lambda w, b, s, c, n: (w, (c.bias + n.running_mean) * s + n.bias), "mean's sign"),
        (lambda w, b, s, c, n: (w, c.bias), "has to go through the norm too"),
        (lambda w, b, s, c, n: (w, n.bias - n.running_mean * s), "what the convolution itself"),
        (lambda w, b, s, c, n: (w, c.bias * s + n.bias), "forgets the mean"),
        (lambda w, b, s, c, n: (w, c.bias - n.running_mean * s + n.bias), "scaled like the weight"),
        (lambda w, b, s, c, n: (c.weight, b), "The bias is right"),
        (lambda w, b, s, c, n: (2 * w, b), "The weight is off"),
        (lambda w, b, s, c, n: (w, 2 * b), "The bias is off"),
        (lambda w, b, s, c, n: (w[0], b), "shapes (2, 2, 2); asked for: 1 of (3, 2, 2, 2)"),
        (lambda w, b, s, c, n: (w, b * np.nan), "NaN"),
        (lambda w, b, s, c, n: w, "pair"),
        (lambda w, b, s, c, n: 7, "pair"),
        (lambda w, b, s, c, n: ("a", "b"), "no numbers"),
    ],
)  # fmt: skip
def test_folded_off(layers, change, message):
    conv, norm = layers
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    verdict = lesson11.check_folded(change(*folded(conv, norm), scale, conv, norm), conv, norm)
    assert verdict.passed is False
    assert message in verdict.message


@pytest.fixture(scope="module")
def four():
    return torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(0))


def test_three_products_pass(four):
    a, b, c, d = four
    first, second, third = a @ (c + d), (a + b) @ d, (b - a) @ c
    assert lesson11.check_three((first - second, first + third), a, b, c, d).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda a, b, c, d: (a @ d + b @ c, a @ c - b @ d), "The other way round"),
        (lambda a, b, c, d: (a @ c + b @ d, a @ d + b @ c), "ac + bd. But i times i is -1"),
        (lambda a, b, c, d: (b @ d - a @ c, a @ d + b @ c), "the wrong sign"),
        (lambda a, b, c, d: (a @ c - b @ d, a @ d - b @ c), "a difference of ad and bc"),
        (lambda a, b, c, d: (a @ c - b @ d, b @ c - a @ d), "a difference of ad and bc"),
        (lambda a, b, c, d: (a @ c - b @ d, a @ (c + d)), "The real part is right"),
        (lambda a, b, c, d: (a * c - b * d, a * d + b * c), "The real part is off"),
        (lambda a, b, c, d: a, "asked for: 2 of (5, 5)"),
    ],
)
def test_three_products_off(four, answer, message):
    verdict = lesson11.check_three(answer(*four), *four)
    assert verdict.passed is False
    assert message in verdict.message
