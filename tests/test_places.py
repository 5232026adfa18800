"""Folders for what libraries keep, where the user has no home or may not write to it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import run
from helpers import places

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there a user always has a home")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary ones of its own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def homeless(temporary, monkeypatch):
    """No HOME, and no entry in the list of users."""
    monkeypatch.setenv(places.HOME, "")  # so that it is put back afterwards
    monkeypatch.delenv(places.HOME)
    monkeypatch.setattr(os.path, "expanduser", lambda path: os.environ.get(places.HOME, "~"))
    return temporary


def test_an_own_folder_is_this_users_alone(temporary):
    path = places.own("x")
    assert places.own("x") == path
    assert Path(path).parent == temporary
    if os.name != "nt":
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700


@POSIX
@pytest.mark.parametrize("taken", ["link", "file", "another user"])
def test_what_somebody_else_has_put_there_is_not_used(temporary, monkeypatch, taken):
    path = temporary / f"a2a-x-{os.getuid()}"
    if taken == "link":
        (temporary / "theirs").mkdir()
        path.symlink_to(temporary / "theirs")
    elif taken == "file":
        path.touch()
    else:
        path.mkdir()
        about = os.lstat(path)
        monkeypatch.setattr(
            os, "lstat", lambda _: os.stat_result((*about[:4], os.getuid() + 1, *about[5:10]))
        )
    given = Path(places.own("x"))
    assert given != path
    assert given.is_dir()


def test_a_home_that_takes_files_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(os.path, "expanduser", lambda _: str(tmp_path / "not yet"))
    assert places.substitutes() == {}


def test_where_there_is_no_home_one_is_given(homeless):
    assert not places.has_home()
    assert places.substitutes() == {places.HOME: places.own("home")}
    assert run.environment()[places.HOME] == places.own("home")
    places.set_defaults()
    assert os.environ[places.HOME] == places.own("home")


def test_a_home_that_takes_no_files_is_replaced_for_what_run_py_starts_alone(
    temporary, monkeypatch
):
    monkeypatch.setenv(places.HOME, "/")
    monkeypatch.setattr(places, "takes_files", lambda _: False)
    part = run.part
    monkeypatch.setattr(run, "part", lambda name: places if name == "places" else part(name))
    assert run.environment()[places.HOME] == places.own("home")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # so that it is put back afterwards
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    places.set_defaults()
    assert os.environ[places.HOME] == "/"
    assert os.environ["NUMBA_CACHE_DIR"] == places.own("numba")


@POSIX
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be others")
def test_a_user_that_the_system_does_not_know_denoises(root, tmp_path):
    """A service, or a container with a number for its user: no name, no home, nothing writable."""
    python = Path(sys.executable).resolve()
    if not all(os.stat(folder).st_mode & stat.S_IXOTH for folder in python.parents):
        pytest.skip(f"nobody else may run {python}")
    tmp_path.chmod(0o777)
    for folder in list(tmp_path.parents)[:3]:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    code = "import os; os.setgid(54321); os.setuid(54321); from helpers.__main__ import main; "
    code += (
        f"main(['denoise', {str(root / 'sounds' / 'mix_speech1.wav')!r}, '-o', {str(tmp_path)!r}])"
    )
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    done = subprocess.run(
        [python, "-c", code], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert (tmp_path / "mix_speech1_denoised.wav").exists(), done.stderr
