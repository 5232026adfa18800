"""Cache-blocked MossFormer inference: the frames go through each block a few at a time.

The norms' gains are folded into the products after them, both projections of a block's input are
one product, the attentions over v and u are one, and a depthwise convolution never leaves the
layout (frames, channels) of its neighbors. Products go to the faster library (`products`). The
arithmetic stays MossFormer's; `fast` holds it to ModelScope's layers. Taught in 11_long_and_fast.
"""

import torch
import torch.nn.functional as F

from helpers.networks.products import product

FRAMES = 512  # in one piece of a block


class Projection:
    """Scale norm, linear layer, SiLU and depthwise convolution (FFConvM), piece after piece."""

    def __init__(self, layers, dtype):
        norm = layers[0].mdl[0]
        if any(layer.mdl[0].eps != norm.eps for layer in layers):
            raise ValueError("two norms of one input differ")
        self.eps, self.unit = norm.eps, norm.scale
        self.weight = torch.cat([a.mdl[1].weight * a.mdl[0].g for a in layers]).to(dtype)
        self.bias = torch.cat([layer.mdl[1].bias for layer in layers]).to(dtype)
        taps = torch.cat([layer.mdl[3].sequential[1].conv.weight for layer in layers])
        self.side = taps.shape[-1] // 2
        taps[..., self.side] += 1  # the module adds its input
        self.taps = taps.unsqueeze(2).to(dtype)  # (channels, 1, 1, taps)

    def __call__(self, parts, frames):
        """Take pieces (frames, features), give pieces of the output.

        A piece's convolution reaches into both neighbors: what falls there is added to theirs, so
        each piece of the output ends `side` frames before that of the input, but for the last.
        """
        side, at = self.side, 0
        late = self.weight.new_zeros(2 * side, len(self.bias))
        for part in parts:
            y = self._spread(self._linear(part))
            y[: 2 * side] += late
            late, start = y[len(part) :], 0 if at else side
            at += len(part)
            yield y[start : len(part) + (side if at == frames else 0)]

    def _linear(self, part):
        size = part.norm(dim=-1, keepdim=True) * self.unit
        part = (part / size.clamp(min=self.eps)).to(self.weight.dtype)
        return product(part, self.weight, self.bias, "swish")

    def _spread(self, hidden):
        """Convolve to the last frame that a tap touches, on both sides."""
        picture = hidden[None, None].permute(0, 3, 1, 2)  # (1, channels, 1, frames)
        pad = {"padding": (0, 2 * self.side)}
        return F.conv2d(picture, self.taps, groups=hidden.shape[1], **pad)[0, :, 0].T


class Block:
    """One MossFormer block, in place on x [shape=(frames, features)]."""

    def __init__(self, block, dtype):
        if block.causal or not block.shift_tokens:
            raise ValueError("a causal MossFormer, or one that does not shift its tokens")
        self.block, self.dtype = block, dtype
        self.in_proj = Projection([block.to_hidden, block.to_qk], dtype)
        self.out_proj = Projection([block.to_out], dtype)
        self.wide = len(block.to_hidden.mdl[1].bias)  # of v and u together

    def __call__(self, x, rotary, room):
        """Add what the block has to say to x.

        `rotary` rotates queries and keys by their place; `room` [shape=(frames, v and u)] is
        written to: memory that every block asked for anew would cost as much as its convolutions.
        """
        n, at, seen = len(x), 0, []  # pieces of v and u beside each other, with queries and keys
        for part in self.in_proj(self._shifted(x), n):
            inside = slice(at, at + len(part))
            room[inside] = part[:, : room.shape[1]]
            seen.append((room[inside], self._heads(part[:, room.shape[1] :], rotary[inside])))
            at += len(part)
        context = sum(product(lin_k.T, vu.T).float() for vu, (*_, lin_k) in seen)
        context, at = (context / n).to(self.dtype), 0
        attended = (self._attended(vu, heads, context) for vu, heads in seen)
        for part in self.out_proj(attended, n):
            x[at : at + len(part)] += part
            at += len(part)

    def _shifted(self, x):
        """Pieces of x whose first half of features comes from the frame before.

        The first one is longer by as much as the convolutions come late: so the pieces after them
        hold whole groups.
        """
        group, half, start = self.block.group_size, -(-x.shape[1] // 2), 0
        step, late = group * max(1, FRAMES // group), self.in_proj.side
        while start < len(x):
            stop = min((start or late) + step, len(x))
            part = x[start:stop].clone()
            part[1:, :half] = x[start : stop - 1, :half]
            part[0, :half] = x[start - 1, :half] if start else 0
            yield part
            start = stop

    def _heads(self, qk, rotary):
        """Quadratic and linear queries, then quadratic and linear keys."""
        scale = self.block.qk_offset_scale
        heads = qk.float()[:, None] * scale.gamma + scale.beta  # (frames, heads, features)
        pairs = torch.view_as_complex(heads[..., : 2 * rotary.shape[1]].unflatten(-1, (-1, 2)))
        heads[..., : 2 * rotary.shape[1]] = torch.view_as_real(pairs * rotary[:, None]).flatten(-2)
        quad_q, lin_q, quad_k, lin_k = heads.to(self.dtype).unbind(1)
        return quad_q, lin_q, quad_k, lin_k

    def _attended(self, vu, heads, context):
        """Gated attention of a piece, over each of its groups and over all."""
        quad_q, lin_q, quad_k, _ = heads
        found, group = product(lin_q, context.T), self.block.group_size
        for g in range(0, len(vu), group):
            inside = slice(g, g + group)
            weights = product(quad_q[inside] / group, quad_k[inside], then="relu").square_()
            found[inside] += product(weights, vu[inside].T)
        (v, u), (of_v, of_u) = vu.chunk(2, 1), found.chunk(2, 1)
        return (of_u * v).mul_((of_v * u).sigmoid_()).float()


class Separator:
    """MossFormer in the fast order; called like ModelScope's model, on a mixture (1, n)."""

    PROBE = 2000  # samples of noise on which it is compared with ModelScope's layers

    def __init__(self, model, dtype=torch.float32):
        self.model, self.encoder, self.num_spks = model, model.encoder, model.num_spks
        self.masks, self.dtype = model.mask_net, dtype
        within = self.masks.mdl.att_mdl
        with torch.no_grad():
            self.blocks = [Block(block, dtype) for block in within.mossformerM.layers]
        self.last_norm = within.norm

    def __call__(self, mixture, on_stage=None):
        """Return the sources (1, n, speakers); call `on_stage(name, output)` after each block."""
        if len(mixture) != 1:
            raise ValueError(f"one recording at a time, not {len(mixture)}")
        masks = self.masks
        features = self.encoder(mixture)[0].T.contiguous()  # (frames, filters)
        x = masks.norm(features.T[None])[0].T @ masks.conv1d_encoder.weight[:, :, 0].T
        x = x + masks.pos_enc(x[None]) if masks.use_global_pos_enc else x
        inside, rotary = x.clone(), self._rotary(len(x))
        room = inside.new_empty(len(x), self.blocks[0].wide, dtype=self.dtype)
        for i, block in enumerate(self.blocks):
            block(inside, rotary, room)
            if on_stage:
                on_stage(f"mask_net.mdl.att_mdl.mossformerM.layers.{i}", inside)
        inside = masks.mdl.att_norm(self.last_norm(inside[None])[0].T[None])[0].T
        x = inside + x if masks.mdl.skip_connection else inside
        found = [self._sources(x[at : at + FRAMES], features[at : at + FRAMES])
                 for at in range(0, len(x), FRAMES)]  # fmt: skip
        found = torch.cat(found, 1)  # (speakers, frames, samples of a frame)
        (hop,), wide = self.model.decoder.stride, found.shape[-1]
        n = (len(x) - 1) * hop + wide
        waves = F.fold(found.mT, (1, n), (1, wide), stride=(1, hop))[:, 0, 0]  # (speakers, n)
        return F.pad(waves, (0, mixture.shape[1] - n)).T[None]

    def _rotary(self, n):
        """Unit numbers by which pairs of features turn [shape=(n, pairs)]."""
        freqs = self.blocks[0].block.rotary_pos_emb.freqs
        angles = torch.arange(n, dtype=freqs.dtype, device=freqs.device)[:, None] * freqs
        return torch.polar(torch.ones_like(angles), angles)

    def _sources(self, x, features):
        """Frames of each speaker's sound, before they overlap."""
        masks, decoder = self.masks, self.model.decoder
        y = _pointwise(masks.conv1d_out, masks.prelu(x)).unflatten(1, (self.num_spks, -1))
        values, gates = (
            activation(_pointwise(conv, y))
            for conv, activation in (masks.output, masks.output_gate)
        )
        y = masks.activation(_pointwise(masks.conv1_decoder, values * gates))
        weight = decoder.weight[:, 0].T  # (samples of a frame, filters)
        return product(y * features[:, None], weight, decoder.bias).transpose(0, 1)

    @staticmethod
    def like(ours, theirs):
        """Bring a block's output into ModelScope's layout."""
        return ours, theirs.reshape(ours.shape)


def _pointwise(conv, x):
    """A convolution of one frame, on x [shape=(.., in)]."""
    return product(x, conv.weight[:, :, 0], conv.bias)
