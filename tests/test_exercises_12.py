"""The checkers of lesson 12: what is special to them; the rest is in test_exercises.py."""

import pytest
import torch

from helpers.exercises import lesson12


def si_sdr(estimate, reference, ten=10, power=2, scaled=True, log=torch.log10):
    """SI-SDR, with a place for each mistake."""
    scale = (estimate * reference).sum(-1, True) / reference.square().sum(-1, True)
    target = scale * reference if scaled else reference
    energies = [wave.square().sum(-1) ** (power / 2) for wave in (target, estimate - target)]
    return ten * log(energies[0] / energies[1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"ten": -10}, "sign is turned"),
        ({"ten": 20}, "Twice too much"),
        ({"power": 1}, "Half of it"),
        ({"scaled": False}, "plain SNR"),
        ({"ten": 1, "log": torch.log}, "natural logarithm"),
        ({"ten": 1}, "in bel"),
        ({"ten": 3}, "it gives 3.0"),
    ],
)
def test_si_sdr(changed, said):
    verdict = lesson12.check_si_sdr(lambda *waves: si_sdr(*waves, **changed))
    assert verdict.passed is (said is None), verdict
    assert said is None or said in verdict.message, verdict


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda a, b: (a - b).sum(), "shape ()"),
        (lambda a, b: 1 / 0, "ZeroDivisionError"),
        (lambda a: a, "TypeError"),
        (lambda a, b: a[:, 0] * float("nan"), "it gives nan"),
    ],
)
def test_functions_that_fail_are_told(function, said):
    verdict = lesson12.check_si_sdr(function)
    assert verdict.passed is False
    assert said in verdict.message
