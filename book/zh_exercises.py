"""The exercises' messages in Chinese: locale/zh/exercises.po, and zh.json that the package reads.

A message is what stands in a call of `_` or `N_` in helpers/exercises, or in the listening test of
helpers/lab. Its entry in the catalog needs no context: one text has one translation.
"""

import ast
import json
import string
from pathlib import PurePosixPath

from book.zh_catalog import HEADER, catalog
from book.zh_check import terms, wording

NAME = "exercises"
SPEAKERS = ("exercises/*.py", "lab/widgets.py")  # in helpers/


def paths(root):
    """Return the catalog, and what is built of it."""
    return root / "locale" / "zh" / f"{NAME}.po", root / "helpers" / NAME / "zh.json"


def messages(root):
    """Return what is to be translated: from each message to the files in helpers that say it."""
    found = {}
    for path in sorted(path for each in SPEAKERS for path in (root / "helpers").glob(each)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if called and node.func.id in ("_", "N_") and isinstance(node.args[0], ast.Constant):
                files = found.setdefault(node.args[0].value, [])
                name = path.relative_to(root / "helpers").as_posix()
                files += [name] if name not in files else []
    return found


def updated(root):
    """Return the catalog's text for today's messages; a new one is empty, a gone one obsolete."""
    import polib

    old = {entry.msgid: entry for entry in catalog(paths(root)[0])}
    new = polib.POFile(wrapwidth=0)
    new.metadata = dict(HEADER)
    for message, files in messages(root).items():
        known = old.pop(message, None)
        chinese = known.msgstr if known else ""
        where = [(f"helpers/{name}", "") for name in files]
        new.append(polib.POEntry(msgid=message, msgstr=chinese, occurrences=where))
    for entry in old.values():
        if entry.msgstr:
            entry.obsolete, entry.occurrences = True, []
            new.append(entry)
    return str(new).rstrip("\n") + "\n"


def built(root):
    """Return the text of zh.json."""
    return json.dumps(table(root), ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def table(root):
    """Return the Chinese of each message that has one."""
    entries = {entry.msgid: entry.msgstr for entry in catalog(paths(root)[0])}
    return {message: entries[message] for message in messages(root) if entries.get(message)}


def faults(root):
    """Return what is missing from the catalog or not as its English has it, a line a fault."""
    wanted, words = messages(root), terms()
    entries = {entry.msgid: entry for entry in catalog(paths(root)[0]) if not entry.obsolete}
    found = []
    for message, files in wanted.items():
        entry = entries.get(message)
        if entry is None or not entry.msgstr.strip() or entry.fuzzy:
            found.append((message, "is not translated", files))
        elif fields(message) != fields(entry.msgstr):
            found.append((message, "has other {fields} in Chinese", files))
        else:
            found += [(message, fault, files) for fault in wording("", entry.msgstr, words)]
    found += [
        (message, "is in no check any more: run.py zh update exercises", [])
        for message in entries
        if message not in wanted
    ]
    rows = []
    for message, what, files in found:
        names = " ".join(PurePosixPath(file).name for file in files)
        rows.append(f"{NAME}: {names} “{message[:60]}” {what}".replace("  ", " "))
    return rows


def fields(message):
    """Return a message's fields, each with its name and how its value is written."""
    parts = string.Formatter().parse(message)
    return {(name, *how) for _text, name, *how in parts if name is not None}
