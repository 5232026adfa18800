"""The cores of a container, and what stands in the environment before torch is imported."""

import os
import subprocess
import sys

import pytest
import yaml

import run
from helpers import command, cores

DEEP = "/user.slice/user-1000.slice/session.scope"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A machine of 8 cores with these files under /, as relative path=text."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)

    def write(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("quota", "count"), [("150000 100000", 1), ("400000 100000", 4), ("max 100000", 8), ("", 8)]
)
def test_version_2_at_the_top(tree, quota, count):
    root = tree({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota})
    assert cores.cores(root) == count


@pytest.mark.parametrize(("own", "above", "count"), [(3, 5, 3), (5, 3, 3), (None, 2, 2)])
def test_version_2_nested(tree, own, above, count):
    files = {
        "proc/self/cgroup": f"0::{DEEP}\n",
        "sys/fs/cgroup/user.slice/cpu.max": f"{above * 20000} 20000\n",
        f"sys/fs/cgroup{DEEP}/cpu.max": f"{own * 100000 if own else 'max'} 100000\n",
    }
    assert cores.cores(tree(files)) == count


def test_a_path_of_the_host_leaves_the_containers_own_top(tree):
    top = {"sys/fs/cgroup/cpu.max": "200000 100000"}
    assert cores.cores(tree(top | {"proc/self/cgroup": "0::/docker/0a1b2c\n"})) == 2
    assert cores.cores(tree(top | {"proc/self/cgroup": "0::/../sibling\n"})) == 2


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize(("quota", "count"), [("250000", 2), ("50000", 1), ("-1", 8)])
def test_version_1(tree, mount, quota, count):
    files = {
        "proc/self/cgroup": "11:memory:/docker/0a\n4:cpu,cpuacct:/docker/0a\n1:name=systemd:/\n",
        f"sys/fs/cgroup/{mount}/docker/0a/cpu.cfs_quota_us": f"{quota}\n",
        f"sys/fs/cgroup/{mount}/docker/0a/cpu.cfs_period_us": "100000\n",
        f"sys/fs/cgroup/{mount}/cpu.cfs_quota_us": "-1\n",
        f"sys/fs/cgroup/{mount}/cpu.cfs_period_us": "100000\n",
    }
    assert cores.cores(tree(files)) == count


def test_version_1_beside_2(tree):
    files = {
        "proc/self/cgroup": "2:cpu:/\n1:cpuset:/\n0::/\n",
        "sys/fs/cgroup/unified/cgroup.procs": "1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert cores.cores(tree(files)) == 3


def test_no_quota_counts_what_is_visible(tree, tmp_path):
    assert cores.cores(tmp_path) == 8
    assert cores.considerate(tmp_path) == {"OMP_WAIT_POLICY": "PASSIVE"}  # torch knows best


def test_a_quota_limits_the_threads(tree):
    root = tree({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000"})
    wishes = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "2"}
    assert cores.considerate(root) == wishes


def test_what_the_reader_has_set_stays(monkeypatch):
    monkeypatch.setattr(
        cores, "considerate", lambda: {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "2"}
    )
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.setenv("OMP_NUM_THREADS", "")  # so that it is put back afterwards
    monkeypatch.delenv("OMP_NUM_THREADS")
    cores.set_defaults()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert os.environ["OMP_NUM_THREADS"] == "2"


ASK = "import os, sys; print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"


@pytest.mark.parametrize("own", [None, "ACTIVE"])
def test_the_command_line_waits_passively(root, tmp_path, own):
    """`a2a` and `python -m helpers`: before torch, and unless the reader says otherwise."""
    variables = {name: text for name, text in os.environ.items() if name != "OMP_WAIT_POLICY"}
    variables |= {"OMP_WAIT_POLICY": own} if own else {}
    a2a = command.CODE.format(root=str(root)).replace("sys.exit(main())", ASK)
    assert ASK in a2a
    for code in (a2a, f"import runpy; runpy.run_module('helpers', run_name='x'); {ASK}"):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=root, env=variables, capture_output=True, text=True
        )
        assert done.stdout.split() == [own or "PASSIVE", "False"], done.stderr


def test_what_run_py_starts_waits_passively(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert run.environment().items() >= cores.considerate().items()
    assert run.environment(OMP_NUM_THREADS="1")["OMP_NUM_THREADS"] == "1"  # of run.py test
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert run.environment()["OMP_WAIT_POLICY"] == "ACTIVE"


def test_what_conda_starts_waits_passively(root):
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    assert environment["variables"] == {"OMP_WAIT_POLICY": "PASSIVE"}
