"""The fast forms equal the library's layers, in what they give and in what they learn from it."""

import copy

import pytest
import torch
from modelscope.models.audio.separation.mossformer import MossFormer

from helpers import fast_frcrn, fast_mossformer
from helpers.frcrn_mini import NarrowFRCRN
from training import denoising, separation


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
    first, second = fast_frcrn.frcrn(fast_net, noisy)
    assert relative(first, slow[1]) < 1e-5
    assert relative(second, slow[4]) < 1e-5


def test_frcrn_fast_form_has_the_gradients_of_modelscope(frcrn):
    noisy = torch.randn(1, 8000)
    slow_net, fast_net = copy.deepcopy(frcrn).train(), copy.deepcopy(frcrn).train()
    slow = gradients(slow_net, slow_net(noisy)[4])
    quick = gradients(fast_net, fast_frcrn.frcrn(fast_net, noisy)[1])
    assert len(slow) == len(quick)
    together = torch.cat([g.flatten() for g in quick]), torch.cat([g.flatten() for g in slow])
    assert relative(*together) < 1e-3


def test_mossformer_fast_form_equals_modelscope(mossformer):
    quick = fast_mossformer.speed_up(copy.deepcopy(mossformer)).eval()
    mixture = torch.randn(2, 9000)
    with torch.no_grad():
        assert relative(quick(mixture), mossformer.eval()(mixture)) < 1e-5


def test_mossformer_fast_form_has_the_gradients_of_modelscope(mossformer):
    quick = fast_mossformer.speed_up(copy.deepcopy(mossformer)).eval()
    mixture = torch.randn(1, 5000)
    slow = gradients(mossformer.eval(), mossformer(mixture))
    fast_ones = gradients(quick, quick(mixture))
    together = torch.cat([g.flatten() for g in fast_ones]), torch.cat([g.flatten() for g in slow])
    assert relative(*together) < 1e-4


def test_attention_of_the_fast_form_is_not_idle(mossformer):
    quick = fast_mossformer.speed_up(copy.deepcopy(mossformer)).eval()
    mixture = torch.randn(1, 9000)
    with torch.no_grad():
        before = quick(mixture)
        for name, parameter in quick.named_parameters():
            if "qk_offset_scale.gamma" in name:
                parameter.zero_()
        assert relative(quick(mixture), before) > 1e-3
