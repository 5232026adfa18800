"""The fast path: a network in an order that processors like, held to ModelScope's own.

`network` takes what ModelScope built and gives something that is called the same way, gives the
same sound and takes a fraction of the time. Before its first use every layer is compared with
ModelScope's on a fraction of a second of noise; a checkpoint that differs runs as ModelScope wrote
it, with a warning. Taught in 11_long_and_fast; used by separate and denoise.
"""

import warnings

PRECISIONS = ("float32", "bfloat16")
TOLERANCE = 1e-3  # relative; rounding in float32 gives some 1e-6, another layer some 1


def network(model, precision="float32"):
    """Give a network in its fast form, to be called like the model itself.

    Parameters
    ----------
    model : torch.nn.Module
        MossFormer or FRCRN, as ModelScope's pipeline holds it.
    precision : str
        "float32", or "bfloat16": half the memory, several times as fast on a processor with
        arithmetic for it (see `has_bfloat16`), and an error some 40 dB below the sound.

    Returns
    -------
    callable
        The fast form. The model itself where it is another network, where its layers differ (with
        a warning), or where someone watches them (hooks, replaced functions).

    Raises
    ------
    ValueError
        If there is no such precision.

    Examples
    --------
    >>> from helpers import models
    >>> model = models.pipeline("mossformer", quiet=True).model
    >>> type(network(model)).__name__
    'Separator'
    """
    if precision not in PRECISIONS:
        raise ValueError(f"no precision {precision!r}: take {' or '.join(PRECISIONS)}")
    build = _builder(model)
    if build is None or _watched(model):
        return model
    stamp = tuple((p.data_ptr(), p._version) for p in (*model.parameters(), *model.buffers()))
    forms = model.__dict__.setdefault("_fast_forms", {})  # kept, and let go, with the model
    if forms.get(precision, (None,))[0] != stamp:
        forms[precision] = stamp, _checked(model, build, precision)
    return forms[precision][1] or model


def has_bfloat16():
    """Tell whether the processor multiplies bfloat16 numbers itself.

    Returns
    -------
    bool
        True on recent server and some desktop processors (AVX512-BF16, AMX). Elsewhere bfloat16
        works too, and is slower than float32.

    Examples
    --------
    >>> has_bfloat16() in (True, False)
    True
    """
    import torch

    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


def differences(model):
    """Compare every layer of the fast form with ModelScope's, on a fifth of a second of noise.

    Parameters
    ----------
    model : torch.nn.Module
        MossFormer or FRCRN, as ModelScope's pipeline holds it.

    Returns
    -------
    dict
        The relative error of each layer, by its name in the model, in the order they run in.

    Examples
    --------
    >>> from helpers import models
    >>> model = models.pipeline("frcrn", quiet=True).model
    >>> max(differences(model).values()) < 1e-4
    True
    """
    build, inputs = _builder(model), _noise(model)
    return _differences(model, build("float32"), inputs)


def _differences(model, form, inputs):
    import torch

    ours, theirs, hooks = [], {}, []

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
        ours.append(("output", _sound(mine)))
        theirs["output"] = _sound(whole)
        return {name: _error(output, theirs[name]) for name, output in ours}


def _error(ours, theirs):
    """Relative error; ours may hold complex features as (frames, frequencies, [re, im])."""
    if theirs.dim() == 5:  # ModelScope: (1, channels, frequencies, frames, 2)
        ours = ours.unflatten(2, (2, -1)).permute(3, 1, 0, 2)
    theirs = theirs.reshape(ours.shape)
    size = theirs.norm()
    return ((ours - theirs).norm() / size).item() if size > 0 else ours.norm().item()


def _sound(output):
    return output["wav_l2"] if isinstance(output, dict) else output


def _checked(model, build, precision):
    """Build the fast form if it is the same network; warn and give None if it is not."""
    try:
        reference = build("float32")
        errors = _differences(model, reference, _noise(model))
        wrong = next(((k, e) for k, e in errors.items() if not e < TOLERANCE), None)
        if wrong is None:
            return reference if precision == "float32" else build(precision)
        why = f"{wrong[0]} differs by {wrong[1]:.1g}"
    except Exception as problem:
        why = f"{type(problem).__name__}: {problem}"
    warnings.warn(
        f"the fast form does not fit this {type(model).__name__} ({why}): it runs as ModelScope "
        "wrote it, several times slower",
        RuntimeWarning,
        stacklevel=4,
    )
    return None


def _builder(model):
    """Find the fast form's class by the network's kind; None for what is no network of ours."""
    import torch

    if not isinstance(model, torch.nn.Module):
        return None
    if hasattr(model, "mask_net"):
        from helpers.mossformer_inference import Separator as form
    elif hasattr(getattr(model, "model", None), "unet2"):
        from helpers.frcrn_inference import Denoiser as form
    else:
        return None
    return lambda precision: form(model, getattr(torch, precision))


def _noise(model):
    """Make the input of the comparison."""
    import torch

    generator = torch.Generator().manual_seed(0)
    if hasattr(model, "mask_net"):
        return 0.05 * torch.randn(1, 2000, generator=generator)
    return {"noisy": 0.05 * torch.randn(1, 3200, generator=generator)}


def _watched(model):
    """Tell whether someone looks into the network, or has changed how a layer works."""
    return any(
        m._forward_hooks or m._forward_pre_hooks or m.__dict__.keys() & {"forward", "cal_attention"}
        for m in model.modules()
    )
