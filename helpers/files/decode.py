"""Any sound file to one channel of float32: what `audio.load` reads with, in every lesson.

A file that is empty, cut off, damaged or no sound at all is an error that says which, and what to
do about it: nothing is taken for sound that only looks a little like it. Taught in 13.
"""

import io
import logging
import os
import re
import tempfile
from pathlib import Path

import numpy as np

from helpers.clip import Clip
from helpers.files import containers

RATES = range(1000, 768_001)  # Hz that a recording can have; a header with another is damaged
BLOCK = 2**20  # samples read at a time, so that a damaged header's promises cost no memory

_log = logging.getLogger("helpers")


def read(source) -> Clip:
    """Decode a sound file, its contents or the open file.

    Parameters
    ----------
    source : str, Path, bytes or file object
        WAV, FLAC, Ogg, Opus, MP3, AIFF and what else libsndfile reads; M4A, AAC, WebM and WMA
        where the command ffmpeg or the package av is installed. Several channels are averaged,
        which is said in a line on the log "helpers"; where one is another turned upside down and
        the average would be silence, the loudest is taken.

    Returns
    -------
    Clip
        Named like the file, at its own rate.

    Raises
    ------
    ValueError
        If it can't be read whole. (An MP3 without a table of contents does not tell how long it
        should be: what is there of it counts as whole.)

    Examples
    --------
    >>> read(b"once upon a time")
    Traceback (most recent call last):
    ValueError: 'this' can't be read as a sound file (it holds text): copy it again, ...
    """
    name, file = _open(source)
    label = repr(name or "this")
    head, tail = _ends(file)
    if kind := containers.sniff(head):
        with tempfile.TemporaryDirectory() as folder:
            wav = containers.convert(label, file, kind, Path(folder))
            samples, rate = _decode(label, wav)
            return Clip(samples, rate, name)
    samples, rate = _decode(label, file, head, tail)
    return Clip(samples, rate, name)


def _open(source):
    """Return a name, and the path or the contents."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        cure = "the course's own are in audio.SOUNDS"
        try:
            if path.is_file():  # a device such as /dev/zero has no end
                path.open("rb").close()
                return path.stem, path
        except OSError as problem:
            cure = f"it can't be opened ({problem.strerror})"
        if "://" in str(source):
            cure = "download it first, and give the path of the file"
        raise ValueError(f"no sound file at {str(source)!r}, seen from {str(Path.cwd())!r}: {cure}")
    contents = source.read() if hasattr(source, "read") else source
    if isinstance(contents, bytes | bytearray | memoryview):
        return "", bytes(contents)
    if contents is not source:
        raise ValueError("this file is not open for bytes: open it with open(path, 'rb')")
    raise ValueError(
        f"can't load a {type(source).__name__}: give a path, the bytes of a sound file or an "
        "open file; samples that you have already: Clip(samples, rate=16000)"
    )


def _ends(file, size=65536):
    """Return the first and the last bytes."""
    if isinstance(file, bytes):
        return file[:size], file[-size:]
    with file.open("rb") as stream:
        head = stream.read(size)
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - size))
        return head, stream.read()


def _decode(label, file, head=b"", tail=b""):
    """Read with libsndfile, and doubt whatever the header says."""
    import soundfile

    stream = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        # audio.load looks for what is no number: no need to warn of it here.
        with soundfile.SoundFile(stream) as sound, np.errstate(all="ignore"):
            rate = sound.samplerate
            if rate not in RATES:
                raise _unreadable(label, f"its header says {rate} Hz, which no recording has")
            sound.seekable = lambda: False  # else soundfile seeks after each block: FLAC may not
            samples = _mono(label, sound)
            promised = _promised(sound, head)
    except (soundfile.SoundFileError, TypeError) as problem:  # TypeError: a path that ends in .raw
        reason = getattr(problem, "error_string", str(problem)).removeprefix("Error : ")
        if "not recognised" not in reason:
            reason = f"damaged or cut off: {reason}"
        raise _unreadable(label, _look(head) or reason) from problem
    if promised > len(samples) or (head.startswith(b"OggS") and not _is_ended(tail)):
        seconds = (promised - len(samples)) / rate
        lost = f"{seconds:.3f} s are missing" if seconds > 0 else "its last page is missing"
        raise ValueError(
            f"{label} is cut off ({lost}): copy or download it again, or keep what is there, "
            "ffmpeg -i your_file mended.wav"
        )
    if not len(samples):
        raise ValueError(
            f"{label} is a sound file without a single sample: record again, or if the file is not "
            "small, finish its header: ffmpeg -i your_file mended.wav"
        )
    return samples, rate


def _mono(label, sound):
    """Average the channels, and say so; keep the loudest alone where they cancel."""
    mono, power = _blocks(sound, lambda block: block.mean(axis=1))
    if sound.channels == 1 or not power.any():
        return mono
    kept = np.einsum("i,i->", mono, mono, dtype=np.float64) / power.mean()  # 1: they are all alike
    if kept < 0.1 / sound.channels:
        sound.seek(0)
        loudest = int(power.argmax())
        mono, _ = _blocks(sound, lambda block: block[:, loudest])
        _log.warning("%s: its channels cancel each other, only %d kept", label, loudest + 1)
    elif kept < 0.9999:
        _log.warning("%s: %d channels averaged into one", label, sound.channels)
    return mono


def _blocks(sound, pick):
    """Read to the end, in memory that grows with what is there and not with what was promised."""
    mono, n, power = np.empty(0, dtype=np.float32), 0, np.zeros(sound.channels)
    while len(block := sound.read(BLOCK // sound.channels, "float32", always_2d=True)):
        if n + len(block) > len(mono):
            mono.resize(max(2 * len(mono), n + len(block)), refcheck=False)
        mono[n : n + len(block)] = pick(block)
        power += np.square(block, dtype=np.float64).sum(axis=0)
        n += len(block)
    mono.resize(n, refcheck=False)
    return mono, power


def _promised(sound, head):
    """Return how many samples the file should have by its own account; 0 where it gives none."""
    pattern = r"(?:data|SSND|Data Size|[Rr]iff size|riff)\s*: (\d+) \(should be (\d+)\)"
    for said, there in re.findall(pattern, sound.extra_info):
        # A few bytes are a matter of padding; 2 GB or more is what a pipe writes for "unknown".
        if int(there) + 8 < int(said) < 0x7F000000:
            return 1 + sound.frames * int(said) // max(1, int(there))
    if sound.format == "MP3" and not re.search(b"Xing|Info", head):
        return 0  # what libsndfile tells is a guess
    return sound.frames if sound.frames < 2**40 else 0


def _is_ended(tail):
    """Tell whether the last page of an Ogg file is whole, and says that it is the last."""
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27 or not page[5] & 4:
        return False
    return len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])


def _look(head):
    """Say what it is instead of a sound file, where the first bytes tell."""
    if not head:
        return "it is empty, 0 bytes"
    if re.match(rb"\s*<(!doctype html|html)", head, re.IGNORECASE):
        return "it holds a web page"
    return "it holds text" if re.fullmatch(rb"[\t\n\r -~\x80-\xff]+", head[:512]) else ""


def _unreadable(label, reason):
    """Make the error."""
    return ValueError(
        f"{label} can't be read as a sound file ({reason.strip(' .')}): copy it again, or convert "
        "it to WAV, for example ffmpeg -i your_file your_file.wav"
    )
