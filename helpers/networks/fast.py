"""Optimized forward passes, verified against ModelScope's layers.

`optimized` takes what ModelScope built and gives something that is called the same way, gives the
same sound and takes a fraction of the time. Before its first use every layer is compared with
ModelScope's on a fraction of a second of noise; a checkpoint that differs runs as ModelScope wrote
it, with a warning. Where only the numbers were loaded (`models.bare`, as the tools do), there are
no layers of ModelScope's to compare with: there the tests compare. Taught in 11_long_and_fast; used
by separate and denoise.
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

from helpers import networks
from helpers.networks import devices

PRECISIONS = ("float32", "bfloat16")
TOLERANCE = 1e-3  # relative; rounding in float32 gives some 1e-6, another layer some 1
SMALL = 5_000_000  # parameters: below, a second thread brings little or nothing, once it sleeps


def optimized(model: Any, precision: str = "float32") -> Any:
    """Give a network in its fast form, to be called like the model itself.

    Parameters
    ----------
    model : torch.nn.Module
        A network, as ModelScope's pipeline holds it.
    precision : str
        "float32", or "bfloat16": less memory, faster on a processor with arithmetic for it (see
        `has_bfloat16`; how much, evaluation/bench.csv says), and an error some 40 dB below the
        sound.

    Returns
    -------
    callable
        The fast form. The model itself where there is none for this network, where its layers
        differ (with a warning), or where someone watches them (hooks, replaced functions).

    Raises
    ------
    ValueError
        If there is no such precision.

    Examples
    --------
    >>> from helpers import models
    >>> model = models.pipeline("mossformer", quiet=True).model
    >>> type(optimized(model)).__name__
    'Separator'
    """
    if precision not in PRECISIONS:
        raise ValueError(f"no precision {precision!r}: take {' or '.join(PRECISIONS)}")
    record = networks.of(model)
    if _form(record) is None or _watched(model):
        return model
    stamp = tuple((p.data_ptr(), p._version) for p in (*model.parameters(), *model.buffers()))
    forms = model.__dict__.setdefault("_fast_forms", {})  # kept, and let go, with the model
    if forms.get(precision, (None,))[0] != stamp:
        forms[precision] = stamp, _checked(record, model, precision)
    return forms[precision][1] or model


@contextlib.contextmanager
def enough_threads(model: Any) -> Iterator[None]:
    """Let a small network work on one thread for a while, where threads sleep when they wait.

    Its thousands of operations are so short that waking a second thread for each of them takes
    longer than that thread's share of the work. A large network gains by all threads, and so does
    a small one whose threads spin (no OMP_WAIT_POLICY=PASSIVE), as long as nobody is beside it.

    Parameters
    ----------
    model : torch.nn.Module
        A network, whose parameters are counted.

    Examples
    --------
    >>> from helpers import models
    >>> with enough_threads(models.bare("frcrn", tier="embedded", quiet=True)):
    ...     pass
    """
    import torch

    before = torch.get_num_threads()
    sleeps = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
    if before == 1 or not sleeps or sum(p.numel() for p in model.parameters()) > SMALL:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 numbers itself.

    Returns
    -------
    bool
        True on recent server and some desktop processors (AVX512-BF16, AMX), unless PyTorch was
        told to keep to older instructions. Elsewhere bfloat16 works too, and is slower than
        float32.

    Examples
    --------
    >>> type(has_bfloat16()).__name__
    'bool'
    """
    import torch

    if torch.backends.cpu.get_cpu_capability() == "AVX2":
        return False  # by ATEN_CPU_CAPABILITY, on a processor that has more
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


def layer_errors(model: Any) -> dict[str, float]:
    """Compare every layer of the fast form with ModelScope's, on a fifth of a second of noise.

    Parameters
    ----------
    model : torch.nn.Module
        A network that has a fast form, as ModelScope's pipeline holds it.

    Returns
    -------
    dict
        The relative error of each layer, by its name in the model, in the order they run in.

    Examples
    --------
    >>> from helpers import models
    >>> model = models.pipeline("frcrn", quiet=True).model
    >>> max(layer_errors(model).values()) < 1e-4
    True
    """
    record = networks.of(model)
    return _differences(record, model, _form(record)(model))


def _differences(record, model, form):
    import torch

    ours, theirs, hooks = [], {}, []
    generator = torch.Generator().manual_seed(0)
    noise = 0.05 * torch.randn(1, form.PROBE, generator=generator)
    inputs = record.wrap(noise.to(devices.of(model)))

    def keep(name):
        return lambda _module, _inputs, output: theirs.update({name: output.clone()})

    with torch.inference_mode():
        mine = form(inputs, lambda name, output: ours.append((name, output.clone())))
        try:
            for name, _ in ours:
                hooks.append(model.get_submodule(name).register_forward_hook(keep(name)))
            whole = model(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        errors = {name: _error(*form.like(output, theirs[name])) for name, output in ours}
        wanted = record.unwrap(whole)
        return errors | {"output": _error(record.unwrap(mine).reshape(wanted.shape), wanted)}


def _error(ours, theirs):
    """Relative error."""
    size = theirs.norm()
    return ((ours - theirs).norm() / size).item() if size > 0 else ours.norm().item()


def _checked(record, model, precision):
    """Build the fast form if it is the same network; warn and give None if it is not."""
    import torch

    form = _form(record)
    if hasattr(model, "spare"):  # its numbers alone: there are no layers to compare with
        return form(model, getattr(torch, precision))
    try:
        reference = form(model)
        errors = _differences(record, model, reference)
        wrong = next(((k, e) for k, e in errors.items() if not e < TOLERANCE), None)
        if wrong is None:
            if precision == "float32":
                return reference
            return form(model, getattr(torch, precision))
        why = f"{wrong[0]} differs by {wrong[1]:.1g}"
    except Exception as problem:
        why = f"{type(problem).__name__}: {problem}"
    warnings.warn(
        f"the fast form does not fit this {type(model).__name__} ({why}): it runs as ModelScope "
        "wrote it, which takes a few times as long",
        RuntimeWarning,
        stacklevel=4,
    )
    return None


def _form(record):
    """Return the class of a network's fast form; None where there is none."""
    return record.form("fast") if record else None


def _watched(model):
    """Tell whether someone looks into the network, or has changed how a layer works."""
    return any(
        m._forward_hooks or m._forward_pre_hooks or m.__dict__.keys() & {"forward", "cal_attention"}
        for m in model.modules()
    )
