"""Train the embedded FRCRN: noisy speech in, clean speech out, by a complex mask.

    python run.py train denoising --minutes 10
    python -m training.denoising --full --minutes 120

From -5 to 20 dB over every noise kind, SNR on both U-Nets plus a spectral distance. Both masks
start real and positive, nearer to letting all pass than to the library's random sign.
"""

import os

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import torch

from helpers.networks import NETWORKS
from helpers.networks.frcrn import HOP, apply
from training import cli, loop, testset
from training.data import Corpus
from training.published import configure
from training.separation import si_sdr

RATE = 16000
CONFIG = {"channels": 32, **NETWORKS["frcrn"].sizes}


def build(config=CONFIG):
    """The narrow FRCRN, its masks real and positive at the start."""
    from helpers.networks.frcrn_mini import NarrowFRCRN

    return start(NarrowFRCRN(**config))


def start(net):
    """Make both masks real and positive; return the network."""
    for unet, value in ((net.unet, 0.6), (net.unet2, 0.3)):
        # real part of the bias = re - im, imaginary part = re + im
        torch.nn.init.constant_(unet.linear.conv_re.bias, value / 2)
        torch.nn.init.constant_(unet.linear.conv_im.bias, -value / 2)
        for part in (unet.linear.conv_re, unet.linear.conv_im):
            torch.nn.init.uniform_(part.weight, -0.1, 0.1)  # so small that the bias decides
    return net


def example(corpus, rng, seconds=2.0, count=2):
    """A batch: (noisy, clean), each [shape=(batch, n)]."""
    pairs = [corpus.noisy(rng, int(seconds * RATE)) for _ in range(count)]
    return tuple(torch.from_numpy(np.stack(waves)) for waves in zip(*pairs, strict=True))


def magnitudes(wave):
    """Compressed STFT magnitudes, which weigh quiet parts more than power does."""
    window = torch.hann_window(512, device=wave.device)
    spec = torch.stft(wave, 512, 128, window=window, return_complex=True)
    return (spec.real**2 + spec.imag**2 + 1e-7) ** 0.15


def snr(estimate, reference, most=30):
    """SNR in dB over the last axis; what is past `most` is good enough."""
    noise = (estimate - reference).square().sum(-1)
    return 10 * torch.log10((reference.square().sum(-1) + 1e-8) / (noise + 1e-8)).clamp(max=most)


def loss_of(net, batch):
    """The loss of a batch: see `distance`."""
    from helpers.networks.fast import has_bfloat16
    from helpers.networks.frcrn_layers import frcrn

    noisy, clean = batch
    return distance(*frcrn(net, noisy, autocast=has_bfloat16()), clean, HOP)


def distance(first, second, clean, hop):
    """Negative SNR of both stages plus the distance of compressed spectra of the second.

    SNR and not SI-SDR: that one is blind to level and sign, and a first run that used it learnt a
    speech upside down. The library's ISTFT divides by almost nothing in the first and last hop.
    """
    first, second, target = (wave[:, hop:-hop] for wave in (first, second, clean))
    fit = snr(second, target).mean() + 0.3 * snr(first, target).mean()
    spectra = (magnitudes(second) - magnitudes(target)).abs().mean()
    return -fit + 20 * spectra


def denoise(net, noisy):
    """Denoise one array: the input's length, a hop of margin at both ends."""
    from helpers.networks.frcrn_layers import frcrn

    return apply(lambda given: {"wav_l2": frcrn(net, given["noisy"])[1]}, noisy)[0]


def gains(net, items, denoise=denoise):
    """SI-SDR gain in dB of every test item."""
    found = []
    for _, noisy, clean in items:
        target = torch.from_numpy(clean)
        after = si_sdr(torch.from_numpy(denoise(net, noisy)), target)
        found.append((after - si_sdr(torch.from_numpy(noisy), target)).item())
    return np.array(found)


def export(weights, folder, config=CONFIG):
    """Write a model folder in ModelScope's layout."""
    from helpers.networks.frcrn_registered import FIXED

    folder.mkdir(parents=True, exist_ok=True)
    learnt = {name: value.clone() for name, value in weights.items() if name not in FIXED}
    torch.save(learnt, folder / "pytorch_model.bin")
    configure(NETWORKS["frcrn"], folder, config)


def begin_with(net, folder):
    """Load the weights of a model folder, to train on from there."""
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    net.load_state_dict(net.state_dict() | state)


def main():
    """Train, and say how good it is."""
    args = cli.arguments(__doc__, "denoising", 1e-3)
    clean_enough = {"min_floor": 35} if args.full else {}
    net, corpus = build(), Corpus(full=args.full, min_band=6000, **clean_enough)
    if args.start:
        begin_with(net, args.start)
    sets = {snr: testset.noisy(snr, 16, 3.0) for snr in (0, 5, 10, 15)}
    cli.introduce(net, corpus)

    def score(net):
        means = {f"gain_{snr}": gains(net, items).mean() for snr, items in sets.items()}
        return {"gain": np.mean(list(means.values())), **means}

    rows = loop.train(net, lambda rng: example(corpus, rng), loss_of, score, args)
    cli.finish(rows, args, "SI-SDR gain (dB)", export)


if __name__ == "__main__":
    main()
