"""Keep `sounds/`: check it against its manifest, and write the credits into its READMEs.

python -m book.sounds    writes the credits, lists what does not agree with the manifest
"""

import csv
import hashlib
import sys
from pathlib import Path

from book.lessons import ROOT, between, write

SOUNDS = ROOT / "sounds"
PAPERS = {".csv", ".md", ".txt"}  # what else lies in sounds/
CHINESE = "README.zh-CN.md"
WORDS = {  # of the credits' tables; names of people, voices and packages are in no language
    "author": "作者", "license": "许可证", "package": "软件包", "what": "内容", "files": "文件数",
    "minutes": "分钟", "demo file": "演示文件", "who": "说话人", "authors": "作者",
    "licenses": "许可证", "this project": "本项目", "babble": "人群嘈杂声", "crowd": "人群",
    "keyboard": "键盘", "music": "音乐", "fan": "风扇", "hum": "嗡嗡声", "pink": "粉红噪声",
    "rain": "雨声", "sea": "海浪", "birds": "鸟叫", "frogs": "蛙鸣", "jet": "喷气飞机",
    "helicopter": "直升机", "thunder": "雷声", "saw": "锯木", "market": "集市", "mill": "风车磨坊",
    "engine": "发动机", "stadium": "球场人群", "water": "流水", "fire": "火",
    "street": "街道", "mixture": "混合语音", "source": "声源", "noisy speech": "带噪语音",
    "clean speech": "干净语音", ", ": "、", "{}, {} s at {} Hz": "{}，{} s，{} Hz",
}  # fmt: skip


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

    found = [f"no {key}" for key in ("author", "license", "package", "version") if not row[key]]
    if hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
        return [*found, "changed: its sha256 is another"]
    info = soundfile.info(path)
    if (info.samplerate, info.channels) != (int(row["rate"]), 1):
        found.append(f"{info.channels} channels at {info.samplerate} Hz")
    if abs(info.frames / info.samplerate - float(row["seconds"])) > 0.001:
        found.append(f"{info.frames / info.samplerate:.3f} s long")
    return found


def attributions(table, say=str):
    """Return the authors with what is theirs, and the demo files, as two Markdown tables.

    `say` puts the tables' own words into another language.
    """
    keys = ("author", "license", "package", "version")
    groups = {}
    for row in table:
        if row["split"] != "demo":
            groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    heads = map(say, ("author", "license", "package", "what", "files", "minutes"))
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|--:|--:|"]
    for (author, license, package, version), group in sorted(groups.items()):
        what = say(", ").join(say(each) for each in sorted({name(row) for row in group}))
        minutes = sum(float(row["seconds"]) for row in group) / 60
        facts = (say(author), license, f"{package} {version}", what, len(group), f"{minutes:.1f}")
        lines.append(f"| {' | '.join(map(str, facts))} |")
    heads = map(say, ("demo file", "what", "who", "authors", "licenses"))
    lines += ["", f"| {' | '.join(heads)} |", "|---|---|---|---|---|"]
    for row in table:
        if row["split"] == "demo":
            what = say("{}, {} s at {} Hz")
            what = what.format(say(row["kind"]), f"{float(row['seconds']):.1f}", row["rate"])
            facts = (f"`{row['path']}`", what, name(row), row["author"], row["license"])
            lines.append(f"| {' | '.join(facts)} |")
    return "\n".join(lines)


def name(row):
    """Say what a recording holds: a speaker and the language, or a kind of noise."""
    pairs = zip(row["speaker"].split("+"), row["language"].split("+"), strict=True)
    return " + ".join(f"{who} ({how})" for who, how in pairs) if row["speaker"] else row["kind"]


def page(folder=SOUNDS, name="README.md"):
    """Return what sounds/README.md, or its Chinese sister, should hold."""
    text = (folder / name).read_text(encoding="utf-8")
    say = (lambda english: WORDS.get(english, english)) if name == CHINESE else str
    return between("credits", attributions(rows(folder), say), text)


if __name__ == "__main__":
    for readme in ("README.md", CHINESE):
        write(SOUNDS / readme, page(name=readme))
    wrong = faults()
    print("\n".join(wrong) or f"{len(rows())} recordings, all as the manifest says")
    sys.exit(1 if wrong else 0)
