"""How long does it take, and how wrong is it: measured, never guessed.

Systems are timed in turn, over and over, and compared pair by pair: what else the machine does
meets all of them alike. Taught in 11_long_and_fast; `python run.py bench` prints the table.
"""

import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers import audio
from helpers.clip import Clip


def systems(network: str, folder: str | Path | None = None) -> dict:
    """Name the ways to run a model: ModelScope's pipeline as it is, and ours.

    Parameters
    ----------
    network : str
        A network with a tool: "mossformer", "mossformer2" or "frcrn".
    folder : str or Path, optional
        The model's folder; None takes the embedded one.

    Returns
    -------
    dict of str to callable
        Each takes a Clip at the network's own rate, and does all that it does to a recording.

    Examples
    --------
    >>> list(systems("frcrn"))
    ['ModelScope', 'float32', 'bfloat16']
    """
    from helpers import models

    where = models.where(folder)
    run = _tool(network)

    def library(clip):
        import soundfile

        built = models.pipeline(network, quiet=True, **where)
        with tempfile.TemporaryDirectory() as home, contextlib.redirect_stdout(io.StringIO()):
            path = str(Path(home) / "clip.wav")
            soundfile.write(path, clip.samples, clip.rate, subtype="FLOAT")
            return built(path)

    def ours(precision):
        return lambda clip: run(clip, network=network, precision=precision, quiet=True, **where)

    return {"ModelScope": library} | {name: ours(name) for name in ("float32", "bfloat16")}


def compare(runs: dict[str, Callable], clip: Clip, repeats: int = 3) -> list[dict]:
    """Time several ways to do one thing, in turn, `repeats` times over.

    Parameters
    ----------
    runs : dict of str to callable
        What to compare; the first is what the others are compared with.
    clip : Clip
        What each is given.
    repeats : int
        How often each runs, after one run that does not count on a second of the clip.

    Returns
    -------
    list of dict
        For each: "system", "seconds" (median), "cpu" (median of the processor's seconds) and
        "times" (how many times as fast as the first: the median over the rounds).

    Examples
    --------
    >>> rows = compare({"sum": lambda c: c.samples.sum(), "nothing": lambda c: None},
    ...                Clip(np.zeros(9_000_000), 8000))
    >>> [row["system"] for row in rows], rows[0]["times"]
    (['sum', 'nothing'], 1.0)
    """
    short = clip.with_samples(clip.samples[: clip.rate])
    for run in runs.values():
        run(short)
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            began = time.perf_counter(), time.process_time()
            run(clip)
            wall[name].append(time.perf_counter() - began[0])
            cpu[name].append(time.process_time() - began[1])
    first = np.array(wall[next(iter(runs))])
    return [
        {
            "system": name,
            "seconds": float(np.median(wall[name])),
            "cpu": float(np.median(cpu[name])),
            "times": float(np.median(first / np.maximum(wall[name], 1e-9))),
        }
        for name in runs
    ]


def error(network: str, folder: str | Path | None = None, seconds: float = 1.0) -> dict[str, float]:
    """Measure how far our results are from ModelScope's layers in float64.

    Parameters
    ----------
    network : str
        A network with a tool: "mossformer", "mossformer2" or "frcrn".
    folder : str or Path, optional
        The model's folder; None takes the embedded one.
    seconds : float
        How much of a recording to run: float64 is slow.

    Returns
    -------
    dict of str to float
        For each precision the error's level below the result, in dB, for the same input.

    Examples
    --------
    >>> found = error("mossformer", seconds=0.25)
    >>> found["float32"] < -60, found["bfloat16"] < -20
    (True, True)
    """
    from helpers import models
    from helpers.networks import NETWORKS, fast

    where = models.where(folder)
    apply, model = NETWORKS[network].apply, models.load(network, quiet=True, **where)
    samples = audio.set_level(example(network, seconds), -25).samples  # as the tools do
    expected, found = exact(network, model, samples), {}
    for name in fast.PRECISIONS:
        form = fast.optimized(model, name)
        if form is model and name == "bfloat16":
            continue  # this checkpoint differs: it runs as ModelScope wrote it
        found[name] = below(apply(form, samples), expected)
    return found


def exact(network: str, model: Any, samples: np.ndarray) -> np.ndarray:
    """Run ModelScope's layers in float64.

    Parameters
    ----------
    network : str
        A key of `networks.NETWORKS`.
    model : torch.nn.Module
        As `models.load` gives it to everyone: a copy is turned to float64.
    samples : np.ndarray
        What it hears [shape=(n,)].

    Returns
    -------
    np.ndarray
        Its sources [shape=(sources, n)], in float64.

    Examples
    --------
    >>> from helpers import models
    >>> model = models.load("frcrn", tier="embedded", quiet=True)
    >>> exact("frcrn", model, np.zeros(3200, np.float32)).dtype
    dtype('float64')
    """
    import copy

    from helpers.networks import NETWORKS

    return NETWORKS[network].apply(copy.deepcopy(model).double(), samples.astype(np.float64))


def below(found: np.ndarray, wanted: np.ndarray) -> float:
    """Measure how far below the sound an error lies.

    Parameters
    ----------
    found, wanted : np.ndarray
        Samples of one shape, and what they should be.

    Returns
    -------
    float
        The level of the difference against that of `wanted`, in dB.

    Examples
    --------
    >>> round(below(np.array([1.1, 0.0]), np.array([1.0, 0.0])))
    -20
    """
    return float(20 * np.log10(np.linalg.norm(found - wanted) / np.linalg.norm(wanted)))


def example(network: str, seconds: float) -> Clip:
    """Make a recording of any length, at the network's own rate, from the course's sounds.

    Parameters
    ----------
    network : str
        A key of `networks.NETWORKS`: two people at once for a separator, noisy speech for a
        denoiser.
    seconds : float
        How long.

    Returns
    -------
    Clip
        One of the course's recordings, over and over.

    Examples
    --------
    >>> example("frcrn", 30)
    Clip('example', 30.00 s, 16000 Hz, ... dB)
    """
    from helpers.networks import NETWORKS

    name, rate = NETWORKS[network].example
    clip = audio.load(audio.SOUNDS / name, rate)
    return Clip(np.resize(clip.samples, round(seconds * rate)), rate, "example")


def draw(rows: list[dict]) -> Any:
    """Draw how many times as fast each system is.

    Parameters
    ----------
    rows : list of dict
        Rows of `compare`, each with its "model" and the seconds of its "clip"; or those of
        evaluation/bench.csv.

    Returns
    -------
    Figure
        For each processor a picture, with a group of bars for each model and clip; under each
        figure its error, if it has one.

    Examples
    --------
    >>> draw([{"model": "FRCRN", "clip": 4.7, "system": "float32", "times": 3.0}])
    <Picture size ... with 1 Axes>
    """
    from helpers import plots

    machines = list(dict.fromkeys(row.get("processor", "") for row in rows))
    names = list(dict.fromkeys(row["system"] for row in rows))
    figure = plots.picture(len(machines), 1, (7, 0.6 + 2.9 * len(machines)))
    for axes, machine in zip(figure.axes, machines, strict=True):
        own = [row for row in rows if row.get("processor", "") == machine]
        _bars(axes, own, names)
        axes.set(ylabel="Times as fast as ModelScope", title=machine)
    shown = figure.axes[0].get_legend_handles_labels()
    figure.legend(*shown, loc="outside lower center", ncols=len(names))
    return figure


def _bars(axes, rows, names):
    """Draw the groups of one processor; a system has one color in all of them."""
    groups = list(dict.fromkeys((row["model"], row["clip"]) for row in rows))
    for i, name in enumerate(names):
        fitting = {(r["model"], r["clip"]): r for r in rows if r["system"] == name}
        times = {group: float(row["times"]) for group, row in fitting.items()}
        places = [at + (i - (len(names) - 1) / 2) * 0.27 for at in range(len(groups))]
        bars = axes.bar(places, [times.get(group, 0) for group in groups], 0.25, label=name,
                        color=("#999999", "#0072b2", "#e69f00")[i % 3])  # fmt: skip
        labels = [f"{times[g]:.1f}" if g in times else "" for g in groups]
        off = [fitting.get(g, {}).get("error") for g in groups]
        errors = [f"\n{float(error):.0f} dB" if error else "" for error in off]
        axes.bar_label(bars, [a + b for a, b in zip(labels, errors, strict=True)], fontsize=8)
    axes.margins(y=0.15)
    axes.set_xticks(range(len(groups)), [f"{m}, {float(s):g} s" for m, s in groups])


def _tool(network):
    """Return the tool that runs a network."""
    from helpers import denoise, separate
    from helpers.networks import NETWORKS

    tools = {separate.TASK: separate.separate, denoise.TASK: denoise.denoise}
    return tools[NETWORKS[network].task]
