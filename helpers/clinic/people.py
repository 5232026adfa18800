"""Examinations of separators: who is on which track, how loud, and who is gone."""

from itertools import combinations, permutations

import numpy as np

from helpers.clinic import measure, sounds
from helpers.clinic.record import examination, judge, skip

SEPARATOR = ("separator",)
SECONDS = 4.8
APART = 3.0  # dB of SI-SDR that two voices gain: less is hardly heard
FAR = 6.0  # dB, of 30, that must be left between a near and a far track: twice as loud
PEAKS = 1.0  # dB: peaks that are closer are made alike, not heard alike
MINUTE = 72.0  # seconds: 30 loops of 2.4 s


@examination("people", "high", "gives two people a track each", kinds=SEPARATOR, needs=("trained",))
def separates(patient):
    """Each two of a woman and two men, equally loud: the mean of three mixtures."""
    n, gains = round(SECONDS * patient.rate), []
    for pair in combinations((0, 1, 2), 2):
        people = [sounds.voice(patient.rate, n, who) for who in pair]
        mixture = sum(people)
        out = patient.run(mixture)
        if problem := patient.broken(out):
            return problem
        best = max(
            np.mean([measure.si_sdr(out[i], voice) for i, voice in zip(order, people, strict=True)])
            for order in permutations(range(len(out)), 2)
        )
        gains.append(best - np.mean([measure.si_sdr(mixture, voice) for voice in people]))
    each = ", ".join(f"{gain:.1f}" for gain in gains)
    value = float(np.mean(gains))
    said = f"two voices are {value:.1f} dB (SI-SDR) better apart than together: {each}"
    return judge(value > APART, said, value, "dB", f"three times {n} samples", (mixture, out[0]))


@examination(
    "people", "medium", "gives one person alone one track", kinds=SEPARATOR, needs=("trained",)
)
def one_voice(patient):
    """A clean voice and nobody else."""
    sound, out = patient.spoken(SECONDS)
    levels = np.array([measure.db(track) for track in out])
    first = out[int(levels.argmax())]
    score, apart = measure.filtered_sdr(first, sound), np.sort(levels)[-1] - np.sort(levels)[-2]
    said = f"one voice alone: {score:.1f} dB (SDR) on its track, the next {apart:.1f} dB softer"
    passes = score > 6 and apart > 6
    return judge(passes, said, apart, "dB", patient.seconds(len(sound)), (sound, first))


@examination("people", "medium", "loses none of three people", kinds=SEPARATOR, needs=("trained",))
def three_voices(patient):
    """Three voices at once, for a separator of two: each must be on some track."""
    n = round(SECONDS * patient.rate)
    people = [sounds.voice(patient.rate, n, who) for who in (0, 1, 2)]
    out = patient.run(sum(people))
    if problem := patient.broken(out):
        return problem
    kept = []
    for voice in people:
        parts = [measure.db(measure.voice_in(track, voice)) for track in out]
        kept.append(max(parts) - measure.db(voice))
    said = f"of three voices the faintest loses {-min(kept):.1f} dB on its best track"
    return judge(min(kept) > -12, said, -min(kept), "dB", patient.seconds(n), (sum(people), out[0]))


@examination(
    "people", "high", "keeps people on their tracks to the end", kinds=SEPARATOR, needs=("trained",)
)
def order(patient):
    """A conversation that repeats itself for 72 s: does anybody change tracks?"""
    if not patient.affords(MINUTE):
        return skip(f"{MINUTE:g} s would take {patient.takes(MINUTE):.0f} s")
    size = round(2 * sounds.LOOP * patient.rate)
    count = round(MINUTE / sounds.LOOP / 2)
    people = [sounds.voice(patient.rate, size * count, who) for who in (0, 1)]
    out = patient.run(sum(people))[:2]
    blocks = [rows[:, : size * count].reshape(2, -1, size) for rows in (out, np.stack(people))]
    alike = np.abs(np.einsum("tbn,pbn->btp", *blocks))
    straight = alike[:, 0, 0] * alike[:, 1, 1] > alike[:, 0, 1] * alike[:, 1, 0]
    changes = int(np.abs(np.diff(straight.astype(int))).sum())
    said = f"in {MINUTE:g} s people change tracks {changes} times"
    return judge(changes == 0, said, changes, "changes", patient.seconds(size * count))


@examination(
    "people",
    "high",
    "keeps a voice that is far away as faint as it is",
    kinds=SEPARATOR,
    needs=("trained",),
)
def far_voice(patient):
    """Two voices, one 30 dB below the other."""
    n = round(3.0 * patient.rate)
    near = patient.voice(n)
    sound = near + np.float32(10**-1.5) * sounds.voice(patient.rate, n, 1)
    out = patient.run(sound)
    if problem := patient.broken(out):
        return problem
    levels, peaks = ([size(track) for track in out] for size in (measure.db, measure.peak_db))
    apart, tops = max(levels) - min(levels), max(peaks) - min(peaks)
    said = f"of two voices 30 dB apart the tracks are {apart:.1f} dB apart, their peaks {tops:.1f}"
    heard = (sound, out[int(np.argmin([measure.db(track) for track in out]))])
    passes = apart > FAR and tops > PEAKS
    return judge(passes, said, min(apart, tops), "dB", patient.seconds(n), heard)


@examination(
    "people",
    "medium",
    "gives tracks that add up to the recording",
    kinds=SEPARATOR,
    needs=("trained",),
)
def total(patient):
    """The recording minus the sum of its tracks."""
    sound, out = patient.base(3.0)
    rest = measure.error_db(out.sum(axis=0), sound)
    said = f"the recording minus the tracks leaves {rest:.1f} dB of it"
    heard = (sound, out.sum(axis=0))
    return judge(rest < -10, said, rest, "dB", patient.seconds(len(sound)), heard)
