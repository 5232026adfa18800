"""Examinations of time and sign: no delay, no future, the same a little later or upside down."""

import numpy as np

from helpers.clinic import measure, sounds
from helpers.clinic.record import KINDS, bad, examination, judge, ok

SECONDS = 3.0
MIRRORED = -6.0  # dB: upside down, a quarter of what comes out may be other
AGAIN = 3.0  # dB of SI-SDR: the second time, a third of what comes out may be taken away
OFFLINE = tuple(kind for kind in KINDS if kind != "stream")


@examination(
    "timing", "medium", "gives the same, later, where the same goes in later", needs=("trained",)
)
def shift(patient):
    """The same recording after 1.003 s of other speech."""
    sound, usual = patient.base(SECONDS)
    late, warm = round(1.003 * patient.rate), patient.rate // 2
    before, far = patient.usual(late, start=3.1), patient.far(late, start=3.1)
    far = np.concatenate([far, patient.far(len(sound))])
    out = patient.run(np.concatenate([before, sound]), far)[:, late:]
    if problem := patient.broken(out):
        return problem
    error = measure.error_db(out[:, warm:], usual[:, warm : out.shape[1]])
    said = f"1.003 s later it gives the same to {error:.1f} dB (after half a second to settle)"
    smallest = patient.seconds(len(sound) + late)
    return judge(error < -6, said, error, "dB", smallest, (usual[0], out[0]))


@examination("timing", "low", "gives the negative where the negative goes in", needs=("trained",))
def polarity(patient):
    """The same recording upside down."""
    sound, usual = patient.base(SECONDS)
    error = measure.error_db(-patient.run(-sound), usual)
    said = f"upside down it gives the same to {error:.1f} dB"
    return judge(error < MIRRORED, said, error, "dB", patient.seconds(len(sound)))


@examination(
    "timing",
    "high",
    "gives speech the right way up",
    kinds=("denoiser", "stream", "canceler"),
    needs=("trained",),
)
def upright(patient):
    """The sign of what comes out, compared with what went in."""
    sound, out = patient.base(SECONDS)
    n = min(len(sound), out.shape[1])
    late = measure.delay(out[:1, :n], sound[:n], patient.rate // 10)
    shifted = np.roll(out[0, :n], -late)
    like = float(shifted @ sound[:n]) / max(
        1e-12, float(np.linalg.norm(shifted) * np.linalg.norm(sound[:n]))
    )
    said = f"the correlation of what comes out with what went in is {like:+.2f}"
    return judge(like > 0, said, like, "", patient.seconds(len(sound)), (sound, out[0]))


@examination("timing", "high", "delays nothing, or takes its delay out again", needs=("trained",))
def delay(patient):
    """Where the correlation of what comes out with what went in is largest."""
    sound, out = patient.spoken(SECONDS)
    track = out[int(np.argmax([measure.db(track) for track in out]))]
    late = measure.delay(track, sound, patient.rate // 2)
    said = f"it comes out {late} samples late ({1000 * late / patient.rate:.1f} ms)"
    passes = abs(late) <= patient.rate // 1000
    return judge(passes, said, late, "samples", patient.seconds(len(sound)), (sound, track))


@examination("timing", "low", "says how far it looks ahead: here it is measured, and none is wrong")
def look_ahead(patient):
    """What comes after 2 s is changed: how much earlier does the result change?"""
    ahead, share = _ahead(patient)
    if ahead is None:
        return ok("what comes out depends on the whole recording, from its beginning", share, "dB")
    return ok(f"what comes out depends on {1000 * ahead:.0f} ms that follow", 1000 * ahead, "ms")


@examination("timing", "high", "hears no more of the future than its latency", kinds=("stream",))
def future(patient):
    """The same, of a stream: it can't hear what has not come yet."""
    ahead, _ = _ahead(patient)
    latency = int(getattr(patient.system.factory(), "latency", 0)) / patient.rate
    frame = int(getattr(patient.system.factory(), "frame", 0) or 160) / patient.rate
    ahead = np.inf if ahead is None else ahead
    said = f"it hears {1000 * ahead:.1f} ms ahead, and declares {1000 * latency:.1f} ms of latency"
    value = 1000 * min(ahead, 1e3)
    return judge(ahead <= latency + frame, said, value, "ms", "2 s, then another 1 s")


@examination("timing", "high", "declares the latency that it has", kinds=("stream",))
def latency(patient):
    """A click of noise: how many samples later does it come out?"""
    stream, n = patient.system.factory(), 2 * patient.rate
    declared = int(getattr(stream, "latency", 0))
    out = patient.system.feed(stream, patient.voice(n))
    late = measure.delay(out, patient.voice(n)[: len(out)], patient.rate // 2)
    said = f"{declared} samples are declared, {late} are measured"
    passes = abs(late - declared) <= patient.rate // 1000
    return judge(passes, said, late - declared, "samples", patient.seconds(n))


@examination("timing", "high", "begins anew where a stream begins anew", kinds=("stream",))
def restart(patient):
    """A stream that is made while another, noisy one runs."""
    sound = patient.usual(patient.rate)
    first = patient.system.feed(patient.system.factory(), sound)
    other = patient.system.factory()
    patient.system.feed(other, sounds.noise(patient.rate, -20))
    again = patient.system.feed(patient.system.factory(), sound)
    error = measure.error_db(again, first)
    said = f"a new stream gives the same to {error:.0f} dB beside one that runs"
    return judge(error < -80, said, error, "dB", patient.seconds(len(sound)), (first, again))


@examination(
    "timing", "low", "has little left to do the second time", kinds=OFFLINE, needs=("trained",)
)
def second_pass(patient):
    """What comes out goes in again: is it taken for speech?"""
    sound, once = patient.base(SECONDS)
    track = once[int(np.argmax([measure.db(track) for track in once]))]
    if measure.db(track) < -100:
        return bad("nothing comes out the first time", smallest=patient.seconds(len(sound)))
    again = patient.run(track)
    best = max(measure.si_sdr(each, track) for each in again)
    said = f"its own result goes through it with an SI-SDR of {best:.1f} dB"
    return judge(best > AGAIN, said, best, "dB", patient.seconds(len(sound)), (track, again[0]))


def _ahead(patient):
    """Measure how many seconds of the future matter; None where everything does."""
    n, at = 3 * patient.rate, 2 * patient.rate
    first = patient.usual(n)
    second = first.copy()
    second[at:] = patient.usual(n - at, start=3.3)
    fars = [patient.far(n), patient.far(n).copy()]
    fars[1][at:] = patient.far(n - at, start=3.3)
    pairs = zip((first, second), fars, strict=True)
    outs = [patient.run(sound, far).astype(np.float64) for sound, far in pairs]
    gap = np.abs(outs[0] - outs[1]).max(axis=0)
    reach = max(np.abs(outs[0]).max(), 1e-9)
    changed = np.flatnonzero(gap[:at] > 1e-4 * reach)
    if not len(changed):
        return 0.0, measure.FLOOR
    early = measure.db(outs[0][:, : at // 4] - outs[1][:, : at // 4]) - measure.db(outs[0])
    return (None if changed[0] < at // 20 else (at - changed[0]) / patient.rate), early
