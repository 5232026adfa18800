"""Train the conversation model: up to three people and the noise, each on a track of their own.

    python run.py train conversation --minutes 10
    python -m training.conversation --full --minutes 120 --start models/mossformer_mini_8k

ModelScope's own MossFormer with four tracks: three voices in any order, and the noise on the last.
Sources that are there are scored by a thresholded SNR, tracks of absent ones by their energy
(Wisdom et al. 2021, arXiv 2011.00803); permutations are tried over the voices only.
"""

import itertools
import os

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import torch

from training import cli, compiled, loop, rooms, scenes, separation
from training.data import Corpus
from training.separation import export, si_sdr

RATE = 8000
CONFIG = separation.CONFIG | {"num_spks": 4}
VOICES = 3
MOST = 30.0  # dB: what a track is better than this, or an absent one quieter, is good enough
ABSENT = 0.15  # how much a decibel of an absent track counts against one of a present track
# Asked for silence too early, the network learns nothing else: a first run put all voices on one
# track within 400 steps, a second silenced the third track for good, though 30 % of its scenes had
# three people: what a rectifier has silenced gets no gradient to come back by. So an absent track
# need only be QUIET[0] dB down until step SOON[0], and QUIET[1] from step SOON[1] on; and until
# then half of the scenes have three people.
QUIET, SOON = (10.0, 30.0), (4000, 9000)
CROWDED = {0: 0.02, 1: 0.13, 2: 0.35, 3: 0.50}
LATE = ("conv1d_out", "output", "conv1_decoder", "prelu")  # mask_net's layers after the blocks
HEADS = 250  # steps in which only the layers after the blocks learn, when the blocks are borrowed
CONSISTENT = 0.1  # and one of the tracks' sum against the recording


def example(corpus, rng, bank=(), seconds=4.0, crowded=False):
    """A batch of sources [shape=(batch, 4, n)]: two scenes of half the length, or a long one."""
    count, people = int(rng.choice([1, 2, 2])), CROWDED if crowded else scenes.PEOPLE
    drawn = scenes.batch(corpus, rng, int(seconds * RATE) // count, count, bank, people)
    return torch.from_numpy(drawn)


def decibel(power):
    """Power to dB; digital silence is -120."""
    return 10 * torch.log10(power + 1e-12)


def there(sources):
    """Which sources are present [shape=(..., sources)]: all others are digital silence."""
    return sources.square().mean(-1) > 1e-10


def quiet(step):
    """How many dB under the recording an absent track is quiet enough, at that step."""
    share = (step - SOON[0]) / (SOON[1] - SOON[0])
    return QUIET[0] + (QUIET[1] - QUIET[0]) * min(1.0, max(0.0, share))


def track_losses(estimates, sources, mixture, down=MOST):
    """Loss of every track as every source [shape=(batch, tracks, sources)], in dB.

    Minus the SNR, at most MOST, where the source is there; where it is absent, the energy of the
    track against the recording's, at least -down, times ABSENT.
    """
    floor, silent = 10 ** (-MOST / 10), 10 ** (-down / 10)
    error = (estimates[:, :, None] - sources[:, None]).square().mean(-1)
    power = sources.square().mean(-1)[:, None]
    present = decibel(error + floor * power) - decibel(power)
    whole = mixture.square().mean(-1)[:, None, None]
    absent = decibel(estimates.square().mean(-1)[:, :, None] + silent * whole) - decibel(whole)
    return torch.where(there(sources)[:, None], present, ABSENT * absent)


def best_loss(estimates, sources, down=MOST):
    """Loss of a batch of tracks [shape=(batch, 4, n)] under the best order of the voices."""
    mixture = sources.sum(1)
    matrix = track_losses(estimates, sources, mixture, down)
    rows = range(VOICES)
    orders = [matrix[:, rows, order].sum(-1) for order in itertools.permutations(rows)]
    return torch.stack(orders).min(0).values + matrix[:, VOICES, VOICES]


def loss_of(model, sources, down=MOST):
    """Mean loss of the tracks under the best order, and of their sum against the recording."""
    estimates = tracks(model, sources.sum(1))
    mixture = sources.sum(1, keepdim=True)
    summed = track_losses(estimates.sum(1, keepdim=True), mixture, mixture[:, 0])
    return best_loss(estimates, sources, down).mean() / 4 + CONSISTENT * summed.mean()


def tracks(model, mixtures):
    """All tracks of mixtures [shape=(batch, n)]: [shape=(batch, 4, n)], float32."""
    with separation.precision(mixtures.device.type):
        return model(mixtures).float().mT


def thaw(model, step, heads=HEADS):
    """Let only the layers after the blocks learn for `heads` steps, then all.

    The two-speaker weights were trained by SI-SDR, which is blind to scale and sign: their first
    track is five times too loud and upside down. Gradients that mend that by way of the blocks
    undo the separation that they can do.
    """
    for name, parameter in model.named_parameters():
        late = name.startswith("decoder.") or any(f".{part}" in name for part in LATE)
        parameter.requires_grad_(late or step >= heads)


def widen(model, folder, scale=0.2):
    """Begin with the two-speaker weights; what has a row for each track gets two more.

    The third voice begins as the mean of the two, the noise as small random numbers: it is the
    only track that has its place from the start. `scale` brings the decoder, whose level SI-SDR
    did not see, near to the recording's.
    """
    for part in ("encoder", "decoder"):
        getattr(model, part).load_state_dict(torch.load(folder / f"{part}.bin", weights_only=True))
    old = torch.load(folder / "masknet.bin", weights_only=True)
    kept = {name: value for name, value in old.items() if "conv1d_out" not in name}
    model.mask_net.load_state_dict(kept, strict=False)
    out = model.mask_net.conv1d_out
    width = out.weight.shape[1]
    with torch.no_grad():
        for name, value in (("weight", out.weight), ("bias", out.bias)):
            first, second = old[f"conv1d_out.{name}"].split(width)
            mean = (first + second) / 2
            third = mean + 0.3 * first.std() * torch.randn_like(first)
            noise = 0.5 * first.std() * torch.randn_like(first)
            value.copy_(torch.cat([first, second, third, noise]))
        model.decoder.weight.mul_(scale)


def separate(model, mixture):
    """Tracks of one mixture array [shape=(4, n)]."""
    with torch.inference_mode():
        return model(torch.from_numpy(mixture)[None]).reshape(len(mixture), 4).T


def validation(corpus, count=24, seconds=3.0, bank=()):
    """Fixed scenes from the recordings that training leaves out: two and three, one, none."""
    found = []
    for i in range(count):
        rng = np.random.default_rng([11, i])
        people = (2, 1, 2, 3, 2, 1, 3, 0)[i % 8]
        snr = np.inf if i % 3 == 0 and people else float(rng.uniform(0, 15))
        scene = scenes.draw(corpus, rng, int(seconds * RATE), bank, people, snr, speeds=[1])
        found.append(np.concatenate([scene["voices"], scene["noise"][None]]))
    return torch.from_numpy(np.stack(found))


def score(model, sets):
    """Figures of validation scenes: the negative loss, and what a listener would ask for."""
    figures = {"loss": [], "two": [], "three": [], "one": [], "other": [], "noise": []}
    for sources in sets:
        estimate = separate(model, sources.sum(0).numpy())
        figures["loss"].append(-best_loss(estimate[None], sources[None]).item() / 4)
        present = there(sources)
        count = int(present[:VOICES].sum())
        order, quality = match(estimate, sources)
        if count > 1:
            mixed = sources.sum(0).expand(count, -1)
            before = si_sdr(mixed, sources[:VOICES][present[:VOICES]])
            figures["two" if count == 2 else "three"].append((quality - before).mean().item())
        if count == 1:
            figures["one"].append(quality.mean().item())
            empty = [t for t in range(VOICES) if t not in order]
            levels = decibel(estimate.square().mean(-1))
            figures["other"].append((levels[empty].max() - levels[order[0]]).item())
        if present[VOICES]:
            figures["noise"].append(si_sdr(estimate[VOICES], sources[VOICES]).item())
    return {"score": np.mean(figures.pop("loss"))} | {k: np.mean(v) for k, v in figures.items()}


def match(estimate, sources, tracks=VOICES):
    """The track of each voice that is there, and their SI-SDR in dB under the best order.

    Only the first `tracks` of the estimates are voices' tracks.
    """
    voices = sources[:VOICES][there(sources)[:VOICES]]
    best, quality = (), torch.full((0,), -torch.inf)
    for order in itertools.permutations(range(tracks), len(voices)):
        found = si_sdr(estimate[list(order)], voices)
        if not len(quality) or found.mean() > quality.mean():
            best, quality = order, found
    return best, quality


def main():
    """Train, and say how good it is."""
    args = cli.arguments(__doc__, "conversation", 6e-4)
    model, corpus = separation.build(CONFIG), Corpus(full=args.full)
    bank = rooms.load()
    widened = bool(args.start) and begin(model, args.start)
    if not args.start:
        separation.wake(model)
    compiled.use()
    sets = validation(Corpus(full=args.full, split="test"), bank=bank)
    woken = revive(model, sets) if args.start and not widened else None
    if woken is not None:
        print(f"track {woken + 1} was silent where three people talk: it is woken")
    cli.introduce(model, corpus)
    # A model that goes on has the first part, in which little silence is asked, behind it.
    behind = SOON[1] if args.start and not widened and woken is None else 0

    def draw(rng):
        return example(corpus, rng, bank, crowded=args.step + behind < SOON[0])

    def step_loss(model, batch):
        thaw(model, args.step, HEADS if widened else 0)
        return loss_of(model, batch, quiet(args.step + behind))

    args.warmup = 50 if widened else 300
    rows = loop.train(model, draw, step_loss, lambda model: score(model, sets), args)
    cli.finish(rows, args, "validation", lambda weights, folder: export(weights, folder, CONFIG))


def revive(model, sets, asleep=25.0, size=0.3):
    """Wake a voice track that is silent where three people talk; tell which (None: all talk).

    A track that fell silent early takes part in no order that the loss finds best. It gets the
    mean of the other two's layer, and noise to grow apart by.
    """
    crowded = [s for s in sets if there(s)[:VOICES].all()]
    power = [separate(model.eval(), s.sum(0).numpy())[:VOICES].square().mean(-1) for s in crowded]
    level = decibel(torch.stack(power).mean(0))
    silent = int(level.argmin())
    if level.max() - level[silent] < asleep:
        return None
    with torch.no_grad():
        for value in (model.mask_net.conv1d_out.weight, model.mask_net.conv1d_out.bias):
            rows = value.chunk(VOICES + 1)
            mean = sum(rows[t] for t in range(VOICES) if t != silent) / 2
            rows[silent].copy_(mean + size * mean.std() * torch.randn_like(mean))
    return silent


def begin(model, folder):
    """Load a folder's weights: as they are from a conversation model, widened from another.

    Tells whether they were widened.
    """
    state = torch.load(folder / "masknet.bin", weights_only=True)
    if state["conv1d_out.bias"].shape == model.mask_net.conv1d_out.bias.shape:
        separation.begin_with(model, folder)
        return False
    widen(model, folder)
    return True


if __name__ == "__main__":
    main()
