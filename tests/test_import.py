"""Importing helpers is instant, and has no side effects."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "modelscope",
    "matplotlib",
    "librosa",
    "scipy",
    "IPython",
    "torchmetrics",
    "pandas",
)
MODULES = (
    "audio, clinic, clip, denoise, echo, files, metrics, mixing, models, networks, plots, separate"
)


def run(root, code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)


def test_import_takes_less_than_a_third_of_a_second(root):
    code = "import time; t = time.perf_counter(); import helpers; print(time.perf_counter() - t)"
    assert min(float(run(root, code).stdout) for _ in range(5)) < 0.3


def test_no_module_loads_a_heavy_library(root):
    code = f"import sys; from helpers import {MODULES}; print(*sys.modules)"
    loaded = run(root, code).stdout.split()
    assert not set(HEAVY) & set(loaded)


def test_import_prints_nothing_and_sets_nothing(root):
    code = (
        "import os, random; before = dict(os.environ), random.getstate(); "
        f"from helpers import {MODULES}; assert before == (dict(os.environ), random.getstate())"
    )
    result = run(root, code)
    assert (result.stdout, result.stderr) == ("", "")


def test_modules_are_found_by_name():
    import helpers

    assert helpers.mixing.mix
    assert set(MODULES.split(", ")) <= set(dir(helpers))
    with pytest.raises(AttributeError, match="audoi"):
        helpers.audoi  # noqa: B018


def test_registering_leaves_transformers_alone_and_to_be_imported(root):
    code = (
        "import sys\nfrom helpers import models\nmodels.pipeline('frcrn', quiet=True)\n"
        "assert 'transformers' not in sys.modules\nimport transformers\n"
        "assert transformers.pipeline"
    )
    run(root, code)
