"""Any sound file to one channel of float32: what `audio.load` reads with, in every lesson.

A file that is empty, cut off, damaged or no sound at all is an error that says which, and what to
do about it: nothing is taken for sound that only looks a little like it. Taught in 13.
"""

import contextvars
import io
import logging
import os
import re
import tempfile
from pathlib import Path

import numpy as np

from helpers.clip import Clip, resample
from helpers.files import channels, containers, headers

RATES = range(1000, 768_001)  # Hz that a recording can have; a header with another is damaged
MOST = 120_000  # bytes a second, twice what MPEG can have: more is no MPEG
BLOCK = 2**20  # samples read at a time, so that a damaged header's promises cost no memory

_apart = contextvars.ContextVar("apart", default=False)  # whether people may stay on their channels
_log = logging.getLogger("helpers")


def read(source) -> Clip:
    """Decode a sound file, its contents or the open file.

    Parameters
    ----------
    source : str, Path, bytes or file object
        WAV, FLAC, Ogg, Opus, MP3, AIFF and what else libsndfile reads; M4A, AAC, WebM and WMA
        where the command ffmpeg or the package av is installed. Several channels are averaged,
        which is said in a line on the log "helpers"; where the average would be silence (one is
        another turned upside down), a comb (two microphones apart) or much worse than the best of
        them (an open input), one is taken.

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
    samples, rate = _sound(repr(name or "this"), file)
    return Clip(samples, rate, name)


def people(source) -> list[Clip]:
    """Decode a recording, and keep channels apart that hold somebody else each.

    Parameters
    ----------
    source : str, Path, bytes or file object
        As for `read`.

    Returns
    -------
    list of Clip
        One a person where each is on a channel of their own, which is said on the log "helpers";
        else one, as `read` gives it.

    Examples
    --------
    >>> from helpers import audio
    >>> [clip.name for clip in people(audio.SOUNDS / "mix_speech.wav")]
    ['mix_speech']
    """
    name, file = _open(source)
    token = _apart.set(True)
    try:
        samples, rate = _sound(repr(name or "this"), file)
    finally:
        _apart.reset(token)
    if samples.ndim == 1:
        return [Clip(samples, rate, name)]
    return [
        Clip(column, rate, f"{name} channel {i}".strip()) for i, column in enumerate(samples.T, 1)
    ]


def _sound(label, file):
    """Return the samples and the rate, however the file is put together."""
    begin = headers.after_tags(file)
    head = headers.read_at(file, begin, 65536)
    if begin and head.startswith((b"RIFF", b"OggS")):  # a tag where none belongs
        return _sound(label, headers.read_at(file, begin, headers.size_of(file)))
    wav = headers.wav(file)
    if kind := _foreign(file, head, wav):
        with tempfile.TemporaryDirectory() as folder:
            return _decode(label, containers.convert(label, file, kind, Path(folder)))
    if head.startswith(b"OggS"):
        return _ogg(label, file, head)
    if head.startswith(b"fLaC") and len(starts := headers.flac(file)) > 1:
        return _join(label, _cut(headers.read_at(file, 0, headers.size_of(file)), starts))
    if wav and wav["more"] == "file":
        data = headers.read_at(file, 0, wav["size"])
        return _join(label, _cut(data, [0, wav["after"]]))
    if wav and wav["more"] == "sound":
        samples, rate = _decode(label, _whole(file, wav, wav["size"]))
        told = len(samples) * (wav["stop"] - wav["start"]) / (wav["size"] - wav["start"]) / rate
        there = f"{len(samples) / rate:.2f} s are there, and were read"
        _log.warning("%s: its header tells of %.2f s, %s", label, told, there)
        return samples, rate
    try:
        return _decode(label, file, head)
    except ValueError as problem:
        if "unsupported encoding" in str(problem):
            with tempfile.TemporaryDirectory() as folder:
                kind = "a codec that libsndfile does not know"
                return _decode(label, containers.convert(label, file, kind, Path(folder)))
        # libsndfile looks for the samples in vain where chunks are padded its own way.
        if not wav or wav["stop"] > wav["size"] or wav["stop"] == wav["start"]:
            raise
        return _decode(label, _whole(file, wav, wav["stop"]))


def _foreign(file, head, wav):
    """Say what it is that libsndfile does not decode, or decodes in part; "" for nothing."""
    if kind := containers.sniff(head):
        return kind
    if wav and wav["code"] not in headers.OWN_CODES and wav["stop"] <= wav["size"]:
        return f"WAV with a codec of its own (0x{wav['code']:04x})"
    return "MP3 put end to end" if headers.mpeg_chain(file) else ""


def _whole(file, wav, stop):
    """Return a WAV file with a header that counts its samples up to `stop`."""
    return headers.Samples(file, wav["fmt"], wav["start"], stop)


def _ogg(label, file, head):
    """Read an Ogg file, or several that were put end to end."""
    data = headers.read_at(file, 0, headers.size_of(file))
    starts, whole, ended = headers.ogg(data)
    if not whole:
        raise _cut_off(label, "its last page is missing")
    if len(starts) > 1:
        return _join(label, _cut(data, starts))
    try:
        samples, rate = _decode(label, data, head)
    except ValueError:
        if ended:
            raise
        with tempfile.TemporaryDirectory() as folder:  # libsndfile needs the mark in Opus
            wav = containers.convert(label, data, "Ogg without a mark of its end", Path(folder))
            samples, rate = _decode(label, wav)
    if not ended:  # Android's recorders never write the mark
        there = f"what is there of it, {len(samples) / rate:.2f} s, counts as whole"
        _log.warning("%s: nothing marks its end; %s", label, there)
    return samples, rate


def _cut(data, starts):
    """Cut contents into the files that begin at `starts`."""
    return [data[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


def _join(label, parts):
    """Read files that were put end to end, at the first one's rate, and say how many."""
    sounds = [_sound(label, part) for part in parts]
    rate = sounds[0][1]
    if any(other != rate for _, other in sounds):
        sounds = [(resample(Clip(*sound), rate).samples, rate) for sound in sounds]
    samples = np.concatenate([samples for samples, _ in sounds])
    said = f"{len(parts)} recordings put end to end, {len(samples) / rate:.2f} s in all"
    _log.warning("%s: %s", label, said)
    return samples, rate


def _open(source):
    """Return a name, and the path or the contents."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        cure = _cure(str(source))
        try:
            if path.is_file():  # a device such as /dev/zero has no end
                path.open("rb").close()
                return os.fsencode(path.stem).decode("utf-8", "replace"), path
        except OSError as problem:
            cure = f"it can't be opened ({problem.strerror})"
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


def _cure(text):
    """Say what to do about a path that leads nowhere."""
    if re.match(r"[A-Za-z][\w+.-]+:/", text) or text.startswith("www."):
        return "download it first, and give the path of the file"
    if text != text.strip(" \t\r\n\"'"):
        return "leave out the quotes and blanks around it"
    if text.startswith("~"):
        return "only a shell knows what ~ is: Path(...).expanduser()"
    if "*" in text or "?" in text:
        return "name one file, or all of a folder: sorted(Path('folder').glob('*.wav'))"
    if os.path.isdir(text):
        return "it is a folder: sorted(Path(...).glob('*.wav'))"
    return "the course's own are in audio.SOUNDS"


def _decode(label, file, head=b""):
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
            if sound.format == "MP3" and not promised and len(samples) / rate * MOST < len(head):
                raise _unreadable(label, "two of its bytes look like MPEG's by chance")
    except (soundfile.SoundFileError, TypeError) as problem:  # TypeError: a path that ends in .raw
        reason = getattr(problem, "error_string", str(problem)).removeprefix("Error : ")
        if "not recognised" not in reason:
            reason = f"damaged or cut off: {reason}"
        raise _unreadable(label, _look(head) or reason) from problem
    if promised > len(samples):
        raise _cut_off(label, f"{(promised - len(samples)) / rate:.3f} s are missing")
    if not len(samples):
        raise ValueError(
            f"{label} is a sound file without a single sample: record again, or if the file is not "
            "small, finish its header: ffmpeg -i your_file mended.wav"
        )
    return samples, rate


def _mono(label, sound):
    """Make one channel of several, and say so where something is lost by it."""
    if sound.channels == 1:
        return _blocks(sound, lambda block: block[:, 0])[0]
    ear = channels.Ear(sound.samplerate, sound.channels)
    mono, power = _blocks(sound, lambda block: block.mean(axis=1), ear)
    if not power.any():
        return mono
    kept = np.einsum("i,i->", mono, mono, dtype=np.float64) / power.mean()  # 1: they are all alike
    if kept >= 0.9999:
        return mono
    verdict, best = ear.judge() if ear.levels else ("average", 0)
    if verdict == "people" and _apart.get():
        sound.seek(0)
        _log.warning("%s: somebody else on each of its %d channels", label, sound.channels)
        return _blocks(sound, lambda block: block)[0]
    if kept < 0.1 / sound.channels:
        best, why = int(power.argmax()), "its channels cancel each other"
    elif verdict == "apart":
        why = "two microphones apart, whose average would sound hollow"
    elif verdict == "better":
        why = f"one of its {sound.channels} channels is far cleaner than their average"
    else:
        _log.warning("%s: %d channels averaged into one", label, sound.channels)
        return mono
    sound.seek(0)
    mono, _ = _blocks(sound, lambda block: block[:, best])
    _log.warning("%s: %s, only %d kept", label, why, best + 1)
    return mono


def _blocks(sound, pick, ear=None):
    """Read to the end, in memory that grows with what is there and not with what was promised."""
    kept, n, power = None, 0, np.zeros(sound.channels)
    while len(block := sound.read(BLOCK // sound.channels, "float32", always_2d=True)):
        picked = pick(block)
        if kept is None:
            kept = np.empty(picked.shape, dtype=np.float32)
        if n + len(block) > len(kept):
            kept.resize((max(2 * len(kept), n + len(block)), *kept.shape[1:]), refcheck=False)
        kept[n : n + len(block)] = picked
        power += np.square(block, dtype=np.float64).sum(axis=0)
        if ear:
            ear.hear(block)
        n += len(block)
    if kept is None:
        return np.empty(0, dtype=np.float32), power
    kept.resize((n, *kept.shape[1:]), refcheck=False)
    return kept, power


def _promised(sound, head):
    """Return how many samples the file should have by its own account; 0 where it gives none."""
    pattern = r"(?:data|SSND|Data Size|[Rr]iff size|riff)\s*: (\d+) \(should be (\d+)\)"
    for said, there in re.findall(pattern, sound.extra_info):
        # A few bytes are a matter of padding; 2 GB or more is what a pipe writes for "unknown".
        if int(there) + 8 < int(said) < 0x7F000000:
            return 1 + sound.frames * int(said) // max(1, int(there))
    if sound.format == "MP3" and not headers.contents_table(head[:256]):
        return 0  # what libsndfile tells is a guess
    return sound.frames if sound.frames < 2**40 else 0


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


def _cut_off(label, lost):
    """Make the error for a file that is not all there."""
    return ValueError(
        f"{label} is cut off ({lost}): copy or download it again, or keep what is there, "
        "ffmpeg -i your_file mended.wav"
    )
