"""Examinations of echo cancelers: does the echo go, and does the near end stay?"""

import numpy as np

from helpers.clinic import measure
from helpers.clinic.record import bad, examination, judge
from helpers.clinic.system import SystemFault

CANCELER = ("canceler",)
SECONDS = 4.8


@examination(
    "echo", "high", "leaves the near end alone where the far end is silent", kinds=CANCELER
)
def far_silent(patient):
    """A voice at the microphone, and a loudspeaker that plays nothing."""
    voice = patient.voice(round(SECONDS * patient.rate))
    out = patient.run(voice, np.zeros_like(voice))
    if problem := patient.broken(out):
        return problem
    score, change = measure.filtered_sdr(out[0], voice), measure.db(out[0]) - measure.db(voice)
    said = f"with a silent far end the voice comes through with an SDR of {score:.1f} dB, "
    said += measure.than(change)
    return judge(
        score > 10 and abs(change) < 6,
        said,
        score,
        "dB",
        patient.seconds(len(voice)),
        (voice, out[0]),
    )


@examination("echo", "high", "takes the echo away where nobody speaks", kinds=CANCELER)
def echo_alone(patient):
    """The far end and its echo, nothing else: how much softer (ERLE), after 2 s to learn?"""
    far = patient.far(round(2 * SECONDS * patient.rate))
    return _erle(patient, far, far, "an echo alone")


@examination("echo", "medium", "finds the echo of a loudspeaker that is late", kinds=CANCELER)
def late_far(patient):
    """The same, 150 ms later than it was played."""
    far = patient.far(round(2 * SECONDS * patient.rate))
    late = np.concatenate([np.zeros(round(0.15 * patient.rate), np.float32), far])[: len(far)]
    return _erle(patient, far, late, "an echo 150 ms late")


@examination("echo", "medium", "takes a far end that is shorter or longer", kinds=CANCELER)
def far_length(patient):
    """The far end half a second shorter, then longer, than the microphone's recording."""
    n, half = round(SECONDS * patient.rate), patient.rate // 2
    mic = patient.usual(n)
    for other in (n - half, n + half):
        attempt = _two(patient, mic, patient.far(other))
        if isinstance(attempt, str):
            return bad(f"a far end of {other} samples ends in {attempt}", smallest=f"{n}, {other}")
        if attempt.shape[1] != n:
            said = f"a far end of {other} samples makes {attempt.shape[1]} of {n} come out"
            return bad(said, attempt.shape[1] - n, "samples", f"{n}, {other} samples")
    return judge(True, "as many samples come out as the microphone recorded", 0, "samples")


@examination("echo", "high", "keeps the near end while both speak", kinds=CANCELER)
def both_speak(patient):
    """A voice, and an echo at the same time, after the far end has spoken alone."""
    n = round(2 * SECONDS * patient.rate)
    far, near = patient.far(n), patient.voice(n).copy()
    near[: n // 2] = 0
    mic = near + patient.echo(far)
    out = patient.run(mic, far)
    if problem := patient.broken(out):
        return problem
    part = slice(n // 2, min(n, out.shape[1]))
    kept = measure.db(measure.voice_in(out[0][part], near[part])) - measure.db(near[part])
    said = f"while both speak the near end loses {-kept:.1f} dB"
    return judge(kept > -10, said, -kept, "dB", patient.seconds(n), (mic[part], out[0][part]))


def _erle(patient, far, played, label):
    """Measure by how much an echo without a near end becomes softer."""
    mic = patient.echo(played)
    out = patient.run(mic, far)
    if problem := patient.broken(out):
        return problem
    part = slice(2 * patient.rate, None)
    less = measure.db(mic[part]) - measure.db(out[0][part])
    said = f"{label} becomes {less:.1f} dB softer"
    return judge(less > 6, said, less, "dB", patient.seconds(len(mic)), (mic, out[0]))


def _two(patient, mic, far):
    """Run a canceler on two lengths; a refusal in words is one too many here."""
    try:
        return patient.run(mic, far)
    except SystemFault as problem:
        return str(problem)
