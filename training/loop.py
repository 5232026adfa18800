"""The training loop that both recipes share: resumable, seeded by step, logged, averaged.

The examples of step k depend on (seed, k) alone, so a run that was killed and resumed sees what an
unbroken run sees, and several processes what one sees: see training/team.py. What is kept for
shipping is an exponential moving average of the weights.
"""

import csv
import math
import time
from pathlib import Path

import numpy as np
import torch

from helpers.files.whole import whole
from training import team


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
        example(rng) -> a batch; the generator is seeded by (seed, step), and by the draw where a
        step has several.
    loss_of : callable
        loss_of(model, batch) -> scalar tensor.
    score : callable
        score(model) -> dict of validation figures; its first entry decides which is best.
    args : argparse.Namespace
        minutes, steps (None: no end), lr, half_life (in steps), decay (the last share of the run,
        in which the rate falls to zero), total (the plan's minutes where it takes several calls;
        None: this call ends it), seed, every (steps between validations), and `out`, the folder
        for last.pt (to resume from), best.pt (averaged weights) and log.csv; `draws`, the batches
        a step (None: one a process), and `device`, "cpu" or "cuda". Where it has a
        `schedule`, the learning rate is schedule(step, seconds trained) instead.

    Returns
    -------
    list of dict
        The log's rows; none in processes other than the first.
    """
    from tqdm.auto import tqdm

    out, minutes, steps = Path(args.out), args.minutes, args.steps
    place = team.device(getattr(args, "device", "cpu"))
    draws = getattr(args, "draws", None) or team.size()
    mine, first = team.share(draws), team.rank() == 0
    team.join(place)
    out.mkdir(parents=True, exist_ok=True)
    team.alike(model.to(place))
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=args.lr, weight_decay=0.01
    )
    state = {"step": 0, "seconds": 0.0, "best": -1e9}
    ema = {name: value.clone() for name, value in model.state_dict().items()}
    saved = team.given(lambda: resumed(out / "last.pt"))
    if saved:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        state = saved["state"]
        ema = {name: value.to(place) for name, value in saved["ema"].items()}
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
    look = {"unit": "s", "desc": "training", "mininterval": 5, "disable": not first}
    with tqdm(total=round(minutes * 60), **look) as bar:
        while not finished(state, before, minutes, steps):
            step = args.step = state["step"]
            optimizer.zero_grad(set_to_none=True)
            loss = learn(model, example, loss_of, args, mine, draws, place)
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            for group in optimizer.param_groups:
                group["lr"] = schedule(step, state["seconds"])
            if torch.isfinite(norm):
                optimizer.step()
                average(ema, model, step)
            losses.append(loss)
            state["step"] += 1
            state["seconds"] = team.told(before + time.monotonic() - started, place)
            bar.update(min(bar.total, round(state["seconds"] - before)) - bar.n)
            bar.set_postfix(step=state["step"], loss=f"{np.mean(losses[-100:]):.2f}")
            if state["step"] % args.every == 0 or finished(state, before, minutes, steps):
                if first:
                    rows.append(validate(model, ema, score, state, losses, out, place))
                    write_log(out / "log.csv", rows)
                losses = []
                if first:
                    content = {"model": model.state_dict(), "ema": ema, "state": state}
                    save(out / "last.pt", content | {"optimizer": optimizer.state_dict()})
    team.leave()
    return rows if first else []


def learn(model, example, loss_of, args, mine, draws, place):
    """Leave the gradient of a step's mean loss in the parameters; return the loss.

    Each draw starts from the same running statistics (of batch norms), which then become the mean
    of what the draws made of them: so they are the same however the draws are shared out.
    """
    model.train()
    begin = [b for b in model.buffers() if b.dtype.is_floating_point] if draws > 1 else []
    before = [buffer.clone() for buffer in begin]
    counters = {b: b.clone() for b in model.buffers() if not b.dtype.is_floating_point}
    sums, total = [torch.zeros_like(buffer) for buffer in begin], 0.0
    for draw in mine:
        torch.manual_seed(args.seed * 1_000_003 + args.step + draw * 7_368_787)
        seed = [args.seed, args.step, draw] if draw else [args.seed, args.step]
        batch = moved(example(np.random.default_rng(seed)), place)
        for buffer, value in zip(begin, before, strict=True):
            buffer.copy_(value)
        loss = loss_of(model, batch)
        (loss / draws).backward()
        total += loss.item() / draws
        for summed, buffer in zip(sums, begin, strict=True):
            summed += buffer / draws
    told = torch.tensor([total], device=place)
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    team.added([*grads, *sums, told])
    for buffer, value in zip(begin, sums, strict=True):
        buffer.copy_(value)
    for counter, value in counters.items():
        if not torch.equal(counter, value):  # it counts batches, those of the others as well
            counter.copy_(value + draws)
    return told.item() if team.size() > 1 else total


def moved(batch, place):
    """A batch on another device: a tensor, or a tuple or a list of them."""
    if isinstance(batch, torch.Tensor):
        return batch.to(place)
    if type(batch) in (tuple, list):
        return type(batch)(moved(part, place) for part in batch)
    return batch


def resumed(path):
    """The last checkpoint; None where there is none."""
    return torch.load(path, weights_only=True, map_location="cpu") if path.exists() else None


def finished(state, before, minutes, steps):
    """Whether the time or the steps are used up; `before` seconds were trained in other calls."""
    out_of_time = state["seconds"] - before >= minutes * 60
    return out_of_time or (steps is not None and state["step"] >= steps)


def validate(model, ema, score, state, losses, out, place="cpu"):
    """Score the averaged weights; keep them if they are the best so far; return the log's row."""
    current = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(ema)
    model.to("cpu").eval()
    figures = score(model)
    model.to(place).load_state_dict(current)
    if next(iter(figures.values())) > state["best"]:
        state["best"] = float(next(iter(figures.values())))
        save(out / "best.pt", {name: value.cpu() for name, value in ema.items()})
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
