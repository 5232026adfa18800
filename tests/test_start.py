"""The tools start without what they do not need, and give what ModelScope's pipelines give."""

import json
import os
import shutil
import subprocess
import sys
import warnings

import librosa
import model_folders
import numpy as np
import pytest
import torch

from helpers import audio, denoise, echo_mask, frames, models, separate, spectra
from helpers.clip import Clip
from helpers.files import checkpoint
from helpers.networks import NETWORKS, fast
from training.published import published

pytestmark = pytest.mark.slow

# What took six of the eight seconds before the first sample, and what stands behind it.
HEAVY = {
    "modelscope", "speechbrain", "torchaudio", "transformers", "datasets", "pandas", "pyarrow",
    "librosa", "numba", "sklearn", "scipy", "matplotlib", "IPython", "torchmetrics",
}  # fmt: skip
RUN = (
    "import contextlib, io, json, sys\n"
    "from helpers.__main__ import main\n"
    "for words in json.loads(sys.argv[1]):\n"
    "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
    "        main(words)\n"
    "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
)


def loaded(root, folder, *commands):
    """Return what a process has imported after some commands."""
    words = [sys.executable, "-c", RUN, json.dumps(commands)]
    env = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def folder(tmp_path):
    """Two recordings of two seconds."""
    for i, name in enumerate(("talk.wav", "far.wav")):
        noise = np.random.default_rng(i).normal(size=32_000)
        audio.save(Clip(0.05 * noise, 16_000), tmp_path / name)
    return tmp_path


def test_the_tools_import_the_networks_and_no_more(root, folder):
    commands = ["denoise", "talk.wav"], ["separate", "talk.wav"]
    found = loaded(root, folder, *commands, ["cancel-echo", "talk.wav", "far.wav"])
    assert "torch" in found
    assert not HEAVY & found
    made = {path.stem for path in folder.glob("talk_*.wav")}
    assert made == {"talk_denoised", "talk_speaker1", "talk_speaker2", "talk_no_echo"}


def test_live_needs_no_torch(root, folder):
    found = loaded(root, folder, ["live", "--wav", "talk.wav", "--seconds", "0.2"])
    assert "onnxruntime" in found
    assert not (HEAVY | {"torch"}) & found


def test_help_and_mistakes_need_nothing(root, folder):
    found = loaded(
        root, folder, ["--help"], ["denoise", "--help"], [], ["sing"], ["denoise"],
        ["denoise", "gone.wav"], ["separate", "talk.wav", "--rate", "8"],
        ["cancel-echo", "talk.wav", "gone.wav"], ["denoise", "talk.wav", "--device", "abacus"],
    )  # fmt: skip
    assert HEAVY & found == set()
    assert not {"torch", "onnxruntime"} & found


@pytest.mark.skipif(os.name == "nt", reason="there a home is not asked of a password file")
def test_neither_the_tools_nor_modelscope_need_a_home(root, folder):
    """As in a service, or a container with a random user, whom the password file does not know."""
    code = (
        "import pwd\n"
        "def nobody(_uid): raise KeyError('uid not found')\n"
        "pwd.getpwuid = nobody\n"
        "from helpers import cli, models\n"
        "assert cli.main(['denoise', 'talk.wav', '--quiet']) == 0\n"
        "assert models.pipeline('frcrn', quiet=True).model\n"
    )
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env | {"PYTHONPATH": str(root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / "talk_denoised.wav").exists()


# --- the same numbers ---------------------------------------------------------------------------


@pytest.fixture
def no_pipeline(monkeypatch):
    """As in a process in which ModelScope has built nothing yet."""
    monkeypatch.setattr(models, "_WATCHED", {})


def twins(name, folder=None):
    """Return a network as the tools load it and as ModelScope does."""
    where = models.where(folder)
    bare = models.bare(name, quiet=True, **where)
    assert type(bare).__name__.endswith("Bare"), f"{name} was left to ModelScope"
    return bare, models.load(name, quiet=True, **where)


def heard(name, model, n):
    record, generator = NETWORKS[name], torch.Generator().manual_seed(3)
    inputs = record.wrap(0.05 * torch.randn(1, n, generator=generator))
    with torch.inference_mode():
        return record.unwrap(model(inputs)).squeeze()


@pytest.mark.parametrize(("name", "n"), [("frcrn", 16_000), ("mossformer", 8000)])
def test_a_bare_network_equals_modelscopes(no_pipeline, name, n):
    bare, whole = twins(name)
    torch.testing.assert_close(heard(name, bare, n), heard(name, whole, n), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["frcrn", "mossformer"])
def test_networks_of_other_sizes_are_loaded_bare_too(no_pipeline, tmp_path, name):
    """The published FRCRN keeps many tensors under two names, and some that it never uses."""
    if name == "frcrn":
        folder = published(name, tmp_path / NETWORKS[name].types[0])
    else:
        folder = model_folders.mossformer(tmp_path / "m", num_spks=3, **model_folders.SMALL)
    bare, whole = twins(name, folder)
    expected = heard(name, whole, 6400)
    off = heard(name, bare, 6400) - expected
    assert off.norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize("tool", [denoise.denoise, separate.separate])
def test_a_tool_gives_what_it_gives_on_modelscopes_network(no_pipeline, monkeypatch, tool):
    clip = audio.load(audio.SOUNDS / "speech_with_noise1.wav").cut(0, 2)
    first = np.ravel([c.samples for c in np.atleast_1d(tool(clip))])

    def load(*args, device, **where):
        return models.load(*args, **where)

    monkeypatch.setattr(models, "bare", load)
    second = np.ravel([c.samples for c in np.atleast_1d(tool(clip))])
    np.testing.assert_allclose(first, second, atol=1e-5, rtol=0)


def test_the_echo_mask_equals_modelscopes(no_pipeline):
    bare, whole = twins("echo_mask")
    rng = np.random.default_rng(0)
    left, echo = (Clip(0.05 * rng.normal(size=16_000), 16_000) for _ in range(2))
    ours, theirs = (echo_mask.trained_mask(left, echo, net) for net in (bare, whole))
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


def test_bfloat16_of_a_bare_network_is_that_of_modelscopes(no_pipeline):
    bare, whole = twins("frcrn")
    ours, theirs = (heard("frcrn", fast.optimized(m, "bfloat16"), 6400) for m in (bare, whole))
    assert (ours - theirs).norm() < 0.03 * theirs.norm()


# --- what is not known here is ModelScope's ------------------------------------------------------


def edited(folder, **settings):
    """Change a folder's configuration."""
    file = folder / "configuration.json"
    config = json.loads(file.read_text())
    config["model"] |= settings
    file.write_text(json.dumps(config))
    return folder


def test_settings_that_are_not_known_are_left_to_modelscope(no_pipeline, tmp_path):
    folder = model_folders.mossformer(tmp_path / "m", **model_folders.SMALL, causal=True)
    assert type(models.bare("mossformer", folder, quiet=True)).__name__ == "MossFormer"
    other = edited(model_folders.frcrn(tmp_path / "f", channels=8), novel=1)
    assert type(models.bare("frcrn", other, quiet=True)).__name__ == "FRCRNMini"


def test_a_network_that_somebody_looks_into_is_the_one_that_runs(no_pipeline):
    models._pipeline.cache_clear()  # what another test built
    model = models.pipeline("frcrn", tier="embedded", quiet=True).model
    calls = []
    hook = model.model.unet.encoder0.register_forward_hook(lambda *_: calls.append(1))
    denoise.denoise(Clip(0.1 * np.ones(1600), 16_000), tier="embedded")
    hook.remove()
    assert calls


@pytest.mark.parametrize("name", ["frcrn", "mossformer", "echo_mask"])
def test_weights_with_a_tensor_too_few_are_refused(no_pipeline, tmp_path, name):
    record = NETWORKS[name]
    folder = shutil.copytree(checkpoint.EMBEDDED / record.embedded, tmp_path / "copy")
    file = folder / record.files[-1]
    state = torch.load(file, weights_only=True)
    state.pop(next(key for key in state if key.endswith("linear.weight") or "prelu" in key))
    torch.save(state, file)
    with pytest.raises(ValueError, match=r"do(es)? not fit its configuration"):
        models.bare(name, folder, quiet=True)


def test_weights_of_another_size_are_refused(no_pipeline, tmp_path):
    folder = edited(model_folders.frcrn(tmp_path / "f", channels=8), channels=16)
    with pytest.raises(ValueError, match=r"do(es)? not fit its configuration"):
        models.bare("frcrn", folder, quiet=True)


# --- the transform without librosa ---------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 511, 512, 8001, 600_000])
def test_frames_are_librosas(n):
    clip = Clip(np.random.default_rng(n).normal(size=n), 16_000, "noise")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a clip that is shorter than the window
        wanted = spectra.stft(clip, 512)
    found = frames.stft(clip, 512)
    np.testing.assert_allclose(found, wanted, atol=1e-12, rtol=0)
    shaped = found * np.linspace(0, 1, len(found))[:, None]  # no clip's transform
    back, theirs = frames.istft(shaped, clip), spectra.istft(shaped, clip)
    assert (back.name, len(back)) == ("noise", n)
    np.testing.assert_allclose(back.samples, theirs.samples, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("rate", "size", "bands"), [(16_000, 512, 64), (8000, 256, 40)])
def test_mel_bands_are_librosas(rate, size, bands):
    wanted = librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands, norm=None)
    np.testing.assert_allclose(frames.mel_bands(rate, size, bands), wanted, atol=1e-6)
