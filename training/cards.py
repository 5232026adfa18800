"""Write the model cards' measured parts: `python -m training.cards`.

Between `<!-- measured -->` markers of models/*/README.md go size and cost beside the published
network, the evaluation's tables, the learning curve and the checksums. Nothing is typed by hand.
The Chinese cards, README.zh-CN.md, get the same through `training.cards_zh`.
"""

import hashlib
import json
import os
import re
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import torch

from helpers.networks import NETWORKS
from training import (
    cards_zh,
    conversation,
    curve,
    denoising,
    evaluate,
    evaluate_conversation,
    loop,
    separation,
)
from training.evaluate import read_rows

ROOT = Path(__file__).parent.parent
# The recipe of each network, the table of its evaluation, and what its curve shows.
CARDS = {
    "mossformer": (separation.build, "separation", ["gain"], "SI-SDR improvement (dB)"),
    "frcrn": (denoising.build, "denoising", ["snr", "gain", "stoi", "dnsmos"], "SI-SDR gain (dB)"),
}


def cost(network, seconds, rate):
    """(parameters in millions, multiply-accumulates a second of audio in billions)."""
    from torch.utils.flop_counter import FlopCounterMode

    wave = torch.randn(1, seconds * rate)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(wave)
    learnt = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return learnt / 1e6, counter.get_total_flops() / 2 / seconds / 1e9


def size_table(mini, published, seconds, rate):
    """Markdown lines that compare the embedded network with the published one."""
    lines = ["| | this model | the published one |", "|---|---|---|"]
    small, large = cost(mini, seconds, rate), cost(published, seconds, rate)
    lines.append(f"| trainable parameters (M) | {small[0]:.2f} | {large[0]:.1f} |")
    lines.append(f"| MACs for a second of audio (G) | {small[1]:.1f} | {large[1]:.1f} |")
    return lines


def checksums(model):
    """File name to SHA-256 of one model, as models/checksums.json has it.

    A folder that is not in the list yet is read itself.
    """
    table = json.loads((ROOT / "models" / "checksums.json").read_text(encoding="utf-8"))
    split = (name.split("/") for name in table)
    listed = {file: table[f"{folder}/{file}"] for folder, file in split if folder == model}
    files = [
        *(ROOT / "models" / model).glob("*.bin"),
        ROOT / "models" / model / "configuration.json",
    ]
    return listed or {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)
    }


CONVERSATION = (
    "`python -m training.evaluate_conversation` makes this table again: the seeds are fixed, and",
    "neither the people nor the recorded noises in it were trained on. Mean and 95 % interval; a",
    "dash stands where a model has no such track. The noise track of the two-speaker model is what",
    "its two tracks leave over.",
)

UNSEEN = (
    "Away from home: noises that were recorded, of packages that no training heard; of birds,",
    "engines, fires and rain, four of the fourteen kinds, it heard other recordings. Mean and 95 %",
    "interval; `python run.py evaluate --only unseen` makes this table again.",
)


def measured(folder, sizes, table, how=None, kept="that did best in validation"):
    """The generated part of one card."""
    how = how or (
        "`python run.py evaluate` (with `--quick` where the table speaks of 8 clips) makes this",
        "table again: the seeds are fixed, and no recording in it was trained on.",
    )
    log = loop.read_log(folder / "training_log.csv")
    files = [f"| `{name}` | `{value}` |" for name, value in checksums(folder.name).items()]
    steps, hours = int(log[-1]["step"]), float(log[-1]["minutes"]) / 60
    return [
        "## Size and cost", "", *sizes, "",
        "## What it does, measured", "",
        *how,
        "", *table, "",
        "## How it was trained", "",
        f"{steps:,} steps of 4 s of audio, {hours:.1f} core-hours;",
        f"the averaged weights {kept} were kept.",
        "", "![The learning curve: validation figures rise with the training steps](curve.png)", "",
        "## Files", "", "| file | SHA-256 |", "|---|---|", *files,
    ]  # fmt: skip


def fill(folder, lines):
    """Put lines between the markers of a card."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8")
    body = "\n".join(["<!-- measured -->", "", *lines, "", "<!-- /measured -->"])
    pattern = r"<!-- measured -->.*<!-- /measured -->"
    card.write_text(re.sub(pattern, lambda _: body, text, flags=re.S), encoding="utf-8")
    cards_zh.fill(folder)


def main():
    """Fill the cards."""
    for name, (build, table, columns, label) in CARDS.items():
        record = NETWORKS[name]
        folder = ROOT / "models" / record.embedded
        sizes = size_table(build(), record.make(record.sizes), 4, record.rate)
        rows = read_rows(ROOT / "evaluation" / f"{table}.csv", columns)
        lines = getattr(evaluate, f"{table}_table")(rows)
        if name == "frcrn":
            away = read_rows(ROOT / "evaluation" / "denoising_unseen.csv", columns)
            lines = [*lines, "", *UNSEEN, "", *evaluate.unseen_table(away)]
        fill(folder, measured(folder, sizes, lines))
        curve.draw(loop.read_log(folder / "training_log.csv"), folder / "curve.png", label)
    conversation_card()


def conversation_card():
    """Fill the card of the conversation model."""
    published = NETWORKS["mossformer"].make(NETWORKS["mossformer"].sizes)
    folder = ROOT / "models" / "mossformer_conversation_8k"
    sizes = size_table(separation.build(conversation.CONFIG), published, 4, 8000)
    rows = read_rows(ROOT / "evaluation" / "conversation.csv", [])
    table = evaluate_conversation.table(rows)
    kept = "of the last step (0.01 dB from the best validation)"
    fill(folder, measured(folder, sizes, table, CONVERSATION, kept))
    curve.draw(loop.read_log(folder / "training_log.csv"), folder / "curve.png", "validation")


if __name__ == "__main__":
    main()
