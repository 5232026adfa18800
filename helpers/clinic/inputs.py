"""Examinations of what a system is given: channels, rates, formats, and numbers that are none.

Where a system need not take something, it passes by refusing it in words that name what is wrong.
"""

import numpy as np

from helpers.clinic import measure
from helpers.clinic.record import bad, examination, judge, ok, skip

CHANNEL_WORDS = r"channel|mono|stereo|shape|dimension|\bdim\b|1-?d\b"
RATE_WORDS = r"rate|\bhz\b|\d ?k(hz)?\b"
NUMBER_WORDS = r"nan|infinite|infinity|\binf\b|finite|no number"
TYPE_WORDS = r"float|int\d|dtype|type|subtype|bit|format|contiguous|stride|real"
WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".onnx", ".safetensors", ".npz")
SECONDS = 2.0


@examination(
    "inputs",
    "high",
    "takes two channels and loses neither, or refuses them in words",
    needs=("channels",),
)
def stereo(patient):
    """A voice on the left, on the right, on both, and on both with opposite signs."""
    n = round(SECONDS * patient.rate)
    sound = patient.usual(n)
    sides = {"left": (1, 0), "right": (0, 1), "both": (1, 1), "opposite": (1, -1)}
    levels, refused = {}, ""
    for side, gains in sides.items():
        pair = sound[:, None] * np.float32(gains)
        attempt = patient.attempt(pair, CHANNEL_WORDS)
        if attempt.fault:
            return bad(
                f"two channels, shape (n, 2), end in {attempt.fault}", smallest=patient.seconds(n)
            )
        if attempt.refusal:
            refused = attempt.refusal
            continue
        out = attempt.tracks
        if n not in out.shape:
            return bad(f"two channels of {n} come back as shape {out.shape}", smallest="(n, 2)")
        levels[side] = measure.db(out) if np.isfinite(out).all() else measure.FLOOR
    if not levels:
        return ok(f"it refuses in words: {refused}")
    loudest = max(levels.values())
    gone = {side: loudest - level for side, level in levels.items()}
    side = max(gone, key=gone.get)
    said = f"a voice on the {side} comes out {gone[side]:.0f} dB below the loudest of the four ways"
    if gone[side] < 30:
        return ok(f"left, right, both and opposite are heard: {said}", gone[side], "dB")
    heard = (sound, np.zeros_like(sound))
    return bad(said, gone[side], "dB", f"{patient.seconds(n)}, two channels", heard)


@examination(
    "inputs", "high", "takes any rate, or refuses what is not its own in words", needs=("rates",)
)
def rate(patient):
    """The same speech at 8, 16, 22.05, 44.1 and 48 kHz."""
    usual, refused, worst = measure.db(patient.base(SECONDS)[1]), [], (0.0, 0, "")
    for hertz in (8000, 16000, 22050, 44100, 48000):
        n = round(SECONDS * hertz)
        sound = patient.usual(n, rate=hertz)
        attempt = patient.attempt(sound, RATE_WORDS, rate=hertz)
        if attempt.fault:
            return bad(f"{hertz} Hz ends in {attempt.fault}", hertz, "Hz", f"{n} samples")
        if attempt.refusal:
            refused.append(hertz)
            continue
        out = attempt.tracks
        late = out.shape[1] / hertz - SECONDS
        if abs(late) > 0.01:
            said = f"{SECONDS:g} s at {hertz} Hz come back as {SECONDS + late:.2f} s"
            return bad(said, late, "s", f"{n} samples at {hertz} Hz", (sound, out[0]))
        worst = max(worst, (abs(measure.db(out) - usual), hertz, ""), key=lambda each: each[0])
    if "trained" not in patient.system.features:  # random numbers do as they like with a level
        worst = (0.0, 0, "")
        said = "what is taken comes back as long"
    else:
        said = f"the level changes by at most {worst[0]:.1f} dB"
    if refused:
        said += f"; {', '.join(map(str, refused))} Hz are refused in words"
    smallest = f"{SECONDS:g} s at {worst[1]} Hz"
    return judge(worst[0] < 6, said, worst[0], "dB", smallest)


@examination("inputs", "high", "refuses NaN and infinity in words, or lets none of them spread")
def not_a_number(patient):
    """One sample in the middle that is NaN, then one that is infinite."""
    n = round(SECONDS * patient.rate)
    for label, value in (("NaN", np.nan), ("infinity", np.inf)):
        sound = patient.usual(n).copy()
        sound[n // 2] = value
        how = {"subtype": "FLOAT"} if "file" in patient.system.features else {}
        attempt = patient.attempt(sound, NUMBER_WORDS, **how)
        if attempt.fault:
            return bad(f"{label} ends in {attempt.fault}", smallest=f"one sample of {label}")
        if attempt.tracks is None:
            refusal = attempt.refusal
            continue
        share = float((~np.isfinite(attempt.tracks)).mean())
        mute = not attempt.tracks.any()
        if share > 0.05 or mute:
            said = f"one sample of {label} makes {share:.0%} of the output no number"
            said = f"one sample of {label} makes all of the output zero" if mute else said
            return bad(said, 100 * share, "%", f"{patient.seconds(n)}, one of them {label}")
        refusal = ""
    return ok(
        f"it refuses in words: {refusal}" if refusal else "one such sample spreads no further"
    )


@examination("inputs", "medium", "gives the same for the same sound in another format")
def formats(patient):
    """Arrays of 16-bit integers and double precision; or files of 16, 24 and 32 bits and floats."""
    sound = np.float32(np.round(patient.base(SECONDS)[0] * 32768) / 32768)
    if "file" in patient.system.features:
        kinds = {name: (sound, {"subtype": name}) for name in ("PCM_24", "PCM_32", "FLOAT")}
    else:
        kinds = {"int16": (np.int16(sound * 32768), {}), "float64": (np.float64(sound), {})}
    usual, refused, worst = patient.run(sound), [], (measure.FLOOR - 1, "", (None, None))
    for name, (given, how) in kinds.items():
        attempt = patient.attempt(given, TYPE_WORDS, **how)
        if attempt.fault:
            return bad(f"{name} ends in {attempt.fault}", smallest=f"{name}, {SECONDS:g} s")
        if attempt.refusal:
            refused.append(name)
            continue
        out = attempt.tracks
        if name == "int16" and measure.db(out) > measure.db(usual) + 60:
            out = out / np.float32(32768)  # it keeps to the scale that it was given
        found = (measure.error_db(out, usual), name, (sound, out[0]))
        worst = max(worst, found, key=lambda each: each[0])
    said = f"{', '.join(kinds)}: at most {worst[0]:.0f} dB apart"
    said += f"; {', '.join(refused)} refused in words" if refused else ""
    smallest = f"{worst[1]}, {patient.seconds(len(sound))}"
    return judge(worst[0] < -25, said, worst[0], "dB", smallest, worst[2])


@examination("inputs", "medium", "reads any array, however it lies in memory", needs=("array",))
def views(patient):
    """Every second sample of a longer array; an array that must not be written to."""
    sound, usual = patient.base(SECONDS)
    wide = np.zeros(2 * len(sound), np.float32)
    wide[::2] = sound
    locked = sound.copy()
    locked.flags.writeable = False
    for label, given in (("a strided view", wide[::2]), ("a read-only array", locked)):
        attempt = patient.attempt(given, TYPE_WORDS)
        if attempt.fault:
            return bad(f"{label} ends in {attempt.fault}", smallest=f"{label} of {len(sound)}")
        if attempt.tracks is not None:
            error = measure.error_db(attempt.tracks, usual)
            if error > -60:
                said = f"{label} comes out {error:.0f} dB apart from the same samples in a row"
                return bad(said, error, "dB", f"{label} of {len(sound)} samples")
    return ok("strided and read-only arrays give the same")


@examination("inputs", "medium", "leaves the caller's array as it was", needs=("array",))
def untouched(patient):
    """The input, compared with itself after the call."""
    sound, _ = patient.base(SECONDS)
    given = sound.copy()
    patient.run(given)
    changed = int((given != sound).sum())
    said = f"{changed} samples of the caller's array are changed"
    return judge(changed == 0, said, changed, "samples", patient.seconds(len(sound)))


@examination("inputs", "high", "refuses weights that are damaged or missing", needs=("weights",))
def damaged_weights(patient):
    """The same system on files cut in half, then on none at all."""
    import shutil
    import tempfile
    from pathlib import Path

    weights, told = Path(patient.system.weights), []
    files = [weights] if weights.is_file() else weights.rglob("*")
    if not any(path.suffix in WEIGHTS for path in files):
        return skip(f"its folder holds no file of weights that is known here: {', '.join(WEIGHTS)}")
    sounds = [patient.usual(patient.rate)] * (2 if patient.kind == "canceler" else 1)
    for label in ("whole", "cut in half", "missing"):
        with tempfile.TemporaryDirectory(prefix="clinic") as place:
            copy = Path(place) / weights.name
            if weights.is_dir():
                shutil.copytree(weights, copy)
            else:
                shutil.copy(weights, copy)
            for path in [copy] if copy.is_file() else list(copy.rglob("*")):
                if label != "whole" and path.suffix in WEIGHTS:
                    half = path.read_bytes()[: path.stat().st_size // 2]
                    path.unlink()
                    if label == "cut in half":
                        path.write_bytes(half)
            try:
                patient.system.reopen(copy)(*sounds)
            except Exception as problem:
                if label == "whole":
                    return skip(f"a whole copy of its weights is refused as well: {problem}")
                told.append(f"{label}: {type(problem.__cause__ or problem).__name__}")
                continue
        if label != "whole":
            said = f"weights that are {label} run all the same, without a word"
            return bad(said, smallest=f"a copy of its weights, {label}")
    return ok(f"it refuses: {'; '.join(told)}")


@examination("inputs", "low", "finds a file whatever it is called", needs=("file",))
def names(patient):
    """The system in a folder whose name has a space and letters of other scripts."""
    import tempfile

    before = tempfile.tempdir
    sound, usual = patient.base(SECONDS)
    with tempfile.TemporaryDirectory(prefix="clinic 录音 é ") as place:
        try:
            tempfile.tempdir = place
            out = patient.run(sound)
        finally:
            tempfile.tempdir = before
    error = measure.error_db(out, usual)
    said = f"a folder called 'clinic 录音 é' gives the same to {error:.0f} dB"
    return judge(error < -40, said, error, "dB", "a path with a space and Chinese letters")
