"""inspect: what a running network shows, and what a computation costs."""

import pytest
import torch
from torch import nn

from helpers.lab import memory, probe


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))


X = torch.tensor([[1.0, 2.0, 3.0]])


def hooks(model):
    return [hook for part in model.modules() for hook in part._forward_hooks]


def test_watch_keeps_what_went_in_and_what_came_out(model):
    with probe.watch(model, "0", "2.0") as seen:
        result = model(X)
    assert torch.equal(seen["0"][0].given[0], X)
    assert torch.equal(seen["0"][0].output, model[0](X))
    assert torch.equal(seen["2.0"][0].output, result)


def test_watch_keeps_every_run_in_order(model):
    with probe.watch(model, "0") as seen:
        model(X)
        model(2 * X)
    assert [float(call.given[0][0, 0]) for call in seen["0"]] == [1, 2]
    model(X)
    assert len(seen["0"]) == 2


def test_change_lasts_as_long_as_its_block(model):
    before = model(X)
    with probe.change(model, "2", torch.zeros_like):
        assert not model(X).any()
    assert torch.equal(model(X), before)


@pytest.mark.parametrize("look", [probe.watch, lambda m, n: probe.change(m, n, abs)])
def test_no_hook_stays_after_an_error(model, look):
    def fail():
        with look(model, "0"):
            assert len(hooks(model)) == 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert hooks(model) == []


def test_shapes_come_from_the_run(model):
    rows = probe.shapes(model, X.repeat(5, 1))
    assert [row[:4] for row in rows] == [
        ("0", "Linear", (5, 3), (5, 4)),
        ("1", "ReLU", (5, 4), (5, 4)),
        ("2", "Sequential", (5, 4), (5, 2)),
    ]
    assert str(rows[0]) == "0                    Linear              (5, 3) -> (5, 4)"
    assert hooks(model) == []


def test_shapes_leaves_out_what_did_not_run_and_counts_what_ran_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(self.used(x))

    (row,) = probe.shapes(Twice(), torch.zeros(1, 2))
    assert (row.name, row.calls) == ("used", 2)
    assert str(row).endswith("  2 times")


def test_shapes_of_a_part_that_gives_several_tensors():
    class Halves(nn.Module):
        def forward(self, x):
            return x.chunk(2, -1)

    (row,) = probe.shapes(nn.Sequential(Halves()), torch.zeros(3, 4))
    assert row.output == [(3, 2), (3, 2)]
    assert str(row).endswith("(3, 4) -> 2 of (3, 2)")


def test_shapes_of_chosen_parts(model):
    assert [row.name for row in probe.shapes(model, X, ["2.0", "0"])] == ["0", "2.0"]


@pytest.mark.parametrize(
    ("name", "said"), [("3", "no part '3'.*0, 1, 2"), ("1.0", "did you mean one of 0, 2.0")]
)
def test_a_part_that_is_not_there(model, name, said):
    with pytest.raises(ValueError, match=said), probe.watch(model, name):
        pass
    with pytest.raises(ValueError, match=said):
        probe.shapes(model, X, [name])


def test_cost_counts_products_of_matrices_and_convolutions():
    assert probe.cost(torch.matmul, torch.zeros(4, 3), torch.zeros(3, 5)).products == 4 * 3 * 5
    layer = nn.Conv1d(6, 6, 3, groups=6, bias=False)
    assert probe.cost(layer, torch.zeros(1, 6, 10)).products == 6 * 8 * 3


def test_cost_holds_what_lives_at_once():
    def chain(x):
        y = x + 1  # 400 bytes
        y = y * 2  # another 400 beside it
        return y.sum()

    assert probe.cost(chain, torch.zeros(100)).bytes == 800


def test_cost_does_not_count_arguments_weights_and_views():
    x, layer = torch.zeros(10, 8), nn.Linear(8, 5, bias=False)
    assert probe.cost(lambda x: layer(x.view(10, 8)), x).bytes == 10 * 5 * 4
    assert probe.cost(lambda x: x.T[:3], x).bytes == 0


def test_cost_needs_no_numbers():
    x = torch.zeros(100_000, 64, device="meta")
    assert probe.cost(lambda x: x @ x.T, x) == (64 * 10**10, 4 * 10**10)


def test_cost_in_bytes_is_what_a_process_needs():
    code = "import torch; x = torch.ones(6000, 4); {}"
    most = [memory.peak_memory_gb(code.format(last)) for last in ("x + x", "(x @ x.T).relu() @ x")]
    if most[0] != most[0]:
        pytest.skip("this system does not tell")
    counted = probe.cost(lambda x: (x @ x.T).relu() @ x, torch.ones(6000, 4)).bytes / 1e9
    assert most[1] - most[0] == pytest.approx(counted, rel=0.15)
