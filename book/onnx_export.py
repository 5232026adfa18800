"""The embedded models as ONNX files, for the page on which they run in the reader's browser.

The graphs of whole recordings are the differentiable layers of helpers.networks, and lengths stay
free. The graph of one hop is the file that helpers.stream runs. Before a file is kept it has to
give what the model gives. Weights are read at each build, so a retrained model needs no other step
than building the site.
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
from helpers import adaptive, models, separate, stream, windows
from helpers.networks import NETWORKS

CLOSE = 60  # dB: how near the file's output must be to the model's, in float32

# The networks that the page runs: those whose weights come with us and whose layers export.
GRAPHS = tuple(
    name for name, record in NETWORKS.items() if record.graph is not None and record.embedded
)
# Those that it runs hop by hop.
STREAMS = tuple(
    name for name, record in NETWORKS.items() if record.stream is not None and record.embedded
)
FAR = "speech/allison/test_047.ogg"  # the far end of lesson 09


def export(folder, names=GRAPHS, streams=STREAMS):
    """Write networks.json, and <name>.onnx for each model whose weights or recipe have changed."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "networks.json", json.dumps(facts(names, streams), indent=1) + "\n")
    for name in (*names, *streams):
        found = models.resolve(name, tier="embedded", quiet=True)
        recipe = [Path(__file__), *sorted(found.path.glob("*.bin"))]
        if name in streams:
            recipe.append(found.path / NETWORKS[name].stream)
        else:
            recipe.append(Path(sys.modules[NETWORKS[name].form("graph").__module__].__file__))
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in recipe)).hexdigest()
        stamp, file = folder / f"{name}.stamp", folder / f"{name}.onnx"
        if file.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
            continue
        file.write_bytes(hop_by_hop(name) if name in streams else converted(name))
        write(stamp, digest)


def facts(names=GRAPHS, streams=STREAMS):
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
    live = {
        name: {
            "rate": record.rate, "hop": record.hop, "clip": record.example[0],
            "late": round(stream.Denoiser.latency * record.rate), "smallest": stream.SMALLEST,
            "state": session(embedded(record)).get_inputs()[1].shape[0],
        }
        for name, record in ((name, NETWORKS[name]) for name in streams)
    }  # fmt: skip
    echo = {
        "rate": stream.EchoCanceler.rate, "block": adaptive.BLOCK, "parts": adaptive.PARTS,
        "forget": adaptive.FORGET, "neighbors": adaptive.NEIGHBORS.tolist(),
        "margin": adaptive.MARGIN, "distinct": adaptive.DISTINCT, "clip": FAR,
    }  # fmt: skip
    return {"networks": tasks, "long": constants, "streams": live, "echo": echo}


def embedded(record):
    """Return the path of the graph of one hop that comes with the course."""
    return models.resolve(record.name, tier="embedded", quiet=True).path / record.stream


def session(graph):
    """Open an ONNX file, or the bytes of one."""
    import onnxruntime

    graph = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def require_close(name, given, wanted):
    """Refuse a graph that does not give what the model gives."""
    error = np.square(given - wanted, dtype=np.float64).sum()
    near = 10 * np.log10(np.square(wanted, dtype=np.float64).sum() / error)
    if not near > CLOSE:
        raise ValueError(f"{name}.onnx is only {near:.0f} dB from the model, not {CLOSE} dB")


def hop_by_hop(name):
    """Return the graph of one hop as bytes, checked against the model on a whole recording."""
    record = NETWORKS[name]
    content = embedded(record).read_bytes()
    graph, wave = session(content), noise(record)
    state = np.zeros(graph.get_inputs()[1].shape, np.float32)
    given = []
    for hop in wave[0].numpy().reshape(-1, record.hop):
        speech, state = graph.run(None, {"samples": hop, "state": state})
        given.append(speech)
    model = models.pipeline(name, tier="embedded", quiet=True).model
    # A stream begins after a hop of silence, and gives back the hop before.
    silence = torch.zeros(1, record.hop)
    with torch.no_grad():
        wanted = record.unwrap(model(record.wrap(torch.cat([silence, wave], 1)))).numpy()
    n = wave.shape[1] - record.hop
    require_close(name, np.concatenate(given[1:]), wanted[0, record.hop : record.hop + n])
    return content


def noise(record, seconds=2):
    """Return some noise as the network takes it [shape=(1, n)]."""
    torch.manual_seed(0)
    return 0.1 * torch.randn(1, record.frame - record.hop + seconds * record.rate)


def converted(name, folder=None):
    """Return a model as the bytes of an ONNX file, checked against it: the embedded one, or one
    in a folder.
    """
    import copy

    record = NETWORKS[name]
    model = models.pipeline(name, quiet=True, **models.where(folder)).model
    # Deep copies share nothing with the pipeline, which others use and which stays as it is.
    graph, file = record.form("graph")(copy.deepcopy(model)).eval(), io.BytesIO()
    wave = noise(record)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the check below is of another length
        torch.onnx.export(
            graph,
            (wave[:, : -record.rate],),
            file,
            dynamo=False,  # ten times as fast as its successor, and lengths stay free
            opset_version=17,
            input_names=["heard"],
            output_names=["told"],
            dynamic_axes={"heard": {1: "n"}, "told": {1: "n"}},
        )
        wanted = record.unwrap(model(record.wrap(wave))).numpy()
    (given,) = session(file.getvalue()).run(None, {"heard": wave.numpy()})
    inner = slice(record.edge, wave.shape[1] - record.edge)
    require_close(name, given[:, inner], wanted[:, inner])
    return file.getvalue()


if __name__ == "__main__":
    try:
        export(Path(sys.argv[1]))
    except ValueError as problem:
        sys.exit(str(problem))
