"""Train the embedded MossFormer: two people at once in, one person a track out.

    python run.py train separation --minutes 10           # on sounds/, with a curve at the end
    python -m training.separation --full --minutes 120    # what the shipped checkpoint saw
    torchrun --nproc_per_node=2 -m training.separation    # on two processes: training/team.py

Dynamic mixing (no mixture is heard twice), permutation-invariant SI-SDR, AdamW, averaged weights.
"""

import os

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import torch

from helpers.networks import NETWORKS
from training import cli, compiled, loop, testset
from training.data import Corpus
from training.published import configure

RATE = 8000
CONFIG = NETWORKS["mossformer"].sizes | {
    "in_channels": 160, "out_channels": 160, "num_blocks": 8, "d_model": 160, "attn_dropout": 0.0,
    "group_size": 128, "query_key_dim": 64, "kernel_size": 32, "stride": 16,
}  # fmt: skip


def build(config=CONFIG):
    """ModelScope's own MossFormer, its layers in the fast order."""
    from modelscope.models.audio.separation.mossformer import MossFormer

    from helpers.networks.mossformer_layers import speed_up

    return speed_up(MossFormer(".", **config))


def si_sdr(estimate, reference):
    """SI-SDR in dB over the last axis, after removing the means."""
    estimate = estimate - estimate.mean(-1, keepdim=True)
    reference = reference - reference.mean(-1, keepdim=True)
    scale = (estimate * reference).sum(-1, keepdim=True) / (
        reference.square().sum(-1, keepdim=True) + 1e-8
    )
    target = scale * reference
    noise = (estimate - target).square().sum(-1)
    return 10 * torch.log10((target.square().sum(-1) + 1e-8) / (noise + 1e-8))


def best_order(estimates, sources):
    """Mean SI-SDR of each mixture under its better order [shape=(batch,)]."""
    straight = si_sdr(estimates, sources).mean(-1)
    swapped = si_sdr(estimates.flip(1), sources).mean(-1)
    return torch.maximum(straight, swapped)


def example(corpus, rng, seconds=4.0):
    """A batch of sources [shape=(batch, 2, n)]: two short mixtures, or one long one."""
    count = int(rng.choice([1, 2, 2]))
    n = int(seconds * RATE) // count
    return torch.from_numpy(np.stack([corpus.mixture(rng, n) for _ in range(count)]))


def precision(kind="cpu"):
    """bfloat16 where the processor multiplies it itself; elsewhere it is ten times as slow."""
    from helpers.networks.fast import has_bfloat16

    return torch.autocast(kind, torch.bfloat16, enabled=kind != "cpu" or has_bfloat16())


def loss_of(model, sources):
    """Negative SI-SDR under the better order; what is past 25 dB is good enough."""
    with precision(sources.device.type):
        estimates = model(sources.sum(1))
    if estimates.dim() == 2:  # the library's decoder drops a batch of one
        estimates = estimates.unsqueeze(0)
    return -best_order(estimates.float().mT, sources).clamp(max=25).mean()


def separate(model, mixture):
    """Sources of one mixture array [shape=(2, n)]."""
    with torch.inference_mode():
        return model(torch.from_numpy(mixture)[None]).reshape(len(mixture), 2).T


def improvements(model, mixtures):
    """SI-SDR improvement in dB of every test mixture."""
    gains = []
    for _, sources in mixtures:
        references = torch.from_numpy(sources)[None]
        mixed = references.sum(1, keepdim=True).expand(-1, 2, -1)
        estimate = separate(model, sources.sum(0))[None]
        gains.append((best_order(estimate, references) - si_sdr(mixed, references).mean(-1)).item())
    return np.array(gains)


def export(weights, folder, config=CONFIG):
    """Write a model folder in ModelScope's layout."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, prefix in [
        ("encoder", "encoder."),
        ("decoder", "decoder."),
        ("masknet", "mask_net."),
    ]:
        inner = {
            k.removeprefix(prefix): v.clone() for k, v in weights.items() if k.startswith(prefix)
        }
        torch.save(inner, folder / f"{part}.bin")
    configure(NETWORKS["mossformer"], folder, config)


def begin_with(model, folder):
    """Load the weights of a model folder, to train on from there."""
    for part, name in [("encoder", "encoder"), ("decoder", "decoder"), ("masknet", "mask_net")]:
        state = torch.load(folder / f"{part}.bin", weights_only=True)
        getattr(model, name).load_state_dict(state)


def wake(model, size=0.5, asleep=0.2):
    """Make the queries and keys of the attention in chunks large enough to learn.

    The library draws their scales (rows 0 and 2 of `gamma`) at 0.02. Their products are divided by
    the chunk's length and squared, so that hardly a gradient comes back: in our first 12,000 steps
    three blocks of eight never woke up. Scales that have grown past `asleep` are left alone.
    """
    for module in model.modules():
        if type(module).__name__ == "OffsetScale":
            with torch.no_grad():
                for row in (module.gamma[0], module.gamma[2]):
                    row += size * (row.abs().mean() < asleep)


def main():
    """Train, and say how good it is."""
    args = cli.arguments(__doc__, "separation", 8e-4)
    model, corpus = build(), Corpus(full=args.full)
    if args.start:
        begin_with(model, args.start)
    wake(model)
    compiled.use()
    sets = {kind: testset.mixtures(kind, 30, 3.0) for kind in ("unseen", "known")}
    cli.introduce(model, corpus)

    def score(model):
        return {kind: improvements(model, mixtures).mean() for kind, mixtures in sets.items()}

    rows = loop.train(model, lambda rng: example(corpus, rng), loss_of, score, args)
    cli.finish(rows, args, "SI-SDR improvement (dB)", export)


if __name__ == "__main__":
    main()
