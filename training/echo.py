"""Train the embedded echo mask: what a linear filter left in, what of it is no echo out.

    python run.py train echo --minutes 10
    python -m training.echo card             measure, and write models/echo_mini_16k/README.md

Every example is a call in a simulated room: a loudspeaker that distorts, double talk, noise, now
and then a chair that is moved; `helpers.adaptive` takes out what it can, and the network, which is
ModelScope's MaskNet with small numbers, learns to tell the rest from the near end.
"""

import copy
import json
import os
import sys
from dataclasses import dataclass

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import torch

from helpers import adaptive, echo, echo_mask, masks, metrics, models, spectra
from helpers.clip import Clip
from helpers.files import checkpoint
from helpers.networks import NETWORKS
from training import cli, loop, testset
from training.data import Corpus

RATE, SECONDS = 16000, 6
CONFIG = {"indim": 192, "outdim": 257, "layers": 6, "hidden_dim": 128, "lorder": 20}
POOL = 240  # calls that are simulated before the first step, and drawn from ever after


@dataclass
class Call:
    """A call and what the filter made of it: Clips of one length at 16 kHz.

    `near` is the near end with the room's noise, all that ought to stay; `talk` tells for each
    sample whether somebody speaks there.
    """

    mic: Clip
    far: Clip
    near: Clip
    left: Clip
    echo: Clip
    talk: np.ndarray


def room(rng):
    """Two answers of one room: loudspeaker to microphone, talker to microphone, of energy 1."""
    import pyroomacoustics

    size = rng.uniform([3, 3, 2.4], [6, 5, 3.2])
    absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(0.15, 0.5), size)
    walls = pyroomacoustics.Material(absorption)
    box = pyroomacoustics.ShoeBox(size, fs=RATE, materials=walls, max_order=min(order, 25))
    mic = rng.uniform([1, 1, 0.7], size - [1, 1, 1.2])
    for near, away in ((0.15, 0.5), (0.4, 0.9)):
        way = rng.normal(size=3)
        place = mic + way / np.linalg.norm(way) * rng.uniform(near, away)
        box.add_source(np.clip(place, 0.1, size - 0.1))
    box.add_microphone(mic)
    box.compute_rir()
    return [answer / np.linalg.norm(answer) for answer in box.rir[0]]


def through(answer, wave):
    """What arrives of a wave: as long as the wave."""
    from scipy.signal import fftconvolve

    return fftconvolve(wave, answer)[: len(wave)]


def loudspeaker(rng, wave):
    """Three of four distort: what is loud comes out softer, and not alike up and down."""
    if rng.uniform() < 0.25:
        return wave
    drive, bend = 10 ** rng.uniform(-1.3, -0.2) / np.sqrt(np.mean(wave**2)), rng.uniform(-0.2, 0.2)
    pressed = np.tanh(drive * wave + bend) / drive
    return pressed - pressed.mean()


def call(corpus, rng, seconds=SECONDS):
    """Simulate a call, and let the filter do what it can."""
    n = seconds * RATE
    far, near = (corpus.voice(rng, corpus.speaker(rng), n, RATE) for _ in range(2))
    far, near = (wave / (np.sqrt(np.mean(wave**2)) + 1e-9) for wave in (far, near))
    to_mic, from_talker = room(rng)
    played = loudspeaker(rng, far)
    heard = through(to_mic, played)
    if rng.uniform() < 0.2:  # somebody moves
        turn = np.clip((np.arange(n) / n - rng.uniform(0.3, 0.7)) * 40, 0, 1)
        heard = (1 - turn) * heard + turn * through(room(rng)[0], played)
    late = rng.integers(0, RATE // 4)
    heard = np.pad(heard, (late, 0))[:n] * 10 ** (rng.uniform(-10, 15) / 20)
    start, length = rng.uniform(0, 0.6) * n, rng.uniform(0.25, 0.7) * n
    talk = (np.arange(n) >= start) & (np.arange(n) < start + length) & (rng.uniform() > 0.15)
    noise = corpus.noise(rng, n) * 10 ** (-rng.uniform(20, 50) / 20)
    near = through(from_talker, near * talk) + noise
    gain = 10 ** (-25 / 20) / np.sqrt(np.mean((near + heard) ** 2))
    mic, near = (Clip(gain * wave, RATE) for wave in (near + heard, near))
    far = Clip(10 ** (-25 / 20) * far, RATE)
    return Call(mic, far, near, *adaptive.linear(mic, far), talk)


def held_out(corpus, count=24, seed=1):
    """Draw calls of sentences that the training never hears, in rooms of their own."""
    corpus, voices = copy.copy(corpus), {}
    rows = [r for r in testset.manifest() if r["kind"] == "speech" and r["split"] != "train"]
    for row, wave in testset.pieces(rows, 2 * RATE, RATE):
        voices.setdefault(row["speaker"], []).append((wave * 32767).astype(np.int16))
    corpus.voices, corpus.speakers = voices, sorted(voices)
    corpus.chance = np.full(len(voices), 1 / len(voices))
    return [call(corpus, np.random.default_rng([seed, 77, i])) for i in range(count)]


def pooled(corpus, seed, count=POOL):
    """Simulate the calls that are trained on: (features, left, target) of each, in half floats."""
    from tqdm.auto import tqdm

    found = []
    for i in tqdm(range(count), desc="calls", mininterval=5):
        one = call(corpus, np.random.default_rng([seed, 99, i]))
        left, near = spectra.stft(one.left).T, spectra.stft(one.near).T  # (frames, 257)
        size = np.abs(left)
        wanted = np.maximum((near * left.conj()).real / np.maximum(size, 1e-9), 0)
        arrays = (echo_mask.features(one.left, one.echo), size, wanted)
        found.append([array.astype(np.float16) for array in arrays])
    return found


def example(pool, rng, frames=300, count=8):
    """A batch: (features, left, target), each [shape=(batch, frames, ...)]."""
    rows = []
    for _ in range(count):
        one = pool[rng.integers(len(pool))]
        start = rng.integers(0, len(one[0]) - frames)
        rows.append([array[start : start + frames].astype(np.float32) for array in one])
    return tuple(torch.from_numpy(np.stack(arrays)) for arrays in zip(*rows, strict=True))


def build(config=CONFIG):
    """MaskNet, at the start letting most through."""
    from modelscope.models.audio.aec.network.se_net import MaskNet

    net = MaskNet(**config)
    torch.nn.init.constant_(net.linear2.linear.bias, 2.0)
    return net


def loss_of(net, batch):
    """Distance of magnitudes, compressed, where a lost near end weighs double, and as they are."""
    heard, left, wanted = batch
    kept = net(heard) * left
    miss = (kept + 1e-3) ** 0.3 - (wanted + 1e-3) ** 0.3
    loud = (kept - wanted).square().sum() / wanted.square().sum()
    return 100 * (miss.square() * torch.where(miss < 0, 2.0, 1.0)).mean() + 5 * loud


def figures(masking, calls):
    """How good a mask is: dB of SI-SDR gained where both talk, dB of echo gone where one does.

    `masking` is a function of (left, echo); the filter's own output is what is compared with.
    """
    both, alone = [], []
    for one in calls:
        out = masks.apply(masking(one.left, one.echo), one.left)
        clips = (out, one.left, one.near)
        if one.talk.any():
            cut = [clip.with_samples(clip.samples[one.talk]) for clip in clips]
            both.append(metrics.si_sdr(cut[0], cut[2]) - metrics.si_sdr(cut[1], cut[2]))
        after, before, near = (clip.samples[~one.talk] for clip in clips)
        echo_before, echo_after = np.sum((before - near) ** 2), np.sum((after - near) ** 2)
        alone.append(min(30, 10 * np.log10(echo_before / (echo_after + 1e-9))))
    return {
        "gain": np.mean(both) + 0.2 * np.mean(alone),
        "both": np.mean(both),
        "far": np.mean(alone),
    }


def export(weights, folder, config=CONFIG):
    """Write the model's folder: tensors and configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(
        {name: value.clone() for name, value in weights.items()}, folder / "pytorch_model.bin"
    )
    about = {"framework": "pytorch", "task": "acoustic-echo-cancellation",
             "model": {"type": "echo_mini", "network": config}}  # fmt: skip
    (folder / "configuration.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def card():
    """Write the measured part of the model's card."""
    from training import cards, curve

    folder = checkpoint.EMBEDDED / NETWORKS["echo_mask"].embedded

    calls = held_out(Corpus(), seed=3)  # not those that chose the weights
    systems = {
        "the filter alone": lambda left, _: np.ones((257, 1 + len(left) // 128)),
        "with the ratio mask": echo_mask.residual_echo_mask,
        "with this network": echo_mask.trained_mask,
    }
    heads = "echo gone, one talks (dB)", "SI-SDR, both talk (dB)", "AECMOS echo", "AECMOS other"
    table = [f"| | {' | '.join(heads)} |", "|---|---|---|---|---|"]
    for name, mask in systems.items():
        found, marks = figures(mask, calls), []
        for one in calls:
            out = masks.apply(mask(one.left, one.echo), one.left)
            clips = [clip.gain(-6 - max(0, clip.peak)) for clip in (one.far, one.mic, out)]
            marks.append(list(echo.aecmos(*clips, "both").values()))
        values = [f"{found[key]:+.1f}" for key in ("far", "both")]
        values += [f"{value:.2f}" for value in np.mean(marks, axis=0)]
        table.append(f"| {name} | {' | '.join(values)} |")
    log = loop.read_log(folder / "training_log.csv")
    curve.draw(log, folder / "curve.png", "dB gained over the filter alone")
    digests = cards.checksums(folder.name)
    size = sum(value.numel() for value in models.load("echo_mask", folder).parameters())
    cards.fill(folder, [
        f"{size:,} parameters. {len(calls)} simulated calls of {SECONDS} s, sentences, rooms and",
        "loudspeakers that were not trained on; dB are counted from what the filter leaves.",
        "`python -m training.echo card` makes this table again.", "", *table, "",
        f"Trained for {int(log[-1]['step']):,} steps, {float(log[-1]['minutes']):.0f} minutes on",
        "one busy processor core, after some two minutes in which the calls were simulated.", "",
        "![The learning curve: figures on calls kept out rise with the steps](curve.png)",
        "", "| file | SHA-256 |", "|---|---|",
        *(f"| `{name}` | `{digest}` |" for name, digest in digests.items()),
    ])  # fmt: skip


def main():
    """Train, and say how good it is beside the mask that needs no training."""
    if sys.argv[1:] == ["card"]:
        return card()
    args = cli.arguments(__doc__, "echo", 2e-3)
    net, corpus = build(), Corpus(full=args.full)
    if args.start:
        net.load_state_dict(torch.load(args.start / "pytorch_model.bin", weights_only=True))
    cli.introduce(net, corpus)
    calls, pool = held_out(corpus), pooled(corpus, args.seed)
    ratio = figures(echo_mask.residual_echo_mask, calls)
    print("without training: " + ", ".join(f"{name} {value:.2f}" for name, value in ratio.items()))

    def score(net):
        return figures(lambda left, echo: echo_mask.trained_mask(left, echo, net), calls)

    rows = loop.train(net, lambda rng: example(pool, rng), loss_of, score, args)
    cli.finish(rows, args, "dB gained over the filter alone", export)


if __name__ == "__main__":
    main()
