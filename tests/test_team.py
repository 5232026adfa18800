"""Training on two processes gives what one gives, and one of them writes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training import cli, loop, team

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).parent / "team_run.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


def train(root, out, task, steps=4, draws=2, processes=1):
    out.mkdir(exist_ok=True)
    command = [sys.executable, *(TORCHRUN if processes == 2 else []), str(SCRIPT)]
    done = subprocess.run(
        [*command, task, str(out), str(steps), str(draws)],
        cwd=root, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    weights = [torch.load(out / f"process{i}.pt", weights_only=True) for i in range(processes)]
    return weights, loop.read_log(out / "log.csv"), done.stdout


def assert_close(a, b, within):
    assert set(a) == set(b)
    for name in a:
        assert torch.allclose(a[name].double(), b[name].double(), atol=within, rtol=within), name


# FRCRN has batch norms, whose running statistics must agree too.
@pytest.mark.parametrize("task", ["separation", "denoising"])
def test_two_processes_learn_what_one_does(root, tmp_path, task):
    (one,), alone, _ = train(root, tmp_path / "one", task)
    (first, second), both, said = train(root, tmp_path / "two", task, processes=2)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name  # one model, in both
    assert_close(one, first, 1e-6)
    assert [row["step"] for row in both] == [row["step"] for row in alone] == ["2", "4"]
    for a, b in zip(alone, both, strict=True):
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), abs=0.01)
    assert "process 0: 2 rows" in said
    assert "process 1: 0 rows" in said
    kept = [torch.load(tmp_path / k / "last.pt", weights_only=True) for k in ("one", "two")]
    assert_close(kept[0]["ema"], kept[1]["ema"], 1e-6)
    (other,), _, _ = train(root, tmp_path / "less", task, draws=1)  # it is no test of nothing
    assert any(not torch.allclose(other[name].double(), one[name].double(), atol=1e-4)
               for name in one)  # fmt: skip


def test_what_one_process_began_two_go_on_with(root, tmp_path):
    (whole,), _, _ = train(root, tmp_path / "whole", "separation")
    train(root, tmp_path / "broken", "separation", steps=2)
    (first, _), rows, _ = train(root, tmp_path / "broken", "separation", processes=2)
    assert_close(whole, first, 1e-6)
    assert [row["step"] for row in rows] == ["2", "4"]


def test_draws_are_shared_out_and_none_is_idle(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    shares = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        shares.append(list(team.share(5)))
    assert shares == [[0, 2, 4], [1, 3]]
    with pytest.raises(ValueError, match="--draws 2"):
        team.share(1)


def test_alone_there_is_nobody_to_tell():
    assert (team.size(), team.rank(), list(team.share(3))) == (1, 0, [0, 1, 2])
    assert team.told(2.5) == 2.5
    grads = [torch.ones(2)]
    team.added(grads)
    assert grads[0].tolist() == [1, 1]
    assert str(team.device("cpu")) == "cpu"
    assert str(team.device("cuda")) == "cuda:0"


def test_every_option_of_a_recipe_has_a_spelling_that_torchrun_hands_on(capsys):
    """It reads what follows the recipe's name too, and refuses what its own options begin with."""
    from torch.distributed.run import get_args_parser

    def handed_on(option):
        try:
            given = get_args_parser().parse_args(["-m", "training.separation", option])
        except SystemExit:
            return False
        return given.training_script_args == [option]

    for action in cli.options("", "separation", 1e-3)._actions[1:]:
        assert any(map(handed_on, action.option_strings)), action.option_strings
    assert not handed_on("--start")  # and so --weights has to be there
