"""A few steps of a tiny network, for tests/test_team.py: alone, or under torchrun."""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch

from training import denoising, loop, separation

TINY = separation.CONFIG | {"in_channels": 32, "out_channels": 32, "d_model": 32, "num_blocks": 1}


def main(task, out, steps, draws):
    """Train, save what every process holds, and the log."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if task == "separation":
        model, loss_of = separation.build(TINY), separation.loss_of
    else:
        model, loss_of = denoising.build(denoising.CONFIG | {"channels": 8}), denoising.loss_of

    def example(rng):
        waves = torch.from_numpy(0.1 * rng.standard_normal((2, 3200)).astype(np.float32))
        return waves[None] if task == "separation" else (waves, waves / 2)

    out = Path(out)
    args = Namespace(out=out, minutes=30, steps=int(steps), every=2, seed=0, lr=1e-3)
    args.half_life, args.draws, args.warmup = 12000, int(draws) or None, 1
    rows = loop.train(model, example, loss_of, lambda _: {"gain": 1.0}, args)
    rank = loop.team.rank()
    torch.save(model.state_dict(), out / f"process{rank}.pt")
    print(f"process {rank}: {len(rows)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
