"""The rows of evaluation/ladder.csv: complete, and made again from the clips they name."""

import csv

import pytest

from helpers import metrics, mixing
from helpers.lab import baselines
from training import ladder


@pytest.fixture(scope="module")
def rows():
    with open(ladder.TABLE, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_clip_meets_every_denoiser_at_every_ratio(rows):
    ratios = {*map(str, ladder.RATIOS), "clean"}
    met = {(int(row["clip"]), row["snr"], row["system"]) for row in rows}
    clips = {clip for clip, _, _ in met}
    assert len(clips) >= 40
    assert len(rows) == len(met)
    assert met == {(c, r, s) for c in clips for r in ratios for s in ladder.systems()}
    assert len({row["noise"] for row in rows}) == 8


def test_a_recording_that_nobody_touched_has_the_ratio_it_was_mixed_at(rows):
    for row in rows:
        if row["system"] == "as recorded" and row["snr"] != "clean":
            assert float(row["si_sdr"]) == pytest.approx(float(row["snr"]), abs=0.6)


def test_a_row_is_what_its_clip_gives(rows):
    kind, clean, noise = ladder.items()[7]
    noisy = mixing.at_snr(clean, noise, 10)[0]
    for given, ratio in ((noisy, "10"), (clean, "clean")):
        row = next(
            r for r in rows if (r["clip"], r["snr"], r["system"]) == ("7", ratio, "spectral gating")
        )
        assert row["noise"] == kind
        found = baselines.noisereduce(given)
        assert metrics.si_sdr(found, clean) == pytest.approx(float(row["si_sdr"]), abs=0.1)
