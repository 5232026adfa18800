"""FRCRN's causal variants: change the future, and the past must stay as it was."""

import pytest
import torch
from modelscope.models.audio.ans.frcrn import FRCRN

from helpers import models
from helpers.networks import frcrn_causal
from helpers.networks.frcrn import HOP
from training import denoising

WINDOW = 2 * HOP - 1  # the first sample of a frame waits for the last


@pytest.fixture(scope="module")
def network():
    return models.pipeline("frcrn", quiet=True).model.model


@pytest.fixture(scope="module")
def noise():
    return 0.05 * torch.randn(1, 40 * HOP, generator=torch.Generator().manual_seed(8))


def second_stage(network, wave):
    with torch.inference_mode():
        return network(wave)[4]


@pytest.mark.parametrize(
    ("strict", "frames"), [(False, 14), (True, 0)], ids=["running means", "strict"]
)
def test_no_output_sample_depends_on_more_of_the_future(network, noise, strict, frames):
    net = frcrn_causal.make_causal(network, strict)
    change = 30 * HOP
    other = torch.cat([noise[:, :change], 5 * noise[:, :change].flip(1)[:, : 10 * HOP]], 1)
    before, after = second_stage(net, noise), second_stage(net, other)
    past = change - frames * HOP - HOP + 1  # sample n needs the frames that hold it, whole
    assert torch.equal(before[:, :past], after[:, :past])
    assert not torch.equal(before[:, change:], after[:, change:])


def test_look_ahead_is_that_of_14_frames_and_of_the_window(network):
    assert frcrn_causal.lookahead_samples(frcrn_causal.make_causal(network)) == 14 * HOP + WINDOW
    assert frcrn_causal.lookahead_samples(frcrn_causal.make_causal(network, strict=True)) == WINDOW


@pytest.mark.parametrize("frames", [24, 32])
def test_the_network_itself_hears_all_of_its_input(network, frames):
    assert frcrn_causal.lookahead_samples(network, frames) == HOP * (frames - 8) - 1


def test_the_last_running_mean_is_the_mean(network):
    layer = network.unet.se_layers_enc[0]
    x = torch.randn(2, len(layer.fc_r[2].bias), 5, 9, 2)
    whole, running = layer(x), frcrn_causal.RunningExcitation(layer)(x)
    assert torch.allclose(whole[:, :, :, -1], running[:, :, :, -1], atol=1e-6)
    assert not torch.allclose(whole[:, :, :, 0], running[:, :, :, 0], atol=1e-3)


def test_a_variant_leaves_the_network_alone(network, noise):
    before = second_stage(network, noise)
    changed = second_stage(frcrn_causal.make_causal(network, strict=True), noise)
    assert changed.shape == before.shape
    assert not torch.allclose(changed, before, atol=1e-3)
    assert torch.equal(second_stage(network, noise), before)


def test_the_published_class_has_variants_too():
    torch.manual_seed(0)
    published = FRCRN(**denoising.CONFIG).eval()
    net = frcrn_causal.make_causal(published, strict=True)
    assert {type(layer) for layer in net.unet2.se_layers_dec} == {frcrn_causal.RunningExcitation}
    assert {type(stage) for stage in net.unet.decoders} == {frcrn_causal.DelayedStage}
    assert second_stage(net, torch.zeros(1, 6 * HOP)).shape == (1, 6 * HOP)


def test_another_network_is_refused():
    with pytest.raises(ValueError, match=r"got Linear: models\.pipeline"):
        frcrn_causal.make_causal(torch.nn.Linear(1, 1))
