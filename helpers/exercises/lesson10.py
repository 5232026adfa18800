"""Checkers of 10_compare_and_choose: subtract powers, count a delay, find the front, choose."""

import numpy as np

from helpers.exercises.answers import Choice, Number, checker, exercise, given, read_clip
from helpers.exercises.verdict import N_, _, listed, off, right

CASES = {
    "a video call from a train": "streaming denoiser",
    "yesterday's lecture, with a fan in the room": "offline denoiser",
    "two guests at one microphone, often both at once": "separator",
    "two singers, two channels of a mixing desk, both heard in both": "ICA",
    "callers hear their own words come back": "echo canceler",
    "a studio voice with a hiss far below it": "nothing",
}
WHY = {
    "streaming denoiser": N_("it must not wait for the future"),
    "offline denoiser": N_(
        "there is noise, no hurry, and the whole recording is there to be heard"
    ),
    "separator": N_("the disturbance is a voice, and there is one microphone"),
    "ICA": N_("there are as many microphones as people, and the mixture has no delays"),
    "echo canceler": N_("the disturbance is known: it was played by the loudspeaker"),
    "nothing": N_("every method takes a little of the voice, and here there is little to gain"),
}


@checker
def check_power(answer, noisy, power):
    """Check a recording from which the noise's mean power [shape=(bins, 1)] was subtracted.

    Right where the difference from the right result is 40 dB below it.
    """
    from helpers.spectra import istft, stft

    samples = read_clip(answer, "mine", rate=noisy.rate, length=len(noisy)).samples
    spectrum = stft(noisy)
    magnitude, phase = np.abs(spectrum), np.exp(1j * np.angle(spectrum))
    rest = magnitude**2 - power  # (bins, frames)
    kept = np.sqrt(np.maximum(rest, 0))
    wanted = istft(kept * phase, noisy).samples
    if _far(samples, wanted) < -40:
        return right(
            _("Powers subtracted. In {share:.0f} % of the cells that was all there was.",
              share=100 * np.mean(rest < 0))
        )  # fmt: skip
    wiener = np.maximum(rest, 0) / np.maximum(magnitude**2, 1e-12)
    mistakes = [
        (spectrum, _("That is the recording itself: nothing was subtracted.")),
        (np.maximum(magnitude - np.sqrt(power), 0) * phase,
         _("Magnitudes were subtracted, as Boll does: square first, take the root afterwards.")),
        (spectrum - kept * phase,
         _("That is what was taken away; what is left was asked for.")),
        (np.sqrt(np.abs(rest)) * phase,
         _("Cells that went below zero came back by abs: set them to zero, np.maximum(..., 0).")),
        (wiener * spectrum,
         _("The share of power was used as a gain: its root is the gain of the samples.")),
        (kept.astype(complex),
         _("The phase is gone: multiply what is left by exp(1j * angle(spectrum)).")),
        (np.maximum(rest, 0) * phase,
         _("Powers went into the inverse transform: take the root first.")),
    ]  # fmt: skip
    waves = [istft(cells, noisy).samples for cells, _text in mistakes]
    distances = [_far(_scaled(samples, wave), wave) for wave in waves]
    if min(distances) < -18:  # the nearest: some are near each other
        return off(mistakes[int(np.argmin(distances))][1])
    return off(
        _("The difference from power subtraction is {far:.0f} dB; below -40 dB is asked for. Is it "
          "the root of |X|² - P, never below 0, with the phase of X?",
          far=_far(_scaled(samples, wanted), wanted))
    )  # fmt: skip


@exercise
def check_delay(window, hop, ahead):
    """Check the delay in ms that a method needs at least: one window and `ahead` hops."""
    delay = window + ahead * hop
    mistakes = [
        (window, _("That is the window alone; the frames to come are waited for as well.")),
        (ahead * hop, _("That is the frames to come; the window itself has to fill first.")),
        ((1 + ahead) * window, _("Frames overlap: each further one brings only a hop.")),
    ]
    if (1 + ahead) * hop != window:  # else it can't be told from the window alone
        text = _("The first frame takes a whole window, not a hop.")
        mistakes.append(((1 + ahead) * hop, text))
    return Number(
        "delay",
        delay,
        _("{delay:g} ms: the first sample waits for the whole window and for {ahead} hops more.",
          delay=delay, ahead=ahead),
        mistakes,
        _("Not quite: one whole window, and a hop for each further frame."),
    )  # fmt: skip


@checker
def check_front(answer, systems):
    """Check which systems lie on the Pareto front; each has (cost, quality)."""
    given(answer, "best")
    try:
        names = {answer} if isinstance(answer, str) else set(answer)
    except TypeError:
        names = {None}
    if not names or any(name not in systems for name in names):
        return off(_("`best` should be a set of names out of: {names}.", names=listed(systems)))
    beaten = {name: _better(name, systems) for name in systems}
    for name in sorted(names):
        if beaten[name]:
            cost, quality = systems[name]
            rival, (less, more) = beaten[name], systems[beaten[name]]
            return off(
                _("{name} does not belong: {rival} costs {less:g} instead of {cost:g} and reaches "
                  "{more:g} instead of {quality:g}.",
                  name=name, rival=rival, less=less, cost=cost, more=more, quality=quality)
            )  # fmt: skip
    missing = sorted(name for name in systems if not beaten[name] and name not in names)
    if missing:
        return off(
            _("All of these belong, and {count} more: look at cost {cost:g}.",
              count=len(missing), cost=systems[missing[0]][0])
        )  # fmt: skip
    return right(
        _("{names}: each of the others has a rival no dearer and no worse.",
          names=listed(sorted(names)))
    )  # fmt: skip


@exercise
def check_choice():
    """Check what was chosen for each recording: from `CASES` to the keys of `WHY`."""
    praise = _(
        "All six: first what disturbs, then how many microphones, then how long you may wait."
    )
    return Choice("choice", CASES, WHY, praise)


def _better(name, systems):
    """Name a system that is at least as cheap and as good, and one of the two strictly."""
    cost, quality = systems[name]
    for other, (less, more) in systems.items():
        if less <= cost and more >= quality and (less, more) != (cost, quality):
            return other
    return None


def _scaled(wave, like):
    """Bring a wave to the scale at which it is nearest to another."""
    wave = wave.astype(np.float64)
    return wave * (wave @ like) / max(wave @ wave, 1e-20)


def _far(wave, wanted):
    """Level of the difference in dB re the wanted wave."""
    wanted = wanted.astype(np.float64)
    error = np.square(wave - wanted).sum() / max(np.square(wanted).sum(), 1e-20)
    return float(10 * np.log10(max(error, 1e-20)))
