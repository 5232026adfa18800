"""What ships in models/: small, safe to load, unchanged, and better than doing nothing."""

import json

import numpy as np
import pytest
import torch

from helpers import models
from helpers.files import checkpoint
from helpers.networks import NETWORKS
from training import denoising, separation, testset

pytestmark = pytest.mark.slow

FOLDERS = {
    name: checkpoint.EMBEDDED / record.embedded
    for name, record in NETWORKS.items()
    if record.embedded
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_checkpoint_is_small(kind):
    size = sum(file.stat().st_size for file in FOLDERS[kind].glob("*.bin"))
    assert size <= 8e6


@pytest.mark.parametrize("kind", FOLDERS)
def test_checkpoint_holds_tensors_only(kind):
    for file in FOLDERS[kind].glob("*.bin"):
        state = torch.load(file, weights_only=True)
        assert all(isinstance(value, torch.Tensor) for value in state.values())
        assert all(torch.isfinite(value).all() for value in state.values())


def test_checksums_are_those_of_the_files():
    table = json.loads((checkpoint.EMBEDDED / "checksums.json").read_text(encoding="utf-8"))
    assert table == checkpoint.checksums()


@pytest.mark.parametrize("kind", ["known", "unseen"])
def test_separation_improves_on_the_mixture(kind):
    model = models.pipeline("mossformer", quiet=True).model
    gains = separation.improvements(model, testset.mixtures(kind, 8, 3.0))
    assert np.mean(gains) > 1


def test_denoising_improves_on_the_noisy_speech():
    net = models.pipeline("frcrn", quiet=True).model.model
    for snr in (0, 5):
        assert np.mean(denoising.gains(net, testset.noisy(snr, 8, 3.0))) > 1
