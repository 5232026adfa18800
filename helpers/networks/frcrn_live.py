"""FRCRN that never waits: a causal denoiser, frame by frame or a whole file at once.

Built from ModelScope's own layers like the embedded FRCRN, with windows of 20 ms and what lesson
08 asks for: convolutions and decoders that pad the past only, gates and a level from running
means. One method, `frames`, serves both uses: it takes any number of frames and what the network
remembers of those before, and gives back what it remembers now. Importing this module registers
the class as "frcrn_live", and ModelScope's noise-suppression pipeline runs it on whole files.
Taught in 15_real_time; `helpers.stream` runs it on a stream.
"""

import inspect

import torch
import torch.nn.functional as F
from modelscope.models.audio.ans import complex_nn, unet
from modelscope.models.audio.ans.conv_stft import ConviSTFT, ConvSTFT
from modelscope.models.audio.ans.se_module_complex import SELayer
from torch import nn

from helpers.networks import frcrn_layers
from helpers.networks.complex_convolution import as_real
from helpers.networks.frcrn_registered import Registered, register

KERNELS = (5, 5, 5, 5, 5, 2)  # over frequency, on the way down: 161 bins, 79, 38, 17, 7, 2, 1
ORDER = 20  # how many steps an FSMN remembers
BLOCK = 256  # frames of a whole file that are worked off at once
QUIET = 1e-7  # power of a bin that counts as silence: white noise at about -90 dB


class CausalUNet(nn.Module):
    """A complex U-Net of ModelScope's layers that sees the present frame and the past.

    Parameters
    ----------
    inputs : int
        Complex channels of its input.
    widths : sequence of int
        Complex channels after each stage of the way down, six of them.
    last : int
        Complex channels of the last stage of the way up.
    """

    def __init__(self, inputs, widths, last):
        super().__init__()
        down = [inputs, *widths]
        up = [*widths[-2::-1], last]  # as wide as the skip that comes along
        self.depth = len(widths)
        for i, taps in enumerate(KERNELS):
            if i > 0:
                self.add_module(f"fsmn_enc{i}", _memory(down[i]))
            sizes = (taps, 2), (2, 1), (0, 0)  # `frames` puts the frame before in front itself
            self.add_module(f"encoder{i}", unet.Encoder(down[i], down[i + 1], *sizes, complex=True))
            if i < self.depth - 1:
                self.add_module(f"se_layer_enc{i}", SELayer(down[i + 1], 8))
        self.fsmn = complex_nn.ComplexUniDeepFsmn(down[-1], down[-1], down[-1])
        for i, taps in enumerate(KERNELS[::-1]):
            wide = down[-1] if i == 0 else 2 * up[i - 1]
            sizes = (taps + (i == 3), 2), (2, 1), (0, 1)  # 17 bins come from 38, and go back
            self.add_module(f"decoder{i}", unet.Decoder(wide, up[i], *sizes, complex=True))
            if i < self.depth - 1:
                self.add_module(f"fsmn_dec{i}", _memory(up[i]))
            if i < self.depth - 2:
                self.add_module(f"se_layer_dec{i}", SELayer(up[i], 8))
        self.linear = complex_nn.ComplexConv2d(last, 1, 1)

    def frames(self, x, state, means):
        """Run on frames x [shape=(batch, 2 inputs, frequencies, frames)], real parts first.

        Parameters
        ----------
        x : torch.Tensor
            The frames.
        state : State
            What was remembered of the frames before; it is brought up to date.
        means : callable
            means(name, values (batch, frames, channels)) -> their running means.

        Returns
        -------
        torch.Tensor
            [shape=(batch, 2, frequencies, frames)].
        """
        skips, last = [], self.depth - 1
        for i in range(self.depth):
            x = frcrn_layers.frequency_memory(self._part("fsmn_enc", i), x) if i > 0 else x
            stage = self._part("encoder", i)
            x = frcrn_layers.complex_conv(stage.conv, state.before(f"encoder{i}", x, 1))
            x = F.leaky_relu(_norm(stage.bn, x))
            if i < last:
                gate = f"se_layer_enc{i}"
                skips.append(_excite(getattr(self, gate), x, lambda m, gate=gate: means(gate, m)))
        x = _over_time(self.fsmn, x, state)
        for i in range(self.depth):
            stage = self._part("decoder", i)
            x = _up(stage.transconv, state.before(f"decoder{i}", x, 1))
            x = F.leaky_relu(_norm(stage.bn, x))
            if i == last:
                return frcrn_layers.complex_conv(self.linear, x)
            x = frcrn_layers.frequency_memory(self._part("fsmn_dec", i), x)
            if i < last - 1:
                gate = f"se_layer_dec{i}"
                x = _excite(getattr(self, gate), x, lambda m, gate=gate: means(gate, m))
            (xr, xi), (sr, si) = x.chunk(2, 1), skips.pop().chunk(2, 1)
            x = torch.cat([xr, sr, xi, si], 1)

    def _part(self, kind, i):
        return getattr(self, f"{kind}{i}")


class State:
    """What the network remembers: tensors by name, zeros before the first frame."""

    def __init__(self, tensors=None, prefix="", count=0):
        self.tensors, self.prefix, self.count = {} if tensors is None else tensors, prefix, count

    def part(self, prefix):
        """Give the part of it that belongs to one U-Net; what is written there is written here."""
        return State(self.tensors, f"{prefix}.", self.count)

    def get(self, name, like):
        """Return what is remembered under a name, or zeros of the size of `like`."""
        found = self.tensors.get(self.prefix + name)
        return torch.zeros_like(like) if found is None else found.to(like.dtype)

    def put(self, name, value):
        """Remember a tensor."""
        self.tensors[self.prefix + name] = value

    def before(self, name, x, frames):
        """Put the last frames of the previous call in front of x, along its last axis."""
        past = self.get(name, x.new_zeros(()).expand(*x.shape[:-1], frames))
        if x.dim() == 4:  # else the whole network would leave the order that processors like
            past = past.contiguous(memory_format=torch.channels_last)
        joined = torch.cat([past, x], -1)
        self.put(name, joined[..., joined.shape[-1] - frames :])
        return joined


class LiveFRCRN(nn.Module):
    """The causal FRCRN: a level, two U-Nets, and the sum of their masks.

    Parameters
    ----------
    widths : sequence of int
        Complex channels of each stage of a U-Net.
    last : int
        Complex channels of its last stage.
    win_len, win_inc : int
        Window and hop of the STFT, in samples: 320 and 160.
    horizon : int
        How many frames the running means go back.

    Raises
    ------
    ValueError
        If the window or the hop is another one.
    """

    def __init__(self, widths, last=4, win_len=320, win_inc=160, horizon=200):
        super().__init__()
        if (win_len, win_inc) != (320, 160):
            raise ValueError(
                f"windows of {win_len} and hops of {win_inc} samples do not fit the U-Net, which "
                "has stages for 161 bins and frames that overlap by half: 320 and 160"
            )
        self.win_len, self.win_inc, self.horizon = win_len, win_inc, horizon
        self.feat_dim = win_len // 2 + 1
        transform = win_len, win_inc, win_len, "hann", "complex"
        self.stft, self.istft = ConvSTFT(*transform), ConviSTFT(*transform)
        self.unet = CausalUNet(1, widths, last)
        self.unet2 = CausalUNet(2, widths, last)  # it hears the frame, and what the first thinks

    def frames(self, spec, state, autocast=False):
        """Find both stages' masks for any number of frames.

        Parameters
        ----------
        spec : torch.Tensor
            Spectra [shape=(batch, 2 bins, frames)], real parts first.
        state : State
            What was remembered of the frames before; it is brought up to date.
        autocast : bool
            Whether to compute in bfloat16.

        Returns
        -------
        tuple of torch.Tensor
            The first stage's mask and the sum of both [shape=(batch, 2, bins, frames)].
        """
        share = shares(spec.shape[-1], state.count, self.horizon).to(spec.device)

        def means(part):
            def mean(name, values):  # (batch, frames, channels)
                values = values.float()
                found = running_mean(values, part.get(name, values[:, 0]), share)
                part.put(name, found[:, -1])
                return found

            return mean

        parts = spec.unflatten(1, (2, -1))  # (batch, 2, bins, frames)
        power = parts.square().sum(1).mean(1)[..., None]  # (batch, frames, 1)
        level = means(state)("level", power).transpose(1, 2)[:, :, None]
        x = parts * torch.rsqrt(level + QUIET)
        x = x * (x.square().sum(1, keepdim=True) + 1e-4) ** -0.25  # loud bins by their square root
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast):
            part = state.part("unet")
            first = self.unet.frames(x, part, means(part))
            both = torch.cat([x[:, :1], first[:, :1], x[:, 1:], first[:, 1:]], 1)
            both = both.contiguous(memory_format=torch.channels_last)
            part = state.part("unet2")
            second = self.unet2.frames(both, part, means(part))
        state.count = min(self.horizon, state.count + spec.shape[-1])
        one = torch.tanh(first.float())
        return one, one + torch.tanh(second.float())

    def forward(self, noisy, autocast=False, block=BLOCK):
        """Both stages of noisy speech [shape=(batch, n)]: spec, wav, mask, spec, wav, mask."""
        spec, state, masks = self.stft(noisy), State(), []
        for at in range(0, spec.shape[-1], block):
            masks.append(self.frames(spec[..., at : at + block], state, autocast))
        found = []
        for parts in zip(*masks, strict=True):
            mask = torch.cat(parts, -1)
            clean = times(spec, mask)
            found += [clean, self.istft(clean).squeeze(1), mask.flatten(1, 2)]
        return found


def times(spec, mask):
    """Multiply spectra (batch, 2 bins, frames) by masks (batch, 2, bins, frames), as complex."""
    (sr, si), (mr, mi) = spec.chunk(2, 1), mask.unbind(1)
    return torch.cat([sr * mr - si * mi, sr * mi + si * mr], 1)


def shares(frames, count, horizon):
    """Find the share of every new frame in its running mean.

    Parameters
    ----------
    frames : int
        How many frames come now.
    count : int
        How many went before.
    horizon : int
        The share does not fall under 1 / horizon: a plain mean at first, later one that forgets.

    Returns
    -------
    torch.Tensor
        [shape=(frames, 1)].

    Examples
    --------
    >>> shares(4, 0, 3)[:, 0].tolist() == [1, 1 / 2, torch.tensor(1 / 3), torch.tensor(1 / 3)]
    True
    """
    return 1 / torch.arange(count + 1, count + frames + 1).clamp(max=horizon).float()[:, None]


def running_mean(values, old, share):
    """Run m = (1 - share) m + share value over the frames, in a few steps for all of them.

    Parameters
    ----------
    values : torch.Tensor
        [shape=(batch, frames, channels)].
    old : torch.Tensor
        The mean before the first frame [shape=(batch, channels)].
    share : torch.Tensor
        The share of each frame [shape=(frames, 1)].

    Returns
    -------
    torch.Tensor
        The mean after each frame [shape=(batch, frames, channels)].

    Examples
    --------
    >>> values = torch.tensor([[[1.0], [3.0], [5.0]]])
    >>> running_mean(values, torch.zeros(1, 1), shares(3, 0, 200))[0, :, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    # After the step `far`, each frame has gathered the `2 far` frames that end with it. Products
    # with a triangular matrix would do, but zero times not-a-number would stain the past.
    keep, found, far = 1 - share, share * values, 1
    while far < len(share):
        found = torch.cat([found[:, :far], found[:, far:] + keep[far:] * found[:, :-far]], 1)
        keep = torch.cat([keep[:far], keep[far:] * keep[:-far]])
        far *= 2
    return found + keep * old[:, None]


def interleaved(re, im):
    """A complex transposed convolution's real kernels as convolutions: even bins, then odd ones.

    Parameters
    ----------
    re, im : torch.Tensor
        Its kernels [shape=(in, out, frequencies, 2)].

    Returns
    -------
    tuple of torch.Tensor
        The two kernels [shape=(2 out, 2 in, half the frequencies, 2)], real parts first.

    Examples
    --------
    >>> even, odd = interleaved(torch.ones(3, 4, 5, 2), torch.ones(3, 4, 5, 2))
    >>> even.shape, odd.shape
    (torch.Size([8, 6, 3, 2]), torch.Size([8, 6, 3, 2]))
    """
    found, half = [], -(-re.shape[2] // 2)
    for odd in (0, 1):
        a, b = (part[:, :, odd::2].transpose(0, 1).flip(2, 3) for part in (re, im))
        kernel = as_real(a, b)
        found.append(F.pad(kernel, (0, 0, half - kernel.shape[2], 0)))
    return tuple(found)


def _up(layer, x):
    """Transposed convolution of x [shape=(batch, 2 in, frequencies, 1 + frames)], past first.

    As one convolution whose outputs interleave: processors have fast code for that.
    """
    re, im = layer.tconv_re, layer.tconv_im
    kernel = torch.cat(interleaved(re.weight, im.weight))
    bias = torch.cat([re.bias - im.bias, re.bias + im.bias])
    y = F.conv2d(x, kernel, bias.repeat(2), padding=(kernel.shape[2] - 1, 0))
    wide = 2 * (x.shape[2] - 1) + re.kernel_size[0]
    y = y.permute(0, 2, 3, 1).unflatten(3, (2, -1)).transpose(2, 3)  # channels last, all the way
    return y.flatten(1, 2).permute(0, 3, 1, 2)[:, :, :wide]


def _norm(bn, x):
    """Batch norm of real and imaginary parts, in one go over both."""
    re, im = bn.bn_re, bn.bn_im
    names = ("running_mean", "running_var", "weight", "bias")
    mean, var, weight, bias = (torch.cat([getattr(re, n), getattr(im, n)]) for n in names)
    y = F.batch_norm(x, mean, var, weight, bias, bn.training, re.momentum, re.eps)
    if bn.training:
        with torch.no_grad():
            for part, m, v in zip((re, im), mean.chunk(2), var.chunk(2), strict=True):
                part.running_mean.copy_(m)
                part.running_var.copy_(v)
                part.num_batches_tracked += 1
    return y


def _memory(channels):
    """One complex FSMN layer, as it stands between two stages of the U-Net."""
    return complex_nn.ComplexUniDeepFsmn_L1(channels, channels, channels)


def _excite(layer, x, means):
    """Squeeze-and-excitation by running means: two gains a channel and frame."""
    found = means(x.mean(2).transpose(1, 2)).to(x.dtype)  # (batch, frames, 2 channels)
    real, imag = found.chunk(2, 2)
    gain_re = layer.fc_r(real) - layer.fc_i(imag)
    gain_im = layer.fc_r(imag) + layer.fc_i(real)
    return x * torch.cat([gain_re, gain_im], 2).transpose(1, 2)[:, :, None]


def _over_time(layer, x, state):
    """The memory at the bottom, of one frequency: it runs over time, twice."""
    y = x[:, :, 0].transpose(1, 2)  # (batch, frames, 2 channels)
    for i in ("1", "2"):
        re, im = getattr(layer, f"fsmn_re_L{i}"), getattr(layer, f"fsmn_im_L{i}")
        n, both = len(y), torch.cat(y.chunk(2, -1))  # (2 batch, frames, channels)
        a = _remember(re, both, state, f"fsmn.re{i}")
        b = _remember(im, both, state, f"fsmn.im{i}")
        y = torch.cat([a[:n] - b[n:], a[n:] + b[:n]], -1)
    return y.transpose(1, 2)[:, :, None].contiguous(memory_format=torch.channels_last)


def _remember(layer, x, state, name):
    """An FSMN layer over time, on x [shape=(batch, frames, channels)]."""
    hidden = F.relu(F.linear(x, layer.linear.weight, layer.linear.bias))
    seen = F.linear(hidden, layer.project.weight).transpose(1, 2)  # (batch, channels, frames)
    joined = state.before(name, seen, ORDER - 1)
    out = seen + F.conv1d(joined, layer.conv1.weight[..., 0], groups=seen.shape[1])
    return x + out.transpose(1, 2)


@register("frcrn_live")
class FRCRNLive(Registered):
    """What ModelScope's pipeline builds for a folder whose configuration says "frcrn_live"."""

    @staticmethod
    def network(settings):
        """Build the causal FRCRN; the pipeline adds settings of its own."""
        known = inspect.signature(LiveFRCRN).parameters
        return LiveFRCRN(**{key: settings[key] for key in known if key in settings})
