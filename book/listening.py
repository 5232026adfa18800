"""Lesson 04's listening test for a page without a kernel: its sounds, pairs and metrics as JSON.

All of it is read from the lesson as it is committed, so the page and the lesson can't disagree.
"""

import ast
import json
import re

import numpy as np

from helpers.clip import Clip
from helpers.lab.widgets import BlindTest

LESSON, CELL = "04_measuring_quality", "04-blind"


def page(notebook):
    """Return the cell that the test stands in, and the HTML that takes its place.

    Raises
    ------
    ValueError
        If the lesson does not hold what the test needs, saying what.
    """
    cells = {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == "code"}
    players = _output(cells, "04-blind-samples", "text/html")
    sounds = dict(re.findall(r'aria-label="(.*?) · .*?src="(data:audio/flac[^"]+)"', players))
    key = ast.literal_eval(_output(cells, "04-compare", None))
    values = ast.literal_eval(_output(cells, "04-values", "text/plain"))
    seed = re.search(r"seed=(\d+)", "".join(cells[CELL]["source"]))
    names = list(next(iter(values.values())))
    if seed is None or sorted(key.values()) != sorted(names) or set(key) != set(sounds):
        raise ValueError(f"{LESSON}: {CELL} and its samples no longer fit together: book/listening")
    test = BlindTest(*(Clip(np.ones(9), 8000, name) for name in names), seed=int(seed[1]))
    data = {
        "seed": test.seed,
        "trials": test.trials,
        "sounds": {name: sounds[sample] for sample, name in key.items()},
        "metrics": values,
    }
    script = f'<script type="application/json">{json.dumps(data)}</script>'
    return {CELL: f'<div class="a2a-blind">{script}</div>'}


def _output(cells, name, kind):
    """Return one output of a cell: what was printed, or what was shown as `kind`."""
    for output in cells.get(name, {}).get("outputs", ()):
        found = output.get("data", {}).get(kind) if kind else output.get("text")
        if found:
            return "".join(found)
    raise ValueError(f"{LESSON}: the cell {name} has no output that the listening test needs")
