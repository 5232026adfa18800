"""MossFormer's layers in an order that a CPU likes: the same arithmetic, the same parameters.

The two attentions over v and u become one product, and the depthwise convolution stays in the
layout (batch, time, channels) that its neighbours use. Tests hold both to ModelScope's layers.
"""

import torch
import torch.nn.functional as F


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
        taps, frames = weight.shape[-1], x.shape[1]
        wide = F.pad(x, (0, 0, taps // 2, taps // 2))
        grads = [(wide[:, j : j + frames] * grad).sum((0, 1)) for j in range(taps)]
        return _depthwise(grad, weight.flip(-1)), torch.stack(grads, -1).unsqueeze(1)


def _depthwise(x, weight):
    side = weight.shape[-1] // 2
    y = F.conv2d(x.mT.unsqueeze(2), weight.unsqueeze(2), padding=(0, side), groups=x.shape[-1])
    return y.squeeze(2).mT


def moss_conv(module, x):
    """MossFormer's convolution module: x plus its depthwise convolution over time."""
    weight = module.sequential[1].conv.weight
    return x + DepthwiseConv.apply(x, weight.to(x.dtype))


def moss_attention(block, x, quad_q, lin_q, quad_k, lin_k, v, u, mask=None):
    """MossFormer's joint attention: v and u attended to together, in chunks and over all."""
    batch, n, group = x.shape[0], x.shape[1], block.group_size
    rotate = block.rotary_pos_emb.rotate_queries_or_keys
    quad_q, lin_q, quad_k, lin_k = (rotate(t) for t in (quad_q, lin_q, quad_k, lin_k))
    vu = torch.cat((v, u), -1)
    over_all = lin_q @ ((lin_k.mT @ vu) / n)
    pad = -n % group
    quad_q, quad_k, vu = (F.pad(t, (0, 0, 0, pad)) for t in (quad_q, quad_k, vu))
    q, k, vu = (t.reshape(batch, -1, group, t.shape[-1]) for t in (quad_q, quad_k, vu))
    weights = block.dropout(F.relu(q @ k.mT / group) ** 2)  # (batch, chunks, group, group)
    in_chunks = (weights @ vu).reshape(batch, n + pad, -1)[:, :n]
    return (in_chunks + over_all).chunk(2, -1)


def speed_up(model):
    """Let every layer of a ModelScope MossFormer (not causal) use the two functions above."""
    from types import MethodType

    for module in model.modules():
        if type(module).__name__ == "MossFormerConvModule":
            module.forward = MethodType(moss_conv, module)
        elif type(module).__name__ == "MossFormerBlock" and not module.causal:
            module.cal_attention = MethodType(moss_attention, module)
    return model
