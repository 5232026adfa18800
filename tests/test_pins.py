"""The versions: one place for them, the same everywhere, and wheels for the three systems."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import run

ROOT = Path(__file__).resolve().parent.parent
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"}
MACOS = {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
# What pip would be on that machine: each list of tags names the oldest system worth having too.
WHEELS = {
    "manylinux": (
        LINUX | {"platform_machine": "x86_64"},
        ["manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in range(5, 35))],
    ),
    "windows": (WINDOWS | {"platform_machine": "AMD64"}, ["win_amd64"]),
    "macos": (MACOS | {"platform_machine": "arm64"}, ["macosx_15_0_arm64"]),
}


def read(name):
    """Return the requirements in a file, by their normalized name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    pins = {canonicalize_name(requirement.name): requirement for requirement in found}
    assert len(pins) == len(found), f"{name} names a package twice"
    return pins


def version(requirement):
    """Return the one version that a requirement allows."""
    pin = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
    assert pin, f"not an exact version: {requirement}"
    return pin[1]


REQUIREMENTS = read("requirements.txt")  # of the lessons
MORE = read("requirements-test.txt")
ALL = REQUIREMENTS | MORE
CONSTRAINTS = read("constraints.txt")


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_requirement_is_exact(name):
    assert all(version(requirement) for requirement in read(name).values())


def test_every_constraint_is_exact():
    assert all(version(constraint) for constraint in CONSTRAINTS.values())
    assert "pip" not in CONSTRAINTS


def test_each_package_is_asked_for_once():
    assert not set(REQUIREMENTS) & set(MORE)
    assert ROOT / "requirements.txt" == run.REQUIREMENTS
    assert ROOT / "requirements-test.txt" == run.MORE


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-test.txt", "requirements-training.txt"]
)
def test_constraints_agree(name):
    for package, requirement in read(name).items():
        if package in CONSTRAINTS or name != "requirements-training.txt":
            assert version(CONSTRAINTS[package]) == version(requirement), package


def test_the_pins_that_the_course_is_about():
    wanted = {"datasets": "2.21.0", "pandas": "2.3.3", "pyarrow": "18.0.0", "modelscope": "1.40.2"}
    assert {name: version(REQUIREMENTS[name]) for name in wanted} == wanted


def test_installed_is_what_is_pinned():
    found = {name: importlib.metadata.version(name).split("+")[0] for name in ALL}
    assert found == {name: version(pin) for name, pin in ALL.items()}


def needed(requirements, system):
    """Follow the installed packages' own lists, as another system would read them."""
    seen = set()
    waiting = [(name, frozenset(pin.extras)) for name, pin in requirements.items()]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            wants = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # needed on another system only
        for want in map(Requirement, wants):
            if want.marker is None or any(
                want.marker.evaluate(system | {"extra": extra}) for extra in extras | {""}
            ):
                waiting.append((canonicalize_name(want.name), frozenset(want.extras)))
    return {name for name, _ in seen}


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", [LINUX, WINDOWS, MACOS], ids=["linux", "windows", "macos"])
def test_constraints_freeze_all_that_the_requirements_need(system, python):
    """On each Python: what left the standard library with 3.13 is a package there."""
    system |= {"python_version": python, "python_full_version": f"{python}.0"}
    for name in needed(ALL, system):
        assert name in CONSTRAINTS, f"constraints.txt lacks {name}"
        marker = CONSTRAINTS[name].marker
        assert marker is None or marker.evaluate(system), f"the marker of {name} is wrong"


def test_what_the_lessons_do_without_is_what_run_py_says():
    more = needed(ALL, {}) - needed(REQUIREMENTS, {})
    files = (file for name in more for file in importlib.metadata.files(name) or [])
    size = sum(file.size or 0 for file in files)
    assert f"some {round(len(more), -1)} packages and {size / 1e9:.1f} GB" == run.LATER


def test_conda_pins_python_alone():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert conda == ["python=3.11", "pip"]
    assert pip == {"pip": ["-r requirements.txt", "-c constraints.txt", "-e ."]}


def test_pre_commit_uses_the_pinned_tools():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    for tool in map(Requirement, sum((hook["additional_dependencies"] for hook in hooks), [])):
        assert version(tool) == version(ALL[tool.name])


def test_one_version_of_the_course():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    if (ROOT / "helpers/__init__.py").exists():
        import helpers

        assert helpers.__version__ == project["version"]


def imported(source):
    """Return the top-level packages that a piece of Python imports."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.split(".")[0] for name in names}


def sources(folder):
    """Return the Python of a folder: its modules and its notebooks' code cells."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / folder).glob("[0-9]*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield path, re.sub(r"(?m)^\s*[%!].*$", "pass", "".join(cell["source"]))


@pytest.mark.parametrize("folder", ["book", "helpers", "notebooks", "training", "tests"])
def test_what_is_imported_is_pinned(folder):
    pinned = set(ALL if folder in ("book", "tests") else REQUIREMENTS)
    optional = {"pesq"}  # requirements-extra.txt: used where it is there
    if folder == "training":
        optional |= set(read("requirements-training.txt"))
    ours = {"book", "helpers", "training", "tests", "run", *sys.stdlib_module_names}
    packages = importlib.metadata.packages_distributions()
    ours |= {path.stem for path in (ROOT / folder).glob("*.py")} if folder == "tests" else set()
    for path, source in sources(folder):
        for name in imported(source) - ours - optional:
            distributions = {canonicalize_name(found) for found in packages.get(name, [name])}
            assert distributions & pinned, f"{path.relative_to(ROOT)} imports {name}: pin it"


WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] not in {blocked}:
            return super().find_spec(name, path, target)

sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""


@pytest.mark.slow
def test_the_lessons_do_without_what_is_left_out():
    """Import all that they import, and JupyterLab, as if what `lab` leaves out were not there."""
    left = needed(ALL, {}) - needed(REQUIREMENTS, {})
    packages = importlib.metadata.packages_distributions().items()
    blocked = {
        name for name, found in packages if {canonicalize_name(each) for each in found} <= left
    }
    assert {"pytest", "sphinx", "playwright", "polib"} <= blocked
    lines = {"import jupyterlab.labapp", "import ipykernel.kernelapp", "import nbconvert"}
    for path in (ROOT / "helpers").rglob("*.py"):
        if path.stem not in ("__main__", "__init__"):
            lines.add("import " + ".".join(path.relative_to(ROOT).with_suffix("").parts))
    for _, source in sources("notebooks"):
        nodes = ast.walk(ast.parse(source))
        lines |= {
            ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)
        }
    lines = {line for line in lines if "pesq" not in line}  # requirements-extra.txt
    code = WITHOUT.format(blocked=sorted(blocked)) + "\n".join(sorted(lines))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


PYTHONS = ("3.11", "3.12", "3.13")


def dry_run(pins, tags, folder, python):
    """Ask pip what it would install on a CPython of another machine, wheels only.

    pip asks whether a package fits the Python that it runs on itself. So the answer is looked at
    here, for 3.11.0 and not the latest 3.11: a package that refuses an early one is found too.
    """
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"]
    command += ["--ignore-requires-python"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
    command += [f"--platform={tag}" for tag in tags]
    command += [f"--target={folder / 'nothing'}", f"--report={folder / 'report.json'}"]
    command += [f"{name}=={version(pin)}" for name, pin in pins.items()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    for each in report["install"]:
        about = each["metadata"]
        fits = SpecifierSet(about.get("requires_python") or "")
        assert f"{python}.0" in fits, f"{about['name']} {about['version']} is for Python {fits}"
    return {os.path.basename(each["download_info"]["url"]) for each in report["install"]}


@pytest.mark.wheels
@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("machine", WHEELS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_a_wheel(machine, name, python, tmp_path):
    _, tags = WHEELS[machine]
    found = dry_run({name: ALL[name]}, tags, tmp_path, python)
    assert len(found) == 1


@pytest.mark.wheels
@pytest.mark.parametrize("machine", WHEELS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_constraint_has_a_wheel(machine, python, tmp_path):
    system, tags = WHEELS[machine]
    system = system | {"python_version": python, "python_full_version": f"{python}.0"}
    pins = {
        name: pin
        for name, pin in CONSTRAINTS.items()
        if pin.marker is None or pin.marker.evaluate(system)
    }
    assert len(dry_run(pins, tags, tmp_path, python)) == len(pins)
