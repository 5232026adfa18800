"""One system through all examinations, or some: the round."""

import contextlib
import io
import time
import warnings

import numpy as np

from helpers.clinic.patient import Patient
from helpers.clinic.record import EXAMINATIONS, bad, skip
from helpers.clinic.system import System, SystemFault
from helpers.clinic.targets import find

THEMES = ("lengths", "levels", "inputs", "timing", "repetition", "speech", "people", "echo", "cost")


def examine(target, kind=None, only=None, rate=None, trained=True, budget=45.0, tell=None):
    """Examine a system.

    Parameters
    ----------
    target : str, callable or System
        What `targets.find` takes, or what it gave.
    kind : str, optional
        As for `targets.find`.
    only : list of str, optional
        Names of examinations or of themes; None is all.
    rate : int, optional
        As for `targets.find`.
    trained : bool
        As for `targets.find`.
    budget : float
        Seconds that one examination may take, as far as that can be foreseen: a slow system is
        examined with less.
    tell : callable, optional
        Called with each result as it comes.

    Returns
    -------
    list of Result
        Theme by theme.

    Raises
    ------
    ValueError
        If there is no such target or examination.

    Examples
    --------
    >>> from helpers.clinic.run import examine
    >>> (result,) = examine(lambda samples: samples[:-1], only=["length"])
    >>> result.status, result.smallest
    ('failed', '1 sample')
    """
    chosen = choose(only)
    system = target if isinstance(target, System) else find(target, kind, rate, trained)
    patient, results = Patient(system, budget), []
    for each in chosen:
        result = _one(each, patient)
        results.append(result)
        if tell:
            tell(result)
    return results


def choose(only=None):
    """Return the examinations of these names or themes.

    Parameters
    ----------
    only : list of str, optional
        None is all.

    Returns
    -------
    list of Examination
        Theme by theme.

    Raises
    ------
    ValueError
        If a name is neither.

    Examples
    --------
    >>> [each.name for each in choose(["cost"])]
    ['time', 'memory']
    """
    themes = [*THEMES, *(each.theme for each in EXAMINATIONS.values())]
    everything = sorted(EXAMINATIONS.values(), key=lambda each: themes.index(each.theme))
    if only is None:
        return everything
    known = {each.name for each in everything} | {each.theme for each in everything}
    if unknown := [name for name in only if name not in known]:
        raise ValueError(
            f"no examination or theme is called {', '.join(unknown)}: --list shows all of them"
        )
    return [each for each in everything if each.name in only or each.theme in only]


def _one(examination, patient):
    """Hold one examination; what the system breaks with is its result."""
    if why := examination.lacking(patient.system):
        return examination.signed(skip(why))
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        patient.printed = stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        try:
            result = examination.function(patient)
        except SystemFault as problem:
            said = str(problem).strip().splitlines()
            result = bad(f"an ordinary recording ends in {said[0] if said else 'nothing'}")
    seconds = time.perf_counter() - start
    return examination.signed(_with_rate(result, patient.rate), seconds)


def _with_rate(result, rate):
    """Note the rate of the sounds."""
    from dataclasses import replace

    return replace(result, rate=rate)
