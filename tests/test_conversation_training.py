"""The conversation model's recipe: scenes, rooms, the loss, widening, the falling rate."""

import argparse
import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import separate
from training import (
    compiled,
    conversation,
    evaluate_conversation,
    loop,
    rooms,
    scenes,
    separation,
    testset,
)
from training.data import Corpus

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
SMALL = conversation.CONFIG | {
    "num_blocks": 1, "d_model": 64, "in_channels": 64, "out_channels": 64, "query_key_dim": 32,
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus():
    return Corpus()


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return separation.build(SMALL)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("people", range(4))
def test_a_scene_has_the_people_and_the_noise_that_were_asked_for(corpus, people):
    rng = np.random.default_rng(people)
    quiet = scenes.draw(corpus, rng, 16000, people=people, snr=np.inf)
    noisy = scenes.draw(corpus, rng, 16000, people=people, snr=5)
    assert quiet["voices"].shape == (3, 16000)
    assert quiet["noise"].shape == (16000,)
    for scene in (quiet, noisy):
        assert np.count_nonzero(np.abs(scene["voices"]).max(1)) == people
        assert np.abs(scene["voices"].sum(0) + scene["noise"]).max() <= 1
    assert not quiet["noise"].any()
    assert noisy["noise"].any()


def test_the_snr_of_a_scene_is_the_voices_loud_frames_over_the_noise(corpus):
    scene = scenes.draw(corpus, np.random.default_rng(5), 32000, people=2, snr=7.0)
    voice = scenes.loudness(scene["voices"].sum(0))
    assert 20 * np.log10(voice / np.sqrt(np.mean(scene["noise"] ** 2))) == pytest.approx(7, abs=0.1)


def test_levels_lie_within_the_spread_and_some_lie_far_apart(corpus):
    gaps = []
    for seed in range(30):
        voices = scenes.draw(corpus, np.random.default_rng(seed), 16000, people=2, snr=np.inf)
        levels = [20 * np.log10(scenes.loudness(v)) for v in voices["voices"] if v.any()]
        gaps.append(abs(levels[0] - levels[1]))
    assert max(gaps) <= scenes.SPREAD + 0.1
    assert max(gaps) > 8
    assert min(gaps) < 2


def test_pairs_of_one_sex_are_drawn_as_often_as_mixed_ones(corpus):
    rng = np.random.default_rng(0)
    pairs = [scenes.cast(corpus, rng, 2) for _ in range(600)]
    assert all(first != second for first, second in pairs)
    same = [corpus.sex[first] == corpus.sex[second] for first, second in pairs]
    # Ten people: a second draw of the same person is thrown away, so a little under a half.
    assert 0.38 < np.mean(same) < 0.55


def test_turns_overlap_from_nothing_to_everything():
    overlaps = []
    for seed in range(200):
        on = np.array(scenes.turns(np.random.default_rng(seed), 2, 16000)) > 0.5
        assert on.any(1).all()
        overlaps.append((on[0] & on[1]).sum() / min(on.sum(1)))
    assert min(overlaps) == 0
    assert max(overlaps) == 1
    assert sum(share < 0.3 for share in overlaps) > 20
    assert sum(0.3 < share < 1 for share in overlaps) > 20


def test_a_scene_depends_on_its_seed_alone(corpus):
    first, second = (scenes.batch(corpus, np.random.default_rng(3), 8000, 2) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 4, 8000)
    assert first.dtype == np.float32


def test_a_room_decays_as_long_as_was_asked(tmp_path):
    bank = [rooms.simulate(np.random.default_rng(s), rt60) for s, rt60 in ((1, 0.3), (2, 0.7))]
    rooms.save(bank, tmp_path / "rooms.npz")
    read = rooms.load(tmp_path / "rooms.npz")
    assert [len(room) for room in read] == [rooms.PLACES] * 2
    for room, stored, rt60 in zip(bank, read, (0.3, 0.7), strict=True):
        times = []
        for wave, same in zip(room, stored, strict=True):
            np.testing.assert_array_equal(wave, same)
            assert abs(wave[0]) == pytest.approx(1)
            left = 10 * np.log10(np.cumsum(wave[::-1] ** 2.0)[::-1] / np.sum(wave**2.0) + 1e-12)
            times.append(3 * (np.argmax(left < -25) - np.argmax(left < -5)) / rooms.RATE)
        assert np.mean(times) == pytest.approx(rt60, rel=0.4)
    assert rooms.load(tmp_path / "none.npz") == []


def test_reverberation_by_an_echo_is_the_sum_of_two_waves():
    response = np.zeros(50)
    response[[0, 40]] = 1, 0.5
    wave = np.random.default_rng(0).standard_normal(400)
    echo = np.r_[np.zeros(40), 0.5 * wave[:-40]]
    np.testing.assert_allclose(rooms.reverberated(wave, response), wave + echo, atol=1e-12)


def test_the_loss_of_a_present_source_is_minus_its_snr_up_to_a_ceiling():
    sources = 0.1 * noise(1, 4, 8000)
    off = noise(1, 4, 8000, seed=1)
    off *= 0.1 * sources.norm(dim=-1, keepdim=True) / off.norm(dim=-1, keepdim=True)  # 20 dB
    matrix = conversation.track_losses(sources + off, sources, sources.sum(1))
    np.testing.assert_allclose(torch.diagonal(matrix[0]), -19.59, atol=0.01)  # 30 dB of ceiling
    perfect = conversation.track_losses(sources, sources, sources.sum(1))
    np.testing.assert_allclose(torch.diagonal(perfect[0]), -30, atol=0.01)


def test_the_loss_of_an_absent_source_is_the_tracks_energy():
    sources = torch.zeros(1, 4, 8000)
    sources[:, 0] = 0.1 * noise(8000)
    mixture = sources.sum(1)
    for gain, expected in ((1, 0.0), (0.1, -19.59), (0, -30.0)):
        matrix = conversation.track_losses(gain * mixture[:, None], sources, mixture)
        assert matrix[0, 0, 2].item() == pytest.approx(conversation.ABSENT * expected, abs=0.01)


def test_voices_may_come_in_any_order_and_the_noise_may_not():
    sources = 0.1 * noise(1, 4, 4000)
    losses = [conversation.best_loss(sources[:, [*order, 3]], sources).item()
              for order in itertools.permutations(range(3))]  # fmt: skip
    np.testing.assert_allclose(losses, -120, atol=0.1)
    assert conversation.best_loss(sources[:, [3, 1, 2, 0]], sources).item() > -70


def test_an_absent_person_may_be_any_of_the_three_tracks():
    sources = 0.1 * noise(1, 4, 4000)
    sources[:, 1] = 0
    assert conversation.best_loss(sources[:, [1, 2, 0, 3]], sources).item() == pytest.approx(
        -90 - 30 * conversation.ABSENT, abs=0.1
    )


def test_silence_has_a_finite_loss_and_gradient(small):
    loss = conversation.loss_of(small, torch.zeros(1, 4, 4000))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in small.parameters() if p.grad is not None)


def test_the_model_gives_four_tracks_and_learns(small):
    sources = 0.05 * noise(2, 4, 4000)
    assert conversation.tracks(small, sources.sum(1)).shape == (2, 4, 4000)
    assert conversation.tracks(small, sources[:1].sum(1)).shape == (1, 4, 4000)
    optimizer, losses = torch.optim.Adam(small.parameters(), 3e-3), []
    for _ in range(12):
        losses.append(conversation.loss_of(small, sources))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 0.5


def test_widened_weights_give_the_two_voices_that_they_gave():
    two, four = separation.build(), separation.build(conversation.CONFIG)
    folder = ROOT / "models" / "mossformer_mini_8k"
    separation.begin_with(two, folder)
    torch.manual_seed(0)
    conversation.widen(four, folder, scale=1.0)
    mixture = 0.05 * noise(8000).numpy()
    before = separation.separate(two.eval(), mixture)
    after = conversation.separate(four.eval(), mixture)
    np.testing.assert_allclose(after[:2], before, atol=1e-5)
    assert after[2:].abs().amax(1).min() > 0


def test_a_conversation_model_is_read_back_as_it_is(tmp_path, small):
    conversation.export(small.state_dict(), tmp_path, SMALL)
    again = separation.build(SMALL)
    conversation.begin(again, tmp_path)
    for name, value in small.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)


def test_tracks_are_matched_to_the_voices_that_are_there():
    sources = 0.1 * noise(4, 4000)
    sources[1] = 0
    order, quality = conversation.match(sources[[2, 0, 1, 3]] + 1e-4, sources)
    assert order == (1, 0)
    assert quality.min() > 40
    assert conversation.match(sources, torch.zeros(4, 4000)) == ((), pytest.approx([]))


def test_the_rate_falls_to_zero_over_the_last_share():
    rates = [loop.learning_rate(1000, 1.0, done=d, decay=1 / 3) for d in (0, 0.6, 5 / 6, 1)]
    full = loop.learning_rate(1000, 1.0)
    np.testing.assert_allclose(rates, [full, full, full / 2, 0])


def test_the_plan_is_over_when_its_time_or_its_steps_are():
    state = {"step": 50, "seconds": 30.0}
    assert loop.progress(state, argparse.Namespace(steps=None), 60) == 0.5
    assert loop.progress(state, argparse.Namespace(steps=200), 300) == 0.25
    assert loop.progress(state, argparse.Namespace(steps=20), 300) == 1.0


def test_a_run_ends_at_a_rate_of_zero(tmp_path):
    class Point(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.at = torch.nn.Parameter(torch.ones(1))

    model, seen = Point(), []
    args = argparse.Namespace(out=tmp_path, minutes=5, steps=40, lr=0.1, half_life=1e9, seed=0,
                              every=100, decay=0.5, warmup=1)  # fmt: skip

    def loss_of(model, _):
        seen.append(model.at.item())
        return model.at.square().sum()

    loop.train(model, lambda rng: None, loss_of, lambda model: {"s": -model.at.item()}, args)
    moved = np.abs(np.diff(seen))
    assert moved[-1] < 0.15 * moved.max()


def test_the_plain_gradient_of_the_depthwise_weights_is_pytorchs():
    wide, grad = noise(2, 66, 8), noise(2, 50, 8, seed=1)
    weight = torch.zeros(8, 1, 17, requires_grad=True)
    torch.nn.functional.conv1d(wide.mT, weight, groups=8).mT.backward(grad)
    found = compiled.weight_gradient(wide, grad, 17)
    torch.testing.assert_close(found, weight.grad[:, 0], atol=1e-4, rtol=1e-4)


def test_bfloat16_is_asked_of_the_processor(monkeypatch, small):
    from helpers.networks import fast

    for has in (False, True):
        monkeypatch.setattr(fast, "has_bfloat16", lambda has=has: has)
        with separation.precision():
            kind = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        assert kind == (torch.bfloat16 if has else torch.float32)


def test_only_the_layers_after_the_blocks_learn_at_first(small):
    conversation.thaw(small, 0, heads=5)
    learning = {name.split(".")[1] for name, p in small.named_parameters() if p.requires_grad}
    assert learning == {"weight", "conv1d_out", "conv1_decoder", "prelu", "output", "output_gate"}
    conversation.thaw(small, 5, heads=5)
    assert all(p.requires_grad for p in small.parameters())


def test_an_absent_track_must_be_quieter_as_training_goes_on():
    first, last = conversation.SOON
    steps = (0, first, (first + last) // 2, last, 10**6)
    assert [conversation.quiet(step) for step in steps] == [10, 10, 20, 30, 30]
    downs = [10, 20, 30]
    sources = torch.zeros(1, 4, 8000)
    sources[:, 0] = 0.1 * noise(8000)
    tracks = 0.05 * sources.sum(1)[:, None].expand(-1, 4, -1)  # 26 dB down
    slopes = []
    for down in downs:
        tracks = tracks.detach().requires_grad_()
        loss = conversation.track_losses(tracks, sources, sources.sum(1), down)[0, 1, 1]
        slopes.append(torch.autograd.grad(loss, tracks)[0].norm().item())
    assert slopes[0] < 0.2 * slopes[1]
    assert slopes[1] < slopes[2]


def test_a_voice_track_that_never_talks_is_woken(monkeypatch, small):
    sets, before = 0.05 * noise(2, 4, 4000), small.mask_net.conv1d_out.weight.clone()
    tracks = 0.05 * noise(4, 4000, seed=1)
    monkeypatch.setattr(conversation, "separate", lambda model, mixture: tracks)
    assert conversation.revive(small, sets) is None
    tracks[1] *= 0.01
    assert conversation.revive(small, sets) == 1
    after = small.mask_net.conv1d_out.weight
    changed = [
        not torch.equal(old, new) for old, new in zip(before.chunk(4), after.chunk(4), strict=True)
    ]
    assert changed == [False, True, False, False]


def test_the_test_hears_noises_of_packages_that_training_does_not():
    with open(ROOT / "training" / "corpus_noise.csv", newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    packages = {split: {row["package"] for row in rows if row["split"] == split}
                for split in ("train", "unseen")}  # fmt: skip
    assert not packages["train"] & packages["unseen"]
    assert len({row["kind"] for row in rows if row["split"] == "unseen"}) >= 8
    shipped = [row for row in testset.manifest() if row["path"].startswith("noise/")]
    new = {row["package"] for row in shipped if row["split"] == "unseen"}
    assert new == packages["unseen"]
    assert not new & {row["package"] for row in shipped if row["split"] != "unseen"}


def test_thresholds_are_those_that_count_right():
    """Of scenes that three numbers tell apart, all are counted right by them."""
    found = np.array([[-30, -35, -39], [-32, -3, -33], [-10, -2, -30], [-5, -14, -12]])
    limits, right = evaluate_conversation.thresholds_of(found, np.arange(4))
    assert right == 1
    assert limits == sorted(limits, reverse=True)
    assert [separate.heard(levels, limits).sum() for levels in found] == [0, 1, 2, 3]
