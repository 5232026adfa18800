"""What a folder of recordings holds, and what results are called. Behind the tools, and 17."""

import mimetypes
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from helpers.clip import Clip

# What a folder is searched for, beside all that the system calls sound or film; a file that is
# named is read whatever it is called.
SUFFIXES = {".3ga", ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au"}
SUFFIXES |= {".awb", ".caf", ".flac", ".gsm", ".m4a", ".m4b", ".m4r", ".m4v", ".mka", ".mkv"}
SUFFIXES |= {".mov", ".mp2", ".mp3", ".mp4", ".mpga", ".mts", ".oga", ".ogg", ".opus", ".qta"}
SUFFIXES |= {".rf64", ".snd", ".voc", ".w64", ".wav", ".wave", ".weba", ".webm", ".wma", ".wv"}
# Results of an earlier run in a folder.
OURS = re.compile(r"(.+)_(speaker\d+|noise|denoised|no_echo)$")
LABELS = {"separate": ["speaker1", "speaker2"], "denoise": ["denoised"], "cancel-echo": ["no_echo"]}
LABELS["conversation"] = ["speaker1", "speaker2", "speaker3", "noise"]  # separate --conversation
NAME_MAX = 255  # bytes that a file's name may have


def recordings(
    path: Path, output: Path | None = None, say: Callable[[str], None] | None = None
) -> list[tuple[Path, Path]]:
    """Find the recordings that a name stands for, and in which subfolder each lies.

    Parameters
    ----------
    path : Path
        A folder, searched with all that lies in it; or a file, which is taken as it is.
    output : Path, optional
        Where results go: left out, where it lies in the folder.
    say : callable, optional
        Is told in a line what the folder has that is left out: files of other kinds, results of
        an earlier run beside their recordings, all that lies in the folder where results go.

    Returns
    -------
    list of (Path, Path)
        The file, and its subfolder relative to `path`; sorted.

    Raises
    ------
    ValueError
        If the folder holds no recording.

    Examples
    --------
    >>> from helpers import audio
    >>> [str(inside) for _, inside in recordings(audio.SOUNDS / "mix_speech.wav")]
    ['.']
    """
    if not path.is_dir():
        return [(path, Path())]
    files: list[Path] = []
    left: Counter[str] = Counter()

    def unreadable(problem):
        left[f"a folder that can't be opened, {problem.filename!r}"] += 1

    for folder, inner, names in os.walk(path, onerror=unreadable):
        inner.sort()
        for name in list(inner):
            place = Path(folder, name)
            if output and output.exists() and place.samefile(output):
                inner.remove(name)
                left["the folder of the results"] += 1
        stems = {Path(name).stem for name in names if not OURS.fullmatch(Path(name).stem)}
        stems |= {name for name in names if Path(name).stem in stems}
        for name in sorted(names):
            if why := _why_not(Path(folder, name), stems):
                left[why] += 1
            else:
                files.append(Path(folder, name))
    said = ", ".join(f"{count} × {why}" for why, count in sorted(left.items()))
    if not files:
        raise ValueError(
            f"no recording in the folder {str(path)!r} ({said or 'it is empty'}): name the files, "
            "they are read whatever they are called"
        )
    if said and say:
        say(f"left out in {str(path)!r}: {said}")
    return [(file, file.parent.relative_to(path)) for file in sorted(files)]


def _why_not(file, stems):
    """Say why a file in a folder is no recording to work on; "" for one that is."""
    suffix = file.suffix.lower()
    if file.name.startswith("."):  # ._talk.wav holds what a Mac knows of talk.wav
        return "hidden"
    if not (file.is_file() and os.access(file, os.R_OK)):
        return "can't be opened"
    kind = mimetypes.guess_type(file.name)[0] or ""
    if suffix not in SUFFIXES and not kind.startswith(("audio/", "video/")):
        return suffix or "without a suffix"
    ours = OURS.fullmatch(file.stem)
    return "result of an earlier run" if ours and ours[1] in stems else ""


def labels(task: str, count: int) -> list[str]:
    """Name the results of one recording.

    Parameters
    ----------
    task : str
        A key of `LABELS`, or what a function of the reader's own is called.
    count : int
        How many there are: as many as the network has tracks, or as people were heard.

    Returns
    -------
    list of str
        What their files' names end with.

    Examples
    --------
    >>> labels("separate", 3), labels("conversation", 2)
    (['speaker1', 'speaker2', 'speaker3'], ['speaker1', 'noise'])
    """
    usual = LABELS.get(task, [task])
    if count == len(usual):
        return usual
    noise = [label for label in usual if label == "noise"]
    return [f"speaker{i}" for i in range(1, count - len(noise) + 1)] + noise


def result_name(stem: str, label: str) -> str:
    """Make the name of a result.

    Parameters
    ----------
    stem : str
        What it begins with: the recording's name, without its suffix or with it.
    label : str
        What it is, such as "denoised".

    Returns
    -------
    str
        With a mark of its own in place of its end where it would be too long for a disk.

    Examples
    --------
    >>> result_name("talk", "denoised"), len(result_name(300 * "a", "denoised"))
    ('talk_denoised.wav', 255)
    """
    end = f"_{label}.wav"
    if len(os.fsencode(stem + end)) > NAME_MAX:  # a mark of its own for each long name
        end = f"_{zlib.crc32(os.fsencode(stem)):08x}{end}"
        while len(os.fsencode(stem + end)) > NAME_MAX:
            stem = stem[:-1]
    return f"{stem}{end}"


def subtype(recording: Path, clip: Clip) -> str:
    """Store a result as finely as the recording was, and as floats what 16 bits would clip.

    Parameters
    ----------
    recording : Path
        What the result was made of.
    clip : Clip
        The result.

    Returns
    -------
    str
        As soundfile names it.

    Examples
    --------
    >>> subtype(Path("no such file"), Clip([2.0], 8000))
    'FLOAT'
    """
    import soundfile

    try:
        with open(recording, "rb") as file:  # soundfile knows no names beyond UTF-8
            given = soundfile.info(file).subtype
    except (soundfile.SoundFileError, OSError, TypeError):
        given = ""  # M4A and the like
    if clip.peak > 0 or given in ("FLOAT", "DOUBLE"):
        return "FLOAT"
    return "PCM_24" if given in ("PCM_24", "PCM_32") else "PCM_16"


def check_place(folder: Path) -> None:
    """Refuse a place that takes no files before the work, not after it.

    Parameters
    ----------
    folder : Path
        Where results are to go; made later if missing.

    Raises
    ------
    ValueError
        If nothing can be written there.

    Examples
    --------
    >>> check_place(Path("build/a new folder"))
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        raise ValueError(f"{str(place)!r} takes no files: name a folder of yours, --output results")
