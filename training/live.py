"""Train the live denoiser, a causal FRCRN: noisy speech in, clean speech out, 20 ms later.

    python -m training.live --full --minutes 108 --export models/frcrn_live_16k
    python -m training.live card       measure, and write the card, models/frcrn_live_16k/README.md

The loss is that of `training.denoising`: SNR on both U-Nets plus a spectral distance. Several
pieces a step, and a rate that falls to zero as the minutes run out.
"""

import io
import json
import math
import os
import sys
import warnings

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import torch

from helpers.networks.frcrn import apply
from training import cli, loop, testset
from training.data import Corpus
from training.denoising import begin_with, distance, example, gains, start

HOP = 160
CONFIG = {
    "widths": [16, 24, 32, 32, 48, 64], "last": 4, "win_len": 320, "win_inc": HOP, "horizon": 200,
}  # fmt: skip


def build(config=CONFIG):
    """The causal FRCRN, its masks real and positive at the start."""
    from helpers.networks.frcrn_live import LiveFRCRN

    return start(LiveFRCRN(**config))


def loss_of(net, batch, autocast=False):
    """The loss of a batch, that of `training.denoising`."""
    noisy, clean = batch
    _, first, _, _, second, _ = net(noisy, autocast, block=1 << 20)
    return distance(first, second, clean, HOP)


def denoise(net, noisy):
    """Denoise one array: the input's length, a hop of margin at both ends."""
    return apply(lambda given: {"wav_l2": net(given["noisy"])[4]}, noisy, HOP)[0]


def falling(peak, minutes):
    """A schedule: rise over 300 steps, then fall as a cosine to zero at the last minute."""

    def rate(step, seconds):
        done = min(1.0, seconds / 60 / minutes)
        return peak * min(1.0, (step + 1) / 300) * 0.5 * (1 + math.cos(math.pi * done))

    return rate


def export(weights, folder, config=CONFIG):
    """Write a model folder in ModelScope's layout, and beside the weights the graph of one hop."""
    from helpers import stream
    from helpers.files import checkpoint
    from helpers.networks.frcrn_registered import FIXED

    folder.mkdir(parents=True, exist_ok=True)
    learnt = {name: value.clone() for name, value in weights.items() if name not in FIXED}
    torch.save(learnt, folder / "pytorch_model.bin")
    about = {"framework": "pytorch", "task": "acoustic-noise-suppression",
             "model": {"type": "frcrn_live", **config},
             "pipeline": {"type": "speech_frcrn_ans_cirm_16k"}}  # fmt: skip
    (folder / "configuration.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    net = build(config)
    net.load_state_dict(net.state_dict() | learnt)
    (folder / stream.GRAPH).write_bytes(graph(net.eval()))
    names = ("configuration.json", "pytorch_model.bin", stream.GRAPH)
    digests = {name: checkpoint.sha256(folder / name) for name in names}
    checkpoint.write_json(digests, folder / "checksums.json")


def graph(net):
    """The network for one hop as the bytes of an ONNX file: samples, state -> speech, next."""
    import onnx

    from helpers.networks.frcrn_live_inference import Step

    step, file = Step(net), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: a hop has one size
        torch.onnx.export(
            step,
            (torch.zeros(HOP), step.start()),
            file,
            dynamo=False,  # its successor writes three times as much into the file
            opset_version=17,
            do_constant_folding=False,  # every number once: see Layer
            input_names=["samples", "state"],
            output_names=["speech", "next"],
        )
    model = onnx.load_from_string(file.getvalue())
    names = {}  # of what flows: a few letters do, where the exporter writes whole paths
    keep = {value.name for value in (*model.graph.input, *model.graph.output)}

    def short(name):
        return name if name in keep or not name else names.setdefault(name, f"{len(names):x}")

    constants, nodes = {}, list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        node.doc_string, node.name = "", ""
        if node.op_type == "Constant":  # the same few sizes, thousands of times
            value = node.attribute[0].SerializeToString()
            if value in constants:
                names[node.output[0]] = constants[value]
                continue
            constants[value] = short(node.output[0])
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
        model.graph.node.append(node)
    for tensor in model.graph.initializer:
        tensor.name = short(tensor.name)
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    return model.SerializeToString()


def card(folder=None):
    """Measure the embedded model beside the others, and write the measured part of its card."""
    from modelscope.models.audio.ans.frcrn import FRCRN

    from helpers import stream
    from helpers.files import checkpoint
    from training import cards, curve, denoising, evaluate

    folder = folder or stream.MODEL
    net = begun(folder)
    own = {"FRCRN live": lambda clip: clip.with_samples(denoise(net, clip.samples))}
    rows = evaluate.denoising(48, systems=own)
    evaluate.write(rows, cli.ROOT / "evaluation" / "denoising_live.csv")
    numbers = ["snr", "gain", "stoi", "dnsmos"]
    others = cards.read_rows(cli.ROOT / "evaluation" / "denoising.csv", numbers)
    before = [row for row in others if row["system"] == "input"]
    table = evaluate.denoising_table(before + rows + [r for r in others if r not in before])
    log = loop.read_log(folder / "training_log.csv")
    curve.draw(log, folder / "curve.png", "SI-SDR gain (dB)")
    sizes = cards.size_table(build(), FRCRN(**denoising.CONFIG), 4, 16000)
    digests = checkpoint.read_json(folder / "checksums.json")
    steps, hours = int(log[-1]["step"]), float(log[-1]["minutes"]) / 60
    lines = [
        "## Size and cost", "", *sizes, "", *pace(), "",
        "## What it does, measured", "",
        "`python -m training.live card` makes this table again: the seeds are fixed, and no",
        "recording in it was trained on. RNNoise, NSNet2 and DeepFilterNet3 are made for calls,",
        "too; noisereduce and FRCRN mini need the whole recording.", "", *table, "",
        "What it costs to know no future: the gain of FRCRN mini, which hears the whole recording,",
        "less that of this model, clip by clip, with 95 % intervals. The two were not trained",
        "equally long.", "", *price(rows, others), "",
        "## How it was trained", "",
        f"{steps:,} steps of 10 s of audio, {hours:.1f} hours on one core of a busy",
        "machine; the averaged weights that did best in validation were kept.", "",
        "![The learning curve: validation figures rise with the training steps](curve.png)", "",
        "## Files", "", "| file | SHA-256 |", "|---|---|",
        *(f"| `{name}` | `{digest}` |" for name, digest in digests.items()),
    ]  # fmt: skip
    cards.fill(folder, lines)


def price(rows, others):
    """Markdown lines: by how much the model that looks ahead is better, by SNR."""
    from training.evaluate import SNRS, interval

    ahead = [row for row in others if row["system"] == "FRCRN mini"]
    pairs = list(zip(ahead, rows, strict=True))
    if any((a["snr"], a["noise"]) != (b["snr"], b["noise"]) for a, b in pairs):
        raise ValueError("evaluation/denoising.csv is of other items: python run.py evaluate")
    lines = ["| SNR | clips | FRCRN mini is better by (dB) |", "|---|---|---|"]
    for level in (*SNRS, None):
        gaps = [a["gain"] - b["gain"] for a, b in pairs if level in (None, a["snr"])]
        (mean, half), name = interval(gaps), "all" if level is None else f"{level} dB"
        lines.append(f"| {name} | {len(gaps)} | {mean:+.1f} ± {half:.1f} |")
    return lines


def pace():
    """Markdown lines of what a hop costs, as `python run.py bench --live` measured it."""
    import csv

    with open(cli.ROOT / "evaluation" / "live.csv", newline="", encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["system"] == "ONNX Runtime")
    return [
        f"In ONNX Runtime, on one core ({row['processor']}), half of the hops of 10 ms take",
        f"under {row['p50']} ms, 95 % under {row['p95']} ms and 99 % under {row['p99']} ms;",
        f"{row['missed']} of {row['blocks']} came too late. `python run.py bench --live` measures",
        "it.",
    ]


def begun(folder):
    """The network with the weights of a model folder, ready for use."""
    net = build()
    begin_with(net, folder)
    return net.eval()


def main():
    """Train, and say how good it is."""
    if sys.argv[1:] == ["card"]:
        return card()
    from helpers.networks.fast import has_bfloat16

    args = cli.arguments(__doc__, "live", 2e-3)
    clean_enough = {"min_floor": 35} if args.full else {}
    net, corpus = build(), Corpus(full=args.full, min_band=6000, **clean_enough)
    if args.start:
        begin_with(net, args.start)
    sets = {snr: testset.noisy(snr, 16, 3.0) for snr in (0, 5, 10, 15)}
    cli.introduce(net, corpus)
    autocast = has_bfloat16()
    args.schedule = falling(args.lr, args.minutes)
    if (args.out / "last.pt").exists():  # the minutes are those of all sittings
        trained = torch.load(args.out / "last.pt", weights_only=True)["state"]["seconds"]
        args.minutes -= trained / 60

    def score(net):
        means = {f"gain_{snr}": gains(net, items, denoise).mean() for snr, items in sets.items()}
        return {"gain": np.mean(list(means.values())), **means}

    rows = loop.train(
        net,
        lambda rng: example(corpus, rng, seconds=2.5, count=4),
        lambda net, batch: loss_of(net, batch, autocast),
        score,
        args,
    )
    cli.finish(rows, args, "SI-SDR gain (dB)", export)


if __name__ == "__main__":
    main()
