"""Sound in, sound out: load, resample, set a level, save, listen. Used in every lesson."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from helpers.clip import Clip, resample
from helpers.files import decode
from helpers.files.whole import whole

__all__ = ["SOUNDS", "listen", "load", "remove_dc", "resample", "save", "set_level"]

LOUDEST = 1e10  # 200 dB over full scale: floats beyond it are damage, and would overflow
BUMP, BUMP_FRAME = 0.4, 0.02  # seconds that a bump reaches to either side; its level's grain
SOUNDS = Path(__file__).resolve().parent.parent / "sounds"  # the course's own recordings

_log = logging.getLogger("helpers")


def load(source, rate: int | None = None) -> Clip:
    """Read a sound file as one channel of float32.

    Parameters
    ----------
    source : str, Path, bytes, file object or Clip
        A file's path, its contents, or the open file: WAV, FLAC, Ogg, Opus, MP3, and M4A where
        ffmpeg is installed. A Clip passes through. Several channels are averaged, not dropped, or
        the better one is kept where their average would be far worse; a line on the log "helpers"
        says so.
    rate : int, optional
        Resample to this rate, in Hz. None keeps the file's own.

    Returns
    -------
    Clip
        Named like the file.

    Raises
    ------
    ValueError
        If there is no such file, or no sound in it, or not all of it, or samples that are no
        numbers.

    Examples
    --------
    >>> save(Clip([0.0, 0.5, 0.0], 8000), "build/three.wav").name
    'three.wav'
    >>> load("build/three.wav")
    Clip('three', 0.00 s, 8000 Hz, -10.8 dB)
    """
    clip = _numbers(source if isinstance(source, Clip) else decode.read(source))
    return clip if rate is None else resample(clip, rate)


def people(source) -> list[Clip]:
    """Read a recording as `load` does, but leave people apart who have a channel each.

    Parameters
    ----------
    source : str, Path, bytes, file object or Clip
        As for `load`.

    Returns
    -------
    list of Clip
        One a person where they were recorded so, as calls are; else one, as `load` gives it.

    Raises
    ------
    ValueError
        As for `load`.

    Examples
    --------
    >>> people(Clip([0.0, 0.5], 8000, "you"))
    [Clip('you', 0.00 s, 8000 Hz, -9.0 dB)]
    """
    clips = [source] if isinstance(source, Clip) else decode.people(source)
    return [_numbers(clip) for clip in clips]


def _numbers(clip):
    """Refuse samples that are no numbers."""
    low, high = clip.samples.min(initial=0), clip.samples.max(initial=0)
    if not (low > -LOUDEST and high < LOUDEST):  # NaN compares as False
        bad = np.flatnonzero(~(np.abs(clip.samples) < LOUDEST))
        raise ValueError(
            f"{clip.name!r} has {len(bad)} samples that are no number (NaN, infinite or beyond "
            f"{LOUDEST:g}), the first at {bad[0] / clip.rate:.3f} s: record or export it again, or "
            f"set them to 0, Clip(numpy.where(abs(samples) < {LOUDEST:g}, samples, 0), rate)"
        )
    return clip


def set_level(clip: Clip, db: float) -> Clip:
    """Set how loud a clip is, as root mean square.

    Parameters
    ----------
    clip : Clip
        The sound; silence has no level to set.
    db : float
        The level wanted, in dB re full scale; -25 is usual for speech.

    Returns
    -------
    Clip
        The same sound, times one gain.

    Examples
    --------
    >>> set_level(Clip([0.5, -0.5], 8000), -25)
    Clip('', 0.00 s, 8000 Hz, -25.0 dB)
    """
    if not clip.samples.any():
        raise ValueError(f"{clip.name!r} is silent: no gain gives silence a level")
    return clip.gain(db - clip.level)


def remove_dc(clip: Clip) -> Clip:
    """Take out a constant that a cheap sound card added to every sample.

    The networks never met one: an offset of 0.1 costs 5 dB of separation. Less than a tenth of the
    level does no harm and is left alone, as is a recording under 0.1 s, whose mean may be speech.

    Parameters
    ----------
    clip : Clip
        A recording.

    Returns
    -------
    Clip
        The same around zero.

    Examples
    --------
    >>> remove_dc(Clip(np.tile([0.25, 0.75], 800), 8000)).samples[:2].tolist()
    [-0.25, 0.25]
    """
    if clip.duration < 0.1:
        return clip
    mean = clip.samples.mean(dtype=np.float64)
    power = np.einsum("i,i->", clip.samples, clip.samples, dtype=np.float64) / len(clip)
    return clip.with_samples(clip.samples - np.float32(mean)) if mean**2 > 0.01 * power else clip


def without_bumps(clip: Clip) -> Clip:
    """Clip bumps against the microphone to half the peak of all the rest.

    One bump at full scale among quiet people makes all that follows worse: separated by 13 dB,
    denoised by 10. It is told by being 12 dB over everything outside of 0.4 s around it, in a
    recording in which somebody speaks there.

    Parameters
    ----------
    clip : Clip
        A recording.

    Returns
    -------
    Clip
        The same where there is no bump; else clipped, which is said on the log "helpers".

    Examples
    --------
    >>> quiet = Clip(np.full(8000, 0.01), 8000)
    >>> without_bumps(quiet) is quiet
    True
    """
    size = max(1, round(BUMP_FRAME * clip.rate))
    frames = clip.samples[: len(clip) // size * size].reshape(-1, size)
    around = round(BUMP / BUMP_FRAME)
    if len(frames) < 6 * around:
        return clip
    # Without np.abs of an hour's samples.
    peaks = np.maximum(frames.max(axis=1), -frames.min(axis=1))
    rest, last = peaks.copy(), np.inf
    places: list[int] = []
    for _ in range(min(max(1, len(frames) // (10 * around)), 20) + 1):
        at = int(rest.argmax())
        heard = np.percentile(rest[rest > 0], (10, 90)) if rest[at] else (0, 0)
        if places and last > 4 * rest[at] > 0 and heard[1] > 2.5 * heard[0]:
            samples, most = clip.samples.copy(), rest[at] / 2  # half of it: 4 dB better than all
            for place in places:
                part = samples[max(0, place - around) * size : (place + around + 1) * size]
                np.clip(part, -most, most, out=part)
            where = ", ".join(f"{place * BUMP_FRAME:.1f} s" for place in sorted(places))
            _log.warning("%r: a bump clipped to the level of the rest, at %s", clip.name, where)
            return clip.with_samples(samples)
        last = rest[at]
        places.append(at)
        rest[max(0, at - around) : at + around + 1] = 0
    return clip


def save(clip: Clip, path: str | Path, subtype: str | None = None) -> Path:
    """Write a clip to a sound file: whole or not at all.

    Parameters
    ----------
    clip : Clip
        The sound. In integer formats what is louder than full scale is clipped, not wrapped round.
    path : str or Path
        Where to; the suffix tells the format (.wav, .flac, .ogg, .mp3). Folders are made.
    subtype : str, optional
        How samples are stored, as soundfile names it, such as "PCM_24" or "FLOAT". None takes
        "PCM_16" in WAV and FLAC and the format's own elsewhere.

    Returns
    -------
    Path
        The file: written under another name and renamed, it is whole or not there.

    Raises
    ------
    ValueError
        If the suffix names no sound format, or one without this subtype.

    Examples
    --------
    >>> load(save(Clip([2.0, -2.0], 8000, "too loud"), "build/loud.wav")).samples.round(2).tolist()
    [1.0, -1.0]
    """
    import soundfile

    path = Path(path)
    kind = path.suffix[1:].upper()
    if kind not in soundfile.available_formats():
        raise ValueError(f"can't tell a sound format by {path.name!r}: end it in .wav or .flac")
    chosen = subtype or ("PCM_16" if kind in ("WAV", "FLAC") else None)
    if chosen and not soundfile.check_format(kind, chosen):
        known = list(soundfile.available_subtypes(kind))
        raise ValueError(f"{kind} can't store {chosen!r}: {known}")
    try:
        with whole(path) as new:
            soundfile.write(new, clip.samples, clip.rate, subtype=chosen, format=kind)
    except soundfile.LibsndfileError as problem:  # MP3 has nine rates, Opus five
        reason = problem.error_string.removeprefix("Error : ")
        raise ValueError(
            f"can't write {clip!r} to {str(path)!r} ({reason}): try .wav, or another folder"
        ) from problem
    return path


def listen(*clips: Clip, caption: str | None = None) -> Any:
    """Show a player for each clip.

    The sound inside is FLAC in 16 bits, so what is heard is what is measured; louder than full
    scale is clipped, as a sound card would.

    Parameters
    ----------
    *clips : Clip
        What to play.
    caption : str, optional
        A label in place of the clip's name, where there is one clip.

    Returns
    -------
    Player
        Displays itself: a labeled player in a browser, a line of text elsewhere.

    Examples
    --------
    >>> listen(Clip(np.full(16000, 0.1), 16000), caption="a constant")
    ▶ a constant · 1.00 s · 16000 Hz · -20.0 dB
    """
    if not clips or not all(isinstance(clip, Clip) and len(clip) for clip in clips):
        raise ValueError("listen plays Clips with samples in them: audio.load the recording first")
    if caption and len(clips) > 1:
        raise ValueError(f"one caption for {len(clips)} clips: name each, clip.named('noisy')")
    from helpers.player import Player

    return Player([clip.named(caption or clip.name) for clip in clips])
