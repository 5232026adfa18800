"""Where a network runs: asked for by name, all of it there, and the same sound within rounding.

No card is needed to see where tensors are: PyTorch's fake tensors know their device, and refuse to
compute with one of another. What a card computes is tested where one is.
"""

import copy
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

from helpers import adaptive, audio, cli, denoise, echo, models, separate, windows
from helpers.clip import Clip
from helpers.networks import devices

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor"),
]

CARD = next((name for name in devices.there() if name != "cpu"), None)
# The level of the difference below the sound: float32 in another order of additions.
ERROR = {"float32": -80, "bfloat16": -25}


@pytest.fixture
def one_card(monkeypatch):
    """A machine that says it has a card from NVIDIA, to us: PyTorch would ask the driver."""
    monkeypatch.setattr(devices, "there", lambda: ["cuda", "cpu"])
    monkeypatch.setattr(devices, "_cards", lambda: 1)


@pytest.fixture
def no_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_is_the_processor_where_there_is_no_card(no_card):
    assert devices.there() == ["cpu"]
    assert devices.chosen("auto") == devices.chosen("cpu") == "cpu"


def test_cards_are_found(no_card, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.there() == ["cuda", "cpu"]


def test_auto_is_the_card_where_there_is_one(one_card):
    assert devices.chosen("auto") == "cuda"
    assert devices.chosen("cuda:0") == "cuda:0"
    assert devices.chosen("cpu") == "cpu"


def test_apples_card_is_found(no_card, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.chosen("auto") == devices.chosen("mps") == "mps"


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("cuda", "'cuda' is not there: this machine has cpu; take one of them, or 'auto'"),
        ("mps", "'mps' is not there: this machine has cpu"),
        ("gpu", "no device is called 'gpu': take one of auto, cpu, cuda, mps"),
        ("cuda:x", "no device is called 'cuda:x'"),
        ("cpu:1", "no device is called 'cpu:1'"),
        ("", "no device is called ''"),
    ],
)
def test_a_device_that_is_not_there_is_said(no_card, device, says):
    noise = Clip(0.1 * np.random.default_rng(0).normal(size=1600), 16_000)
    for call in (
        lambda: denoise.denoise(noise, device=device),
        lambda: separate.separate(noise, device=device),
        lambda: echo.cancel(noise, noise, device=device),
    ):
        with pytest.raises(ValueError, match=says.replace("(", r"\(")):
            call()


def test_a_second_card_that_is_not_there_is_said(one_card):
    with pytest.raises(ValueError, match=r"'cuda:1' is not there: .* cuda, cpu \(1 cards\)"):
        devices.chosen("cuda:1")


def test_the_command_line_says_it_too(no_card, tmp_path, capsys):
    path = str(audio.save(Clip(np.full(1600, 0.1), 16_000), tmp_path / "a.wav"))
    for command in (["denoise", path], ["separate", path]):
        assert cli.main([*command, "--device", "cuda"]) == 2
        assert "this machine has cpu" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_auto_changes_no_number_without_a_card(no_card):
    clip = audio.load(audio.SOUNDS / "speech_with_noise1.wav").cut(0, 1)
    first, second = (denoise.denoise(clip, device=device) for device in ("cpu", "auto"))
    assert np.array_equal(first.samples, second.samples)


# --- all of it is there -----------------------------------------------------------------------


@pytest.fixture
def fake_card(one_card, monkeypatch):
    """Tensors without numbers on a card; gives the devices from which results were fetched."""
    fetched = []

    def cpu(tensor):
        fetched.append(tensor.device.type)
        return SimpleNamespace(numpy=lambda: np.zeros(tensor.shape, np.float32))

    deepcopy = copy.deepcopy

    def real(thing, memo=None):  # of tensors with numbers: a fake one has no storage to copy
        with unset_fake_temporarily():
            return deepcopy(thing, memo)

    monkeypatch.setattr(copy, "deepcopy", real)
    for name in ("frcrn", "mossformer", "echo_mask"):  # with numbers, as they are on disk
        models.bare(name, tier="embedded", quiet=True)
    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    return fetched


@pytest.fixture
def no_pipeline(monkeypatch):
    monkeypatch.setattr(models, "_WATCHED", {})


def noise(seconds, rate):
    return Clip(0.05 * np.random.default_rng(0).normal(size=round(seconds * rate)), rate)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize("tool", ["denoise", "separate"])
def test_a_network_on_a_card_is_there_with_all_it_needs(
    no_pipeline, fake_card, tmp_path, monkeypatch, tool, windowed, precision
):
    if windowed:  # as beyond half a minute, where voices are told apart
        for name, seconds in {"MAX_SINGLE_S": 0.2, "WINDOW_S": 0.2, "OVERLAP_S": 0.05}.items():
            monkeypatch.setattr(windows, name, seconds)
    call, rate = {"denoise": (denoise.denoise, 16_000), "separate": (separate.separate, 8000)}[tool]
    clip, resume = noise(0.3, rate), tmp_path / "windows" if windowed else None
    with FakeTensorMode(allow_non_fake_inputs=True):
        call(clip, device="cuda", precision=precision, resume=resume, tier="embedded")
    assert set(fake_card) == {"cuda"}
    assert len(list(tmp_path.rglob("*.npy"))) == 2 * windowed


def test_the_echo_mask_on_a_card_is_there(no_pipeline, fake_card):
    far = noise(2, 16_000)
    mic = far.gain(-6)
    with FakeTensorMode(allow_non_fake_inputs=True):
        echo.cancel(mic, far, device="auto")
    assert set(fake_card) == {"cuda"}


def test_a_tensor_that_was_left_behind_is_noticed(no_pipeline, fake_card):
    """The control: without it the tests above might see nothing."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = models.bare("frcrn", tier="embedded", quiet=True, device="cuda")
        here = models.bare("frcrn", tier="embedded", quiet=True)
        model.model.stft.weight = here.model.stft.weight
        try:
            with pytest.raises(RuntimeError, match="different devices|same device"):
                model({"noisy": torch.zeros(1, 6400, device="cuda")})
        finally:
            del here.__dict__["_copies"]  # kept with the model: the next test shall not find it


def test_a_copy_on_a_card_is_made_once_and_anew_for_new_weights(no_pipeline, fake_card):
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = models.bare("frcrn", tier="embedded", quiet=True)
        first, second = (
            models.bare("frcrn", tier="embedded", quiet=True, device="cuda") for _ in range(2)
        )
        assert first is second
        assert first is not model
        assert {p.device.type for p in first.parameters()} == {"cuda"}
        assert {p.device.type for p in model.parameters()} == {"cpu"}


# --- the same sound ---------------------------------------------------------------------------


@pytest.mark.skipif(CARD is None, reason="needs a graphics card, and this machine has none")
@pytest.mark.parametrize("precision", ERROR)
@pytest.mark.parametrize("tool", [denoise.denoise, separate.separate])
def test_a_card_gives_the_same_sound(tool, precision):
    name = "speech_with_noise1.wav" if tool is denoise.denoise else "mix_speech.wav"
    clip = audio.load(audio.SOUNDS / name)
    here, there = (
        np.ravel([c.samples for c in np.atleast_1d(tool(clip, device=d, precision=precision))])
        for d in ("cpu", CARD)
    )
    off = 20 * np.log10(np.linalg.norm(here - there) / np.linalg.norm(here))
    logging.getLogger("tests").info("%s, %s on %s: %.1f dB", tool.__name__, precision, CARD, off)
    assert off < ERROR[precision]


@pytest.mark.skipif(CARD is None, reason="needs a graphics card, and this machine has none")
def test_a_card_cancels_the_same_echo():
    far = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav")
    mic = adaptive.shift(far, 2000, len(far)).gain(-6)
    here, there = (echo.cancel(mic, far, device=device).samples for device in ("cpu", CARD))
    assert np.linalg.norm(here - there) < 1e-4 * np.linalg.norm(here)
