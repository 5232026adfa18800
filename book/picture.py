"""README's picture, a recording and the tracks that come of it; and lesson 00's map."""

import csv
import html
import io
import math
import re
from pathlib import Path

PICTURE = Path(__file__).resolve().parent / "separated.png"
MAP = PICTURE.with_name("map.svg")
CHINESE_MAP = PICTURE.with_name("map.zh-CN.svg")  # written by run.py zh
TABLE = PICTURE.with_name("map.csv")
COLORS = {"The ground": "#f2f2f2", "Two voices": "#cfe6f5", "Noise and echo": "#fbe0c8",
          "At work": "#d3efe2"}  # fmt: skip
GROUPS = {"The ground": "基础", "Two voices": "两个人声", "Noise and echo": "噪声与回声",
          "At work": "实际使用"}  # fmt: skip
# Of the map, in pixels: its size, letters, lines, the margin in a box, and the longest line.
SIZE, FONT, LEADING, PAD, WIDEST = (1200, 660), 14, 18, 8, 160
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" \
xml:lang="{lang}" font-size="{size}" text-anchor="middle" \
font-family="system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif">
<style>
rect {{ stroke: #444; stroke-width: .8 }}
.needs {{ stroke: #555; stroke-width: 1.3 }}
.helps {{ stroke: #888; stroke-width: 1.3; stroke-dasharray: 2 3 }}
</style>
<defs>
<marker id="needs" orient="auto" markerWidth="8" markerHeight="6" refX="8" refY="3" \
markerUnits="userSpaceOnUse"><path d="M0 0L8 3L0 6" fill="#555"/></marker>
<marker id="helps" orient="auto" markerWidth="8" markerHeight="6" refX="8" refY="3" \
markerUnits="userSpaceOnUse"><path d="M0 0L8 3L0 6" fill="#888"/></marker>
</defs>
<rect width="100%" height="100%" fill="#fff" style="stroke: none"/>
{parts}
</svg>
"""
TITLES = ("Two people at once", "The first, separated", "The second, separated")


def draw(path=PICTURE):
    """Separate the demo recording with today's weights, and draw before and after."""
    from PIL import Image

    from helpers import audio, metrics, plots, separate

    names = ("mix_speech.wav", "mix_speech_s1.wav", "mix_speech_s2.wav")
    mixture, *people = (audio.load(audio.SOUNDS / name) for name in names)
    tracks = separate.separate(mixture)
    clips = [mixture, *(tracks[i] for i in metrics.match(tracks, people).order)]
    loudest = max(plots.power(clip).max() for clip in clips)  # one scale of colors for all
    figure = plots.picture(1, 3, (12, 3))
    for axes, clip, title in zip(figure.axes, clips, TITLES, strict=True):
        plots.spectrogram(clip, axes, loudest).set(title=title, ylabel="")
    figure.axes[0].set_ylabel("Frequency [Hz]")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    # 64 colors do for one color map, and make the file half as big.
    Image.open(file).convert("RGB").quantize(64).save(path, optimize=True)


def lessons(table=TABLE):
    """Return the rows of book/map.csv: what each lesson needs, and what helps to understand it."""
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {"needs": row["needs"].split(), "helps": row["helps"].split()}
    return rows


def above(lesson, needs):
    """Return all that a lesson stands on, what it needs and what that needs in turn."""
    found = set(needs[lesson])
    return found.union(*(above(each, needs) for each in found))


def arrows(rows):
    """Return (needed, lesson) pairs, without those that follow from others.

    Raises a ValueError where a lesson needs one that the table lacks, or comes after it.
    """
    needs = {row["lesson"]: row["needs"] for row in rows}
    for lesson, wanted in needs.items():
        if odd := [each for each in wanted if each not in needs or each >= lesson]:
            raise ValueError(f"book/map.csv: lesson {lesson} can't need {', '.join(odd)}")
    pairs = [(each, lesson) for lesson, wanted in needs.items() for each in wanted]
    return [
        (each, lesson)
        for each, lesson in pairs
        if not any(each in above(other, needs) for other in needs[lesson])
    ]


def columns(rows):
    """Return each lesson's column: the next after those of the lessons that it needs or uses."""
    found = {}
    for row in rows:
        before = [*row["needs"], *row["helps"]]
        found[row["lesson"]] = max((found[each] + 1 for each in before), default=0)
    return found


def draw_map(titles, lang="en", table=TABLE):
    """Return the map as SVG: the lessons as boxes, with an arrow to each from those that it needs.

    `titles` is (number, title) of each lesson; what it needs stands in book/map.csv. The browser
    has the letters: no font of the machine that draws matters, so each box leaves some room.
    """
    rows, titles = lessons(table), dict(titles)
    if missing := [n for n in titles if f"{n:02d}" not in {row["lesson"] for row in rows}]:
        raise ValueError(f"book/map.csv lacks the lessons {missing}: a row for each")
    column = columns(rows)
    bottom, last = max(float(row["place"]) for row in rows) + 1.2, max(column.values()) + 0.45

    def at(x, y):
        return (x + 0.45) / (last + 0.45) * SIZE[0], (y + 1) / (bottom + 1) * SIZE[1]

    boxes = {}
    for row in rows:
        lines = [row["lesson"], *wrapped(re.split("[:：]", titles[int(row["lesson"])])[0])]
        boxes[row["lesson"]] = (*at(column[row["lesson"]], float(row["place"])), lines)
    half = {name: max(map(width, lines)) / 2 + PAD for name, (_x, _y, lines) in boxes.items()}

    def arrow(kind, start, stop):
        (x, y, _), (to_x, to_y, _) = boxes[start], boxes[stop]
        ends = f"M{x + half[start]:.0f} {y:.0f}L{to_x - half[stop]:.0f} {to_y:.0f}"
        return f'<path class="{kind}" d="{ends}" marker-end="url(#{kind})"/>'

    parts = [arrow("needs", *pair) for pair in arrows(rows)]
    parts += [arrow("helps", each, row["lesson"]) for row in rows for each in row["helps"]]
    for row in rows:
        parts.append(_box(*boxes[row["lesson"]], half[row["lesson"]], COLORS[row["group"]]))
    for number, group in enumerate(COLORS):
        label = group if lang == "en" else GROUPS[group]
        key = _box(*at(number, bottom - 0.3), [label], width(label) * 0.55 + PAD, COLORS[group])
        parts.append(f'<g font-weight="bold">{key}</g>')
    return SVG.format(*SIZE, lang=lang, size=FONT, parts="\n".join(parts))


def width(text):
    """Return about how wide a text is: a Chinese character is a square, a Latin letter half one."""
    return FONT * sum(1.0 if letter > "\u2e7f" else 0.58 for letter in text)


def wrapped(title):
    """Return a title's lines: English breaks between words, evenly, and Chinese at a comma."""
    chinese = "，" in title
    pieces = re.findall("[^，]+，?" if chinese else r"\S+\s*", title)
    even = width(title) / math.ceil(width(title) / WIDEST) + 2 * FONT
    lines = [""]
    for piece in pieces:
        full = width((lines[-1] + piece).rstrip(" ，")) > (WIDEST if chinese else even)
        lines += [""] if full and lines[-1] else []
        lines[-1] += piece
    return [line.rstrip(" ，") for line in lines]


def _box(x, y, lines, half, color):
    """Return a box with its lines in the middle."""
    high = len(lines) * LEADING / 2 + 4
    found = f'<rect x="{x - half:.0f}" y="{y - high:.0f}" width="{2 * half:.0f}" '
    found += f'height="{2 * high:.0f}" rx="5" fill="{color}"/>'
    top = y - high + 4 + LEADING * 0.75
    for number, line in enumerate(lines):
        found += f'<text x="{x:.0f}" y="{top + number * LEADING:.0f}">{html.escape(line)}</text>'
    return found
