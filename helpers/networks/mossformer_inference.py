"""Cache-blocked MossFormer inference: the frames go through each block a few at a time.

The norms' gains are folded into the products after them, both projections of a block's input are
one product, the attentions over v and u are one, and a depthwise convolution never leaves the
layout (frames, channels) of its neighbors. The arithmetic stays MossFormer's; `fast`
holds it to ModelScope's layers. Taught in 11_long_and_fast.
"""

import torch
import torch.nn.functional as F

FRAMES = 512  # in one piece of a block


class Projection:
    """Scale norm, linear layer, SiLU and depthwise convolution (FFConvM), piece after piece."""

    def __init__(self, layers, dtype):
        for layer in layers:
            if layer.mdl[0].eps != layers[0].mdl[0].eps:
                raise ValueError("two norms of one input differ")
        norm = layers[0].mdl[0]
        self.eps, self.unit = norm.eps, norm.scale
        weight = [layer.mdl[1].weight * layer.mdl[0].g for layer in layers]
        self.weight = torch.cat(weight).T.contiguous().to(dtype)
        self.bias = torch.cat([layer.mdl[1].bias for layer in layers]).to(dtype)
        taps = torch.cat([layer.mdl[3].sequential[1].conv.weight for layer in layers]).clone()
        self.side = taps.shape[-1] // 2
        taps[..., self.side] += 1  # the module adds its input
        self.taps = taps.unsqueeze(2).to(dtype)  # (channels, 1, 1, taps)

    def __call__(self, parts):
        """Take pieces (frames, features), give (start, piece) of the output, some frames late."""
        edge = self.weight.new_zeros(self.side, len(self.bias))
        last, at = edge, 0
        for part in parts:
            last, y = self._spread(last, self._linear(part))
            yield at, y
            at += len(y)
        yield at, self._spread(last, edge)[1]

    def _linear(self, part):
        size = part.norm(dim=-1, keepdim=True) * self.unit
        part = (part / size.clamp(min=self.eps)).to(self.weight.dtype)
        return F.silu(torch.addmm(self.bias, part, self.weight), inplace=True)

    def _spread(self, last, hidden):
        """Convolve; the last frames are handed back and not kept here: threads share this."""
        hidden = torch.cat([last, hidden])
        last = hidden[-2 * self.side :]
        if len(hidden) <= 2 * self.side:
            return last, hidden[:0]
        picture = hidden[None, None].permute(0, 3, 1, 2)  # (1, channels, 1, frames)
        return last, F.conv2d(picture, self.taps, groups=hidden.shape[1])[0, :, 0].T


class Block:
    """One MossFormer block, in place on x [shape=(frames, features)]."""

    def __init__(self, block, dtype):
        if block.causal or not block.shift_tokens:
            raise ValueError("a causal MossFormer, or one that does not shift its tokens")
        self.block, self.dtype = block, dtype
        self.in_proj = Projection([block.to_hidden, block.to_qk], dtype)
        self.out_proj = Projection([block.to_out], dtype)
        self.keys = block.qk_offset_scale.gamma.shape[1]

    def __call__(self, x, rotary):
        """Add what the block has to say to x; `rotary` rotates queries and keys by their place."""
        n, wide = len(x), len(self.in_proj.bias)
        seen = x.new_empty(n, wide, dtype=self.dtype)  # v, u, and what queries and keys are of
        for start, part in self.in_proj(self._shifted(x)):
            seen[start : start + len(part)] = part
        vu, qk = seen.split([wide - self.keys, self.keys], 1)
        global_context, step = 0, self._step()
        for at in range(0, n, step):
            key = self._heads(qk[at : at + step], rotary[at : at + step])[3]
            global_context = global_context + (key.T @ vu[at : at + step]).float()
        global_context = (global_context / n).to(self.dtype)
        for start, part in self.out_proj(self._attended(vu, qk, rotary, global_context)):
            x[start : start + len(part)] += part

    def _step(self):
        group = self.block.group_size
        return group * max(1, FRAMES // group)

    def _shifted(self, x):
        """Pieces of x whose first half of features comes from the frame before."""
        half = -(-x.shape[1] // 2)
        for at in range(0, len(x), FRAMES):
            part = x[at : at + FRAMES].clone()
            part[1:, :half] = x[at : at + len(part) - 1, :half]
            part[0, :half] = x[at - 1, :half] if at else 0
            yield part

    def _heads(self, qk, rotary):
        """Quadratic and linear queries, then quadratic and linear keys."""
        scale = self.block.qk_offset_scale
        heads = qk.float()[:, None] * scale.gamma + scale.beta  # (frames, heads, features)
        pairs = torch.view_as_complex(heads[..., : 2 * rotary.shape[1]].unflatten(-1, (-1, 2)))
        heads[..., : 2 * rotary.shape[1]] = torch.view_as_real(pairs * rotary[:, None]).flatten(-2)
        quad_q, lin_q, quad_k, lin_k = heads.to(self.dtype).unbind(1)
        return quad_q, lin_q, quad_k, lin_k

    def _attended(self, vu, qk, rotary, global_context):
        """Pieces of gated attention, over the group and over all."""
        group, step = self.block.group_size, self._step()
        for at in range(0, len(vu), step):
            part = vu[at : at + step]
            quad_q, lin_q, quad_k, _ = self._heads(qk[at : at + step], rotary[at : at + step])
            found = lin_q @ global_context
            for g in range(0, len(part), group):
                inside = slice(g, g + group)
                weights = (quad_q[inside] @ quad_k[inside].T / group).relu_().square_()
                found[inside].addmm_(weights, part[inside])
            (v, u), (of_v, of_u) = part.chunk(2, 1), found.chunk(2, 1)
            yield (of_u * v).mul_((of_v * u).sigmoid_()).float()


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
        for i, block in enumerate(self.blocks):
            block(inside, rotary)
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
        masks, frames = self.masks, len(x)
        y = masks.conv1d_out(masks.prelu(x.T[None]))
        y = y.view(self.num_spks, -1, frames)
        y = masks.activation(masks.conv1_decoder(masks.output(y) * masks.output_gate(y)))
        sounds = (y.mT * features) @ self.model.decoder.weight[:, 0]
        return sounds if self.model.decoder.bias is None else sounds + self.model.decoder.bias

    @staticmethod
    def like(ours, theirs):
        """Bring a block's output into ModelScope's layout."""
        return ours, theirs.reshape(ours.shape)
