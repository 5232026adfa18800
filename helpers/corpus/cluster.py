"""The same work on several processes or machines, by Dask: what dies is done again by another.

Each worker has one thread and builds the network once. Only a few shards a worker are on their way
at a time: the others wait here, and not in the scheduler's memory.
"""

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from helpers.corpus import work

AHEAD = 2  # shards a worker: the one it works on, and the next
MEMORY = 1.5 * 2**30  # bytes that a worker should have: libraries, a network, a long recording
TRIES = 1  # how often a shard may lose its worker before its recordings are looked at one by one
WAIT = 10  # seconds between two looks at whether workers are missing
PLUGIN = "a2a"


class Ready:
    """Makes a worker ready: one thread, the network built. Run when a worker starts.

    Parameters
    ----------
    asked : Settings
        What will be done.
    """

    def __init__(self, asked: work.Settings):
        self.asked = asked

    def setup(self, worker: Any) -> None:
        """Build the network before the first recording comes."""
        import torch

        os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")
        torch.set_num_threads(1)
        work.warm(self.asked)


def run(
    shards: Iterable[list[dict]],
    asked: work.Settings,
    cluster: Any,
    workers: int | None,
    say: Callable[[str], None],
) -> Iterator[list[dict]]:
    """Do shards in a cluster, and give their rows as they come.

    A shard whose worker died is done again by another, from the recording on at which it was. One
    that lost several is taken apart, and at the end its recordings are done one at a time: one
    that ends its worker again becomes a row like any other failure.

    Parameters
    ----------
    shards : iterable of list of dict
        Rows of the index; asked for as workers get free.
    asked : Settings
        What is to be done.
    cluster : str, distributed.Client or distributed.Cluster
        As for `corpus.run`.
    workers : int or None
        As for `corpus.run`.
    say : callable
        Is told the dashboard's address, and of workers that died.

    Yields
    ------
    list of dict
        The rows of a shard.

    Raises
    ------
    ValueError
        If the scheduler can't be reached, or its workers don't see the folders or lack the course.
    OSError
        If a worker's disk is full, the scheduler is gone, or workers die whatever they begin.
    """
    with connected(cluster, workers) as client:
        say(f"{_count(client)} workers; dashboard: {client.dashboard_link}")
        waiting = iter(shards)
        first = next(waiting, None)
        if first is None:
            return
        _check(client, asked, first)
        client.register_plugin(_plugin(asked), name=PLUGIN)
        began = _scheduler_time(client)
        try:
            alone: deque[list[dict]] = deque()
            yield from _all(client, _chain(first, waiting), asked, alone)
            while alone:
                yield from _one_by_one(client, alone.popleft(), asked)
        finally:
            with contextlib.suppress(Exception):
                if died := _died(client, began):
                    say(f"{died} × a worker died; what it had begun was done by another")
                client.unregister_worker_plugin(PLUGIN)


def _chain(first, rest):
    """Put the first shard, which was looked at, before the others."""
    yield first
    yield from rest


def _all(client, shards, asked, alone):
    """Do shards, a few a worker at a time; collect those that lose their workers in `alone`."""
    begun: dict[Any, list[dict]] = {}
    done = 0

    def fill():
        while len(begun) < AHEAD * max(1, _count(client)):
            rows = next(shards, None)
            if rows is None:
                return
            future = client.submit(work.shard, rows, asked, pure=False)
            begun[future] = rows

    try:
        fill()
        while begun:
            for future in _ended(client, list(begun)):
                rows = begun.pop(future)
                found = _outcome(future)
                fill()
                if found is not None:
                    done += 1
                    yield found
                    continue
                alone.append(rows)
                if not done and len(alone) > 2 * AHEAD * max(1, _count(client)):
                    raise ChildProcessError(
                        f"{len(alone)} shards ended every worker that began them, and none was "
                        "done: it is the workers; start one by hand, `dask worker`, and see what "
                        "it says"
                    )
    finally:
        client.cancel(list(begun))


def _one_by_one(client, rows, asked):
    """Find the recording that ends its worker: one at a time, nothing else beside it."""
    for row in rows:
        future = client.submit(work.shard, [row], asked, pure=False)
        _ended(client, [future])
        found = _outcome(future)
        if found is None:
            text = (
                "whoever works on it dies, several times over: too long for the memory, perhaps; "
                "cut it into pieces, or give the workers more"
            )
            found = [work.failure(row, asked, text)]
            work.write_part(found, asked)
        yield found


def _ended(client, futures):
    """Wait for the first that ends, and see to it that there are workers.

    A local worker that dies while it is being started is not started again by Dask itself.
    """
    from distributed import wait

    while True:
        try:
            return wait(futures, timeout=WAIT, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            wanted = len(getattr(client.cluster, "worker_spec", ()))
            if _count(client) < wanted:
                client.cluster.scale(wanted)


def _outcome(future):
    """Return the rows of a shard; None where it lost its workers once too often."""
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        return None
    except FutureCancelledError as problem:
        raise ConnectionError(
            "the scheduler is gone: what was written is whole; start it and call again"
        ) from problem


def _count(client):
    """Count the workers that are there now: some may come and go."""
    return len(client.nthreads())


def _plugin(asked):
    """Make a plugin of the class above: Dask is not imported until it is needed."""
    from distributed import WorkerPlugin

    return type("Plugin", (Ready, WorkerPlugin), {"name": PLUGIN})(asked)


@contextlib.contextmanager
def connected(cluster: Any, workers: int | None = None) -> Iterator[Any]:
    """Open a client, and a cluster where there is none yet; both are closed at the end.

    Parameters
    ----------
    cluster : str, distributed.Client or distributed.Cluster
        As for `corpus.run`; what was given open stays open.
    workers : int, optional
        As for `corpus.run`.

    Yields
    ------
    distributed.Client
        Connected.

    Raises
    ------
    ValueError
        If nothing answers at the address.
    """
    from distributed import Client

    if isinstance(cluster, Client):
        yield cluster
        return
    if cluster == "local":
        with local(workers) as own, Client(own) as client:
            yield client
        return
    if isinstance(cluster, str) and "://" not in cluster:
        raise ValueError(
            f"cluster={cluster!r} is no cluster: take 'local', or the address of a scheduler, such "
            "as 'tcp://scheduler:8786'"
        )
    try:
        client = Client(cluster, timeout=10)
    except (OSError, ValueError) as problem:
        raise ValueError(
            f"no scheduler answers at {cluster}: start one with `dask scheduler`, and workers with "
            f"`dask worker {cluster} --nthreads 1`, in the course's environment and folder"
        ) from problem
    with client:
        yield client


def local(workers: int | None = None) -> Any:
    """Start processes on this computer, which nobody else can reach.

    Parameters
    ----------
    workers : int, optional
        How many; None: as many as there are cores, and memory for each.

    Returns
    -------
    distributed.LocalCluster
        All its sockets listen on 127.0.0.1. There, on a shared machine, are others, too: so who
        wants to give it work needs the certificate that was made for this cluster alone.
    """
    import dask
    import psutil
    from dask.system import CPU_COUNT  # of the container, not of the machine
    from distributed import LocalCluster, Security

    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: one process at least, workers=1")
    memory = psutil.virtual_memory().total
    count = workers or max(1, min(CPU_COUNT, int(memory // MEMORY)))
    settings = {
        "distributed.scheduler.allowed-failures": TRIES,
        # Dask has workers return what memory they do not need to the system at once. To ask for it
        # again takes longer than the network: leave it to the C library.
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    }
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # processes beside each other: none spins
    with dask.config.set(settings):
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            security=Security.temporary(),
            silence_logs=logging.CRITICAL,
            memory_limit=max(int(memory / count), int(MEMORY)),
        )


def _check(client, asked, rows):
    """Refuse workers that are elsewhere: without the course, or without the folders."""
    path = os.fsdecode(rows[0]["path"]) if rows[0]["data"] is None else None
    if not _count(client):
        client.wait_for_workers(1, timeout=60)
    try:
        said = client.run(_fit, path, asked.output)
    except ModuleNotFoundError as problem:
        raise ValueError(
            f"the workers can't import the course ({problem}): start them in its environment, and "
            "in its folder or with it in PYTHONPATH"
        ) from problem
    for worker, lacks in sorted(said.items()):
        if lacks:
            raise ValueError(f"the worker {worker} {lacks}")


def _fit(path, output):
    """Say what a worker lacks; "" where it has all. Runs on the worker."""
    if path is not None and not Path(path).parent.is_dir():
        return (
            f"does not see the recordings, in {str(Path(path).parent)!r}: give the folder by a "
            "path that all machines have, or take the recordings along, corpus.index(..., "
            "embed=True)"
        )
    place = next(part for part in (Path(output), *Path(output).parents) if part.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        return f"can't write to {str(place)!r}: give a folder that all machines can write to"
    return ""


def _scheduler_time(client):
    """Return the time of the last event that the scheduler knows of."""
    return max((when for when, _ in client.get_events("all")), default=0.0)


def _died(client, since):
    """Count the workers that were lost and not sent away."""
    events = [event for when, event in client.get_events("all") if when > since]
    gone = [event for event in events if event.get("action") == "remove-worker"]
    return sum(not event.get("expected") for event in gone)
