"""The course's three tools on the command line: `a2a`, or `python -m helpers`. Taught in 11.

Files or folders in, WAV files out. What went wrong with one file is said, and the others are done
all the same; what is left out of a folder is said, too, and at the end how many of how many were
done. Nothing is half written, and no recording is ever overwritten.
"""

import argparse
import errno
import glob
import json
import os
import re
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from helpers import audio, denoise, models, separate
from helpers.files import decode, folders
from helpers.networks import NETWORKS, devices

TASKS = {"separate": separate.TASK, "denoise": denoise.TASK}
MISTAKE, FAILURE, STOPPED = 2, 1, 130

_LEVEL = {"quiet": False}  # whether notices are left out

ABOUT = """\
Separate speakers, remove noise, cancel echo: on any recording, on this computer alone.
Results are WAV files beside the recording, or in the folder that --output names."""

EXAMPLES = """\
examples:
  python -m helpers separate "two people.mp3"
  python -m helpers separate --conversation meeting.wav
  python -m helpers denoise interview.wav talk.m4a -o clean
  python -m helpers denoise recordings/ -o clean --json > report.json
  python -m helpers denoise corpus/ -o clean/ --cluster local
  python -m helpers cancel-echo microphone.wav loudspeaker.wav
  python -m helpers clinic --help    (examines anybody's denoiser, separator or canceler)
  python -m helpers live

exit status: 0 all done, 2 bad input (message on stderr), 1 anything else"""


@dataclass(frozen=True)
class Job:
    """One recording (for echo, two), where its results go, and what their names begin with."""

    inputs: tuple
    folder: Path
    full: bool = False  # whether results are named with the recording's suffix, to tell two apart

    def target(self, label):
        """Return the path of a result."""
        return self.folder / folders.result_name(self.stem, label)

    @property
    def stem(self):
        """What the names of its results begin with."""
        return self.inputs[0].name if self.full else self.inputs[0].stem


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
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["live"]:
            from helpers import live

            return live.main(arguments[1:])
        if arguments[:1] == ["clinic"]:  # it has options of its own
            from helpers.clinic.cli import main as clinic

            return clinic(arguments[1:], prog=f"{_program()} clinic")
        options = _parser().parse_args(arguments)
        _LEVEL["quiet"] = options.quiet
        if options.rate is not None and options.rate not in decode.RATES:
            raise ValueError(f"--rate is in Hz, such as 8000, 16000 or 44100, not {options.rate}")
        if getattr(options, "cluster", None):
            return _corpus(_plan(options), options)
        return _work(_plan(options), options)
    except (ValueError, OSError) as problem:
        _say(f"error: {problem}")
        return MISTAKE if isinstance(problem, ValueError) else FAILURE
    except KeyboardInterrupt:
        _say("stopped: what was written before is whole")
        return STOPPED


def _program():
    """Return what the person typed: -c is how helpers/command.py starts `a2a`."""
    name = os.path.basename(sys.argv[0])
    return "a2a" if name == "-c" or name.startswith("a2a") else "python -m helpers"


def _parser():
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog=_program(),
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
            known = [
                key for key, record in NETWORKS.items()
                if record.task == TASKS[name] and not record.noise_track
            ]  # fmt: skip
            add("--network", choices=known, default=known[0], help="which one; %(default)s if none")
            does = "on several processes: local, or a Dask scheduler, tcp://scheduler:8786; needs "
            does += "--output, and started again goes on where it was"
            add("--cluster", metavar="WHERE", nargs="?", const="local", help=does)
            add("--workers", type=int, metavar="N", help="how many, with --cluster local")
            add("--dnsmos", action="store_true", help="with --cluster: rate before and after")
        if name == "separate":
            does = "up to three people, as many tracks as are heard, and the noise on its own"
            add("--conversation", action="store_true", help=does)
        add("-o", "--output", metavar="FOLDER", type=Path, help="where to write; made if missing")
        own = "8000" if name == "separate" else "the recording's own"
        add("--rate", type=int, metavar="HZ", help=f"rate of the results; without it {own}")
        cards = "auto takes a graphics card where there is one; cpu if none is named"
        add("--device", choices=devices.DEVICES, default="cpu", help=f"what computes: {cards}")
        add("--json", action="store_true", help="print levels, seconds, real-time factors as JSON")
        add("--quiet", action="store_true", help="no progress on stderr")
    does = "microphone to loudspeaker, denoised while you speak: live --help"
    commands.add_parser("live", help=does, add_help=False)
    return parser


def _plan(options):
    """Make one job a recording; refuse what would overwrite anything before work begins."""
    if options.output and options.output.exists() and not options.output.is_dir():
        raise ValueError(f"--output {str(options.output)!r} is a file: name a folder")
    base, listed = options.output, set()
    if options.command == "cancel-echo":
        mic, far = (_paths(word)[0] for word in (options.mic, options.far))
        found, options.alone = _pairs(mic, far, base)
        listed = {files for files, _ in found} if mic.is_dir() else set()
    else:
        found = []
        for path in (path for word in options.files for path in _paths(word)):
            here = [((file,), inside) for file, inside in _find(path, base)]
            listed |= {files for files, _ in here} if path.is_dir() else set()
            found += here
    jobs = [Job(files, base / inside if base else files[0].parent) for files, inside in found]
    jobs = list(dict.fromkeys(jobs))
    # A phone's folder holds talk.m4a and talk.mov; two names that were typed are a mistake.
    alike = Counter(job.target("") for job in jobs)
    jobs = [replace(job, full=alike[job.target("")] > 1 and job.inputs in listed) for job in jobs]
    taken = {path.resolve(): path for job in jobs for path in job.inputs}
    for job in jobs:
        for target in map(job.target, folders.LABELS[_task(options)]):
            if (place := target.resolve()) in taken:
                raise ValueError(
                    f"the result {str(target)!r} of {str(job.inputs[0])!r} would overwrite "
                    f"{str(taken[place])!r}, or its result: give the recordings different names, "
                    "or run them one by one with --output"
                )
            taken[place] = job.inputs[0]
    return jobs


def _paths(word):
    """Return the paths that a word stands for: shells differ in what they leave to the program."""
    if os.path.exists(word):
        return [Path(word)]
    text = word.strip(" \t\r\n\"'")
    if text.lower().startswith("file:"):
        text = urllib.request.url2pathname(urllib.parse.urlsplit(text).path)
    text = os.path.expanduser(text)
    if re.match(r"[A-Za-z][\w+.-]+:/", text):
        raise ValueError(f"{word!r} is an address: download it first, and give the file's path")
    if os.path.exists(text) or not glob.has_magic(text):
        return [Path(text)]
    found = [Path(name) for name in sorted(glob.glob(text, recursive=True))]
    if not found:
        raise ValueError(f"nothing is called {word!r}: look with ls or dir, or name the folder")
    return found


def _find(path, output=None):
    """Return the recordings that a name stands for, and in which subfolder each lies."""
    return folders.recordings(path, output, say=lambda text: _say(text, notice=True))


def _pairs(mic, far, output):
    """Match the two recordings of an echo, by name where they are folders; list who is alone."""
    if mic.is_dir() != far.is_dir():
        raise ValueError("give two files, or two folders with files of the same names")
    if not mic.is_dir():
        return [((mic, far), Path())], []
    played = {file.relative_to(far).with_suffix(""): file for file, _ in _find(far, output)}
    heard = [
        (file, file.relative_to(mic).with_suffix(""), inside) for file, inside in _find(mic, output)
    ]
    lonely = [str(file) for file, key, _ in heard if key not in played]
    both = [((file, played[key]), inside) for file, key, inside in heard if key in played]
    if not both:
        raise ValueError(f"nothing of the same name in {str(far)!r} for {', '.join(lonely)}")
    keys = {key for _, key, _ in heard}
    lonely += [str(file) for key, file in played.items() if key not in keys]
    if lonely:
        _say(f"left out, for want of one of the same name: {', '.join(lonely)}", notice=True)
    return both, lonely


def _task(options):
    """Return what is done, as `folders.LABELS` names it."""
    return "conversation" if _tracks_noise(options) else options.command


def _tracks_noise(options):
    """Tell whether people and noise are wanted."""
    return options.command == "separate" and options.conversation


def _tool(options):
    """Return the function that does it, on the weights that were asked for."""
    if options.command == "cancel-echo":
        from helpers import echo

        chosen = {"rate": options.rate, "device": options.device}
        return lambda mic, far: [echo.cancel(mic, far, **chosen)]
    where = {"folder": options.models, "tier": options.tier}
    if _tracks_noise(options):
        if options.network != "mossformer":
            raise ValueError("--conversation has a network of its own: leave --network out")
        options.network = "conversation"
    weights = models.resolve(options.network, **where, quiet=True)
    if not options.quiet:
        _say(str(weights))
    where["device"] = options.device
    models.bare(options.network, **where, quiet=True)  # now: the first file isn't the slow one
    chosen = {"rate": options.rate, "network": options.network, **where}
    if _tracks_noise(options):
        return lambda clip: _conversation(clip, rate=options.rate, **where)
    if options.command == "separate":
        return lambda clip: separate.separate(clip, **chosen)
    return lambda clip: [denoise.denoise(clip, **chosen)]


def _conversation(clip, **chosen):
    """Return the tracks of the people, and of the noise."""
    heard = separate.conversation(clip, **chosen)
    return [*heard.people, heard.noise]


def _work(jobs, options):
    """Do the jobs, one after the other; report each, and how many of how many were done."""
    total, tool = len(jobs), None
    alone = getattr(options, "alone", [])  # of an echo's two recordings one is missing
    reports = [{"input": name, "error": "nothing of the same name beside it"} for name in alone]
    statuses = [FAILURE] * bool(alone)
    for i, job in enumerate(jobs, start=1):
        if tool is None and all(path.exists() for path in job.inputs):
            tool = _tool(options)  # not for a mistyped name, which is said at once
        if not options.quiet:
            _say(f"[{i}/{len(jobs)}] {job.inputs[0]}")
        try:
            report, status = _one(job, tool, options), 0
        except (ValueError, OSError, RuntimeError, MemoryError) as problem:
            text = str(problem) or type(problem).__name__  # torch says by RuntimeError: no memory
            _say(f"error: {job.inputs[0]}: {text}")
            report = {"input": str(job.inputs[0]), "error": text}
            status = MISTAKE if isinstance(problem, ValueError) else FAILURE
            if getattr(problem, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                jobs = jobs[:i]  # what follows would not fit, either
                _say("stopped: the disk is full")
        reports.append(report)
        statuses.append(status)
        if not options.json:
            for output in report.get("outputs", []):
                print(output["path"], flush=True)
        if len(jobs) == i:
            break
    if not options.quiet and total + len(alone) > 1:
        _say(f"{statuses.count(0)} of {total + len(alone)} recordings done")
    if options.json:
        print(json.dumps(reports, indent=2))
    return FAILURE if FAILURE in statuses else max(statuses)


def _corpus(jobs, options):
    """Do the jobs in a cluster; what went wrong is told as it comes, and counted at the end."""
    from helpers import corpus

    if not options.output:
        raise ValueError("--cluster needs --output: a folder for the results and their table")
    if _tracks_noise(options):
        raise ValueError("--cluster gives one table of two speakers each: leave --conversation out")
    listed = [
        (job.inputs[0], str(job.inputs[0]), job.folder.relative_to(options.output) / job.stem)
        for job in jobs
    ]
    chosen = {"rate": options.rate, "network": options.network}
    chosen |= {"folder": options.models, "tier": options.tier, "device": options.device}
    rows = corpus.process(
        listed, options.output, options.command, cluster=options.cluster, workers=options.workers,
        dnsmos=options.dnsmos, progress=not options.quiet,
        say=lambda text: _say(text, notice=True), **chosen,
    )  # fmt: skip
    failed = [row for row in rows if row["error"]]
    for row in failed:
        _say(f"error: {row['name']}: {row['error']}")
    if options.json:
        print(json.dumps(list(rows), indent=2))
    if not options.quiet:
        _say(f"{len(rows) - len(failed)} of {len(rows)} recordings done")
        _say(corpus.summary(rows).to_string(header=False))
    whose = {row["whose"] for row in failed}
    return FAILURE if "machine" in whose else MISTAKE if whose else 0


def _one(job, tool, options):
    """Do one job and return its report."""
    folders.check_place(job.folder)
    if options.command == "separate":  # people who have a channel each stay apart
        clips = audio.people(job.inputs[0])
        inputs = [clips]
    else:
        clips = inputs = [audio.load(path) for path in job.inputs]
    start = time.perf_counter()
    results = tool(*inputs)
    took = time.perf_counter() - start
    task = _task(options)
    labels = folders.labels(task, len(results))
    outputs = []
    for clip, label in zip(results, labels, strict=True):
        path = audio.save(clip, job.target(label), folders.subtype(job.inputs[0], clip))
        outputs.append({"path": str(path), **_facts(clip)})
    if not options.quiet:
        beyond = (job.target(label) for label in folders.LABELS[task] if label not in labels)
        for path in filter(os.path.exists, beyond):
            _say(f"      {path.name} is from an earlier run: {len(results) - 1} heard in this one")
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


def _say(text, notice=False):
    """Tell the person at the keyboard, beside what a program reads."""
    if not (notice and _LEVEL["quiet"]):
        print(text, file=sys.stderr, flush=True)
