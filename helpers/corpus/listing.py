"""A folder of recordings as a table on disk: Arrow columns, in shards that are memory-mapped."""

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from helpers.files import folders
from helpers.files.checkpoint import sha256
from helpers.files.whole import whole

ROWS = 1000  # rows in a shard
EMBEDDED = 256 * 2**20  # bytes of sound in a shard that holds the recordings themselves
LIST = "index.json"


def index(
    source: str | Path | Iterable[tuple[Path, str, str]],
    place: str | Path,
    *,
    output: str | Path | None = None,
    embed: bool = False,
    say: Any = None,
) -> Any:
    """List a folder's recordings, with a checksum each, in a table that takes no memory.

    Parameters
    ----------
    source : str, Path or iterable of (Path, str, str)
        A folder, or for each recording its path, its name in tables, and what the names of its
        results begin with, relative to the folder of the results.
    place : str or Path
        A folder for the table's files. Where it holds an earlier table, files whose size and time
        of change are as they were are not read again.
    output : str or Path, optional
        Where results will go, if that lies in the folder: it is left out.
    embed : bool
        Whether to copy the recordings into the table, which can then be moved by itself.
    say : callable, optional
        Is told in a line what the folder has that is left out.

    Returns
    -------
    datasets.Dataset
        A row a recording: name, audio (read, a Clip), bytes, modified (ns since 1970), sha256, and
        the stem of its results. It is mapped from the disk: ten thousand rows or ten, what is not
        looked at is not in memory.

    Raises
    ------
    ValueError
        If there is no such folder, or no recording in it.

    Examples
    --------
    >>> from helpers import audio
    >>> found = index(audio.SOUNDS / "speech" / "tux_ca", "build/corpus_index")
    >>> found[0]["audio"]
    Clip('test_045', 5.89 s, 16000 Hz, -26.9 dB)
    """
    place = Path(place)
    items = list(_listed(source, output, say))
    known = {(row["path"], row["bytes"], row["modified"]): row["sha256"] for row in _known(place)}
    names = [_write(rows, place) for rows in _shards(_rows(items, known, embed))]
    with whole(place / LIST) as new:
        new.write_text(json.dumps(names, indent=1), encoding="utf-8")
    for old in place.glob("*.arrow"):
        if old.name not in names:
            _forget(old)
    return load(place)


def load(place: str | Path) -> Any:
    """Open a table that `index` wrote.

    Parameters
    ----------
    place : str or Path
        Its folder.

    Returns
    -------
    datasets.Dataset
        Mapped from the disk.

    Raises
    ------
    ValueError
        If the folder holds none.

    Examples
    --------
    >>> load("build/no such index")
    Traceback (most recent call last):
    ValueError: no index in 'build/no such index': corpus.index(folder, 'build/no such index') ...
    """
    from datasets import Dataset, concatenate_datasets

    from helpers.corpus import recording  # noqa: F401, tells datasets of the audio column

    if not (Path(place) / LIST).is_file():
        raise ValueError(
            f"no index in {str(place)!r}: corpus.index(folder, {str(place)!r}) makes one"
        )
    names = json.loads((Path(place) / LIST).read_text(encoding="utf-8"))
    return concatenate_datasets([Dataset.from_file(str(Path(place) / name)) for name in names])


def rows_of(found: Any, embedded: bool = True) -> list[dict]:
    """Return the rows of a table as they are stored, no recording read.

    Parameters
    ----------
    found : datasets.Dataset
        What `index` gave, or a part of it: `found.select(...)`, `found.shard(...)`.
    embedded : bool
        Whether with the recordings that the table itself holds.

    Returns
    -------
    list of dict
        The columns, and `path` and `data` in place of `audio`.

    Examples
    --------
    >>> from helpers import audio
    >>> found = index(audio.SOUNDS / "speech" / "tux_ca", "build/corpus_index")
    >>> rows_of(found)[0]["name"]
    'test_045.ogg'
    """
    import pyarrow.compute as pc

    rows = []
    for part in found.with_format("arrow").iter(batch_size=100):
        paths = pc.struct_field(part["audio"], "path").to_pylist()
        data = [None] * len(paths)
        if embedded:
            data = pc.struct_field(part["audio"], "bytes").to_pylist()
        about = part.drop_columns(["audio"]).to_pylist()
        for row, path, sound in zip(about, paths, data, strict=True):
            rows.append(row | {"path": path, "data": sound})
    return rows


def _listed(source, output, say):
    """Give path, name and stem of each recording."""
    if not isinstance(source, str | os.PathLike):
        yield from source
        return
    folder = Path(source)
    if not folder.is_dir():
        raise ValueError(f"no folder at {str(source)!r}, seen from {str(Path.cwd())!r}: name one")
    found = folders.recordings(folder, Path(output) if output else None, say)
    alike = Counter((inside, file.stem) for file, inside in found)
    for file, inside in found:
        stem = file.name if alike[inside, file.stem] > 1 else file.stem
        yield file, file.relative_to(folder).as_posix(), (inside / stem).as_posix()


def _rows(items, known, embed):
    """Make a row of each recording; one that can't be read has no checksum."""
    for path, name, stem in items:
        where = os.fsencode(Path(path).absolute())
        row: dict[str, Any] = {
            "name": os.fsencode(name).decode("utf-8", "backslashreplace"),
            "audio": {"path": where, "bytes": None},
            "bytes": None, "modified": None, "sha256": None, "stem": os.fsencode(stem),
        }  # fmt: skip
        try:
            about = Path(path).stat()
            row |= {"bytes": about.st_size, "modified": about.st_mtime_ns}
            if embed:
                data = Path(path).read_bytes()
                row["audio"]["bytes"], row["bytes"] = data, len(data)
                row["sha256"] = hashlib.sha256(data).hexdigest()
            else:
                earlier = known.get((where, about.st_size, about.st_mtime_ns))
                row["sha256"] = earlier or sha256(Path(path))
        except OSError:
            pass  # said in words when its turn comes: other recordings are not kept waiting
        yield row


def _shards(rows: Iterable[dict]) -> Iterator[list[dict]]:
    """Cut the rows into shards."""
    shard: list[dict] = []
    size = 0
    for row in rows:
        shard.append(row)
        size += len(row["audio"]["bytes"] or b"")
        if len(shard) == ROWS or size >= EMBEDDED:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _write(rows, place):
    """Write a shard under a name that tells its contents: one that is there stays."""
    import pyarrow as pa
    from datasets import Features, Value

    from helpers.corpus.recording import Recording

    kinds = {"bytes": "int64", "modified": "int64", "sha256": "string", "stem": "binary"}
    features = Features(
        {"name": Value("string"), "audio": Recording()}
        | {name: Value(kind) for name, kind in kinds.items()}
    )
    about = [[row[key] for key in ("name", "sha256", "modified")] for row in rows]
    about += [[row["stem"].hex(), row["audio"]["path"].hex(), not row["audio"]["bytes"]]
              for row in rows]  # fmt: skip
    name = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16] + ".arrow"
    if not (place / name).exists():
        table = pa.Table.from_pylist(rows, schema=features.arrow_schema)
        with whole(place / name) as new, pa.ipc.new_stream(str(new), table.schema) as writer:
            writer.write_table(table)
    return name


def _known(place):
    """Return the rows of an earlier index; none where there is none, or a damaged one."""
    try:
        return rows_of(load(place), embedded=False)
    except (ValueError, OSError):
        return []


def _forget(old):
    """Delete a shard that no index names any more; Windows keeps one that is still mapped."""
    with contextlib.suppress(OSError):
        old.unlink()
