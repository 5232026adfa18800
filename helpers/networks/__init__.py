"""The networks, one file each: `NETWORKS` maps a name to its record.

Another network is another file with a record and one line here: CONTRIBUTING.md, "Add a network".
Networks know neither audio nor Clip: arrays in, arrays out.
"""

from typing import Any

from helpers.networks import echo_mask, frcrn, live, mossformer, mossformer2
from helpers.networks.record import Network

NETWORKS: dict[str, Network] = {
    record.name: record
    for record in (
        mossformer.RECORD,
        mossformer2.RECORD,
        mossformer.CONVERSATION,
        frcrn.RECORD,
        live.RECORD,
        echo_mask.RECORD,
    )
}


def get(name: str, task: str | None = None) -> Network:
    """Return a network's record by its name.

    Parameters
    ----------
    name : str
        A key of `NETWORKS`.
    task : str, optional
        Refuse a network for another task.

    Returns
    -------
    Network
        Its record.

    Raises
    ------
    ValueError
        If there is no such network, or none for this task.

    Examples
    --------
    >>> get("frcrn").rate
    16000
    """
    known = [key for key, record in NETWORKS.items() if task in (None, record.task)]
    if name not in known:
        purpose = f" for {task}" if task else ""
        raise ValueError(f"no network{purpose} is called {name!r}: take one of {', '.join(known)}")
    return NETWORKS[name]


def of(model: Any) -> Network | None:
    """Return the record of the network that a model is; None for anything else.

    Parameters
    ----------
    model : object
        As ModelScope's pipeline holds it.

    Returns
    -------
    Network or None
        Its record.

    Examples
    --------
    >>> of("no network") is None
    True
    """
    names = {kind.__name__ for kind in type(model).__mro__}
    return next((record for record in NETWORKS.values() if names & {*record.classes}), None)
