"""Examinations of what is heard: does the noise go, does the voice stay, in this and that company?

Thresholds are generous: what fails here is heard by anybody. The measured number is the result.
"""

import numpy as np

from helpers.clinic import measure, sounds
from helpers.clinic.record import bad, examination, judge

SECONDS = 4.8  # the whole of a voice
DENOISERS = ("denoiser", "stream")
SINGLE = ("denoiser", "stream", "canceler")
LOSS = 12  # dB of a voice that may go


@examination("speech", "high", "makes noisy speech less noisy", kinds=DENOISERS, needs=("trained",))
def noise(patient):
    """A voice in white noise, 12 dB below it, and where nobody speaks."""
    n = round(SECONDS * patient.rate)
    clean = np.concatenate([patient.voice(n), np.zeros(patient.rate, np.float32)])
    noisy = clean + sounds.noise(len(clean), -38)
    out = patient.run(noisy)
    if problem := patient.broken(out):
        return problem
    pause = slice(n + patient.rate // 4, n + patient.rate * 3 // 4)
    less = measure.db(noisy[pause]) - measure.db(out[:, pause])
    kept = _kept(out[0][:n], clean[:n])
    said = f"noise in a pause becomes {less:.1f} dB softer, the voice {-kept:.1f} dB"
    passes = less > 5 and less + kept > 3
    return judge(passes, said, less, "dB", patient.seconds(len(noisy)), (noisy, out[0]))


@examination("speech", "medium", "leaves clean speech alone", kinds=SINGLE, needs=("trained",))
def clean(patient):
    """A clean voice: what damage does the system do where there is nothing to do?"""
    sound, out = patient.spoken(SECONDS)
    if problem := patient.broken(out):
        return problem
    plain, filtered = measure.si_sdr(out[0], sound), measure.filtered_sdr(out[0], sound)
    said = f"a clean voice has an SI-SDR of {plain:.1f} dB afterwards, {filtered:.1f} dB where a "
    said += f"filter is forgiven{_stoi(out[0], sound, patient.rate)}"
    smallest, kept = patient.seconds(len(sound)), _kept(out[0], sound)
    if kept < -LOSS:
        return bad(f"a clean voice loses {-kept:.1f} dB", -kept, "dB", smallest, (sound, out[0]))
    return judge(filtered > 8, said, filtered, "dB", smallest, (sound, out[0]))


@examination(
    "speech",
    "medium",
    "invents nothing in bands where there was nothing",
    kinds=SINGLE,
    needs=("trained",),
)
def empty_bands(patient):
    """A voice without anything above a quarter of the rate: what is there afterwards?"""
    from scipy.signal import butter, sosfiltfilt

    low = butter(12, 0.2 * patient.rate, fs=patient.rate, output="sos")
    high = butter(12, 0.3 * patient.rate, "highpass", fs=patient.rate, output="sos")
    sound = np.float32(sosfiltfilt(low, patient.voice(round(SECONDS * patient.rate))))
    out = patient.run(sound)
    if problem := patient.broken(out):
        return problem
    extra = measure.db(sosfiltfilt(high, out[0])) - measure.db(out[0])
    said = f"a band that was empty holds {extra:.0f} dB of all that comes out"
    heard = (sound, out[0])
    return judge(extra < -35, said, extra, "dB", patient.seconds(len(sound)), heard)


@examination(
    "speech",
    "high",
    "comes back after a pause, and is silent in it",
    kinds=SINGLE,
    needs=("trained",),
)
def pause(patient):
    """A voice, three seconds of nothing at all, and the same voice again."""
    n, gap = round(2.4 * patient.rate), 3 * patient.rate
    voice = sounds.voice(patient.rate, n, loop=sounds.LOOP)
    sound = np.concatenate([voice, np.zeros(gap, np.float32), voice])
    out = patient.run(sound)
    if problem := patient.broken(out):
        return problem
    out = np.pad(out, ((0, 0), (0, max(0, len(sound) - out.shape[1]))))
    second = measure.db(out[:, n + gap :]) - measure.db(out[:, :n])
    inside = measure.db(out[:, n + patient.rate : n + gap - patient.rate // 2])
    smallest = f"{patient.seconds(n)}, 3 s of zeros, and the same again"
    if inside > -70:
        said = f"in a pause of zeros the result is at {inside:.0f} dB re full scale"
        return bad(said, inside, "dB", smallest, (sound, out[0]))
    said = f"after a pause of zeros the voice comes back {measure.than(second)}"
    return judge(abs(second) < 6, said, second, "dB", smallest, (sound, out[0]))


@examination("speech", "medium", "keeps a voice beside an alarm", kinds=SINGLE, needs=("trained",))
def alarm(patient):
    """A smoke alarm, half a second on and off, as loud as the voice."""
    tone = sounds.alarm(patient.rate, round(SECONDS * patient.rate))
    return _beside(patient, tone, "an alarm as loud")


@examination("speech", "medium", "keeps a voice beside music", kinds=SINGLE, needs=("trained",))
def music(patient):
    """Plucked chords, 6 dB below the voice."""
    chords = sounds.music(patient.rate, round(SECONDS * patient.rate))
    return _beside(patient, np.float32(0.5) * chords, "music 6 dB below")


@examination("speech", "medium", "keeps a voice on the telephone", kinds=SINGLE, needs=("trained",))
def telephone(patient):
    """A voice of 300 to 3400 Hz."""
    narrow = sounds.telephone(patient.rate, patient.voice(round(SECONDS * patient.rate)))
    return _alone(patient, narrow, "of 300 to 3400 Hz")


@examination("speech", "medium", "keeps a voice in a room", kinds=SINGLE, needs=("trained",))
def reverberation(patient):
    """A voice in a room whose sound dies away in 0.6 s."""
    voice = patient.voice(round(SECONDS * patient.rate))
    return _alone(patient, sounds.room(patient.rate, voice, 0.6), "in a room of 0.6 s")


@examination("speech", "medium", "keeps a voice on a mobile", kinds=SINGLE, needs=("trained",))
def codec(patient):
    """A voice through the codec of the first mobile telephones, at 13 kbit/s."""
    poor = sounds.coded(patient.rate, patient.voice(round(SECONDS * patient.rate)))
    return _alone(patient, poor, "through a codec of 13 kbit/s")


@examination("speech", "medium", "keeps a child's voice", kinds=SINGLE, needs=("trained",))
def child(patient):
    """A voice whose pitch and resonances are seven fifths as high."""
    high = sounds.child(patient.rate, round(SECONDS * patient.rate))
    return _alone(patient, high, "as high as a child's")


@examination("speech", "low", "keeps a voice that sings", kinds=SINGLE, needs=("trained",))
def singing(patient):
    """Notes held for 0.8 s with vibrato: computed, harmonics through resonances, and no person."""
    held = sounds.singing(patient.rate, round(SECONDS * patient.rate))
    return _alone(patient, held, "that sings")


@examination("speech", "medium", "keeps a voice among many", kinds=SINGLE, needs=("trained",))
def babble(patient):
    """Two men, four times each, 6 dB below the voice."""
    many = sounds.babble(patient.rate, round(SECONDS * patient.rate))
    return _beside(patient, np.float32(0.5) * many, "babble 6 dB below")


def _beside(patient, other, label):
    """Examine a voice beside another sound: how much of the voice is kept?"""
    voice = patient.voice(len(other))
    sound = voice + other
    out = patient.run(sound)
    if problem := patient.broken(out):
        return problem
    kept = _kept(out[0], voice)
    said = f"beside {label}, a voice loses {-kept:.1f} dB"
    smallest = patient.seconds(len(sound))
    return judge(kept > -LOSS, said, -kept, "dB", smallest, (sound, out[0]))


def _alone(patient, sound, label):
    """Examine a voice that is changed and alone: how much of it is kept?"""
    out = patient.run(sound)
    if problem := patient.broken(out):
        return problem
    kept = _kept(out[0], sound)
    said = f"a voice {label} loses {-kept:.1f} dB"
    smallest = patient.seconds(len(sound))
    return judge(kept > -LOSS, said, -kept, "dB", smallest, (sound, out[0]))


def _kept(out, voice):
    """Return how much of a voice is left in what came out, in dB."""
    n = min(len(out), len(voice))
    return measure.db(measure.voice_in(out[:n], voice[:n])) - measure.db(voice[:n])


def _stoi(out, sound, rate):
    """Say the intelligibility too, where the package pystoi is installed."""
    try:
        from pystoi import stoi
    except ImportError:
        return ""
    n = min(len(out), len(sound))
    return f", STOI {stoi(sound[:n], out[:n], rate):.2f}"
