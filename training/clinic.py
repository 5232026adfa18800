"""Put this course's tools and other people's through the clinic: evaluation/clinic.csv and .html.

    python -m training.clinic                      all of them, about an hour on a quiet machine
    python -m training.clinic --only rnnoise       some of them; the others stay as they are
    python -m training.clinic --from nsnet2        that one and all that follow, after a stop
    python -m training.clinic --missing            what the table lacks: new examinations, systems

The table and the page are written after each system, so that nothing is lost by stopping.

Two of ModelScope's networks have weights that are not here. Their pipelines are examined around
small networks of random numbers, and only by what does not depend on weights.
"""

import argparse
import csv
import html
import json
import os
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace

from helpers.clinic import page
from helpers.clinic.record import EXAMINATIONS, Result

ROOT = Path(__file__).parent.parent
TABLE, PAGE = ROOT / "evaluation/clinic.csv", ROOT / "evaluation/clinic.html"
COLUMNS = ["system", "version", "kind", "rate", "weights", "theme", "examination", "severity"]
COLUMNS += ["status", "value", "unit", "found", "smallest"]
ANS, SEPARATION = "acoustic-noise-suppression", "speech-separation"
TITLE = "What the clinic found"
NOTE = (
    "Every system was examined once, as its package is, on one computer; the versions stand beside "
    "the names. A failure says what one input did and not how good a system is: many are matters "
    "of an interface, and some are choices that their makers may have reasons for. The denoisers "
    "of other makers were reached through the wrappers of this course, which take one channel. "
    "RNNoise comes with pyrnnoise, whose way to 16 bits and back is part of what was examined as "
    "well. ModelScope's FRCRN and MossFormer have the small weights of this course, "
    "not the published ones. Where weights are called random, only what does not depend on them "
    "was looked at. Seconds of work were measured beside other work, and say how cost grows."
)


def zipenhancer(folder):
    """Write a small ZipEnhancer of random numbers in ModelScope's format."""
    import torch
    from modelscope.models.audio.ans.zipenhancer import ZipenhancerDecorator

    former = {
        "num_encoder_layers": [1, 1], "downsampling_factor": [1, 2],
        "f_downsampling_factor": [1, 2], "encoder_dim": [8, 8], "encoder_unmasked_dim": [8, 8],
        "pos_dim": 8, "num_heads": [2, 2], "query_head_dim": 4, "pos_head_dim": 4,
        "value_head_dim": 4, "feedforward_dim": [8, 8], "cnn_module_kernel": [15, 15],
        "causal": False,
    }  # fmt: skip
    kind = "speech_zipenhancer_ans_multiloss_16k_base"
    sizes = {"num_tsconformers": 2, "dense_channel": 8, "former_conf": former}
    sizes |= {"batch_first": True, "model_num_spks": 1}
    folder.mkdir()
    torch.manual_seed(0)
    network = ZipenhancerDecorator(str(folder), **sizes)
    torch.save({"generator": network.model.state_dict()}, folder / "pytorch_model.bin")
    return _configured(folder, ANS, kind, sizes)


def mossformer2(folder):
    """Write a small MossFormer2 of random numbers in ModelScope's format."""
    import torch
    from modelscope.models.audio.separation.m2.mossformer import MossFormer2

    kind = "speech_mossformer2_separation_temporal_8k"
    sizes = {"in_channels": 64, "out_channels": 64, "num_blocks": 1}
    folder.mkdir()
    torch.manual_seed(0)
    network = MossFormer2(str(folder), **sizes)
    torch.save(network.state_dict(), folder / "pytorch_model.pt")
    return _configured(folder, SEPARATION, kind, sizes)


SEPFORMER = """
sample_rate: 8000
num_spks: 2
encoder: !new:speechbrain.lobes.models.dual_path.Encoder
    kernel_size: 16
    out_channels: 32
block: !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    num_layers: 1
    d_model: 32
    nhead: 2
    d_ffn: 64
    use_positional_encoding: True
    norm_before: True
masknet: !new:speechbrain.lobes.models.dual_path.Dual_Path_Model
    num_spks: !ref <num_spks>
    in_channels: 32
    out_channels: 32
    num_layers: 1
    K: 250
    intra_model: !ref <block>
    inter_model: !ref <block>
    norm: ln
    linear_layer_after_inter_intra: False
    skip_around_intra: True
decoder: !new:speechbrain.lobes.models.dual_path.Decoder
    in_channels: 32
    out_channels: 1
    kernel_size: 16
    stride: 8
    bias: False
modules:
    encoder: !ref <encoder>
    masknet: !ref <masknet>
    decoder: !ref <decoder>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables: !ref <modules>
"""
METRICGAN = """
sample_rate: 16000
compute_stft: !new:speechbrain.processing.features.STFT
    sample_rate: !ref <sample_rate>
    win_length: 32
    hop_length: 16
    n_fft: 512
    window_fn: !name:torch.hamming_window
compute_istft: !new:speechbrain.processing.features.ISTFT
    sample_rate: !ref <sample_rate>
    win_length: 32
    hop_length: 16
    window_fn: !name:torch.hamming_window
spectral_magnitude: !name:speechbrain.processing.features.spectral_magnitude
    power: 0.5
resynth: !name:speechbrain.processing.signal_processing.resynthesize
    stft: !ref <compute_stft>
    istft: !ref <compute_istft>
enhance_model: !new:speechbrain.lobes.models.MetricGAN.EnhancementGenerator
    input_size: 257
    hidden_size: 200
modules:
    enhance_model: !ref <enhance_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables: !ref <modules>
"""


def sepformer(folder):
    """Write a small SepFormer of random numbers as SpeechBrain publishes one."""
    return _brain("SepformerSeparation", folder, SEPFORMER)


def metricgan(folder):
    """Write a small MetricGAN of random numbers as SpeechBrain publishes one."""
    return _brain("SpectralMaskEnhancement", folder, METRICGAN)


def _brain(name, folder, text):
    """Write hyperparams.yaml and a file for each module of it."""
    import torch
    from hyperpyyaml import load_hyperpyyaml

    folder.mkdir()
    (folder / "hyperparams.yaml").write_text(text, encoding="utf-8")
    torch.manual_seed(0)
    for module, part in load_hyperpyyaml(text)["modules"].items():
        torch.save(part.state_dict(), folder / f"{module}.ckpt")
    return f"speechbrain:{name}:{folder}"


def _configured(folder, task, kind, sizes):
    """Write configuration.json."""
    content = {"framework": "pytorch", "task": task, "pipeline": {"type": kind}}
    content |= {"model": {"type": kind, **sizes}}
    (folder / "configuration.json").write_text(json.dumps(content), encoding="utf-8")
    return f"modelscope:{task}:{folder}"


# By name: how the target is made in a folder, and whose weights it has.
SYSTEMS = {
    "denoise": (lambda _: "denoise", "this course's"),
    "separate": (lambda _: "separate", "this course's"),
    "cancel-echo": (lambda _: "cancel-echo", "this course's"),
    "noisereduce": (lambda _: "noisereduce", "none"),
    "NSNet2": (lambda _: "nsnet2", "its own"),
    "RNNoise": (lambda _: "rnnoise", "its own"),
    "DeepFilterNet3": (lambda _: "deepfilternet3", "its own"),
    "ModelScope FRCRN": (lambda _: f"modelscope:{ANS}:models/frcrn_mini_16k", "this course's"),
    "ModelScope MossFormer": (
        lambda _: f"modelscope:{SEPARATION}:models/mossformer_mini_8k",
        "this course's",
    ),
    "ModelScope MossFormer2": (lambda place: mossformer2(place / "moss2"), "random"),
    "ModelScope ZipEnhancer": (lambda place: zipenhancer(place / "zip"), "random"),
    "SpeechBrain SepFormer": (lambda place: sepformer(place / "sepformer"), "random"),
    "SpeechBrain MetricGAN": (lambda place: metricgan(place / "metricgan"), "random"),
}


def survey(names, budget, only=None, missing=False):
    """Examine systems; after each, yield it, its results, and the table's rows of it."""
    from helpers import clinic, models
    from helpers.clinic import report

    models.register()
    for name in names:
        make, weights = SYSTEMS[name]
        chosen = only
        if missing:
            known = {row["examination"] for row in written() if row["system"] == name}
            chosen = [each.name for each in clinic.run.choose(only) if each.name not in known]
            if not chosen:
                continue
        with tempfile.TemporaryDirectory() as place:
            system = clinic.find(make(Path(place)), trained=weights != "random")
            system.name = name
            print(f"\n{name}", flush=True)
            results = clinic.examine(system, only=chosen, budget=budget, tell=_tell)
            results = [_clean(result, place) for result in results]
        print(report.summary(results), flush=True)
        about, rows = [name, system.version, system.kind, system.rate, weights], []
        for r in results:
            row = [*about, r.theme, r.name, r.severity, r.status]
            value = "" if r.value is None else r.value
            rows.append(dict(zip(COLUMNS, [*row, value, r.unit, r.found, r.smallest], strict=True)))
        yield results, rows


def _tell(result):
    from helpers.clinic import report

    if result.status == report.FAILED:
        print(report.line(result), flush=True)


def _clean(result, place):
    """Leave folders of this computer out of what is published."""
    from dataclasses import replace

    def words(text):
        text = text.replace(place, "FOLDER").replace(str(ROOT), "FOLDER")
        return re.sub(re.escape(tempfile.gettempdir()) + r"[\w./-]*", "FOLDER", text)

    return replace(result, found=words(result.found), smallest=words(result.smallest))


def main():
    """Read the command line, survey, and write the table and the page."""
    known = {name.lower(): name for name in SYSTEMS}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--only", nargs="+", type=str.lower, choices=known, metavar="SYSTEM", default=list(known),
        help=f"of {', '.join(SYSTEMS)}")  # fmt: skip
    add("--from", dest="first", type=str.lower, choices=known, metavar="SYSTEM",
        help="this one and all that follow")  # fmt: skip
    add("--missing", action="store_true", help="only what the table lacks")
    add("--examinations", nargs="+", metavar="NAME", help="these, or themes, alone")
    add("--budget", type=float, default=200, help="seconds an examination may take")
    options = parser.parse_args()
    names = [name for low, name in known.items() if low in options.only]
    names = names[names.index(known[options.first]) :] if options.first else names
    os.chdir(ROOT)
    for results, rows in survey(names, options.budget, options.examinations, options.missing):
        publish(results, rows)


def written():
    """Return the rows of the table as it is."""
    if not TABLE.is_file():
        return []
    with open(TABLE, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def publish(results, rows):
    """Write the table and the page; what was found earlier of anything else stays in both."""
    from helpers.clinic.run import choose

    order = [each.name for each in choose()]
    place = {name: list(SYSTEMS).index(name) for name in SYSTEMS}
    fresh = {(row["system"], r.name): r for row, r in zip(rows, results, strict=True)}
    kept = [row for row in written() if (row["system"], row["examination"]) not in fresh]
    kept = [row for row in kept if row["system"] in place and row["examination"] in order]
    rows = [*rows, *kept]
    rows.sort(key=lambda row: (place[row["system"]], order.index(row["examination"])))
    before = earlier(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    with open(TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    shown, parts = [], []
    for name in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == name]
        last = next((row for row in own if (name, row["examination"]) in fresh), own[0])
        words = {"version": f"{last['version']}; weights: {last['weights']}"}
        system = SimpleNamespace(name=name, kind=last["kind"], rate=last["rate"], **words)
        keys = [(name, row["examination"]) for row in own]
        found = [fresh.get(key) or result(row) for key, row in zip(keys, own, strict=True)]
        drawn = {key[1]: before[key] for key in keys if key in before and key not in fresh}
        shown.append((system, found))
        parts.append(page.section(system, found, 1.0, drawn))
    PAGE.write_text(page.document(TITLE, NOTE, page.table(shown), *parts), encoding="utf-8")


def earlier(text):
    """Return the articles of a page that was written before, by system and examination."""
    return {
        (html.unescape(system), html.unescape(name)): article
        for system, part in re.findall(
            r'(?s)<section id="[^"]*"><h2>(.*?)</h2>(.*?)</section>', text
        )
        for article, name in re.findall(
            r'(?s)(<article class="\w+">.*?<span class="name">(.*?)</span>.*?</article>)', part
        )
    }


def result(row):
    """Return a row of the table as what it was made of."""
    value = float(row["value"]) if row["value"] != "" else None
    words = {name: row[name] for name in ("status", "found", "unit", "smallest", "severity")}
    good = EXAMINATIONS[row["examination"]].good
    return Result(**words, value=value, theme=row["theme"], name=row["examination"], good=good)


if __name__ == "__main__":
    main()
