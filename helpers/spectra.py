"""Sound as a table of time and frequency: the transform, its inverse, a picture of the cells.

Taught in 02_sound_and_spectra.
"""

from typing import Any

import numpy as np

from helpers.clip import Clip


def stft(clip: Clip, size: int | None = None, hop: int | None = None) -> np.ndarray:
    """Transform a clip frame by frame: the short-time Fourier transform.

    Parameters
    ----------
    clip : Clip
        The sound.
    size : int, optional
        Length of the periodic Hann window in samples, even. None is 32 ms: 256 samples at 8 kHz,
        512 at 16 kHz.
    hop : int, optional
        Samples from one frame to the next; None is a quarter of the window.

    Returns
    -------
    ndarray of complex [shape=(1 + size / 2, frames)]
        Row k is the frequency k * rate / size in Hz; column m is centered on sample m * hop. In
        double precision, so that a score of what comes back is the same on every computer.

    Raises
    ------
    ValueError
        If the clip has no samples, or the sizes do not fit.

    Notes
    -----
    Computed by librosa.stft, which puts half a window of zeros before and after the clip.

    Examples
    --------
    >>> stft(Clip(np.sin(np.arange(8000)), 8000)).shape
    (129, 126)
    """
    import librosa

    if not isinstance(clip, Clip) or not len(clip):
        kind = type(clip).__name__
        raise ValueError(f"stft takes a Clip with samples, not a {kind}: Clip(samples, rate=16000)")
    size, hop = _sizes(clip.rate, size, hop)
    return librosa.stft(clip.samples.astype(np.float64), n_fft=size, hop_length=hop)


def istft(
    spectrum: np.ndarray, like: Clip, hop: int | None = None, name: str | None = None
) -> Clip:
    """Turn a spectrum back into sound, by weighted overlap-add.

    Parameters
    ----------
    spectrum : ndarray of complex [shape=(1 + size / 2, frames)]
        As `stft` makes it, changed or not.
    like : Clip
        Gives the rate, the length and the name.
    hop : int, optional
        The hop of the transform, in samples; None is a quarter of the window.
    name : str, optional
        Another name.

    Returns
    -------
    Clip
        As long as `like`. Of all clips, the one whose transform is nearest to the spectrum.

    Raises
    ------
    ValueError
        If the spectrum is of another clip, window or hop.

    Notes
    -----
    Griffin and Lim, "Signal estimation from modified short-time Fourier transform", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 32 (2), 1984, equation 6; computed by
    librosa.istft.

    Examples
    --------
    >>> clip = Clip(np.sin(np.arange(8000)), 8000)
    >>> bool(np.abs(istft(stft(clip), clip).samples - clip.samples).max() < 1e-6)
    True
    """
    import librosa

    size = 2 * (len(spectrum) - 1)
    size, hop = _sizes(like.rate, size, hop)
    frames = 1 + len(like) // hop
    if spectrum.ndim != 2 or spectrum.shape[1] != frames:
        raise ValueError(
            f"a spectrum of shape {spectrum.shape} can't be of {like!r}, whose {len(like)} samples "
            f"make {frames} frames with a hop of {hop}: use the size and hop of the transform"
        )
    samples = librosa.istft(spectrum, n_fft=size, hop_length=hop, length=len(like))
    return like.with_samples(samples, name)


def show(values: np.ndarray, clip: Clip, title: str, ax: Any = None, **colors) -> Any:
    """Draw a table of time and frequency: a mask, a phase, anything that has a number a cell.

    Parameters
    ----------
    values : ndarray [shape=(1 + size / 2, frames)]
        Real numbers.
    clip : Clip
        Whose time and frequency they are.
    title : str
        What they are.
    ax : matplotlib Axes, optional
        Where to draw. None makes a figure with a color bar.
    **colors
        For matplotlib's imshow; vmin=0, vmax=1 and the map "cividis" where nothing is said.

    Returns
    -------
    Figure or Axes
        The figure made, or the axes given.

    Examples
    --------
    >>> tone = Clip(np.sin(np.arange(8000)), 8000, "a tone")
    >>> show(np.angle(stft(tone)), tone, "phase", vmin=-np.pi, vmax=np.pi, cmap="twilight")
    <Picture size 700x300 with 2 Axes>
    """
    if ax is None:
        from helpers.plots import picture

        figure = picture(1, 1, (7, 3))
        image = show(values, clip, title, figure.axes[0], **colors).images[0]
        figure.colorbar(image, ax=figure.axes[0])
        return figure
    style = {"vmin": 0, "vmax": 1, "cmap": "cividis", "origin": "lower", "aspect": "auto"}
    ax.imshow(values, extent=(0, clip.duration, 0, clip.rate / 2), **style | colors)
    ax.set(title=title, xlabel="Time [s]", ylabel="Frequency [Hz]")
    return ax


def _sizes(rate, size, hop):
    """Fill in 32 ms and a quarter of it, and refuse what has no inverse."""
    size = 2 * round(0.016 * rate) if size is None else size
    hop = size // 4 if hop is None else hop
    if size < 4 or size % 2 or not 1 <= hop <= size // 2:
        raise ValueError(
            f"a window of {size} samples with a hop of {hop} won't do: take an even size and a hop "
            "of at most half of it, for example stft(clip, 512, 128)"
        )
    return size, hop
