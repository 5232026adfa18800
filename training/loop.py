"""The training loop that both recipes share: resumable, seeded by step, logged, averaged.

The example of step k depends on (seed, k) alone, so a run that was killed and resumed sees what an
unbroken run sees. What is kept for shipping is an exponential moving average of the weights.
"""

import csv
import math
import time
from pathlib import Path

import numpy as np
import torch

from helpers.files.whole import whole


def learning_rate(step, peak, warmup=300, half_life=12000, done=0.0, decay=0.0):
    """Rise over `warmup` steps to `peak`, then halve every `half_life` steps.

    With `decay`, the last part of a run falls linearly to zero: decay = 1/3 begins to fall when
    `done`, the share of the planned minutes or steps that is used up, has passed 2/3.
    """
    rate = peak * min(1.0, (step + 1) / warmup) * 0.5 ** (max(0, step - warmup) / half_life)
    return rate * min(1.0, max(0.0, 1 - done) / decay) if decay else rate


def progress(state, args, seconds):
    """The share of the plan that is over, from 0 to 1: of its seconds, or of its steps."""
    steps = state["step"] / args.steps if args.steps else 0.0
    return min(1.0, max(steps, state["seconds"] / max(seconds, 1e-9)))


def average(ema, model, step, decay=0.9995):
    """Move the averaged weights towards the model's; quickly at first, slowly later."""
    keep = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                ema[name].mul_(keep).add_(value, alpha=1 - keep)
            else:
                ema[name].copy_(value)


def train(model, example, loss_of, score, args):
    """Train until the minutes have passed or the steps are done, from the last checkpoint on.

    Parameters
    ----------
    model : torch.nn.Module
    example : callable
        example(rng) -> a batch; the generator is seeded by (seed, step).
    loss_of : callable
        loss_of(model, batch) -> scalar tensor.
    score : callable
        score(model) -> dict of validation figures; its first entry decides which is best.
    args : argparse.Namespace
        minutes, steps (None: no end), lr, half_life (in steps), decay (the last share of the run,
        in which the rate falls to zero), total (the plan's minutes where it takes several calls;
        None: this call ends it), seed, every (steps between validations), and `out`, the folder
        for last.pt (to resume from), best.pt (averaged weights) and log.csv. Where it has a
        `schedule`, the learning rate is schedule(step, seconds trained) instead.

    Returns
    -------
    list of dict
        The log's rows.
    """
    from tqdm.auto import tqdm

    out, minutes, steps = Path(args.out), args.minutes, args.steps
    out.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=args.lr, weight_decay=0.01
    )
    state = {"step": 0, "seconds": 0.0, "best": -1e9}
    ema = {name: value.clone() for name, value in model.state_dict().items()}
    if (out / "last.pt").exists():
        saved = torch.load(out / "last.pt", weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        state, ema = saved["state"], saved["ema"]
    rows = read_log(out / "log.csv", state["step"])
    started, before, losses = time.monotonic(), state["seconds"], []
    # The rate ends at nothing when the plan does; a plan may take several calls (and kills).
    decay = getattr(args, "decay", 0.0)
    plan = 60 * (getattr(args, "total", None) or before / 60 + minutes)
    schedule = getattr(args, "schedule", None) or (
        lambda step, _seconds: learning_rate(
            step, args.lr, getattr(args, "warmup", 300), args.half_life,
            done=progress(state, args, plan), decay=decay,
        )
    )  # fmt: skip
    with tqdm(total=round(minutes * 60), unit="s", desc="training", mininterval=5) as bar:
        while not finished(state, started, minutes, steps):
            step = args.step = state["step"]
            torch.manual_seed(args.seed * 1_000_003 + step)
            batch = example(np.random.default_rng([args.seed, step]))
            model.train()
            loss = loss_of(model, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            for group in optimizer.param_groups:
                group["lr"] = schedule(step, state["seconds"])
            if torch.isfinite(norm):
                optimizer.step()
                average(ema, model, step)
            losses.append(loss.item())
            state["step"] += 1
            state["seconds"] = before + time.monotonic() - started
            bar.update(min(bar.total, round(state["seconds"] - before)) - bar.n)
            bar.set_postfix(step=state["step"], loss=f"{np.mean(losses[-100:]):.2f}")
            if state["step"] % args.every == 0 or finished(state, started, minutes, steps):
                rows.append(validate(model, ema, score, state, losses, out))
                write_log(out / "log.csv", rows)
                losses = []
                save(out / "last.pt", {"model": model.state_dict(), "ema": ema, "state": state,
                                       "optimizer": optimizer.state_dict()})  # fmt: skip
    return rows


def finished(state, started, minutes, steps):
    """Whether the time or the steps are used up."""
    out_of_time = time.monotonic() - started >= minutes * 60
    return out_of_time or (steps is not None and state["step"] >= steps)


def validate(model, ema, score, state, losses, out):
    """Score the averaged weights; keep them if they are the best so far; return the log's row."""
    current = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(ema)
    model.eval()
    figures = score(model)
    model.load_state_dict(current)
    if next(iter(figures.values())) > state["best"]:
        state["best"] = float(next(iter(figures.values())))
        save(out / "best.pt", ema)
    row = {"step": state["step"], "minutes": round(state["seconds"] / 60, 2)}
    row |= {"loss": round(float(np.mean(losses)), 3)} if losses else {"loss": ""}
    return row | {name: round(float(value), 3) for name, value in figures.items()}


def save(path, content):
    """Write a checkpoint: a kill never leaves half a file."""
    with whole(path) as new:
        torch.save(content, new)


def read_log(path, step=math.inf):
    """The log's rows up to `step` (later ones belong to work that was lost with a kill)."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if int(row["step"]) <= step]


def joined(before, rows):
    """The log of a model that a second sitting went on with: its steps and minutes count on."""
    step, minutes = (float(before[-1][key]) if before else 0 for key in ("step", "minutes"))
    counted = [
        row | {"step": int(row["step"]) + int(step),
               "minutes": round(float(row["minutes"]) + minutes, 2)}
        for row in rows
    ]  # fmt: skip
    return [*before, *counted]


def write_log(path, rows):
    """Write the whole log."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
