"""Long recordings: windows, cross-fades, and who is who from one window to the next.

Taught in 11_long_and_fast; used by separate, denoise and echo.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers.files.whole import whole

MAX_SINGLE_S = 30  # seconds that a model is given in one piece
WINDOW_S = 20  # seconds, at the most, of each window of anything longer
OVERLAP_S = 2  # seconds that two windows have in common
SILENCE_PEAK = 10 ** (-90 / 20)  # a window whose loudest sample is softer than this is not run


def overlap_add(
    samples: np.ndarray,
    run: Callable[[np.ndarray], np.ndarray],
    rate: int,
    embed: Callable[[np.ndarray], np.ndarray] | None = None,
    cache: "WindowCache | None" = None,
    gain: float = 1,
    fixed: int = 0,
) -> np.ndarray:
    """Run a model on samples of any length, in memory that hardly grows with it.

    Up to 30 s are one piece. Anything longer is cut into windows of one size, 20 s or less, with
    2 s in common, in which one window is faded out while the next is faded in. Sources may come
    in another order from each window: they are matched by what they say where both overlap and,
    if `embed` is given, by how they sounded so far. Silent windows, -90 dB at their loudest
    sample, stay silent and cost nothing. A bar shows the progress in a terminal or a
    notebook; Ctrl-C (or the stop button) stops after no more than one window.

    Parameters
    ----------
    samples : ndarray [shape=(n,) or (n, channels)]
        The recording; or several that belong together, a column each.
    run : callable
        The model: samples of one window [shape=(m,) or (m, channels)] to sources
        [shape=(sources, m)].
    rate : int
        Samples a second, in Hz.
    embed : callable, optional
        Sources [shape=(sources, m)] to a description of each voice [shape=(sources, features)],
        such as `speaker_embedding`.
    cache : WindowCache, optional
        Where finished windows are kept, so that a stopped run goes on.
    gain : float
        Applied to each window before the model; avoids copying a long recording.
    fixed : int
        How many sources, the last ones, have the same place in every window, as the noise has.

    Returns
    -------
    ndarray [shape=(sources, n)]
        The sources, each in one row from beginning to end.

    Examples
    --------
    >>> minutes = np.ones(300 * 100, dtype=np.float32)
    >>> overlap_add(minutes, lambda window: np.stack([window, -window]), rate=100).shape
    (2, 30000)
    """
    bounds = window_bounds(len(samples), rate)
    if len(bounds) == 1:
        return run(samples * np.float32(gain))
    from tqdm.auto import tqdm

    sources: Any = None
    profile: Any = 0
    done = 0
    # No bar in files and pipes (disable=None), nor for what is done in three seconds.
    for start, stop in tqdm(bounds, unit="window", disable=None, leave=False, delay=3):
        part = _run(samples[start:stop] * np.float32(gain), run, cache, sources)
        if sources is None:
            sources = np.zeros((len(part), len(samples)), dtype=np.float32)
        common = done - start
        free = len(part) - fixed
        voices = embed(part[:free]) if embed and free > 1 else None
        overlap_weight = min(1, 10 * _rms(part[:, :common]) / max(_rms(part), 1e-30))
        before, after = sources[:free, start:done], part[:free, :common]
        order = best_permutation(before, after, profile, voices, overlap_weight)
        part = part[[*order, *range(free, len(part))]]
        profile = profile + voices[order] if voices is not None else 0
        fade = (np.arange(common, dtype=np.float32) + 0.5) / max(1, common)
        sources[:, start:done] *= 1 - fade
        sources[:, start:done] += fade * part[:, :common]
        sources[:, done:stop] = part[:, common:]
        done = stop
    return sources


def window_bounds(n: int, rate: int) -> list[tuple[int, int]]:
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
    >>> window_bounds(40 * 100, rate=100)
    [(0, 1467), (1266, 2733), (2533, 4000)]
    """
    if n <= MAX_SINGLE_S * rate:
        return [(0, n)]
    shared, window = round(OVERLAP_S * rate), round(WINDOW_S * rate)
    count = -(-(n - shared) // (window - shared))
    size = -(-(n + (count - 1) * shared) // count)
    return [
        (int(start), int(start) + size) for start in np.linspace(0, n - size, count).astype(int)
    ]


def best_permutation(
    before: np.ndarray,
    after: np.ndarray,
    profile: Any = None,
    voices: np.ndarray | None = None,
    overlap_weight: float = 1,
) -> list[int]:
    """Find the order of the rows of `after` in which each is most like the row of `before`.

    Parameters
    ----------
    before, after : ndarray [shape=(sources, n)]
        The same stretch of time, from two windows.
    profile, voices : ndarray [shape=(sources, features)], optional
        How the rows of `before` sounded so far, and how those of `after` sound.
    overlap_weight : float
        How much likeness in the common stretch counts beside likeness of voices.

    Returns
    -------
    list of int
        The row order[i] of `after` continues the row i of `before`; where nothing can be heard
        and nothing is known of the voices, the order stays.

    Examples
    --------
    >>> best_permutation(np.array([[1, 2, 3], [3, -1, 0]]), np.array([[3, -1, 1], [2, 4, 6]]))
    [1, 0]
    """
    from scipy.optimize import linear_sum_assignment

    alike = overlap_weight * _units(before) @ _units(after).T  # correlations (before, after)
    if voices is not None and np.ndim(profile) == 2:
        alike = alike + _units(profile) @ _units(voices).T
    # Equal orders keep the tracks as they are.
    alike = alike + 1e-9 * np.eye(len(alike))
    return linear_sum_assignment(alike, maximize=True)[1].tolist()


def speaker_embedding(encode: Callable[[np.ndarray], np.ndarray], tracks: np.ndarray) -> np.ndarray:
    """Describe each track's voice by how much every filter of an encoder responds to it.

    The filters were learnt; their mean responses make a spectral envelope in the network's own
    terms. What all tracks have in common (the room, the microphone) is taken out. It keeps
    speakers on their tracks also where nobody speaks while two windows overlap.

    Parameters
    ----------
    encode : callable
        A waveform [shape=(n,)] to the responses of a network's filters [shape=(filters, frames)],
        as `networks.NETWORKS["mossformer"].encode` makes it for a model.
    tracks : ndarray [shape=(sources, n)]
        One window's sources, at any scale.

    Returns
    -------
    ndarray [shape=(sources, filters)]
        Unit vectors to compare with each other by their products; zeros for a silent track.

    Examples
    --------
    >>> def encode(wave):  # the spectrum would do
    ...     return np.abs(np.fft.rfft(wave))[:, None]
    >>> t = np.arange(8000) / 8000
    >>> low, high = (np.sin(2 * np.pi * f * t) for f in (200, 2000))
    >>> one = speaker_embedding(encode, np.stack([low, high]))
    >>> other = speaker_embedding(encode, np.stack([3 * high, 0.1 * low]))
    >>> np.argmax(one @ other.T, axis=1).tolist()
    [1, 0]
    """
    size = np.sqrt(np.mean(np.square(tracks, dtype=np.float64), axis=1, keepdims=True))
    waves = (tracks / np.where(size > 0, size, 1)).astype(np.float32)
    means = np.stack([encode(wave).mean(axis=1) for wave in waves])
    floor = 1e-3 * means.mean() + 1e-12  # a filter that never responds says nothing
    envelope = np.log(means + floor)
    envelope -= envelope.mean(axis=1, keepdims=True)  # how loud
    envelope = np.where(size > 0, envelope - envelope.mean(axis=0), 0)  # what all have in common
    length = np.linalg.norm(envelope, axis=1, keepdims=True)
    return envelope / np.where(length > 0, length, 1)


class WindowCache:
    """Finished windows on disk: a run that was stopped finds them and goes on.

    Each window is known by its samples and by the model that made it, so that nothing stale is
    ever taken: another recording, model or precision finds nothing.

    Parameters
    ----------
    folder : str or Path
        Where to; made if it is not there. Delete it when the work is done.
    *making : object
        What the windows depend on beside their samples: the model (a torch module, by its
        weights, and by where they lie: a graphics card rounds otherwise), and anything that
        prints as what it is.
    """

    def __init__(self, folder, *making):
        self.folder, self.name = Path(folder), hashlib.blake2b(digest_size=16)
        self.folder.mkdir(parents=True, exist_ok=True)
        for thing in making:
            if hasattr(thing, "state_dict"):
                for name, tensor in thing.state_dict().items():
                    self.name.update(name.encode() + tensor.cpu().numpy().tobytes())
                    if tensor.device.type != "cpu":
                        self.name.update(str(tensor.device).encode())
            else:
                self.name.update(repr(thing).encode())

    def path(self, window: np.ndarray) -> Path:
        """Return the file of a window [shape=(n,)], there or not."""
        name = self.name.copy()
        name.update(np.ascontiguousarray(window).tobytes())
        return self.folder / f"{name.hexdigest()}.npy"

    def get(self, window: np.ndarray) -> np.ndarray | None:
        """Return a window's sources, or None."""
        path = self.path(window)
        try:
            return np.load(path, allow_pickle=False) if path.is_file() else None
        except (ValueError, EOFError, OSError):  # damaged: it is made anew
            return None

    def put(self, window: np.ndarray, part: np.ndarray) -> None:
        """Keep a window's sources [shape=(sources, n)], whole or not at all."""
        with whole(self.path(window)) as new, open(new, "wb") as file:
            np.save(file, part, allow_pickle=False)


def _run(window, run, cache, sources):
    """Run the model on one window, unless that is silent or was done before."""
    if sources is not None and np.abs(window).max() < SILENCE_PEAK:
        return np.zeros((len(sources), len(window)), dtype=np.float32)
    part = cache.get(window) if cache else None
    if part is None:
        part = run(window)
        if cache:
            cache.put(window, part)
    return part


def _rms(rows):
    """Root mean square of all rows together."""
    return float(np.sqrt(np.square(rows, dtype=np.float64).mean())) if rows.size else 0.0


def _units(rows):
    """Scale each row to unit energy; silence stays silence."""
    size = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    return rows / np.where(size > 0, size, 1)
