"""The catalogs of the Chinese edition: locale/zh/NN_name.po, an entry a piece of prose."""

import collections
import re

# What `lessons links` writes into a cell: the translator sees the first marker only.
GENERATED = re.compile(r"<!-- (nav|lessons) -->.*?<!-- /\1 -->", re.S)
# What a Chinese reader gets beyond the English: the words of a figure, a local name, a setting.
EXTRA = re.compile(r"<!-- zh -->(.*?)<!-- /zh -->", re.S)
HEADER = {
    "Project-Id-Version": "audio-to-audio",
    "Language": "zh_CN",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
}


def messages(notebook):
    """Return what is to be translated: context -> English.

    The context is a markdown cell's id, or for a figure's description its cell's id and ":alt".
    """
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            source = GENERATED.sub(r"<!-- \1 -->", cell.source)
            if re.sub(r"<!-- \w+ -->", "", source).strip():
                found.append((cell.id, source))
        elif alt := cell.metadata.get("a2a", {}).get("alt"):
            found.append((f"{cell.id}:alt", alt))
    if len(dict(found)) < len(found):
        raise ValueError("two cells have one id: run.py lessons check")
    return dict(found)


def catalog(path):
    """Read a catalog; where there is none yet, it is empty."""
    import polib

    if not path.exists():
        return polib.POFile(wrapwidth=0)
    try:
        return polib.pofile(str(path), encoding="utf-8", wrapwidth=0)
    except OSError as problem:  # polib's way to speak of a syntax error
        raise ValueError(f"{path.name} can't be read: {problem}") from problem


def updated(wanted, old):
    """Return a catalog for these messages, with what the old one knows of them.

    As msgmerge does it: an entry whose English changed becomes fuzzy and remembers what it was
    translated from, a new one is empty, and one that nobody asks for any more is obsolete.
    """
    import polib

    known = {entry.msgctxt: entry for entry in old}
    # A cell that got another id takes its translation along.
    same = {entry.msgid: entry.msgstr for entry in old if entry.msgstr and not entry.fuzzy}
    new = polib.POFile(wrapwidth=0)
    new.metadata = dict(HEADER)
    for context, source in wanted.items():
        entry = known.pop(context, None)
        if entry is None:
            entry = polib.POEntry(msgctxt=context, msgstr=same.get(source, ""))
        elif entry.msgid != source and entry.msgstr and not entry.fuzzy:
            entry.previous_msgid = entry.msgid  # a fuzzy one keeps what it was translated from
            entry.flags.append("fuzzy")
        entry.msgid, entry.obsolete = source, False
        if not entry.fuzzy:
            entry.previous_msgid = None
        new.append(entry)
    for entry in known.values():
        entry.obsolete, entry.previous_msgid = True, None
        if entry.msgstr:
            new.append(entry)
    return str(new).rstrip("\n") + "\n"


def untouched(entries):
    """Tell whether nobody has begun to translate: no catalog yet, or only empty entries."""
    return not any(entry.msgstr.strip() for entry in entries if not entry.obsolete)


def incomplete(wanted, entries):
    """Return what keeps these messages from being shown in Chinese: (context, reason) pairs."""
    found = []
    times = collections.Counter(entry.msgctxt for entry in entries if not entry.obsolete)
    known = {entry.msgctxt: entry for entry in entries if not entry.obsolete}
    for context, source in wanted.items():
        entry = known.get(context)
        if entry is None or not entry.msgstr.strip():
            found.append((context, "is not translated"))
        elif entry.fuzzy:
            found.append((context, "is fuzzy: the English changed, see its #| lines"))
        elif entry.msgid != source:
            found.append((context, "was translated from another text: run.py zh update"))
        elif times[context] > 1:
            found.append((context, f"stands {times[context]} times in the catalog"))
    gone = [context for context in known if context not in wanted]
    return found + [(context, "is in no cell any more: run.py zh update") for context in gone]
