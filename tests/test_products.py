"""The fast forms' products: fewer of them, or another library's, and the same numbers."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from helpers.networks import complex_convolution, products


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def norm(wide):
    """A batch norm as ModelScope has it: one of real parts, one of imaginary ones."""
    bn = [
        SimpleNamespace(
            weight=drawn(wide, seed=i),
            bias=drawn(wide, seed=i + 1),
            running_mean=drawn(wide, seed=i + 2),
            running_var=drawn(wide, seed=i + 3).abs() + 0.5,
            eps=1e-5,
        )
        for i in (10, 20)
    ]
    return SimpleNamespace(bn_re=bn[0], bn_im=bn[1])


def by_definition(re, im, bias, bn, x, **sizes):
    """Convolve complex numbers, add the bias, normalize each part."""
    half = x.shape[2] // 2
    z = torch.complex(*x.split(half, 2)).permute(2, 0, 1)[None]
    y = F.conv2d(z, torch.complex(re, im), **sizes)[0].permute(1, 2, 0)
    parts = []
    for part, shift, one in zip((y.real, y.imag), bias, (bn.bn_re, bn.bn_im), strict=True):
        normed = (part + shift - one.running_mean) / torch.sqrt(one.running_var + one.eps)
        parts.append(normed * one.weight + one.bias)
    return torch.cat(parts, 2)


CASES = {
    "down": ((3, 4), 5, {"stride": (1, 2)}),
    "up": ((4, 3), 3, {"padding": (0, 2)}),
    "last": ((1, 4), 2, {"padding": (0, 1)}),
}


@pytest.mark.parametrize("frames", [2, 3, 5, 6, 9, 12])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", ["Direct", "FewerProducts", "OneChannel"])
def test_every_form_of_a_complex_convolution_is_the_convolution(form, case, frames):
    (out, into), taps, sizes = CASES[case]
    if form == "OneChannel" and case != "last":
        pytest.skip("for one channel, not strided")
    re, im, x = (
        drawn(out, into, 2, taps),
        drawn(out, into, 2, taps, seed=1),
        drawn(frames, 11, 2 * into),
    )
    bias, bn = (drawn(out, seed=2), drawn(out, seed=3)), norm(out)
    wanted = by_definition(re, im, bias, bn, x, **sizes)
    scale, shift = complex_convolution.folded(bn, bias)
    made = getattr(complex_convolution, form)(re, im, scale, shift, torch.float64, **sizes)
    found = torch.full_like(wanted, torch.nan)
    made(made.prepared(x), found)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("channels", "dtype", "sizes", "form"),
    [((128, 128), torch.float32, {"stride": (1, 2)}, "FewerProducts"),
     ((128, 1), torch.float32, {"stride": (1, 2)}, "Direct"),
     ((1, 256), torch.float32, {"padding": (0, 2)}, "OneChannel"),
     ((32, 32), torch.float32, {"padding": (0, 2)}, "Direct"),
     ((128, 128), torch.bfloat16, {"padding": (0, 2)}, "Direct")],
)  # fmt: skip
def test_the_form_is_chosen_by_size_and_precision(channels, dtype, sizes, form):
    re, im, bn = torch.zeros(*channels, 2, 3), torch.ones(*channels, 2, 3), norm(channels[0])
    bias = drawn(channels[0]), drawn(channels[0])
    made = complex_convolution.convolution(re, im, bias, bn, dtype, **sizes)
    assert type(made).__name__ == form
    assert made.weight.dtype == dtype


@pytest.mark.parametrize("then", ["none", "relu", "swish"])
@pytest.mark.parametrize("part", ["whole", "columns", "turned"])
@pytest.mark.parametrize("library", ["onednn", "mkl"])
def test_a_product_is_a_linear_layer(monkeypatch, then, part, library):
    if library == "mkl":
        monkeypatch.setattr(products, "by_onednn", lambda x, weight: False)
    x, weight, bias = drawn(7, 2, 12).float(), drawn(5, 24).float(), drawn(5).float()
    weight = {"whole": weight[:, :12].clone(), "columns": weight[:, ::2], "turned": None}[part]
    weight = drawn(12, 5).float().T if weight is None else weight
    for shift in (None, bias):
        wanted = F.linear(x, weight, shift)
        wanted = {"none": wanted, "relu": F.relu(wanted), "swish": F.silu(wanted)}[then]
        torch.testing.assert_close(products.product(x, weight, shift, then), wanted)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("torch.backends.mkldnn.is_available", False),
     ("torch.backends.cpu.get_cpu_capability", "DEFAULT")],
)  # fmt: skip
def test_without_onednn_or_x86_the_other_library_takes_it(monkeypatch, attribute, value):
    monkeypatch.setattr(attribute, lambda: value)
    monkeypatch.setattr(products, "available", products.available.__wrapped__)  # asked anew
    assert not products.by_onednn(torch.ones(2, 3), torch.ones(4, 3))


def test_onednn_takes_no_other_numbers():
    x, weight = torch.ones(2, 3), torch.ones(4, 3)
    assert not products.by_onednn(x.double(), weight.double())
    assert not products.by_onednn(x, weight.bfloat16())
    assert not products.by_onednn(x.to("meta"), weight.to("meta"))
    assert not products.by_onednn(x[:, :0], weight[:, :0])


def test_a_product_that_is_learnt_from_has_its_gradient():
    x, weight = torch.ones(2, 3), torch.ones(4, 3, requires_grad=True)
    products.product(x, weight).sum().backward()
    assert torch.equal(weight.grad, torch.full((4, 3), 2.0))


@pytest.mark.parametrize("then", ["none", "relu", "swish"])
def test_a_product_of_nan_is_nan(then):
    assert (
        products.product(torch.full((2, 3), torch.nan), torch.ones(4, 3), None, then).isnan().all()
    )


def test_a_bias_may_be_every_second_number():
    x, weight, bias = torch.ones(2, 3), torch.ones(5, 3), torch.arange(10.0)[::2]
    assert torch.equal(products.product(x, weight, bias), F.linear(x, weight, bias))
