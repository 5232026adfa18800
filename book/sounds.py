"""Keep `sounds/`: check it against its manifest, and write the credits into its README.md.

python -m book.sounds    writes the credits, lists what does not agree with the manifest
"""

import csv
import hashlib
import sys
from pathlib import Path

from book.lessons import ROOT, between, write

SOUNDS = ROOT / "sounds"
PAPERS = {".csv", ".md", ".txt"}  # what else lies in sounds/


def rows(folder=SOUNDS):
    """Return the manifest: a dict for each recording."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def faults(folder=SOUNDS):
    """Return what does not agree between a folder of sounds and its manifest, a line a fault."""
    listed = {row["path"]: row for row in rows(folder)}
    there = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.*")}
    there = {name for name in there if Path(name).suffix not in PAPERS}
    found = [f"{name}: not in the manifest" for name in sorted(there - set(listed))]
    found += [f"{name}: missing" for name in sorted(set(listed) - there)]
    if len(listed) < len(rows(folder)):
        found.append("manifest.csv: names a path twice")
    for name in sorted(there & set(listed)):
        found += [f"{name}: {fault}" for fault in faults_of(folder / name, listed[name])]
    return found


def faults_of(path, row):
    """Return what the manifest says of one recording and is not so."""
    import soundfile

    found = [f"no {key}" for key in ("author", "licence", "package", "version") if not row[key]]
    if hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
        return [*found, "changed: its sha256 is another"]
    info = soundfile.info(path)
    if (info.samplerate, info.channels) != (int(row["rate"]), 1):
        found.append(f"{info.channels} channels at {info.samplerate} Hz")
    if abs(info.frames / info.samplerate - float(row["seconds"])) > 0.001:
        found.append(f"{info.frames / info.samplerate:.3f} s long")
    return found


def attributions(table):
    """Return the authors with what is theirs, and the demo files, as two Markdown tables."""
    keys = ("author", "licence", "package", "version")
    groups = {}
    for row in table:
        if row["split"] != "demo":
            groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    lines = ["| author | licence | package | what | files | minutes |", "|---|---|---|---|--:|--:|"]
    for (author, licence, package, version), group in sorted(groups.items()):
        what = ", ".join(sorted({name(row) for row in group}))
        minutes = sum(float(row["seconds"]) for row in group) / 60
        source = f"{package} {version}"
        lines.append(f"| {author} | {licence} | {source} | {what} | {len(group)} | {minutes:.1f} |")
    lines += ["", "| demo file | what | who | authors | licences |", "|---|---|---|---|---|"]
    for row in table:
        if row["split"] == "demo":
            what = f"{row['kind']}, {float(row['seconds']):.1f} s at {row['rate']} Hz"
            facts = (f"`{row['path']}`", what, name(row), row["author"], row["licence"])
            lines.append(f"| {' | '.join(facts)} |")
    return "\n".join(lines)


def name(row):
    """Say what a recording holds: a speaker and the language, or a kind of noise."""
    pairs = zip(row["speaker"].split("+"), row["language"].split("+"), strict=True)
    return " + ".join(f"{who} ({how})" for who, how in pairs) if row["speaker"] else row["kind"]


def page(folder=SOUNDS):
    """Return what sounds/README.md should hold."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return between("credits", attributions(rows(folder)), text)


if __name__ == "__main__":
    write(SOUNDS / "README.md", page())
    wrong = faults()
    print("\n".join(wrong) or f"{len(rows())} recordings, all as the manifest says")
    sys.exit(1 if wrong else 0)
