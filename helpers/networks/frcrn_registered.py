"""What FRCRN mini and FRCRN live have in common as classes of ModelScope's registry.

Both refuse to run on random weights, which ModelScope's own FRCRN does without a word.
"""

import os
import sys

import torch
from modelscope.models import TorchModel
from modelscope.models.builder import MODELS
from modelscope.utils.ast_utils import INDEX_KEY
from modelscope.utils.constant import ModelFile, Tasks
from modelscope.utils.import_utils import LazyImportModule

# The STFT's kernels are arithmetic, not learnt: the checkpoint does not carry their 3 MB.
FIXED = {"stft.weight", "istft.weight", "istft.window", "istft.enframe"}


class Registered(TorchModel):
    """A folder's network: `network(settings)` builds it, the file beside it must fill it."""

    def __init__(self, model_dir, *args, **settings):
        super().__init__(model_dir, *args, **settings)
        self.model = self.network(settings)
        weights = os.path.join(model_dir, ModelFile.TORCH_MODEL_BIN_FILE)
        if not os.path.exists(weights):
            raise ValueError(f"{weights} is missing: restore the folder (git checkout models)")
        state = torch.load(weights, map_location="cpu", weights_only=True)
        missing, unknown = self.model.load_state_dict(state, strict=False)
        if set(missing) - FIXED or unknown:
            raise ValueError(f"{weights} does not fit its configuration.json: restore the folder")

    @staticmethod
    def network(settings):
        """Build the network from what configuration.json says, and what the pipeline adds."""
        raise NotImplementedError

    def forward(self, inputs):
        """Denoise {'noisy': waveforms (batch, n)}; return both stages' spec, wav and mask."""
        names = ("spec_l1", "wav_l1", "mask_l1", "spec_l2", "wav_l2", "mask_l2")
        return dict(zip(names, self.model(inputs["noisy"]), strict=True))


def register(name):
    """Register a class for noise suppression under a name, and in ModelScope's index of classes.

    Without the index, building it first asks transformers, which the course does not need, whether
    it knows the model.
    """

    def registered(kind):
        task = Tasks.acoustic_noise_suppression
        LazyImportModule.get_ast_index()[INDEX_KEY]["MODELS", task, name] = {
            "filepath": sys.modules[kind.__module__].__file__,
            "imports": [],
            "module": kind.__module__,
        }
        return MODELS.register_module(task, module_name=name)(kind)

    return registered
