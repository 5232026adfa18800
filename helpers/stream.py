"""Denoise and cancel echo while the sound is still coming. Taught in 15_real_time.

Both take any number of samples at a time and give back what is ready; put together, that is the
result of the whole file, however it was cut. What they remember lies open, is small and does not
grow.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers import adaptive
from helpers.files import checkpoint
from helpers.networks import live

RATE = 16000  # what both were made for, in Hz
HOP = 160  # 10 ms: by how much the denoiser's windows of 20 ms move
MODEL = checkpoint.EMBEDDED / "frcrn_live_16k"
GRAPH = live.RECORD.stream or ""  # the network for one hop, beside its weights
ENGINES = ("onnx", "torch")
SMALLEST = 1e-30  # of what is remembered
CURE = "restore it with git checkout -- models"


class Blocks:
    """Samples that come as they please, worked off in blocks of one size.

    Parameters
    ----------
    size : int
        Samples in a block.
    inputs : int
        How many signals come side by side.
    lead : int
        How many of the first samples of the result are not wanted: they come before the start.
    """

    def __init__(self, size: int, inputs: int = 1, lead: int = 0) -> None:
        self.size, self.inputs, self.lead = size, inputs, lead
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._waiting = np.zeros((self.inputs, 0), np.float32)
        self._skip, self._owed = self.lead, 0

    def push(self, signals: np.ndarray, work: Callable) -> np.ndarray:
        """Work off what makes full blocks: work(*blocks) -> one block. Return what came out."""
        self._owed += signals.shape[1]
        joined = np.concatenate([self._waiting, signals], axis=1)
        whole = joined.shape[1] // self.size * self.size
        found = [work(*joined[:, at : at + self.size]) for at in range(0, whole, self.size)]
        self._waiting = joined[:, whole:].copy()  # not a view, which would keep all the rest
        out = np.concatenate([np.zeros(0, np.float32), *found])
        skipped = min(self._skip, len(out))
        self._skip -= skipped
        self._owed -= len(out) - skipped
        return out[skipped:]

    def drain(self, work: Callable) -> np.ndarray:
        """Return what is still owed, with silence put behind the last samples."""
        owed = self._owed
        missing = -(-(owed + self._skip) // self.size) * self.size - self._waiting.shape[1]
        silence = np.zeros((self.inputs, missing), np.float32)
        return self.push(silence, work)[:owed] if owed else np.zeros(0, np.float32)


class Denoiser:
    """The live denoiser: a causal FRCRN that is 20 ms late and forgets nothing it needs.

    Parameters
    ----------
    folder : str or Path, optional
        A model of this kind, as `training.live` writes it; None takes the embedded one.
    engine : str
        "onnx": ONNX Runtime on one core, the faster one. "torch": PyTorch, the same numbers.

    Attributes
    ----------
    latency : float
        How late a sample comes out, in seconds, computing aside: the window of 20 ms.
    state : ndarray [shape=(size,)]
        All that it remembers between two hops: the last frame at each convolution, the rings of
        the memories over time, the running means.

    Raises
    ------
    ValueError
        If the model's files are missing or changed, or there is no such engine.

    Examples
    --------
    >>> noise = 0.05 * np.random.default_rng(0).normal(size=4000)
    >>> live = Denoiser()
    >>> parts = [live.process(noise[:1234]), live.process(noise[1234:]), live.flush()]
    >>> [len(part) for part in parts]
    [960, 2880, 160]
    >>> np.allclose(np.concatenate(parts), live.whole(noise), atol=1e-5)
    True
    """

    rate = RATE
    latency = 2 * HOP / RATE

    def __init__(self, folder: str | Path | None = None, engine: str = "onnx") -> None:
        if engine not in ENGINES:
            raise ValueError(f"no engine is called {engine!r}: take {' or '.join(ENGINES)}")
        folder = MODEL if folder is None else Path(folder)
        names = (checkpoint.CONFIGURATION, GRAPH if engine == "onnx" else "pytorch_model.bin")
        digests = verified(folder, names)
        self._step, size = (_onnx if engine == "onnx" else _torch)(folder, digests)
        self.state = np.zeros(size, np.float32)
        self._blocks = Blocks(HOP, lead=HOP)

    def process(self, samples: np.ndarray) -> np.ndarray:
        """Hear further samples and give back the speech that is ready.

        Parameters
        ----------
        samples : ndarray [shape=(n,)]
            Noisy speech at 16 kHz, any number of samples, at any level up to full scale, 1.

        Returns
        -------
        ndarray [shape=(m,)]
            The speech that follows what was given back before: m is 0 or more, by whole hops.

        Raises
        ------
        ValueError
            If they are not one row of finite floats.
        """
        return self._blocks.push(row(samples)[None], self._hop)

    def flush(self) -> np.ndarray:
        """End the stream: give back the rest, and begin anew.

        Returns
        -------
        ndarray [shape=(m,)]
            With it, as many samples have come out as went in.
        """
        rest = self._blocks.drain(self._hop)
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget everything: the next sample is the first of another stream."""
        self.state = np.zeros_like(self.state)
        self._blocks.clear()

    def whole(self, samples: np.ndarray) -> np.ndarray:
        """Denoise a whole recording at once, by the same steps, and begin anew.

        Parameters
        ----------
        samples : ndarray [shape=(n,)]
            As for `process`.

        Returns
        -------
        ndarray [shape=(n,)]
            The speech, each sample where it belongs.
        """
        self.reset()
        return np.concatenate([self.process(samples), self.flush()])

    def _hop(self, samples):
        speech, self.state = self._step(samples, self.state)
        return speech


class EchoCanceler:
    """The adaptive filter of lesson 09 on a stream: it hears everything once, and learns from it.

    Unlike `adaptive.linear` it can't listen twice, nor find out how late the echo comes: what the
    loudspeaker plays has to reach it before its echo does, by 256 ms at most.

    Parameters
    ----------
    parts : int
        How many blocks of 16 ms the filter spans.

    Attributes
    ----------
    latency : float
        How late a sample comes out, in seconds, computing aside: a block of 16 ms.
    filter : adaptive.Kalman
        What it has learned.

    Examples
    --------
    >>> far = 0.05 * np.random.default_rng(0).normal(size=48000)
    >>> live, mic = EchoCanceler(), 0.5 * np.pad(far, (400, 0))[:48000]
    >>> near = np.concatenate([live.process(mic, far), live.flush()])
    >>> len(near), bool(np.std(near[-8000:]) < 0.1 * np.std(mic))
    (48000, True)
    """

    rate = RATE
    latency = adaptive.BLOCK / RATE

    def __init__(self, parts: int = adaptive.PARTS) -> None:
        self._parts, self._blocks = parts, Blocks(adaptive.BLOCK, inputs=2)
        self.filter = adaptive.Kalman(parts)

    def process(self, mic: np.ndarray, far: np.ndarray) -> np.ndarray:
        """Hear further samples of both sides and give back the near end that is ready.

        Parameters
        ----------
        mic : ndarray [shape=(n,)]
            What the microphone heard, at 16 kHz.
        far : ndarray [shape=(n,)]
            What the loudspeaker was given meanwhile.

        Returns
        -------
        ndarray [shape=(m,)]
            The near end that follows what was given back before, by whole blocks.

        Raises
        ------
        ValueError
            If one of them is not one row of finite floats, or the two differ in length.
        """
        mic, far = row(mic), row(far)
        if len(mic) != len(far):
            raise ValueError(
                f"the microphone gave {len(mic)} samples and the far end {len(far)}: a stream "
                "needs as many of both, np.zeros where the loudspeaker was silent"
            )
        return self._blocks.push(np.stack([mic, far]), self._block)

    def flush(self) -> np.ndarray:
        """End the stream: give back the rest, and begin anew.

        Returns
        -------
        ndarray [shape=(m,)]
            With it, as many samples have come out as went in.
        """
        rest = self._blocks.drain(self._block)
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget everything, the room too."""
        self.filter = adaptive.Kalman(self._parts)
        self._blocks.clear()

    def _block(self, mic, far):
        return self.filter.block(mic, far)[0].astype(np.float32)


def row(samples: np.ndarray) -> np.ndarray:
    """Check samples of a stream: one channel, floats, all finite.

    A single sample that is not a number would stay in what a stream remembers for good.

    Parameters
    ----------
    samples : ndarray [shape=(n,)]
        What came.

    Returns
    -------
    ndarray [shape=(n,)]
        The same as float32.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> row([0.5, -0.5]).dtype
    dtype('float32')
    """
    wave = np.asarray(samples)
    if wave.ndim != 1:
        raise ValueError(
            f"a stream is one row of samples and this has the shape {wave.shape}: take one "
            "channel, for example samples[:, 0]"
        )
    if wave.dtype.kind != "f" and len(wave):
        raise ValueError(
            f"a stream takes floats from -1 to 1, not {wave.dtype}: for 16 bits, "
            "samples.astype(np.float32) / 32768"
        )
    wave = wave.astype(np.float32)
    if not np.isfinite(wave).all():
        raise ValueError(
            "among the samples is one that is no finite number, which would never be forgotten: "
            "np.nan_to_num(samples)"
        )
    return wave


def verified(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Check that files of a model are there, and that they are those on record.

    Parameters
    ----------
    folder : Path
        The model's folder, which holds their checksums as well.
    names : sequence of str
        The files.

    Returns
    -------
    tuple of str
        Their SHA-256.

    Raises
    ------
    ValueError
        If one of them is missing or changed.

    Examples
    --------
    >>> len(verified(MODEL, ("configuration.json",)))
    1
    """
    missing = [name for name in (*names, "checksums.json") if not (folder / name).is_file()]
    if missing:
        cure = CURE if folder == MODEL else "python -m training.live --export writes all of them"
        raise ValueError(f"{folder} lacks {', '.join(missing)}: {cure}")
    found = {name: checkpoint.sha256(folder / name) for name in names}
    checkpoint.require_checksums(found, checkpoint.read_json(folder / "checksums.json"), CURE)
    return tuple(found.values())


def _onnx(folder, _digests):
    """Return step(samples, state) -> (speech, state) in ONNX Runtime, and the state's size."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # it warns of machines that have no GPU
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    file = str(folder / GRAPH)
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def step(samples, state):
        # Silence that dies away ends in numbers so small that processors take long over them. ONNX
        # Runtime's own option for that (set_denormal_as_zero) changes all that the thread computes.
        state = np.where(np.abs(state) < SMALLEST, np.float32(0), state)
        return session.run(None, {"samples": samples, "state": state})

    return step, session.get_inputs()[1].shape[0]


def network(folder: str | Path | None = None) -> Any:
    """Load the network that hears whole files, as PyTorch trains it.

    Parameters
    ----------
    folder : str or Path, optional
        As for `Denoiser`.

    Returns
    -------
    frcrn_live.LiveFRCRN
        Called with waveforms [shape=(batch, n)]; it gives spectrum, waveform and mask of the first
        stage, and then of the second, whose waveform is the result.

    Raises
    ------
    ValueError
        If the model's files are missing or changed, or do not fit.

    Examples
    --------
    >>> network().horizon
    200
    """
    folder = MODEL if folder is None else Path(folder)
    return _network(folder, verified(folder, (checkpoint.CONFIGURATION, "pytorch_model.bin")))


@functools.lru_cache(maxsize=2)
def _network(folder, _digests):
    """Build the network, once for each content of its files."""
    from helpers.networks import frcrn_live

    settings = checkpoint.read_json(folder / checkpoint.CONFIGURATION)["model"]
    settings = {key: value for key, value in settings.items() if key != "type"}
    return frcrn_live.FRCRNLive(str(folder), **settings).model.eval()


def _torch(folder, digests):
    """Return the same in PyTorch."""
    import torch

    from helpers.networks.frcrn_live_inference import Step

    built = Step(_network(folder, digests)).ready()

    def step(samples, state):
        with torch.inference_mode():
            speech, state = built(torch.from_numpy(samples), torch.from_numpy(state))
        return speech.numpy(), state.numpy()

    return step, built.layout.size
