"""MossFormer's layers in an order that a CPU likes: the same arithmetic, the same parameters.

The two attentions over v and u become one product, and the depthwise convolution stays in the
layout (batch, time, channels) that its neighbors use. Tests hold both to ModelScope's layers.
"""

from types import MethodType

import torch
import torch.nn.functional as F
from torch import nn


class DepthwiseConv(torch.autograd.Function):
    """Depthwise convolution over time of x [shape=(batch, time, channels)], 'same' padding.

    PyTorch's own gradient of the weight is a third of MossFormer's training time on a CPU; a sum
    over the taps, one product each, is several times as fast.
    """

    @staticmethod
    def forward(ctx, x, weight):
        """Convolve; weight [shape=(channels, 1, taps)]."""
        ctx.save_for_backward(x, weight)
        return _depthwise(x, weight)

    @staticmethod
    def backward(ctx, grad):
        """Gradients of x (the same convolution, taps reversed) and of the weight."""
        x, weight = ctx.saved_tensors
        taps = weight.shape[-1]
        wide = F.pad(x, (0, 0, taps // 2, taps // 2))
        found = DepthwiseConv.weight_gradient(wide, grad, taps).to(weight.dtype)
        return _depthwise(grad, weight.flip(-1)), found.unsqueeze(1)

    @staticmethod
    def weight_gradient(wide, grad, taps):
        """Gradient of the weight [shape=(channels, taps)]: one sum of products a tap.

        `training.compiled` puts a compiled form in its place, which keeps the products in the
        processor's cache: some 20 times as fast.
        """
        frames = grad.shape[1]
        return torch.stack([(wide[:, j : j + frames] * grad).sum((0, 1)) for j in range(taps)], -1)


def _depthwise(x, weight):
    side = weight.shape[-1] // 2
    y = F.conv2d(
        x.transpose(1, 2).unsqueeze(2), weight.unsqueeze(2), padding=(0, side), groups=x.shape[-1]
    )
    return y.squeeze(2).transpose(1, 2)


def moss_conv(module, x):
    """MossFormer's convolution module: x plus its depthwise convolution over time."""
    weight = module.sequential[1].conv.weight.to(x.dtype)
    return x + (DepthwiseConv.apply if torch.is_grad_enabled() else _depthwise)(x, weight)


def rotary(embedding, x):
    """Turn pairs of features of x [shape=(.., n, dim)] by an angle that grows with their place."""
    each = embedding.freqs.repeat_interleave(2)
    angles = torch.arange(x.shape[-2], device=x.device)[:, None] * each  # (n, dim)
    cos, sin = angles.cos(), angles.sin()
    turned, rest = x[..., : cos.shape[-1]], x[..., cos.shape[-1] :]
    pairs = turned.reshape(*turned.shape[:-1], -1, 2)
    across = torch.stack((-pairs[..., 1], pairs[..., 0]), -1).reshape(turned.shape)
    return torch.cat(((turned * cos + across * sin).to(x.dtype), rest), -1)


def moss_attention(block, x, quad_q, lin_q, quad_k, lin_k, v, u, mask=None):
    """MossFormer's joint attention: v and u attended to together, in chunks and over all."""
    batch, n, group = x.shape[0], x.shape[1], block.group_size
    heads = (quad_q, lin_q, quad_k, lin_k)
    quad_q, lin_q, quad_k, lin_k = (rotary(block.rotary_pos_emb, head) for head in heads)
    vu = torch.cat((v, u), -1)
    global_context = lin_q @ ((lin_k.transpose(1, 2) @ vu) / n)
    pad = (group - n % group) % group  # a length that is traced has no `-n`
    quad_q, quad_k, vu = (F.pad(t, (0, 0, 0, pad)) for t in (quad_q, quad_k, vu))
    q, k, vu = (t.reshape(batch, -1, group, t.shape[-1]) for t in (quad_q, quad_k, vu))
    weights = block.dropout(
        F.relu(q @ k.transpose(-1, -2) / group) ** 2
    )  # (batch, chunks, group, group)
    in_chunks = (weights @ vu).reshape(batch, n + pad, -1)[:, :n]
    return (in_chunks + global_context).chunk(2, -1)


def speed_up(model):
    """Let every layer of a ModelScope MossFormer (not causal) use the two functions above."""
    for module in model.modules():
        if type(module).__name__ == "MossFormerConvModule":
            module.forward = MethodType(moss_conv, module)
        elif type(module).__name__ == "MossFormerBlock" and not module.causal:
            module.cal_attention = MethodType(moss_attention, module)
    return model


class Graph(nn.Module):
    """MossFormer on a mixture [shape=(1, n)] as ONNX can hold it; gives sources (sources, n).

    n fills a whole number of frames: `networks.framed.apply` pads.
    """

    def __init__(self, model):
        super().__init__()
        self.model = speed_up(model)

    def forward(self, mixture):
        """Encode, mask, decode; as the model does, without its checks of length."""
        seen = self.model.encoder(mixture)  # (1, features, frames)
        masks = self.model.mask_net(seen)  # (sources, 1, features, frames)
        return torch.cat([self.model.decoder(seen * mask) for mask in masks.unbind(0)])
