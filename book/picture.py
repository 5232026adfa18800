"""README's picture, a recording and the tracks that come of it; and lesson 00's map."""

import io
from pathlib import Path

PICTURE = Path(__file__).resolve().parent / "separated.png"
MAP = PICTURE.with_name("map.png")
ROWS = {"The ground": (0, 4), "Two voices": (5, 6), "Noise and echo": (7, 9), "At work": (10, None)}
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


def draw_map(titles, path=MAP):
    """Draw the lessons as boxes in four rows; `titles` is (number, title) of each lesson."""
    import textwrap

    from PIL import Image

    from helpers import plots

    figure = plots.picture(1, 1, (11, 5.2))
    most = 4.5
    axes = figure.axes[0]
    box = {"boxstyle": "round,pad=0.4", "facecolor": "#e6f0f7", "edgecolor": "#0072b2"}
    for row, (name, (first, last)) in enumerate(ROWS.items()):
        axes.text(-0.75, -row, name, ha="center", va="center", weight="bold", fontsize=11)
        for number, title in titles:
            if first <= number <= (last or number):
                most = max(most, number - first + 0.5)
                short = "\n".join(textwrap.wrap(title.split(":")[0], 17))
                label = f"{number:02d}\n{short}"
                where = number - first, -row
                axes.text(*where, label, ha="center", va="center", fontsize=10, bbox=box)
        if row:
            line = {"arrowstyle": "-|>", "color": "#555555", "lw": 1.2}
            axes.annotate("", (0, 0.36 - row), (0, 0.64 - row), arrowprops=line)
    axes.set(xlim=(-1.3, most), ylim=(-3.5, 0.5))
    axes.axis("off")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    Image.open(file).convert("RGB").quantize(64).save(path, optimize=True)
