"""Where a model's weights come from, and the pipeline that runs them.

Taught in 00_start_here. Three tiers, one call: embedded (comes with the course, no network), local
(a folder that you downloaded) and hub (ModelScope's, only when asked).
"""

import contextlib
import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from helpers import checks
from helpers.checks import KINDS, checksums, verify

__all__ = ["KINDS", "TIERS", "Weights", "checksums", "pipeline", "register", "resolve", "verify"]

TIERS = ("embedded", "local", "hub")


@dataclass(frozen=True)
class Weights:
    """What `resolve` found: which network, from which tier, where, and how big."""

    kind: str
    tier: str
    path: Path
    parameters: int

    def __str__(self):
        home = checks.EMBEDDED.parent
        path = self.path.relative_to(home) if self.path.is_relative_to(home) else self.path
        size = f"{self.parameters / 1e6:.2f} M parameters"
        return f"{self.kind}: {self.tier}, {path.as_posix()} ({size})"


def resolve(kind, folder=None, tier=None, quiet=False):
    """Find a model's weights, check them, and say in one line where they are.

    Parameters
    ----------
    kind : str
        "mossformer" (separation) or "frcrn" (noise).
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
    _known("model", kind, KINDS)
    shelf = folder or os.environ.get("A2A_MODELS")
    wish = os.environ.get("A2A_TIER") or ("local" if shelf else "embedded")
    tier = _known("tier", tier or ("local" if folder else wish), TIERS)
    if folder and tier != "local":
        raise ValueError(f"folder={str(folder)!r} is the local tier, not {tier}: leave one out")
    if tier == "embedded":
        path = checks.EMBEDDED / KINDS[kind].embedded
    else:
        path = _find(kind, shelf) if tier == "local" else _download(kind)
    found = Weights(kind, tier, path.resolve(), verify(kind, path))
    if not quiet:
        print(found)
    return found


def pipeline(kind, folder=None, tier=None, quiet=False):
    """Build ModelScope's pipeline on checked weights, once for each folder.

    Parameters
    ----------
    kind : str
        "mossformer" or "frcrn".
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
    found = resolve(kind, folder, tier, quiet)
    return _build(kind, found.path, checks.stamp(kind, found.path))


def register():
    """Make ModelScope silent, and let it know the embedded FRCRN.

    After this, `pipeline(Tasks.acoustic_noise_suppression, model="models/frcrn_mini_16k")` works
    just as ModelScope's documentation writes it.

    Examples
    --------
    >>> register()
    """
    os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")  # read once, when it is first imported
    with _hidden("transformers"):
        import helpers.frcrn_mini  # noqa: F401


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
def _build(kind, path, _stamp):
    """Build and check; weights that change on disk are built anew."""
    register()
    from modelscope.pipelines import pipeline as build

    try:
        built = build(KINDS[kind].task, model=str(path), device="cpu")
    except Exception as problem:
        raise ValueError(
            f"the weights in {path} do not fit its configuration.json, or ModelScope can't build "
            f"it: {problem}"
        ) from problem
    checks.loaded(kind, path, built.model)
    built.model.eval()
    return built


def _find(kind, shelf):
    """Find a downloaded model in a folder of models, or in the folder itself."""
    if not shelf:
        raise ValueError(
            "the local tier needs a folder: set A2A_MODELS=/path/to/folder-of-models, or give "
            f"folder=; to get one, git clone https://www.modelscope.cn/{KINDS[kind].published}.git"
        )
    shelf = Path(shelf).expanduser()
    name = KINDS[kind].published
    places = [shelf / Path(name).name, shelf / name, shelf / KINDS[kind].embedded]
    for place in places:
        if place.is_dir():
            return place
    if (shelf / checks.CONFIGURATION).is_file():
        return shelf
    raise ValueError(
        f"no {kind} in {shelf}: it should hold the folder {places[0].name}, for example by git "
        f"clone https://www.modelscope.cn/{name}.git there"
    )


def _download(kind):
    """Get a model from ModelScope, and hold it to the checksums of the first download."""
    name, revision = KINDS[kind].published, KINDS[kind].revision
    cache = Path(os.environ.get("A2A_CACHE") or Path.home() / ".cache" / "audio-to-audio")
    record = cache / "hub-checksums.json"
    known = checks.read_json(record) if record.is_file() else {}
    path = _snapshot(name, revision, offline=f"{name}@{revision}" in known)
    verify(kind, path)
    files = (checks.CONFIGURATION, *KINDS[kind].files)
    found = {file: checks.sha256(path / file) for file in files}
    first = known.setdefault(f"{name}@{revision}", found)
    cure = f"these are not the files of the first download; if you trust them, delete {record}"
    checks.compare(found, first, cure)
    checks.write_json(known, record)
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


def _known(what, name, names):
    """Refuse a name that is none of these."""
    if name not in names:
        raise ValueError(f"no {what} is called {name!r}: take one of {', '.join(names)}")
    return name
