"""Long recordings: run a model window by window and cross-fade what it gives.

Taught in 11_long_and_fast; used by separate and denoise.
"""

import hashlib
import os
from itertools import permutations
from pathlib import Path

import numpy as np

WHOLE = 30  # seconds that a model is given in one piece
WINDOW = 20  # seconds, at the most, of each window of anything longer
SHARED = 2  # seconds that two windows have in common
SILENT = 10 ** (-90 / 20)  # a window whose loudest sample is softer than this is not run


def process(samples, run, rate, voice=None, kept=None, gain=1):
    """Run a model on samples of any length, in memory that hardly grows with it.

    Up to 30 s are one piece. Anything longer is cut into windows of one size, 20 s or less, with
    2 s in common, in which one window is faded out while the next is faded in. Speakers may come
    in another order from each window: they are matched by what they say where both overlap and,
    if `voice` is given, by how they sounded so far. Silent windows, -90 dB at their loudest
    sample, stay silent and cost nothing. A bar shows the progress in a terminal or a
    notebook; Ctrl-C (or the stop button) stops after no more than one window.

    Parameters
    ----------
    samples : ndarray [shape=(n,)]
        The recording.
    run : callable
        The model: samples [shape=(n,)] to sources [shape=(sources, n)].
    rate : int
        Samples a second, in Hz.
    voice : callable, optional
        Sources [shape=(sources, n)] to a description of each voice [shape=(sources, features)],
        such as `voices.describe`.
    kept : Kept, optional
        Where finished windows are kept, so that a stopped run goes on.
    gain : float
        What the model is given every window times; an hour is not copied for it.

    Returns
    -------
    ndarray [shape=(sources, n)]
        The sources, each in one row from beginning to end.

    Examples
    --------
    >>> minutes = np.ones(300 * 100, dtype=np.float32)
    >>> process(minutes, lambda window: np.stack([window, -window]), rate=100).shape
    (2, 30000)
    """
    windows = cut(len(samples), rate)
    if len(windows) == 1:
        return run(samples * np.float32(gain))
    from tqdm.auto import tqdm

    sources, done, memory = None, 0, 0
    # No bar in files and pipes (disable=None), nor for what is done in three seconds.
    for start, stop in tqdm(windows, unit="window", disable=None, leave=False, delay=3):
        part = _run(samples[start:stop] * np.float32(gain), run, kept, sources)
        if sources is None:
            sources = np.zeros((len(part), len(samples)), dtype=np.float32)
        common = done - start
        described = voice(part) if voice and len(part) > 1 else None
        trust = min(1, 10 * _rms(part[:, :common]) / max(_rms(part), 1e-30))  # little in a pause
        order = same_order(sources[:, start:done], part[:, :common], memory, described, trust)
        part = part[order]
        memory = memory + described[order] if described is not None else 0
        fade = (np.arange(common, dtype=np.float32) + 0.5) / max(1, common)
        sources[:, start:done] *= 1 - fade
        sources[:, start:done] += fade * part[:, :common]
        sources[:, done:stop] = part[:, common:]
        done = stop
    return sources


def cut(n, rate):
    """Cut a recording into windows of one size that overlap.

    Parameters
    ----------
    n : int
        Length in samples.
    rate : int
        Samples a second, in Hz.

    Returns
    -------
    list of tuple
        Each window's first sample and the one after its last.

    Examples
    --------
    >>> cut(40 * 100, rate=100)
    [(0, 1467), (1266, 2733), (2533, 4000)]
    """
    if n <= WHOLE * rate:
        return [(0, n)]
    count = -(-(n - SHARED * rate) // ((WINDOW - SHARED) * rate))
    size = -(-(n + (count - 1) * SHARED * rate) // count)
    return [
        (int(start), int(start) + size) for start in np.linspace(0, n - size, count).astype(int)
    ]


def same_order(before, after, memory=None, voices=None, trust=1):
    """Find the order of the rows of `after` in which each is most like the row of `before`.

    Parameters
    ----------
    before, after : ndarray [shape=(sources, n)]
        The same stretch of time, from two windows.
    memory, voices : ndarray [shape=(sources, features)], optional
        How the rows of `before` sounded so far, and how those of `after` sound.
    trust : float
        How much likeness in the common stretch counts beside likeness of voices.

    Returns
    -------
    list of int
        The row order[i] of `after` continues the row i of `before`; where nothing can be heard
        and nothing is remembered, the order stays.

    Examples
    --------
    >>> same_order(np.array([[1, 2, 3], [3, -1, 0]]), np.array([[3, -1, 1], [2, 4, 6]]))
    [1, 0]
    """
    alike = trust * _units(before) @ _units(after).T  # correlations (before, after)
    if voices is not None and np.ndim(memory) == 2:
        alike = alike + _units(memory) @ _units(voices).T
    rows = range(len(alike))
    return list(max(permutations(rows), key=lambda order: sum(alike[i, order[i]] for i in rows)))


class Kept:
    """Finished windows on disk: a run that was stopped finds them and goes on.

    Each window is known by its samples and by the model that made it, so that nothing stale is
    ever taken: another recording, model or precision finds nothing.

    Parameters
    ----------
    folder : str or Path
        Where to; made if it is not there. Delete it when the work is done.
    *making : object
        What the windows depend on beside their samples: the model (a torch module, by its
        weights), and anything that prints as what it is.
    """

    def __init__(self, folder, *making):
        self.folder, self.name = Path(folder), hashlib.blake2b(digest_size=16)
        self.folder.mkdir(parents=True, exist_ok=True)
        for thing in making:
            if hasattr(thing, "state_dict"):
                for name, tensor in thing.state_dict().items():
                    self.name.update(name.encode() + tensor.numpy().tobytes())
            else:
                self.name.update(repr(thing).encode())

    def path(self, window):
        """Return the file of a window [shape=(n,)], there or not."""
        name = self.name.copy()
        name.update(np.ascontiguousarray(window).tobytes())
        return self.folder / f"{name.hexdigest()}.npy"

    def get(self, window):
        """Return a window's sources, or None."""
        path = self.path(window)
        try:
            return np.load(path, allow_pickle=False) if path.is_file() else None
        except (ValueError, EOFError, OSError):  # damaged: it is made anew
            return None

    def put(self, window, part):
        """Keep a window's sources [shape=(sources, n)], whole or not at all."""
        path = self.path(window)
        new = path.with_suffix(f".{os.getpid()}.part")
        try:
            with open(new, "wb") as file:
                np.save(file, part, allow_pickle=False)
            os.replace(new, path)
        finally:
            new.unlink(missing_ok=True)


def _run(window, run, kept, sources):
    """Run the model on one window, unless that is silent or was done before."""
    if sources is not None and np.abs(window).max() < SILENT:
        return np.zeros((len(sources), len(window)), dtype=np.float32)
    part = kept.get(window) if kept else None
    if part is None:
        part = run(window)
        if kept:
            kept.put(window, part)
    return part


def _rms(rows):
    """Root mean square of all rows together."""
    return float(np.sqrt(np.square(rows, dtype=np.float64).mean())) if rows.size else 0.0


def _units(rows):
    """Scale each row to unit energy; silence stays silence."""
    size = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return rows / np.where(size > 0, size, 1)
