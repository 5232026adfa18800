"""A further network comes in by one file: whole, never half filled, never taken for another."""

import json
import shutil

import model_folders
import numpy as np
import pytest
import torch

from helpers import cli, models, networks, separate
from helpers.clip import Clip
from helpers.lab import bench
from helpers.networks import fast

pytestmark = pytest.mark.slow

SMALL = {"in_channels": 32, "out_channels": 32, "num_blocks": 1}
RECORD = networks.NETWORKS["mossformer2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_folders.mossformer2(tmp_path_factory.mktemp("m2") / "tiny", **SMALL)


@pytest.fixture
def lacking(folder, tmp_path):
    """A copy whose file holds one tensor of all; ModelScope loads it without a word."""
    copy = shutil.copytree(folder, tmp_path / "lacking")
    state = torch.load(copy / "pytorch_model.pt", weights_only=True)
    name, tensor = next(iter(state.items()))
    torch.save({name: tensor}, copy / "pytorch_model.pt")
    return copy


def noise(n):
    return Clip(0.1 * np.random.default_rng(0).normal(size=n), 8000, "mix")


@pytest.mark.parametrize("n", [1, 15, 16, 17, 4000, 8001])
def test_it_separates_to_the_sample(folder, n):
    clip = noise(n)
    tracks = separate.separate(clip, network="mossformer2", folder=folder)
    assert [(len(track), track.rate) for track in tracks] == [(n, 8000)] * 2
    total = sum(track.samples for track in tracks)
    np.testing.assert_allclose(total, clip.samples - remaining_dc(clip), atol=1e-4)


def remaining_dc(clip):
    from helpers import audio

    return clip.samples - audio.remove_dc(clip).samples


def test_long_recordings_keep_their_speakers_by_its_own_encoder(folder):
    tracks = separate.separate(noise(31 * 8000), network="mossformer2", folder=folder)
    assert [len(track) for track in tracks] == [31 * 8000] * 2


def test_a_folder_that_lacks_tensors_is_refused(lacking):
    with pytest.raises(ValueError, match="tensors are missing or differ"):
        models.pipeline("mossformer2", folder=lacking)


def test_the_command_line_refuses_it_with_status_2(lacking, tmp_path, capsys):
    from helpers import audio

    path = audio.save(noise(800), tmp_path / "mix.wav")
    command = ["separate", str(path), "--network", "mossformer2", "--models", str(lacking)]
    assert cli.main(command) == 2
    assert "tensors are missing or differ" in capsys.readouterr().err


def test_the_command_line_runs_it(folder, tmp_path, capsys):
    from helpers import audio

    path = audio.save(noise(800), tmp_path / "mix.wav")
    command = ["separate", str(path), "--network", "mossformer2", "--models", str(folder)]
    assert cli.main(command) == 0
    assert len(capsys.readouterr().out.split()) == 2


def test_no_weights_of_it_come_with_the_course():
    with pytest.raises(ValueError, match=r"no weights of MossFormer2 .* git clone .*mossformer2"):
        models.resolve("mossformer2", tier="embedded")


def test_a_denoiser_is_no_separator():
    with pytest.raises(ValueError, match="no network for speech-separation is called 'frcrn'"):
        separate.separate(noise(80), network="frcrn")


def test_it_has_no_fast_form_and_nobody_takes_it_for_mossformer(folder):
    model = models.load("mossformer2", folder, quiet=True)
    assert networks.of(model) is RECORD
    assert fast.optimized(model) is model
    assert fast.optimized(model, "bfloat16") is model


def test_its_error_is_measured_like_that_of_the_others(folder):
    assert bench.error("mossformer2", folder, 0.2)["float32"] < -60


def test_the_published_shapes_load(tmp_path):
    folder = model_folders.mossformer2(tmp_path / model_folders.MOSSFORMER2)
    found = models.resolve("mossformer2", folder=tmp_path, quiet=True)
    model = models.load("mossformer2", folder=tmp_path, quiet=True)
    learnt = sum(p.numel() for p in model.parameters())
    assert learnt == found.parameters
    assert 50e6 < learnt < 60e6
    about = json.loads((folder / "configuration.json").read_text(encoding="utf-8"))
    assert about["model"]["type"] == "speech_mossformer2_separation_temporal_8k"


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_network_says_what_its_files_fill(name):
    """`modules` has no default: a network without it can't be written down."""
    record = networks.NETWORKS[name]
    assert callable(record.modules)
    assert record.files
    with pytest.raises(TypeError, match="modules"):
        networks.Network(name="x", label="x", task="x", rate=1, classes=(), published=None,
                         files=(), types=(), apply=None, example=("", 1))  # fmt: skip
