"""FRCRN with fewer channels: the embedded denoiser, registered in ModelScope's registry.

The published FRCRN has 128 channels written into its U-Net, so no configuration can shrink it. This
module builds the same network from ModelScope's own layers with `channels` instead of 128; every
forward pass is the library's. Importing it registers the class as "frcrn_mini", and ModelScope's
noise-suppression pipeline then runs it like the published one. Taught by lessons 07 and 08.
"""

from modelscope.models.audio.ans import complex_nn, frcrn, unet
from modelscope.models.audio.ans.se_module_complex import SELayer
from torch import nn

from helpers.networks.frcrn_registered import Registered, register


class NarrowUNet(unet.UNet):
    """ModelScope's U-Net (depth 14) with `channels` features a layer; `forward` is inherited."""

    def __init__(self, channels):
        nn.Module.__init__(self)
        self.set_size(model_complexity=45, model_depth=14)
        wide = {64: channels // 2, 128: channels, 1: 1}
        enc = [wide[c] for c in self.enc_channels]
        dec = [wide[c] for c in self.dec_channels]
        self.model_length = len(enc) - 1
        self.encoders, self.fsmn_enc, self.se_layers_enc = [], [], []
        self.decoders, self.fsmn_dec, self.se_layers_dec = [], [], []
        self.fsmn = complex_nn.ComplexUniDeepFsmn(channels, channels, channels)
        for i in range(self.model_length):
            if i > 0:
                self._keep("fsmn_enc", i, memory(channels))
            self._keep("encoder", i, self._encoder(i, enc[i], enc[i + 1]))
            self._keep("se_layer_enc", i, SELayer(enc[i + 1], 8))
        for i in range(self.model_length):
            self._keep("decoder", i, self._decoder(i, dec[i] * 2, dec[i + 1]))
            if i < self.model_length - 1:
                self._keep("fsmn_dec", i, memory(channels))
            if i < self.model_length - 2:
                self._keep("se_layer_dec", i, SELayer(dec[i + 1], 8))
        self.fsmn_enc.insert(0, None)  # the first stage has no memory: forward never reads it
        self.linear = complex_nn.ComplexConv2d(dec[-1], 1, 1)

    def _keep(self, name, i, layer):
        """Register a layer under the published checkpoint's name, and in the list forward reads."""
        self.add_module(f"{name}{i}", layer)
        plural = {"encoder": "encoders", "decoder": "decoders"}
        stems = {"se_layer_enc": "se_layers_enc", "se_layer_dec": "se_layers_dec"}
        getattr(self, plural.get(name) or stems.get(name) or name).append(layer)

    def _encoder(self, i, c_in, c_out):
        sizes = self.enc_kernel_sizes[i], self.enc_strides[i], self.enc_paddings[i]
        return unet.Encoder(c_in, c_out, *sizes, complex=True)

    def _decoder(self, i, c_in, c_out):
        sizes = self.dec_kernel_sizes[i], self.dec_strides[i], self.dec_paddings[i]
        return unet.Decoder(c_in, c_out, *sizes, complex=True)


def memory(channels):
    """One complex FSMN layer, as it stands between two stages of the U-Net."""
    return complex_nn.ComplexUniDeepFsmn_L1(channels, channels, channels)


class NarrowFRCRN(frcrn.FRCRN):
    """ModelScope's FRCRN with two narrow U-Nets; STFT, masks and losses are inherited."""

    def __init__(self, channels=32, **settings):
        super().__init__(**settings)
        self.unet = NarrowUNet(channels)
        self.unet2 = NarrowUNet(channels)


@register("frcrn_mini")
class FRCRNMini(Registered):
    """What ModelScope's pipeline builds for a folder whose configuration says "frcrn_mini"."""

    @staticmethod
    def network(settings):
        """Build the narrow FRCRN."""
        return NarrowFRCRN(**settings)
