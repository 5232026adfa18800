"""Cache-blocked FRCRN inference: batch norm folded, a few frames at a time through each stage.

ModelScope's layers go over whole recordings, one after the other: most of their time goes into
waiting for memory. Here the sound lies as (frames, frequencies, channels), real parts beside
imaginary ones, and each stage of a U-Net takes some frames at a time through all it has to do.
Batch norm is folded into the convolutions, a transposed convolution is a convolution whose
outputs interleave, and wide convolutions take fewer products than they are written with
(`complex_convolution`). The function stays FRCRN's; `fast` holds it to ModelScope's layers.
Taught in 11_long_and_fast.
"""

import torch
import torch.nn.functional as F

from helpers.networks.complex_convolution import complex_bias, convolution, from_nchw, to_nchw
from helpers.networks.products import product

ROWS = 5120  # frames times frequencies in one piece: some MB, what an outer cache holds


class ComplexFSMN:
    """A complex FSMN layer over the second axis of x [shape=(frames, places, 2 channels)]."""

    def __init__(self, re, im, dtype):
        self.layers = []
        for layer in (re, im):
            taps = layer.conv1.weight.clone()  # (channels, 1, order, 1)
            taps[:, 0, -1] += 1  # the layer adds what it sees to what it remembers
            taps = torch.cat([taps, taps]).transpose(2, 3)  # (2 channels, 1, 1, order)
            matrices = layer.linear.weight, layer.linear.bias, layer.project.weight
            self.layers.append((*(m.to(dtype) for m in matrices), taps))

    def __call__(self, x):
        """Return f_re(x) + i f_im(x) for complex x, as ModelScope's layer does."""
        half = x.shape[2] // 2
        a, b = (self._remember(x, *layer) for layer in self.layers)
        a[..., :half] -= b[..., half:]
        a[..., half:] += b[..., :half]
        return a.to(x.dtype)

    @staticmethod
    def _remember(x, linear, bias, project, taps):
        hidden = product(x.reshape(-1, linear.shape[1]), linear, bias, "relu")
        seen = product(hidden, project).view(x.shape).to(taps.dtype)
        # Padded on both sides: what comes after the last place is cut off
        pad = {"padding": (0, taps.shape[-1] - 1)}
        found = from_nchw(F.conv2d(to_nchw(seen), taps, groups=x.shape[2], **pad))
        return found[:, : x.shape[1]].add_(x)


class EncoderStage:
    """A stage on the way down: memory over frequency, then a strided complex convolution."""

    def __init__(self, memory, stage, dtype):
        re, im = stage.conv.conv_re, stage.conv.conv_im
        weights = [layer.weight.transpose(2, 3) for layer in (re, im)]  # (out, in, time, freq)
        self.stride, self.taps, self.wide = re.stride[0], re.kernel_size[0], 2 * len(re.weight)
        stride = {"stride": (1, self.stride)}
        self.conv = convolution(*weights, complex_bias(re, im), stage.bn, dtype, **stride)
        self.memory = memory

    def __call__(self, x, room):
        """Return the stage's output, a frame longer, and its mean over frames and frequencies."""
        frames, last = len(x), torch.zeros_like(x[:1])
        places = (x.shape[1] - self.taps) // self.stride + 1
        out = Output(room.tensor(frames + 1, places, self.wide))
        for start, stop in pieces(frames, x.shape[1]):
            part = self.memory(x[start:stop]) if self.memory else x[start:stop]
            end = [torch.zeros_like(last)] if stop == frames else []
            part = torch.cat([last, part, *end])
            last = part[-1:]
            y = out.whole[start : start + len(part) - 1]
            self.conv(self.conv.prepared(part), y)
            out.count(F.leaky_relu_(y))
        return out.whole, out.mean()


class DecoderStage:
    """A stage on the way up: a transposed complex convolution, then memory over frequency."""

    def __init__(self, memory, stage, dtype):
        re, im = stage.transconv.tconv_re, stage.transconv.tconv_im
        self.memory, self.taps = memory, re.kernel_size[0]
        self.convs = []
        for odd in (0, 1):  # which frequencies they make
            # (in, out, freq, time) of a transposed convolution to that of a convolution
            weights = [w.weight[:, :, odd::2].permute(1, 0, 3, 2).flip(2, 3) for w in (re, im)]
            pad = {"padding": (0, weights[0].shape[-1] - 1)}
            conv = convolution(*weights, complex_bias(re, im), stage.bn, dtype, **pad)
            self.convs.append(conv)
        self.wide = 2 * re.weight.shape[1]

    def __call__(self, x, skip, room):
        """Return the stage's output, a frame shorter, and its mean.

        x and skip are pairs: a tensor (frames, frequencies, 2 channels), and one gain a channel.
        """
        frames, freqs = x[0].shape[0] - 1, x[0].shape[1]
        wide = 2 * (freqs - 1) + self.taps
        out = Output(room.tensor(frames, wide, self.wide))
        for start, stop in pieces(frames, wide):
            part = self.convs[0].prepared(join_skip(x, skip, start, stop + 1))
            y = out.whole[start:stop]
            for i, conv in enumerate(self.convs):
                conv(part, y[:, i::2])
            F.leaky_relu_(y)
            if self.memory:
                y[:] = self.memory(y)
            out.count(y)
        return out.whole, out.mean()


class Output:
    """A stage's output, filled piece by piece, and the sum of it."""

    def __init__(self, whole):
        self.whole, self.total = whole, 0

    def count(self, part):
        """Add up a piece that was written."""
        precise = torch.promote_types(part.dtype, torch.float32)
        self.total = self.total + part.sum((0, 1), dtype=precise)

    def mean(self):
        """Return the mean over frames and frequencies [shape=(2 channels,)]."""
        return self.total / (self.whole.shape[0] * self.whole.shape[1])


class Room:
    """Memory for the stages' outputs, which the second U-Net takes over from the first.

    To ask a system for a hundred megabytes, page by page, takes as long as some convolutions.
    """

    def __init__(self, like):
        self.like, self.tensors, self.taken = like, [], 0

    def tensor(self, *shape):
        """Return a tensor, whose numbers are any."""
        if self.taken == len(self.tensors):
            self.tensors.append(self.like.new_empty(shape))
        self.taken += 1
        return self.tensors[self.taken - 1].view(shape)

    def free(self):
        """From now on, give the same tensors again."""
        self.taken = 0


class Net:
    """One U-Net of FRCRN on x [shape=(frames, frequencies, 2)]."""

    def __init__(self, unet, dtype):
        last = unet.model_length - 1
        over = [None, *(self._memory(unet.fsmn_enc[i], dtype) for i in range(1, last + 1))]
        self.downs = [EncoderStage(over[i], unet.encoders[i], dtype) for i in range(last + 1)]
        over = [*(self._memory(unet.fsmn_dec[i], dtype) for i in range(last)), None]
        self.ups = [DecoderStage(over[i], unet.decoders[i], dtype) for i in range(last + 1)]
        bottom = unet.fsmn
        self.bottom = [
            ComplexFSMN(bottom.fsmn_re_L1, bottom.fsmn_im_L1, dtype),
            ComplexFSMN(bottom.fsmn_re_L2, bottom.fsmn_im_L2, dtype),
        ]
        re, im = unet.linear.conv_re, unet.linear.conv_im
        a, b = (layer.weight.flatten() for layer in (re, im))
        self.matrix = torch.stack([torch.cat([a, b]), torch.cat([-b, a])])  # (2, 2)
        self.bias, self.unet = torch.cat(complex_bias(re, im)), unet

    @staticmethod
    def _memory(layer, dtype):
        return ComplexFSMN(layer.fsmn_re_L1, layer.fsmn_im_L1, dtype)

    def __call__(self, x, room, on_stage):
        """Return the U-Net's output [shape=(frames, frequencies, 2)]."""
        skips, last = [], len(self.downs) - 1
        for i, down in enumerate(self.downs):
            x, mean = down(x, room)
            on_stage(f"encoder{i}", x)
            if i < last:
                skips.append((x, gain(self.unet.se_layers_enc[i], mean)))
        if x.shape[1] != 1:
            raise ValueError(f"{x.shape[1]} frequencies at the bottom of the U-Net, not 1")
        x = self.bottom[1](self.bottom[0](x.transpose(0, 1))).transpose(0, 1)
        on_stage("fsmn", x)
        pair, skip = (x, None), None
        for i, up in enumerate(self.ups):
            x, mean = up(pair, skip, room)
            on_stage(f"fsmn_dec{i}" if i < last else f"decoder{i}", x)
            if i < last:
                weigh = gain(self.unet.se_layers_dec[i], mean) if i < last - 1 else None
                pair, skip = (x, weigh), skips.pop()
        return x.to(self.matrix.dtype) @ self.matrix + self.bias


class Denoiser:
    """FRCRN in the fast order; called like ModelScope's model, {"noisy": (1, n)}."""

    PROBE = 3200  # samples of noise on which it is compared with ModelScope's layers

    def __init__(self, model, dtype=torch.float32):
        self.model, self.net, self.dtype = model, model.model, dtype
        with torch.no_grad():
            self.first, self.second = (Net(u, dtype) for u in (self.net.unet, self.net.unet2))

    def __call__(self, inputs, on_stage=None):
        """Return {"wav_l2": speech (1, n)}; `on_stage(name, output)` is called after each stage."""
        on_stage = on_stage or (lambda name, output: None)
        spec = self.net.stft(inputs["noisy"])  # (1, 2 freqs, frames)
        if len(spec) != 1:
            raise ValueError(f"one recording at a time, not {len(spec)}")
        x = spec.view(2, -1, spec.shape[-1]).permute(2, 1, 0)  # (frames, freqs, 2)
        room = Room(x.to(self.dtype))
        one = self.first(room.like, room, lambda name, y: on_stage(f"model.unet.{name}", y))
        room.free()
        two = one.to(self.dtype)
        two = self.second(two, room, lambda name, y: on_stage(f"model.unet2.{name}", y))
        mask = torch.complex(*(torch.tanh(one) + torch.tanh(two)).unbind(-1))
        speech = torch.complex(*x.unbind(-1)) * mask
        parts = torch.cat([speech.real.T, speech.imag.T])[None]
        return {"wav_l2": self.net.istft(parts).squeeze(1)}

    @staticmethod
    def like(ours, theirs):
        """Bring a stage's output into ModelScope's layout, (1, channels, freqs, frames, 2)."""
        if theirs.dim() == 5:
            ours = ours.unflatten(2, (2, -1)).permute(3, 1, 0, 2)
        return ours, theirs.reshape(ours.shape)


def pieces(frames, places):
    """Cut frames into (start, stop) of ROWS rows or fewer."""
    step = max(4, ROWS // places // 4 * 4)  # four at a time are cheaper
    return [(start, min(start + step, frames)) for start in range(0, frames, step)]


def gain(layer, mean):
    """Squeeze-and-excitation: one gain a channel from the means."""
    real, imag = mean[None].to(layer.fc_r[0].weight.dtype).chunk(2, 1)
    re, im = layer.fc_r(real) - layer.fc_i(imag), layer.fc_r(imag) + layer.fc_i(real)
    return torch.cat([re, im], 1)[0]


def join_skip(x, skip, start, stop):
    """Join a piece of two (tensor, gain) pairs along the channels, real parts first."""
    if skip is None:
        return x[0][start:stop]
    places, half = x[0].shape[1], x[0].shape[2] // 2
    part = x[0].new_empty(stop - start, places, 2, 2, half)  # (.., [re, im], [x, skip], half)
    for i, (tensor, weigh) in enumerate((x, skip)):
        piece = tensor[start:stop].unflatten(2, (2, half))
        if weigh is None:
            part[..., i, :] = piece
        else:
            torch.mul(piece, weigh.to(tensor.dtype).view(2, half), out=part[..., i, :])
    return part.flatten(2)
