"""Look into a network while it runs: what each part gets, what it makes of it, what that costs.

Taught in 06_inside_mossformer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Call(NamedTuple):
    """One run of a part: what it was `given` (a tuple), and its `output`."""

    given: tuple
    output: object


class Row(NamedTuple):
    """One line of `shapes`; as text it is aligned with the others.

    Where a part gives several tensors, `output` is a list of their shapes.
    """

    name: str
    kind: str
    given: tuple
    output: tuple | list
    calls: int

    def __str__(self):
        times = f"  {self.calls} times" if self.calls > 1 else ""
        several = isinstance(self.output, list)
        made = f"{len(self.output)} of {self.output[0]}" if several else self.output
        return f"{self.name:20} {self.kind:19} {self.given} -> {made}{times}"


class Cost(NamedTuple):
    """What a computation took: multiply-adds, and the most bytes that it held at once."""

    products: int
    bytes: int


@contextmanager
def watch(model: Any, *names: str) -> Iterator[dict]:
    """Record what parts of a model are given and what they make of it.

    Parameters
    ----------
    model : torch.nn.Module
        Any network.
    *names : str
        The parts, as `model.named_modules` calls them, for example "mask_net.norm".

    Yields
    ------
    dict
        Filled while the block runs: from a name to the `Call`s of that part, in order. The tensors
        are the model's own, not copies.

    Raises
    ------
    ValueError
        If the model has no such part.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU())
    >>> with watch(model, "0", "1") as seen:
    ...     _ = model(torch.zeros(2, 3))
    >>> seen["0"][0].output.shape
    torch.Size([2, 5])
    """
    parts = {name: _part(model, name) for name in names}
    seen: dict[str, list[Call]] = {name: [] for name in names}

    def hook(name):
        return lambda part, given, output: seen[name].append(Call(given, output))

    with _hooked({part: hook(name) for name, part in parts.items()}):
        yield seen


@contextmanager
def change(model: Any, name: str, function: Callable) -> Iterator[None]:
    """Let a part give something else, for as long as the block lasts.

    Parameters
    ----------
    model : torch.nn.Module
        Any network.
    name : str
        The part, as `model.named_modules` calls it.
    function : callable
        Takes what the part made, returns what shall go on in its place.

    Raises
    ------
    ValueError
        If the model has no such part.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.ReLU())
    >>> with change(model, "0", lambda output: 2 * output):
    ...     model(torch.ones(1))
    tensor([2.])
    """
    with _hooked({_part(model, name): lambda part, given, output: function(output)}):
        yield


def shapes(model: Any, wave: Any, names: list[str] | None = None) -> list:
    """Run a model and tell the shapes that went into its parts and came out.

    Parameters
    ----------
    model : torch.nn.Module
        Any network.
    wave : Tensor
        What to run it on.
    names : list of str, optional
        Which parts; None takes the model's direct ones.

    Returns
    -------
    list of Row
        One for each part that ran, in the order in which they came to their end; where a part ran
        several times, the shapes are those of its last.

    Raises
    ------
    ValueError
        If the model has no such part.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU())
    >>> for row in shapes(model, torch.zeros(2, 3)):
    ...     print(row)
    0                    Linear              (2, 3) -> (2, 5)
    1                    ReLU                (2, 5) -> (2, 5)
    """
    import torch

    rows: dict[str, Row] = {}
    names = [name for name, _ in model.named_children()] if names is None else names

    def hook(name):
        def note(part, given, output):
            calls = rows.pop(name).calls + 1 if name in rows else 1
            rows[name] = Row(name, type(part).__name__, _size(given[0]), _size(output), calls)

        return note

    with _hooked({_part(model, name): hook(name) for name in names}), torch.no_grad():
        model(wave)
    return list(rows.values())


def cost(function: Callable, *given: Any) -> "Cost":
    """Count what a computation takes, while it runs.

    Tensors on the device "meta" have a shape and no numbers: with them, even what would not fit
    into memory is counted in no time.

    Parameters
    ----------
    function : callable
        What to run, once.
    *given : object
        Its arguments.

    Returns
    -------
    Cost
        Multiply-adds of all matrix products and convolutions, and the most bytes that tensors made
        on the way held at one moment, the result included and the arguments not. Both are the same
        on every computer.

    Examples
    --------
    >>> import torch
    >>> cost(torch.matmul, torch.zeros(100, 2), torch.zeros(2, 100))
    Cost(products=20000, bytes=40000)
    """
    import torch
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves
    from torch.utils.flop_counter import FlopCounterMode

    def storages(*trees):
        tensors = [leaf for leaf in tree_leaves(trees) if isinstance(leaf, torch.Tensor)]
        found = [tensor.untyped_storage() for tensor in tensors]
        return {ref.cdata: (ref, each.nbytes()) for each in found for ref in [StorageWeakRef(each)]}

    class Memory(TorchDispatchMode):
        """After each operation, add up what was made and is still there."""

        made, most = {}, 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            before = storages(args, kwargs or {})
            result = operation(*args, **(kwargs or {}))
            new = {k: v for k, v in storages(result).items() if k not in before}  # no views
            living = {k: v for k, v in (self.made | new).items() if not v[0].expired()}
            self.made, self.most = living, max(self.most, sum(size for _, size in living.values()))
            return result

    with torch.no_grad(), FlopCounterMode(display=False) as flops, Memory() as memory:
        function(*given)
    return Cost(flops.get_total_flops() // 2, memory.most)


def _size(output):
    """Tell the shape of a tensor, or of each in a tuple."""
    if isinstance(output, list | tuple):
        return [_size(each) for each in output]
    return tuple(getattr(output, "shape", ()))


@contextmanager
def _hooked(hooks):
    """Have each part call its function whenever it has run; take the hooks off at the end."""
    handles = [part.register_forward_hook(hook) for part, hook in hooks.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _part(model, name):
    """Find a part by its name."""
    parts = dict(model.named_modules())
    if name not in parts:
        alike = [part for part in parts if part.rpartition(".")[2] == name.rpartition(".")[2]]
        near = (alike or [part for part in parts if part.count(".") == 0 and part])[:8]
        raise ValueError(
            f"this network has no part {name!r}: did you mean one of {', '.join(near)}? "
            "dict(model.named_modules()) holds all names"
        )
    return parts[name]
