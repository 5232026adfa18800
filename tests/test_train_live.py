"""The live denoiser's recipe, its graph, its bench and its card: each with a network of its own."""

import argparse
import json

import numpy as np
import pytest
import torch

from helpers import stream
from training import bench, cards_zh, live, live_bench, loop

pytestmark = pytest.mark.slow

SMALL = live.CONFIG | {"widths": [8] * 6, "last": 2}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with a small network that was never trained, its batch norms filled with noise."""
    torch.manual_seed(0)
    net, folder = live.build(SMALL), tmp_path_factory.mktemp("small") / "model"
    with torch.no_grad():
        net.train()(0.05 * torch.randn(2, 16000))
    live.export(net.state_dict(), folder, SMALL)
    return net.eval(), folder


def batch(count=2, n=4800):
    rng = torch.Generator().manual_seed(0)
    clean, noise = (0.05 * torch.randn(count, n, generator=rng) for _ in range(2))
    return clean + noise, clean


def test_masks_start_near_to_letting_all_pass():
    noisy, _ = batch()
    net = live.build(SMALL).eval()
    with torch.no_grad():
        out = net(noisy)[4][:, 160:-160]
    share = (out * noisy[:, 160:-160]).sum() / noisy[:, 160:-160].square().sum()
    assert 0.5 < share < 1.2


def test_another_window_does_not_fit():
    with pytest.raises(ValueError, match="161 bins"):
        live.build(live.CONFIG | {"win_len": 640, "win_inc": 320})


def test_a_few_steps_bring_the_loss_down_and_resume(tmp_path):
    torch.manual_seed(0)
    net = live.build(SMALL)
    args = argparse.Namespace(out=tmp_path, minutes=5, steps=30, lr=3e-3, half_life=1000, seed=0,
                              every=15, schedule=lambda step, seconds: 3e-3)  # fmt: skip
    score = {"gain": 1.0}
    rows = loop.train(net, lambda rng: batch(), live.loss_of, lambda net: score, args)
    assert [row["step"] for row in rows] == [15, 30]
    assert rows[1]["loss"] < rows[0]["loss"] - 0.5
    args.steps = 31
    again = loop.train(live.build(SMALL), lambda rng: batch(), live.loss_of, lambda _: score, args)
    assert [int(row["step"]) for row in again] == [15, 30, 31]


def test_the_rate_rises_and_falls_to_zero():
    rate = live.falling(2e-3, minutes=10)
    assert rate(0, 0) < rate(299, 1) == pytest.approx(2e-3, rel=1e-3)
    assert rate(5000, 300) == pytest.approx(1e-3)
    assert rate(9000, 600) == rate(9999, 700) == 0


def test_norm_and_decoder_are_modelscopes(small):
    """Training computes in another order than the library's layers; the numbers stay the same."""
    from helpers.networks import frcrn_live

    unet = small[0].unet
    x = torch.randn(1, 8, 38, 6, 2, generator=torch.Generator().manual_seed(0))
    ours = x.permute(0, 4, 1, 2, 3).flatten(1, 2)  # real parts first
    bn = unet.encoder1.bn
    wanted = bn(x).permute(0, 4, 1, 2, 3).flatten(1, 2)
    torch.testing.assert_close(frcrn_live._norm(bn, ours), wanted)
    layer = unet.decoder4.transconv
    wide = layer.tconv_re.weight.shape[0]
    x = torch.randn(1, wide, 38, 7, 2, generator=torch.Generator().manual_seed(0))
    ours = frcrn_live._up(layer, x.permute(0, 4, 1, 2, 3).flatten(1, 2))
    wanted = layer(x).permute(0, 4, 1, 2, 3).flatten(1, 2)
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-4)


def test_the_folder_runs_in_both_engines_and_whole(small):
    net, folder = small
    wave = 0.05 * np.random.default_rng(0).normal(size=4000).astype(np.float32)
    wanted = live.denoise(net, wave)
    for engine in stream.ENGINES:
        np.testing.assert_allclose(stream.Denoiser(folder, engine).whole(wave), wanted, atol=1e-5)


def test_the_graph_holds_every_number_once(small):
    net, folder = small
    learnt = sum(p.numel() for p in net.parameters() if p.requires_grad)
    transforms = 2 * net.stft.weight.numel()
    size = (folder / stream.GRAPH).stat().st_size
    assert size < 4 * (1.3 * learnt + transforms) + 400_000  # the rest is the graph itself


def test_blocks_in_real_time_are_counted():
    wave, late = np.zeros(16000, np.float32), iter([True, False] * 50)

    def work(samples):
        until = live_bench.time.perf_counter() + 0.012 * next(late)
        while live_bench.time.perf_counter() < until:
            pass

    took, missed = live_bench.in_real_time(160, work, wave[:1600])
    assert len(took) == 10
    assert missed >= 5
    assert sorted(took)[5] >= 12 > sorted(took)[4]


def test_the_bench_writes_what_it_measured(tmp_path, monkeypatch, capsys):
    found = {"took": [1.0, 2.0, 3.0, 40.0], "missed": 1, "memory": 100.0, "drift": 0.25,
             "priority": "normal"}  # fmt: skip
    monkeypatch.setattr(live_bench, "apart", lambda *_: found)
    monkeypatch.setattr("sys.argv", ["bench", "--live", "--quick", "--out", str(tmp_path)])
    bench.main()
    said = capsys.readouterr().out
    assert "| ONNX Runtime | denoiser, a hop of 10 ms | 2.50 |" in said
    assert "| 1 of 4 | 100 | +0.2 after 0.1 min |" in said
    assert (tmp_path / "live.png").stat().st_size > 5000
    assert (tmp_path / "live.csv").read_text().count("\n") == 1 + len(live_bench.SYSTEMS)


def test_a_system_is_measured():
    found = live_bench.measure("NumPy", seconds=0.2, minutes=0.01)
    assert len(found["took"]) == 12
    assert found["memory"] > 10
    assert found["priority"] in ("normal", "real-time")


def test_the_price_is_paired():
    rows = [{"system": "FRCRN live", "snr": snr, "noise": "hum", "gain": snr + gain}
            for snr in (-5, 0, 5, 10, 15, 20) for gain in (1.0, 2.0)]  # fmt: skip
    others = [row | {"system": "FRCRN mini", "gain": row["gain"] + 1.5} for row in rows]
    lines = live.price(rows, others)
    assert lines[2] == "| -5 dB | 2 | +1.5 ± 0.0 |"
    assert lines[-1] == "| all | 12 | +1.5 ± 0.0 |"
    assert "| 全部 | 12 |" in cards_zh.chinese(lines)[-1]
    with pytest.raises(ValueError, match="other items"):
        live.price(rows, [row | {"noise": "fan"} for row in others])


def test_the_card_is_that_of_the_files():
    card = (stream.MODEL / "README.md").read_text(encoding="utf-8")
    digests = json.loads((stream.MODEL / "checksums.json").read_text(encoding="utf-8"))
    assert all(f"| `{name}` | `{digest}` |" in card for name, digest in digests.items())
    chinese = (stream.MODEL / "README.zh-CN.md").read_text(encoding="utf-8")
    assert cards_zh.page(stream.MODEL) == chinese
