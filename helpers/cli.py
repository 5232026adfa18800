"""The course's three tools on the command line: `python -m helpers --help`. Taught in 11.

Files or folders in, WAV files out. What went wrong with one file is said, and the others are done
all the same; nothing is half written, and no recording is ever overwritten.
"""

import argparse
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from helpers import audio, denoise, models, separate
from helpers.files import decode
from helpers.networks import NETWORKS

TASKS = {"separate": separate.TASK, "denoise": denoise.TASK}
LABELS = {"separate": ["speaker1", "speaker2"], "denoise": ["denoised"], "cancel-echo": ["no_echo"]}
# What a folder is searched for; a file that is named is read whatever it is called.
SUFFIXES = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".mp4", ".aac", ".webm"}
SUFFIXES |= {".wma", ".aif", ".aiff", ".au", ".w64"}
OURS = re.compile(r"_(speaker\d+|denoised|no_echo)$")  # results of an earlier run in a folder
MISTAKE, FAILURE, STOPPED = 2, 1, 130

ABOUT = """\
Separate speakers, remove noise, cancel echo: on any recording, on this computer alone.
Results are WAV files beside the recording, or in the folder that --output names."""

EXAMPLES = """\
examples:
  python -m helpers separate "two people.mp3"
  python -m helpers denoise interview.wav talk.m4a -o clean
  python -m helpers denoise recordings/ -o clean --json > report.json
  python -m helpers cancel-echo microphone.wav loudspeaker.wav
  python -m helpers clinic --help    (examines anybody's denoiser, separator or canceler)

exit status: 0 all done, 2 bad input (message on stderr), 1 anything else"""


@dataclass(frozen=True)
class Job:
    """One recording (for echo, two), where its results go, and what their names begin with."""

    inputs: tuple
    folder: Path

    def target(self, label):
        """Return the path of a result."""
        return self.folder / f"{self.inputs[0].stem}_{label}.wav"


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        What stands after `python -m helpers`; None takes the program's own.

    Returns
    -------
    int
        The exit status: 0 all done, 2 bad input, 1 the computer's fault, 130 stopped by Ctrl-C.

    Examples
    --------
    >>> main(["denoise", "no such file.wav"])
    2
    """
    for stream in (sys.stdout, sys.stderr):  # a Windows console may not know a file's letters
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        if options.rate is not None and options.rate not in decode.RATES:
            raise ValueError(f"--rate is in Hz, such as 8000, 16000 or 44100, not {options.rate}")
        return _work(_plan(options), _tool(options), options)
    except (ValueError, OSError) as problem:
        _say(f"error: {problem}")
        return MISTAKE if isinstance(problem, ValueError) else FAILURE
    except KeyboardInterrupt:
        _say("stopped: what was written before is whole")
        return STOPPED


def _parser():
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, does in (
        ("separate", "give every speaker a track of their own"),
        ("denoise", "take the noise away and leave the speech"),
        ("cancel-echo", "take what the loudspeaker played out of a microphone's recording"),
    ):
        add = commands.add_parser(name, help=does, description=f"{does}.".capitalize()).add_argument
        if name == "cancel-echo":
            add("mic", help="what the microphone heard: a file or a folder")
            add("far", help="what the loudspeaker played: a file, or a folder with the same names")
        else:
            add("files", nargs="+", help="recordings, or folders of recordings")
            tiers = "embedded (come with the course), local (a folder of yours), hub (by network)"
            add("--tier", choices=models.TIERS, help=f"whose weights: {tiers}")
            add("--models", metavar="FOLDER", help="the folder of the local tier")
            known = [key for key, record in NETWORKS.items() if record.task == TASKS[name]]
            add("--network", choices=known, default=known[0], help="which one; %(default)s if none")
        add("-o", "--output", metavar="FOLDER", type=Path, help="where to write; made if missing")
        own = "8000" if name == "separate" else "the recording's own"
        add("--rate", type=int, metavar="HZ", help=f"rate of the results; without it {own}")
        add("--json", action="store_true", help="print levels, seconds, real-time factors as JSON")
        add("--quiet", action="store_true", help="no progress on stderr")
    return parser


def _plan(options):
    """Make one job a recording; refuse what would overwrite anything before work begins."""
    if options.output and options.output.exists() and not options.output.is_dir():
        raise ValueError(f"--output {str(options.output)!r} is a file: name a folder")
    if options.command == "cancel-echo":
        found = _pairs(Path(options.mic), Path(options.far))
    else:
        found = [((path,), inside) for name in options.files for path, inside in _find(Path(name))]
    base = options.output
    jobs = [Job(files, base / inside if base else files[0].parent) for files, inside in found]
    jobs = list(dict.fromkeys(jobs))
    taken = {path.resolve(): path for job in jobs for path in job.inputs}
    for job in jobs:
        for target in map(job.target, LABELS[options.command]):
            if (place := target.resolve()) in taken:
                raise ValueError(
                    f"the result {str(target)!r} of {str(job.inputs[0])!r} would overwrite "
                    f"{str(taken[place])!r}, or its result: give the recordings different names, "
                    "or run them one by one with --output"
                )
            taken[place] = job.inputs[0]
    return jobs


def _find(path):
    """Return the recordings that a name stands for, and in which subfolder each lies."""
    if not path.is_dir():
        return [(path, Path())]
    files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
    files = [file for file in files if file.is_file() and not OURS.search(file.stem)]
    if not files:
        raise ValueError(f"no recording in the folder {str(path)!r}: {', '.join(sorted(SUFFIXES))}")
    return [(file, file.parent.relative_to(path)) for file in files]


def _pairs(mic, far):
    """Match the two recordings of an echo, by name where they are folders."""
    if mic.is_dir() != far.is_dir():
        raise ValueError("give two files, or two folders with files of the same names")
    if not mic.is_dir():
        return [((mic, far), Path())]
    played = {file.relative_to(far).with_suffix(""): file for file, _ in _find(far)}
    heard = [(file, file.relative_to(mic).with_suffix(""), inside) for file, inside in _find(mic)]
    if lonely := [str(file) for file, key, _ in heard if key not in played]:
        raise ValueError(f"nothing of the same name in {str(far)!r} for {', '.join(lonely)}")
    return [((file, played[key]), inside) for file, key, inside in heard]


def _tool(options):
    """Return the function that does it, on the weights that were asked for."""
    if options.command == "cancel-echo":
        from helpers import echo

        return lambda mic, far: [echo.cancel(mic, far, rate=options.rate)]
    where = {"folder": options.models, "tier": options.tier}
    weights = models.resolve(options.network, **where, quiet=True)
    if not options.quiet:
        _say(str(weights))
    models.load(options.network, **where, quiet=True)  # now: the first file isn't the slow one
    chosen = {"rate": options.rate, "network": options.network, **where}
    if options.command == "separate":
        return lambda clip: separate.separate(clip, **chosen)
    return lambda clip: [denoise.denoise(clip, **chosen)]


def _work(jobs, tool, options):
    """Do the jobs, one after the other; report each."""
    reports, status = [], 0
    for i, job in enumerate(jobs, start=1):
        if not options.quiet:
            _say(f"[{i}/{len(jobs)}] {job.inputs[0]}")
        try:
            report = _one(job, tool, options)
        except ValueError as problem:
            _say(f"error: {job.inputs[0]}: {problem}")
            report, status = {"input": str(job.inputs[0]), "error": str(problem)}, MISTAKE
        reports.append(report)
        if not options.json:
            for output in report.get("outputs", []):
                print(output["path"], flush=True)
    if options.json:
        print(json.dumps(reports, indent=2))
    return status


def _one(job, tool, options):
    """Do one job and return its report."""
    clips = [audio.load(path) for path in job.inputs]
    start = time.perf_counter()
    results = tool(*clips)
    took = time.perf_counter() - start
    labels = LABELS[options.command]
    if len(results) != len(labels):  # a network for three speakers
        labels = [f"speaker{i}" for i in range(1, len(results) + 1)]
    outputs = []
    for clip, label in zip(results, labels, strict=True):
        path = audio.save(clip, job.target(label), _subtype(job, clip))
        outputs.append({"path": str(path), **_facts(clip)})
    if not options.quiet:
        _say(f"      {clips[0].duration:.1f} s of sound in {took:.1f} s")
    return {
        "input": str(job.inputs[0]),
        **_facts(clips[0]),
        "outputs": outputs,
        "took_seconds": round(took, 3),
        "real_time_factor": round(took / clips[0].duration, 4),
    }


def _facts(clip):
    """Return what the report says of a clip; silence has no level, null in JSON."""
    levels = {"level_db": clip.level, "peak_db": clip.peak}
    rounded = {name: round(db, 2) if db > -1e9 else None for name, db in levels.items()}
    return {"seconds": round(clip.duration, 3), "rate": clip.rate, **rounded}


def _subtype(job, clip):
    """Store a result as finely as the recording was, and as floats what 16 bits would clip."""
    import soundfile

    try:
        given = soundfile.info(job.inputs[0]).subtype
    except (soundfile.SoundFileError, TypeError):
        given = ""  # M4A and the like
    if clip.peak > 0 or given in ("FLOAT", "DOUBLE"):
        return "FLOAT"
    return "PCM_24" if given in ("PCM_24", "PCM_32") else "PCM_16"


def _say(text):
    """Tell the person at the keyboard, beside what a program reads."""
    print(text, file=sys.stderr, flush=True)
