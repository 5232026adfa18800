#!/usr/bin/env python3
"""The course's commands; `python run.py` alone lists them.

Needs nothing but Python 3.11, 3.12 or 3.13. Every command first sees to the virtual environment
(`.venv`, or the folder that A2A_VENV names) and then works inside it: the first time that means an
installation, afterwards a look at a stamp. What the lessons need comes first; what tests and the
site need, once a command asks for it. A later command is one more function and one more row in
COMMANDS.
"""

import ast
import contextlib
import csv
import errno
import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ROOT / "requirements.txt"  # of the lessons and the command line
MORE = ROOT / "requirements-test.txt"  # of the tests, the Chinese edition's tools and the site
CONSTRAINTS = ROOT / "constraints.txt"
FIRST_LESSON = "00_start_here"

LINUX = sys.platform.startswith("linux")
# torch's Linux wheels bring CUDA along: 3 GB of archives, which pip keeps until all 7 GB are there.
NEEDED_GB = 10 if LINUX else 4
FIRST_TIME = f"2-3 minutes (more on a slow line) and {7 if LINUX else 2} GB"
LATER = "some 40 packages and 0.3 GB"  # what MORE adds: tests/test_pins.py measures it

STAMP = "course.stamp"  # written last: without it a set-up is not finished
UNFINISHED = "course.unfinished"  # while this is there, what the folder holds is not to be trusted
INSIDE = "course.lock"  # where there is no place for it beside the folder

# What JupyterLab finds in the environment, a file each.
JUPYTER = {
    "share/jupyter/lab/settings/overrides.json": {
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        }
    },
    # Not in jupyter_server_config.d: what lies there is read for extensions only.
    # No pings: tornado warns of Jupyter's timeout, which is longer than its interval, and a shorter
    # one closes every kernel's socket at the first ping. This server is on this machine alone.
    "etc/jupyter/jupyter_server_config.json": {
        "ServerApp": {"tornado_settings": {"ws_ping_interval": 0}}
    },
}


class Problem(Exception):
    """Something the reader can mend, said in one sentence."""

    code = 1


class Usage(Problem):
    """A command that could not even start."""

    code = 2


def say(text):
    """Print at once, so that the order stays right when the output goes to a file."""
    print(text, flush=True)


def check_python(version=sys.version_info, where="this is"):
    """Refuse a Python that the pins have no wheels for."""
    if not (3, 11) <= tuple(version[:2]) <= (3, 13):
        why = " (there is no pyarrow 18 for it)" if version >= (3, 14) else ""
        raise Usage(
            f"{where} Python {version[0]}.{version[1]}, but the course needs Python 3.11, 3.12 or "
            f"3.13{why}: install one (python.org, conda, or your system's packages) and start "
            "run.py with that one."
        )


# --- the virtual environment ------------------------------------------------------------------


def locate():
    """Return the environment's folder and its interpreter, there or not."""
    folder = Path(os.environ.get("A2A_VENV") or ROOT / ".venv")
    try:
        folder = folder.expanduser().absolute()
    except RuntimeError:
        raise Usage(f"A2A_VENV is {folder}, but there is no home: name it in full") from None
    return folder, folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(folder, everything):
    """Return what a finished set-up was made for: these pins, this place, this Python."""
    files = [REQUIREMENTS, CONSTRAINTS, folder / "pyvenv.cfg", *[MORE] * everything]
    parts = [str(ROOT).encode(), json.dumps(JUPYTER).encode(), part("command").CODE.encode()]
    parts += [path.read_bytes() if path.exists() else b"" for path in files]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_ready(folder, python, everything=False):
    """Tell whether the set-up was finished, for today's pins and for the Python that is there."""
    stamp = folder / STAMP
    if not (stamp.exists() and python.exists()):
        return False
    # A system's upgrade can put another Python behind the link: it finds none of the packages.
    behind = re.fullmatch(r"python(\d)\.(\d+)", Path(os.path.realpath(python)).name)
    if behind and made_for(folder) not in (None, (int(behind[1]), int(behind[2]))):
        return False
    return fingerprint(folder, everything) in stamp.read_text(encoding="ascii").split()


def made_for(folder):
    """Return the Python that a virtual environment was made for, (3, 11), or None."""
    config = folder / "pyvenv.cfg"
    text = config.read_text(encoding="utf-8", errors="replace") if config.exists() else ""
    found = re.search(r"(?m)^version(?:_info)? *= *(\d+)\.(\d+)", text)
    return found and (int(found[1]), int(found[2]))


def look(python):
    """Return an interpreter's version, its packages' folder, and whether it has pip; or None."""
    code = (
        "import sys, sysconfig, importlib.util as util; print(ascii((sys.version_info[:2], "
        "sysconfig.get_path('purelib'), util.find_spec('pip') is not None)))"
    )
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    version, packages, has_pip = ast.literal_eval(done.stdout)
    return version, Path(packages), has_pip


def set_up(everything=False):
    """Find, make or mend the environment, and return its interpreter."""
    folder, python = locate()
    if is_ready(folder, python, everything):
        return python
    with alone(folder) as held:
        if is_ready(folder, python, everything):
            say("It is ready.")
            return python
        started = time.monotonic()
        prepare(folder, python, everything, held)
        install(python, folder, everything, held)
        add_to_path(python)
        part("command").install(folder)
        configure_jupyter(folder)
        done = [fingerprint(folder, False), *[fingerprint(folder, True)] * everything]
        (folder / STAMP).write_text("\n".join(done), encoding="ascii")
        (folder / UNFINISHED).unlink(missing_ok=True)
        said = f"Ready after {time.monotonic() - started:.0f} s"
        later = "" if everything else f"; {LATER} for tests and the site come when one asks"
        say(f"{said}{later}.")
    return python


@contextlib.contextmanager
def alone(folder):
    """Keep other starts of run.py waiting; yields what a child needs to hold the lock as well.

    The lock is a file beside the environment. A pip that outlives a run.py that was killed goes on
    writing: it inherits the lock, and so the next start waits for it too.
    """
    refusal = f"the set-up can't write to {folder}: name a folder of your own in A2A_VENV."
    if folder.exists() and not os.access(folder, os.W_OK):
        raise Problem(refusal)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = folder.with_name(f"{folder.name}.lock")
        if not os.access(folder.parent, os.W_OK):  # a volume that is mounted there
            beside = folder / INSIDE
        lock = beside.open("a")
    except OSError:
        raise Problem(refusal) from None
    with lock:
        try:
            if not take(lock):
                say(f"Another start is setting up {folder}: this one waits (Ctrl-C ends that).")
                while not take(lock):
                    time.sleep(0.2)
        except OSError as error:  # some network file systems have no locks
            say(f"{beside} can't be locked ({error.strerror}): don't start run.py twice now.")
        yield {"pass_fds": [lock.fileno()]} if fcntl else {}


def take(lock):
    """Take the lock, unless somebody else holds it; it ends with the last process that has it."""
    try:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            lock.seek(0)
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise
        return False
    return True


def prepare(folder, python, everything, held):
    """See to an environment whose pip works: go on with what is there, or make one."""
    stamp, unfinished = folder / STAMP, folder / UNFINISHED
    found, version = look(python), made_for(folder)
    if not found or version not in (None, found[0]):  # no Python that finds the packages
        create(folder, held)
        return
    check_python(found[0], f"{folder} has")
    if unfinished.exists():
        say(f"A set-up of {folder} was broken off: this one goes on where that was.")
        check_disk(folder)
        forget_halves(found[1])
        found = look(python)
    elif stamp.exists() and everything and is_ready(folder, python):
        say(f"Adding what tests and the site need: {LATER}.")
    else:
        say(f"Bringing {folder} up to the course's pins: seconds, or a few minutes.")
    if stamp.exists():
        stamp.replace(unfinished)
    if not found[2]:
        make([python, "-m", "ensurepip", "--default-pip"], held)


def create(folder, held):
    """Make an environment; what is there stays, if it is one of our own for this Python."""
    ours = (folder / UNFINISHED).exists() or (folder / STAMP).exists()
    others = folder.is_dir() and any(path.name != INSIDE for path in folder.iterdir())
    if folder.is_file() or (others and not ours):
        raise Problem(
            f"{folder} is there, but is no virtual environment that works: remove it, or name "
            "another folder in A2A_VENV."
        )
    if Path(sys.prefix).resolve() == folder.resolve():
        raise Problem(f"{folder} has to be made anew: start run.py with a Python outside it.")
    version = made_for(folder)
    if version and version != sys.version_info[:2]:
        clear(folder, version)
        version = None
    check_disk(folder)
    if version:
        say(f"The Python of {folder} is gone: this one takes its place.")
    else:
        say(f"Setting up {folder}: some {FIRST_TIME}, the first time only.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / UNFINISHED).touch()
    (folder / STAMP).unlink(missing_ok=True)
    for link in folder.glob("bin/python*"):  # venv leaves a link alone, wherever it leads
        if link.is_symlink():
            link.unlink()
    make([sys.executable, "-m", "venv", folder], held)
    if version:
        forget_halves(look(locate()[1])[1])


def make(command, held):
    """Run venv or ensurepip."""
    made = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **held
    )
    if made.returncode:
        raise Problem(
            "Python could not make a virtual environment (on Debian and Ubuntu it needs "
            f"`sudo apt install python3-venv`); it said: {(made.stdout + made.stderr).strip()}"
        )


def clear(folder, version):
    """Delete an environment of another Python, if the reader says so."""
    old, new = (".".join(map(str, each[:2])) for each in (version, sys.version_info))
    what = f"{folder} ({size_of(folder) / 1e9:.1f} GB) holds packages for Python {old}"
    if not ask(f"{what}, which is gone, and Python {new} can't use them. Delete them?"):
        raise Problem(
            f"{what}, which is gone: delete that folder, start run.py with a Python {old}, or name "
            "another folder in A2A_VENV."
        )
    marker = folder / UNFINISHED
    marker.touch()  # goes last: without it the rest would be nobody's
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child != marker:
            child.unlink()


def ask(question):
    """Ask the person at the terminal; where nobody sits there the answer is no."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    with contextlib.suppress(EOFError):
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    return False


def size_of(folder):
    """Add up a folder's files, in bytes."""
    walk = os.walk(folder)
    paths = (Path(inside, name) for inside, _, names in walk for name in names)
    return sum(path.lstat().st_size for path in paths)


def forget_halves(packages):
    """Let pip install anew what a set-up that was broken off left half installed.

    pip takes a package for installed once its METADATA is there, and some archives begin with it.
    """
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pinned = {plain(line.split("==")[0]) for line in lines} | {"pip", "setuptools"}
    for record in packages.glob("*.dist-info"):
        if plain(record.name.split("-")[0]) in pinned and not is_whole(record):
            shutil.rmtree(record)  # a few kB, the package's own files are written over


def plain(name):
    """Return a package's name as the index compares it."""
    return re.sub("[-_.]+", "-", name).lower()


def is_whole(record):
    """Tell whether an installed package's files are there in full, by the list that it came with.

    A file may be larger: some add a company's certificates to certifi's.
    """
    try:
        with (record / "RECORD").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 3 and row[2]]
        sizes = [(record.parent / name).stat().st_size for name, _, _ in rows]
    except OSError:
        return False
    return bool(rows) and all(int(row[2]) <= size for row, size in zip(rows, sizes, strict=True))


def check_disk(folder):
    """Refuse a disk that would be full before the end."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free / 1e9
    needed = max(1, NEEDED_GB - round(size_of(folder) / 1e9))
    if free < needed:
        raise Problem(
            f"the set-up needs {needed} GB of free disk, and {place} has {free:.1f} GB: make "
            "room, or name a folder on another disk in A2A_VENV."
        )


def install(python, folder, everything, held):
    """Let pip install the pins: its report goes to a file, the big steps to the screen."""
    log = folder / "pip.log"
    command = [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    for file in [REQUIREMENTS, *[MORE] * everything]:
        command += ["-r", str(file)]
    command += ["-c", str(CONSTRAINTS)]
    text = {"encoding": "utf-8", "errors": "replace"}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **text, **held}
    big = re.compile(r" +(?:Downloading|Using cached) (\S+?-[^-\s]+)\S* \((\d{3}\S* MB|\S+ GB)\)")
    start = functools.partial(subprocess.Popen, cwd=ROOT, env=environment())
    with log.open("w", **text) as report, start(command, **options) as pip:
        for line in pip.stdout:
            report.write(line)
            step = big.match(line)
            if step:
                say(f"  {step[1]} ({step[2]})")
            elif line.startswith("Installing collected packages"):
                say(f"  unpacking {line.count(',') + 1} packages, the longest step")
    if pip.returncode:
        reason = why_pip_failed(log.read_text(**text))
        raise Problem(f"{reason}; pip's full report: {log}")


def why_pip_failed(report):
    """Put pip's pages into half a sentence."""
    network = "ConnectionError|Max retries|Retrying |timed out|ProxyError|SSLError|name resolution"
    if re.search("No space left|Errno 28|not enough space", report):
        return "the disk became full while pip was installing: make room, then start again"
    if re.search(f"{network}|getaddrinfo|IncompleteRead|from versions: none", report):
        return "pip could not reach the package index: check the network, then start again"
    errors = re.findall("^ERROR: (.+)", report, flags=re.MULTILINE)
    return f"pip could not install the packages ({errors[-1] if errors else 'it gave no reason'})"


def part(name):
    """Load one module of helpers alone: the package needs what is not installed yet."""
    file = Path(__file__).resolve().parent / "helpers" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"course_{name}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def add_to_path(python):
    """Make `import helpers` work in every kernel, wherever its notebook lies."""
    # A kernel starts in its notebook's folder, where there is no helpers/. Each Python of the
    # environment reads the .pth files of its site-packages, so no notebook need name a path.
    # The line is code since a bare path would be read in the locale's encoding: this is ASCII.
    # It also lets `python -m helpers` be the course's where the reader's folder has a helpers.py.
    line = part("command").AT_START.format(root=str(ROOT))
    (look(python)[1] / "audio_to_audio.pth").write_text(line, encoding="ascii")


def configure_jupyter(folder):
    """Keep JupyterLab from asking for news, which needs a network, and from warning of itself."""
    for name, wish in JUPYTER.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(wish), encoding="ascii")


def environment(**more):
    """Return the variables a child starts with; what the reader has set wins."""
    defaults = part("cores").considerate() | {
        "PYTHONUTF8": "1",  # the course holds Chinese, which a Windows code page may not know
        "MODELSCOPE_LOG_LEVEL": "40",  # errors only; ModelScope reads it once, at its import
    }
    return {**defaults, **more, **os.environ, **part("places").substitutes()}


def call(command, cwd=None, **variables):
    """Run a child to its end and return its exit code; Ctrl-C is the child's to answer."""
    # A child inherits a signal that is ignored, but not a handler that does nothing.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call(
            [str(part) for part in command], cwd=cwd, env=environment(**variables)
        )
    finally:
        signal.signal(signal.SIGINT, before)


# --- the commands -----------------------------------------------------------------------------


def find_lesson(word, folder="notebooks"):
    """Return the one notebook that a number, a name or a part of a name stands for."""
    notebooks = sorted((ROOT / folder).glob("*.ipynb"))
    word = Path(word).name.removesuffix(".ipynb")
    found = [path for path in notebooks if f"{path.stem}_".startswith(f"{word:0>2}_")]
    found = found or [path for path in notebooks if word in path.stem]
    if len(found) != 1:
        names = ", ".join(path.stem for path in found or notebooks)
        raise Usage(f"{len(found) or 'no'} lessons match {word!r}; choose from: {names}")
    return found[0]


def lab(args):
    """Open JupyterLab; its token stays on, and it listens to this machine alone."""
    cut = args.index("--") if "--" in args else len(args)
    words, options = args[:cut], args[cut + 1 :]
    if "--no-browser" in words:
        words.remove("--no-browser")
        options.insert(0, "--no-browser")
    folder = "notebooks"
    if words[:1] == ["zh"]:  # the Chinese edition
        folder, words = "notebooks/zh", words[1:]
    if len(words) > 1 or any(word.startswith("-") for word in words):
        raise Usage("usage: run.py lab [zh] [lesson] [--no-browser] [-- JupyterLab's options]")
    lesson = find_lesson(words[0] if words else FIRST_LESSON, folder)
    python = set_up()
    say("JupyterLab is starting; Ctrl-C stops it.")
    command = [python, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.root_dir={ROOT}"]
    command += [f"--LabApp.default_url=/lab/tree/{folder}/{lesson.name}"]
    return call(command + options, cwd=ROOT)


def test(args):
    """Run the unit tests, the docstrings' examples and, cell by cell, the lessons.

    A module or a lesson is one piece of work, each core takes the next one.
    """
    command = [set_up(everything=True), "-m", "pytest"]
    command += ["--dist=loadscope", "--no-loadscope-reorder"]  # tests/conftest.py sorts them
    command += ["-n", str(part("cores").cores())]
    if "--quick" in args:
        args = [arg for arg in args if arg != "--quick"]
        say("Quick: without the lessons, the site, and what is marked slow.")
        command += ["-m", "not slow", "--ignore=notebooks", "--ignore=tests/test_site.py"]
    else:
        command += ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=600"]
        command += ["--nbval-sanitize-with=tests/nbval_sanitize.cfg"]
    return call([*command, *args], cwd=ROOT, OMP_NUM_THREADS="1")  # a core for each piece of work


def train(args):
    """Train one of the two embedded models."""
    if not args or args[0] not in ("separation", "denoising"):
        raise Usage("usage: run.py train separation|denoising [--minutes N] [...]")
    return call([set_up(), "-m", f"training.{args[0]}", *args[1:]])


def evaluate(args):
    """Score the embedded models."""
    return call([set_up(), "-m", "training.evaluate", *args])


def bench(args):
    """Time the fast path against ModelScope's pipelines as they are."""
    return call([set_up(), "-m", "training.bench", *args])


def lessons(args):
    """Keep the lessons: run them anew, link them, check them."""
    return call([set_up(everything=True), "-m", "book.lessons", *args], cwd=ROOT)


def book(args):
    """Build the site: the lessons in both languages, to be read and heard in a browser."""
    return call([set_up(everything=True), "-m", "book.site", *args], cwd=ROOT)


def zh(args):
    """Keep the Chinese edition: build it, bring its catalogs up to date, check them."""
    return call([set_up(everything=True), "-m", "book.zh", *args], cwd=ROOT)


COMMANDS = {
    "lab": (lab, "open JupyterLab: lab, lab 05, lab zh 05; after -- options of JupyterLab"),
    "test": (test, "run every test and lesson: test, test --quick, test -k mixing, test notebooks"),
    "train": (train, "train an embedded model: train separation --minutes 10, train denoising"),
    "evaluate": (evaluate, "score the embedded models on the test recordings"),
    "bench": (bench, "time the fast path: bench, bench --quick, bench --long"),
    "lessons": (lessons, "keep the lessons: lessons run 05, lessons links, lessons check"),
    "zh": (zh, "build the Chinese edition: zh, zh update, zh check 05"),
    "book": (book, "build the site into book/_build: book, book --serve"),
}


def main(args):
    """Run one command and return the exit code."""
    listing = "\n".join(f"  python run.py {name:<9} {text}" for name, (_, text) in COMMANDS.items())
    try:
        check_python()
        if not args or args[0] in ("-h", "--help", "help"):
            say(listing)
            return 0
        if args[0] not in COMMANDS:
            raise Usage(f"there is no command {args[0]!r}; there are:\n{listing}")
        return COMMANDS[args[0]][0](args[1:])
    except Problem as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        print("Stopped; the next start takes it up again.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
