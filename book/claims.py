"""Hold each number with a unit in a lesson's prose to something: an output, code, a file, a source.

A number in prose is placed if it stands, rounded as the prose rounds it, in an output or in a code
cell of the lesson, in a file of measurements that its cell names, or in book/claims.csv, which says
for each that is left where it comes from. What can't be placed is a fault of `lessons check`. The
numbers in references and links are theirs. The Chinese prose has the same numbers: book/zh_check
holds it to that.
"""

import csv
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "book" / "claims.csv"
UNITS = (
    r"dB|ms|s|kHz|Hz|%|percent|kB|MB|GB|M|G|hours?|minutes?|seconds?|milliseconds?|times|"
    r"samples?|frames?|filters?|parameters?|mixtures?|clips?|MACs|multiply-adds|bits?|windows?|"
    r"decibels?|hertz"
)
SIGN = r"(?<![\w.,/])[-−+±]?"
NUMBER = rf"{SIGN}\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|{SIGN}\d+(?:\.\d+)?"
CLAIM = re.compile(rf"(?P<number>{NUMBER})(?: | |-)?(?P<unit>{UNITS})(?![\w])")
# What an output may be multiplied by to be the claim: it may be in seconds where the prose says ms.
DRAWN = re.compile(r"plots\.picture|figure\.|axes|linewidth|colors? = ")
SCALES = {
    "ms": (1, 1000), "milliseconds": (1, 1000), "s": (1, 0.001), "seconds": (1, 0.001, 60),
    "minutes": (1, 1 / 60), "minute": (1, 1 / 60), "hours": (1, 1 / 60, 1 / 3600),
    "%": (1, 100), "percent": (1, 100), "kHz": (1, 0.001), "Hz": (1, 1000),
    "kB": (1, 0.001), "MB": (1, 1e-6), "GB": (1, 1e-3, 1e-9), "M": (1, 1e-6), "G": (1, 1e-9),
}  # fmt: skip
FILE = re.compile(r"`?((?:evaluation|models|sounds|training)/[\w./-]+\.(?:csv|json|md|py))`?")
PLAIN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?")


def claims(markdown):
    """Yield (text, value, decimals, unit) of every number with a unit in a prose cell."""
    text = re.sub(r"(?s)<!-- nav -->.*?<!-- /nav -->", " ", markdown)  # titles of other lessons
    text = re.sub(r"(?s)```.*?```|`[^`\n]*`|\$\$.*?\$\$|\]\([^)]*\)|<!--.*?-->", " ", text)
    reference = re.compile(r"\s*[-*+] .*(arXiv|\((19|20)\d\d\))")
    lines = [line for line in text.split("\n") if not reference.match(line)]
    for found in CLAIM.finditer("\n".join(lines)):
        digits = found["number"].replace(",", "").lstrip("+-−±")
        yield found[0], float(digits), len(digits.partition(".")[2]), found["unit"]


def numbers(text):
    """Return the numbers in a text, without their signs."""
    return {float(number.replace(",", "")) for number in PLAIN.findall(text)}


def output(cell):
    """Return what a code cell printed or showed, as text."""
    parts = []
    for each in cell.get("outputs", ()):
        data = each.get("data", {})
        parts += [each.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    text = "\n".join("".join(part) for part in parts)
    return re.sub(r"<[^>]*>", " ", text)  # a tag's numbers are its looks and its sound


def evidence(cells):
    """Return all numbers in the outputs of a lesson, and in its code but for how it draws."""
    found = set()
    for cell in cells:
        if cell["cell_type"] == "code":
            lines = [line for line in "".join(cell["source"]).split("\n") if not DRAWN.search(line)]
            found |= numbers("\n".join(lines)) | numbers(output(cell))
    return found


def listed(path=LIST):
    """Return the claims that have a source: (cell, claim) pairs."""
    if not path.exists():
        return set()
    with open(path, newline="", encoding="utf-8") as file:
        return {
            (row["cell"], row["claim"]) for row in csv.DictReader(file) if row["source"].strip()
        }


def placed(value, decimals, unit, known):
    """Tell whether one of the known numbers is this one, in this unit or a related one."""
    half = 0.5 * 10**-decimals + 1e-9
    scales = SCALES.get(unit, (1,))
    return any(abs(x * scale - value) <= half for x in known for scale in scales)


def faults(path, sources=None):
    """Return the claims of a lesson that stand on nothing, a line a fault."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = listed() if sources is None else sources
    known, found = evidence(cells), []
    for cell in cells:
        if cell["cell_type"] != "markdown":
            continue
        markdown = "".join(cell["source"])
        files = [ROOT / name for name in FILE.findall(markdown)]
        near = set().union(*(numbers(f.read_text(encoding="utf-8")) for f in files if f.is_file()))
        for text, value, decimals, unit in claims(markdown):
            if (cell["id"], text) in sources or placed(value, decimals, unit, known | near):
                continue
            found.append(f"{cell['id']}: {text!r} is in no output, code cell or file named there")
    return found
