"""A long talk of two people, and how well each of them stays on one track.

Used by 11_long_and_fast and by `python run.py bench --long`.
"""

import csv
from collections.abc import Sequence

import numpy as np

from helpers import audio
from helpers.clip import Clip

RATE = 8000


def simulate(people: Sequence[str], minutes: float, seed: int = 0) -> list[Clip]:
    """Let people talk for minutes, at once and alone, with pauses short and long.

    Parameters
    ----------
    people : sequence of str
        Who talks, as sounds/manifest.csv names them. What they say was not trained on.
    minutes : float
        How long.
    seed : int
        Which talk.

    Returns
    -------
    list of Clip
        One a person, at 8 kHz; their sum is the mixture.

    Raises
    ------
    ValueError
        If there are no recordings of someone.

    Examples
    --------
    >>> simulate(["tux_es", "tux_ca"], minutes=0.5)
    [Clip('tux_es', 30.00 s, 8000 Hz, ... dB), Clip('tux_ca', 30.00 s, 8000 Hz, ... dB)]
    """
    with open(audio.SOUNDS / "manifest.csv", newline="", encoding="utf-8") as table:
        rows = [r for r in csv.DictReader(table) if r["kind"] == "speech" and r["split"] != "train"]
    rng, n, found = np.random.default_rng(seed), round(minutes * 60 * RATE), []
    for person in people:
        said = [audio.load(audio.SOUNDS / r["path"], RATE) for r in rows if r["speaker"] == person]
        if not said:
            known = ", ".join(sorted({r["speaker"] for r in rows}))
            raise ValueError(f"no recordings of {person!r}: take one of {known}")
        track, at = np.zeros(n, np.float32), round(rng.uniform(0, 3) * RATE)
        while at < n:
            piece = audio.set_level(said[rng.integers(len(said))], -25).samples[: n - at]
            track[at : at + len(piece)] = piece
            pause = rng.uniform(3, 8) if rng.random() < 0.25 else rng.uniform(0.2, 2)
            at += len(piece) + round(pause * RATE)
        found.append(Clip(track, RATE, person))
    return found


def track_consistency(
    tracks: Sequence[Clip], people: Sequence[Clip], seconds: float = 20
) -> np.ndarray:
    """Tell in which stretches of a long recording every track holds the same person as overall.

    Parameters
    ----------
    tracks : list of Clip
        The results, in any order.
    people : list of Clip
        What each person said.
    seconds : float
        The length of one stretch; those in which somebody says nothing are left out.

    Returns
    -------
    ndarray [shape=(stretches,)]
        True where the tracks are in order; the mean is the share.

    Examples
    --------
    >>> a, b = (Clip(np.sin(np.arange(80_000) * f), 8000) for f in (0.1, 0.2))
    >>> def join(x, y):
    ...     return Clip(np.r_[x.samples[:60_000], y.samples[60_000:]], 8000)
    >>> track_consistency([join(a, b), join(b, a)], [a, b], seconds=2.5).tolist()
    [True, True, True, False]
    """
    from itertools import permutations

    step, n = round(seconds * RATE), len(people[0])
    orders = list(permutations(range(len(people))))
    scores = []
    for at in range(0, n - step // 2, step):
        ours, theirs = (
            np.stack([c.samples[at : at + step] for c in clips]).astype(np.float64)
            for clips in (tracks, people)
        )
        if np.sqrt(np.mean(theirs**2, axis=1)).min() < 10 ** (-50 / 20):
            continue
        lengths = [np.linalg.norm(x, axis=1, keepdims=True) + 1e-12 for x in (theirs, ours)]
        alike = ((theirs / lengths[0]) @ (ours / lengths[1]).T) ** 2
        scores.append([sum(alike[i, order[i]] for i in range(len(people))) for order in orders])
    table = np.array(scores)  # (stretches, orders)
    return table.argmax(axis=1) == table.sum(axis=0).argmax()
