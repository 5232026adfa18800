"""The fast forms equal the library's layers, in what they give and in what they learn from it."""

import copy
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from modelscope.models.audio.separation.mossformer import MossFormer

from helpers import models
from helpers.clip import Clip
from helpers.networks import (
    complex_convolution,
    fast,
    frcrn_inference,
    frcrn_layers,
    mossformer_layers,
)
from helpers.networks.frcrn_mini import NarrowFRCRN
from training import denoising, separation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def frcrn():
    torch.manual_seed(0)
    net = NarrowFRCRN(**denoising.CONFIG | {"channels": 16})
    for name, parameter in net.named_parameters():  # away from the tame starting point
        if name.startswith("unet") and parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    return net


@pytest.fixture(scope="module")
def mossformer():
    torch.manual_seed(0)
    config = separation.CONFIG | {"num_blocks": 2, "d_model": 32, "out_channels": 32}
    net = MossFormer(".", **config | {"in_channels": 32, "group_size": 64})
    for name, parameter in net.named_parameters():
        if "qk_offset_scale.gamma" in name:  # starts so small that attention would hardly count
            torch.nn.init.normal_(parameter, std=2)
    return net


def relative(a, b):
    return ((a - b).norm() / b.norm()).item()


def gradients(net, output):
    learnt = [p for p in net.parameters() if p.requires_grad]
    weight = torch.linspace(-1, 1, output.numel()).reshape(output.shape)
    found = torch.autograd.grad((output * weight).mean(), learnt, allow_unused=True)
    return [g for g in found if g is not None]


@pytest.mark.parametrize("training", [False, True])
def test_frcrn_fast_form_equals_modelscope(frcrn, training):
    noisy = torch.randn(2, 8000)
    slow_net, fast_net = copy.deepcopy(frcrn).train(training), copy.deepcopy(frcrn).train(training)
    slow = slow_net(noisy)
    first, second = frcrn_layers.frcrn(fast_net, noisy)
    assert relative(first, slow[1]) < 1e-5
    assert relative(second, slow[4]) < 1e-5


def test_frcrn_fast_form_has_the_gradients_of_modelscope(frcrn):
    noisy = torch.randn(1, 8000)
    slow_net, fast_net = copy.deepcopy(frcrn).train(), copy.deepcopy(frcrn).train()
    slow = gradients(slow_net, slow_net(noisy)[4])
    quick = gradients(fast_net, frcrn_layers.frcrn(fast_net, noisy)[1])
    assert len(slow) == len(quick)
    together = torch.cat([g.flatten() for g in quick]), torch.cat([g.flatten() for g in slow])
    assert relative(*together) < 1e-3


def test_mossformer_fast_form_equals_modelscope(mossformer):
    quick = mossformer_layers.speed_up(copy.deepcopy(mossformer)).eval()
    mixture = torch.randn(2, 9000)
    with torch.no_grad():
        assert relative(quick(mixture), mossformer.eval()(mixture)) < 1e-5


def test_mossformer_fast_form_has_the_gradients_of_modelscope(mossformer):
    quick = mossformer_layers.speed_up(copy.deepcopy(mossformer)).eval()
    mixture = torch.randn(1, 5000)
    slow = gradients(mossformer.eval(), mossformer(mixture))
    fast_ones = gradients(quick, quick(mixture))
    together = torch.cat([g.flatten() for g in fast_ones]), torch.cat([g.flatten() for g in slow])
    assert relative(*together) < 1e-4


def test_attention_of_the_fast_form_is_not_idle(mossformer):
    quick = mossformer_layers.speed_up(copy.deepcopy(mossformer)).eval()
    mixture = torch.randn(1, 9000)
    with torch.no_grad():
        before = quick(mixture)
        for name, parameter in quick.named_parameters():
            if "qk_offset_scale.gamma" in name:
                parameter.zero_()
        assert relative(quick(mixture), before) > 1e-3


class FRCRNDecorator(torch.nn.Module):
    """What ModelScope's pipeline holds around FRCRN, under its name."""

    def __init__(self, net):
        super().__init__()
        self.model = net

    def forward(self, inputs):
        return {"wav_l2": self.model(inputs["noisy"])[4]}


@pytest.fixture(scope="module")
def denoiser(frcrn):
    net = copy.deepcopy(frcrn).eval()
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():  # a norm that does nothing would hide how it is folded
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            torch.nn.init.normal_(module.bias, std=0.3)
    return FRCRNDecorator(net)


@pytest.fixture(scope="module")
def separator(mossformer):
    return copy.deepcopy(mossformer).eval()


def heard(model, n):
    generator = torch.Generator().manual_seed(2)
    noise = 0.1 * torch.randn(1, n, generator=generator)
    with torch.inference_mode():
        output = model(
            {"noisy": noise}
            if isinstance(model, FRCRNDecorator | frcrn_inference.Denoiser)
            else noise
        )
    return output["wav_l2"] if isinstance(output, dict) else output


@pytest.mark.parametrize("kind", ["denoiser", "separator"])
def test_every_layer_of_the_fast_path_equals_modelscope(kind, request):
    errors = fast.layer_errors(request.getfixturevalue(kind))
    assert len(errors) == {"denoiser": 2 * (7 + 1 + 7) + 1, "separator": 2 + 1}[kind]
    assert max(errors.values()) < 1e-4, errors


@pytest.mark.parametrize("n", [1280, 16_000, 52_480])
def test_the_fast_denoiser_equals_modelscope_at_any_length(denoiser, n):
    """52,480 samples are many pieces of every stage."""
    assert relative(heard(fast.optimized(denoiser), n), heard(denoiser, n)) < 1e-4


@pytest.mark.parametrize("n", [1280, 16_000, 52_480])
def test_wide_convolutions_take_fewer_products_within_90_db(denoiser, monkeypatch, n):
    narrow = heard(frcrn_inference.Denoiser(denoiser), n)
    monkeypatch.setattr(complex_convolution, "FEW", 2)
    wide = heard(frcrn_inference.Denoiser(denoiser), n)
    assert 0 < relative(wide, narrow) < 10 ** (-90 / 20)


@pytest.mark.parametrize("n", [32, 40, 2048, 16_400])
def test_the_fast_separator_equals_modelscope_at_any_length(separator, n):
    assert (
        relative(heard(fast.optimized(separator), n), heard(separator, n).reshape(1, n, 2)) < 1e-4
    )


@pytest.mark.parametrize("kind", ["mossformer", "frcrn"])
def test_the_embedded_models_take_the_fast_path_within_60_db_of_float64(kind):
    model = models.pipeline(kind, quiet=True).model
    noise, exact = 0.05 * torch.randn(1, 8320), copy.deepcopy(model).double()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("error")
        quick, half = fast.optimized(model), fast.optimized(model, "bfloat16")
        assert quick is not model
        if kind == "frcrn":
            expected = exact({"noisy": noise.double()})["wav_l2"]
            found = [form({"noisy": noise})["wav_l2"] for form in (quick, half)]
        else:
            expected, found = exact(noise.double()), [form(noise) for form in (quick, half)]
    assert relative(found[0].double(), expected) < 1e-3  # -60 dB
    assert relative(found[1].double(), expected) < 10 ** (-30 / 20)
    assert relative(found[1], found[0]) > 1e-5  # it is another precision


@pytest.mark.parametrize("kind", ["denoiser", "separator"])
def test_a_network_that_differs_runs_as_it_is_with_a_warning(kind, request):
    other = copy.deepcopy(request.getfixturevalue(kind))
    if kind == "denoiser":
        other.model.unet2.encoders[2].relu = torch.nn.ReLU()
        where = "model.unet2.encoder2 differs"
    else:
        other.mask_net.mdl.att_mdl.mossformerM.layers[1].gateActivate = torch.nn.Tanh()
        where = "layers.1 differs"
    with pytest.warns(RuntimeWarning, match=f"does not fit.*{where}.*as ModelScope wrote it"):
        assert fast.optimized(other) is other
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fast.optimized(other) is other  # said once


def test_a_network_that_cannot_be_taken_apart_runs_as_it_is_with_a_warning(separator):
    other = copy.deepcopy(separator)
    other.mask_net.mdl.att_mdl.mossformerM.layers[0].causal = True
    with pytest.warns(RuntimeWarning, match="a causal MossFormer"):
        assert fast.optimized(other) is other


def test_who_looks_into_the_network_gets_the_network_itself(separator):
    layer = separator.mask_net.mdl.att_mdl.mossformerM.layers[0]
    hook = layer.register_forward_hook(lambda *_: None)
    assert fast.optimized(separator) is separator
    hook.remove()
    assert fast.optimized(separator) is not separator
    assert fast.optimized(mossformer_layers.speed_up(copy.deepcopy(separator))).training is False


def test_trained_weights_are_taken_up(separator):
    other = copy.deepcopy(separator)
    before = fast.optimized(other)
    assert fast.optimized(other) is before
    expected = 2 * heard(before, 2048)
    with torch.no_grad():
        other.decoder.weight *= 2
    assert fast.optimized(other) is not before
    assert relative(heard(fast.optimized(other), 2048), expected) < 1e-3


def test_other_things_are_left_alone():
    thing = SimpleNamespace(model=None)
    assert fast.optimized(thing) is thing
    assert fast.optimized(torch.nn.Identity())(3) == 3
    with pytest.raises(ValueError, match="no precision 'float16': take float32 or bfloat16"):
        fast.optimized(thing, "float16")


# --- threads -------------------------------------------------------------------------------------


class Sized(torch.nn.Module):
    """A network of so many parameters."""

    def __init__(self, count):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(count, device="meta"))


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("count", "policy", "within"),
    [(1_000_000, "PASSIVE", 1), (1_000_000, "passive", 1), (14_000_000, "PASSIVE", 2),
     (1_000_000, "ACTIVE", 2), (1_000_000, "", 2)],
)  # fmt: skip
def test_a_small_network_works_on_one_thread_where_threads_sleep(
    two_threads, monkeypatch, count, policy, within
):
    monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    with fast.enough_threads(Sized(count)):
        assert torch.get_num_threads() == within
    assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), fast.enough_threads(Sized(count)):
        raise KeyError
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("tool", ["separate", "denoise"])
def test_the_tools_keep_to_one_thread(two_threads, monkeypatch, tool):
    from helpers import denoise, separate, windows

    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    seen, real = [], windows.overlap_add
    monkeypatch.setattr(
        windows,
        "overlap_add",
        lambda *a, **k: seen.append(torch.get_num_threads()) or real(*a, **k),
    )
    clip = Clip(np.random.default_rng(0).normal(0, 0.1, 8000), 8000)
    {"separate": separate.separate, "denoise": denoise.denoise}[tool](clip, tier="embedded")
    assert seen == [1]
    assert torch.get_num_threads() == 2
