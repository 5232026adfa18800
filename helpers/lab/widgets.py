"""A blind listening test: two sounds at a time, their names hidden, the answers kept.

Taught in 04. ipywidgets draws the buttons; whatever they do can be done by code as well. The
answers go to a CSV file on this computer and nowhere else.
"""

import csv
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from helpers import audio
from helpers.exercises.verdict import _

FIELDS = ("session", "seed", "trial", "first", "second", "preferred")
NEITHER = "neither"  # what `preferred` says where the two sounded equally good
LEVEL = -25  # dB: both of a pair are equally loud, or the louder one would win


class BlindTest:
    """Play every pair of clips under the names A and B, and ask which one sounds better.

    Parameters
    ----------
    *clips : Clip
        Two or more, each with a name of its own. All are played at one level.
    seed : int
        Decides the order of the pairs and who is A.
    file : str or Path, optional
        A CSV file, to which each answer is added when it is given. None keeps no file.

    Raises
    ------
    ValueError
        If there are less than two clips, or two share a name.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> tone = Clip(np.sin(np.arange(8000)), 8000, "tone")
    >>> test = BlindTest(tone, tone.named("same tone"), seed=1)
    >>> test.choose("A")
    >>> test
    Blind test: 1 of 1 pairs answered
    """

    def __init__(self, *clips, seed=0, file=None):
        names = [clip.name for clip in clips]
        if len(clips) < 2 or len(set(names)) < len(names) or {"", NEITHER} & set(names):
            raise ValueError(
                f"a blind test needs two or more clips, each with a name of its own, and got "
                f"{names}: name them, clip.named('with hum')"
            )
        self.clips = {clip.name: audio.set_level(clip, LEVEL) for clip in clips}
        self.seed, self.file = seed, file and Path(file)
        self.session = datetime.now(UTC).isoformat(timespec="seconds")
        self.answers = []
        rng = np.random.default_rng(seed)
        pairs = rng.permutation(list(itertools.combinations(names, 2)))
        self.trials = [tuple(rng.permutation(pair).tolist()) for pair in pairs]
        self._order = rng.permutation(names).tolist()
        self._view = None

    def __repr__(self):
        done, pairs = len(self.answers), len(self.trials)
        return _("Blind test: {done} of {pairs} pairs answered", done=done, pairs=pairs)

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The buttons where there is a kernel, and a line of text without the widget's number."""
        return {**self.view._repr_mimebundle_(), "text/plain": repr(self)}

    @property
    def view(self):
        """The widget: a heading, two players and three buttons."""
        if self._view is None:
            import ipywidgets

            self._heading, self._players = ipywidgets.HTML(), ipywidgets.HTML()
            self.buttons = {
                "A": ipywidgets.Button(description=_("A sounds better")),
                "B": ipywidgets.Button(description=_("B sounds better")),
                NEITHER: ipywidgets.Button(description=_("no difference")),
            }
            for which, button in self.buttons.items():
                button.on_click(lambda _button, which=which: self.choose(which))
            row = ipywidgets.HBox(list(self.buttons.values()))
            self._view = ipywidgets.VBox([self._heading, self._players, row])
            self._show()
        return self._view

    def choose(self, which):
        """Answer the pair that is up, as the buttons do: with "A", "B" or "neither"."""
        done = len(self.answers)
        if which not in ("A", "B", NEITHER):
            raise ValueError(f"the answer is 'A', 'B' or {NEITHER!r}, not {which!r}")
        if done == len(self.trials):
            raise ValueError("every pair has its answer: BlindTest(...) starts another round")
        first, second = self.trials[done]
        preferred = {"A": first, "B": second}.get(which, NEITHER)
        values = (self.session, self.seed, done + 1, first, second, preferred)
        self.answers.append(dict(zip(FIELDS, values, strict=True)))
        if self.file:
            _append(self.file, self.answers[-1])
        if self._view is not None:
            self._show()

    def _show(self):
        """Put up the next pair, or the end."""
        done, pairs = len(self.answers), len(self.trials)
        if done < pairs:
            first, second = (self.clips[name] for name in self.trials[done])
            self._players.value = audio.listen(first.named("A"), second.named("B"))._repr_html_()
            self._heading.value = _(
                "<b>Pair {number} of {pairs}.</b> Which would you rather go on listening to?",
                number=done + 1,
                pairs=pairs,
            )
            return
        self._players.value = ""
        self._heading.value = _(
            "<b>Thank you, that was the last pair.</b> Run the next cells for the result."
        )
        for button in self.buttons.values():
            button.disabled = True

    @property
    def samples(self):
        """The clips as "sample 1", "sample 2" and so on, for a page on which no button works."""
        return [self.clips[n].named(f"sample {i}") for i, n in enumerate(self._order, start=1)]

    @property
    def key(self):
        """Which clip is which sample: the solution."""
        return {s.name: name for s, name in zip(self.samples, self._order, strict=True)}

    def compare(self, metrics: Any) -> Any:
        """Compare the ranking by ear, as far as there is one, with those by metrics: `compare`."""
        return compare(ranking(self.answers), metrics)


def ranking(answers: list[dict]) -> Any:
    """Turn answers into points: one for each pair won, a half for no difference.

    Parameters
    ----------
    answers : list of dict
        `BlindTest.answers`, or those of several people: `read`.

    Returns
    -------
    dict
        Points of each clip, the best one first.

    Examples
    --------
    >>> ranking([{"first": "hum", "second": "hiss", "preferred": "hum"}])
    {'hum': 1.0, 'hiss': 0.0}
    """
    points: dict[str, float] = {}
    for answer in answers:
        for name in (answer["first"], answer["second"]):
            won = 0.5 if answer["preferred"] == NEITHER else float(answer["preferred"] == name)
            points[name] = points.get(name, 0.0) + won
    return dict(sorted(points.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, repr=False)
class Comparison:
    """The ear's ranking beside the metrics', and how many pairs they agree, differ and tie on."""

    ear: dict
    metrics: dict
    counts: dict

    def __repr__(self):
        lines = [_("your ear: {order}", order=_order(self.ear) or _("no answers yet"))]
        for name, values in self.metrics.items():
            lines.append(f"{name}: {_order(values)}")
            if self.ear:
                agree, differ, tie = self.counts[name]
                lines[-1] = _(
                    "{line} · agrees on {agree}, differs on {differ}, can't tell {tie}",
                    line=lines[-1],
                    agree=agree,
                    differ=differ,
                    tie=tie,
                )
        return "\n".join(lines)


def compare(points: Any, metrics: Any) -> Any:
    """Count, pair by pair, whether each metric prefers the one that the ear prefers.

    Pairs between which the ear found no difference are left out.

    Parameters
    ----------
    points : dict
        Points of each clip by ear, as `ranking` gives them.
    metrics : dict of dict
        For each metric the value of each clip; only equal values are a tie, so round them first.

    Returns
    -------
    Comparison
        Its counts are (agreements, disagreements, ties) for each metric.

    Examples
    --------
    >>> compare({"hum": 1, "hiss": 0}, {"STOI": {"hiss": 0.8, "hum": 0.9}})
    your ear: hum > hiss
    STOI: hum > hiss · agrees on 1, differs on 0, can't tell 0
    """
    counts = {}
    pairs = [(a, b) for a, b in itertools.combinations(points, 2) if points[a] != points[b]]
    for metric, values in metrics.items():
        signs = [np.sign((points[a] - points[b]) * (values[a] - values[b])) for a, b in pairs]
        counts[metric] = tuple(signs.count(sign) for sign in (1, -1, 0))
    return Comparison(points, metrics, counts)


def read(file: str | Path) -> Any:
    """Read the answers of every round that was stored in a file."""
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _append(file, answer):
    """Add a row, under a heading where the file is new."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, FIELDS)
        if not stream.tell():
            writer.writeheader()
        writer.writerow(answer)


def _order(values):
    """Write a ranking: a > b = c."""
    groups = itertools.groupby(sorted(values, key=lambda n: (-values[n], n)), values.get)
    return " > ".join(" = ".join(names) for _value, names in groups)
