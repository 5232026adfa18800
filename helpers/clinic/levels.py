"""Examinations of level: as loud as it was, no louder than full scale, and silent where silent."""

import numpy as np

from helpers.clinic import measure, sounds
from helpers.clinic.record import bad, examination, judge, ok

SECONDS = 3.0


@examination("levels", "high", "gives back 20 dB less where 20 dB less go in")
def gain(patient):
    """The same recording twice, 20 dB apart."""
    sound, usual = patient.base(SECONDS)
    soft = patient.run(np.float32(0.1) * sound)
    change = measure.db(usual) - measure.db(soft)
    said = f"the same recording 20 dB softer comes out {change:.1f} dB softer"
    smallest = patient.seconds(len(sound)) + " at two levels"
    passes = abs(change - 20) < 1.5
    return judge(passes, said, change, "dB", smallest, (np.float32(0.1) * sound, soft[0]))


@examination("levels", "medium", "does not take a whisper for silence", needs=("trained",))
def whisper(patient):
    """A voice of -60 dB re full scale, compared with one of -26 dB."""
    sound, usual = patient.spoken(SECONDS)
    down = np.float32(10 ** (-34 / 20))
    soft = patient.run(down * sound)
    below = measure.db(usual) - measure.db(soft)
    said = f"a voice of -60 dB, 34 dB below the usual, comes out {below:.1f} dB below it"
    smallest = patient.seconds(len(sound)) + " of a clean voice at -60 dB"
    return judge(below < 44, said, below, "dB", smallest, (down * sound, soft[0]))


@examination(
    "levels",
    "high",
    "gives loud sound back without wrapping from one end to the other",
    needs=("trained",),  # random numbers jump as they like
)
def full_scale(patient):
    """A voice driven to full scale, and thumps in a quiet one."""
    n, worst = 2 * patient.rate, None
    quiet = np.float32(0.03) * sounds.at_level(patient.voice(n), 0)
    driven = np.float32(np.clip(6 * patient.usual(n), -0.99, 0.99))
    thump = np.exp(-np.arange(40) / 8) * np.cos(np.arange(40) * 0.4)
    for at in range(patient.rate // 3, n - 40, patient.rate // 2):
        quiet[at : at + 40] += np.float32(0.9 * thump)
    inputs = {"a voice at full scale": driven, "thumps in a quiet voice": quiet}
    for label, sound in inputs.items():
        out = patient.run(sound)
        if problem := patient.broken(out):
            return problem
        count = max(measure.wraps(track, sound) for track in out)
        if count and (worst is None or count > worst[0]):
            loudest = out[np.abs(np.diff(out)).max(axis=1).argmax()]
            worst = (count, label, sound, loudest)
    if worst is None:
        return ok(f"{' and '.join(inputs)}: no sample wraps round", 0, "samples")
    count, label, *heard = worst
    smallest = f"{label}, {patient.seconds(n)}"
    return bad(f"{label}: {count} samples wrap round", count, "samples", smallest, heard)


@examination(
    "levels",
    "medium",
    "keeps or clips what is beyond full scale, and wraps none",
    needs=("trained", "loud"),
)
def beyond(patient):
    """A voice whose peaks are at 2.0, in floats."""
    sound = patient.usual(2 * patient.rate)
    sound = np.float32(2 / np.abs(sound).max()) * sound
    out = patient.run(sound, **({"subtype": "FLOAT"} if "file" in patient.system.features else {}))
    if problem := patient.broken(out):
        return problem
    count = max(measure.wraps(track, sound) for track in out)
    said = f"of floats up to 2.0, {count} samples wrap round"
    smallest = f"{patient.seconds(len(sound))}, in floats"
    return judge(count == 0, said, count, "samples", smallest, (sound / 2, out[0] / 2))


@examination("levels", "high", "gives silence back as silence")
def silence(patient):
    """A second of zeros."""
    sound = np.zeros(patient.rate, np.float32)
    out = patient.run(sound)
    if problem := patient.broken(out):
        return problem
    peak = measure.peak_db(out)
    said = f"zeros come back with a peak of {peak:.0f} dB re full scale"
    return judge(peak < -80, said, peak, "dB", patient.seconds(len(sound)), (sound, out[0]))


@examination("levels", "high", "does not amplify what is nearly silent", needs=("trained",))
def faint(patient):
    """A second of hiss at -70 dB re full scale."""
    sound = sounds.noise(patient.rate, -70)
    out = patient.run(sound)
    if problem := patient.broken(out):
        return problem
    more = max(measure.db(track) for track in out) - measure.db(sound)
    said = f"hiss of -70 dB re full scale comes out {measure.than(more)}"
    return judge(more < 6, said, more, "dB", patient.seconds(len(sound)), (sound, out[0]))


@examination("levels", "high", "makes nothing louder than it was", needs=("trained",))
def louder(patient):
    """The level of what comes out, compared with what went in."""
    sound, out = patient.base(SECONDS)
    more = measure.db(out) + 10 * np.log10(len(out)) - measure.db(sound)
    said = f"all that comes out is {measure.than(more)} than what went in"
    return judge(more < 3, said, more, "dB", patient.seconds(len(sound)), (sound, out[0]))


@examination(
    "levels", "medium", "takes a clipped recording for what it is: loud speech", needs=("trained",)
)
def clipped(patient):
    """A voice cut off 15 dB below its peaks."""
    sound, usual = patient.spoken(SECONDS)
    limit = np.abs(sound).max() * 10 ** (-15 / 20)
    cut = sounds.at_level(np.clip(sound, -limit, limit), measure.db(sound))
    out = patient.run(cut)
    if problem := patient.broken(out):
        return problem
    kept = measure.db(out) - measure.db(cut)
    before = measure.db(usual) - measure.db(sound)
    said = f"a voice clipped by 15 dB comes out {measure.than(kept - before)} than unclipped"
    smallest = patient.seconds(len(sound)) + " of a voice clipped by 15 dB"
    return judge(abs(kept - before) < 8, said, kept - before, "dB", smallest, (cut, out[0]))


@examination(
    "levels",
    "medium",
    "hears speech through a constant offset, and clicks at no end",
    needs=("trained",),
)
def offset(patient):
    """The same recording with 0.1 added to every sample."""
    sound, usual = patient.base(SECONDS)
    moved = sound + np.float32(0.1)
    out = patient.run(moved)
    if problem := patient.broken(out):
        return problem
    usual, out = (tracks - tracks.mean(axis=1, keepdims=True) for tracks in (usual, out))
    error = measure.error_db(out, usual)
    said = f"with an offset of 0.1, what comes out differs by {error:.1f} dB"
    smallest = patient.seconds(len(sound)) + " and 0.1"
    return judge(error < -6, said, error, "dB", smallest, (moved, out[0]))
