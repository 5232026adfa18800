"""Other people's libraries, each reached in the way in which its own documentation calls it.

What is called is a method that takes the path of a file: so what the library does to read one, and
to give its result a level, is examined as well.
"""

import contextlib
import importlib
import importlib.metadata
import io
from pathlib import Path

import numpy as np

from helpers.clinic.system import System, as_file

# By class of SpeechBrain's: the module it stands in, what is called, and its kind.
SPEECHBRAIN = {
    "SepformerSeparation": ("separation", "separate_file", "separator"),
    "SpectralMaskEnhancement": ("enhancement", "enhance_file", "denoiser"),
    "WaveformEnhancement": ("enhancement", "enhance_file", "denoiser"),
}
FEATURES = {"file", "rates", "trained", "quiet", "loud", "channels"}


class SpeechBrain(System):
    """A class of SpeechBrain's on a folder with its hyperparams.yaml: nothing is fetched."""

    def __init__(self, name, folder, rate=None):
        if name not in SPEECHBRAIN:
            raise ValueError(
                f"of SpeechBrain's classes the clinic knows {', '.join(SPEECHBRAIN)}, not {name!r}:"
                " wrap yours in a function, and name it as package.module:function"
            )
        folder = Path(folder)
        if not (folder / "hyperparams.yaml").is_file():
            raise ValueError(
                f"{str(folder)!r} holds no hyperparams.yaml: name a folder with a model of "
                f"SpeechBrain's, for example speechbrain:{name}:models/mine"
            )
        module, method, kind = SPEECHBRAIN[name]
        found = getattr(importlib.import_module(f"speechbrain.inference.{module}"), name)
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = found.from_hparams(source=str(folder))
        self.method, self.own = method, int(self.model.hparams.sample_rate)
        version = f"speechbrain {importlib.metadata.version('speechbrain')}"
        words = (f"SpeechBrain {name}", kind, rate or self.own, FEATURES, version)
        spec = f"speechbrain:{name}:{folder}"
        super().__init__(*words, spec, folder, lambda path: SpeechBrain(name, path, rate))

    def call(self, inputs, rate, subtype):
        """Write a file, have it separated or enhanced, and make rows of (channels, n, tracks)."""
        import torch

        with as_file(inputs[0], rate, subtype) as path, torch.inference_mode():
            found = getattr(self.model, self.method)(path).cpu().numpy()
        if found.ndim == 3:  # a separator takes each channel by itself
            found = found.transpose(2, 0, 1).reshape(-1, found.shape[1])
        return np.atleast_2d(found), self.own


# By task of ClearVoice's: its kind.
CLEARVOICE = {"speech_enhancement": "denoiser", "speech_separation": "separator"}


class ClearVoice(System):
    """A model of ClearVoice's: without a network, and without ./checkpoints, on random numbers."""

    def __init__(self, task, name, rate=None):
        if task not in CLEARVOICE:
            raise ValueError(
                f"of ClearVoice's tasks the clinic knows {', '.join(CLEARVOICE)}, not {task!r}: "
                "for example clearvoice:speech_enhancement:FRCRN_SE_16K"
            )
        found = importlib.import_module("clearvoice").ClearVoice
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = found(task=task, model_names=[name])
        self.own = 1000 * int(name.rpartition("_")[2].removesuffix("K"))
        version = f"clearvoice {importlib.metadata.version('clearvoice')}"
        words = (f"ClearVoice {name}", CLEARVOICE[task], rate or self.own, FEATURES, version)
        super().__init__(*words, f"clearvoice:{task}:{name}")

    def call(self, inputs, rate, subtype):
        """Write a file, and take what the model gives for its path: samples, or a list of them."""
        with as_file(inputs[0], rate, subtype) as path:
            found = self.model(path, False)
        found = [each[:1] for each in found] if isinstance(found, list) else found
        return np.concatenate([np.atleast_2d(each) for each in found]), rate
