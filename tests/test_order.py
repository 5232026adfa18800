"""The order in which the tests start: see tests/conftest.py."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests import conftest

FILES = {"tests/test_many.py": 9, "tests/test_slow.py": 2, "notebooks/05.ipynb": 5, "a.py": 1}


def items(shuffled=None):
    """Stand-ins for the tests of FILES."""
    found = [
        SimpleNamespace(
            nodeid=f"{file}::{i}", get_closest_marker=lambda _, slow="slow" in file: slow
        )
        for file, count in FILES.items()
        for i in range(count)
    ]
    if shuffled is not None:
        random.Random(shuffled).shuffle(found)
    return found


def order(tests):
    """The files in the order of their first tests; each file's tests must stand together."""
    files = [conftest.file_of(test.nodeid) for test in tests]
    first = list(dict.fromkeys(files))
    assert files == sorted(files, key=first.index)
    return first


def test_without_a_run_before_lessons_and_slow_modules_come_first():
    tests = items()
    conftest.longest_first(tests, {})
    assert order(tests) == [
        "notebooks/05.ipynb",
        "tests/test_slow.py",
        "tests/test_many.py",
        "a.py",
    ]
    assert [test.nodeid[-1] for test in tests[:5]] == list("01234")


def test_what_took_longest_comes_first_and_a_new_lesson_before_it():
    seconds = {"tests/test_many.py": 40, "a.py": 90, "tests/test_slow.py": 3}
    tests = items()
    conftest.longest_first(tests, seconds)
    assert order(tests) == [
        "notebooks/05.ipynb",
        "a.py",
        "tests/test_many.py",
        "tests/test_slow.py",
    ]
    conftest.longest_first(tests, seconds | {"notebooks/05.ipynb": 41})
    assert order(tests)[:2] == ["a.py", "notebooks/05.ipynb"]


def test_it_depends_on_nothing_else():
    """Each of xdist's workers must come to the same order."""
    orders = set()
    for seed in range(5):
        tests = items(seed)
        conftest.longest_first(tests, {"a.py": 1.0, "tests/test_slow.py": 1.0})
        orders.add(tuple(order(tests)))
    assert len(orders) == 1


@pytest.mark.slow
def test_a_worker_starts_with_what_took_longest_before(root, tmp_path):
    shutil.copy(root / "tests" / "conftest.py", tmp_path)
    for name in "abcd":
        (tmp_path / f"test_{name}.py").write_text("def test_it():\n    pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    cache = tmp_path / ".pytest_cache" / "v" / conftest.SECONDS
    cache.parent.mkdir(parents=True)
    seconds = {"test_a.py": 1, "test_b.py": 3, "test_c.py": 2, "test_d.py": 4}
    cache.write_text(json.dumps(seconds))
    command = [sys.executable, "-m", "pytest", "-n1", "-v", "--dist=loadscope"]
    variables = os.environ | {"PYTHONPATH": str(root), "PYTEST_ADDOPTS": ""}

    def run(*more):
        done = subprocess.run(
            [*command, "--no-loadscope-reorder", *more],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return re.findall(r"PASSED.* test_(\w)", done.stdout)

    assert run("-k", "not test_c") == ["d", "b", "a"]
    assert json.loads(cache.read_text()) == seconds  # of a part nothing is kept
    assert run() == ["d", "b", "c", "a"]
    kept = json.loads(cache.read_text())
    assert kept.keys() == seconds.keys()
    assert kept != seconds
