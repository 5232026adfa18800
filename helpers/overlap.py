"""Long recordings: run a model window by window and cross-fade what it gives.

Taught in the lesson on long recordings; used by separate and denoise.
"""

from itertools import permutations

import numpy as np

WHOLE = 60  # seconds that a model is given in one piece
WINDOW = 20  # seconds of each window of anything longer
SHARED = 2  # seconds, at the least, that two windows have in common


def process(samples, run, rate):
    """Run a model on samples of any length, in memory that does not grow with it.

    Up to 60 s are one piece. Anything longer is cut into windows of 20 s, spread evenly with 2 s
    or more in common, in which one window is faded out while the next is faded in. Speakers may
    come in another order from each window: they are matched by what they say where both overlap.

    Parameters
    ----------
    samples : ndarray [shape=(n,)]
        The recording.
    run : callable
        The model: samples [shape=(n,)] to sources [shape=(sources, n)].
    rate : int
        Samples a second, in Hz.

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
    n, window, shared = len(samples), WINDOW * rate, SHARED * rate
    if n <= WHOLE * rate:
        return run(samples)
    count = -(-(n - shared) // (window - shared))
    sources, done = None, 0
    for start in np.linspace(0, n - window, count).astype(int):
        part = run(samples[start : start + window])
        if sources is None:
            sources = np.zeros((len(part), n), dtype=np.float32)
        common = done - start
        part = part[same_order(sources[:, start:done], part[:, :common])]
        fade = (np.arange(common, dtype=np.float32) + 0.5) / max(1, common)
        sources[:, start:done] *= 1 - fade
        sources[:, start:done] += fade * part[:, :common]
        done = start + window
        sources[:, start + common : done] = part[:, common:]
    return sources


def same_order(before, after):
    """Find the order of the rows of `after` in which each is most like the row of `before`.

    Parameters
    ----------
    before, after : ndarray [shape=(sources, n)]
        The same stretch of time, from two windows.

    Returns
    -------
    list of int
        The row order[i] of `after` continues the row i of `before`; where nothing can be heard,
        the order stays.

    Examples
    --------
    >>> same_order(np.array([[1, 2, 3], [3, -1, 0]]), np.array([[3, -1, 1], [2, 4, 6]]))
    [1, 0]
    """
    alike = _units(before) @ _units(after).T  # correlations (before, after)
    rows = range(len(alike))
    return list(max(permutations(rows), key=lambda order: sum(alike[i, order[i]] for i in rows)))


def _units(rows):
    """Scale each row to unit energy; silence stays silence."""
    size = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return rows / np.where(size > 0, size, 1)
