"""Pictures of sound: the waveform, the spectrogram, several clips side by side.

Used in every lesson. The figures are free of pyplot: nothing stays open, and each is shown once.
"""

import io
from typing import Any

import numpy as np

from helpers.clip import Clip

RANGE = 80  # what a spectrogram shows, in dB below its loudest point


def waveform(clip: Clip, ax: Any = None) -> Any:
    """Draw pressure over time.

    Parameters
    ----------
    clip : Clip
        The sound. Long ones are drawn as the lowest and the highest sample of each stretch.
    ax : matplotlib Axes, optional
        Where to draw. None makes a figure.

    Returns
    -------
    Figure or Axes
        The figure made, or the axes given.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> waveform(Clip(np.sin(np.arange(8000)), 8000, "a tone"))
    <Picture size 800x250 with 1 Axes>
    """
    if ax is None:
        figure = picture(1, 1, (8, 2.5))
        waveform(clip, figure.axes[0])
        return figure
    stretch = max(1, len(clip) // 2000)
    whole = np.pad(
        clip.samples, (0, -len(clip) % stretch), mode="edge" if len(clip) else "constant"
    )
    parts = whole.reshape(-1, stretch)
    seconds = np.arange(len(parts)) * stretch / clip.rate
    ax.fill_between(seconds, parts.min(axis=1), parts.max(axis=1), linewidth=0.8, color="#0072b2")
    ax.set(title=_title(clip), xlabel="Time [s]", ylabel="Amplitude")
    ax.set_xlim(0, max(clip.duration, 1 / clip.rate))
    return ax


def spectrogram(clip: Clip, ax: Any = None, loudest: float | None = None) -> Any:
    """Draw power over time and frequency.

    Parameters
    ----------
    clip : Clip
        The sound.
    ax : matplotlib Axes, optional
        Where to draw. None makes a figure with a color bar.
    loudest : float, optional
        The level in dB that is shown brightest; None takes the loudest point of this clip. Give
        several clips the same to compare their colors.

    Returns
    -------
    Figure or Axes
        The figure made, or the axes given.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> spectrogram(Clip(np.sin(np.arange(8000)), 8000, "a tone"))
    <Picture size 800x350 with 2 Axes>
    """
    if ax is None:
        figure = picture(1, 1, (8, 3.5))
        _color_bar(figure, spectrogram(clip, figure.axes[0], loudest))
        return figure
    levels = power(clip)
    loudest = max(levels.max() if loudest is None else loudest, -100)  # silence stays dark
    ax.imshow(
        levels - loudest,
        cmap="magma",  # even steps for every kind of color vision, and in gray
        vmin=-RANGE,
        vmax=0,
        extent=(0, max(clip.duration, 1 / clip.rate), 0, clip.rate / 2),
        origin="lower",
        aspect="auto",
    )
    ax.set(title=_title(clip), xlabel="Time [s]", ylabel="Frequency [Hz]")
    return ax


def side_by_side(*clips: Clip) -> Any:
    """Draw one column a clip: its waveform above its spectrogram, all on one scale.

    Parameters
    ----------
    *clips : Clip
        For example a mixture and its sources, or before and after.

    Returns
    -------
    Figure
        Amplitudes and colors can be compared between the columns.

    Raises
    ------
    ValueError
        If there is no clip.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> tone = Clip(np.sin(np.arange(8000)), 8000, "before")
    >>> side_by_side(tone, tone.gain(-20).named("after"))
    <Picture size 1000x500 with 5 Axes>
    """
    if not clips:
        raise ValueError("nothing to draw: side_by_side(mixture, first, second)")
    figure = picture(2, len(clips), (max(6, 5 * len(clips)), 5))
    highest = max(np.abs(clip.samples).max(initial=0) for clip in clips) or 1
    loudest = max(power(clip).max() for clip in clips)
    for column, clip in enumerate(clips):
        above, below = figure.axes[column], figure.axes[column + len(clips)]
        waveform(clip, above).set(ylim=(-1.05 * highest, 1.05 * highest), xlabel="")
        spectrogram(clip, below, loudest).set(title="")
    _color_bar(figure, *figure.axes[len(clips) :])
    return figure


def power(clip: Clip, window: float = 0.032) -> np.ndarray:
    """Measure power over frequency and time: the squared short-time Fourier transform.

    Parameters
    ----------
    clip : Clip
        The sound.
    window : float
        Length in seconds of the Hann window, which moves by a quarter of it.

    Returns
    -------
    ndarray [shape=(1 + window * rate / 2, frames)]
        In dB, where a full-scale sine reaches about -6; silence is -200.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> power(Clip(np.zeros(8000), 8000)).shape
    (129, 126)
    """
    size = max(2, 2 * round(window * clip.rate / 2))
    hop = max(1, size // 4, len(clip) // 2000)  # a screen shows no more than some 2000 columns
    padded = np.pad(clip.samples, (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: len(clip) + 1 : hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    spectra = np.fft.rfft(frames * (hann / hann.sum()), axis=1).T  # (frequencies, frames)
    return 10 * np.log10(np.maximum(np.abs(spectra) ** 2, 1e-20))


def picture(rows: int, columns: int, size: tuple[float, float]) -> Any:
    """Make a figure of rows times columns axes that a notebook shows once.

    Parameters
    ----------
    rows, columns : int
        Number of axes, above and beside each other.
    size : tuple of float
        Width and height in inches of 100 pixels.

    Returns
    -------
    Figure
        Its axes are in figure.axes, row by row.

    Examples
    --------
    >>> picture(1, 2, (8, 3))
    <Picture size 800x300 with 2 Axes>
    """
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that pyplot does not know of, and that turns itself into a PNG."""

        def _repr_png_(self):
            """Draw with 256 colors, chosen so that none is far off: a third of the bytes."""
            from PIL import Image

            full, small = io.BytesIO(), io.BytesIO()
            self.savefig(full, format="png")
            image = Image.open(full).convert("RGB")
            # The usual median cut loses rare colors, and with them the ends of color bars.
            image = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            image.save(small, format="png", optimize=True)
            return small.getvalue()

    figure = Picture(figsize=size, dpi=100, layout="constrained")
    figure.subplots(rows, columns)
    return figure


def _color_bar(figure, *axes):
    """Say what the colors mean."""
    figure.colorbar(axes[0].images[0], ax=list(axes), label="Power [dB re loudest]")


def _title(clip):
    """Name a clip and its level above its picture."""
    return f"{clip.name or 'sound'}, {clip.level:.1f} dB"
