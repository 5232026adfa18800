"""What the two recipes share on the command line: their options, and what comes after training."""

import argparse
import os
from pathlib import Path

import torch

from training import team

ROOT = Path(__file__).parent.parent


def options(description, name, peak):
    """Return the parser of a recipe's options; `peak` is its rate, runs/<name> its folder."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--steps", type=int, help="stop after that many steps")
    parser.add_argument("--full", action="store_true", help="train on corpus/ instead of sounds/")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / name, help="the run's folder")
    each = max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    parser.add_argument("--threads", type=int, default=each, help="of each process")
    parser.add_argument(
        "--draws", type=int, help="batches a step, shared out among torchrun's processes"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--lr", type=float, default=peak, help="peak learning rate")
    parser.add_argument("--half-life", type=int, default=12000, help="steps that halve its rate")
    parser.add_argument(
        "--decay", type=float, default=1 / 3, help="last share of the run: the rate falls to zero"
    )
    parser.add_argument("--total", type=float, help="minutes of a plan that takes several calls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=500, help="steps between validations")
    # torchrun takes --start for the beginning of an option of its own: there it is --weights.
    parser.add_argument(
        "--start", "--weights", type=Path, help="begin with the weights of this model folder"
    )
    parser.add_argument("--export", type=Path, help="write the best weights to this model folder")
    return parser


def arguments(description, name, peak):
    """Read a recipe's options."""
    args = options(description, name, peak).parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return args


def introduce(network, corpus):
    """Say what is trained on what."""
    if team.rank():
        return
    learnt = sum(p.numel() for p in network.parameters() if p.requires_grad)
    print(f"{learnt / 1e6:.2f} M parameters, {len(corpus.speakers)} people")
    if team.size() > 1:
        print(f"{team.size()} processes")


def finish(rows, args, label, export):
    """Draw the curve, say the last figures, and export the best weights if that was asked."""
    from training import loop
    from training.curve import draw

    if team.rank():
        return
    if not rows:
        print("nothing to train: the steps or the minutes were used up before")
        return
    draw(rows, args.out / "curve.png", label)
    print(f"after {rows[-1]['step']} steps: {rows[-1]}")
    print(f"the curve is in {args.out / 'curve.png'}")
    if args.export:
        before = args.out / "before.csv"  # at a second export the model's log holds this run too
        log = loop.read_log(args.start / "training_log.csv") if args.start else []
        if log and not before.exists():
            loop.write_log(before, log)
        export(torch.load(args.out / "best.pt", weights_only=True), args.export)
        rows = loop.joined(loop.read_log(before), rows)
        loop.write_log(args.export / "training_log.csv", rows)
