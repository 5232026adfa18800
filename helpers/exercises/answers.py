"""What an answer is held against: a number, an array, a choice for each case, or a check by hand.

An exercise is a record: what is right and why, and each known mistake with what it gives. Its check
finds the first mistake that gives the learner's answer, and tests/test_exercises.py asks of every
record that no mistake gives the right answer and no two give the same. Where finding the mistake
is the lesson, a function of its own judges (`checker`), and shares the readers below.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from helpers.exercises.verdict import Verdict, _, blank, listed, off, right


class Unfit(Exception):
    """An answer of another kind than the one that is asked for; `verdict` is the word on it."""

    def __init__(self, said):
        self.verdict = said if isinstance(said, Verdict) else off(said)
        super().__init__(self.verdict.message)


# --- records --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exercise:
    """What is right, and each known mistake with what it gives.

    A text is a message, or a function that makes one of the value that was read.

    Parameters
    ----------
    name : str
        The variable's name in the notebook.
    wanted : object
        The right value.
    praise : str or callable
        What a right answer shows.
    mistakes : sequence of tuple
        Rows of what a mistake gives, its text, and where the row needs its own, a tolerance.
    otherwise : str or callable
        The text where no known mistake gives the answer.
    within : float
        The tolerance of the right value.
    near : float, optional
        The tolerance of the mistakes; the same where it is left out.
    reader : callable, optional
        From an answer to its value; raises `Unfit`. Each kind has one of its own.
    alike : callable, optional
        Tells of two values and a tolerance whether they are one. Each kind has one of its own.
    unless : callable, optional
        From a value that is right to the text of what keeps it from passing, or to None.
    """

    name: str
    wanted: object
    praise: str | Callable
    mistakes: Sequence
    otherwise: str | Callable
    within: float = 0.05
    near: float | None = None
    reader: Callable | None = None
    alike: Callable | None = None
    unless: Callable | None = None

    def read(self, answer):
        """Return the value of an answer."""
        raise NotImplementedError

    def compare(self, value, other, within):
        """Tell whether two values are one but for rounding."""
        raise NotImplementedError

    def same(self, value, other, within=None):
        """Tell whether two values are one; to the tolerance of the mistakes, if none is given."""
        within = (self.within if self.near is None else self.near) if within is None else within
        return bool((self.alike or self.compare)(value, other, within))

    def judge(self, value):
        """Return the verdict on a value that was read."""
        if self.same(value, self.wanted, self.within):
            fault = self.unless and self.unless(value)
            return off(fault) if fault else right(_said(self.praise, value))
        known = (text for wrong, text, *near in self.mistakes if self.same(value, wrong, *near))
        return off(_said(next(known, self.otherwise), value))

    def check(self, answer):
        """Return the verdict on an answer."""
        try:
            return self.judge((self.reader or self.read)(answer))
        except Unfit as unfit:
            return unfit.verdict


class Number(Exercise):
    """An exercise whose value is one number, right within `within`.

    Examples
    --------
    >>> Number("answer", 6.0, "yes", [(3.0, "power?")], "no").check(3.01)
    ✗ power?
    """

    def read(self, answer):
        """Return an answer that is a number."""
        return read_number(answer, self.name)

    def compare(self, value, other, within):
        """Tell whether two numbers are one but for rounding."""
        return abs(value - other) < within


class Array(Exercise):
    """An exercise whose value is an array, or a tuple of arrays.

    `within` is relative to the largest number of the array that is compared with.

    Examples
    --------
    >>> Array("mask", [0.0, 1.0], "yes", [([1.0, 0.0], "turned?")], "no", 1e-3).check([1, 0])
    ✗ turned?
    """

    def read(self, answer):
        """Return an answer that is an array shaped like the right one."""
        return read_array(answer, self.name, np.shape(self.wanted))

    def compare(self, value, other, within):
        """Tell whether two arrays, or all of two tuples of arrays, are one but for rounding."""
        if isinstance(value, tuple):
            return all(self.compare(*pair, within) for pair in zip(value, other, strict=True))
        return np.abs(value - np.asarray(other)).max() <= within * np.abs(other).max()


@dataclass(frozen=True)
class Choice:
    """A name for each case, in a dictionary.

    Parameters
    ----------
    name : str
        The variable's name in the notebook.
    wanted : dict
        From each case to its right name.
    why : dict
        From each name that may be given to what tells it (marked by `N_`).
    praise : str
        What a right answer shows.

    Examples
    --------
    >>> Choice("letters", {"a": 1}, {1: "x", 2: "y"}, "yes").check({"a": 2})
    ✗ “a” is not 2. Think: x.
    """

    name: str
    wanted: dict
    why: dict
    praise: str

    @property
    def mistakes(self):
        """Rows of a wrong choice for one case, and its text."""
        return [
            (self.wanted | {case: other}, self._wrong(case, other))
            for case, name in self.wanted.items()
            for other in self.why
            if other != name
        ]

    def _wrong(self, case, given):
        why = _(self.why[self.wanted[case]])
        return _("“{case}” is not {given}. Think: {why}.", case=case, given=given, why=why)

    def same(self, value, other):
        """Tell whether two dictionaries make the same choices."""
        return value == other

    def judge(self, value):
        """Return the verdict on a dictionary in which an open case holds three dots."""
        done = [case for case in self.wanted if value.get(case, ...) is not ...]
        if not done:
            return blank(self.name)
        for case in done:
            given = value[case]
            if not isinstance(given, str | int) or given not in self.why:
                names = listed(self.why)
                return off(_("{given!r} is none of {names}.", given=given, names=names))
            if given != self.wanted[case]:
                return off(self._wrong(case, given))
        rest = [case for case in self.wanted if case not in done]
        if rest:
            count = len(rest)
            return off(_("Right so far; {count} to go: “{case}”.", count=count, case=rest[0]))
        return right(self.praise)

    def check(self, answer):
        """Return the verdict on an answer."""
        try:
            asked = _("`{name}` is a {kind}, and a dictionary is asked for, as in the cell.")
            return self.judge(read_instance(answer, self.name, dict, asked))
        except Unfit as unfit:
            return unfit.verdict


def exercise(record):
    """Make a check of a function that returns a record: the answer comes before its parameters.

    The record itself stays at hand, as `check.record(...)`.

    Examples
    --------
    >>> @exercise
    ... def check_double(number=2):
    ...     return Number("answer", 2 * number, "yes", [], "no")
    >>> check_double(6, number=3)
    ✓ yes
    """

    @functools.wraps(record)
    def check(answer, *context, **named):
        return record(*context, **named).check(answer)

    signature = inspect.signature(record)
    first = inspect.Parameter("answer", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    check.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])
    check.record = record
    return check


def checker(check):
    """Let a check read its answer: where it can't, the reader's verdict counts."""

    @functools.wraps(check)
    def judged(*args, **named):
        try:
            return check(*args, **named)
        except Unfit as unfit:
            return unfit.verdict

    return judged


# --- readers: each returns the answer's value, or raises Unfit ------------------------------------


def given(answer, name):
    """Return an answer that is not blank."""
    if answer is None or answer is ...:
        raise Unfit(blank(name))
    return answer


def read_instance(answer, name, kind, asked):
    """Return an answer of this type; `asked` is said of another, with its fields name and kind."""
    if not isinstance(given(answer, name), kind):
        raise Unfit(asked.format(name=name, kind=type(answer).__name__))
    return answer


def read_number(answer, name):
    """Return an answer that is a finite number."""
    try:
        value = float(given(answer, name))
    except (TypeError, ValueError, RuntimeError):
        asked = _("`{name}` is a {kind}, and a number is asked for.")
        raise Unfit(asked.format(name=name, kind=type(answer).__name__)) from None
    if not np.isfinite(value):
        asked = _("`{name}` is {value}: is there a division by zero, or a logarithm of zero?")
        raise Unfit(asked.format(name=name, value=value))
    return value


def read_clip(answer, name, rate=None, length=None):
    """Return an answer that is a Clip of that rate in Hz and of so many samples."""
    from helpers.clip import Clip

    read_instance(answer, name, Clip, _("`{name}` is a {kind}: wrap it, Clip(samples, rate)."))
    if rate and answer.rate != rate:
        asked = _("`{name}` has {found} Hz, and {rate} Hz is asked for: audio.resample.")
        raise Unfit(asked.format(name=name, found=answer.rate, rate=rate))
    if length and len(answer) != length:
        asked = _("`{name}` has {found} samples, and {length} are asked for.")
        raise Unfit(asked.format(name=name, found=len(answer), length=length))
    finite(answer.samples, name)
    return answer


def read_array(answer, name, shape, shaped=None, shapes=None, holes=None):
    """Return an answer that is an array of finite numbers of this shape.

    `shaped` is said of another shape, with its fields name, found and shape; `shapes` holds what is
    said of shapes that a known mistake gives, and `holes` is said of NaN and infinity.
    """
    given(answer, name)
    try:
        value = np.asarray(getattr(answer, "detach", lambda: answer)(), dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        asked = _("`{name}` is a {kind}: an array of numbers is asked for.")
        raise Unfit(asked.format(name=name, kind=type(answer).__name__)) from None
    if value.shape != shape:
        shaped = shaped or _("`{name}` has the shape {found}, and {shape} is asked for.")
        text = (shapes or {}).get(value.shape, shaped)
        raise Unfit(text.format(name=name, found=value.shape, shape=shape))
    return finite(value, name, holes)


def finite(value, name, holes=None):
    """Return an array without NaN and infinity."""
    if not np.isfinite(value).all():
        holes = holes or _("`{name}` holds NaN or infinity: is there a division by zero?")
        raise Unfit(holes.format(name=name))
    return value


def read_function(answer, name, asked):
    """Return an answer that can be called; `asked` is said of another, with the field kind."""
    if not callable(given(answer, name)):
        raise Unfit(asked.format(kind=type(answer).__name__))
    return answer


@contextmanager
def trying():
    """Run a learner's function in here: what it raises becomes a verdict."""
    try:
        yield
    except Exception as problem:
        kind = type(problem).__name__
        stopped = _("The function stopped with {kind}: {problem}", kind=kind, problem=problem)
        raise Unfit(stopped) from problem


def scaled(new, old):
    """Return the factor that brings a wave nearest to another, and the largest error left."""
    new, old = new.astype(np.float64), old.astype(np.float64)
    factor = float(new @ old) / float(old @ old)
    return factor, np.abs(new - factor * old).max()


def _said(text, value):
    """Return a text, made of the value where it is a function."""
    return text(value) if callable(text) else text
