"""Checkpoint integrity: files, checksums, configuration, tensors. Behind `models.resolve`.

A missing file would run on random numbers, a changed one on another model, a pickled one on
somebody's code: each is an error here, before anything is heard. Taught in 00_start_here.
"""

import functools
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from helpers.files.whole import whole
from helpers.networks import NETWORKS

EMBEDDED = Path(__file__).resolve().parents[2] / "models"  # the weights that come with us
CONFIGURATION = "configuration.json"


def verify(network: str, path: str | Path) -> int:
    """Check a model's folder: complete, unchanged, of this kind, and nothing but tensors.

    Parameters
    ----------
    network : str
        A key of `networks.NETWORKS`.
    path : str or Path
        A folder in ModelScope's layout; one in models/ must agree with models/checksums.json.

    Returns
    -------
    int
        How many parameters the files hold.

    Raises
    ------
    ValueError
        If a file is missing, cut short, changed, of another model, or would run code.

    Examples
    --------
    >>> verify("frcrn", EMBEDDED / "frcrn_mini_16k") > 500_000
    True
    """
    path = Path(path).resolve()
    return _verify(network, path, fingerprint(network, path))


@functools.lru_cache(maxsize=16)
def _verify(network, path, _fingerprint):
    """Check once; a file that changes afterwards has another fingerprint."""
    record = NETWORKS[network]
    names = (CONFIGURATION, *record.files)
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: {_cure(network, path)}")
    if path.is_relative_to(EMBEDDED):
        found = {f"{path.name}/{name}": sha256(path / name) for name in names}
        require_checksums(found, read_json(EMBEDDED / "checksums.json"), _cure(network, path))
    config = read_json(path / CONFIGURATION)
    model = config.get("model")
    found = model.get("type") if isinstance(model, dict) else None
    if found not in record.types:
        raise ValueError(
            f"{path} holds {found!r} by its configuration.json, and {network} needs "
            f"{' or '.join(record.types)}: name the folder of that model"
        )
    if config.get("people") and not record.noise_track:
        raise ValueError(
            f"{path} tells people from noise, which {network} doesn't: take "
            "separate.conversation(source, folder=...), on the command line --conversation"
        )
    if config.get("plugins") or config.get("allow_remote"):
        raise ValueError(f"{path} wants to run code of its own, which is never done: another copy")
    return sum(_parameters(tensors(network, path / file)) for file in record.files)


def thresholds(path: str | Path) -> list[float]:
    """Read how loud tracks must be to hold people, in dB against the recording.

    The first is asked of the loudest track, the second of the next one, and so on: a third voice
    comes out fainter than a first. They are measured after every training
    (`training.evaluate_conversation`), so they lie with the weights, in configuration.json.
    """
    about: Any = read_json(Path(path) / CONFIGURATION).get("people")
    try:
        found = [float(at) for at in about["thresholds_db"]]
        if not found or not all(map(math.isfinite, found)):
            raise ValueError(f"not numbers: {found}")
        return found
    except (TypeError, KeyError, ValueError) as problem:
        raise ValueError(
            f"{path} says in configuration.json no people.thresholds_db (a number for each "
            "rank), so it is no model that tells how many people there are: "
            "separate.separate(source, folder=...) takes it, or the command without --conversation"
        ) from problem


def tensors(network: str, file: Path) -> dict:
    """Read the named tensors of a file, and refuse whatever else may be in it."""
    import torch

    try:
        saved = torch.load(file, map_location="cpu", weights_only=True)
        saved = saved.get("state_dict", saved)  # as ModelScope's own training writes it
        if not saved or not all(isinstance(tensor, torch.Tensor) for tensor in saved.values()):
            raise TypeError("not a dict of tensors")
    except Exception as problem:
        why = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise ValueError(
            f"{file} does not hold plain weights ({why}): it is cut short, or a Git LFS pointer "
            f"(git lfs pull), or holds code, which is never run: {_cure(network, file.parent)}"
        ) from problem
    return saved


def assert_loaded(network: str, path: Path, model: Any) -> None:
    """Refuse a model in which any trained number is not the one in the files.

    ModelScope loads FRCRN and MossFormer2 with `strict=False`: what a file lacks stays random.
    """
    import torch

    record = NETWORKS[network]
    parts = record.modules(model)
    if set(parts) != set(record.files):
        raise ValueError(f"the record of {network} fills {sorted(parts)}, not {record.files}")
    for name, part in parts.items():
        saved = tensors(network, path / name)
        if all(key.startswith("model.") for key in saved) and hasattr(model, "model"):
            part = model  # as ModelScope's own training writes it
        held = {key: value for key, value in part.state_dict().items() if _is_trained(key, value)}
        wrong = [
            k for k in held if k not in saved or not torch.equal(held[k], saved[k].to(held[k]))
        ]
        if wrong or not held:
            raise ValueError(
                f"{path / name} does not fit its configuration.json: {len(wrong)} of {len(held)} "
                f"tensors are missing or differ, such as {(wrong or [None])[0]!r}: "
                f"{_cure(network, path)}"
            )


def checksums(folder: str | Path | None = None) -> dict[str, str]:
    """Compute what models/checksums.json holds: file to SHA-256, for every model of a folder.

    `python -m helpers.files.checkpoint` writes that file after a training.
    """
    folder = EMBEDDED if folder is None else Path(folder)
    shipped = [record for record in NETWORKS.values() if record.embedded]
    names = [f"{r.embedded}/{name}" for r in shipped for name in (CONFIGURATION, *r.files)]
    return {name: sha256(folder / name) for name in names if (folder / name).is_file()}


def sha256(file: Path) -> str:
    """Compute the SHA-256 of a file."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_checksums(found: dict, recorded: dict, cure: str) -> None:
    """Refuse files whose checksums are not the recorded ones."""
    wrong = [name for name, digest in found.items() if recorded.get(name) != digest]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} differs from the checksum on record: {cure}")


def write_json(content: dict, file: Path) -> None:
    """Write a JSON file whole or not at all."""
    with whole(file) as new:
        new.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def fingerprint(network: str, path: Path) -> tuple:
    """Tell by sizes and times whether a folder is still the one that was checked."""
    files = [path / name for name in (CONFIGURATION, *NETWORKS[network].files)]
    files.append(EMBEDDED / "checksums.json")
    stats = [file.stat() if file.is_file() else None for file in files]
    return tuple(stat and (stat.st_size, stat.st_mtime_ns) for stat in stats)


def read_json(file: Path) -> dict:
    """Read a JSON object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ValueError(f"{file} can't be read as JSON ({problem}): restore it") from problem
    return content if isinstance(content, dict) else {}


def _cure(network, path):
    """Say how to come by a sound folder."""
    if Path(path).is_relative_to(EMBEDDED):
        return "restore it with git checkout -- models"
    model = NETWORKS[network].published
    if model is None:
        return "copy it again"
    return f"download it again, git clone https://www.modelscope.cn/{model}.git with Git LFS"


def _is_trained(name, tensor):
    """Tell what comes from training from what is computed: windows, transforms, counters."""
    fixed = ("stft.weight", "window", "enframe")
    return tensor.is_floating_point() and not name.endswith(fixed)


def _parameters(saved):
    """Count parameters: each once, and no statistics, windows or counters."""
    fixed = ("running_mean", "running_var", "window", "enframe", "inv_freq")
    kept = [t for k, t in saved.items() if t.is_floating_point() and not k.endswith(fixed)]
    shared = {tensor.data_ptr(): tensor.numel() for tensor in kept}  # FRCRN names layers twice
    return sum(shared.values())


if __name__ == "__main__":
    write_json(checksums(), EMBEDDED / "checksums.json")
