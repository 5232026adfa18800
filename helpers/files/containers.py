"""Sound in containers that libsndfile does not read: M4A, WebM, WMA. Behind `audio.load`.

The decoder is a program of its own, ffmpeg, or the package av; the course needs neither.
"""

import re
import shutil
import subprocess
from pathlib import Path

# How such files begin: where, with what, and what they are called.
CONTAINERS = (
    (4, b"ftyp", "MP4"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"\x1aE\xdf\xa3", "WebM"),
    (0, b"0&\xb2u", "WMA"),
    (0, b"#!AMR", "AMR"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"\x0bw", "AC-3"),
    (0, b"TTA1", "TTA"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV\x01", "FLV"),
    (0, b"G@\x00", "MPEG-TS"),
    (0, b"G@\x11", "MPEG-TS"),
)


def sniff(head: bytes) -> str:
    r"""Tell a container by how it begins.

    Parameters
    ----------
    head : bytes
        The first bytes of a file.

    Returns
    -------
    str
        Its name, or "" for what is none of CONTAINERS.

    Examples
    --------
    >>> sniff(b"\0\0\0\x20ftypM4A "), sniff(b"RIFF")
    ('MP4', '')
    """
    for start, magic, name in CONTAINERS:
        if head[start : start + len(magic)] == magic:
            return name
    return ""


def convert(label: str, file: Path | bytes, kind: str, folder: Path) -> Path:
    """Write a file as WAV, with the command ffmpeg or, where that is missing, the package av.

    Parameters
    ----------
    label : str
        What to call it in an error.
    file : Path or bytes
        The file, or its contents.
    kind : str
        What `sniff` said it is.
    folder : Path
        Where there is room for it.

    Returns
    -------
    Path
        The WAV file, float, at the rate and with the channels that the first sound track has.

    Raises
    ------
    ValueError
        If neither decoder is installed, or the file is damaged, cut off or has no sound.

    Examples
    --------
    >>> from pathlib import Path
    >>> convert("'film'", b"0000ftypM4A nothing more", "MP4", Path("build"))
    Traceback (most recent call last):
    ValueError: 'film' ...
    """
    given, wanted = folder / "given", folder / "wanted.wav"
    if isinstance(file, bytes):
        given.write_bytes(file)
    else:
        given = file.resolve()
    try:
        problem = _with_ffmpeg(given, wanted) if shutil.which("ffmpeg") else _with_av(given, wanted)
    except ImportError:
        raise ValueError(
            f"{label} is {kind}, which takes a decoder: install ffmpeg (ffmpeg.org) and load it "
            "again, or convert it to WAV elsewhere"
        ) from None
    if problem or not wanted.is_file():
        raise ValueError(
            f"{label} is {kind} that is damaged, cut off or without sound ({problem}): copy it "
            "again, or convert it to WAV with the program that made it"
        )
    return wanted


def _with_ffmpeg(given, wanted):
    """Decode the first sound track with the command ffmpeg; return what was wrong."""
    doubt = ["-v", "warning", "-nostdin", "-xerror", "-protocol_whitelist", "file"]
    wav = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-rf64", "auto", wanted]
    limit = 120 + given.stat().st_size / 1e5  # seconds: some hundred times what it takes
    command = [shutil.which("ffmpeg"), *doubt, "-i", given, *wav]
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"ffmpeg did not finish: {type(problem).__name__}"
    said = done.stderr.decode(errors="replace").replace(f"{given}: ", "")
    wrong = done.returncode or "prematurely" in said
    last = (said.splitlines() or ["ffmpeg gave no reason"])[-1]
    return re.sub(r"^\[.*?\] ", "", last) if wrong else ""


def _with_av(given, wanted):
    """Decode the first sound track with the package av; return what was wrong."""
    import av
    import soundfile

    try:
        with given.open("rb") as file, av.open(file, metadata_errors="replace") as box:
            if not box.streams.audio or not hasattr(box.streams.audio[0], "rate"):
                return "no sound track that can be decoded"
            track, floats = box.streams.audio[0], av.AudioResampler(format="fltp")
            shape = {"samplerate": track.rate, "channels": track.channels, "subtype": "FLOAT"}
            with soundfile.SoundFile(wanted, "w", **shape, format="RF64") as out:
                for frame in box.decode(track):
                    for part in floats.resample(frame):
                        out.write(part.to_ndarray().T)  # (samples, channels)
    except (av.FFmpegError, soundfile.SoundFileError, IndexError, ValueError) as problem:
        return str(problem)
    return ""
