"""README's picture: a recording of two people at once, and the two tracks that come of it."""

import io
from pathlib import Path

PICTURE = Path(__file__).resolve().parent / "separated.png"
TITLES = ("Two people at once", "The first, separated", "The second, separated")


def draw(path=PICTURE):
    """Separate the demo recording with today's weights, and draw before and after."""
    from PIL import Image

    from helpers import audio, metrics, plots, separate

    names = ("mix_speech.wav", "mix_speech_s1.wav", "mix_speech_s2.wav")
    mixture, *people = (audio.load(audio.SOUNDS / name) for name in names)
    tracks = separate.separate(mixture)
    clips = [mixture, *(tracks[i] for i in metrics.match(tracks, people).order)]
    loudest = max(plots.power(clip).max() for clip in clips)  # one scale of colours for all
    figure = plots.picture(1, 3, (12, 3))
    for axes, clip, title in zip(figure.axes, clips, TITLES, strict=True):
        plots.spectrogram(clip, axes, loudest).set(title=title, ylabel="")
    figure.axes[0].set_ylabel("Frequency [Hz]")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    # 64 colours do for one colour map, and make the file half as big.
    Image.open(file).convert("RGB").quantize(64).save(path, optimize=True)
