"""The rows of evaluation/ladder.csv: complete, paired, and made again from the clips they name."""

import csv

import numpy as np
import onnx
import pytest

from helpers import metrics
from helpers.lab import baselines
from training import ladder


@pytest.fixture(scope="module")
def rows():
    with open(ladder.TABLE, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def item():
    return ladder.items()[7]


def test_every_clip_meets_every_system_at_every_ratio(rows):
    ratios = {*map(str, ladder.RATIOS), "clean"}
    met = {(int(row["clip"]), row["snr"], row["system"]) for row in rows}
    clips = {clip for clip, _, _ in met}
    expected = {(c, r, s) for c in clips for r in ratios for s in ladder.systems()}
    expected |= {(c, str(r), ladder.ORACLE) for c in clips for r in ladder.RATIOS}
    assert len(clips) >= 40
    assert len(rows) == len(met)
    assert met == expected
    assert len({row["noise"] for row in rows}) == 8


def test_a_recording_that_nobody_touched_has_the_ratio_it_was_mixed_at(rows):
    for row in rows:
        if row["system"] == "as recorded" and row["snr"] != "clean":
            assert float(row["si_sdr"]) == pytest.approx(float(row["snr"]), abs=0.6)


def test_clean_speech_that_nobody_touched_is_at_the_top_of_each_scale(rows):
    same = [row for row in rows if (row["snr"], row["system"]) == ("clean", "as recorded")]
    assert {row["si_sdr"] for row in same} == {""}
    assert min(float(row["stoi"]) for row in same) > 0.9999
    assert min(float(row["pesq"]) for row in same) > 4.6
    assert all(1 <= float(row["pesq"]) <= 4.65 for row in rows)


def test_the_same_clip_and_noise_are_heard_at_every_ratio(item):
    _, clean, noise = item
    assert len(clean) == len(noise) == ladder.SECONDS * ladder.RATE
    for ratio in ladder.RATIOS:
        given, part = ladder.mixed(clean, noise, ratio)
        rest = given.samples - part.samples
        gain = (rest @ noise.samples) / (noise.samples @ noise.samples)
        assert np.allclose(rest, gain * noise.samples, atol=1e-4)
        assert np.abs(given.samples).max() < 0.99


@pytest.mark.parametrize("ratio", [10, "clean"])
def test_a_row_is_what_its_clip_gives(rows, item, ratio):
    kind, clean, noise = item
    given, part = ladder.mixed(clean, noise, ratio)
    wanted = ("7", str(ratio), "spectral gating")
    row = next(r for r in rows if (r["clip"], r["snr"], r["system"]) == wanted)
    found = baselines.noisereduce(given)
    assert row["noise"] == kind
    assert metrics.si_sdr(found, part) == pytest.approx(float(row["si_sdr"]), abs=0.1)
    assert metrics.stoi(found, part) == pytest.approx(float(row["stoi"]), abs=0.01)


# --- the work of other people's networks ------------------------------------------------------


def layer(text, **feeds):
    header = '<ir_version: 8, opset_import: ["" : 17]> '
    model = onnx.parser.parse_model(header + text)
    return baselines.multiply_adds(model, {k: np.ones(s, np.float32) for k, s in feeds.items()})


def test_convolutions_count_a_kernel_for_each_sample_that_comes_out():
    text = "g (float[1,4,10] x, float[6,2,3] w) => (float[1,6,8] y) {y = Conv<group=2>(x, w)}"
    assert layer(text, x=(1, 4, 10), w=(6, 2, 3)) == 6 * 8 * 2 * 3


def test_transposed_convolutions_count_a_kernel_for_each_sample_that_goes_in():
    text = "g (float[1,4,10] x, float[4,6,3] w) => (float[1,6,12] y) {y = ConvTranspose(x, w)}"
    assert layer(text, x=(1, 4, 10), w=(4, 6, 3)) == 4 * 10 * 6 * 3


def test_einsum_counts_every_index_once():
    text = (
        'g (float[2,3] a, float[3,5] b) => (float[2,5] c) {c = Einsum<equation="ij,jk->ik">(a, b)}'
    )
    assert layer(text, a=(2, 3), b=(3, 5)) == 2 * 3 * 5


def test_a_recurrence_counts_its_weights_once_a_frame():
    text = """g (float[7,1,4] x, float[1,15,4] w, float[1,15,5] r) => (float[7,1,1,5] y)
              {y = GRU<hidden_size=5>(x, w, r)}"""
    assert layer(text, x=(7, 1, 4), w=(1, 15, 4), r=(1, 15, 5)) == 7 * (15 * 4 + 15 * 5)


def test_what_cannot_be_counted_is_said():
    text = """g (float[7,1,4] x, float[1,20,4] w, float[1,20,5] r) => (float[7,1,1,5] y)
              {y = LSTM<hidden_size=5>(x, w, r)}"""
    with pytest.raises(ValueError, match="LSTM can't be counted yet: add it to _work"):
        layer(text, x=(7, 1, 4), w=(1, 20, 4), r=(1, 20, 5))
