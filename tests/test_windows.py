"""Long recordings: windows that cover everything, speakers on their tracks, work that is kept."""

import itertools

import model_folders
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import models, windows
from helpers.networks import NETWORKS

RATE = 100


@pytest.fixture(autouse=True, scope="module")
def _hypothesis_looks():
    models.register()
    model_folders.let_hypothesis_look()


def lengths_of(n, rate=RATE):
    return {stop - start for start, stop in windows.window_bounds(n, rate)}


@settings(max_examples=50)
@given(n=st.integers(1, 60_000))
def test_windows_have_one_size_and_cover_everything(n):
    bounds = windows.window_bounds(n, RATE)
    assert bounds[0][0] == 0
    assert bounds[-1][1] == n
    (size,) = lengths_of(n)
    assert size <= (windows.MAX_SINGLE_S if len(bounds) == 1 else windows.WINDOW_S) * RATE
    commons = [stop - start for (_, stop), (start, _) in zip(bounds, bounds[1:], strict=False)]
    assert all(abs(common - windows.OVERLAP_S * RATE) <= 2 for common in commons)


def test_what_is_computed_twice_does_not_depend_on_the_length():
    """Time is linear: a minute costs per second what an hour costs."""
    work = [
        sum(stop - start for start, stop in windows.window_bounds(n, RATE)) / n
        for n in (6000, 360_000)
    ]
    assert work[0] == pytest.approx(work[1], rel=0.02)


def test_half_a_minute_is_one_piece():
    found = []
    windows.overlap_add(np.zeros(30 * RATE), lambda window: found.append(len(window)), RATE)
    assert found == [30 * RATE]


@pytest.mark.parametrize("n", [3001, 12_100, 33_333])
def test_fades_sum_to_one(n):
    samples = np.random.default_rng(n).normal(size=n).astype(np.float32)
    out = windows.overlap_add(samples, lambda window: window[None], RATE)
    np.testing.assert_allclose(out[0], samples, atol=1e-6)


def test_order_stays_where_nothing_is_heard():
    assert windows.best_permutation(np.zeros((3, 10)), np.ones((3, 10))) == [0, 1, 2]
    assert windows.best_permutation(np.zeros((2, 0)), np.zeros((2, 0))) == [0, 1]


@given(order=st.permutations(range(3)), gain=st.floats(0.001, 1000))
def test_order_is_found_whatever_the_scales(order, gain):
    rows = np.random.default_rng(0).normal(size=(3, 200))
    after = (rows * np.array([[1], [gain], [1 / gain]]))[list(order)]
    np.testing.assert_array_equal(np.argsort(order), windows.best_permutation(rows, after))


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
    encode = NETWORKS["mossformer"].encode(model)
    return lambda rows: windows.speaker_embedding(encode, rows)


def on_track(rows, sources):
    """Correlations (output, source) over the whole recording."""
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, sources)]
    return np.abs(unit[0] @ unit[1].T).max(axis=1)


def paused_where_windows_meet(seconds):
    bounds = windows.window_bounds(seconds * 8000, 8000)
    meet = [(start / 8000 - 1, start / 8000 + 3) for start, _ in bounds[1:]]
    return lambda t: np.any([(a < t) & (t < b) for a, b in meet], axis=0)


def test_speakers_keep_their_track_through_pauses_by_their_voices(describe):
    sources = two_voices(120, pause=paused_where_windows_meet(120))
    network = Swapping()
    rows = windows.overlap_add(sources.sum(0), network, 8000, describe)
    assert 0 < sum(network.swaps) < len(network.swaps)
    assert on_track(rows, sources).min() > 0.99
    lost = windows.overlap_add(sources.sum(0), Swapping(), 8000)  # the overlap alone hears nothing
    assert on_track(lost, sources).min() < 0.95


def test_speakers_keep_their_track_by_what_they_say_in_the_overlap():
    sources = two_voices(120)
    rows = windows.overlap_add(sources.sum(0), Swapping(), 8000)
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

    rows = windows.overlap_add(samples, run, RATE)
    assert 2 <= len(found) <= 4 < len(windows.window_bounds(len(samples), RATE))
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
    expected = windows.overlap_add(samples, Stops(), RATE)
    with pytest.raises(KeyboardInterrupt):
        windows.overlap_add(
            samples, Stops(at=4), RATE, cache=windows.WindowCache(tmp_path, "model")
        )
    assert len(list(tmp_path.iterdir())) == 3
    again = Stops()
    found = windows.overlap_add(samples, again, RATE, cache=windows.WindowCache(tmp_path, "model"))
    np.testing.assert_array_equal(found, expected)
    assert again.calls == len(windows.window_bounds(100 * RATE, RATE)) - 3


def test_windows_of_another_model_or_recording_are_not_taken(tmp_path):
    import torch

    window, part = np.ones(10, np.float32), np.ones((2, 10), np.float32)
    layer = torch.nn.Linear(2, 2)
    windows.WindowCache(tmp_path, layer, "float32").put(window, part)
    assert windows.WindowCache(tmp_path, layer, "float32").get(window).shape == (2, 10)
    assert windows.WindowCache(tmp_path, layer, "bfloat16").get(window) is None
    assert windows.WindowCache(tmp_path, layer, "float32").get(2 * window) is None
    with torch.no_grad():
        layer.bias += 1
    assert windows.WindowCache(tmp_path, layer, "float32").get(window) is None


def test_a_damaged_window_is_made_anew(tmp_path):
    kept, window = windows.WindowCache(tmp_path), np.ones(10, np.float32)
    kept.put(window, window[None])
    kept.path(window).write_bytes(b"\x93NUMPY")
    assert kept.get(window) is None
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_the_bar_is_for_people(capfd):
    windows.overlap_add(np.zeros(100 * RATE, np.float32), lambda window: window[None], RATE)
    assert capfd.readouterr() == ("", "")  # not a terminal: nothing in a log file


# --- who is who, without a network ----------------------------------------------------------------


class Scripted:
    """A separator of two fake speakers, 1 and 2 loud, that swaps its tracks as it is told."""

    def __init__(self, swaps):
        self.swaps = iter(swaps)

    def __call__(self, window):
        rows = np.stack([np.where(window == who, window, 0) for who in (1, 2)])
        return rows[::-1] if next(self.swaps) else rows


def loudness(rows):
    """A 'voice': which of the two levels a track holds."""
    return np.stack([[(row == 1).mean(), (row == 2).mean()] for row in rows]) + 1e-9


@pytest.mark.parametrize("swaps", [*itertools.product((0, 1), repeat=7)], ids=str)
def test_no_sequence_of_swaps_in_seven_windows_loses_a_speaker(swaps):
    """They take turns and are silent where windows meet: only the voices so far can tell."""
    n = 7 * (windows.WINDOW_S - windows.OVERLAP_S) * RATE
    bounds = windows.window_bounds(n, RATE)
    assert len(bounds) == 7
    talk = np.where(np.arange(n) // (4 * RATE) % 2, 2, 1).astype(np.float32)
    for start, _ in bounds[1:]:
        talk[start : start + 3 * RATE] = 0
    rows = windows.overlap_add(talk, Scripted(swaps), RATE, loudness)
    expected = np.stack([np.where(talk == who, talk, 0) for who in (1, 2)])
    np.testing.assert_allclose(rows, expected[::-1] if swaps[0] else expected)


@pytest.mark.parametrize(("db", "runs"), [(-91, 1), (-89, 3)])
def test_only_windows_below_90_db_are_left_out(db, runs):
    """The first is always run: it tells how many sources there are."""
    found = []
    samples = np.full(45 * RATE, 10 ** (db / 20), np.float32)
    rows = windows.overlap_add(samples, lambda x: [found.append(len(x)), x[None]][1], RATE)
    assert len(found) == runs
    assert rows.shape == (1, len(samples))


def test_a_pause_in_the_overlap_leaves_the_choice_to_the_voices():
    """Noise in a pause is alike the wrong way round, and must not outvote the voices."""
    n = 34 * RATE
    (_, first), (second, _) = windows.window_bounds(n, RATE)
    rng = np.random.default_rng(0)
    hiss = 1e-3 * rng.normal(size=n).astype(np.float32)
    talk = np.where(np.arange(n) // (4 * RATE) % 2, 2, 1).astype(np.float32)
    talk[second:first] = 0
    calls = []

    def network(window):
        start = 0 if not calls else second
        calls.append(start)
        rows = np.stack([np.where(window == who, window, 0) for who in (1, 2)])
        inside = (window != 1) & (window != 2)
        rows[len(calls) - 1, inside] = hiss[start : start + len(window)][inside]  # changes sides
        return rows

    rows = windows.overlap_add(talk, network, RATE, lambda rows: loudness(rows.round()))
    assert (rows[0][talk == 2] < 0.5).all()
    assert (rows[1][talk == 1] < 0.5).all()


def test_the_overlap_may_be_half_a_second(monkeypatch):
    """As lesson 11 invites its reader to try."""
    before = windows.window_bounds(60 * RATE, RATE)
    monkeypatch.setattr(windows, "OVERLAP_S", 0.5)
    bounds = windows.window_bounds(60 * RATE, RATE)
    assert bounds[0][0] == 0
    assert bounds[-1][1] == 60 * RATE
    assert bounds[0][1] - bounds[1][0] == pytest.approx(0.5 * RATE, abs=2)
    assert len(bounds) <= len(before)


def test_the_constants_are_those_that_the_lessons_and_the_docstrings_name():
    assert (windows.MAX_SINGLE_S, windows.WINDOW_S, windows.OVERLAP_S) == (30, 20, 2)
    assert 20 * np.log10(windows.SILENCE_PEAK) == pytest.approx(-90)
