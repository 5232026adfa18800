"""What separators with a learnt encoder have in common: frames that must be full."""

import numpy as np

from helpers.networks import devices


def apply(model, encoder, samples, frames=1):
    """Separate samples [shape=(n,)] into sources [shape=(sources, n)], each at a scale of its own.

    The encoder leaves out what does not fill a frame, so silence is put after the end to fill the
    last one, and no fewer than `frames` of them, and cut off again.
    """
    import torch

    (frame,), (hop,) = encoder.conv1d.kernel_size, encoder.conv1d.stride
    least = frame + (frames - 1) * hop
    missing = max(least - len(samples), (frame - len(samples)) % hop)
    wave, device = torch.from_numpy(np.pad(samples, (0, missing)))[None], devices.of(model)
    with devices.computing(device):
        sources = model(wave.to(device))  # (1, n, sources)
    return sources[0, : len(samples)].T.cpu().numpy().copy()


def encoder_of(encoder):
    """Return a function from a waveform [shape=(n,)] to responses [shape=(filters, frames)]."""

    def encode(wave):
        import torch

        device = devices.of(encoder)
        with devices.computing(device):
            return encoder(torch.from_numpy(wave)[None].to(device))[0].cpu().numpy()

    return encode
