"""A system under examination, as one function from sounds to tracks, whatever it is in truth."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np

from helpers.clinic import sounds

RATES = {"separator": 8000}  # Hz; every other kind is examined at 16000 unless told otherwise


class SystemFault(Exception):
    """The system did not give a result; the message is its own."""


class Refused(SystemFault):
    """It said no: a ValueError, TypeError or error of its own, or a line on stderr."""


class Crashed(SystemFault):
    """It stopped in some other way."""


@contextlib.contextmanager
def as_file(samples, rate, subtype=None):
    """Write a WAV file for a system that reads one, 16 bits if nothing else is asked; its path."""
    import soundfile

    with tempfile.TemporaryDirectory(prefix="clinic") as place:
        path = str(Path(place) / "in.wav")
        soundfile.write(path, samples, rate, subtype=subtype or "PCM_16")
        yield path


class System:
    """What all targets have in common: sounds in, tracks out.

    Parameters
    ----------
    name : str
        What the report calls it.
    kind : str
        "denoiser", "separator", "canceler" or "stream".
    rate : int
        The rate it is examined at, in Hz.
    features : set of str
        What it has of `record.NEEDS`.
    version : str
        Of the package or file that it comes from.
    spec : str
        How `targets.find` finds it again in another process; "" where it can't.
    weights : Path, optional
        The file or folder of its weights.
    reopen : callable, optional
        From another such file or folder to the same system on it.
    """

    def __init__(
        self, name, kind, rate=None, features=(), version="", spec="", weights=None, reopen=None
    ):
        self.name, self.kind, self.version, self.spec = name, kind, version, spec
        self.rate = int(rate or RATES.get(kind, 16000))
        self.weights, self.reopen, self.features = weights, reopen, set(features)
        self.features |= {"reopened"} if spec else set()
        self.features |= {"weights"} if weights and reopen else set()

    def call(self, inputs, rate, subtype):
        """Give the system sounds as they are; return tracks [shape=(tracks, n)] and their rate."""
        raise NotImplementedError

    def __call__(self, *inputs, rate=None, subtype=None):
        """Run the system.

        Parameters
        ----------
        *inputs : ndarray
            One sound; for a canceler the microphone and the far end.
        rate : int, optional
            The sounds' rate in Hz; None is the system's.
        subtype : str, optional
            How a file stores them, as soundfile names it; None is "PCM_16".

        Returns
        -------
        ndarray [shape=(tracks, n)]
            In float32, at the rate that went in.

        Raises
        ------
        Refused
            If the system said no in words.
        Crashed
            If it stopped in another way, or gave what is no sound.
        """
        rate = rate or self.rate
        try:
            found, own = self.call(inputs, rate, subtype)
            tracks = rows(found, 1 if self.kind != "separator" else None)
        except SystemFault:
            raise
        except (ValueError, TypeError) as problem:
            raise Refused(f"{type(problem).__name__}: {problem}") from problem
        except Exception as problem:
            # A package's own class of errors, such as librosa's, says that it saw this coming.
            fault = Crashed if type(problem).__module__ == "builtins" else Refused
            raise fault(f"{type(problem).__name__}: {problem}") from problem
        if own and own != rate and tracks.shape[1]:
            tracks = np.float32(sounds.resampled(tracks, own, rate))
        return tracks


def rows(found, tracks=None):
    """Turn what a system gave into tracks [shape=(tracks, n)] of float32.

    Parameters
    ----------
    found : object
        Samples, a list of such, or objects that hold them as `samples`; (n, tracks) is turned.
    tracks : int, optional
        1 where one is expected: of (n, 2), two channels, both are kept.

    Returns
    -------
    ndarray [shape=(tracks, n)]
        Of integers, full scale becomes 1.

    Raises
    ------
    Crashed
        If it is nothing, or no sound.

    Examples
    --------
    >>> rows([[0, 16384, 0, 0]]).shape, rows(np.int16([16384])).tolist()
    ((1, 4), [[0.5]])
    """
    if found is None:
        raise Crashed("it gave nothing")
    if isinstance(found, list | tuple):
        found = [getattr(track, "samples", track) for track in found]
        if len({np.shape(track) for track in found}) > 1:
            raise Crashed(f"it gave tracks of different shapes: {[np.shape(t) for t in found]}")
    found = getattr(found, "samples", found)
    found = found.detach().cpu().numpy() if hasattr(found, "detach") else np.asarray(found)
    if found.dtype.kind not in "iuf" or not 0 < found.ndim <= 3:
        raise Crashed(f"it gave {found.dtype} of shape {found.shape}, which is no sound")
    if found.dtype == np.int16:
        found = found / np.float32(32768)
    if found.ndim == 3 and len(found) == 1:
        found = found[0]
    found = np.atleast_2d(found)
    if found.ndim == 3:
        raise Crashed(f"it gave shape {found.shape}, which is no sound")
    if found.shape[0] > found.shape[1] and (tracks or found.shape[1] > 1) and found.shape[1]:
        found = found.T
    return np.ascontiguousarray(found, dtype=np.float32)


class Function(System):
    """A Python callable: one sound (a canceler's two), and the rate if it asks for one."""

    def __init__(self, function, kind="denoiser", rate=None, name="", version="", **more):
        import inspect

        self.function = function
        try:
            parameters = inspect.signature(function).parameters.values()
        except (ValueError, TypeError):
            parameters = ()
        free = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        wanted = [p for p in free if p.default is p.empty or p.name in ("rate", "sr", "fs")]
        self.with_rate = len(wanted) > (2 if kind == "canceler" else 1)
        features = more.pop("features", {"array", "trained", "loud", "quiet", "channels"})
        features = features | ({"rates"} if self.with_rate else set())
        name = name or getattr(function, "__qualname__", type(function).__name__)
        super().__init__(name, kind, rate, features, version, **more)

    def call(self, inputs, rate, subtype):
        """Call it with arrays as they are."""
        found = self.function(*inputs, *([rate] if self.with_rate else []))
        if isinstance(found, tuple) and len(found) == 2 and np.ndim(found[1]) == 0:
            return found[0], int(found[1])  # (samples, rate), as soundfile.read gives them
        first = found[0] if isinstance(found, list | tuple) and found else found
        return found, getattr(first, "rate", None)


class Stream(System):
    """A factory of streams: each is made anew for a recording and fed chunk by chunk.

    What it makes has `process(chunk)`, which returns the samples that are ready, and may have
    `flush()` for the last ones, `latency` in samples, and `frame`, the only chunk size it takes.
    """

    def __init__(self, factory, rate=None, name="", version="", **more):
        self.factory = factory
        name = name or getattr(factory, "__qualname__", type(factory).__name__)
        features = {"array", "trained", "loud", "quiet"}
        super().__init__(name, "stream", rate, features, version, **more)

    def call(self, inputs, rate, subtype):
        """Feed a new stream, and take its declared latency out again."""
        stream = self.factory()
        samples, late = np.asarray(inputs[0]), int(getattr(stream, "latency", 0))
        out = self.feed(stream, np.concatenate([samples, np.zeros_like(samples, shape=late)]))
        return out[late : late + len(samples)], None

    def feed(self, stream, samples, chunk=None):
        """Return all that a stream gives for samples [shape=(n,)] in chunks of one size."""
        frame = getattr(stream, "frame", None)
        chunk = frame or chunk or 160
        n = len(samples)
        padded = np.pad(samples, (0, -n % chunk)) if frame else samples
        parts = [stream.process(padded[at : at + chunk]) for at in range(0, len(padded), chunk)]
        parts += [stream.flush()] if hasattr(stream, "flush") else []
        parts = [np.asarray(part) for part in parts if part is not None]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)
