"""Map a corpus through a tool: broken off at any moment, it goes on where it was."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from helpers.corpus import work
from helpers.corpus.listing import index, rows_of
from helpers.files.whole import whole

SHARD = 16  # recordings that a worker takes at a time
LAST = "last.json"


def process(source: Any, output: str | Path, task: str | Callable = "denoise", **how) -> Any:
    """Denoise or separate every recording of a corpus.

    Called again, it does only what is not done: what came, what has changed, what failed for a
    reason that lay with the machine, and results that were deleted. Nothing is done twice.

    Parameters
    ----------
    source : str, Path or datasets.Dataset
        A folder of recordings, or what `corpus.index` made of it, or a part of that: of a hundred
        machines without a cluster, each takes its `found.shard(100, i)`.
    output : str or Path
        Where results go, in the folder's own subfolders; not the folder itself. Beside them, in
        `_corpus`, lie the tables that tell of them.
    task : str or callable
        "denoise", "separate", or a function of your own, from a Clip to a Clip or a list of them.
    **how : dict
        What `run` takes: `cluster`, `workers`, `shard`, `dnsmos`, `retry`, `progress`, `say`, and
        the tool's own options, such as `rate`.

    Returns
    -------
    datasets.Dataset
        A row a recording, in the order of `source`: see `corpus.table`. Of one that failed, `error`
        says what went wrong, and `whose` whether it lies with the "recording" or the "machine".

    Raises
    ------
    ValueError
        If there is no such folder or task, weights can't be had, or the results would go where the
        recordings are.
    OSError
        If the disk is full, or a cluster is gone: what was written before is whole.

    Examples
    --------
    >>> from helpers import audio
    >>> def halve(clip):
    ...     return clip.gain(-6)
    >>> rows = process(audio.SOUNDS / "speech" / "tux_ca", "build/halved", halve, progress=False)
    >>> set(rows["error"]), set(rows["tracks"][0])
    ({None}, {'halve'})
    """
    for _ in run(source, output, task, **how):
        pass
    return results(output)


def run(
    source: Any,
    output: str | Path,
    task: str | Callable = "denoise",
    *,
    cluster: Any = None,
    workers: int | None = None,
    shard: int = SHARD,
    dnsmos: bool = False,
    retry: bool = False,
    progress: bool = True,
    say: Callable[[str], None] | None = print,
    **options,
) -> Iterator[dict]:
    """Do as `process` does, and give each row as it comes.

    Parameters
    ----------
    source : str, Path or datasets.Dataset
        As for `process`.
    output : str or Path
        As for `process`.
    task : str or callable
        As for `process`.
    cluster : str, distributed.Client or distributed.Cluster, optional
        "local" for processes on this computer, the address of a Dask scheduler such as
        "tcp://scheduler:8786", or one that you have; None works in this process.
    workers : int, optional
        How many processes, where `cluster` is "local". None: as many as there are cores, and
        memory for each.
    shard : int
        How many recordings a worker takes at a time: what a worker that dies may have to do again
        is one recording of these.
    dnsmos : bool
        Whether to rate every recording before and after.
    retry : bool
        Whether to try again what failed for a reason that lay with the recording.
    progress : bool
        Whether to show a bar, in Jupyter or on stderr.
    say : callable, optional
        Is told, a line each, what there is to say: the dashboard's address, a worker that died.
    **options : dict
        What the tool takes besides the recording, such as `rate`, `network`, `folder`.

    Yields
    ------
    dict
        The row of a recording that was done just now. In a cluster the order is not that of the
        corpus.

    Examples
    --------
    >>> import tempfile
    >>> from helpers import audio
    >>> def quiet(clip):
    ...     return clip.gain(-20)
    >>> rows = run(audio.SOUNDS / "speech" / "tux_ca", tempfile.mkdtemp(), quiet, progress=False)
    >>> next(rows)["name"]  # of the largest shard; and no further: it is broken off
    'train_004.ogg'
    """
    if shard < 1:
        raise ValueError(f"shard={shard}: a worker takes one recording at least, shard=1")
    asked = work.settings(output, task, dnsmos, options)
    rows = rows_of(_index(source, asked, say), embedded=False)
    keys = [work.key_of(row, asked) for row in rows]
    with whole(asked.state / LAST) as new:
        new.write_text(json.dumps({"task": asked.name, "keys": keys}), encoding="utf-8")
    done = finished(asked.state)
    todo = []
    for i, (key, row) in enumerate(zip(keys, rows, strict=True)):
        found = done.get(key)
        again = found and found["error"] and (retry or found["whose"] == "machine")
        if found is None or again or not work.written(row, found, asked):
            todo.append(i)
    with _bar(len(keys), len(keys) - len(todo), progress) as bar:
        for found in _engine(
            _shards(source, asked, rows, todo, shard), asked, cluster, workers, say
        ):
            bar.update(1)
            yield found


def results(output: str | Path) -> Any:
    """Return the rows of the last run into a folder, as far as it got.

    Parameters
    ----------
    output : str or Path
        The folder of the results.

    Returns
    -------
    datasets.Dataset
        As `process` returns; of a run that was broken off, the recordings that were done.

    Raises
    ------
    ValueError
        If nothing was ever written there.

    Examples
    --------
    >>> results("build/no such results")
    Traceback (most recent call last):
    ValueError: no results of a corpus in 'build/no such results': corpus.process(folder, ...
    """
    import pyarrow as pa
    from datasets import Dataset

    state = Path(output) / work.STATE
    last = work.read_note(state / LAST)
    if last is None:
        raise ValueError(
            f"no results of a corpus in {str(output)!r}: corpus.process(folder, {str(output)!r}) "
            "writes them"
        )
    done = finished(state)
    rows = [done[key] for key in last["keys"] if key in done]
    return Dataset(pa.Table.from_pylist(rows, schema=work.schema()))


def finished(state: Path) -> dict[str, dict]:
    """Read all rows that were ever finished, of shards and of single recordings.

    Parameters
    ----------
    state : Path
        The folder of the tables.

    Returns
    -------
    dict
        From key to row; of one that was done again, the last.

    Examples
    --------
    >>> finished(Path("build/no such state"))
    {}
    """
    found: dict[str, dict] = {}
    for part in sorted((state / "parts").glob("*.parquet"), key=lambda path: path.stat().st_mtime):
        found |= {row["key"]: row for row in work.read_part(part)}
    for note in (state / "rows").glob("*.json"):
        if row := work.read_note(note):
            found[row["key"]] = row
    return found


def _index(source, asked, say):
    """Return the table of the recordings."""
    if hasattr(source, "column_names"):
        return source
    named = isinstance(source, str | Path)
    if named and Path(asked.output).resolve() == Path(source).resolve():
        raise ValueError(
            f"the results would go among the recordings, in {str(source)!r}: name another folder, "
            "which may lie in it"
        )
    return index(source, asked.state / "index", output=asked.output, say=say)


def _shards(source, asked, rows, todo, size):
    """Cut what is to do into shards, largest first, so that no worker is left with much at the end.

    What the table itself holds of the recordings is read here, when a worker wants it.
    """
    groups = [todo[at : at + size] for at in range(0, len(todo), size)]
    groups.sort(key=lambda group: -sum(rows[i]["bytes"] or 0 for i in group))
    embedded = hasattr(source, "column_names")
    for group in groups:
        yield rows_of(source.select(group)) if embedded else [rows[i] for i in group]


def _engine(shards, asked, cluster, workers, say):
    """Do the shards here, or in a cluster."""
    if cluster is None:
        work.warm(asked)
        for rows in shards:
            yield from work.each(rows, asked)
        return
    from helpers.corpus.cluster import run as in_cluster

    for rows in in_cluster(shards, asked, cluster, workers, say or (lambda text: None)):
        yield from rows


@contextlib.contextmanager
def _bar(total, done, shown):
    """Show how far it is, in Jupyter or on stderr."""
    from tqdm.auto import tqdm

    with tqdm(total=total, initial=done, unit="recording", disable=not shown) as bar:
        yield bar
