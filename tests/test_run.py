"""run.py's own functions, with only the processes they would start replaced."""

import importlib.metadata
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest

import run
from helpers import cores

PIP_REPORT = """\
Collecting torch==2.14.1
  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (523.1 MB)
  Downloading einops-0.8.2-py3-none-any.whl (64 kB)
Installing collected packages: torch, einops
Successfully installed einops-0.8.2 torch-2.14.1
"""

FILES = {
    "REQUIREMENTS": "requirements.txt",
    "MORE": "requirements-test.txt",
    "CONSTRAINTS": "constraints.txt",
}
VERSION = sys.version_info[:2]
OTHER = (3, 11) if VERSION != (3, 11) else (3, 12)

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A repository and a machine whose `venv`, `pip` and other children are stand-ins.

    `started` lists what was started; `pip` is what pip prints and returns.
    """
    repository = tmp_path / "课程 with a space"
    (repository / "notebooks").mkdir(parents=True)
    for name in ("00_start_here", "05_separate_with_mossformer", "07_denoise_with_frcrn"):
        (repository / "notebooks" / f"{name}.ipynb").write_text("{}")
    monkeypatch.setattr(run, "ROOT", repository)
    for name, file in FILES.items():
        (repository / file).write_text("torch==2.14.1\n")
        monkeypatch.setattr(run, name, repository / file)
    monkeypatch.delenv("A2A_VENV", raising=False)

    folder = repository / ".venv"
    packages = folder / "lib" / "site-packages"
    state = SimpleNamespace(
        repository=repository,
        folder=folder,
        packages=packages,
        started=[],
        venv=(0, ""),
        found=None,  # what look finds; without it, what pyvenv.cfg says
        pip=(0, PIP_REPORT),
        child=0,
    )

    def start(command, **_):
        state.started.append([str(part) for part in command])
        if command[1:3] == ["-m", "venv"]:
            python = run.locate()[1]
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
            packages.mkdir(parents=True, exist_ok=True)
            (folder / "pyvenv.cfg").write_text(f"version = {dotted(VERSION)}.7\n")
            return subprocess.CompletedProcess(command, state.venv[0], "", state.venv[1])
        return subprocess.CompletedProcess(command, 0, "", "")

    def look(python):
        found = state.found or ((made := run.made_for(folder)) and (made, packages, True))
        return found if python.exists() else None

    class Pip:
        def __init__(self, command, **_):
            state.started.append(command)
            self.returncode, report = state.pip
            self.stdout = io.StringIO(report)

        def __enter__(self):
            return self

        def __exit__(self, kind, *_):
            pass

    def call(command, **_):
        state.started.append(command)
        return state.child

    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(100e9, 0, 100e9))
    monkeypatch.setattr(run, "look", look)
    monkeypatch.setattr(run.subprocess, "run", start)
    monkeypatch.setattr(run.subprocess, "Popen", Pip)
    monkeypatch.setattr(run.subprocess, "call", call)
    return state


def tools(machine):
    """Return the module that each started process ran: venv, pip, pytest..."""
    return [command[2] for command in machine.started if command[1] == "-m"]


def dotted(version):
    """Return (3, 11) as "3.11"."""
    return ".".join(map(str, version))


def half_a_package(machine, name="torch", listed=1000, there=600):
    """Leave a package as a pip that was killed does: its METADATA is there, its files in part."""
    record = machine.packages / f"{name}-2.14.1.dist-info"
    record.mkdir(parents=True, exist_ok=True)
    (record / "METADATA").write_text(f"Name: {name}\nVersion: 2.14.1\n")
    (record / "RECORD").write_text(f"{name}/core.py,sha256=x,{listed}\n{name}/core.pyc,,\n")
    (machine.packages / name).mkdir(exist_ok=True)
    (machine.packages / name / "core.py").write_text("x" * there)
    return record


# --- the listing and the doors --------------------------------------------------------------------


def test_alone_it_lists_every_command(capsys):
    assert run.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    commands = [line.split() for line in lines if line.startswith("  python run.py")]
    assert [words[2] for words in commands] == list(run.COMMANDS)
    assert all(len(words) > 5 for words in commands)


def test_it_starts_as_a_script_from_any_folder(root, tmp_path):
    done = subprocess.run(
        [sys.executable, root / "run.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "run.py lab" in done.stdout


def test_unknown_command(capsys):
    assert run.main(["bake"]) == 2
    assert "no command 'bake'" in capsys.readouterr().err


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13), (3, 14, 0), (4, 0, 0)])
def test_wrong_python_is_one_sentence(version):
    with pytest.raises(run.Usage) as problem:
        run.check_python(version)
    text = str(problem.value)
    assert f"Python {version[0]}.{version[1]}" in text
    assert "needs Python 3.11, 3.12 or 3.13" in text
    assert ("no pyarrow 18 for it" in text) == (version >= (3, 14))
    assert "\n" not in text
    assert problem.value.code == 2


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 0)])
def test_the_right_python_says_nothing(version, capsys):
    run.check_python(version)
    assert capsys.readouterr().out == ""


# --- the set-up -----------------------------------------------------------------------------------


def test_set_up_installs_the_pins_once(machine, capsys):
    python = run.set_up()
    assert tools(machine) == ["venv", "pip"]
    pip = machine.started[1]
    assert pip[0] == str(python)
    assert pip[-4:] == ["-r", str(run.REQUIREMENTS), "-c", str(run.CONSTRAINTS)]
    assert (machine.folder / "pip.log").read_text() == PIP_REPORT
    said = capsys.readouterr().out
    assert "the first time only" in said
    assert "torch-2.14.1 (523.1 MB)" in said
    assert "einops" not in said
    assert "unpacking 2 packages" in said
    assert f"{run.LATER} for tests and the site" in said

    machine.started.clear()
    assert run.set_up() == python
    assert machine.started == []
    assert capsys.readouterr().out == ""


def test_a_folder_that_is_not_there_is_not_listed(machine, monkeypatch):
    """From Python 3.13 on `iterdir` looks at once, and not when the first name is asked for."""
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(list(os.scandir(folder))))
    run.set_up()
    assert tools(machine) == ["venv", "pip"]


@pytest.mark.parametrize("words", [["lab"], ["train", "separation"], ["evaluate"], ["bench"]])
def test_what_tests_and_the_site_need_is_left_out(machine, words):
    assert run.main(words) == 0
    assert str(run.MORE) not in machine.started[1]


@pytest.mark.parametrize("words", [["test"], ["lessons", "check"], ["zh"], ["book"]])
def test_what_tests_and_the_site_need_comes_when_asked_for(machine, words, capsys):
    run.set_up()
    machine.started.clear()
    capsys.readouterr()
    assert run.main(words) == 0
    assert machine.started[0][2] == "pip"
    both = ["-r", str(run.REQUIREMENTS), "-r", str(run.MORE), "-c", str(run.CONSTRAINTS)]
    assert machine.started[0][-6:] == both
    assert f"Adding what tests and the site need: {run.LATER}." in capsys.readouterr().out
    machine.started.clear()
    for then in (words, ["lab"]):
        assert run.main(then) == 0
    assert "pip" not in tools(machine)


def test_helpers_can_be_imported_from_any_folder(machine, tmp_path, monkeypatch):
    run.set_up()
    line = (machine.packages / "audio_to_audio.pth").read_bytes()
    assert line.isascii()
    assert line.startswith(b"import ")  # or site would take it for a path
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-c", "pass"])
    exec(line)
    assert sys.path == [str(machine.repository)]
    name = "Scripts/a2a.cmd" if sys.platform == "win32" else "bin/a2a"
    assert (machine.folder / name).exists()  # the course's own command


def test_jupyter_does_not_ask_for_news(machine):
    run.set_up()
    (settings,) = machine.folder.glob("share/jupyter/lab/settings/overrides.json")
    (wish,) = json.loads(settings.read_text("ascii")).values()
    assert wish == {"fetchNews": "false", "checkForUpdates": False}


def test_jupyter_does_not_warn_of_its_own_pings(machine):
    run.set_up()
    (config,) = machine.folder.glob("etc/jupyter/jupyter_server_config.json")
    settings = json.loads(config.read_text("ascii"))["ServerApp"]["tornado_settings"]
    # Not a shorter timeout: since the last pong it is always the interval that has passed, and so
    # Jupyter would close every kernel's socket at the first ping.
    assert settings == {"ws_ping_interval": 0}


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_changed_pins_are_installed(machine, name):
    run.set_up()
    machine.started.clear()
    (machine.repository / name).write_text("torch==2.14.2\n")
    run.set_up()
    assert tools(machine) == ["pip"]


def test_changed_pins_of_the_tests_leave_the_lessons_alone(machine):
    run.set_up(everything=True)
    machine.started.clear()
    (machine.repository / "requirements-test.txt").write_text("pytest==9.2.1\n")
    run.set_up()
    assert machine.started == []
    run.set_up(everything=True)
    assert tools(machine) == ["pip"]


def test_another_python_or_place_is_noticed(machine, monkeypatch):
    run.set_up()
    folder, python = run.locate()
    assert run.is_ready(folder, python)
    monkeypatch.setattr(run, "ROOT", machine.repository / "moved")
    assert not run.is_ready(folder, python)
    monkeypatch.undo()
    (folder / "pyvenv.cfg").write_text("version = 3.12.99\n")
    assert not run.is_ready(folder, python)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("killed")])
def test_an_interrupted_set_up_goes_on_where_it_was(machine, monkeypatch, error, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(run, "add_to_path", lambda python: (_ for _ in ()).throw(error))
        with pytest.raises(type(error) if isinstance(error, Exception) else error):
            run.set_up()
    (machine.packages / "gigabytes").mkdir()
    machine.started.clear()
    run.set_up()
    assert tools(machine) == ["pip"]
    assert "goes on where that was" in capsys.readouterr().out
    assert (machine.packages / "gigabytes").exists()
    machine.started.clear()
    run.set_up()
    assert machine.started == []


def test_an_interrupted_update_goes_on_where_it_was(machine):
    run.set_up()
    (machine.repository / "requirements.txt").write_text("torch==2.14.2\n")
    machine.pip = (1, "ERROR: something")
    with pytest.raises(run.Problem):
        run.set_up()
    (machine.packages / "gigabytes").mkdir()
    machine.pip = (0, PIP_REPORT)
    machine.started.clear()
    run.set_up()
    assert tools(machine) == ["pip"]
    assert (machine.packages / "gigabytes").exists()


@pytest.mark.parametrize("marker", [True, False])
def test_what_was_cut_off_before_pip_was_there_goes_on(machine, marker):
    run.set_up()
    (machine.folder / run.STAMP).replace(machine.folder / run.UNFINISHED)
    if marker:
        machine.found = (VERSION, machine.packages, False)
    else:
        run.locate()[1].unlink()
    machine.started.clear()
    run.set_up()
    assert tools(machine) == [("ensurepip" if marker else "venv"), "pip"]


def test_pip_sees_what_is_half_installed(machine):
    run.set_up()
    (machine.folder / run.STAMP).replace(machine.folder / run.UNFINISHED)
    half = half_a_package(machine)
    whole = half_a_package(machine, "Some_Thing", there=1000)
    mine = half_a_package(machine, "readers_own")
    (machine.repository / "constraints.txt").write_text("torch==2.14.1\nsome-thing==2.14.1\n")
    run.set_up()
    assert not half.exists()
    assert (machine.packages / "torch" / "core.py").exists()
    assert whole.exists()  # it need not be installed again
    assert mine.exists()  # pip would not bring it back


@pytest.mark.parametrize(
    ("record", "verdict"),
    [("a.py,x,3\na.pyc,,\n", True), ("a.py,x,2\n", True), ("a.py,x,4\n", False)]
    + [("a.py,x,3\nb.py,x,0\n", False), ("", False), (None, False)],
)
def test_a_package_is_whole_if_its_files_are_there(tmp_path, record, verdict):
    (tmp_path / "a.py").write_text("abc")
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    if record is not None:
        (info / "RECORD").write_text(record)
    assert run.is_whole(info) == verdict


def test_the_packages_here_are_whole():
    for name in ("numpy", "pytest", "hypothesis"):
        package = importlib.metadata.distribution(name)
        record = package.locate_file(f"{name}-{package.version}.dist-info")
        assert run.is_whole(Path(record)), record


def test_of_a_python_that_does_not_start_nothing_is_known(tmp_path):
    broken = tmp_path / "python"
    assert run.look(broken) is None
    broken.write_text("#!/no/such/python\n")
    broken.chmod(0o755)
    assert run.look(broken) is None


# --- an environment of another Python -------------------------------------------------------------


@pytest.fixture
def upgraded(machine):
    """A full environment whose Python is gone, as after an upgrade of the system."""
    run.set_up()
    (machine.folder / "pyvenv.cfg").write_text(f"version = {dotted(OTHER)}.4\n")
    (machine.packages / "gigabytes").mkdir()
    run.locate()[1].unlink()
    machine.started.clear()
    return machine


class Terminal:
    def isatty(self):
        return True


@pytest.mark.parametrize("answer", [None, "", "n", "what?", EOFError])
def test_gigabytes_are_not_deleted_unless_the_reader_says_so(upgraded, monkeypatch, capsys, answer):
    asked = []

    def typed(question):
        asked.append(question)
        if answer is EOFError:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr(run.sys, "stdin", Terminal() if answer is not None else io.StringIO("y"))
    assert run.main(["lab"]) == 1
    assert len(asked) == (answer is not None)  # nobody is asked where nobody sits
    said = capsys.readouterr().err.strip()
    assert f"{upgraded.folder} (0.0 GB) holds packages for Python {dotted(OTHER)}" in said
    assert all(word in said for word in ("delete that folder", f"a Python {dotted(OTHER)}", "A2A_"))
    assert "\n" not in said
    assert (upgraded.packages / "gigabytes").exists()
    assert upgraded.started == []


def test_with_the_readers_consent_they_are(upgraded, monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda question: print(question) or " Y ")
    monkeypatch.setattr(run.sys, "stdin", Terminal())
    run.set_up()
    assert f"Python {dotted(VERSION)} can't use them. Delete them?" in capsys.readouterr().out
    assert not (upgraded.packages / "gigabytes").exists()
    assert tools(upgraded) == ["venv", "pip"]
    assert run.is_ready(*run.locate())


def test_a_deletion_that_is_broken_off_leaves_the_folder_ours(upgraded, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "y")
    monkeypatch.setattr(run.sys, "stdin", Terminal())
    monkeypatch.setattr(shutil, "rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run.set_up()
    assert (upgraded.folder / run.UNFINISHED).exists()


def test_a_python_of_the_same_minor_version_takes_over(machine, capsys):
    run.set_up()
    (machine.folder / "pyvenv.cfg").write_text(f"version = {dotted(VERSION)}.99\n")
    (machine.packages / "gigabytes").mkdir()
    run.locate()[1].unlink()
    machine.started.clear()
    run.set_up()
    assert tools(machine) == ["venv", "pip"]
    assert "this one takes its place" in capsys.readouterr().out
    assert (machine.packages / "gigabytes").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no links")
def test_another_python_behind_the_link_is_noticed(machine, tmp_path):
    run.set_up()
    folder, python = run.locate()
    for version, ready in ((VERSION, True), (OTHER, False)):
        behind = tmp_path / f"python{dotted(version)}"
        behind.touch()
        python.unlink()
        python.symlink_to(behind)
        assert run.is_ready(folder, python) == ready
    machine.found = (OTHER, machine.packages, True)
    machine.started.clear()
    run.set_up()  # for this Python the packages are right
    assert tools(machine) == ["venv", "pip"]
    assert not python.is_symlink()


def test_a_readers_environment_of_a_wrong_python_is_told(machine, capsys):
    python = run.locate()[1]
    python.parent.mkdir(parents=True)
    python.touch()
    machine.found = ((3, 10), machine.packages, True)
    assert run.main(["lab"]) == 2
    assert f"{machine.folder} has Python 3.10, but the course needs" in capsys.readouterr().err
    assert machine.started == []


# --- two starts at once ---------------------------------------------------------------------------

# A pip that tells when it begins and ends, and works on until it is let go or nobody listens.
PIP = """
import os, sys, time
from pathlib import Path

here = Path({here!r})
with (here / "pips").open("a") as log:
    log.write("begin\\n")
while not (here / "go").exists():
    print("working", flush=True)
    time.sleep(0.05)
with (here / "pips").open("a") as log:
    log.write("end\\n")
"""
START = """
import run

run.NEEDED_GB, make = 0, run.make
run.make = lambda command, held: make([*command, "--without-pip"], held)  # which takes a while
print(run.set_up())
"""


@pytest.fixture
def clone(root, tmp_path):
    """A copy of run.py whose environment has this stand-in for pip; `start` starts it."""
    (tmp_path / "helpers").mkdir()
    shutil.copy(root / "run.py", tmp_path)
    for name in ("command.py", "cores.py", "places.py"):
        shutil.copy(root / "helpers" / name, tmp_path / "helpers")
    for file in FILES.values():
        (tmp_path / file).write_text("torch==2.14.1\n")
    (tmp_path / "fake" / "pip").mkdir(parents=True)
    (tmp_path / "fake" / "pip" / "__init__.py").touch()
    (tmp_path / "fake" / "pip" / "__main__.py").write_text(PIP.format(here=str(tmp_path)))
    variables = {name: text for name, text in os.environ.items() if name != "A2A_VENV"}
    variables |= {"PYTHONPATH": str(tmp_path / "fake"), "PYTHONUNBUFFERED": "1"}
    running = []

    def start():
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", START],
                cwd=tmp_path,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
        )
        return running[-1]

    yield SimpleNamespace(start=start, here=tmp_path, pips=lambda: read(tmp_path / "pips"))
    (tmp_path / "go").touch()
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def read(path):
    """Return a file's words, none if it isn't there yet."""
    return path.read_text().split() if path.exists() else []


def until(happens, seconds=120):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def heard(process, word):
    """Read what a process says up to the line with a word."""
    for line in process.stdout:
        if word in line:
            return line
    raise AssertionError(f"it never said {word!r}")


def test_a_second_start_waits_for_the_first(clone):
    first = clone.start()
    until(lambda: clone.pips() == ["begin"])
    (packages,) = (clone.here / ".venv").rglob("site-packages")
    (packages / "half").mkdir()
    second = clone.start()
    assert "this one waits" in heard(second, "Another start")
    assert second.poll() is None
    (clone.here / "go").touch()
    said = [process.communicate()[0] for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], said
    assert "Ready after" in said[0]
    assert said[1].startswith("It is ready.")
    assert clone.pips() == ["begin", "end"]  # the second installed nothing
    assert (packages / "half").exists()
    third = clone.start()
    assert Path(third.communicate()[0].strip()).is_relative_to(clone.here / ".venv")


def test_a_set_up_that_was_killed_goes_on(clone):
    first = clone.start()
    until(lambda: clone.pips() == ["begin"])
    (packages,) = (clone.here / ".venv").rglob("site-packages")
    (packages / "gigabytes").mkdir()
    first.kill()
    first.wait()
    (clone.here / "go").touch()
    second = clone.start()
    said, _ = second.communicate()
    assert second.returncode == 0, said
    assert "goes on where that was" in said
    assert (packages / "gigabytes").exists()
    assert clone.pips()[-1] == "end"


@pytest.mark.skipif(sys.platform == "win32", reason="there a child holds no lock of its parent's")
def test_a_pip_that_outlives_its_run_py_is_waited_for(clone):
    code = PIP.format(here=str(clone.here)).replace('print("working", flush=True)', "pass")
    (clone.here / "fake" / "pip" / "__main__.py").write_text(code)  # it says nothing for minutes
    first = clone.start()
    until(lambda: clone.pips() == ["begin"])
    first.kill()
    first.wait()
    second = clone.start()
    heard(second, "Another start")
    assert clone.pips() == ["begin"]
    (clone.here / "go").touch()
    assert "goes on where that was" in second.communicate()[0]
    assert clone.pips() == ["begin", "end", "begin", "end"]


def test_where_there_are_no_locks_it_goes_on_and_says_so(machine, monkeypatch, capsys):
    def refuse(lock):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(run, "take", refuse)
    run.set_up()
    assert "can't be locked (Operation not supported): don't start" in capsys.readouterr().out
    assert tools(machine) == ["venv", "pip"]


@pytest.mark.parametrize("which", ["folder", "parent", "beside"])
def test_where_nothing_can_be_written_is_one_sentence(machine, monkeypatch, capsys, which):
    access = os.access
    if which == "parent":
        monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError))
    else:
        machine.folder.mkdir()
        closed = machine.folder if which == "folder" else machine.folder.parent
        monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    # a folder that is mounted into one that can't be written: the lock lies inside
    assert run.main(["lab"]) == (0 if which == "beside" else 1)
    said = capsys.readouterr().err.strip()
    assert said == "" if which == "beside" else f"can't write to {machine.folder}" in said
    assert "\n" not in said
    assert (machine.folder / run.INSIDE).exists() == (which == "beside")


def test_a_home_that_nobody_knows_is_told(machine, monkeypatch, capsys):
    monkeypatch.setenv("A2A_VENV", "~/packages")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    monkeypatch.setattr(Path, "expanduser", lambda _: (_ for _ in ()).throw(RuntimeError("none")))
    assert run.main(["lab"]) == 2
    assert "A2A_VENV is ~/packages, but there is no home" in capsys.readouterr().err


def test_ctrl_c_is_one_line(machine, monkeypatch, capsys):
    monkeypatch.setattr(run, "install", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run.main(["test"]) == 130
    assert "next start" in capsys.readouterr().err


def test_a_readers_own_environment_is_used_and_not_emptied(machine):
    python = run.locate()[1]
    python.parent.mkdir(parents=True)
    python.touch()
    machine.packages.mkdir(parents=True)
    (machine.folder / "pyvenv.cfg").write_text("version = 3.11.7\n")
    (machine.folder / "mine").touch()
    machine.pip = (1, "ERROR: something")
    with pytest.raises(run.Problem):
        run.set_up()
    machine.pip = (0, PIP_REPORT)
    run.set_up()
    assert tools(machine) == ["pip", "pip"]
    assert (machine.folder / "mine").exists()


def test_a_folder_of_something_else_is_left_alone(machine, monkeypatch, tmp_path, capsys):
    other = tmp_path / "photographs"
    other.mkdir()
    (other / "cat.jpg").touch()
    monkeypatch.setenv("A2A_VENV", str(other))
    assert run.main(["test"]) == 1
    assert "A2A_VENV" in capsys.readouterr().err
    assert (other / "cat.jpg").exists()
    assert machine.started == []


def test_another_folder_by_variable(machine, monkeypatch, tmp_path):
    monkeypatch.setenv("A2A_VENV", str(tmp_path / "elsewhere"))
    folder, python = run.locate()
    assert folder == tmp_path / "elsewhere"
    assert folder in python.parents


def test_it_does_not_clear_the_python_it_runs_on(machine, monkeypatch):
    run.set_up()
    (machine.folder / "pyvenv.cfg").write_text(f"version = {dotted(OTHER)}.4\n")
    machine.found = (VERSION, machine.packages, True)
    monkeypatch.setattr(run.sys, "prefix", str(machine.folder))
    with pytest.raises(run.Problem, match="Python outside it"):
        run.set_up()
    assert machine.packages.exists()


def test_full_disk_is_one_sentence(machine, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(100e9, 98.5e9, 1.5e9))
    assert run.main(["lab"]) == 1
    said = capsys.readouterr().err.strip()
    assert "GB of free disk" in said
    assert "has 1.5 GB" in said
    assert "\n" not in said
    assert machine.started == []


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ("WARNING: Retrying (Retry(total=4)) after connection broken", "check the network"),
        ("ERROR: No matching distribution for torch (from versions: none)", "check the network"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk became full"),
        ("ERROR: ResolutionImpossible", r"could not install the packages \(ResolutionImp"),
        ("", "gave no reason"),
    ],
)
def test_pip_failure_is_one_sentence_and_a_log(machine, capsys, report, sentence):
    machine.pip = (1, report + "\n")
    assert run.main(["test"]) == 1
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert str(machine.folder / "pip.log") in said
    with pytest.raises(run.Problem, match=sentence):
        run.set_up()
    assert report in (machine.folder / "pip.log").read_text()
    assert not (machine.folder / run.STAMP).exists()


def test_missing_venv_module_is_told(machine, capsys):
    machine.venv = (1, "ensurepip is not available.")
    assert run.main(["test"]) == 1
    said = capsys.readouterr().err
    assert "python3-venv" in said
    assert "ensurepip is not available" in said


# --- the commands ---------------------------------------------------------------------------------


def test_lab_keeps_the_token_and_stays_on_this_machine(machine):
    assert run.main(["lab"]) == 0
    command = machine.started[-1]
    assert command[1:3] == ["-m", "jupyterlab"]
    assert "--ServerApp.ip=127.0.0.1" in command
    assert f"--ServerApp.root_dir={machine.repository}" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in command
    options = [option.split("=")[0] for option in command[3:]]
    assert options == ["--ServerApp.ip", "--ServerApp.root_dir", "--LabApp.default_url"]


def test_lab_passes_on_what_is_jupyters(machine):
    run.main(["lab", "5", "--no-browser", "--", "--port=9999"])
    assert machine.started[-1][-2:] == ["--no-browser", "--port=9999"]
    assert "05_separate_with_mossformer.ipynb" in " ".join(machine.started[-1])


@pytest.mark.parametrize(
    "word", ["05", "5", "separate", "05_separate_with_mossformer", "notebooks/05_separate.ipynb"]
)
def test_a_lesson_by_number_or_name(machine, word):
    assert run.find_lesson(word).stem == "05_separate_with_mossformer"


@pytest.mark.parametrize(("word", "text"), [("99", "no lessons match '99'"), ("with", "2 lessons")])
def test_no_such_lesson_is_told_before_the_set_up(machine, capsys, word, text):
    assert run.main(["lab", word]) == 2
    said = capsys.readouterr().err
    assert text in said
    assert "07_denoise_with_frcrn" in said
    assert machine.started == []


@pytest.mark.parametrize("args", [["--port=1"], ["05", "07"]])
def test_lab_tells_its_usage(machine, capsys, args):
    assert run.main(["lab", *args]) == 2
    assert "usage" in capsys.readouterr().err


def test_test_runs_pytest_and_strict_nbval(machine):
    machine.child = 1
    assert run.main(["test", "-k", "mixing"]) == 1
    command = machine.started[-1]
    assert command[1:3] == ["-m", "pytest"]
    assert command[-2:] == ["-k", "mixing"]
    assert {"--nbval", "--nbval-current-env"} <= set(command)
    assert "--nbval-sanitize-with=tests/nbval_sanitize.cfg" in command
    assert "--nbval-lax" not in command
    assert command[command.index("-n") + 1] == str(cores.cores())
    assert "--dist=loadscope" in command  # a lesson's cells stay together
    assert "--no-loadscope-reorder" in command  # tests/conftest.py sorts them


def test_quick_says_what_it_leaves_out(machine, capsys):
    run.main(["test", "--quick", "-x"])
    command = machine.started[-1]
    assert command[command.index("-m", 3) + 1] == "not slow"
    assert {"--ignore=notebooks", "--ignore=tests/test_site.py", "-x"} <= set(command)
    assert not {"--quick", "--nbval"} & set(command)
    assert "without the lessons, the site, and what is marked slow" in capsys.readouterr().out


def test_train_and_evaluate_pass_their_arguments_on(machine):
    run.main(["train", "separation", "--minutes", "10"])
    assert machine.started[-1][1:] == ["-m", "training.separation", "--minutes", "10"]
    run.main(["evaluate", "--seed", "1"])
    assert machine.started[-1][1:] == ["-m", "training.evaluate", "--seed", "1"]


def test_bench_passes_its_arguments_on(machine):
    run.main(["bench", "--quick"])
    assert machine.started[-1][1:] == ["-m", "training.bench", "--quick"]


@pytest.mark.parametrize("args", [[], ["cooking"]])
def test_train_tells_its_usage(machine, capsys, args):
    assert run.main(["train", *args]) == 2
    assert "separation|denoising" in capsys.readouterr().err


def test_the_readers_variables_win(monkeypatch):
    monkeypatch.setenv("MODELSCOPE_LOG_LEVEL", "20")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    variables = run.environment()
    assert variables["MODELSCOPE_LOG_LEVEL"] == "20"
    assert variables["PYTHONUTF8"] == "1"
    assert variables["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert run.environment(OMP_NUM_THREADS="1")["OMP_NUM_THREADS"] == "3"
    assert "MPLBACKEND" not in variables  # or the lessons would show no figures


def test_ctrl_c_reaches_the_child_alone():
    before = signal.getsignal(signal.SIGINT)
    code = "import signal, sys; sys.exit(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert run.call([Path(sys.executable), "-c", code]) == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_book_passes_its_arguments_on(machine):
    run.main(["book", "--serve"])
    assert machine.started[-1][1:] == ["-m", "book.site", "--serve"]


def test_zh_passes_its_arguments_on(machine):
    run.main(["zh", "check", "05"])
    assert machine.started[-1][1:] == ["-m", "book.zh", "check", "05"]


def test_lab_opens_the_chinese_edition(machine):
    folder = machine.repository / "notebooks" / "zh"
    folder.mkdir()
    for name in ("00_start_here", "05_separate_with_mossformer"):
        (folder / f"{name}.ipynb").write_text("{}")
    for words, name in (([], "00_start_here"), (["5"], "05_separate_with_mossformer")):
        assert run.main(["lab", "zh", *words]) == 0
        assert f"--LabApp.default_url=/lab/tree/notebooks/zh/{name}.ipynb" in machine.started[-1]
    assert run.main(["lab", "zh", "07"]) == 2
