"""Long recordings: windows that cover everything, speakers on their tracks, work that is kept."""

import model_folders
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import models, overlap, voices

RATE = 100


@pytest.fixture(autouse=True, scope="module")
def _hypothesis_looks():
    models.register()
    model_folders.let_hypothesis_look()


def lengths_of(n, rate=RATE):
    return {stop - start for start, stop in overlap.cut(n, rate)}


@settings(max_examples=50)
@given(n=st.integers(1, 60_000))
def test_windows_have_one_size_and_cover_everything(n):
    windows = overlap.cut(n, RATE)
    assert windows[0][0] == 0
    assert windows[-1][1] == n
    (size,) = lengths_of(n)
    assert size <= (overlap.WHOLE if len(windows) == 1 else overlap.WINDOW) * RATE
    commons = [stop - start for (_, stop), (start, _) in zip(windows, windows[1:], strict=False)]
    assert all(abs(common - overlap.SHARED * RATE) <= 2 for common in commons)


def test_what_is_computed_twice_does_not_depend_on_the_length():
    """Time is linear: a minute costs per second what an hour costs."""
    work = [sum(stop - start for start, stop in overlap.cut(n, RATE)) / n for n in (6000, 360_000)]
    assert work[0] == pytest.approx(work[1], rel=0.02)


def test_half_a_minute_is_one_piece():
    found = []
    overlap.process(np.zeros(30 * RATE), lambda window: found.append(len(window)), RATE)
    assert found == [30 * RATE]


@pytest.mark.parametrize("n", [3001, 12_100, 33_333])
def test_fades_sum_to_one(n):
    samples = np.random.default_rng(n).normal(size=n).astype(np.float32)
    out = overlap.process(samples, lambda window: window[None], RATE)
    np.testing.assert_allclose(out[0], samples, atol=1e-6)


def test_order_stays_where_nothing_is_heard():
    assert overlap.same_order(np.zeros((3, 10)), np.ones((3, 10))) == [0, 1, 2]
    assert overlap.same_order(np.zeros((2, 0)), np.zeros((2, 0))) == [0, 1]


@given(order=st.permutations(range(3)), gain=st.floats(0.001, 1000))
def test_order_is_found_whatever_the_scales(order, gain):
    rows = np.random.default_rng(0).normal(size=(3, 200))
    after = (rows * np.array([[1], [gain], [1 / gain]]))[list(order)]
    np.testing.assert_array_equal(np.argsort(order), overlap.same_order(rows, after))


def two_voices(seconds, pause=None):
    """A low and a high 'voice' at 8 kHz; `pause` is a function of time that mutes both."""
    n = seconds * 8000
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=n))
    low, high = spectrum.copy(), spectrum.copy()
    low[len(low) // 2 :], high[: len(high) // 2] = 0, 0
    rows = np.stack([np.fft.irfft(half, n) for half in (low, high)]).astype(np.float32)
    if pause is not None:
        rows *= ~pause(np.arange(n) / 8000)
    return rows


class Swapping:
    """A perfect separator of two voices whose tracks come in another order each time."""

    def __init__(self, seed=0):
        self.rng, self.swaps = np.random.default_rng(seed), []

    def __call__(self, window):
        spectrum = np.fft.rfft(window)
        low, high = spectrum.copy(), spectrum.copy()
        low[len(low) // 2 :], high[: len(high) // 2] = 0, 0
        rows = np.stack([np.fft.irfft(half, len(window)) for half in (low, high)])
        self.swaps.append(int(self.rng.integers(2)))
        return rows[:: 1 - 2 * self.swaps[-1]].astype(np.float32)


@pytest.fixture(scope="module")
def describe():
    model = models.pipeline("mossformer", quiet=True).model
    return lambda rows: voices.describe(model, rows)


def on_track(rows, sources):
    """Correlations (output, source) over the whole recording."""
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, sources)]
    return np.abs(unit[0] @ unit[1].T).max(axis=1)


def paused_where_windows_meet(seconds):
    windows = overlap.cut(seconds * 8000, 8000)
    meet = [(start / 8000 - 1, start / 8000 + 3) for start, _ in windows[1:]]
    return lambda t: np.any([(a < t) & (t < b) for a, b in meet], axis=0)


def test_speakers_keep_their_track_through_pauses_by_their_voices(describe):
    sources = two_voices(120, pause=paused_where_windows_meet(120))
    network = Swapping()
    rows = overlap.process(sources.sum(0), network, 8000, describe)
    assert 0 < sum(network.swaps) < len(network.swaps)
    assert on_track(rows, sources).min() > 0.99
    lost = overlap.process(sources.sum(0), Swapping(), 8000)  # the overlap alone hears nothing
    assert on_track(lost, sources).min() < 0.95


def test_speakers_keep_their_track_by_what_they_say_in_the_overlap():
    sources = two_voices(120)
    rows = overlap.process(sources.sum(0), Swapping(), 8000)
    assert on_track(rows, sources).min() > 0.99


def test_a_silent_track_has_no_voice(describe):
    rows = np.stack([np.zeros(8000), np.random.default_rng(0).normal(size=8000)])
    found = describe(rows.astype(np.float32))
    assert not found[0].any()
    assert np.isfinite(found).all()


def test_voices_do_not_depend_on_scale(describe):
    rows = two_voices(2)
    np.testing.assert_allclose(describe(rows * [[1e3], [1e-3]]), describe(rows), atol=1e-4)


def test_silent_windows_are_not_run_and_stay_silent():
    samples, found = np.zeros(200 * RATE, np.float32), []
    samples[: 30 * RATE], samples[190 * RATE :] = 0.1, 0.1

    def run(window):
        found.append(len(window))
        return np.stack([window, window + 1e-3])

    rows = overlap.process(samples, run, RATE)
    assert 2 <= len(found) <= 4 < len(overlap.cut(len(samples), RATE))
    assert not rows[:, 60 * RATE : 160 * RATE].any()
    np.testing.assert_allclose(rows[0], samples, atol=1e-6)


class Stops:
    """A model that is stopped by Ctrl-C at its n-th window."""

    def __init__(self, at=None):
        self.at, self.calls = at, 0

    def __call__(self, window):
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return np.stack([window, -2 * window])


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    samples = np.random.default_rng(0).normal(size=100 * RATE).astype(np.float32)
    expected = overlap.process(samples, Stops(), RATE)
    with pytest.raises(KeyboardInterrupt):
        overlap.process(samples, Stops(at=4), RATE, kept=overlap.Kept(tmp_path, "model"))
    assert len(list(tmp_path.iterdir())) == 3
    again = Stops()
    found = overlap.process(samples, again, RATE, kept=overlap.Kept(tmp_path, "model"))
    np.testing.assert_array_equal(found, expected)
    assert again.calls == len(overlap.cut(100 * RATE, RATE)) - 3


def test_windows_of_another_model_or_recording_are_not_taken(tmp_path):
    import torch

    window, part = np.ones(10, np.float32), np.ones((2, 10), np.float32)
    layer = torch.nn.Linear(2, 2)
    overlap.Kept(tmp_path, layer, "float32").put(window, part)
    assert overlap.Kept(tmp_path, layer, "float32").get(window).shape == (2, 10)
    assert overlap.Kept(tmp_path, layer, "bfloat16").get(window) is None
    assert overlap.Kept(tmp_path, layer, "float32").get(2 * window) is None
    with torch.no_grad():
        layer.bias += 1
    assert overlap.Kept(tmp_path, layer, "float32").get(window) is None


def test_a_damaged_window_is_made_anew(tmp_path):
    kept, window = overlap.Kept(tmp_path), np.ones(10, np.float32)
    kept.put(window, window[None])
    kept.path(window).write_bytes(b"\x93NUMPY")
    assert kept.get(window) is None
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_the_bar_is_for_people(capfd):
    overlap.process(np.zeros(100 * RATE, np.float32), lambda window: window[None], RATE)
    assert capfd.readouterr() == ("", "")  # not a terminal: nothing in a log file
