"""What a checker says: the verdict, in the edition's language."""

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path

MARKS = {True: "✓", False: "✗", None: "…"}


@dataclass(frozen=True)
class Verdict:
    """A checker's answer: `passed` is True, False, or None while the stub is still blank."""

    passed: bool | None
    message: str

    def __repr__(self):
        return f"{MARKS[self.passed]} {self.message}"


def language():
    """Tell in which edition this kernel runs: "zh" or "en".

    The environment variable A2A_LANG says so where it is set. Else the folder does: the Chinese
    lessons lie in notebooks/zh, and a lesson's kernel starts in its lesson's folder. Jupyter also
    names the lesson to the kernel, which holds after the working directory was changed.

    Examples
    --------
    >>> language()
    'en'
    """
    chosen = os.environ.get("A2A_LANG", "").lower()
    if chosen:
        return "zh" if chosen.startswith("zh") else "en"
    folders = [Path(os.environ.get("JPY_SESSION_NAME", "")).parent, Path.cwd()]
    return "zh" if any(folder.parts[-2:] == ("notebooks", "zh") for folder in folders) else "en"


def _(message, **values):
    """Return a message in the edition's language, with these values in its fields.

    The name is gettext's. `python run.py zh update exercises` finds every message that stands in
    such a call; its Chinese lies in locale/zh/exercises.po, and from there in zh.json. In a saved
    output book/zh_outputs.py finds the message back, and the values in its fields: a value that is
    to be said in Chinese too is a message by itself, or a list of names made by `listed`.

    Examples
    --------
    >>> _("{seconds:.1f} s", seconds=2)
    '2.0 s'
    """
    text = _chinese().get(message, message) if language() == "zh" else message
    return text.format(**values) if values else text


def listed(names):
    """Return names in a row, for a field that is called names.

    Examples
    --------
    >>> listed(["A", "B"])
    'A, B'
    """
    return _(", ").join(map(str, names))


def N_(message):  # noqa: N802
    """Mark a message of a table at the top of a module: it is translated when it is said."""
    return message


@functools.cache
def _chinese():
    """Return the catalog: from each English message to the Chinese one."""
    return json.loads(Path(__file__).with_name("zh.json").read_text(encoding="utf-8"))


def right(message):
    """The answer is right; say what it shows."""
    return Verdict(True, message)


def off(message):
    """The answer is off; say what and by how much."""
    return Verdict(False, message)


def blank(name):
    """Nothing was answered yet."""
    return Verdict(None, _("Not yet: put your answer into `{name}`.", name=name))
