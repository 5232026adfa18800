"""What is done to one recording and to a shard of them, on whatever machine that is.

Every file is written whole under its last name: a result first, then the row that tells of it. A
shard that is done again, as its first worker died, finds the rows of what was done and goes on.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers import audio, metrics, models
from helpers.clip import Clip
from helpers.files import folders
from helpers.files.checkpoint import sha256
from helpers.files.whole import whole

STATE = "_corpus"  # the folder beside the results that holds the tables
TOOLS = ("denoise", "separate")
OPINION = 60  # seconds, from the middle of a recording, that DNSMOS hears
FULL = (errno.ENOSPC, errno.EDQUOT)

COLUMNS = {
    "key": "string", "name": "string", "sha256": "string", "seconds": "float64", "rate": "int64",
    "level_db": "float64", "peak_db": "float64", "tracks": ["string"], "levels_db": ["float64"],
    "dnsmos_before": "float64", "dnsmos_after": "float64", "took_seconds": "float64",
    "worker": "string", "run": "string", "notices": ["string"], "error": "string",
    "whose": "string",
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What is to be done with every recording, and where results go.

    Parameters
    ----------
    output : str
        The folder of the results.
    task : str or callable
        "denoise", "separate", or a function of a Clip that gives a Clip or a list of them.
    options : dict
        What the tool takes besides the recording, such as `rate` and `folder`.
    dnsmos : bool
        Whether to rate each recording before and after.
    mark : str
        What tells the results of these settings from those of others.
    run : str
        What tells this call from others: what failed in it is not tried again in it.
    """

    output: str
    task: str | Callable
    options: dict = field(default_factory=dict)
    dnsmos: bool = False
    mark: str = ""
    run: str = ""

    @property
    def state(self) -> Path:
        """The folder of the tables."""
        return Path(self.output) / STATE

    @property
    def name(self) -> str:
        """What the task is called, and the label of what a function gives."""
        return self.task if isinstance(self.task, str) else getattr(self.task, "__name__", "result")


def settings(output: str | Path, task: str | Callable, dnsmos: bool, options: dict) -> Settings:
    """Check what was asked for before any work begins.

    Parameters
    ----------
    output : str or Path
        The folder of the results.
    task : str or callable
        As for `Settings`.
    dnsmos : bool
        As for `Settings`.
    options : dict
        As for `Settings`.

    Returns
    -------
    Settings
        With a mark that the weights' checksums are part of.

    Raises
    ------
    ValueError
        If there is no such task, its weights can't be had, or the folder takes no files.

    Examples
    --------
    >>> settings("build/clean", "sing", False, {})
    Traceback (most recent call last):
    ValueError: no task is called 'sing': take one of denoise, separate, or give a function of a ...
    """
    if not callable(task) and task not in TOOLS:
        raise ValueError(
            f"no task is called {task!r}: take one of {', '.join(TOOLS)}, or give a function of a "
            "Clip that returns a Clip"
        )
    folders.check_place(Path(output))
    asked = Settings(str(Path(output).absolute()), task, options, dnsmos)
    about: list[Any] = [asked.name, dnsmos]
    chosen = ((key, value) for key, value in options.items() if value is not None)
    about += sorted((key, str(value)) for key, value in chosen if key != "folder")
    if not callable(task):
        network, where = _network(asked)
        found = models.resolve(network, **where, quiet=True)
        about += [sha256(found.path / file) for file in models.NETWORKS[network].files]
    mark = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
    return replace(asked, mark=mark, run=uuid.uuid4().hex[:8])


def _network(asked):
    """Return the network of a tool, and where its weights are."""
    usual = {"denoise": "frcrn", "separate": "mossformer"}[asked.task]
    where = {key: asked.options[key] for key in ("folder", "tier") if asked.options.get(key)}
    return asked.options.get("network") or usual, where


def warm(asked: Settings) -> None:
    """Build the network now: the first recording is not the slow one.

    Parameters
    ----------
    asked : Settings
        What will be done.

    Examples
    --------
    >>> warm(Settings("build/clean", abs))
    """
    if not callable(asked.task):
        network, where = _network(asked)
        models.bare(network, **where, quiet=True, device=asked.options.get("device") or "cpu")


def key_of(row: dict, asked: Settings) -> str:
    """Name a piece of work: this recording, of these contents, with these settings.

    Parameters
    ----------
    row : dict
        Of the index.
    asked : Settings
        What is to be done.

    Returns
    -------
    str
        As long as nothing changes, the same.

    Examples
    --------
    >>> key_of({"stem": b"talk", "sha256": "00"}, Settings("build/clean", "denoise"))
    '90d6160b589b7d9c'
    """
    about = f"{row['stem'].hex()} {row['sha256']} {asked.mark}"
    return hashlib.sha256(about.encode()).hexdigest()[:16]


def place_of(stem: bytes, label: str, asked: Settings) -> Path:
    """Return where a result goes.

    Parameters
    ----------
    stem : bytes
        Of the index: its subfolder and what its name begins with.
    label : str
        What it is.
    asked : Settings
        What is to be done.

    Returns
    -------
    Path
        A WAV file under the folder of the results.

    Examples
    --------
    >>> place_of(b"monday/talk", "denoised", Settings("clean", "denoise")).as_posix()
    'clean/monday/talk_denoised.wav'
    """
    path = Path(asked.output) / os.fsdecode(stem)
    return path.with_name(folders.result_name(path.name, label))


def shard(rows: list[dict], asked: Settings) -> list[dict]:
    """Do a shard of recordings, and write the table of them.

    Parameters
    ----------
    rows : list of dict
        Of the index.
    asked : Settings
        What is to be done.

    Returns
    -------
    list of dict
        A row each, with the columns of `COLUMNS`.

    Examples
    --------
    >>> shard([], Settings("build/clean", abs))
    []
    """
    return list(each(rows, asked))


def each(rows: list[dict], asked: Settings) -> Iterator[dict]:
    """Do a shard of recordings, one after the other; the table is written at the end.

    Parameters
    ----------
    rows : list of dict
        Of the index.
    asked : Settings
        What is to be done.

    Yields
    ------
    dict
        As `shard` returns.

    Examples
    --------
    >>> list(each([], Settings("build/clean", abs)))
    []
    """
    # A worker may die after a shard, with the rows that it had not yet sent: they are in the table.
    before = {row["key"]: row for row in read_part(part_of(rows, asked))}
    done = []
    for row in rows:
        key = key_of(row, asked)
        found = read_note(asked.state / "rows" / f"{key}.json") or before.get(key)
        if (
            found is None
            or (found["error"] and found["run"] != asked.run)
            or (not written(row, found, asked))
        ):
            found = one(row, asked) | {"key": key}
            keep(found, asked)
        done.append(found)
        yield found
    if done:
        write_part(done, asked)


def one(row: dict, asked: Settings) -> dict:
    """Do one recording. Whatever goes wrong becomes a row, but for a full disk.

    Parameters
    ----------
    row : dict
        Of the index.
    asked : Settings
        What is to be done.

    Returns
    -------
    dict
        The columns of `COLUMNS` but the key. `error` says in words what went wrong, `whose` whether
        it lies with the "recording" or with the "machine", which may do better another time.

    Raises
    ------
    OSError
        If the disk is full: what follows would not fit, either.

    Examples
    --------
    >>> row = {"name": "gone.wav", "sha256": None, "path": b"gone.wav", "data": None, "stem": b""}
    >>> one(row | {"bytes": 1, "modified": 1}, Settings("build/clean", abs))["whose"]
    'machine'
    """
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    found |= {"name": row["name"], "sha256": row["sha256"], "tracks": [], "levels_db": []}
    found |= {"worker": f"process {os.getpid()}", "run": asked.run}
    began = time.perf_counter()
    with _heard() as notices:
        try:
            found |= _done(row, asked)
        except Exception as problem:
            if getattr(problem, "errno", None) in FULL:
                raise
            text = str(problem) or type(problem).__name__
            known = isinstance(problem, ValueError | OSError)
            found["error"] = text if known else f"{type(problem).__name__}: {text}"
            found["whose"] = "recording" if isinstance(problem, ValueError) else "machine"
    return found | {"notices": notices, "took_seconds": round(time.perf_counter() - began, 3)}


def failure(row: dict, asked: Settings, text: str) -> dict:
    """Make the row of a recording that ended whoever worked on it.

    Parameters
    ----------
    row : dict
        Of the index.
    asked : Settings
        What was to be done.
    text : str
        What happened.

    Returns
    -------
    dict
        The columns of `COLUMNS`.

    Examples
    --------
    >>> row = {"name": "talk.wav", "sha256": "00", "stem": b"talk"}
    >>> failure(row, Settings("build/clean", "denoise"), "too long")["error"]
    'too long'
    """
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    found |= {"key": key_of(row, asked), "name": row["name"], "sha256": row["sha256"]}
    found |= {"tracks": [], "levels_db": [], "notices": [], "run": asked.run}
    return found | {"error": text, "whose": "machine"}


def _done(row, asked):
    """Read, work, write; return what there is to tell."""
    path = Path(os.fsdecode(row["path"]))
    source: Any = path
    if row["data"] is not None:
        source = row["data"]
    elif row["sha256"] is None:
        path.open("rb").close()  # an error of the disk says why it can't be read
        raise OSError(f"{row['name']!r} could not be read when the folder was listed: start again")
    elif _changed(path, row):
        raise OSError(f"{row['name']!r} has changed since the folder was listed: start again")
    heard = audio.people(source) if asked.task == "separate" else [audio.load(source)]
    if row["data"] is not None:
        heard = [clip.named(f"{path.stem}{clip.name}") for clip in heard]
    facts = {
        "seconds": round(heard[0].duration, 6), "rate": heard[0].rate,
        "level_db": _level(heard[0].level), "peak_db": _level(heard[0].peak),
    }  # fmt: skip
    given = heard if asked.task == "separate" else heard[0]
    results = _tool(asked)(given)
    results = [results] if isinstance(results, Clip) else list(results)
    if not results or not all(isinstance(clip, Clip) for clip in results):
        kinds = sorted({type(clip).__name__ for clip in results})
        raise TypeError(f"{asked.name} gave {kinds or 'nothing'}, and a Clip or a list is needed")
    labels = folders.labels(asked.name, len(results))
    for clip, label in zip(results, labels, strict=True):
        audio.save(clip, place_of(row["stem"], label, asked), folders.subtype(path, clip))
    facts |= {"tracks": labels, "levels_db": [_level(clip.level) for clip in results]}
    if asked.dnsmos:
        after = [score for clip in results if (score := _opinion(clip)) is not None]
        facts |= {"dnsmos_before": _opinion(heard[0])}
        facts |= {"dnsmos_after": round(float(np.mean(after)), 3) if after else None}
    return facts


def _changed(path, row):
    """Tell whether a file is another one than the index lists."""
    about = path.stat()
    return (about.st_size, about.st_mtime_ns) != (row["bytes"], row["modified"])


def _tool(asked):
    """Return the function that works on a recording."""
    if callable(asked.task):
        return lambda clip: asked.task(clip, **asked.options)
    from helpers import denoise, separate

    tool = {"denoise": denoise.denoise, "separate": separate.separate}[asked.task]
    return lambda source: tool(source, **asked.options)


def _level(db):
    """Round a level; silence has none."""
    return round(db, 2) if db > -1e9 else None


def _opinion(clip):
    """Rate a clip by DNSMOS, overall; None for silence. Of a long one, a minute is heard."""
    if clip.duration > OPINION:
        start = (clip.duration - OPINION) / 2
        clip = clip.cut(start, start + OPINION)
    clip = audio.resample(clip, 16000)
    if not clip.samples.any():
        return None
    return round(metrics.dnsmos(clip.gain(-clip.peak) if clip.peak > 0 else clip)["overall"], 3)


@contextlib.contextmanager
def _heard():
    """Keep what the tools say of a recording, such as that two channels were averaged."""
    said: list[str] = []
    thread = threading.get_ident()

    class Ear(logging.Handler):
        """Hears this thread alone."""

        def emit(self, record):
            if record.thread == thread:
                said.append(record.getMessage())

    log, ear = logging.getLogger("helpers"), Ear(logging.WARNING)
    log.addHandler(ear)
    quiet, log.propagate = log.propagate, False
    try:
        yield said
    finally:
        log.removeHandler(ear)
        log.propagate = quiet


def written(row: dict, found: dict, asked: Settings) -> bool:
    """Tell whether the results that a row tells of are there.

    Parameters
    ----------
    row : dict
        Of the index.
    found : dict
        What was kept of it.
    asked : Settings
        What is to be done.

    Returns
    -------
    bool
        True for a recording that failed: there is nothing to be there.

    Examples
    --------
    >>> written({"stem": b"talk"}, {"tracks": ["denoised"]}, Settings("build/none", "denoise"))
    False
    """
    return all(place_of(row["stem"], label, asked).exists() for label in found["tracks"])


def keep(found: dict, asked: Settings) -> None:
    """Write the row of one recording: what is done stays done if the power goes now.

    Parameters
    ----------
    found : dict
        The row.
    asked : Settings
        What is to be done.

    Examples
    --------
    >>> keep({"key": "0"}, Settings("build/kept", "denoise"))
    """
    with whole(asked.state / "rows" / f"{found['key']}.json") as new:
        new.write_text(json.dumps(found), encoding="utf-8")


def read_note(path: Path) -> dict | None:
    """Read the row of one recording; None where there is none.

    Parameters
    ----------
    path : Path
        What `keep` wrote.

    Returns
    -------
    dict or None
        The row.

    Examples
    --------
    >>> read_note(Path("build/no such row.json"))
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_part(rows: list[dict], asked: Settings) -> Path:
    """Write the rows of a shard as Parquet, and let go of their single files.

    Parameters
    ----------
    rows : list of dict
        With the columns of `COLUMNS`.
    asked : Settings
        What is to be done.

    Returns
    -------
    Path
        Named after the rows: a shard that is done twice is one file.

    Examples
    --------
    >>> row = failure({"name": "a", "sha256": "", "stem": b"a"}, Settings("", abs), "for show")
    >>> write_part([row], Settings("build/parts", abs)).suffix
    '.parquet'
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _part(sorted(row["key"] for row in rows), asked)
    table = pa.Table.from_pylist(rows, schema=schema())
    with whole(path) as new:
        pq.write_table(table, new)
    for row in rows:
        (asked.state / "rows" / f"{row['key']}.json").unlink(missing_ok=True)
    return path


def part_of(rows: list[dict], asked: Settings) -> Path:
    """Return where the table of a shard goes.

    Parameters
    ----------
    rows : list of dict
        Of the index.
    asked : Settings
        What is to be done.

    Returns
    -------
    Path
        What `write_part` will write.

    Examples
    --------
    >>> part_of([], Settings("clean", abs)).parent.as_posix()
    'clean/_corpus/parts'
    """
    return _part(sorted(key_of(row, asked) for row in rows), asked)


def _part(keys, asked):
    """Name a shard after its rows."""
    name = hashlib.sha256(" ".join(keys).encode()).hexdigest()[:16]
    return asked.state / "parts" / f"{name}.parquet"


def read_part(path: Path) -> list[dict]:
    """Read the table of a shard; empty where there is none.

    Parameters
    ----------
    path : Path
        What `write_part` wrote.

    Returns
    -------
    list of dict
        Its rows.

    Examples
    --------
    >>> read_part(Path("build/no such part.parquet"))
    []
    """
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pylist() if path.exists() else []


def schema() -> Any:
    """Return the columns of a finished row, as Arrow types.

    Returns
    -------
    pyarrow.Schema
        Of `COLUMNS`.

    Examples
    --------
    >>> schema().field("tracks").type
    ListType(list<element: string>)
    """
    import pyarrow as pa

    def kind(name):
        return pa.list_(pa.field("element", kind(name[0]))) if isinstance(name, list) else (
            {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64()}[name]
        )  # fmt: skip

    return pa.schema([(name, kind(which)) for name, which in COLUMNS.items()])
