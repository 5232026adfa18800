"""What an examination is, what it finds, and the list of all of them. Taught in 13.

A new examination is one function with a decorator: it takes a `Patient` and returns `ok`, `bad` or
`skip`, each with a sentence and, where there is one, a measured number.
"""

from dataclasses import dataclass, replace

KINDS = ("denoiser", "separator", "canceler", "stream")
SEVERITIES = ("low", "medium", "high")
PASSED, FAILED, SKIPPED = "passed", "failed", "not applicable"
FIELDS = ("name", "theme", "severity", "status", "value", "unit", "found", "smallest", "good")
EXAMINATIONS: dict = {}  # by name, in the order in which they were declared

# What an examination may need of a system, and what is said of one that lacks it.
NEEDS = {
    "array": "it takes files, not arrays",
    "file": "it takes arrays, not files",
    "reopened": "it was given as an object, which another process can't open",
    "weights": "it has no file of weights that is known here",
    "rates": "it takes one rate only",
    "trained": "its weights are random, and this depends on them",
    "loud": "the files that it is given hold no samples beyond full scale",
    "channels": "it is reached through something that takes one channel",
    "quiet": "it is a program of its own, and may print",
}


@dataclass(frozen=True, eq=False)
class Result:
    """What one examination found in one system.

    Parameters
    ----------
    status : str
        "passed", "failed" or "not applicable".
    found : str
        One sentence: what was found.
    value : float, optional
        The number that decided, in `unit`.
    unit : str
        What it is measured in.
    smallest : str
        Of a failure: the smallest input, of those tried, that shows it.
    before, after : ndarray [shape=(n,)], optional
        What went in and what came out there.
    rate : int
        The rate of both, in Hz.
    name, theme, severity, good : str
        Of the examination: see `examination`.
    seconds : float
        How long it took.
    """

    status: str
    found: str
    value: float | None = None
    unit: str = ""
    smallest: str = ""
    before: object = None
    after: object = None
    rate: int = 0
    name: str = ""
    theme: str = ""
    severity: str = ""
    good: str = ""
    seconds: float = 0.0

    def record(self):
        """Return what can be written as JSON: everything but the sounds."""
        return {name: getattr(self, name) for name in FIELDS}


@dataclass(frozen=True)
class Examination:
    """One function that examines, and what is declared of it: see `examination`."""

    name: str
    theme: str
    severity: str
    good: str
    kinds: tuple
    needs: tuple
    function: object

    def lacking(self, system):
        """Tell in words why a system can't be examined like this, or return ""."""
        if system.kind not in self.kinds:
            return f"it is for the kinds {', '.join(self.kinds)}"
        return next((NEEDS[need] for need in self.needs if need not in system.features), "")

    def signed(self, result, seconds=0.0):
        """Return a result with this examination's name and words on it."""
        words = {name: getattr(self, name) for name in ("name", "theme", "severity", "good")}
        return replace(result, seconds=round(seconds, 3), **words)


def examination(theme, severity, good, kinds=KINDS, needs=()):
    """Declare a function as an examination; its name becomes the examination's.

    Parameters
    ----------
    theme : str
        The heading that it stands under.
    severity : str
        "high": sound is lost, invented or wrong, and nothing says so. "medium": the result is worse
        than it need be. "low": an inconvenience.
    good : str
        What a good system does, as the end of a sentence that begins "A good system ".
    kinds : tuple of str
        Of `KINDS`: the systems that it is for.
    needs : tuple of str
        Of `NEEDS`: what a system must have for it.

    Returns
    -------
    callable
        The decorator. The function takes a `Patient` and returns a `Result`.

    Raises
    ------
    ValueError
        If a word is none of those, or the name is taken.

    Examples
    --------
    >>> @examination("levels", "high", "is silent", kinds=("denoiser",))
    ... def hush(patient):
    ...     return ok("it was silent") if not patient.run([0.5]).any() else bad("it was not")
    >>> EXAMINATIONS.pop("hush").theme
    'levels'
    """
    for words, known in ((kinds, KINDS), (needs, NEEDS), ((severity,), SEVERITIES)):
        if unknown := [word for word in words if word not in known]:
            raise ValueError(f"an examination knows nothing called {unknown}: {', '.join(known)}")

    def declare(function):
        name, here = function.__name__.replace("_", "-"), function.__module__
        there = EXAMINATIONS.get(name)
        # A cell of a notebook is run again, and declares its function again.
        again = there and here == there.function.__module__ == "__main__"
        if there and not again:
            raise ValueError(f"an examination called {name!r} is there already: take another name")
        words = (name, theme, severity, good, tuple(kinds), tuple(needs), function)
        EXAMINATIONS[name] = Examination(*words)
        return function

    return declare


def ok(found, value=None, unit=""):
    """Return that all was well, and the number that shows it."""
    return Result(PASSED, found, _plain(value), unit)


def bad(found, value=None, unit="", smallest="", sounds=(None, None)):
    """Return what was wrong: the number, the smallest input, and the sounds before and after."""
    return Result(FAILED, found, _plain(value), unit, smallest, *sounds)


def skip(why):
    """Return why this can't be asked of the system."""
    return Result(SKIPPED, why)


def judge(passes, found, value=None, unit="", smallest="", sounds=(None, None)):
    """Return `ok` or `bad`: for the many examinations that end in one comparison."""
    return ok(found, value, unit) if passes else bad(found, value, unit, smallest, sounds)


def _plain(value):
    """Round a number to what survives another processor, as a plain float."""
    return None if value is None else round(float(value), 2)
