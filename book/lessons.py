"""Keep the lessons: run them, link them to each other, check them.

python run.py lessons run 05 07    execute these in place; without a number, all of them
python run.py lessons links        write previous and next into each, and the index into README.md
python run.py lessons check        list what is stale, unexecuted, broken or undescribed
python run.py lessons picture      draw README's picture, with today's weights, and the map of 00
"""

import argparse
import collections
import json
import os
import re
import sys
from pathlib import Path

from book import claims
from helpers.files.whole import whole

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
README = ROOT / "README.md"
PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}
# What stays of a notebook's metadata: the rest changes with the editor and with the Python.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "version": "3.11"},
}
KEPT = {"a2a", "tags", "jupyter"}  # what stays of a cell's


def lessons(words=(), folder=NOTEBOOKS):
    """Return the lessons' paths in order; words are numbers or beginnings of names."""
    found = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    names = [Path(word).name for word in words]
    names = [f"{int(name):02d}_" if name.isdigit() else name for name in names]
    for name in names:
        if not any(path.name.startswith(name) for path in found):
            raise ValueError(f"no lesson {name!r}; there are: {[path.stem for path in found]}")
    return [path for path in found if not names or path.name.startswith(tuple(names))]


def read(path):
    """Read a notebook."""
    import nbformat

    return nbformat.read(path, as_version=4)


def text(notebook):
    """Return what a notebook's file holds."""
    import nbformat

    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def write(path, content):
    """Write a text file, whole or not at all, and only if that changes it."""
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        with whole(path) as part:
            part.write_text(content, encoding="utf-8", newline="\n")


# --- run --------------------------------------------------------------------------------------


def run(path):
    """Execute a lesson in place, as its reader would: a fresh kernel in the notebook's folder."""
    from nbclient import NotebookClient

    notebook = read(path)
    client = NotebookClient(
        notebook,
        kernel_name="python3",  # of the environment that runs this
        timeout=600,
        coalesce_streams=True,  # else a slow machine cuts one output into several
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    places = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    path_there = {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    client.execute(env=os.environ | path_there)
    write(path, text(normalize(notebook)))


def normalize(notebook):
    """Take out what differs from run to run and from machine to machine, in place."""
    notebook.metadata = type(notebook.metadata)(METADATA)
    for cell in notebook.cells:
        for key in set(cell.metadata) - KEPT:
            del cell.metadata[key]
    for count, cell in enumerate(filter(has_code, notebook.cells), start=1):
        for counted in (cell, *cell.outputs):
            if "execution_count" in counted:
                counted["execution_count"] = count
    return notebook


def has_code(cell):
    """Tell whether there is something to execute."""
    return cell["cell_type"] == "code" and "".join(cell["source"]).strip() != ""


# --- links ------------------------------------------------------------------------------------


def about(path):
    """Return a lesson's title and its one line: the first sentence under the title."""
    prose = ""
    for cell in read(path).cells:
        if cell.cell_type == "code":
            break
        prose += between("nav", "", cell.source) or cell.source
        prose += "\n\n"
    prose = re.sub(r"<!--.*?-->", "", prose, flags=re.S)
    title = re.search(r"(?m)^# +(?:\d+\W+)?(.+)$", prose)
    rest = prose[title.end() :] if title else ""
    # "What you'll do" and its like are headings or labels, not the sentence.
    rest = re.sub(r"(?m)^#.*|\*\*What you[^*]*\*\*[:.]?|^\s*[-*+>] ", "", rest)
    paragraph = " ".join(rest.strip(" :\n").split("\n\n")[0].split())
    line = re.split(r"(?<=[.!?])\s|[;:] ", paragraph)[0]
    if not line:
        raise ValueError(f"{path.name} needs a title (# Start here) and under it a sentence")
    return title[1].strip(), line[0].upper() + line[1:] + ("" if line[-1] in ".!?" else ".")


def between(marker, content, inside):
    """Return the text with new content between its markers, or None where it has no markers."""
    block = re.compile(rf"<!-- {marker} -->(?:.*<!-- /?{marker} -->)?", re.S)
    new = f"<!-- {marker} -->\n{content}\n<!-- /{marker} -->"
    return block.sub(lambda _: new, inside, count=1) if block.search(inside) else None


def index(paths, folder=""):
    """Return the table of lessons, for a page from which they lie in `folder`."""
    rows = ["| | lesson | in one line |", "|---|---|---|"]
    for path in paths:
        title, line = (part.replace("|", r"\|") for part in about(path))
        rows.append(f"| {path.name[:2]} | [{title}]({folder}{path.name}) | {line} |")
    return "\n".join(rows)


def linked(path, before, after, table):
    """Return a lesson with its navigation, and with the table where it has a place for it."""
    import nbformat

    notebook = read(path)
    steps = [f"[← {about(before)[0]}]({before.name})"] if before else []
    steps += ["[All lessons](../README.md#the-lessons)"]
    steps += [f"[中文](zh/{path.name})"] if (path.parent / "zh" / path.name).exists() else []
    steps += [f"[{about(after)[0]} →]({after.name})"] if after else []
    for end in ("top", "end"):
        where = 0 if end == "top" else len(notebook.cells) - 1
        cell = notebook.cells[where]
        if cell.cell_type == "code" or "<!-- nav -->" not in cell.source:
            cell = nbformat.v4.new_markdown_cell("<!-- nav -->", id=f"{path.name[:2]}-nav-{end}")
            notebook.cells.insert(where + (end == "end"), cell)
        cell.source = between("nav", " | ".join(steps), cell.source)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = between("lessons", table, cell.source) or cell.source
    return notebook


def links(folder=NOTEBOOKS, readme=README):
    """Return what the lessons and README.md should hold: path -> text."""
    paths = lessons(folder=folder)
    page = readme.read_text(encoding="utf-8")
    page = between("lessons", index(paths, f"{folder.name}/"), page)
    if page is None:
        raise ValueError(f"{readme.name} has no place for the index: a line <!-- lessons -->")
    threes = zip(paths, [None, *paths], [*paths[1:], None], strict=False)
    table = index(paths)
    return {readme: page} | {three[0]: text(linked(*three, table)) for three in threes}


# --- check ------------------------------------------------------------------------------------


def check(folder=NOTEBOOKS, readme=README):
    """Return what is wrong with the lessons, a line a fault: nothing where all is well."""
    found = [f"{path.name}: {fault}" for path in lessons(folder=folder) for fault in faults(path)]
    try:
        wanted = links(folder, readme)
    except ValueError as problem:
        return [*found, str(problem)]
    stale = [path.name for path, new in wanted.items() if path.read_text(encoding="utf-8") != new]
    return found + [f"{name}: its links are stale: run.py lessons links" for name in stale]


def faults(path):
    """Return what is wrong with one lesson in itself."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    ids = collections.Counter(cell.get("id") for cell in cells)
    found = [f"{times} cells have the id {name!r}" for name, times in ids.items() if times > 1]
    for wanted, cell in enumerate(filter(has_code, cells), start=1):
        if cell["execution_count"] != wanted:
            when = f"executed as number {cell['execution_count']}, not {wanted}"
            found.append(f"{cell.get('id')} was {when}: run.py lessons run {path.name[:2]}")
            break  # those that follow are wrong for the same reason
    for cell in cells:
        outputs = cell.get("outputs", [])
        found += [f"{cell.get('id')} ended in {o['ename']}" for o in outputs if "ename" in o]
        drawn = any(PICTURES & set(output.get("data", ())) for output in outputs)
        if drawn and not cell["metadata"].get("a2a", {}).get("alt", "").strip():
            found.append(f"{cell.get('id')} shows a figure without alt text (metadata a2a.alt)")
    return found + claims.faults(path)


def main(args=None):
    """Do one of the four and return the exit code."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("run.py lessons", description=__doc__, formatter_class=form)
    parser.add_argument("action", choices=("run", "links", "check", "picture"))
    parser.add_argument("lesson", nargs="*", help="numbers or names, for run")
    options = parser.parse_args(args)
    try:
        if options.action == "run":
            for path in lessons(options.lesson):
                print(f"{path.name} ...", flush=True)
                run(path)
        elif options.action == "links":
            for path, content in links().items():
                write(path, content)
        elif options.action == "picture":
            from book.picture import MAP, draw, draw_map

            draw()
            write(MAP, draw_map([(int(path.name[:2]), about(path)[0]) for path in lessons()]))
        found = check() if options.action == "check" else []
    except ValueError as problem:
        found = [str(problem)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
