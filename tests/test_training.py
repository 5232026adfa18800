"""The recipes: seeded, resumable, and saved in the layout that ModelScope loads."""

import csv
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from training import cli, denoising, loop, separation, testset
from training.data import Corpus

pytestmark = pytest.mark.slow

TINY = separation.CONFIG | {"in_channels": 32, "out_channels": 32, "d_model": 32, "num_blocks": 1}


@pytest.fixture(scope="module")
def corpus():
    return Corpus()


def rng(*seed):
    return np.random.default_rng(seed)


def test_the_same_seed_draws_the_same_mixture(corpus):
    assert np.array_equal(corpus.mixture(rng(1, 2), 4000), corpus.mixture(rng(1, 2), 4000))
    assert not np.array_equal(corpus.mixture(rng(1, 2), 4000), corpus.mixture(rng(1, 3), 4000))


def test_mixtures_have_two_audible_sources_within_five_decibels(corpus):
    for seed in range(10):
        first, second = 10 * np.log10(np.mean(corpus.mixture(rng(seed), 16000) ** 2, 1))
        assert abs(first - second) <= 5.01
        assert min(first, second) > -40


def test_noisy_speech_lies_between_minus_5_and_20_db(corpus):
    for seed in range(10):
        noisy, clean = corpus.noisy(rng(seed), 16000)
        snr = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
        assert -6 < snr < 20.5  # a tenth is two noises at once, a little louder


def test_training_hears_no_test_recording(corpus):
    table = testset.manifest()
    train = {row["speaker"] for row in table if row["split"] == "train" and row["kind"] == "speech"}
    left_out = [row for row in table if row["split"] == "unseen" and row["kind"] == "speech"]
    assert set(corpus.speakers) == train
    assert not train & {row["speaker"] for row in left_out}
    assert {row["sex"] for row in left_out} == {"male", "female"}


def test_the_full_corpus_keeps_the_unseen_voices_out():
    with open(Path(loop.__file__).parent / "corpus_speech.csv", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    left_out = [row for row in testset.manifest() if row["split"] == "unseen"]
    unseen = {row["speaker"] for row in left_out if row["kind"] == "speech"}
    mandarin = {row["speaker"] for row in rows if row["package"] == "gcin-voice"}
    assert unseen | mandarin == {row["speaker"] for row in rows if row["split"] == "unseen"}
    assert len({row["speaker"] for row in rows if row["split"] == "train"}) > 60


def run(folder, steps, corpus):
    torch.manual_seed(0)
    model = separation.build(TINY)
    args = Namespace(out=folder, minutes=5, steps=steps, every=2, seed=0, lr=8e-4, half_life=12000)

    def example(generator):
        return torch.from_numpy(corpus.mixture(generator, 2000)[None])

    return model, loop.train(model, example, separation.loss_of, lambda _: {"gain": 1.0}, args)


def test_a_killed_run_ends_like_an_unbroken_one(tmp_path, corpus):
    whole, rows = run(tmp_path / "whole", 4, corpus)
    run(tmp_path / "broken", 2, corpus)
    again, resumed = run(tmp_path / "broken", 4, corpus)
    for (name, a), b in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert [int(row["step"]) for row in resumed] == [int(row["step"]) for row in rows] == [2, 4]


def test_si_sdr_agrees_with_the_metrics_helper():
    from helpers import metrics
    from helpers.clip import Clip

    estimate, reference = rng(0).standard_normal((2, 4000)).astype(np.float32)
    ours = separation.si_sdr(torch.from_numpy(estimate), torch.from_numpy(reference)).item()
    assert ours == pytest.approx(
        metrics.si_sdr(Clip(estimate, 8000), Clip(reference, 8000)), abs=1e-3
    )


def test_exported_mossformer_gives_what_the_trained_one_gives(tmp_path):
    from helpers import models

    torch.manual_seed(1)
    trained = separation.build(TINY).eval()
    separation.export(trained.state_dict(), tmp_path, TINY)
    loaded = models.pipeline("mossformer", folder=tmp_path, quiet=True).model
    mixture = rng(3).standard_normal(3000).astype(np.float32)
    ours = separation.separate(trained, mixture)
    assert torch.allclose(ours, separation.separate(loaded, mixture), atol=1e-5)


def test_exported_frcrn_gives_what_the_trained_one_gives(tmp_path):
    from helpers import models

    config = denoising.CONFIG | {"channels": 16}
    torch.manual_seed(1)
    trained = denoising.build(config).eval()
    denoising.export(trained.state_dict(), tmp_path, config)
    loaded = models.pipeline("frcrn", folder=tmp_path, quiet=True).model
    noisy = torch.from_numpy(rng(3).standard_normal((1, 6400)).astype(np.float32))
    with torch.no_grad():
        ours, theirs = trained(noisy)[4], loaded({"noisy": noisy})["wav_l2"]
    assert torch.allclose(ours, theirs, atol=1e-4 * ours.abs().max().item())


def test_untrained_frcrn_starts_with_a_mask_of_positive_real_part():
    torch.manual_seed(0)
    net, noisy = denoising.build().train(), torch.from_numpy(rng(0).standard_normal((2, 16000)))
    with torch.no_grad():
        mask = net(noisy.float() * 0.05)[5]
    real, imaginary = mask.chunk(2, 1)
    assert real.mean() > 0.7
    assert abs(imaginary.mean()) < 0.1


def test_learning_rate_rises_then_halves():
    assert loop.learning_rate(0, 1.0) < 0.01
    assert loop.learning_rate(299, 1.0) == pytest.approx(1.0)
    assert loop.learning_rate(12300, 1.0) == pytest.approx(0.5)


def test_wake_lets_every_chunk_speak_and_leaves_the_rest():
    model = separation.build(TINY)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    separation.wake(model)
    once = {name: value.clone() for name, value in model.state_dict().items()}
    separation.wake(model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, once[name])
        if name.endswith("qk_offset_scale.gamma"):
            assert (value[[0, 2]].abs().mean(1) > 0.2).all()
            assert torch.equal(value[[1, 3]], before[name][[1, 3]])
        else:
            assert torch.equal(value, before[name])


def test_the_log_of_a_second_sitting_counts_on():
    first = [{"step": "500", "minutes": "5.5", "unseen": "1.0"}]
    second = [{"step": 300, "minutes": 4.25, "unseen": 2.0}]
    assert loop.joined([], second) == second
    assert loop.joined(first, second)[1] == {"step": 800, "minutes": 9.75, "unseen": 2.0}


def test_exporting_a_sitting_twice_counts_it_once(tmp_path):
    model, out = tmp_path / "model", tmp_path / "run"
    model.mkdir()
    out.mkdir()
    torch.save({}, out / "best.pt")
    loop.write_log(model / "training_log.csv", [{"step": 500, "minutes": 5.5, "gain": 1.0}])
    args = Namespace(out=out, start=model, export=model)
    for _ in range(2):
        rows = [{"step": 300, "minutes": 4.25, "gain": 2.0}]
        cli.finish(rows, args, "gain (dB)", lambda weights, folder: None)
    assert [row["step"] for row in loop.read_log(model / "training_log.csv")] == ["500", "800"]
