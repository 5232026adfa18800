"""On which device a network runs: the processor, or a graphics card where one is there."""

import contextlib
from collections.abc import Iterator
from typing import Any

DEVICES = ("auto", "cpu", "cuda", "mps")


def there() -> list[str]:
    """List the devices of this machine, the best one first.

    Returns
    -------
    list of str
        Of "cuda", "mps" and "cpu"; the last is always there.

    Examples
    --------
    >>> there()[-1]
    'cpu'
    """
    import torch

    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, is_there in found.items() if is_there] + ["cpu"]


def chosen(device: str) -> str:
    """Return the device that is meant, or say what there is.

    Parameters
    ----------
    device : str
        "cpu", "cuda" (NVIDIA's and, in PyTorch's builds for them, AMD's cards; "cuda:1" is the
        second one), "mps" (Apple's), or "auto": a graphics card if there is one, else the
        processor.

    Returns
    -------
    str
        Never "auto".

    Raises
    ------
    ValueError
        If there is no such device on this machine.

    Examples
    --------
    >>> chosen("cpu")
    'cpu'
    """
    if device == "cpu":
        return device  # without asking the drivers
    kind, _, number = str(device).partition(":")
    if kind not in DEVICES or (number and (kind != "cuda" or not number.isdecimal())):
        raise ValueError(f"no device is called {device!r}: take one of {', '.join(DEVICES)}")
    found = there()
    if kind == "auto":
        return found[0]
    count = _cards() if kind == "cuda" and kind in found else int(kind in found)
    if int(number or 0) >= count:
        raise ValueError(
            f"device={device!r} is not there: this machine has {', '.join(found)}"
            f"{f' ({count} cards)' if count else ''}; take one of them, or 'auto'"
        )
    return device


def of(model: Any) -> Any:
    """Tell where a network's numbers are.

    Parameters
    ----------
    model : torch.nn.Module
        A network, or its inference form.

    Returns
    -------
    torch.device
        Where its inputs have to be, too; the processor if it has no numbers.

    Examples
    --------
    >>> import torch
    >>> of(torch.nn.Linear(1, 1))
    device(type='cpu')
    """
    import torch

    model = getattr(model, "model", model)  # what an inference form was made of
    numbers = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((number.device for number in numbers), torch.device("cpu"))


@contextlib.contextmanager
def computing(device: Any) -> Iterator[None]:
    """Compute without gradients, and in float32 where that is meant.

    NVIDIA's cards round what a convolution multiplies to ten bits (TF32) unless told otherwise,
    an error of -60 dB.

    Parameters
    ----------
    device : torch.device
        Where.

    Yields
    ------
    None
        Inside, the setting holds; afterwards, what it was before.

    Examples
    --------
    >>> import torch
    >>> with computing(torch.device("cpu")):
    ...     torch.is_inference_mode_enabled()
    True
    """
    import torch

    cudnn: Any = torch.backends.cudnn  # its module is made while it is imported
    settings = cudnn.conv
    before = settings.fp32_precision
    with torch.inference_mode():
        if device.type != "cuda":
            yield
            return
        settings.fp32_precision = "ieee"
        try:
            yield
        finally:
            settings.fp32_precision = before


def _cards():
    import torch

    return torch.cuda.device_count()
