"""plots: figures that are shown once, of a fixed size, on one scale."""

import io
import subprocess
import sys

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

from helpers import plots
from helpers.clip import Clip


def tone(rate=8000, seconds=1.0, hertz=1000, name="tone"):
    return Clip(
        0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate), rate, name
    )


def size(figure):
    """Width and height of its PNG in pixels, from the file's header."""
    header = figure._repr_png_()[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")


def test_figures_have_a_fixed_size():
    assert size(plots.waveform(tone())) == (800, 250)
    assert size(plots.spectrogram(tone())) == (800, 350)
    assert size(plots.side_by_side(tone(), tone())) == (1000, 500)
    assert size(plots.side_by_side(tone(), tone(seconds=3), tone(16000))) == (1500, 500)


def test_figures_are_small_enough_for_a_notebook():
    hiss = Clip(0.1 * np.random.default_rng(0).normal(size=5 * 16000), 16000, "hiss")
    drawn = plots.spectrogram(hiss)
    full = io.BytesIO()
    drawn.savefig(full, format="png")
    few, all_ = (
        np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float)
        for data in (drawn._repr_png_(), full.getvalue())
    )
    assert len(drawn._repr_png_()) < len(full.getvalue()) / 2
    assert np.abs(few - all_).max() < 20  # of 255, the ends of the color bar included


def test_axes_are_labeled_with_units():
    wave, spec = plots.waveform(tone()).axes[0], plots.spectrogram(tone()).axes
    assert (wave.get_xlabel(), wave.get_ylabel()) == ("Time [s]", "Amplitude")
    assert (spec[0].get_xlabel(), spec[0].get_ylabel()) == ("Time [s]", "Frequency [Hz]")
    assert spec[1].get_ylabel() == "Power [dB re loudest]"
    assert wave.get_title() == "tone, -9.0 dB"


def test_drawing_on_given_axes_returns_them():
    figure = plots.picture(2, 1, (6, 4))
    assert plots.waveform(tone(), figure.axes[0]) is figure.axes[0]
    assert plots.spectrogram(tone(), figure.axes[1]) is figure.axes[1]


def test_a_long_clip_is_drawn_by_its_extremes():
    spike = np.zeros(100_001)
    spike[77_777] = 0.9
    (drawn,) = plots.waveform(Clip(spike, 8000)).axes[0].collections
    points = drawn.get_paths()[0].vertices
    assert len(points) < 10_000
    assert points[:, 1].max() == pytest.approx(0.9)
    assert plots.power(Clip(np.zeros(8000 * 300), 8000)).shape[1] < 2100


def test_a_tone_lies_at_its_frequency_and_level():
    levels = plots.power(Clip(np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000), 8000))
    middle = levels[:, 60]
    assert np.argmax(middle) * 4000 / (len(middle) - 1) == 1000
    assert middle.max() == pytest.approx(-6, abs=0.1)


def test_spectrogram_colors_are_relative_to_the_loudest():
    image = plots.spectrogram(tone()).axes[0].images[0]
    assert image.get_array().max() == pytest.approx(0)
    assert image.get_clim() == (-80, 0)
    assert image.get_cmap().name == "magma"
    assert list(image.get_extent()) == [0, 1, 0, 4000]


def test_side_by_side_shares_its_scales():
    figure = plots.side_by_side(tone(), tone().gain(-20))
    loud, soft = (axes.images[0].get_array().max() for axes in figure.axes[2:4])
    assert loud - soft == pytest.approx(20, abs=0.1)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_silence_is_dark():
    for figure in (
        plots.spectrogram(Clip(np.zeros(800), 8000)),
        plots.side_by_side(tone().gain(-400)),
    ):
        picture = next(axes.images[0] for axes in figure.axes if axes.images)
        assert picture.get_array().max() <= -80


@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_very_short_clips_are_drawn(n):
    assert plots.side_by_side(Clip(np.zeros(n), 8000), tone())._repr_png_()


def test_there_must_be_something_to_draw():
    with pytest.raises(ValueError, match=r"nothing to draw: side_by_side\("):
        plots.side_by_side()


def test_pyplot_is_left_alone():
    code = (
        "import sys; from helpers import plots; from helpers.clip import Clip;"
        "plots.side_by_side(Clip([0.0, 1.0], 8000))._repr_png_();"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "before", ["", "import matplotlib.pyplot as plt; _ = plt.figure(); plt.close()"]
)
def test_a_notebook_shows_each_figure_once(root, before):
    sources = [
        f"from helpers import plots\nfrom helpers.clip import Clip\n{before}",
        "plots.side_by_side(Clip([0.0, 0.5] * 4000, 8000, 'buzz'))",
        "figure = plots.waveform(Clip([0.0, 0.5], 8000))",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    book = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(book, resources={"metadata": {"path": str(root)}}).execute()
    assert [len(cell.outputs) for cell in book.cells] == [0, 1, 0]
    data = book.cells[1].outputs[0].data
    assert sorted(data) == ["image/png", "text/plain"]
    assert data["text/plain"] == "<Picture size 600x500 with 3 Axes>"
