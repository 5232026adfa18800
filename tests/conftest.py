"""What every test shares."""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from helpers import cores

cores.set_defaults()  # before torch is imported


@pytest.fixture(scope="session")
def root():
    """The repository's root folder."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def headless():
    """Draw without a display.

    Through matplotlib itself and not through MPLBACKEND: the lessons' kernels would inherit the
    variable, and show no figures.
    """
    import matplotlib

    matplotlib.use("agg")


@pytest.fixture(autouse=True)
def nothing_left(tmp_path_factory):
    """See that no test leaves its folder to those that run after it, in this process or a child.

    What is on the path of this process is on that of every worker which it starts.
    """
    yield
    base = str(tmp_path_factory.getbasetemp())
    left = [f"sys.path: {folder}" for folder in sys.path if folder.startswith(base)]
    left += [f"{name}: {text}" for name, text in os.environ.items()
             if text.startswith(base) and name != "PYTEST_CURRENT_TEST"]  # fmt: skip
    left += [f"the current folder: {Path.cwd()}"] * str(Path.cwd()).startswith(base)
    assert not left


# --- the longest first ----------------------------------------------------------------------------
# A core that takes up the longest lesson last works on alone while the others wait. A file is one
# piece of work, and by itself xdist begins with those of the most tests, so with no lesson at all.

SECONDS = "a2a/seconds"  # in pytest's cache: what each file took in the last full run
took = Counter()


def file_of(nodeid):
    """Return the piece of work that a test belongs to, as xdist's loadscope does."""
    return nodeid.rpartition("::")[0]


def longest_first(items, seconds):
    """Sort tests by what their files took; files of unknown length by what usually takes long."""
    count = Counter(file_of(item.nodeid) for item in items)
    slow = Counter(file_of(item.nodeid) for item in items if item.get_closest_marker("slow"))
    middle = sorted(seconds.values())[len(seconds) // 2] if seconds else 0

    def rank(item):
        file = file_of(item.nodeid)
        usual = file.endswith(".ipynb"), slow[file] > 0, count[file], file
        return seconds.get(file, float("inf") if usual[0] else middle), *usual

    items.sort(key=rank, reverse=True)  # stable: a file's tests stay in their order


def pytest_runtest_logreport(report):
    """Add up what each file takes."""
    took[file_of(report.nodeid)] += report.duration


def pytest_sessionfinish(session):
    """Keep what the files took, unless only some of their tests ran."""
    config = session.config
    chosen = config.option.keyword or config.option.markexpr or "::" in "".join(config.args)
    part = chosen or session.shouldstop or session.shouldfail
    cache = getattr(config, "cache", None)  # there may be none: -p no:cacheprovider
    if cache and not part and not hasattr(config, "workerinput"):
        kept = {file: round(seconds, 2) for file, seconds in took.items()}
        cache.set(SECONDS, cache.get(SECONDS, {}) | kept)


def pytest_collection_modifyitems(config, items):
    """Start with the longest; leave the package index alone unless it was asked for."""
    if hasattr(config, "workerinput"):
        cache = getattr(config, "cache", None)
        longest_first(items, cache.get(SECONDS, {}) if cache else {})
    if os.environ.get("A2A_TEST_WHEELS") == "1":
        return
    skip = pytest.mark.skip(reason="asks the package index: set A2A_TEST_WHEELS=1")
    for item in items:
        if item.get_closest_marker("wheels"):
            item.add_marker(skip)
