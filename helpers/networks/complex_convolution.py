"""Complex convolutions over two frames, with their batch norm, by as few products as pay.

x lies as (frames, places, 2 channels), real parts before imaginary ones, and a kernel is two real
ones (out, in, 2 frames, places). Every form is called in two steps, since two convolutions of one
input share the first: `prepared` reads x, and a call writes (frames - 1, places, 2 out).
Taught in 11_long_and_fast.
"""

import torch
import torch.nn.functional as F

from helpers.networks.products import product

FEW = 64  # channels, from which on FewerProducts is faster than Direct


def convolution(re, im, bias, norm, dtype, **sizes):
    """Choose the form for a kernel: `bias` is the complex layer's, `sizes` are conv2d's."""
    if dtype != torch.float32 or re.device.type != "cpu":
        form = Direct  # rounding, or a card with ways of its own
    elif len(re) == 1 and "padding" in sizes:
        form = OneChannel
    else:
        form = FewerProducts if min(re.shape[:2]) >= FEW else Direct
    return form(re, im, *folded(norm, bias), dtype, **sizes)


class Direct:
    """One real convolution of twice the channels."""

    def __init__(self, re, im, scale, shift, dtype, **sizes):
        weight = (as_real(re, im) * _rows(scale)).to(dtype)
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.bias, self.sizes = shift.to(dtype), sizes

    def prepared(self, x):
        """x as it is."""
        return x

    def __call__(self, x, out):
        """Convolve."""
        out[:] = from_nchw(F.conv2d(to_nchw(x), self.weight, self.bias, **self.sizes))


class OneChannel:
    """A matrix product, whose columns are each tap's share, and their sum.

    A processor makes 8 or 16 outputs at a time: a convolution to one complex channel has two.
    """

    def __init__(self, re, im, scale, shift, dtype, padding):
        weight = (as_real(re, im) * _rows(scale)).permute(2, 3, 0, 1)  # (frames, taps, 2, 2 in)
        self.weight, self.bias = weight.flatten(0, 2).to(dtype), shift.to(dtype)
        self.taps, self.pad = weight.shape[1], padding[1]

    def prepared(self, x):
        """x as it is."""
        return x

    def __call__(self, x, out):
        """Multiply and add up."""
        shares = product(x, self.weight).unflatten(2, (2, self.taps, 2))
        shares = shares[:-1, :, 0] + shares[1:, :, 1]  # (frames - 1, places, taps, 2)
        shares = F.pad(shares, (0, 0, 0, 0, self.pad, self.pad))
        out[:] = self.bias
        for tap in range(self.taps):
            out += shares[:, tap : tap + out.shape[1], tap]


class FewerProducts:
    """Three products for a complex one (Gauss), five for four outputs of two taps (Winograd).

    That is 15 where 32 stand in the sum: convolutions of the real parts, of the imaginary ones and
    of their sums, in five mixtures of five frames each, as 15 groups of one convolution. The
    mixtures are values of a polynomial at the points 0, 1, -1 and 2, and its highest coefficient.
    """

    POINTS = 5

    def __init__(self, re, im, scale, shift, dtype, **sizes):
        first, second = scale.chunk(2)  # of the real part, and of the imaginary one
        parts = torch.stack([(re + im) * _rows(first), (re - im) * _rows(second), im])
        a, b = parts.unbind(3)  # (3, out, in, places): of a frame, and of the one after it
        weight = torch.stack([a / 2, (a + b) / -2, (a - b) / -6, (a + 2 * b) / 6, b])
        weight = weight.flatten(0, 2).unsqueeze(2).to(dtype)  # (15 out, in, 1, places)
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.gain = torch.stack([-first, second]).to(dtype)  # of the sum's product
        self.shift, self.sizes = shift.to(dtype).view(2, -1), sizes

    def prepared(self, x):
        """Mix every five frames of x, the last one the next ones' first: (fours, places, 15 in)."""
        missing = -(len(x) - 1) % 4
        x = (F.pad(x, (0, 0, 0, 0, 0, missing)) if missing else x).unflatten(2, (2, -1))
        x0, x1, x2, x3, x4 = (x[i : len(x) - 4 + i : 4] if i < 4 else x[4::4] for i in range(5))
        mixed = x.new_empty(*x0.shape[:2], self.POINTS, 3, x.shape[3])
        m0, m1, m2, m3, m4 = mixed[..., :2, :].unbind(2)
        torch.sub(x3, x1, out=m3)
        torch.sub(x0, x2, out=m0).mul_(2).add_(m3)
        torch.sub(m3, x1, out=m1).sub_(x2)
        torch.sub(x1, x2, out=m2).mul_(3).add_(m3)
        torch.sub(x4, x2, out=m4).sub_(m3, alpha=2)
        torch.add(mixed[..., 0, :], mixed[..., 1, :], out=mixed[..., 2, :])
        return mixed.flatten(2)

    def __call__(self, mixed, out):
        """Convolve, and take four frames out of five mixtures, the complex product out of three."""
        y = F.conv2d(to_nchw(mixed), self.weight, groups=3 * self.POINTS, **self.sizes)
        y = from_nchw(y).unflatten(2, (self.POINTS, 3, -1))
        y0, y1, y2, y3, y4 = y.unbind(2)  # (fours, places, 3, out)
        even, odd = y1 + y2, y1 - y2
        frames = y.new_empty(len(y), 4, *y0.shape[1:])
        torch.add(y0.add_(even), y3, out=frames[:, 0])
        torch.add(odd, y3, alpha=2, out=frames[:, 1])
        torch.add(even, y3, alpha=4, out=frames[:, 2])
        torch.add(y4.add_(odd), y3, alpha=8, out=frames[:, 3])
        frames = frames.flatten(0, 1)[: len(out)]
        found = torch.addcmul(self.shift, frames[:, :, 2:], self.gain)
        torch.add(frames[:, :, :2], found, out=out.unflatten(2, (2, -1)))


def as_real(re, im):
    """The real kernel of a complex one: [[re, -im], [im, re]] over (out, in)."""
    return torch.cat([torch.cat([re, -im], 1), torch.cat([im, re], 1)])


def complex_bias(re, im):
    """The bias of a complex layer whose two real ones each add their own."""
    return re.bias - im.bias, re.bias + im.bias


def folded(norm, bias):
    """Batch norm of real and imaginary parts, as a factor and a summand a channel."""
    scales, shifts = [], []
    for bn, shift in zip((norm.bn_re, norm.bn_im), bias, strict=True):
        scales.append(bn.weight * torch.rsqrt(bn.running_var + bn.eps))
        shifts.append(bn.bias + (shift - bn.running_mean) * scales[-1])
    return torch.cat(scales), torch.cat(shifts)


def _rows(scale):
    return scale[:, None, None, None]


def to_nchw(x):
    """View (frames, places, channels) as convolutions want it: (1, channels, frames, places)."""
    return x[None].permute(0, 3, 1, 2)


def from_nchw(y):
    """View (1, channels, frames, places) as (frames, places, channels)."""
    return y[0].permute(1, 2, 0)
