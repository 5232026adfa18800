"""Examinations of length: as many samples out as in, and nothing lost where pieces meet."""

import numpy as np

from helpers.clinic import measure, sounds
from helpers.clinic.record import bad, examination, judge, ok, skip

# Around the hops and windows in use (10, 20, 25, 32 ms; 256, 400, 512, 640) and around whole
# seconds, most telling first: a slow system is given as many of them as there is time for.
TELLING = (
    *(1, 16_000, 16_001, 28_000, 100, 4096, 639, 8000, 15, 52_000, 75_165, 2, 161, 12_001),
    *(320, 321, 640, 641, 7999, 511, 512, 513, 31_999, 44_101, 20_000, 7, 16, 17, 160, 159),
    *(255, 256, 257, 319, 399, 400, 401, 479, 480, 481, 799, 801, 960, 961, 1023, 1024, 1025),
    *(1599, 2047, 2048, 2049, 4095, 4097, 8001, 11_999, 15_999, 24_001, 27_999, 28_001, 32_000),
)
SHORT = 640  # samples: below this a refusal in words is as good as a result
SHORT_WORDS = r"short|length|long|sample|size|empty|duration|at least"
ENDS = (1.0, 2.5, 7.0, 8.0, 11.0, 13.0, 121.0)  # seconds, where tails are known to go
BORDERS = (24.0, 48.0, 132.0)  # seconds
SEAM = -6.0  # dB: a quarter of the voice's power within 20 ms is heard as a gap or a click
LEARNING = 12.0  # seconds in which a canceler may still find the room


@examination(
    "lengths", "high", "gives back exactly as many samples as it gets, whatever the number"
)
def length(patient):
    """Some seventy lengths around hops, windows and seconds."""
    wrong, tried, refused = {}, [], []
    for n in TELLING:
        done = sum(tried) / patient.rate
        if tried and not patient.affords(done + n / patient.rate, len(tried) + 1):
            break
        tried.append(n)
        attempt = patient.attempt(patient.usual(n), SHORT_WORDS)
        if attempt.tracks is not None:
            wrong |= {} if attempt.tracks.shape[1] == n else {n: attempt.tracks.shape[1] - n}
        elif attempt.refusal and n < SHORT:
            refused.append(n)
        else:
            wrong[n] = attempt.fault or attempt.refusal
    if not wrong:
        said = f"; it refuses in words up to {max(refused)}" if refused else ""
        return ok(f"{len(tried)} lengths, {min(tried)} to {max(tried)}, come back as long{said}", 0)
    n = min(wrong)
    gap = f"{wrong[n]:+d} samples" if isinstance(wrong[n], int) else wrong[n]
    many = f"{len(wrong)} of {len(tried)} lengths come back otherwise, the first {n}: {gap}"
    return bad(many, len(wrong), f"of {len(tried)} lengths", patient.seconds(n))


@examination("lengths", "high", "refuses a recording without samples in words, or gives none back")
def empty(patient):
    """Not one sample."""
    attempt = patient.attempt(np.zeros(0, np.float32), SHORT_WORDS)
    if attempt.fault:
        return bad(f"an empty recording ends in {attempt.fault}", smallest="0 samples")
    if attempt.refusal:
        return ok(f"it refuses in words: {attempt.refusal}")
    n = attempt.tracks.shape[1]
    said = f"an empty recording comes back with {n} samples"
    return judge(n == 0, said, n, "samples", "0 samples")


@examination(
    "lengths", "high", "keeps the end of a recording, however long it is", needs=("trained",)
)
def tail(patient):
    """A voice that is heard until the last sample; is the end still there?"""
    tried, worst = [], None
    for seconds in ENDS:
        if not patient.affords(sum(tried) + seconds):
            break
        tried.append(seconds)
        n = round(seconds * patient.rate)
        # The voice is turned so that a loud vowel of it comes last.
        turn = _loudest(patient) - seconds % (2 * sounds.LOOP)
        sound = patient.usual(n, start=turn)
        out = _padded(patient.run(sound, patient.far(n, start=turn)), n)
        lost = _lost(out.sum(axis=0), sound, patient.rate)
        if lost > 0.004 and worst is None:
            worst = (seconds, lost, sound[-patient.rate :], out.sum(axis=0)[-patient.rate :])
    if worst:
        said = f"the last {worst[1] * 1000:.0f} ms of {worst[0]:g} s are empty"
        smallest = patient.seconds(round(worst[0] * patient.rate))
        return bad(said, worst[1] * 1000, "ms lost", smallest, worst[2:])
    if not tried:
        return skip(f"{ENDS[0]:g} s would take {patient.takes(ENDS[0]):.0f} s")
    return ok(f"recordings of {', '.join(f'{s:g}' for s in tried)} s keep their end", 0, "ms lost")


@examination("lengths", "medium", "begins and ends without a click", needs=("trained",))
def edges(patient):
    """Sound that is there from the first to the last sample, and what is louder than it was."""
    n = 2 * patient.rate + 37
    turn = _loudest(patient) - 1
    sound = patient.usual(n, start=turn)
    out = _padded(patient.run(sound, patient.far(n, start=turn)), n)
    if problem := patient.broken(out):
        return problem
    edge = patient.rate // 50
    usual = max(np.abs(out[:, edge:-edge]).max(), np.abs(sound).max(), 1e-6)
    loud = max(np.abs(out[:, :edge]).max(), np.abs(out[:, -edge:]).max()) / usual
    value = measure.peak_db([loud])
    said = f"the first and last 20 ms reach {value:+.1f} dB of the peak elsewhere"
    return judge(value < 3, said, value, "dB", patient.seconds(n), (sound, out[0]))


@examination(
    "lengths",
    "medium",
    "leaves no seam where it cuts a long recording into pieces",
    needs=("trained",),
)
def borders(patient):
    """A voice that loops every 2.4 s must come out alike in each loop; where does it not?"""
    loop, worst, tried = round(sounds.LOOP * patient.rate), None, []
    for seconds in BORDERS:
        if not patient.affords(sum(tried) + seconds):
            break
        tried.append(seconds)
        n = round(seconds / sounds.LOOP) * loop
        sound = patient.usual(n, loop=sounds.LOOP)
        out = _padded(patient.run(sound, patient.far(n, loop=sounds.LOOP)), n)
        if problem := patient.broken(out):
            return problem
        value, at = _seam(out, loop, patient)
        if worst is None or (value > worst[0] and worst[0] < SEAM):
            cut = slice(max(0, at - patient.rate), at + patient.rate)
            worst = (value, seconds, at / patient.rate, sound[cut], out[:, cut].sum(axis=0))
    if worst is None:
        return skip(f"{BORDERS[0]:g} s would take {patient.takes(BORDERS[0]):.0f} s")
    value, seconds, at = worst[:3]
    said = f"of {max(tried):g} s, 20 ms at {at:.2f} s differ most from the other loops: {value:.1f}"
    smallest = f"{seconds:g} s of sound that loops every {sounds.LOOP} s"
    return judge(value < SEAM, f"{said} dB of the voice", value, "dB", smallest, worst[3:])


def _loudest(patient):
    """Return at which second of the loop the voice is loudest over 0.3 s."""
    once = patient.usual(round(2 * sounds.LOOP * patient.rate))
    hop = patient.rate // 50
    power = np.square(measure.frames(once, hop)).mean(axis=1)
    smooth = np.convolve(np.concatenate([power[-14:], power]), np.ones(15) / 15, "valid")
    return (int(smooth.argmax()) + 1) * hop / patient.rate


def _padded(tracks, n):
    """Cut or fill tracks to n samples: their length is another examination's."""
    return np.pad(tracks, ((0, 0), (0, max(0, n - tracks.shape[1]))))[:, :n]


def _lost(out, sound, rate):
    """Return how many seconds at the end are 40 dB below what its level would be."""
    hop = rate // 250  # 4 ms
    after, before = (
        10 * np.log10(np.square(measure.frames(x[-hop * 125 :], hop)).mean(axis=1) + 1e-14)
        for x in (out, sound)
    )
    usual = max(-40.0, measure.db(out) - measure.db(sound))  # a soft system has a soft end
    heard = (after > before + usual - 40) | (before < -60)
    return hop / rate * int(np.argmax(heard[::-1])) if heard.any() else len(heard) * hop / rate


def _seam(out, loop, patient):
    """Find the 20 ms that differ most from the same place of the other loops, in dB and samples.

    Who is heard may sway with what is around, and a canceler goes on learning: of these, a seam is
    what differs from the loop before and from the one after as well.
    """
    tracks, n = out.shape
    loops = out.reshape(tracks, n // loop, loop).astype(np.float64)
    # The first and the last loop have an edge.
    first = round(LEARNING / sounds.LOOP) if patient.kind == "canceler" else 1
    inside, usual = loops[:, first:-1], np.median(loops[:, first:], axis=1, keepdims=True)
    others = [usual]
    if patient.kind in ("separator", "canceler"):
        others += [loops[:, first - 1 : -2], loops[:, first + 1 :]]
    hop = patient.rate // 50
    hop = hop if loop % hop == 0 else 1
    errors = [
        np.square(inside - other).sum(axis=0).reshape(-1, hop).mean(axis=1) for other in others
    ]
    error = np.min(errors, axis=0)
    power = np.square(usual).sum(axis=0).mean()
    worst = int(error.argmax())
    value = 10 * np.log10((error[worst] + 1e-14) / (power + 1e-12))
    return float(value), first * loop + worst * hop
