"""FRCRN's layers in an order that a CPU likes: the same arithmetic, the same parameters.

ModelScope keeps the real and the imaginary part in the last axis, so every complex layer reads and
writes every second number. Here both parts lie side by side as channels, in channels-last memory:
a complex convolution becomes one real convolution and an FSMN layer a product over contiguous
numbers. These functions take ModelScope's modules and are equal to them; tests hold them to it.
"""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.networks.complex_convolution import as_real, complex_bias


def complex_conv(conv, x):
    """Complex convolution of x [shape=(batch, 2 channels, freq, time)], real parts first."""
    re, im = conv.conv_re, conv.conv_im
    weight, bias = as_real(re.weight, im.weight), torch.cat(complex_bias(re, im))
    return F.conv2d(x, weight, bias, re.stride, re.padding)


def complex_conv_transpose(conv, x):
    """Complex transposed convolution, same layout."""
    re, im = conv.tconv_re, conv.tconv_im
    weight = torch.cat(
        [torch.cat([re.weight, im.weight], 1), torch.cat([-im.weight, re.weight], 1)]
    )
    bias = torch.cat(complex_bias(re, im))
    return F.conv_transpose2d(x, weight, bias, re.stride, re.padding)


def complex_norm(bn, x):
    """Batch normalization of the real and the imaginary part, each with its own statistics."""
    real, imag = x.chunk(2, 1)
    return torch.cat([bn.bn_re(real), bn.bn_im(imag)], 1)


def excite(layer, x):
    """Squeeze-and-excitation: two gains a channel, for the real and for the imaginary part."""
    real, imag = x.mean((2, 3)).chunk(2, 1)  # (batch, channels)
    gain_re = layer.fc_r(real) - layer.fc_i(imag)
    gain_im = layer.fc_r(imag) + layer.fc_i(real)
    return x * torch.cat([gain_re, gain_im], 1)[:, :, None, None]


def fsmn(layer, x):
    """FSMN memory over axis 1 of x [shape=(batch, sequence, other, features)]."""
    hidden = F.relu(F.linear(x, layer.linear.weight, layer.linear.bias))
    seen = F.linear(hidden, layer.project.weight).permute(
        0, 3, 1, 2
    )  # (batch, features, seq, other)
    past = F.pad(seen, (0, 0, layer.lorder - 1, 0))
    out = seen + F.conv2d(past, layer.conv1.weight, groups=seen.shape[1])
    return x + out.permute(0, 2, 3, 1)


def complex_fsmn(re, im, x):
    """Complex FSMN of x [shape=(batch, sequence, other, 2 features)], real parts first."""
    n = len(x)
    both = torch.cat(x.chunk(2, -1))  # (2 batch, sequence, other, features)
    a, b = fsmn(re, both), fsmn(im, both)
    return torch.cat([a[:n] - b[n:], a[n:] + b[:n]], -1)


def frequency_memory(layer, x):
    """The memory between two U-Net stages: it runs over frequency, frame by frame."""
    y = complex_fsmn(layer.fsmn_re_L1, layer.fsmn_im_L1, x.permute(0, 2, 3, 1))
    return y.permute(0, 3, 1, 2)


def time_memory(layer, x):
    """The memory at the bottom of the U-Net: it runs over time, twice."""
    b, c, h, t = x.shape
    y = x.reshape(b, 2, c // 2 * h, t).permute(0, 3, 1, 2).reshape(b, t, 1, c * h)
    y = complex_fsmn(layer.fsmn_re_L1, layer.fsmn_im_L1, y)
    y = complex_fsmn(layer.fsmn_re_L2, layer.fsmn_im_L2, y)
    y = y.reshape(b, t, 2, c // 2, h).permute(0, 2, 3, 4, 1)
    return y.reshape(b, c, h, t).contiguous(memory_format=torch.channels_last)


def unet(net, x):
    """One U-Net of FRCRN on x [shape=(batch, 2, freq, time)], channels-last."""
    skips, last = [], net.model_length - 1
    for i in range(net.model_length):
        x = frequency_memory(net.fsmn_enc[i], x) if i > 0 else x
        stage = net.encoders[i]
        x = F.leaky_relu(complex_norm(stage.bn, complex_conv(stage.conv, x)))
        skips.append(excite(net.se_layers_enc[i], x) if i < last else None)
    x = time_memory(net.fsmn, x)
    for i in range(net.model_length):
        stage = net.decoders[i]
        x = F.leaky_relu(complex_norm(stage.bn, complex_conv_transpose(stage.transconv, x)))
        if i == last:
            return complex_conv(net.linear, x)
        x = frequency_memory(net.fsmn_dec[i], x)
        x = excite(net.se_layers_dec[i], x) if i < last - 1 else x
        skip = skips[last - 1 - i]
        (xr, xi), (sr, si) = x.chunk(2, 1), skip.chunk(2, 1)
        x = torch.cat([xr, sr, xi, si], 1)


def frcrn(net, noisy, autocast=False):
    """Both stages' waveforms of FRCRN for noisy [shape=(batch, n)]: (first, second)."""
    b, bins = len(noisy), net.feat_dim
    spec = net.stft(noisy)  # (batch, 2 bins, frames)
    x = spec.reshape(b, 2, bins, -1).contiguous(memory_format=torch.channels_last)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast):
        first = unet(net.unet, x)
        second = unet(net.unet2, first)
    masks = torch.tanh(first.float()), torch.tanh(second.float())
    stages = masks[0], masks[0] + masks[1]
    return tuple(net.istft(_complex_product(spec, mask)).squeeze(1) for mask in stages)


def _complex_product(spec, mask):
    """Spectrum (batch, 2 bins, frames) times mask (batch, 2, bins, frames), complex."""
    (sr, si), (mr, mi) = spec.chunk(2, 1), mask.unbind(1)
    return torch.cat([sr * mr - si * mi, sr * mi + si * mr], 1)


class Graph(nn.Module):
    """FRCRN on noisy [shape=(1, n)] as ONNX can hold it; n a whole number of hops; gives (1, n).

    The first and the last hop are not of use: silence goes there.
    """

    def __init__(self, model):
        super().__init__()
        self.net = model.model

    def forward(self, noisy):
        """Transform, mask twice, transform back."""
        net = self.net
        spec = net.stft(noisy)  # (1, 2 bins, frames)
        first = unet(net.unet, spec.reshape(1, 2, net.feat_dim, -1))
        speech = _complex_product(spec, torch.tanh(first) + torch.tanh(unet(net.unet2, first)))
        # The library divides by the sum of squared windows, which is 1 but for the ends.
        return F.conv_transpose1d(speech, net.istft.weight, stride=net.istft.stride).squeeze(1)
