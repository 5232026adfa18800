"""What our own code says in saved outputs, in Chinese: verdicts, and the listening test's lines.

A kernel of the Chinese edition says them in Chinese. The edition's outputs come from the English
run, so the build finds each message back in what was said, and fills its Chinese with the same
values. tests/test_exercises.py asks of every check that this gives what a Chinese kernel says.
"""

import re
import string
from functools import cached_property

from helpers.exercises.verdict import MARKS

LISTED = "names"  # the field whose value was made by verdict.listed


class Unsaid(ValueError):
    """Something was said that no message says."""


class Message:
    """A message and its Chinese."""

    def __init__(self, english, chinese):
        self.english, self.chinese = english, chinese
        self.parts = list(string.Formatter().parse(english))
        self.fields = [part[1:] for part in self.parts if part[1] is not None]

    @property
    def letters(self):
        """Count the letters that are the message's own and no value's."""
        return sum(len(part[0]) for part in self.parts)

    @cached_property
    def pattern(self):
        """Match what the message says with any values; a field that stands twice says one thing."""
        pattern, seen = "", []
        for own, *field in self.parts:
            pattern += re.escape(own)
            if field[0] is not None:
                again = field in seen
                pattern += f"(?P=f{seen.index(field)})" if again else f"(?P<f{len(seen)}>.+?)"
                seen += [] if again else [field]
        return re.compile(pattern, re.S), [tuple(field) for field in seen]

    def values(self, text):
        """Return the values that make this text of the message, or None where it is not its."""
        if not self.fields:
            return {} if text == self.english else None
        pattern, fields = self.pattern
        hit = pattern.fullmatch(text)
        return hit and dict(zip(fields, hit.groups(), strict=True))

    def filled(self, values):
        """Return the Chinese with these values, each as it was formatted in English."""
        if not self.fields:
            return self.chinese
        found = ""
        for own, *field in string.Formatter().parse(self.chinese):
            found += own + (values[tuple(field)] if field[0] is not None else "")
        return found


class Catalog:
    """The messages by what they say.

    Parameters
    ----------
    table : dict
        From each English message to its Chinese.

    Examples
    --------
    >>> Catalog({"{n} rows.": "{n} 行。"}).chinese("✓ 15 rows.")
    '✓ 15 行。'
    """

    def __init__(self, table):
        self.table = table
        messages = [Message(*pair) for pair in table.items()]
        self.messages = sorted(messages, key=lambda message: -message.letters)

    def said(self, text):
        """Return a text in Chinese, or None where no message says it.

        Where several might, the one counts that explains most of it.
        """
        for message in self.messages:
            values = message.values(text)
            if values is not None:
                return message.filled({f: self._value(f[0], v) for f, v in values.items()})
        return None

    def _value(self, field, value):
        if field == LISTED:
            return value.replace(", ", self.table[", "])
        return self.table.get(value, value)

    def chinese(self, text):
        """Return an output in Chinese; what is not ours to say stays as it is.

        Raises Unsaid for a verdict that no message says.
        """
        if text.startswith(tuple(f"{mark} " for mark in MARKS.values())):
            said = self.said(text[2:])
            if said is None:
                raise Unsaid(f"says what the catalog has not: {text!r}")
            return text[:2] + said
        lines = text.split("\n")
        if any(lines[0].startswith(opening) for opening in OPENINGS):
            return "\n".join(self.said(line) or line for line in lines)
        return text


# How the outputs of helpers/lab/widgets.py begin.
OPENINGS = ("Blind test: ", "your ear: ")


def translate(notebook, table):
    """Say in Chinese what our code said in a lesson's outputs, in place; return what can't be.

    The result is a list of (cell id, reason).
    """
    catalog, gaps = Catalog(table), []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if output.output_type == "execute_result" and "text/plain" in data:
                try:
                    data["text/plain"] = catalog.chinese(data["text/plain"])
                except Unsaid as problem:
                    gaps.append((cell.id, str(problem)))
    return gaps
