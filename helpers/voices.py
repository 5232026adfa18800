"""What a track's voice sounds like, in the terms of the network that made it.

Used to keep speakers on their tracks across the windows of a long recording, also where nobody
speaks while two windows overlap. Taught in 11_long_and_fast.
"""

import numpy as np


def describe(model, tracks):
    """Describe each track by how much every filter of MossFormer's encoder responds to it.

    The encoder's filters were learnt; their mean responses make a spectral envelope in the
    network's own terms. What all tracks have in common (the room, the microphone) is taken out.

    Parameters
    ----------
    model : torch.nn.Module
        MossFormer, or its fast form: anything with its `encoder`.
    tracks : ndarray [shape=(speakers, n)]
        One window's sources, at 8 kHz and at any scale.

    Returns
    -------
    ndarray [shape=(speakers, filters)]
        Unit vectors to compare with each other by their products; zeros for a silent track.

    Examples
    --------
    >>> from helpers import models
    >>> model = models.pipeline("mossformer", quiet=True).model
    >>> t = np.arange(8000) / 8000
    >>> low, high = (np.sin(2 * np.pi * f * t) for f in (200, 2000))
    >>> one = describe(model, np.stack([low, high]))
    >>> other = describe(model, np.stack([3 * high, 0.1 * low]))
    >>> np.argmax(one @ other.T, axis=1).tolist()
    [1, 0]
    """
    import torch

    size = np.sqrt(np.mean(np.square(tracks, dtype=np.float64), axis=1, keepdims=True))
    level = np.where(size > 0, size, 1)
    with torch.inference_mode():
        waves = torch.from_numpy((tracks / level).astype(np.float32))
        means = np.stack([model.encoder(wave[None])[0].mean(dim=1).numpy() for wave in waves])
    floor = 1e-3 * means.mean() + 1e-12  # a filter that never responds says nothing
    heard = np.log(means + floor)
    heard -= heard.mean(axis=1, keepdims=True)  # how loud
    heard = np.where(size > 0, heard - heard.mean(axis=0), 0)  # what all have in common
    length = np.linalg.norm(heard, axis=1, keepdims=True)
    return heard / np.where(length > 0, length, 1)
