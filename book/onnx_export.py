"""The embedded models as ONNX files, for the page on which they run in the reader's browser.

The graphs hold the same arithmetic as ModelScope's layers, in a form that traces: rotary angles
from a range instead of a cache, batch norms folded into the convolutions before them. Lengths
stay free. Before a file is kept it has to give what the model gives. Weights are read at each
build, so a retrained model needs no other step than building the site.
"""

import hashlib
import io
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from book.lessons import write
from helpers import fast_frcrn, models
from helpers.denoise import HOP

CLOSE = 60  # dB: how near the file's output must be to the model's, in float32


class Separator(nn.Module):
    """MossFormer on mixture [shape=(1, n)]; n a whole number of frames. Gives (speakers, n)."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        for module in model.modules():
            kind = type(module).__name__
            if kind == "MossFormerBlock":
                module.cal_attention = attention.__get__(module)
            elif kind == "MossFormerConvModule":
                module.forward = depthwise.__get__(module)

    def forward(self, mixture):
        """Encode, mask, decode; as the model does, without its checks of length."""
        seen = self.model.encoder(mixture)  # (1, features, frames)
        masks = self.model.mask_net(seen)  # (speakers, 1, features, frames)
        return torch.cat([self.model.decoder(seen * mask) for mask in masks.unbind(0)])


def attention(block, x, quad_q, lin_q, quad_k, lin_k, v, u, mask=None):
    """MossFormer's joint attention: in chunks and over all, on v and u together."""
    n, group = x.shape[1], block.group_size
    angles = torch.arange(n)[:, None] * block.rotary_pos_emb.freqs.repeat_interleave(2)  # (n, dim)
    cos, sin = angles.cos(), angles.sin()
    quad_q, lin_q, quad_k, lin_k = (
        rotate(each, cos, sin) for each in (quad_q, lin_q, quad_k, lin_k)
    )
    vu = torch.cat((v, u), -1)
    over_all = lin_q @ ((lin_k.transpose(1, 2) @ vu) / n)
    pad = (group - n % group) % group
    quad_q, quad_k, wide = (
        F.pad(each, (0, 0, 0, pad)).reshape(-1, group, each.shape[-1])
        for each in (quad_q, quad_k, vu)
    )  # (chunks, group, features)
    weights = F.relu(quad_q @ quad_k.transpose(1, 2) / group) ** 2
    in_chunks = (weights @ wide).reshape(1, -1, wide.shape[-1])[:, :n]
    return (in_chunks + over_all).chunk(2, -1)


def rotate(x, cos, sin):
    """Turn pairs of features by an angle that grows with time; what has no angle stays."""
    turned, rest = x[..., : cos.shape[-1]], x[..., cos.shape[-1] :]
    pairs = turned.reshape(*turned.shape[:-1], -1, 2)
    across = torch.stack((-pairs[..., 1], pairs[..., 0]), -1).reshape(turned.shape)
    return torch.cat((turned * cos + across * sin, rest), -1)


def depthwise(module, x):
    """MossFormer's convolution module: x plus its depthwise convolution over time."""
    return x + module.sequential[1].conv(x.transpose(1, 2)).transpose(1, 2)


class Denoiser(nn.Module):
    """FRCRN on noisy [shape=(1, n)]; n a whole number of hops. Gives speech (1, n).

    The first and the last hop are not of use: silence goes there.
    """

    def __init__(self, model):
        super().__init__()
        self.net = model.model
        self.nets = nn.ModuleList([Net(self.net.unet), Net(self.net.unet2)])

    def forward(self, noisy):
        """Transform, mask twice, transform back."""
        spec = self.net.stft(noisy)  # (1, 2 bins, frames)
        first = self.nets[0](spec.reshape(1, 2, self.net.feat_dim, -1))
        mask = torch.tanh(first) + torch.tanh(self.nets[1](first))
        (sr, si), (mr, mi) = spec.chunk(2, 1), mask.unbind(1)
        speech = torch.cat([sr * mr - si * mi, sr * mi + si * mr], 1)  # (1, 2 bins, frames)
        # The library divides by the sum of squared windows, which is 1 but for the ends.
        return F.conv_transpose1d(speech, self.net.istft.weight, stride=HOP).squeeze(1)


class Net(nn.Module):
    """One U-Net of FRCRN on x [shape=(1, 2, freq, time)], real part first."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet
        self.down = nn.ModuleList([folded(stage.conv, stage.bn) for stage in unet.encoders])
        self.up = nn.ModuleList([folded(stage.transconv, stage.bn) for stage in unet.decoders])

    def forward(self, x):
        """Go down and up again, with a memory over frequency and a gain at most stages."""
        unet, skips, last = self.unet, [], self.unet.model_length - 1
        for i, conv in enumerate(self.down):
            x = fast_frcrn.frequency_memory(unet.fsmn_enc[i], x) if i > 0 else x
            x = F.leaky_relu(conv(x))
            skips.append(fast_frcrn.excite(unet.se_layers_enc[i], x) if i < last else None)
        x = fast_frcrn.time_memory(unet.fsmn, x)
        for i, conv in enumerate(self.up):
            x = F.leaky_relu(conv(x))
            if i == last:
                return fast_frcrn.complex_conv(unet.linear, x)
            x = fast_frcrn.frequency_memory(unet.fsmn_dec[i], x)
            x = fast_frcrn.excite(unet.se_layers_dec[i], x) if i < last - 1 else x
            (xr, xi), (sr, si) = x.chunk(2, 1), skips[last - 1 - i].chunk(2, 1)
            x = torch.cat([xr, sr, xi, si], 1)


def folded(conv, norm):
    """Make one real convolution of a complex one and the complex batch norm after it."""
    upwards = hasattr(conv, "tconv_re")
    re, im = (conv.tconv_re, conv.tconv_im) if upwards else (conv.conv_re, conv.conv_im)
    first, second = (im.weight, -im.weight) if upwards else (-im.weight, im.weight)
    rows = torch.cat([re.weight, first], 1), torch.cat([second, re.weight], 1)
    bias = torch.cat([re.bias - im.bias, re.bias + im.bias])
    scale, shift = [], []
    for bn in (norm.bn_re, norm.bn_im):
        scale.append(bn.weight * torch.rsqrt(bn.running_var + bn.eps))
        shift.append(bn.bias - bn.running_mean * scale[-1])
    scale, shift = torch.cat(scale), torch.cat(shift)
    made = type(re)(2 * re.in_channels, 2 * re.out_channels, re.kernel_size, re.stride, re.padding)
    spread = scale[None, :, None, None] if upwards else scale[:, None, None, None]
    made.weight = nn.Parameter(torch.cat(rows) * spread)
    made.bias = nn.Parameter(bias * scale + shift)
    return made


GRAPHS = {"mossformer": (Separator, 8000 + 16), "frcrn": (Denoiser, 16000)}


def export(folder, kinds=tuple(GRAPHS)):
    """Write <kind>.onnx into a folder for each model whose weights or recipe have changed."""
    for kind in kinds:
        found = models.resolve(kind, tier="embedded", quiet=True)
        recipe = [Path(__file__), *sorted(found.path.glob("*.bin"))]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in recipe)).hexdigest()
        stamp, file = folder / f"{kind}.stamp", folder / f"{kind}.onnx"
        if file.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(converted(kind))
        write(stamp, digest)


def converted(kind):
    """Return an embedded model as the bytes of an ONNX file, checked against the model."""
    import copy

    import onnxruntime

    model = models.pipeline(kind, tier="embedded", quiet=True).model
    wrap, length = GRAPHS[kind]
    # Deep copies share nothing with the pipeline, which others use and which stays as it is.
    graph, stream = wrap(copy.deepcopy(model)).eval(), io.BytesIO()
    torch.manual_seed(0)
    noise = 0.1 * torch.randn(1, 2 * length)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the check below is of another length
        torch.onnx.export(
            graph,
            (noise[:, :length],),
            stream,
            dynamo=False,  # ten times as fast as its successor, and lengths stay free
            opset_version=17,
            input_names=["heard"],
            output_names=["told"],
            dynamic_axes={"heard": {1: "n"}, "told": {1: "n"}},
        )
        wanted = model(noise) if kind == "mossformer" else model({"noisy": noise})["wav_l2"]
    wanted = wanted[0].T.numpy() if kind == "mossformer" else wanted.numpy()
    session = onnxruntime.InferenceSession(stream.getvalue(), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {"heard": noise.numpy()})
    given, wanted = given[:, HOP:-HOP], wanted[:, HOP:-HOP]
    error = np.square(given - wanted, dtype=np.float64).sum()
    near = 10 * np.log10(np.square(wanted, dtype=np.float64).sum() / error)
    if not near > CLOSE:
        raise ValueError(f"{kind}.onnx is only {near:.0f} dB from the model, not {CLOSE} dB")
    return stream.getvalue()


if __name__ == "__main__":
    try:
        export(Path(sys.argv[1]))
    except ValueError as problem:
        sys.exit(str(problem))
