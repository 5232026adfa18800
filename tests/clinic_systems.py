"""Small systems for tests/test_clinic.py: one that each examination finds ill, and healthy ones.

Most stand in a function of their own, so that another process can import them by name.
"""

import itertools
import os
import random
import sys
import time

import numpy as np

from helpers.clinic import sounds
from helpers.clinic.system import Function

RATE = 16000
memory, ticks, lock = [], itertools.count(), []


def identity(samples):
    """Give back what comes."""
    return np.array(samples, dtype=np.float32)


def gate(samples):
    """Turn down the frames in which there is little: a denoiser of a few lines."""
    samples = np.asarray(samples, np.float32)
    n, hop = len(samples), 160
    framed = np.pad(samples, (0, -n % hop)).reshape(-1, hop)
    level = np.sqrt(np.square(framed).mean(axis=1, keepdims=True))
    smooth = np.convolve(level[:, 0], np.ones(21) / 21, "same")[: len(level), None]
    floor = 10 ** (-38 / 20)
    return (framed * np.where(smooth > 1.5 * floor, 1, 0.1)).ravel()[:n]


def peeks(samples):
    """Hear 100 ms ahead."""
    out = identity(samples)
    out[: -RATE // 10] += 0.5 * out[RATE // 10 :]
    return out


# --- ill denoisers ------------------------------------------------------------------------------


def frames_only(samples):
    """Lose what fills no frame of 320."""
    return samples[: len(samples) // 320 * 320] if len(samples) > 320 else samples


def index_error_when_empty(samples):
    """Look at the first sample without asking whether there is one."""
    return samples + 0 * samples[0]


def loses_the_tail(samples):
    """Leave the last 2000 samples of 121 s empty."""
    out = identity(samples)
    out[-2000:] = 0 if len(out) == 121 * RATE else out[-2000:]
    return out


def clicks(samples):
    """Divide by a window that is nearly nothing at its edges."""
    out = identity(samples)
    out[:4] *= 100
    out[-4:] *= 100
    return out


def hard_cuts(samples):
    """Turn each second upside down that a coin says: pieces that know nothing of each other."""
    out = identity(samples)
    if len(out) > 120 * RATE:
        for at in range(0, len(out), 12_000):
            out[at : at + 400] *= -1
    return out


def one_level(samples):
    """Set every recording to one level and never go back."""
    return identity(samples) * 0.05 / max(1e-9, np.sqrt(np.square(samples).mean()))


def deaf_to_whispers(samples):
    """Take what is softer than -50 dB for silence."""
    return identity(samples) * (np.sqrt(np.mean(np.square(samples))) > 10 ** (-50 / 20))


def wraps(samples):
    """Store as 16 bits without clipping."""
    return (np.int64(np.round(np.asarray(samples) * 40000)) + 32768) % 65536 / 32768 - 1


def divides_by_zero(samples):
    """Divide by the level, whatever it is."""
    return samples / np.sqrt(np.square(samples).mean()) * 0.1


def automatic_gain(samples):
    """Make soft recordings louder, up to 40 dB, silence excepted."""
    level = np.sqrt(np.mean(np.square(samples)))
    return identity(samples) * min(100, 0.05 / max(level, 1e-9))


def six_times(samples):
    """Be louder than the input by 10 dB."""
    return 3.2 * identity(samples)


def eight_times(samples):
    """Be louder than full scale, in floats."""
    return 8 * identity(samples)


def flees_clipping(samples):
    """Mute a recording that has a plateau."""
    top = np.abs(samples).max(initial=0)
    return identity(samples) * (0.1 if (np.abs(samples) > 0.999 * top).mean() > 0.01 else 1)


def rings_with_an_offset(samples):
    """Take a mean for loudness, and turn it down."""
    return identity(samples) / (1 + 100 * abs(np.mean(samples)))


def left_channel(samples):
    """Take the first of two channels and say nothing."""
    return samples[:, 0] if samples.ndim == 2 else samples


def one_rate(samples, rate):
    """Believe that every rate is 16 kHz."""
    return np.asarray(samples), 16000


def recursive(samples):
    """Let one NaN go on forever."""
    return samples + 0 * np.cumsum(samples)


def only_float32(samples):
    """Take integers as they are, and double precision for another scale."""
    return samples if samples.dtype == np.float32 else np.float32(samples) ** 2


def reads_memory(samples):
    """Read the buffer and not the array."""
    buffer = samples if samples.base is None else samples.base
    return np.frombuffer(buffer, np.float32)[: len(samples)]


def in_place(samples):
    """Halve the caller's own array."""
    samples *= 0.5
    return samples.copy()


def drifts(samples):
    """Have gains that depend on the time since the beginning."""
    return identity(samples) * (1 + np.sin(np.arange(len(samples)) / 5000))


def rectifies(samples):
    """Lose the sign."""
    return np.abs(identity(samples))


def upside_down(samples):
    """Turn everything round."""
    return -identity(samples)


def late(samples):
    """Be 352 samples late."""
    return np.concatenate([np.zeros(352, np.float32), samples])[: len(samples)]


def grinds(samples):
    """Add as much noise as there is sound, other noise to other sound."""
    out = identity(samples)
    noise = np.random.default_rng(int(1e6 * abs(out.sum()))).normal(size=len(out))
    return out + noise * np.sqrt(np.mean(np.square(out)))


def dithers(samples):
    """Add noise of which no two are the same."""
    return samples + 1e-3 * np.random.default_rng(next(ticks)).normal(size=len(samples))


def dithers_softly(samples):
    """Add as little as a tenth of a 16-bit step, of which no two are the same."""
    step = np.random.default_rng(next(ticks)).uniform(-0.1, 0.1, len(samples)) / 32768
    return samples + np.float32(step)


def remembers(samples):
    """Take the level of the recording before."""
    memory[:] = [*memory, float(np.sqrt(np.mean(np.square(samples))))][-2:]
    return identity(samples) * memory[0]


def one_buffer(samples):
    """Share a buffer among threads."""
    lock[:] = [samples]
    time.sleep(0.01)
    return np.resize(lock[0], len(samples))


def of_this_process(samples):
    """Have weights drawn when the process began."""
    return identity(samples) * (1 + os.getpid() % 1000 / 1000)


def of_these_threads(samples):
    """Depend on how many threads there are."""
    return identity(samples) * (1 + 0.1 * int(os.environ.get("OMP_NUM_THREADS", "2")))


def seeds_all(samples):
    """Seed everybody's random numbers."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    return samples


def chatters(samples):
    """Print what nobody asked for."""
    print("inputs:", samples.shape)
    return samples


def mutes(samples):
    """Give next to nothing."""
    return 0.001 * identity(samples)


def shuffles(samples):
    """Turn every second hop round: clean speech that isn't any more."""
    out = identity(samples)
    for at in range(0, len(out) - 320, 640):
        out[at : at + 320] = out[at : at + 320][::-1]
    return out


def distorts(samples):
    """Clip softly at a tenth of the peak."""
    return np.tanh(30 * identity(samples))


def sleeps(samples):
    """Never wake up after a long pause."""
    out = identity(samples)
    quiet = np.flatnonzero(np.convolve(np.abs(out) < 1e-7, np.ones(RATE), "valid") > RATE - 0.5)
    if len(quiet):
        out[quiet[0] :] *= 0.01
    return out


def _mutes_where(test):
    def system(samples):
        return identity(samples) * (0.01 if test(np.asarray(samples, np.float64)) else 1)

    return system


def _share(samples, low, high):
    """Return the share of the energy between two frequencies."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return power[(hertz > low) & (hertz < high)].sum() / max(power.sum(), 1e-30)


def _decay(samples):
    """Return how soft the softest tenth of frames is, in dB of the whole."""
    power = np.square(samples[: len(samples) // 320 * 320].reshape(-1, 320)).mean(axis=1)
    return 10 * np.log10(np.percentile(power, 10) / power.mean() + 1e-12)


flees_alarms = _mutes_where(lambda x: _share(x, 2950, 3050) > 0.2)
flees_music = _mutes_where(lambda x: _share(x, 215, 225) + _share(x, 257, 266) > 0.02)
flees_telephones = _mutes_where(lambda x: _share(x, 4200, 8000) < 1e-4)
flees_rooms = _mutes_where(lambda x: _decay(x) > -42)


flees_children = _mutes_where(lambda x: _share(x, 60, 210) < 0.02)
flees_songs = _mutes_where(lambda x: np.sort(np.abs(np.fft.rfft(x)) ** 2)[-60:].sum() > 0.5 * (
    np.abs(np.fft.rfft(x)) ** 2).sum())  # fmt: skip
flees_crowds = _mutes_where(lambda x: _decay(x) > -9)


def working(power, seconds=0.2):
    """Return a system that works for a power of the length, `seconds` for 36 s."""

    def system(samples):
        end = time.process_time() + seconds * (len(samples) / RATE / 36) ** power
        while time.process_time() < end:
            pass
        return samples

    return system


quadratic = working(2)


def waits(samples):
    """Wait for other people's work, longer the longer it is."""
    time.sleep(2e-4 * (len(samples) / RATE) ** 2)
    return samples


def _hoards(bytes_a_sample):
    def system(samples):
        kept = np.ones(bytes_a_sample * len(samples), np.int8)
        return samples * np.float32(kept[-1])

    return system


hoards, hoards_much, hoards_some = _hoards(320), _hoards(180), _hoards(80)


def biased(share):
    """Return a system that adds what doesn't turn with the sign, by the level."""

    def system(samples):
        out = identity(samples)
        extra = np.abs(out)
        return (
            out + share * extra * np.sqrt(np.mean(np.square(out)) / np.mean(np.square(extra))) / 4
        )

    return system


def grinding(share):
    """Return a system that adds noise, by its share of the sound; other noise to other sound."""

    def system(samples):
        out = identity(samples)
        noise = np.random.default_rng(int(1e6 * abs(out.sum()))).normal(size=len(out))
        return out + share * noise * np.sqrt(np.mean(np.square(out)))

    return system


def _gaps(tracks, depth):
    """Turn 100 ms of every 7.1 s down by a share: not at the same place of any two loops near."""
    rate = RATE if tracks.ndim == 1 else 8000
    out = np.array(tracks, np.float32)
    for at in range(round(2.9 * rate), out.shape[-1], round(7.1 * rate)):
        out[..., at : at + rate // 10] *= 1 - depth
    return out


def gap_of(depth):
    """Return a system with gaps in what it gives."""
    return lambda samples: _gaps(identity(samples), depth)


# --- separators ---------------------------------------------------------------------------------


def halves(samples):
    """Give both tracks the half of all."""
    return [samples / 2, samples / 2]


def equal_peaks(samples):
    """Scale every track to one peak."""
    first, second = oracle(samples)
    return [0.5 * x / max(1e-9, np.abs(x).max()) for x in (first, second)]


def oracle(samples):
    """Know the voices: each is what of it is in the recording, in least squares."""
    voices = np.stack([sounds.voice(8000, len(samples), who) for who in (0, 1, 2)])
    gains = np.linalg.lstsq(voices.T, np.asarray(samples), rcond=None)[0]
    rows = np.float32(gains[:, None] * voices)
    order = np.argsort(-np.abs(gains))
    return [rows[order[0]] + rows[order[2]], rows[order[1]]]


def far_at(db):
    """Return a separator whose fainter track is so many dB below the other."""

    def system(samples):
        first, second = oracle(samples)
        size = [np.sqrt(np.mean(np.square(x))) for x in (first, second)]
        return [first, second * np.float32(10 ** (db / 20) * size[0] / max(size[1], 1e-9))]

    return system


def leaking(db):
    """Return a separator that leaves so much of one voice on the other's track."""

    def system(samples):
        rows, share = oracle(samples), np.float32(10 ** (db / 20))
        return [rows[0] + share * rows[1], rows[1] + share * rows[0]]

    return system


def gaps_in_tracks(depth):
    """Return a separator with gaps in both tracks."""
    return lambda samples: _gaps(np.stack(halves(samples)), depth)


def only_the_loudest(samples):
    """Lose everybody but one of three."""
    rows = oracle(samples)
    return [rows[1], 0.01 * rows[1]]


def two_equal_tracks(samples):
    """Split one person into two."""
    return [0.6 * samples, 0.4 * samples]


def swaps(samples):
    """Change tracks every 20 s."""
    rows = np.stack(steady(samples))
    n = 20 * 8000
    for at in range(n, rows.shape[1], 2 * n):
        rows[:, at : at + n] = rows[::-1, at : at + n].copy()
    return list(rows)


def steady(samples):
    """Know the first voice, and call the rest the second."""
    first = sounds.voice(8000, len(samples), 0)
    return [first, samples - first]


# --- cancelers ----------------------------------------------------------------------------------


def knows_the_room(mic, far):
    """Subtract the echo, which it knows but for the delay and the level."""
    far = np.resize(far, len(mic))
    best = np.asarray(mic)
    for late in (0.02, 0.17):
        heard = np.concatenate([np.zeros(round(late * RATE), np.float32), far])[: len(mic)]
        image = sounds.room(RATE, heard, 0.15)
        left = mic - np.float32(mic @ image / max(image @ image, 1e-9)) * image
        best = left if left @ left < best @ best else best
    return np.float32(best)


def hears_nothing(mic, far):
    """Leave the echo in."""
    return mic


def mutes_all(mic, far):
    """Let nobody speak."""
    return 0.001 * mic


def mutes_beside_silence(mic, far):
    """Gate by the far end the wrong way round."""
    return mic * (1 if np.any(far) else 0.01)


def mutes_both(mic, far):
    """Be half duplex: where the far end speaks, nobody else does."""
    return 0.05 * mic


def knows_one_delay(mic, far):
    """Subtract the echo if it comes after 20 ms."""
    late = np.concatenate([np.zeros(RATE // 50, np.float32), np.resize(far, len(mic))])[: len(mic)]
    return mic - np.float32(0.5) * sounds.room(RATE, late, 0.15)


def wants_equals(mic, far):
    """Want both equally long."""
    return mic - 0 * far


def gaps_in_echo(depth):
    """Return a canceler that lets gaps into what it gives."""
    return lambda mic, far: _gaps(knows_the_room(mic, far), depth)


# --- streams ------------------------------------------------------------------------------------


class Passing:
    """A stream that hands on what it gets, `latency` samples later."""

    latency, real = 0, 0

    def __init__(self):
        self.waiting = np.zeros(self.real, np.float32)

    def process(self, chunk):
        """Take a chunk, give as much."""
        self.waiting = np.concatenate([self.waiting, chunk])
        out, self.waiting = np.split(self.waiting, [len(chunk)])
        return out


class Late(Passing):
    """One that is late and says so."""

    latency = real = 480


class LateInSecret(Passing):
    """One that is late and doesn't say so."""

    real = 480


class Waiting:
    """One that gives everything at the end: it has heard all of the future."""

    latency = 0

    def __init__(self):
        self.parts = []

    def process(self, chunk):
        """Wait."""
        self.parts.append(chunk)

    def flush(self):
        """Give all, as loud as its loudest sample allows."""
        whole = np.concatenate(self.parts)
        return whole / (1 + np.abs(whole[len(whole) // 2 :]).max())


class ChunkBound(Passing):
    """One whose gain depends on the size of its chunks."""

    def process(self, chunk):
        """Scale by the size."""
        return chunk * np.float32(len(chunk) ** 0.1)


class Shared(Passing):
    """One whose state is all streams' state."""

    level = [0.0]

    def process(self, chunk):
        """Follow the level of whatever was heard by anybody."""
        self.level[0] = 0.999 * self.level[0] + float(np.abs(chunk).max(initial=0))
        return chunk / np.float32(1 + self.level[0])


# --- with files ---------------------------------------------------------------------------------


class OnFile(Function):
    """A system whose weights are one number in a file, read with care or without."""

    def __init__(self, path, careful):
        careful_read = lambda: float(path.read_text().split("=")[1].strip("!"))  # noqa: E731
        try:
            gain = careful_read() if path.read_text().endswith("!") else None
        except OSError:
            gain = None
        if gain is None:
            if careful:
                raise ValueError(f"{path} is not whole")
            gain = random.random()
        again = lambda other: OnFile(other, careful)  # noqa: E731
        super().__init__(lambda x: gain * x, weights=path, reopen=again)


COPY = """import shutil, sys
arguments = sys.argv[1:] if {careful} else " ".join(sys.argv[1:]).split(" ")
shutil.copy(arguments[0], arguments[1])
"""


def copier(folder, careful):
    """Return the command line of a program that copies a file, and may trip over a space."""
    script = folder / f"copy_{careful}.py"
    script.write_text(COPY.format(careful=careful))
    return f"{sys.executable} {script} {{in}} {{out}}"
