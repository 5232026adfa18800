"""What every test shares."""

import os
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


def pytest_collection_modifyitems(items):
    """Leave the package index alone unless it was asked for."""
    if os.environ.get("A2A_TEST_WHEELS") == "1":
        return
    skip = pytest.mark.skip(reason="asks the package index: set A2A_TEST_WHEELS=1")
    for item in items:
        if item.get_closest_marker("wheels"):
            item.add_marker(skip)
