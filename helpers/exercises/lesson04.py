"""Checkers of 04_measuring_quality: a delay, a level, an order, an improvement."""

import itertools

import numpy as np

from helpers import metrics, mixing
from helpers.exercises.answers import Number, checker, exercise, given, read_clip
from helpers.exercises.verdict import N_, _, off, right


def late(clip):
    """Make the recording of the first exercise: the same sound, a secret number of samples late."""
    return clip.with_samples(np.pad(clip.samples, (37, 0))[: len(clip)], "late")


def tracks(voices):
    """Make the tracks of the third exercise: each a voice with the others faint, out of order."""
    mixed = [
        mixing.mix(voice, *(other.gain(-15) for other in voices if other is not voice))
        for voice in voices
    ]
    return [clip.named(f"track {i}") for i, clip in enumerate([*mixed[2:], *mixed[:2]])]


@exercise
def check_delay(late, clean):
    """Check by how many samples `late` is late; the samples must be exact."""
    true, rate = _delay(late, clean), clean.rate

    def said(message, **told):
        return lambda value: _(message, value=value, **told)

    def measured(value):
        if value % 1:
            return _("{value:g} is no whole number of samples, and this delay is one.", value=value)
        if abs(value) >= len(late) // 2:
            seconds = abs(value) / rate
            return _(
                "{value:.0f} samples are {seconds:.1f} s: try 0 to 60.",
                value=value,
                seconds=seconds,
            )
        undone = late.with_samples(np.roll(late.samples, -int(value)))
        return _(
            "Moved back by {value:.0f} samples it scores {score:.0f} dB: it is still off by "
            "{gap:.0f}. Try every delay from 0 to 60 and keep the one that scores best.",
            value=value,
            score=metrics.si_sdr(undone, clean),
            gap=abs(true - value),
        )

    seconds = N_("{value:g} looks like seconds, and samples are asked for: times {factor:g}.")
    ms = N_("{value:g} looks like milliseconds, and samples are asked for: times {factor:g}.")
    return Number(
        "delay",
        true,
        _(
            "{true} samples it is, {ms:.1f} ms: nobody hears them, and they cost the whole score.",
            true=true,
            ms=1000 * true / rate,
        ),
        [
            (true / rate, said(seconds, factor=rate), 0.02 * abs(true) / rate),
            (1000 * true / rate, said(ms, factor=rate / 1000), 20 * abs(true) / rate),
            (-true, _("The size is right and the sign is not: late is positive here.")),
        ],
        measured,
        within=1e-9,
    )


@exercise
def check_disturbed(clean, noise, wanted):
    """Check speech to which noise, as loud as it came, was added at a wanted SI-SDR in dB."""
    untouched = clean.level - noise.level  # what no gain at all gives, in dB

    def because(why):
        return lambda score: _(
            "Its SI-SDR is {score:.1f} dB, and {wanted:g} dB is asked for, {gap:.1f} dB off: "
            "{why}.",
            score=score,
            wanted=wanted,
            gap=abs(score - wanted),
            why=why,
        )

    def otherwise(score):
        if score > 60:
            why = _("there is no noise in it")
        elif score < -25:
            why = _("there is hardly any speech in it: add the two")
        else:
            why = _("the noise is too loud") if score < wanted else _("the noise is too soft")
        return because(why)(score)

    return Number(
        "disturbed",
        wanted,
        _(
            "{wanted:g} dB: the noise is weaker by that much than the speech, in power.",
            wanted=wanted,
        ),
        [
            (untouched, because(_("the noise was added as it came"))),
            (-wanted, because(_("the sign is turned round: the noise is the louder of the two"))),
            (2 * wanted, because(_("twice the decibels: for amplitudes divide by 20, not by 10"))),
            (wanted / 2, because(_("half the decibels: for powers divide by 10, not by 20"))),
            (untouched + wanted, because(_(
                "the two were not equally loud to begin with: clean.level and noise.level"))),
        ],
        otherwise,
        within=0.2,
        near=1,
        reader=lambda answer: metrics.si_sdr(
            read_clip(answer, "disturbed", clean.rate, len(clean)), clean),
    )  # fmt: skip


@checker
def check_order(answer, tracks, voices):
    """Check which track belongs to each voice: the track answer[i] is voice i."""
    given(answer, "order")
    count, true = len(voices), metrics.match(tracks, voices).order
    if isinstance(answer, np.ndarray):
        answer = answer.tolist()
    whole = isinstance(answer, list | tuple) and all(
        isinstance(i, int | np.integer) and not isinstance(i, bool) for i in answer
    )
    if not whole or len(answer) != count:
        return off(
            _("`order` should be a list of {count} whole numbers, one a voice.", count=count)
        )
    answer = list(answer)
    if answer == true:
        return right(_("{order}: every voice has its track.", order=true))
    if sorted(answer) == list(range(1, count + 1)):
        return off(_("Tracks are counted from 0 here."))
    if sorted(answer) != list(range(count)):
        return off(
            _(
                "Each track from 0 to {last} belongs to one voice: use each once.",
                last=count - 1,
            )
        )
    if answer == np.argsort(true).tolist():
        return off(
            _(
                "That is the other way round: which voice each track is. Asked is which track each "
                "voice is."
            )
        )
    hits = sum(a == b for a, b in zip(answer, true, strict=True))
    return off(
        _(
            "{hits} of {count} voices have their track: compare the scores column by column.",
            hits=hits,
            count=count,
        )
    )


@exercise
def check_improvement(tracks, voices, mixture):
    """Check the mean improvement in SI-SDR of a separation, in dB."""
    match = metrics.match(tracks, voices, mixture)
    true, plain = np.mean(match.si_sdri), np.mean(match.si_sdr)
    before = plain - true
    others = [
        np.mean([metrics.si_sdr(tracks[i], v) for i, v in zip(order, voices, strict=True)])
        for order in itertools.permutations(range(len(voices)))
        if list(order) != match.order
    ]

    def because(why):
        return lambda value: _("{off:+.1f} dB off: {why}.", off=value - true, why=why)

    swapped = because(_("the tracks are not in the voices' order: metrics.match finds it"))
    return Number(
        "improvement",
        true,
        _("{gain:.0f} dB better than handing back the mixture, on average.", gain=true),
        [
            (plain, because(_("that is the SI-SDR itself: subtract what the mixture scores"))),
            (before, because(_("that is what the mixture scores"))),
            (-true, because(_("the sign is turned round: after minus before"))),
            (true * len(voices), because(_("that is the sum over the voices: take the mean"))),
            *((other - before, swapped) for other in others),
            *((other, swapped) for other in others),
        ],
        because(_("metrics.match(tracks, voices, mixture).si_sdri holds one number a voice")),
        within=0.2,
    )


def _delay(late, clean):
    """Find by how many samples a clip is late: where the correlation is highest."""
    size = 2 * len(clean)
    spectra = [np.fft.rfft(clip.samples, size) for clip in (late, clean)]
    peak = int(np.argmax(np.fft.irfft(spectra[0] * spectra[1].conj(), size)))
    return peak - size * (peak > size // 2)
