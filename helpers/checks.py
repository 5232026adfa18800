"""Is this folder of weights what it says it is? The checks behind `models.resolve`.

A missing file would run on random numbers, a changed one on another model, a pickled one on
somebody's code: each is an error here, before anything is heard. Taught in 00_start_here.
"""

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

EMBEDDED = Path(__file__).resolve().parent.parent / "models"  # the weights that come with us
CONFIGURATION = "configuration.json"


@dataclass(frozen=True)
class Kind:
    """A network of the course: its task, its names, and the files that hold its weights."""

    task: str
    embedded: str
    published: str
    files: tuple
    types: tuple
    revision: str = "master"


_MOSSFORMER, _FRCRN = "speech_mossformer_separation_temporal_8k", "speech_frcrn_ans_cirm_16k"
KINDS = {
    "mossformer": Kind(
        task="speech-separation",
        embedded="mossformer_mini_8k",
        published=f"iic/{_MOSSFORMER}",
        files=("encoder.bin", "decoder.bin", "masknet.bin"),
        types=(_MOSSFORMER,),
    ),
    "frcrn": Kind(
        task="acoustic-noise-suppression",
        embedded="frcrn_mini_16k",
        published=f"iic/{_FRCRN}",
        files=("pytorch_model.bin",),
        types=(_FRCRN, "frcrn_mini"),
    ),
}


def verify(kind, path):
    """Check a model's folder: complete, unchanged, of this kind, and nothing but tensors.

    Parameters
    ----------
    kind : str
        A key of KINDS.
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
    return _verify(kind, path, stamp(kind, path))


@functools.lru_cache(maxsize=16)
def _verify(kind, path, _stamp):
    """Check once; a file that changes afterwards has another stamp."""
    names = (CONFIGURATION, *KINDS[kind].files)
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: {_cure(kind, path)}")
    if path.is_relative_to(EMBEDDED):
        found = {f"{path.name}/{name}": sha256(path / name) for name in names}
        compare(found, read_json(EMBEDDED / "checksums.json"), _cure(kind, path))
    config = read_json(path / CONFIGURATION)
    model = config.get("model")
    found = model.get("type") if isinstance(model, dict) else None
    if found not in KINDS[kind].types:
        raise ValueError(
            f"{path} holds {found!r} by its configuration.json, and {kind} needs "
            f"{' or '.join(KINDS[kind].types)}: name the folder of that model"
        )
    if config.get("plugins") or config.get("allow_remote"):
        raise ValueError(f"{path} wants to run code of its own, which is never done: another copy")
    return sum(_parameters(tensors(kind, path / file)) for file in KINDS[kind].files)


def tensors(kind, file):
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
            f"(git lfs pull), or holds code, which is never run: {_cure(kind, file.parent)}"
        ) from problem
    return saved


def loaded(kind, path, model):
    """Refuse a model in which any trained number is not the one in the files.

    ModelScope loads FRCRN with `strict=False`: what the file lacks would stay random.
    """
    import torch

    parts = {"pytorch_model.bin": model.model} if kind == "frcrn" else {}
    if kind == "mossformer":
        parts = {f"{name}.bin": part for name, part in model.as_dict().items()}
    for name, part in parts.items():
        saved = tensors(kind, path / name)
        if all(key.startswith("model.") for key in saved):
            part = model
        held = {key: value for key, value in part.state_dict().items() if _is_trained(key, value)}
        wrong = [
            k for k in held if k not in saved or not torch.equal(held[k], saved[k].to(held[k]))
        ]
        if wrong:
            raise ValueError(
                f"{path / name} does not fit its configuration.json: {len(wrong)} of {len(held)} "
                f"tensors are missing or differ, such as {wrong[0]!r}: {_cure(kind, path)}"
            )


def checksums(folder=None):
    """Compute what models/checksums.json holds: file to SHA-256, for every model of a folder.

    `python -m helpers.checks` writes that file after a training.
    """
    folder = EMBEDDED if folder is None else Path(folder)
    names = [f"{k.embedded}/{name}" for k in KINDS.values() for name in (CONFIGURATION, *k.files)]
    return {name: sha256(folder / name) for name in names if (folder / name).is_file()}


def sha256(file):
    """Compute the SHA-256 of a file."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def compare(found, recorded, cure):
    """Refuse files whose checksums are not the recorded ones."""
    wrong = [name for name, digest in found.items() if recorded.get(name) != digest]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} differs from the checksum on record: {cure}")


def write_json(content, file):
    """Write a JSON file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(part, file)


def stamp(kind, path):
    """Tell by sizes and times whether a folder is still the one that was checked."""
    files = [path / name for name in (CONFIGURATION, *KINDS[kind].files)]
    files.append(EMBEDDED / "checksums.json")
    stats = [file.stat() if file.is_file() else None for file in files]
    return tuple(stat and (stat.st_size, stat.st_mtime_ns) for stat in stats)


def read_json(file):
    """Read a JSON object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ValueError(f"{file} can't be read as JSON ({problem}): restore it") from problem
    return content if isinstance(content, dict) else {}


def _cure(kind, path):
    """Say how to come by a sound folder."""
    if Path(path).is_relative_to(EMBEDDED):
        return "restore it with git checkout -- models"
    model = KINDS[kind].published
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
