"""Would 8-bit integers be faster? Both networks quantized in two ways, measured.

    python -m training.int8    # writes evaluation/int8.csv, some minutes

The graphs of the page (ONNX) run in ONNX Runtime as they are, and with their weights as 8-bit
integers, a scale a channel (a layer, where ONNX Runtime's dynamic convolutions know no other). What
the layers are given is quantized as it comes ("dynamic": a scale is found at each call), or with
scales that some recordings gave beforehand ("static"). Beside them the fast form that the tools
use. One thread, in turn; times are the processor's, so that what else the machine does counts for
none. The error is that of the samples against ModelScope's network in float64, and STOI is against
the clean speech, over the clips of the test set. It is taken up only if it is twice as fast as the
tools within -30 dB. At the published sizes the weights are random: no STOI, and the error is one
example of what rounding does there.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np

from helpers import metrics, models
from helpers.clip import Clip
from helpers.lab import bench, machine
from helpers.networks import NETWORKS, fast
from training import testset
from training.evaluate import write
from training.published import MEASURED, published

ROOT = Path(__file__).parent.parent
COUNT, ROUNDS = 16, 3  # clips, and how often the first of them is timed
OPERATORS = ["MatMul", "Conv"]
WAYS = ("dynamic", "static")  # when the scale of what a layer is given is found
CALIBRATION = 4  # clips that give the scales beforehand, none of those that are measured
GOAL = 2.0, -30.0  # times as fast, and dB


def graphs(name, home, folder=None, calibration=()):
    """Return the ONNX files of a network: as it is, and with 8-bit integers by each way."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static

    from book import onnx_export

    files = {way: home / f"{name}_{way}.onnx" for way in ("float32", *WAYS)}
    files["float32"].write_bytes(onnx_export.converted(name, folder))
    graph = onnx.load(files["float32"])
    unshare(graph.graph)
    how = {
        "op_types_to_quantize": OPERATORS, "per_channel": True, "weight_type": QuantType.QInt8,
        "extra_options": {"DefaultTensorType": onnx.TensorProto.FLOAT},  # of shapes not inferred
    }  # fmt: skip
    quantize_dynamic(graph, files["dynamic"], **how)
    own = home / f"{name}_own.onnx"
    onnx.save(graph, own)
    given = iter([{"heard": padded(NETWORKS[name], samples)[None]} for samples in calibration])
    quantize_static(own, files["static"], reader(given), **how)
    return files


def reader(given):
    """Give the quantizer one recording after the other."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def get_next(self):
            return next(given, None)

    return Reader()


def padded(record, samples):
    """Samples as a graph takes them: whole hops, and its margin on both sides."""
    least = record.frame - record.hop
    missing = max(0, least - len(samples)) + -(len(samples) - least) % record.hop
    return np.pad(samples, (record.edge, record.edge + missing))


def unshare(graph):
    """Give each Gemm a weight of its own: the quantizer transposes one that two share twice."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for i, node in enumerate(graph.node):
        if node.op_type == "Gemm" and node.input[1] in weights:
            own = graph.initializer.add()
            own.CopyFrom(weights[node.input[1]])
            own.name = node.input[1] = f"{node.input[1]}_{i}"


def systems(name, home, folder=None, calibration=()):
    """Name four ways to run a network: samples [shape=(n,)] to sources [shape=(sources, n)]."""
    import onnxruntime

    record = NETWORKS[name]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; it warns of each weight that quantizing left over

    def through(file):
        session = onnxruntime.InferenceSession(str(file), options, ["CPUExecutionProvider"])

        def run(samples):
            (told,) = session.run(None, {"heard": padded(record, samples)[None]})
            return told[:, record.edge : record.edge + len(samples)]

        return run

    files = graphs(name, home, folder, calibration)
    form = fast.optimized(models.bare(name, quiet=True, **models.where(folder)))
    return {
        "tools, float32": lambda samples: record.apply(form, samples),
        "ONNX Runtime, float32": through(files["float32"]),
    } | {f"ONNX Runtime, int8 {way}": through(files[way]) for way in WAYS}


def clips(name, count):
    """List (samples, references) of the test set at -25 dB, as the tools give them to a network."""
    if name == "frcrn":
        found = [(noisy, [clean]) for _, noisy, clean in testset.noisy(5, count)]
    else:
        found = [(parts.sum(0), list(parts)) for _, parts in testset.mixtures("unseen", count)]
    pairs = []
    for heard, references in found:
        gain = 10 ** (-25 / 20) / np.sqrt(np.mean(np.square(heard)))
        pairs.append((np.float32(heard * gain), [np.float32(r * gain) for r in references]))
    return pairs


def understood(sources, references, rate):
    """Mean STOI of the sources, each beside the reference that it is most like."""
    estimates, wanted = ([Clip(row, rate) for row in rows] for rows in (sources, references))
    if len(wanted) > 1:
        estimates = [estimates[i] for i in metrics.match(estimates, wanted).order]
    pairs = zip(estimates, wanted, strict=True)
    return float(np.mean([metrics.stoi(clip, reference) for clip, reference in pairs]))


def measure(name, home, count=COUNT, rounds=ROUNDS, folder=None):
    """One row a system: processor seconds a second of sound, times as fast, error, STOI."""
    pairs, rate = clips(name, CALIBRATION + count), NETWORKS[name].rate
    calibration, pairs = [samples for samples, _ in pairs[:CALIBRATION]], pairs[CALIBRATION:]
    runs = systems(name, home, folder, calibration)
    heard = pairs[0][0]
    took = {system: [] for system in runs}
    for _ in range(rounds + 1):  # the first round warms up
        for system, run in runs.items():
            began = time.process_time()
            run(heard)
            took[system].append((time.process_time() - began) / (len(heard) / rate))
    seconds = {system: np.array(times[1:]) for system, times in took.items()}
    tools, rows = seconds["tools, float32"], []
    given = {system: [run(samples) for samples, _ in pairs] for system, run in runs.items()}
    model = models.load(name, quiet=True, **models.where(folder))
    exact = [bench.exact(name, model, samples) for samples, _ in pairs]
    for system in runs:
        off = [bench.below(a, b) for a, b in zip(given[system], exact, strict=True)]
        scores = [] if folder else [
            understood(sources, references, rate)
            for sources, (_, references) in zip(given[system], pairs, strict=True)
        ]  # fmt: skip
        rows.append({
            "model": NETWORKS[name].label, "size": "published" if folder else "embedded",
            "system": system, "clips": len(pairs),
            "seconds": round(float(np.median(seconds[system])), 4),
            "times": round(float(np.median(tools / seconds[system])), 3),
            "error_mean": round(float(np.mean(off)), 1),
            "error_worst": round(float(np.max(off)), 1),
            "stoi": round(float(np.mean(scores)), 4) if scores else "",
            "processor": machine.processor(),
        })  # fmt: skip
    return rows


def table(rows):
    """Markdown lines."""
    heads = (
        "| model | size | system | s a second | times the tools' speed | error (dB), worst | STOI |"
    )
    return [heads, "|---" * 7 + "|"] + [
        f"| {r['model']} | {r['size']} | {r['system']} | {r['seconds']:.3f} | {r['times']:.2f} "
        f"| {r['error_mean']}, {r['error_worst']} | {r['stoi']} |"
        for r in rows
    ]


def gains(row):
    """Tell whether a row reaches the goal."""
    return row["times"] >= GOAL[0] and row["error_worst"] <= GOAL[1]


def main():
    """Measure both networks, print the table, write the CSV."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=COUNT, help="clips of the test set")
    parser.add_argument("--out", type=Path, default=ROOT / "evaluation")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as home:
        for name in MEASURED:
            rows += measure(name, Path(home), args.count)
            folder = published(name, Path(home) / name)
            rows += measure(name, Path(home), 1, 2, folder)
    print("\n".join(table(rows)))
    for row in rows:
        if "int8" in row["system"]:
            what = f"{row['model']}, {row['size']}, {row['system'].split(', ')[-1]}"
            verdict = "reaches" if gains(row) else "misses"
            print(f"{what}: {verdict} {GOAL[0]:g} times the speed within {GOAL[1]:g} dB")
    write(rows, args.out / "int8.csv")


if __name__ == "__main__":
    main()
