"""The tree as a whole: its style, its sizes, and nothing in it that belongs to one machine."""

import ast
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MB = 2**20
# A home or working folder of somebody's machine. Not after a letter: base64 has slashes too.
MACHINE_PATH = re.compile(
    r"(?<![\w+/=.<>])/(?:home|root|Users|work|opt|mnt|srv)/[\w.]|\b[A-Z]:\\{1,2}Users\\"
)
# A package index other than the one everybody has.
INDEX = re.compile(
    r"--(?:extra-)?index-url|--trusted-host|--find-links|files\.python" + r"hosted"
    r"|://[\w.-]*(?:artifactory|nexus|mirror|devpi)[\w.-]*"
)


def tracked():
    """Return what git holds or would take; in a tree without git, all but the ignored folders."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
        skipped = {line.strip("/") for line in ignored} | {".git"}
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        names = [str(path) for path in found if not skipped & set(path.parts)]
    return sorted({ROOT / name for name in names if (ROOT / name).is_file()})


def text(path):
    """Return a file's text, or nothing for a sound or a picture."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def check(*command):
    """Run one of the environment's tools over the tree; its report is the failure."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def python():
    """Return the tree's Python files and notebooks."""
    return [path for path in tracked() if path.suffix in {".py", ".ipynb"}]


def helpers():
    """Return the modules of the package, and of the packages in it."""
    return [path for path in python() if path.is_relative_to(ROOT / "helpers")]


def test_ruff_finds_nothing():
    check("ruff", "check", "--force-exclude", "--no-cache", *python())


def test_ruff_would_format_nothing():
    check("ruff", "format", "--force-exclude", "--no-cache", "--diff", "--quiet", *python())


def test_codespell_finds_nothing():
    check("codespell_lib", *(path.relative_to(ROOT) for path in tracked()))


def test_public_docstrings_are_numpydoc():
    check("numpydoc.hooks.validate_docstrings", *helpers())


@pytest.mark.slow
def test_type_hints_hold():
    check("mypy", "--no-error-summary")


def test_the_public_surface_has_type_hints():
    """Each public function of the modules that lessons share says what it returns."""
    bare = [
        f"{path.name}: {node.name}"
        for path in helpers()
        if path.parent.name in ("helpers", "lab", "files")
        for node in ast.parse(text(path)).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if node.returns is None
    ]
    assert bare == []


def test_no_file_is_over_5_mb():
    weights = ROOT / "models"  # may have 8 MB: tests/test_checkpoints.py
    files = [path for path in tracked() if not path.is_relative_to(weights)]
    assert [path for path in files if path.stat().st_size > 5 * MB] == []


def test_no_notebook_is_over_3_mb():
    notebooks = [path for path in tracked() if path.suffix == ".ipynb"]
    assert [path for path in notebooks if path.stat().st_size > 3 * MB] == []


@pytest.mark.parametrize("pattern", [MACHINE_PATH, INDEX], ids=["path", "index"])
def test_nothing_belongs_to_one_machine(pattern):
    here = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in tracked()
        if path != here
        for hit in pattern.finditer(text(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("cd /home/ann/course", True),
        ('"/Users/ann/course"', True),
        (r"C:\Users\ann", True),
        ("/path/to/folder-of-models", False),
        ("https://example.org/home/index.html", False),
        ("AAAB/opt/xyz", False),
        ("notebooks/work/x", False),
    ],
)
def test_the_pattern_for_paths(line, caught):
    assert bool(MACHINE_PATH.search(line)) is caught


def test_long_modules_are_looked_at():
    """One idea, one file: a module over 400 lines may be two, which a reader decides."""
    long = {path.name: n for path in helpers() if (n := len(text(path).splitlines())) > 400}
    if long:
        warnings.warn(f"over 400 lines, one idea each? {long}", stacklevel=1)


# --- arrows ---------------------------------------------------------------------------------------


def imports_of(path):
    """Return the modules of helpers that a module imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers"):
            for name in node.names:
                inner = ROOT / node.module.replace(".", "/") / f"{name.name}.py"
                package = inner.with_suffix("") / "__init__.py"
                whole = inner.exists() or package.exists()
                found.add(f"{node.module}.{name.name}" if whole else node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("helpers.")}
    return found - {"helpers"}


def arrows():
    """Return what each module of helpers imports of helpers."""
    graph = {}
    for path in helpers():
        parts = path.relative_to(ROOT).with_suffix("").parts
        graph[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = imports_of(path)
    return graph


def test_the_imports_of_helpers_have_no_circle():
    graph, done, way = arrows(), set(), []

    def walk(name):
        assert name not in way, f"a circle: {' -> '.join([*way[way.index(name) :], name])}"
        if name in done:
            return
        way.append(name)
        for other in sorted(graph.get(name, ())):
            walk(other)
        way.pop()
        done.add(name)

    for name in sorted(graph):
        walk(name)


FLOORS = [  # from the ground up: a module imports its own floor and those below it
    {"clip", "files.whole", "exercises.verdict", "cores", "places"},
    {"files.containers", "networks"},
    {"files", "windows"},
    {"audio", "player", "mixing", "spectra", "masks", "plots", "metrics", "adaptive", "frames"},
    {"stream", "models"},
    {"live"},
    {"echo_mask"},
    {"separate", "denoise", "echo"},
    {"lab", "corpus"},
    {"clinic"},
    {"exercises", "cli", "__main__"},
]


def floor(name):
    """Return the floor of a module of helpers; a folder stands for the modules in it."""
    inner = name.removeprefix("helpers.")
    for which in (inner, inner.partition(".")[0]):
        for i, names in enumerate(FLOORS):
            if which in names:
                return i
    raise AssertionError(f"{name} stands on no floor: add it to FLOORS")


def test_no_arrow_goes_up():
    up = [
        f"{name} -> {other}"
        for name, others in arrows().items()
        for other in others
        if name != "helpers" and floor(other) > floor(name)
    ]
    assert up == []


def test_networks_know_neither_audio_nor_clip():
    for name, others in arrows().items():
        if name.startswith("helpers.networks"):
            assert all(other.startswith("helpers.networks") for other in others), (name, others)


def test_helpers_import_no_lesson_no_test_and_no_recipe():
    for path in helpers():
        imports = re.findall(r"(?m)^\s*(?:from|import) (\w+)", text(path))
        assert not {"notebooks", "training", "tests", "run"} & set(imports), path.name


def test_ci_can_be_run():
    script = ROOT / ".ci/run"
    assert script.read_bytes().startswith(b"#!/usr/bin/env bash\n")
    assert os.name == "nt" or os.access(script, os.X_OK)
    assert "set -euo pipefail" in text(script)
