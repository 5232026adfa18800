"""The embedded models as ONNX files, for the page on which they run in the reader's browser.

The graphs are the differentiable layers of helpers.networks. Lengths stay free. Before a file is
kept it has to give what the model gives. Weights are read at each build, so a retrained model needs
no other step than building the site.
"""

import hashlib
import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from book.lessons import write
from helpers import models, separate, windows
from helpers.networks import NETWORKS

CLOSE = 60  # dB: how near the file's output must be to the model's, in float32

# The networks that the page runs: those whose weights come with us and whose layers export.
GRAPHS = tuple(
    name for name, record in NETWORKS.items() if record.graph is not None and record.embedded
)


def export(folder, names=GRAPHS):
    """Write networks.json, and <name>.onnx for each model whose weights or recipe have changed."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "networks.json", json.dumps(facts(names), indent=1) + "\n")
    for name in names:
        found = models.resolve(name, tier="embedded", quiet=True)
        layers = Path(sys.modules[NETWORKS[name].form("graph").__module__].__file__)
        recipe = [Path(__file__), layers, *sorted(found.path.glob("*.bin"))]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in recipe)).hexdigest()
        stamp, file = folder / f"{name}.stamp", folder / f"{name}.onnx"
        if file.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
            continue
        file.write_bytes(converted(name))
        write(stamp, digest)


def facts(names=GRAPHS):
    """What the page needs to know of the networks and of long recordings, out of the records."""
    tasks = {
        name: {
            "task": record.task, "rate": record.rate, "hop": record.hop, "frame": record.frame,
            "edge": record.edge, "clip": record.example[0],
        }
        for name, record in ((name, NETWORKS[name]) for name in names)
    }  # fmt: skip
    constants = {
        "level": separate.LEVEL, "single": windows.MAX_SINGLE_S, "window": windows.WINDOW_S,
        "overlap": windows.OVERLAP_S, "silence": windows.SILENCE_PEAK,
    }  # fmt: skip
    return {"networks": tasks, "long": constants}


def converted(name):
    """Return an embedded model as the bytes of an ONNX file, checked against the model."""
    import copy

    import onnxruntime

    record = NETWORKS[name]
    model = models.pipeline(name, tier="embedded", quiet=True).model
    # Deep copies share nothing with the pipeline, which others use and which stays as it is.
    graph, stream = record.form("graph")(copy.deepcopy(model)).eval(), io.BytesIO()
    torch.manual_seed(0)
    noise = 0.1 * torch.randn(1, record.frame - record.hop + 2 * record.rate)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the check below is of another length
        torch.onnx.export(
            graph,
            (noise[:, : -record.rate],),
            stream,
            dynamo=False,  # ten times as fast as its successor, and lengths stay free
            opset_version=17,
            input_names=["heard"],
            output_names=["told"],
            dynamic_axes={"heard": {1: "n"}, "told": {1: "n"}},
        )
        wanted = record.unwrap(model(record.wrap(noise))).numpy()
    session = onnxruntime.InferenceSession(stream.getvalue(), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"heard": noise.numpy()})
    inner = slice(record.edge, noise.shape[1] - record.edge)
    error = np.square(given[:, inner] - wanted[:, inner], dtype=np.float64).sum()
    near = 10 * np.log10(np.square(wanted[:, inner], dtype=np.float64).sum() / error)
    if not near > CLOSE:
        raise ValueError(f"{name}.onnx is only {near:.0f} dB from the model, not {CLOSE} dB")
    return stream.getvalue()


if __name__ == "__main__":
    try:
        export(Path(sys.argv[1]))
    except ValueError as problem:
        sys.exit(str(problem))
