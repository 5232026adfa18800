"""What was found, as a table for people, as JSON, and as JUnit's XML for a build server."""

import json
import platform
import textwrap

from helpers.clinic.record import FAILED, PASSED, SEVERITIES, SKIPPED

MARKS = {PASSED: "ok  ", FAILED: "FAIL", SKIPPED: " -  "}
SCHEMA = 1


def line(result):
    """Return one result as a line of the table, and of a failure the smallest input.

    Parameters
    ----------
    result : Result
        Of an examination.

    Returns
    -------
    str
        Wrapped to 110 letters.

    Examples
    --------
    >>> from helpers.clinic.record import Result
    >>> print(line(Result("passed", "60 lengths come back as long", name="length")))
    ok    length            60 lengths come back as long
    """
    mark = f"{MARKS[result.status]}  {result.name:<16}  "
    said = result.found
    if result.status == FAILED:
        said += f" [{result.severity}]"
        said += f"; the smallest input that shows it: {result.smallest}" if result.smallest else ""
    return textwrap.fill(said, 110, initial_indent=mark, subsequent_indent=" " * len(mark))


def summary(results):
    """Count results in one sentence.

    Parameters
    ----------
    results : list of Result
        Of one system.

    Returns
    -------
    str
        How many passed, failed by severity, and were not applicable.

    Examples
    --------
    >>> from helpers.clinic.record import Result
    >>> summary([Result("passed", "well"), Result("failed", "ill", severity="high")])
    '1 of 2 passed; 1 failed (1 high); 0 not applicable'
    """
    counts = {status: sum(r.status == status for r in results) for status in MARKS}
    by = {s: sum(r.status == FAILED and r.severity == s for r in results) for s in SEVERITIES}
    kinds = ", ".join(f"{by[s]} {s}" for s in reversed(SEVERITIES) if by[s])
    asked = counts[PASSED] + counts[FAILED]
    return (
        f"{counts[PASSED]} of {asked} passed; {counts[FAILED]} failed"
        f"{f' ({kinds})' if kinds else ''}; {counts[SKIPPED]} not applicable"
    )


def as_json(system, results):
    """Return everything but the sounds as JSON.

    Parameters
    ----------
    system : System
        What was examined.
    results : list of Result
        What was found.

    Returns
    -------
    str
        Indented by two; `schema` changes if a field ever changes its meaning.
    """
    import helpers

    about = {name: getattr(system, name) for name in ("name", "kind", "rate", "version")}
    content = {"schema": SCHEMA, "clinic": helpers.__version__, "python": platform.python_version()}
    content |= {"system": about, "summary": summary(results)}
    content["results"] = [result.record() | {"seconds": result.seconds} for result in results]
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_junit(system, results):
    """Return the results as the XML that build servers show: a test case an examination.

    Parameters
    ----------
    system : System
        What was examined.
    results : list of Result
        What was found.

    Returns
    -------
    str
        JUnit's XML.
    """
    from xml.etree import ElementTree as Tree

    counts = {"tests": len(results), "failures": sum(r.status == FAILED for r in results)}
    counts |= {"skipped": sum(r.status == SKIPPED for r in results)}
    counts |= {"time": round(sum(r.seconds for r in results), 3)}
    attributes = {name: str(value) for name, value in counts.items()}
    suite = Tree.Element("testsuite", name=f"audio-clinic: {_xml(system.name)}", **attributes)
    for result in results:
        name = {"classname": f"clinic.{result.theme}", "name": result.name}
        case = Tree.SubElement(suite, "testcase", **name, time=str(result.seconds))
        if result.status == FAILED:
            fault = Tree.SubElement(case, "failure", message=_xml(result.found))
            fault.set("type", result.severity)
            fault.text = _xml(f"A good system {result.good}.\nSmallest input: {result.smallest}")
        elif result.status == SKIPPED:
            Tree.SubElement(case, "skipped", message=_xml(result.found))
        else:
            Tree.SubElement(case, "system-out").text = _xml(result.found)
    Tree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Tree.tostring(suite, "unicode") + "\n"


def catalog():
    """Return all examinations as a table in Markdown, as it stands in README.md.

    Returns
    -------
    str
        A row an examination.

    Examples
    --------
    >>> from helpers import clinic
    >>> catalog().splitlines()[2].split("|")[2].strip()
    '`length`'
    """
    from helpers.clinic.record import KINDS
    from helpers.clinic.run import choose

    rows = ["| theme | examination | severity | for | a good system |", "|---|---|---|---|---|"]
    for each in choose():
        kinds = "all" if set(each.kinds) == set(KINDS) else ", ".join(each.kinds)
        rows.append(f"| {each.theme} | `{each.name}` | {each.severity} | {kinds} | {each.good} |")
    return "\n".join(rows)


def worst(results):
    """Return the highest severity among the failures, or "" where there is none."""
    failed = [SEVERITIES.index(r.severity) for r in results if r.status == FAILED]
    return SEVERITIES[max(failed)] if failed else ""


def _xml(text):
    """Leave out what XML can't hold, such as a terminal's colors in an error."""
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
