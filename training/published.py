"""Models of the published sizes with random weights, in ModelScope's folder format."""

import json
from pathlib import Path

from helpers.networks import NETWORKS

# What the benches measure: networks with published sizes and a fast form.
MEASURED = sorted(name for name, record in NETWORKS.items() if record.fast and record.published)


def published(network, folder, **sizes):
    """Write a model into a new folder, for `folder=` of the tools: it gives noise.

    The sizes are the published ones where none are given: "mossformer" has 42.1 M parameters
    (170 MB), "frcrn" 14.0 M (58 MB).
    """
    from helpers import models

    models.register()
    import torch

    record, folder = NETWORKS[network], Path(folder)
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    sizes = record.sizes | sizes
    saved = weights(record, record.make(sizes))
    for name, state in saved.items():
        torch.save(state, folder / name)
    configure(record, folder, sizes)
    return folder


def weights(record, model):
    """What each file of a network holds; `model` is bare, as `make` gives it."""
    if len(record.files) == 1:
        return {record.files[0]: model.state_dict()}
    return {name: part.state_dict() for name, part in record.modules(model).items()}


def configure(record, folder, sizes):
    """Write configuration.json."""
    kind = record.types[-1] if "channels" in sizes else record.types[0]  # a narrower class
    content = {"framework": "pytorch", "task": record.task, "model": {"type": kind, **sizes},
               "pipeline": {"type": record.types[0]}}  # fmt: skip
    text = json.dumps(content, indent=2) + "\n"
    (folder / "configuration.json").write_text(text, encoding="utf-8")
