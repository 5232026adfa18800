"""What came of a corpus: a table, a summary of it, and a picture."""

from typing import Any

import numpy as np

from helpers import metrics, plots

SHOWN = ["name", "seconds", "rate", "level_db", "peak_db", "levels_db", "dnsmos_before"]
SHOWN += ["dnsmos_after", "took_seconds", "worker", "notices", "error", "whose", "sha256"]
BLUE, ORANGE, GRAY = "#0072b2", "#d55e00", "#999999"


def table(rows: Any) -> Any:
    """Make a pandas table of the rows that `corpus.process` gave.

    Parameters
    ----------
    rows : datasets.Dataset
        As `corpus.process` returns.

    Returns
    -------
    pandas.DataFrame
        A row a recording. Seconds, rate in Hz, level and peak in dB re full scale are of the
        recording, `levels_db` of its results; ratings are None unless they were asked for.

    Examples
    --------
    >>> from helpers import audio, corpus
    >>> def softer(clip):
    ...     return clip.gain(-3)
    >>> folder = audio.SOUNDS / "speech" / "tux_ca"
    >>> table(corpus.process(folder, "build/softer", softer, progress=False)).error.isna().all()
    np.True_
    """
    frame = rows.to_pandas()[SHOWN]
    for name in ("dnsmos_before", "dnsmos_after", "level_db", "peak_db", "seconds"):
        frame[name] = frame[name].astype(float)
    return frame


def summary(rows: Any) -> Any:
    """Count what was done, how long it lasts, how loud it was, and how good.

    Parameters
    ----------
    rows : datasets.Dataset
        As `corpus.process` returns.

    Returns
    -------
    pandas.DataFrame
        One column, `value`, as text with its unit. Where recordings were rated, the mean change of
        DNSMOS has its 95 % interval, recording by recording: see `metrics.paired`.

    Examples
    --------
    >>> from helpers import audio, corpus
    >>> def softer(clip):
    ...     return clip.gain(-3)
    >>> folder = audio.SOUNDS / "speech" / "tux_ca"
    >>> rows = corpus.process(folder, "build/softer", softer, progress=False)
    >>> summary(rows).loc["failed", "value"]
    '0'
    """
    import pandas as pd

    frame = table(rows)
    done = frame[frame.error.isna()]
    told: dict[str, str] = {"recordings": str(len(frame)), "done": str(len(done))}
    told["failed"] = str(len(frame) - len(done))
    for whose, count in frame.whose.value_counts().sort_index().items():
        told[f"failed: the {whose}'s fault"] = str(count)
    told["remarks on"] = str(int((done.notices.map(len) > 0).sum()))
    if len(done):
        told["sound"] = _time(done.seconds.sum())
        told["shortest, median, longest"] = ", ".join(
            _time(done.seconds.quantile(q)) for q in (0, 0.5, 1)
        )
        told["level before, 10 % to 90 %"] = _span(done.level_db)
        told["level after, 10 % to 90 %"] = _span(_levels_after(done))
        told["real-time factor of one worker"] = (
            f"{done.took_seconds.sum() / max(done.seconds.sum(), 1e-9):.3f}"
        )
    rated = done.dropna(subset=["dnsmos_before", "dnsmos_after"])
    if len(rated):
        before, after = rated.dnsmos_before, rated.dnsmos_after
        told["DNSMOS before, after"] = f"{before.mean():.2f}, {after.mean():.2f}"
        if len(rated) > 1:
            mean, low, high = metrics.paired(after.tolist(), before.tolist())
            told["DNSMOS change"] = f"{mean:+.2f}, from {low:+.2f} to {high:+.2f}"
    return pd.DataFrame({"value": told})


def picture(rows: Any) -> Any:
    """Draw lengths, levels before and after, and how many failed, or the ratings if there are any.

    Parameters
    ----------
    rows : datasets.Dataset
        As `corpus.process` returns.

    Returns
    -------
    Figure
        Three axes.

    Examples
    --------
    >>> from helpers import audio, corpus
    >>> def softer(clip):
    ...     return clip.gain(-3)
    >>> folder = audio.SOUNDS / "speech" / "tux_ca"
    >>> picture(corpus.process(folder, "build/softer", softer, progress=False))
    <Picture size 1000x300 with 3 Axes>
    """
    frame = table(rows)
    done = frame[frame.error.isna()]
    figure = plots.picture(1, 3, (10, 3))
    lengths, levels, last = figure.axes
    lengths.hist(done.seconds, bins=20, color=BLUE)
    lengths.set(title=f"{len(done)} of {len(frame)} done", xlabel="Length [s]", ylabel="Recordings")
    levels.plot(done.level_db, _levels_after(done), "o", markersize=4, color=BLUE)
    _diagonal(levels)
    levels.set(title="Level", xlabel="Before [dB re full scale]", ylabel="After [dB re full scale]")
    rated = done.dropna(subset=["dnsmos_before", "dnsmos_after"])
    if len(rated):
        last.plot(rated.dnsmos_before, rated.dnsmos_after, "o", markersize=4, color=BLUE)
        _diagonal(last)
        last.set(title="DNSMOS, overall", xlabel="Before", ylabel="After")
    else:
        counts = {"done": len(done)}
        counts |= {f"failed:\n{whose}": n for whose, n in frame.whose.value_counts().items()}
        last.bar(list(counts), list(counts.values()), color=[BLUE] + [ORANGE] * (len(counts) - 1))
        last.set(title="What came of them", ylabel="Recordings")
    return figure


def _diagonal(axes):
    """Draw where nothing changes."""
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color=GRAY, linewidth=0.8)


def _levels_after(frame):
    """Return the level of what came out: the loudest track, in dB; silence is no number."""
    tracks = ([db for db in row if db is not None and db == db] for row in frame.levels_db)
    return np.array([max(row, default=np.nan) for row in tracks], dtype=float)


def _span(values):
    """Tell the range in which most values lie."""
    if np.isnan(values).all():
        return "silence"
    low, high = np.nanquantile(values, [0.1, 0.9])
    return f"{low:.1f} to {high:.1f} dB"


def _time(seconds):
    """Tell a length in the unit that suits it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds:.2f} s"
