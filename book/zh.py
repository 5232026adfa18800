"""The Chinese edition: the source notebooks' code and outputs, with the prose of locale/zh/*.po.

What our own code says in an output, such as an exercise's verdict, is in Chinese (zh_outputs).

python run.py zh                   build notebooks/zh, the index of README.zh-CN.md and the map
python run.py zh update [05 07]    bring the catalogs up to date with the English notebooks
python run.py zh check [05 07]     say what is missing, fuzzy, or not as its source has it

The exercises' messages have a catalog too, by the name of exercises: `zh update exercises`.
"""

import argparse
import os
import re
import sys
from pathlib import PurePosixPath

from book import lessons, picture, zh_exercises, zh_outputs
from book.lessons import ROOT, between, read, text, write
from book.zh_catalog import EXTRA, GENERATED, catalog, incomplete, messages, untouched, updated

README = "README.zh-CN.md"
BANNER = "> 这一课还没有译成中文，下面是英文原文。怎样参与翻译，见 `CONTRIBUTING.md`。"
CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.S)  # nothing in it is mended
TARGET = re.compile(r"""(\]\(|\b(?:src|href)=["'])(?![a-z]+:|[/#])([^)\s"'#]+)(#[^)\s"']*)?""")
ANCHORS = {"#the-lessons": "#课程目录"}  # of pages that are translated: old heading -> new


# --- building ---------------------------------------------------------------------------------


def mended(source, root):
    """Return a cell's Markdown with its relative links as seen from notebooks/zh/."""

    def mend(hit):
        opening, target, anchor = hit[1], hit[2], hit[3] or ""
        if re.fullmatch(r"\d\d_\w+\.ipynb", target):
            return hit[0]  # a lesson: the Chinese one has the same name
        there = os.path.normpath(PurePosixPath("notebooks") / target).replace(os.sep, "/")
        chinese = re.sub(r"\.(md|svg)$", r".zh-CN.\1", there)
        if chinese != there and (chinese == README or (root / chinese).is_file()):
            there, anchor = chinese, ANCHORS.get(anchor, "")
        return opening + os.path.relpath(there, "notebooks/zh").replace(os.sep, "/") + anchor

    parts = CODE.split(source)
    parts[::2] = (TARGET.sub(mend, part) for part in parts[::2])
    return "".join(parts)


def translated(path, entries, root):
    """Return a lesson with its prose in Chinese; its links to the neighbors are still missing."""
    notebook = read(path)
    chinese = {entry.msgctxt: entry.msgstr for entry in entries if not entry.obsolete}
    for cell in notebook.cells:
        if cell.id in chinese:
            cell.source = mended(EXTRA.sub(r"\1", chinese[cell.id]), root)
        if f"{cell.id}:alt" in chinese:
            cell.metadata["a2a"]["alt"] = chinese[f"{cell.id}:alt"]
    notebook.metadata["a2a"] = {"lang": "zh-CN", "generated": "python run.py zh"}
    return notebook


def english(path, root):
    """Return a lesson that nobody has translated yet, with a banner above its English."""
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = mended(cell.source, root)
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    first.source = f"{BANNER}\n\n{first.source}"
    notebook.metadata["a2a"] = {"lang": "en", "generated": "python run.py zh"}
    return notebook


def about(notebook):
    """Return a Chinese lesson's title and the first sentence under it."""
    prose = "\n\n".join(GENERATED.sub("", cell.source) for cell in notebook.cells[:3])
    title = re.search(r"(?m)^# +(?:\d+\W+)?(.+)$", prose)
    rest = prose[title.end() :] if title else ""
    rest = re.sub(r"(?m)^#.*|<!--.*?-->|\*\*[^*]*\*\*[:：]?", "", rest).strip()  # no labels
    line = re.split(r"(?<=[。！？])|[；：]", rest.split("\n\n")[0])[0]
    if not line:
        raise ValueError("needs a title (# ...) and under it a sentence")
    line = "".join(line.split("\n"))
    return title[1].strip(), line + ("" if line[-1] in "。！？" else "。")


def index(named, folder=""):
    """Return the table of lessons, for a page from which they lie in `folder`."""
    rows = ["| | 课程 | 内容 |", "|---|---|---|"]
    for name, (title, line) in named.items():
        title, line = (part.replace("|", r"\|") for part in (title, line))
        rows.append(f"| {name[:2]} | [{title}]({folder}{name}) | {line} |")
    return "\n".join(rows)


def linked(notebook, name, named):
    """Return what a lesson's file holds, with its navigation and the table of lessons."""
    names = list(named)
    at = names.index(name)
    before, after = names[at - 1 : at], names[at + 1 : at + 2]
    steps = [f"[← {named[step][0]}]({step})" for step in before]
    steps += [f"[全部课程](../../{README}#课程目录)", f"[English](../{name})"]
    steps += [f"[{named[step][0]} →]({step})" for step in after]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = between("nav", " | ".join(steps), cell.source) or cell.source
            cell.source = between("lessons", index(named), cell.source) or cell.source
    return text(notebook)


def edition(root=ROOT):
    """Return the Chinese edition, path -> text, and what is missing from it, a line a fault."""
    faults, whole, said = [], {}, zh_exercises.table(root)
    for path in lessons.lessons(folder=root / "notebooks"):
        file = root / "locale" / "zh" / f"{path.stem}.po"
        try:
            entries = catalog(file)
            if untouched(entries):
                whole[path.name] = (lessons.about(path), english(path, root))
                continue
            gaps = incomplete(messages(read(path)), entries)
            notebook = None if gaps else translated(path, entries, root)
            gaps = gaps or zh_outputs.translate(notebook, said)
            if not gaps:
                whole[path.name] = (about(notebook), notebook)
        except ValueError as problem:
            gaps = [(file.name, str(problem))]
        faults += [f"{path.stem}: {where} {what}" for where, what in gaps]
    named = {name: title for name, (title, _) in whole.items()}
    wanted = {
        root / "notebooks" / "zh" / name: linked(notebook, name, named)
        for name, (_, notebook) in whole.items()
    }
    table = root / "book" / picture.TABLE.name
    if table.is_file() and not faults:  # it needs every title
        titles = [(int(name[:2]), title) for name, (title, _line) in named.items()]
        chart = picture.draw_map(titles, "zh-CN", table)
        wanted[root / "book" / picture.CHINESE_MAP.name] = chart
    if (root / README).exists():
        page = (root / README).read_text(encoding="utf-8")
        page = between("lessons", index(named, "notebooks/zh/"), page)
        if page is None:
            faults.append(f"{README} has no place for the index: a line <!-- lessons -->")
        else:
            wanted[root / README] = page
    return wanted, faults


def strays(root=ROOT):
    """Return the catalogs and built lessons whose English lesson is gone."""
    there = {path.stem for path in lessons.lessons(folder=root / "notebooks")}
    found = [*root.glob("notebooks/zh/*.ipynb"), *root.glob("locale/zh/[0-9]*.po")]
    return [path for path in sorted(found) if path.stem not in there]


def main(args=None, root=ROOT):
    """Build, update or check, and return the exit code."""
    from book import zh_check

    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("run.py zh", description=__doc__, formatter_class=form)
    parser.add_argument("action", nargs="?", choices=("build", "update", "check"), default="build")
    parser.add_argument(
        "lesson", nargs="*", help="numbers or names, or exercises, for update and check"
    )
    options = parser.parse_args(args)
    try:
        named = [name for name in options.lesson if name != zh_exercises.NAME]
        paths = lessons.lessons(named, root / "notebooks") if named or not options.lesson else []
        exercises = len(named) < len(options.lesson) or not options.lesson
        exercises = exercises and bool(zh_exercises.messages(root))
        if options.action == "update":
            (root / "locale" / "zh").mkdir(parents=True, exist_ok=True)
            for path in paths:
                file = root / "locale" / "zh" / f"{path.stem}.po"
                write(file, updated(messages(read(path)), catalog(file)))
            if exercises:
                write(zh_exercises.paths(root)[0], zh_exercises.updated(root))
        elif options.action == "build":
            wanted, found = edition(root)
            (root / "notebooks" / "zh").mkdir(exist_ok=True)
            for path, content in wanted.items():
                write(path, content)
            if exercises:
                write(zh_exercises.paths(root)[1], zh_exercises.built(root))
        if options.action != "build":
            found = [fault for path in paths for fault in zh_check.lesson(path, root)]
        found += zh_exercises.faults(root) if exercises else []
        found += [f"{path.relative_to(root)}: its English lesson is gone" for path in strays(root)]
    except ValueError as problem:
        found = [str(problem)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found and options.action != "update" else 0


if __name__ == "__main__":
    sys.exit(main())
