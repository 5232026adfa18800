"""Checkers of 11_long_and_fast: fades, three speakers in order, a folded norm, three products."""

from itertools import permutations

import numpy as np

from helpers.exercises.answers import Array, Unfit, checker, exercise, finite, given
from helpers.exercises.verdict import _, off, right


@checker
def check_fades(answer, length=1000):
    """Check two fades [shape=(length,)] for the stretch that two windows have in common.

    Right where one falls from 1 to 0, the other rises, both curved, and they sum to one.

    Examples
    --------
    >>> t = (np.arange(1000) + 0.5) / 1000
    >>> check_fades((np.cos(t * np.pi / 2), np.sin(t * np.pi / 2)))
    ✗ In the middle they sum to 1.414, which is 3.0 dB too loud...
    """
    out, into = _arrays(given(answer, "fades"), "fades", (length,), 2)
    if out[0] < 0.1 and out[-1] > 0.9 and into[0] > 0.9 and into[-1] < 0.1:
        return off(_("The other way round: the old window's fade comes first, and falls."))
    total = out + into
    worst = total[np.abs(total - 1).argmax()]
    if abs(worst - 1) > 1e-3:
        if np.abs(out**2 + into**2 - 1).max() < 1e-3:
            return off(
                _("In the middle they sum to {worst:.3f}, which is {loud:.1f} dB too loud: their "
                  "squares sum to one. That suits two different sounds; these two are the same "
                  "one.", worst=worst, loud=20 * np.log10(worst))
            )  # fmt: skip
        return off(
            _("Where it is worst they sum to {worst:.3f}, and it should be 1 everywhere: make the "
              "second one 1 minus the first.", worst=worst)
        )  # fmt: skip
    if not (out[0] > 0.99 and out[-1] < 0.01):
        return off(
            _("They sum to one, but the old window starts at {start:.2f} and ends at {end:.2f}: it "
              "should go from 1 to 0, or there is a step at the ends.", start=out[0], end=out[-1])
        )  # fmt: skip
    if np.abs(np.diff(out, 2)).max() < 1e-8:
        return off(_("Right, but these are the straight lines of above: bend them."))
    return right(_("They sum to one at every sample: what both windows agree on passes unchanged."))


@checker
def check_order(answer, alike):
    """Check which track of a new window continues each speaker; `alike[i, j]` tells how alike.

    Right where the sum of the likenesses is the greatest.
    """
    alike = np.asarray(alike, dtype=float)
    n = len(alike)
    (row,) = _arrays([given(answer, "order")], "order", (n,), 1)
    order = [int(i) for i in row]
    if sorted(order) != list(range(n)) or (row % 1).any():
        return off(
            _("Each of the numbers 0 to {last} once: every new track belongs to one speaker.",
              last=n - 1)
        )  # fmt: skip

    def total(order):
        return sum(alike[i, order[i]] for i in range(n))

    best = list(max(permutations(range(n)), key=total))
    told = {"total": total(order), "best": total(best), "first": int(alike[0].argmax())}
    if order == best:
        return right(_("These pairs add up to {best:.2f}, and no other order to more.", **told))
    if order == np.argsort(best).tolist():
        return off(
            _("The other way round: you gave each new track its speaker; give each speaker a "
              "track.")
        )  # fmt: skip
    if order[0] == told["first"] != best[0]:
        return off(
            _("These pairs add up to {total:.2f}, and another order to {best:.2f}. Speaker 0 alone "
              "would like track {first}, but somebody else then gets a bad one.", **told)
        )  # fmt: skip
    return off(
        _("These pairs add up to {total:.2f}, and another order to {best:.2f}.", **told)
    )  # fmt: skip


@exercise
def check_folded(conv, norm):
    """Check the weight and bias of a convolution that does the work of a batch norm as well.

    Examples
    --------
    >>> import torch
    >>> conv, norm = torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2)
    >>> _ = norm.running_var.fill_(4.0)
    >>> check_folded((conv.weight / 4, conv.bias / 4), conv, norm)
    ✗ You divided by the variance: the norm divides by its square root...
    """
    w, b, mean, var, gamma, beta = (
        t.detach().double().numpy()
        for t in (conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.weight,
                  norm.bias)
    )  # fmt: skip
    scale = gamma / np.sqrt(var + norm.eps)

    def fold(scale):
        return w * scale.reshape(-1, 1, 1, 1)

    weight, bias = fold(scale), beta + (b - mean) * scale

    def pair(answer):
        try:
            parts = zip(("weight", "bias"), given(answer, "folded"), (w, b), strict=True)
            parts = [(name, getattr(t, "detach", lambda t=t: t)(), like) for name, t, like in parts]
        except (TypeError, ValueError):
            raise Unfit(_("`folded` is a pair: the new weight and the new bias.")) from None
        return tuple(
            _arrays([part], f"folded: {name}", like.shape, 1)[0] for name, part, like in parts
        )

    def otherwise(value):
        exact = np.abs(value[0] - weight).max() <= 1e-4 * np.abs(weight).max()
        return _("The {part} is off: scale = norm.weight / sqrt(running_var + eps), one a channel; "
                 "then weight * scale, and (bias - running_mean) * scale + norm.bias.",
                 part=_("bias") if exact else _("weight"))  # fmt: skip

    return Array(
        "folded",
        (weight, bias),
        _("One convolution now does the work of both layers."),
        [
            ((fold(gamma / var), beta + (b - mean) * gamma / var),
             _("You divided by the variance: the norm divides by its square root.")),
            ((weight, beta + (b + mean) * scale),
             _("The bias has the mean's sign wrong: the norm takes the mean away.")),
            ((weight, b),
             _("The weight is right; the bias has to go through the norm too.")),
            ((weight, beta - mean * scale),
             _("The weight is right; the bias forgets what the convolution itself added.")),
            ((weight, beta + b * scale),
             _("The weight is right; the bias forgets the mean.")),
            ((weight, beta + b - mean * scale),
             _("The weight is right; the convolution's bias has to be scaled like the weight.")),
            ((w, bias),
             _("The bias is right; the weight is still the old one: scale it too.")),
        ],
        otherwise,
        within=1e-4,
        reader=pair,
    )  # fmt: skip


@checker
def check_three(answer, a, b, c, d):
    """Check the real and the imaginary part of (a + ib)(c + id), for four square matrices.

    Examples
    --------
    >>> import numpy as np
    >>> a, b, c, d = np.eye(2), 2 * np.eye(2), 3 * np.eye(2), 4 * np.eye(2)
    >>> check_three((a @ c + b @ d, a @ d + b @ c), a, b, c, d)
    ✗ The real part is ac + bd. But i times i is -1...
    """
    a, b, c, d = (np.asarray(part, dtype=np.float64) for part in (a, b, c, d))
    real, imag = _arrays(given(answer, "both"), "both", a.shape, 2)

    def near(found, wanted):
        return np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()

    wanted = {"real": a @ c - b @ d, "imag": a @ d + b @ c}
    if near(real, wanted["real"]) and near(imag, wanted["imag"]):
        return right(_("This is the complex product: three products were enough for it."))
    if near(real, wanted["imag"]) and near(imag, wanted["real"]):
        return off(_("The other way round: the real part comes first."))
    if near(real, b @ d - a @ c):
        return off(_("The real part has the wrong sign: ac - bd is asked for."))
    if near(real, a @ c + b @ d):
        return off(_("The real part is ac + bd. But i times i is -1: ac - bd is asked for."))
    if near(imag, a @ d - b @ c) or near(imag, b @ c - a @ d):
        return off(_("The imaginary part is a difference of ad and bc: their sum is asked for."))
    if near(real, wanted["real"]):
        return off(
            _("The real part is right. For the imaginary one, write out the products: `first` has "
              "ad, and ac, which has to go; which other one has ac with a minus, and bc?")
        )  # fmt: skip
    return off(
        _("The real part is off, which is ac - bd. Write out the products: `first` is ac + ad; "
          "which other one has ad, too, so that it can be taken away, and bd?")
    )  # fmt: skip


def _arrays(answer, name, shape, count):
    """Return an answer that is so many arrays of one shape."""
    try:
        found = [np.asarray(part, dtype=np.float64) for part in answer]
    except (TypeError, ValueError, RuntimeError):
        kind = type(answer).__name__
        raise Unfit(
            _("`{name}` is a {kind} that holds no numbers.", name=name, kind=kind)
        ) from None
    if len(found) != count or any(part.shape != shape for part in found):
        got = " and ".join(str(part.shape) for part in found) or "nothing"
        raise Unfit(
            _("`{name}` has the shapes {got}; asked for: {count} of {shape}.",
              name=name, got=got, count=count, shape=shape)
        )  # fmt: skip
    return [finite(part, name) for part in found]
