"""README's picture, a recording and the tracks that come of it; and lesson 00's map."""

import csv
import io
from pathlib import Path

PICTURE = Path(__file__).resolve().parent / "separated.png"
MAP = PICTURE.with_name("map.png")
TABLE = PICTURE.with_name("map.csv")
COLORS = {"The ground": "#f2f2f2", "Two voices": "#cfe6f5", "Noise and echo": "#fbe0c8",
          "At work": "#d3efe2"}  # fmt: skip
FONT, PAD = 10, 0.35  # points, and the margin in a box on the map in units of that
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


def lessons():
    """Return the rows of book/map.csv: what each lesson needs, and what helps to understand it."""
    with open(TABLE, newline="", encoding="utf-8") as file:
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


def _box(group):
    """Return how a lesson's box looks."""
    style = {"boxstyle": f"round,pad={PAD}", "facecolor": COLORS[group], "edgecolor": "#444444"}
    return {"ha": "center", "va": "center", "fontsize": FONT, "bbox": style | {"lw": 0.8}}


def draw_map(titles, path=MAP):
    """Draw the lessons as boxes, with an arrow to each from those that it needs.

    `titles` is (number, title) of each lesson; what it needs stands in book/map.csv.
    """
    import textwrap

    from PIL import Image

    from helpers import plots

    rows, titles = lessons(), dict(titles)
    if missing := [
        number for number in titles if f"{number:02d}" not in {r["lesson"] for r in rows}
    ]:
        raise ValueError(f"book/map.csv lacks the lessons {missing}: a row for each")
    column = columns(rows)
    at = {row["lesson"]: (column[row["lesson"]], -float(row["place"])) for row in rows}
    figure = plots.picture(1, 1, (12, 6.6))
    axes, boxes = figure.axes[0], {}
    heights = [y for _, y in at.values()]
    axes.set(xlim=(-0.45, max(column.values()) + 0.45), ylim=(min(heights) - 1.2, 1))
    axes.axis("off")
    figure.set_layout_engine("none")  # what is measured now must be what is drawn
    axes.set_position((0, 0, 1, 1))
    for row in rows:
        short = textwrap.wrap(titles[int(row["lesson"])].split(":")[0], 18)
        label = "\n".join([row["lesson"], *short])
        boxes[row["lesson"]] = axes.text(*at[row["lesson"]], label, **_box(row["group"]))
    for x, group in enumerate(COLORS):
        axes.text(x, min(heights) - 0.9, group, weight="bold", **_box(group))
    figure.canvas.draw()  # only now it is known how wide each box is
    data, pad = axes.transData.inverted(), PAD * FONT * figure.dpi / 72
    edges = {}
    for name, box in boxes.items():
        extent = box.get_window_extent()
        edges[name] = [data.transform((x, 0))[0] for x in (extent.x0 - pad, extent.x1 + pad)]
    for lines, style in (
        (arrows(rows), {"color": "#555555"}),
        (
            [(each, row["lesson"]) for row in rows for each in row["helps"]],
            {"color": "#999999", "linestyle": "dotted"},
        ),
    ):
        for start, stop in lines:
            begin, end = edges[start][1], edges[stop][0]
            line = {"arrowstyle": "-|>", "lw": 1.1, "shrinkA": 0, "shrinkB": 0, **style}
            axes.annotate("", (end, at[stop][1]), (begin, at[start][1]), arrowprops=line, zorder=1)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    Image.open(file).convert("RGB").quantize(64).save(path, optimize=True)
