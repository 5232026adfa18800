"""The tables of the evaluation say what its rows say, and the cards hold what was measured."""

import numpy as np
import pytest

from helpers.clip import Clip
from training import cards, evaluate, orders, testset


def test_separation_table_gives_mean_interval_median_and_worst():
    rows = [{"voices": v, "gain": g} for v in ("known", "unseen") for g in (1.0, 2.0, 6.0)]
    assert "| known | 3 | 3.0 ± 3.0 | 2.0 | 1.0 |" in evaluate.separation_table(rows)


def test_denoising_table_has_a_row_a_system_and_a_gain_a_column():
    rows = [
        {"system": system, "snr": snr, "gain": gain, "stoi": 0.5 + gain / 10, "dnsmos": 2.0}
        for system, gain in (("input", 0.0), ("ours", 1.0))
        for snr in evaluate.SNRS
    ]
    last = evaluate.denoising_table(rows)[-1]
    assert last == "| ours |" + " +1.0 |" * len(evaluate.SNRS) + " +0.100 | 2.00 |"


def test_test_mixtures_are_the_same_at_every_draw():
    first, again = (testset.mixtures("unseen", 3, 2.0) for _ in range(2))
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))


def test_unseen_mixtures_hold_unseen_voices_alone():
    unseen = {row["speaker"] for row in testset.manifest() if row["split"] == "unseen"}
    assert {name for pair, _ in testset.mixtures("unseen", 8, 2.0) for name in pair} <= unseen


@pytest.mark.parametrize("model", ["mossformer_mini_8k", "frcrn_mini_16k"])
def test_the_card_holds_the_committed_evaluation(model):
    """`python run.py evaluate`, then `python -m training.cards`, bring a card up to date."""
    text = (cards.ROOT / "models" / model / "README.md").read_text(encoding="utf-8")
    folder = cards.ROOT / "evaluation"
    if model.startswith("moss"):
        rows = cards.read_rows(folder / "separation.csv", ["gain"])
        table = evaluate.separation_table(rows)
    else:
        rows = cards.read_rows(folder / "denoising.csv", ["snr", "gain", "stoi", "dnsmos"])
        table = evaluate.denoising_table(rows)
    assert "\n".join(table) in text
    for name, value in cards.checksums(model).items():
        assert f"| `{name}` | `{value}` |" in text


def test_no_noisy_item_is_louder_than_a_file_can_hold():
    items = testset.noisy(-5, 48)
    assert max(np.abs(noisy).max() for _, noisy, _ in items) < 1
    for _, noisy, clean in items:  # speech and noise were made softer together
        snr = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
        assert abs(snr + 5) < 0.01


def test_a_person_without_a_track_gains_nothing_and_of_three_tracks_the_best_two_count():
    people = [Clip(row, 8000) for row in np.random.default_rng(0).normal(0, 0.1, (2, 8000))]
    noisy = people[0].with_samples(people[0].samples + people[1].samples)
    assert orders.score([], people, noisy) == pytest.approx(0)
    one, both = (orders.score(some, people, noisy) for some in (people[:1], people))
    assert 0 < one < both
    assert orders.score([noisy, *people], people, noisy) == pytest.approx(both)


def test_one_chain_measured_again_leaves_the_others_as_they_are():
    table = evaluate.ROOT / "evaluation" / "orders.csv"
    rows = orders.kept(table, ["conversation"])
    assert {row["chain"] for row in rows} == set(orders.CHAINS) - {"conversation"}
    everything = orders.kept(table, [])
    assert everything == sorted(everything, key=orders.place)


def test_measured_again_are_the_rows_of_our_systems_only(tmp_path):
    file = tmp_path / "table.csv"
    old = [{"system": name, "snr": snr, "noise": "rain", "gain": 1.0, "stoi": 0.5, "dnsmos": ""}
           for snr in (0, 5) for name in ("input", "ours", "another")]  # fmt: skip
    evaluate.write(old, file)
    new = [row | {"gain": 2.5} for row in old if row["system"] == "ours"]
    evaluate.write(evaluate.renewed(file, new), file)
    rows = evaluate.read_rows(file, evaluate.NUMBERS)
    assert [row["gain"] for row in rows] == [1.0, 2.5, 1.0] * 2
    assert [row["system"] for row in rows] == ["input", "ours", "another"] * 2
    others = (new[:1], [*new, new[0]], [row | {"noise": "wind"} for row in new],
              [row | {"system": "nobody"} for row in new])  # fmt: skip
    for wrong in others:
        with pytest.raises(ValueError, match="of other clips, or of other systems"):
            evaluate.renewed(file, wrong)
    assert evaluate.renewed(tmp_path / "none.csv", new) == new
