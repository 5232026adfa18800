"""Where a model's weights come from, and the pipeline that runs them.

Taught in 00_start_here. Three tiers, one call: embedded (comes with the course, no network), local
(a folder that you downloaded) and hub (ModelScope's, only when asked).
"""

import contextlib
import functools
import os
import sys
import weakref
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from helpers import networks
from helpers.files import checkpoint
from helpers.files.checkpoint import checksums, verify
from helpers.networks import NETWORKS, devices

__all__ = [
    "NETWORKS", "TIERS", "Weights", "bare", "checksums", "load", "pipeline", "register", "resolve",
    "verify",
]  # fmt: skip

TIERS = ("embedded", "local", "hub")
# Models that ModelScope built and somebody may look into, for as long as they live.
_WATCHED: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


@dataclass(frozen=True)
class Weights:
    """What `resolve` found: which network, from which tier, where, and how big."""

    network: str
    tier: str
    path: Path
    parameters: int

    def __str__(self):
        home = checkpoint.EMBEDDED.parent
        path = self.path.relative_to(home) if self.path.is_relative_to(home) else self.path
        size = f"{self.parameters / 1e6:.2f} M parameters"
        return f"{self.network}: {self.tier}, {path.as_posix()} ({size})"


def resolve(
    network: str, folder: str | Path | None = None, tier: str | None = None, quiet: bool = False
) -> Weights:
    """Find a model's weights, check them, and say in one line where they are.

    Parameters
    ----------
    network : str
        "mossformer" or "mossformer2" (separation), "frcrn" (noise), "echo_mask": a key of
        `NETWORKS`.
    folder : str or Path, optional
        A downloaded model, or a folder of such; the environment variable A2A_MODELS says the same.
    tier : str, optional
        "embedded", "local" or "hub". None takes local where `folder` is given, else what A2A_TIER
        says, else local where A2A_MODELS is set, else embedded.
    quiet : bool
        Whether to leave the line out.

    Returns
    -------
    Weights
        Checked; never another model than the one asked for.

    Raises
    ------
    ValueError
        If the weights asked for can't be had, or are damaged or changed.

    Examples
    --------
    >>> resolve("mossformer", tier="embedded").path.name
    mossformer: embedded, models/mossformer_mini_8k (... M parameters)
    'mossformer_mini_8k'
    """
    record = networks.get(network)
    shelf = folder or os.environ.get("A2A_MODELS")
    wish = os.environ.get("A2A_TIER") or ("local" if shelf else "embedded")
    tier = tier or ("local" if folder else wish)
    if tier not in TIERS:
        raise ValueError(f"no tier is called {tier!r}: take one of {', '.join(TIERS)}")
    if folder and tier != "local":
        raise ValueError(f"folder={str(folder)!r} is the local tier, not {tier}: leave one out")
    if tier == "embedded" and record.embedded is None:
        raise ValueError(
            f"no weights of {record.label} come with the course: {_how_to_get(record)}, or let "
            'ModelScope download them, tier="hub"'
        )
    if tier == "embedded":
        path = checkpoint.EMBEDDED / str(record.embedded)
    else:
        path = _find(record, shelf) if tier == "local" else _download(record)
    found = Weights(network, tier, path.resolve(), verify(network, path))
    if not quiet:
        print(found)
    return found


def where(folder: str | Path | None = None) -> dict[str, Any]:
    """Say which weights to take, for calls that must not depend on the environment.

    Parameters
    ----------
    folder : str or Path, optional
        A model's folder; None stands for the weights that come with the course.

    Returns
    -------
    dict
        What `resolve`, `load`, `bare`, `pipeline` and the tools take by name.

    Examples
    --------
    >>> where()
    {'tier': 'embedded'}
    """
    return {"folder": folder} if folder else {"tier": "embedded"}


def load(
    network: str, folder: str | Path | None = None, tier: str | None = None, quiet: bool = False
) -> Any:
    """Build a network on checked weights, once for each folder.

    Parameters
    ----------
    network : str
        As for `resolve`.
    folder : str or Path, optional
        As for `resolve`.
    tier : str, optional
        As for `resolve`.
    quiet : bool
        As for `resolve`.

    Returns
    -------
    torch.nn.Module
        On the CPU, in evaluation mode, known to hold every trained number of the files.

    Raises
    ------
    ValueError
        If the weights can't be had, or do not fit their own configuration.

    Examples
    --------
    >>> load("echo_mask", tier="embedded", quiet=True).layers
    6
    """
    found = resolve(network, folder, tier, quiet)
    if NETWORKS[network].build is None:
        return _pipeline(network, found.path, checkpoint.fingerprint(network, found.path)).model
    return _network(network, found.path, checkpoint.fingerprint(network, found.path))


def bare(
    network: str,
    folder: str | Path | None = None,
    tier: str | None = None,
    quiet: bool = False,
    device: str = "cpu",
) -> Any:
    """Build what the tools need of a network: its numbers, without ModelScope if that can be.

    ModelScope's import takes seconds. What comes back is called like the network and gives the
    same, but is ModelScope's own where its pipeline was built before, so that who looks into that
    one sees what the tools do, and where the settings are not known here.

    Parameters
    ----------
    network : str
        As for `resolve`.
    folder : str or Path, optional
        As for `resolve`.
    tier : str, optional
        As for `resolve`.
    quiet : bool
        As for `resolve`.
    device : str
        As for `devices.chosen`.

    Returns
    -------
    torch.nn.Module
        On the device, in evaluation mode, known to hold every trained number of the files.

    Raises
    ------
    ValueError
        If the weights can't be had, do not fit their own configuration, or there is no such device.

    Examples
    --------
    >>> type(bare("frcrn", tier="embedded", quiet=True)).__name__ in ("FRCRNBare", "FRCRNMini")
    True
    """
    device = devices.chosen(device)
    found = resolve(network, folder, tier, quiet)
    key = network, found.path, checkpoint.fingerprint(network, found.path)
    model = _WATCHED.get(key) or _bare(*key) or load(network, folder, tier, quiet=True)
    return model if device == "cpu" else _moved(model, device)


def _moved(model, device):
    """Return a copy on another device: one for each state of the weights, kept with the model."""
    import copy

    copies = model.__dict__.setdefault("_copies", {})
    stamp = tuple((p.data_ptr(), p._version) for p in (*model.parameters(), *model.buffers()))
    if copies.get(device, (None,))[0] != stamp:
        kept = {name: model.__dict__.pop(name, None) for name in ("_copies", "_fast_forms")}
        try:
            copies[device] = stamp, copy.deepcopy(model).to(device)
        finally:
            model.__dict__.update((name, value) for name, value in kept.items() if value)
            model.__dict__["_copies"] = copies
    return copies[device][1]


@functools.lru_cache(maxsize=4)
def _bare(network, path, _fingerprint):
    """Build it from the tensors alone; None where that can't be, and ModelScope has to."""
    record = NETWORKS[network]
    build = record.form("bare")
    settings = dict(checkpoint.read_json(path / checkpoint.CONFIGURATION)["model"])
    model = build(settings.pop("type"), settings) if build else None
    if model is None:
        return None
    for name, part in record.modules(model).items():
        saved = checkpoint.tensors(network, path / name)
        saved = {k: v.float() if v.is_floating_point() else v for k, v in saved.items()}
        try:
            missing, unknown = part.load_state_dict(saved, strict=False, assign=True)
        except RuntimeError:  # other sizes than the settings say: ModelScope tells what is wrong
            return None
        if set(missing) - model.fixed or not all(map(model.spare.match, unknown)):
            return None
    return model.eval().requires_grad_(False)


def pipeline(
    network: str, folder: str | Path | None = None, tier: str | None = None, quiet: bool = False
) -> Any:
    """Build ModelScope's pipeline on checked weights, once for each folder.

    Parameters
    ----------
    network : str
        As for `resolve`; not "echo_mask", which ModelScope has no pipeline for.
    folder : str or Path, optional
        As for `resolve`.
    tier : str, optional
        As for `resolve`.
    quiet : bool
        As for `resolve`.

    Returns
    -------
    modelscope.pipelines.base.Pipeline
        On the CPU. Its `model` is known to hold every trained number of the files.

    Raises
    ------
    ValueError
        If the weights can't be had, or do not fit their own configuration.

    Examples
    --------
    >>> pipeline("mossformer", tier="embedded", quiet=True).model.num_spks
    2
    """
    found = resolve(network, folder, tier, quiet)
    if NETWORKS[network].build is not None:
        raise ValueError(
            f"ModelScope has no pipeline for {network}: models.load({network!r}) is the network"
        )
    return _pipeline(network, found.path, checkpoint.fingerprint(network, found.path))


def register() -> None:
    """Make ModelScope silent, and let it know the networks that are ours, such as FRCRN mini.

    After this, `pipeline(Tasks.acoustic_noise_suppression, model="models/frcrn_mini_16k")` works
    just as ModelScope's documentation writes it.

    Examples
    --------
    >>> register()
    """
    os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")  # read once, when it is first imported
    with _hidden("transformers"):
        for record in NETWORKS.values():
            if record.registers:
                import_module(f"helpers.networks.{record.registers}")


@contextlib.contextmanager
def _hidden(name):
    """Hide a package that ModelScope imports whole only to mend one of its methods.

    For transformers that is a third of the waiting before the first sound, and 0.17 GB.
    """
    already = name in sys.modules
    if not already:
        sys.modules[name] = None
    try:
        yield
    finally:
        if not already:
            sys.modules.pop(name)


@functools.lru_cache(maxsize=4)
def _pipeline(network, path, _fingerprint):
    """Build and check; weights that change on disk are built anew."""
    register()
    from modelscope.pipelines import pipeline as build

    task = NETWORKS[network].task
    built = _built(path, lambda: build(task, model=str(path), device="cpu"))
    checkpoint.assert_loaded(network, path, built.model)
    built.model.eval()
    _WATCHED[network, path, _fingerprint] = built.model
    return built


@functools.lru_cache(maxsize=2)
def _network(network, path, _fingerprint):
    """Build and check a network that ModelScope has no pipeline for."""
    register()
    built = _built(path, lambda: NETWORKS[network].build(path))
    checkpoint.assert_loaded(network, path, built)
    _WATCHED[network, path, _fingerprint] = built
    return built.eval()


def _built(path, build):
    """Build, and say what is wrong where that fails."""
    try:
        return build()
    except Exception as problem:
        raise ValueError(
            f"the weights in {path} do not fit its configuration.json, or ModelScope can't build "
            f"it: {problem}"
        ) from problem


def _how_to_get(record):
    """Say how a folder for the local tier is had."""
    if record.published is None:
        return "give folder= with a folder like models/" + str(record.embedded)
    return (
        f"git clone https://www.modelscope.cn/{record.published}.git, and name the folder above it "
        "in A2A_MODELS or the folder itself in folder="
    )


def _find(record, shelf):
    """Find a downloaded model in a folder of models, or in the folder itself."""
    if not shelf:
        raise ValueError(f"the local tier needs a folder: {_how_to_get(record)}")
    shelf = Path(shelf).expanduser()
    names = [Path(record.published).name, record.published] if record.published else []
    names += [record.embedded] if record.embedded else []
    for place in (shelf / name for name in names):
        if place.is_dir():
            return place
    if (shelf / checkpoint.CONFIGURATION).is_file():
        return shelf
    get = f", for example by git clone https://www.modelscope.cn/{record.published}.git there"
    raise ValueError(
        f"no {record.name} in {shelf}: it should hold the folder {names[0]}"
        f"{get if record.published else ''}"
    )


def _download(record):
    """Get a model from ModelScope, and hold it to the checksums of the first download."""
    name, revision = record.published, record.revision
    if name is None:
        raise ValueError(f"{record.label} is not on the hub: unset A2A_TIER, the course has it")
    cache = Path(os.environ.get("A2A_CACHE") or Path.home() / ".cache" / "audio-to-audio")
    book = cache / "hub-checksums.json"
    known = checkpoint.read_json(book) if book.is_file() else {}
    path = _snapshot(name, revision, offline=f"{name}@{revision}" in known)
    verify(record.name, path)
    files = (checkpoint.CONFIGURATION, *record.files)
    found = {file: checkpoint.sha256(path / file) for file in files}
    first = known.setdefault(f"{name}@{revision}", found)
    cure = f"these are not the files of the first download; if you trust them, delete {book}"
    checkpoint.require_checksums(found, first, cure)
    checkpoint.write_json(known, book)
    return path


def _snapshot(name, revision, offline):
    """Ask ModelScope for a folder: from its cache where it is known, else from the network."""
    os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")
    import modelscope

    if offline:
        try:
            return Path(modelscope.snapshot_download(name, revision, local_files_only=True))
        except Exception:  # noqa: S110, the cache was emptied: download again
            pass
    try:
        return Path(modelscope.snapshot_download(name, revision))
    except Exception as problem:
        raise ValueError(
            f"can't download {name} ({type(problem).__name__}: {problem}): check the network, or "
            "unset A2A_TIER to use the embedded model, which needs none"
        ) from problem
