"""The live denoiser for use: one hop and what is remembered in, one hop and that out.

`Step` is the causal FRCRN of `frcrn_live` for a single frame. Batch norm is folded into the
convolutions, a complex layer is one real layer, the frame before comes as further channels, and a
transposed convolution is a convolution whose outputs interleave. All that it remembers lies in one
vector, so the same module runs in torch, and as an ONNX graph with two inputs and two outputs.
Taught in 15_real_time.
"""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.networks.complex_convolution import as_real, complex_bias, folded
from helpers.networks.frcrn_live import ORDER, QUIET


class Layout:
    """Where each remembered tensor lies in the vector: name -> (start, shape)."""

    def __init__(self):
        self.places, self.size = {}, 0

    def add(self, name, *shape):
        """Give a tensor its place."""
        self.places[name] = self.size, shape
        self.size += torch.Size(shape).numel()


class Remembered:
    """The vector taken apart, and what replaces it put together."""

    def __init__(self, layout, vector):
        self.layout, self.vector, self.new = layout, vector, {}

    def __getitem__(self, name):
        start, shape = self.layout.places[name]
        return self.vector[start : start + torch.Size(shape).numel()].reshape(shape)

    def __setitem__(self, name, value):
        self.new[name] = value

    def joined(self):
        """The next vector: every tensor was replaced."""
        return torch.cat([self.new[name].reshape(-1) for name in self.layout.places])


class Layer(nn.Module):
    """A layer whose matrices are put together out of the checkpoint's, most of them twice.

    `ready` does that once. An ONNX graph is written without: then its file holds every number
    once, and the runtime puts the matrices together when it loads the graph.
    """

    cache = None

    def ready(self):
        """Put the matrices together for good."""
        self.cache = self.matrices()

    def built(self):
        """The matrices."""
        return self.cache or self.matrices()


class Conv(Layer):
    """A complex convolution over frequency and two frames, with its batch norm, rectified."""

    def __init__(self, name, layout, bins, stage):
        super().__init__()
        re, im = stage.conv.conv_re, stage.conv.conv_im
        self.parts = nn.ParameterList([re.weight, im.weight])  # (out, in, freq, time) each
        self.scale, self.shift = map(nn.Parameter, folded(stage.bn, complex_bias(re, im)))
        self.name = name
        layout.add(name, 1, 2 * re.weight.shape[1], bins, 1)

    def matrices(self):
        """The kernel [shape=(2 out, 4 in, freq, 1)]: the frame before, and the present one."""
        both = as_real(*self.parts) * self.scale[:, None, None, None]
        return (torch.cat([both[..., :1], both[..., 1:]], 1),)

    def forward(self, x, state):
        """Return (1, 2 out, freq, 1) for x [shape=(1, 2 in, freq, 1)]."""
        both = torch.cat([state[self.name], x], 1)
        state[self.name] = x
        return F.leaky_relu(F.conv2d(both, *self.built(), self.shift, stride=(2, 1)))


class Up(Layer):
    """A transposed convolution as one convolution: even and odd bins beside each other."""

    def __init__(self, name, layout, bins, stage):
        super().__init__()
        re, im = stage.transconv.tconv_re, stage.transconv.tconv_im
        self.name, self.taps = name, re.kernel_size[0]
        self.half = -(-self.taps // 2)
        kernels = []  # (out, in, half the taps, time) each: re, im for even bins, then for odd ones
        for odd in (0, 1):
            for part in (re, im):
                kernel = part.weight[:, :, odd::2].transpose(0, 1).flip(2)
                kernels.append(F.pad(kernel, (0, 0, self.half - kernel.shape[2], 0)))
        self.parts = nn.ParameterList(kernels)
        scale, shift = folded(stage.bn, complex_bias(re, im))
        self.scale, self.shift = nn.Parameter(scale.repeat(2)), nn.Parameter(shift.repeat(2))
        layout.add(name, 1, 2 * re.weight.shape[0], bins, 1)

    def matrices(self):
        """The kernel [shape=(4 out, 4 in, half the taps, 1)]."""
        even, odd = as_real(*self.parts[:2]), as_real(*self.parts[2:])
        both = torch.cat([even, odd]) * self.scale[:, None, None, None]
        # Of a transposed convolution's two frames the first meets the present one.
        return (torch.cat([both[..., 1:], both[..., :1]], 1),)

    def forward(self, x, state):
        """Return (1, 2 out, 2 (freq - 1) + taps, 1) for x [shape=(1, 2 in, freq, 1)]."""
        both = torch.cat([state[self.name], x], 1)
        state[self.name] = x
        pairs = F.conv2d(both, *self.built(), self.shift, padding=(self.half - 1, 0))
        wide, channels = 2 * (x.shape[2] - 1) + self.taps, pairs.shape[1] // 2
        pairs = F.leaky_relu(pairs).reshape(1, 2, channels, -1).permute(0, 2, 3, 1)
        return pairs.reshape(1, channels, -1, 1)[:, :, :wide]


class Memory(Layer):
    """A complex FSMN layer: four real ones side by side, re(x), re(y), im(x), im(y) of x + iy."""

    def __init__(self, re, im, reach):
        super().__init__()
        layers, self.reach = (re, im), reach
        self.linear = nn.ParameterList(layer.linear.weight for layer in layers)
        self.project = nn.ParameterList(layer.project.weight for layer in layers)
        self.bias = nn.Parameter(torch.cat([a.linear.bias for a in (re, re, im, im)]))
        taps = []
        for layer in layers:
            weight = layer.conv1.weight.detach()[:, :, -reach:].clone()  # (channels, 1, reach, 1)
            weight[:, :, -1] += 1  # the layer adds what it sees to what it remembers
            taps.append(weight)
        self.taps = nn.ParameterList(taps)

    def matrices(self):
        """The kernels of what goes in, of what is seen, and the taps."""
        wide = len(self.linear[0])
        first, second = [], []
        for i in range(4):
            weight = self.linear[i // 2]
            first.append(F.pad(weight, (i % 2 * wide, (1 - i % 2) * wide)))
            second.append(F.pad(self.project[i // 2], (i * wide, (3 - i) * wide)))
        first, second = torch.cat(first)[..., None, None], torch.cat(second)[..., None, None]
        re, im = self.taps
        return first, second, torch.cat([re, re, im, im])

    def around(self, x, before):
        """The layer on x [shape=(1, 2 channels, places, 1)]; `before` puts the past in front."""
        first, second, taps = self.built()
        seen = before(F.conv2d(F.relu(F.conv2d(x, first, self.bias)), second))
        if x.shape[2] == 1:  # over time
            out = (seen * taps[:, 0]).sum(2, keepdim=True)
        else:
            out = F.conv2d(seen, taps, groups=len(taps))
        a, b, c, d = out.chunk(4, 1)
        real, imag = x.chunk(2, 1)
        return torch.cat([real - imag + a - d, real + imag + b + c], 1)


class OverFrequency(Memory):
    """The memory of a stage: over the bins of one frame."""

    def __init__(self, layer, bins):
        super().__init__(layer.fsmn_re_L1, layer.fsmn_im_L1, min(ORDER, bins))

    def forward(self, x):
        """Return (1, 2 channels, bins, 1) for x of that shape."""
        return self.around(x, lambda seen: F.pad(seen, (0, 0, self.reach - 1, 0)))


class OverTime(Memory):
    """The memory at the bottom: over frames, of which it keeps the last ones in a ring."""

    def __init__(self, re, im, name, layout):
        super().__init__(re, im, ORDER)
        self.name = name
        layout.add(name, 1, len(self.bias), ORDER - 1, 1)

    def forward(self, x, state):
        """Return (1, 2 channels, 1, 1) for x of that shape."""

        def before(seen):
            joined = torch.cat([state[self.name], seen], 2)
            state[self.name] = joined[:, :, 1:]
            return joined

        return self.around(x, before)


class Gate(Layer):
    """Squeeze-and-excitation by a running mean."""

    def __init__(self, layer, name, layout):
        super().__init__()
        re, im = layer.fc_r, layer.fc_i
        self.first = nn.ParameterList([re[0].weight, im[0].weight])
        self.second = nn.ParameterList([re[2].weight, im[2].weight])
        self.bias = nn.ParameterList(
            torch.cat([fc[i].bias for fc in (re, im, re, im)]) for i in (0, 2)
        )
        self.name = name
        layout.add(name, 1, 2 * len(re[2].weight))

    def matrices(self):
        """What fc_r(real), fc_i(imaginary), fc_r(imaginary) and fc_i(real) have, in one."""
        wide, few = self.second[0].shape
        first, second = [], []
        for i, imag in enumerate((0, 1, 1, 0)):
            first.append(F.pad(self.first[i % 2], (imag * wide, (1 - imag) * wide)))
            second.append(F.pad(self.second[i % 2], (i * few, (3 - i) * few)))
        return torch.cat(first), torch.cat(second)

    def forward(self, x, state, share):
        """Scale x [shape=(1, 2 channels, bins, 1)]."""
        old, (first, second) = state[self.name], self.built()
        mean = old + share * (x.mean((2, 3)) - old)
        state[self.name] = mean
        hidden = F.relu(F.linear(mean, first, self.bias[0]))
        a, b, c, d = torch.sigmoid(F.linear(hidden, second, self.bias[1])).chunk(4, 1)
        return x * torch.cat([a - b, c + d], 1)[..., None, None]


class Stages(nn.Module):
    """One U-Net, frame by frame."""

    def __init__(self, unet, name, layout, bins):
        super().__init__()
        self.depth, last = unet.depth, unet.depth - 1
        self.over, self.down, self.gates = nn.ModuleDict(), nn.ModuleList(), nn.ModuleDict()
        self.up, self.time = nn.ModuleList(), nn.ModuleList()
        for i in range(self.depth):
            stage = getattr(unet, f"encoder{i}")
            if i > 0:
                self.over[f"down{i}"] = OverFrequency(getattr(unet, f"fsmn_enc{i}"), bins)
            self.down.append(Conv(f"{name}.encoder{i}", layout, bins, stage))
            bins = (bins - stage.conv.conv_re.kernel_size[0]) // 2 + 1
            if i < last:
                gate = getattr(unet, f"se_layer_enc{i}")
                self.gates[f"down{i}"] = Gate(gate, f"{name}.se_layer_enc{i}", layout)
        for i in ("1", "2"):
            parts = getattr(unet.fsmn, f"fsmn_re_L{i}"), getattr(unet.fsmn, f"fsmn_im_L{i}")
            self.time.append(OverTime(*parts, f"{name}.fsmn{i}", layout))
        for i in range(self.depth):
            stage = getattr(unet, f"decoder{i}")
            self.up.append(Up(f"{name}.decoder{i}", layout, bins, stage))
            bins = 2 * (bins - 1) + stage.transconv.tconv_re.kernel_size[0]
            if i < last:
                self.over[f"up{i}"] = OverFrequency(getattr(unet, f"fsmn_dec{i}"), bins)
            if i < last - 1:
                gate = getattr(unet, f"se_layer_dec{i}")
                self.gates[f"up{i}"] = Gate(gate, f"{name}.se_layer_dec{i}", layout)
        re, im = unet.linear.conv_re, unet.linear.conv_im
        self.matrix = nn.Parameter(as_real(re.weight, im.weight))
        self.bias = nn.Parameter(torch.cat(complex_bias(re, im)))

    def forward(self, x, state, share):
        """Return (1, 2, bins, 1) for x [shape=(1, 2 inputs, bins, 1)]."""
        skips, last = [], self.depth - 1
        for i, conv in enumerate(self.down):
            x = self.over[f"down{i}"](x) if i > 0 else x
            x = conv(x, state)
            if i < last:
                skips.append(self.gates[f"down{i}"](x, state, share))
        for memory in self.time:
            x = memory(x, state)
        for i, conv in enumerate(self.up):
            x = conv(x, state)
            if i == last:
                return F.conv2d(x, self.matrix, self.bias)
            x = self.over[f"up{i}"](x)
            x = self.gates[f"up{i}"](x, state, share) if i < last - 1 else x
            (xr, xi), (sr, si) = x.chunk(2, 1), skips.pop().chunk(2, 1)
            x = torch.cat([xr, sr, xi, si], 1)


class Step(nn.Module):
    """The live denoiser for one hop.

    Parameters
    ----------
    net : LiveFRCRN
        The trained network, in evaluation mode. It is left as it is.
    """

    def __init__(self, net):
        super().__init__()
        self.hop, self.horizon, self.layout = net.win_inc, net.horizon, Layout()
        self.layout.add("count", 1)
        self.layout.add("heard", self.hop)
        self.layout.add("tail", self.hop)
        self.layout.add("level", 1)
        with torch.no_grad():
            self.first = Stages(net.unet, "unet", self.layout, net.feat_dim)
            self.second = Stages(net.unet2, "unet2", self.layout, net.feat_dim)
            self.analysis = nn.Parameter(net.stft.weight[:, 0].clone())  # (2 bins, window)
            window = net.istft.window[0, :, 0] ** 2
            scale = window[: self.hop] + window[self.hop :] + 1e-8  # two windows overlap
            kernel = net.istft.weight[:, 0] / scale.repeat(2)
            self.synthesis = nn.Parameter(kernel.T.clone())  # (window, 2 bins)
        self.requires_grad_(False)

    def ready(self):
        """Put all matrices together for good, and return itself."""
        for layer in self.modules():
            if isinstance(layer, Layer):
                layer.ready()
        return self

    def start(self):
        """What is remembered before the first hop: zeros [shape=(size,)]."""
        return torch.zeros(self.layout.size)

    def forward(self, samples, vector):
        """Denoise one hop.

        Parameters
        ----------
        samples : torch.Tensor
            The next hop of noisy speech [shape=(hop,)].
        vector : torch.Tensor
            What was remembered [shape=(size,)].

        Returns
        -------
        tuple of torch.Tensor
            The speech of the hop before, and what is remembered now.
        """
        state = Remembered(self.layout, vector)
        count = (state["count"] + 1).clamp(max=self.horizon)
        share, frame = 1 / count, torch.cat([state["heard"], samples])
        state["count"], state["heard"] = count, samples
        spec = F.linear(frame[None], self.analysis).reshape(1, 2, -1, 1)
        level = state["level"] + share * (spec.square().sum(1).mean() - state["level"])
        state["level"] = level
        x = spec * torch.rsqrt(level + QUIET)
        x = x * (x.square().sum(1, keepdim=True) + 1e-4) ** -0.25
        one = self.first(x, state, share)
        both = torch.cat([x[:, :1], one[:, :1], x[:, 1:], one[:, 1:]], 1)
        mask = torch.tanh(one) + torch.tanh(self.second(both, state, share))
        (sr, si), (mr, mi) = spec.chunk(2, 1), mask.chunk(2, 1)
        clean = torch.cat([sr * mr - si * mi, sr * mi + si * mr], 1).reshape(1, -1)
        wave = F.linear(clean, self.synthesis)[0]
        speech = state["tail"] + wave[: self.hop]
        state["tail"] = wave[self.hop :]
        return speech, state.joined()
