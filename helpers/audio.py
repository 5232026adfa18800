"""Sound in, sound out: load, resample, level, save, listen. Used in every lesson."""

import base64
import html
import io
import os
from pathlib import Path

import numpy as np

from helpers.clip import Clip

SOUNDS = Path(__file__).resolve().parent.parent / "sounds"  # the course's own recordings


def load(source, rate=None):
    """Read a sound file as one channel of float32.

    Parameters
    ----------
    source : str, Path, bytes, file object or Clip
        A file's path, its contents, or the open file: WAV, FLAC, Ogg, Opus or MP3. A Clip passes
        through. Several channels are averaged: nobody who stands on the right is lost.
    rate : int, optional
        Resample to this rate, in Hz. None keeps the file's own.

    Returns
    -------
    Clip
        Named like the file.

    Raises
    ------
    ValueError
        If there is no such file, or no sound in it, or samples that are not finite.

    Examples
    --------
    >>> save(Clip([0.0, 0.5, 0.0], 8000), "build/three.wav").name
    'three.wav'
    >>> load("build/three.wav")
    Clip('three', 0.00 s, 8000 Hz, -10.8 dB)
    """
    clip = source if isinstance(source, Clip) else _read(source)
    bad = np.flatnonzero(~np.isfinite(clip.samples))
    if len(bad):
        raise ValueError(
            f"{clip.name!r} has {len(bad)} samples that are no number (NaN or infinite), the first "
            f"at {bad[0] / clip.rate:.3f} s: clip.with_samples(numpy.nan_to_num(clip.samples))"
        )
    return clip if rate is None else resample(clip, rate)


def _read(source):
    """Decode a file, its contents or an open file."""
    import soundfile

    name, contents = "", source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.is_file():
            here = f"{str(path)!r}, seen from {str(Path.cwd())!r}"
            raise ValueError(f"no sound file at {here}: the course's own are in audio.SOUNDS")
        name, contents = path.stem, path.read_bytes()
    elif not isinstance(source, bytes) and not hasattr(source, "read"):
        raise ValueError(
            f"can't load a {type(source).__name__}: give a path, the bytes of a sound file or an "
            "open file; samples that you have already: Clip(samples, rate=16000)"
        )
    stream = io.BytesIO(contents) if isinstance(contents, bytes) else contents
    try:
        samples, rate = soundfile.read(stream, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as problem:
        raise ValueError(
            f"{name or 'this'!r} can't be read as a sound file ({problem.error_string}): convert "
            "it to WAV first, for example ffmpeg -i your_file your_file.wav"
        ) from problem
    if not len(samples):
        raise ValueError(f"{name or 'this file'!r} is a sound file without a single sample")
    return Clip(samples.mean(axis=1), rate, name)


def resample(clip, rate, length=None):
    """Change the number of samples a second, and nothing that can be heard below half of it.

    Parameters
    ----------
    clip : Clip
        The sound.
    rate : int
        The new rate, in Hz. What lies above rate / 2 is filtered out: it can't be told there.
    length : int, optional
        Samples wanted; None is round(n * rate / clip.rate), which may lose one there and back.

    Returns
    -------
    Clip
        As long in seconds.

    Examples
    --------
    >>> resample(Clip(np.zeros(44100), 44100, "a second"), 8000)
    Clip('a second', 1.00 s, 8000 Hz, -inf dB)
    """
    import soxr

    like = Clip([], rate, clip.name)  # refuses a rate that is none
    samples = clip.samples
    if like.rate != clip.rate and len(clip):
        samples = soxr.resample(samples, clip.rate, like.rate, quality="HQ")
    if length is None:
        length = round(len(clip) * like.rate / clip.rate) or min(1, len(clip))
    return like.with_samples(np.pad(samples[:length], (0, max(0, length - len(samples)))))


def level(clip, db):
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
    >>> level(Clip([0.5, -0.5], 8000), -25)
    Clip('', 0.00 s, 8000 Hz, -25.0 dB)
    """
    if not clip.samples.any():
        raise ValueError(f"{clip.name!r} is silent: no gain gives silence a level")
    return clip.gain(db - clip.level)


def save(clip, path, subtype=None):
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
        raise ValueError(
            f"{kind} can't store {chosen!r}: {list(soundfile.available_subtypes(kind))}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        soundfile.write(part, clip.samples, clip.rate, subtype=chosen, format=kind)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def listen(*clips, caption=None):
    """Show a player for each clip.

    The sound inside is an MP3 of some 2 KB a second, so that a notebook stays small: measure and
    save the clip itself, never the player's sound.

    Parameters
    ----------
    *clips : Clip
        What to play.
    caption : str, optional
        A label in place of the clip's name, where there is one clip.

    Returns
    -------
    Player
        Displays itself: a labelled player in a browser, a line of text elsewhere.

    Examples
    --------
    >>> listen(Clip(np.full(16000, 0.1), 16000), caption="a constant")
    ▶ a constant · 1.00 s · 16000 Hz · -20.0 dB
    """
    if not clips or not all(isinstance(clip, Clip) and len(clip) for clip in clips):
        raise ValueError("listen plays Clips with samples in them: audio.load the recording first")
    if caption and len(clips) > 1:
        raise ValueError(f"one caption for {len(clips)} clips: name each, clip.named('noisy')")
    return Player([clip.named(caption or clip.name) for clip in clips])


class Player:
    """What `listen` returns: one player and one line of text a clip."""

    def __init__(self, clips):
        self._lines = [
            f"{clip.name or 'sound'} · {clip.duration:.2f} s · {clip.rate} Hz · {clip.level:.1f} dB"
            for clip in clips
        ]
        self._sounds = [base64.b64encode(_mp3(clip)).decode() for clip in clips]

    def __repr__(self):
        return "\n".join(f"▶ {line}" for line in self._lines)

    def _repr_html_(self):
        """One figure a clip; tests/nbval_sanitize.cfg counts on the order of the attributes."""
        return "\n".join(
            f'<figure style="margin: 0.5em 0"><figcaption>{label}</figcaption><audio controls '
            f'aria-label="{label}" src="data:audio/mpeg;base64,{sound}"></audio></figure>'
            for label, sound in zip(map(html.escape, self._lines), self._sounds, strict=True)
        )


def _mp3(clip):
    """Encode for a browser: at a rate that all of them play, at some 16 kbit/s."""
    import soundfile

    # Average, not constant: only then the file tells its length to the sample.
    small = {"subtype": "MPEG_LAYER_III", "bitrate_mode": "AVERAGE", "compression_level": 0.95}
    clip, file = resample(clip, 16000 if clip.rate <= 16000 else 24000), io.BytesIO()
    soundfile.write(file, np.clip(clip.samples, -1, 1), clip.rate, format="MP3", **small)
    return file.getvalue()
