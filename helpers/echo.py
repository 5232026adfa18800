"""Take the loudspeaker's sound out of what a microphone recorded. Taught in 09_cancel_echo.

First a filter that learns the room (`adaptive`), then a mask on what it left over (`echo_mask`).
"""

import functools
from typing import Any

import numpy as np

from helpers import adaptive, audio, echo_mask, frames, windows
from helpers.clip import Clip, decibel
from helpers.networks import devices

RATE = 16000  # what the filter and the mask were made for, in Hz
LEVEL = -25  # what both are given, in dB re full scale
MASKS = {"trained": echo_mask.trained_mask, "ratio": echo_mask.residual_echo_mask, None: None}
TALKS = {"far": "st", "near": "nst", "both": "dt"}  # as AECMOS names them


def cancel(
    mic, far, rate: int | None = None, residual: str | None = "trained", device: str = "cpu"
) -> Clip:
    """Cancel the echo of the far end in a microphone's recording.

    Parameters
    ----------
    mic : Clip, str, Path, bytes or file object
        What the microphone heard: any recording that `audio.load` takes, at any rate. It is heard
        at 16 kHz, so what lies above 8 kHz is lost.
    far : Clip, str, Path, bytes or file object
        What the loudspeaker was given: shorter or longer, at another rate, early or late by up to
        five seconds, by a clock that is off by up to 400 ppm; `adaptive.clock` finds out.
    rate : int, optional
        Rate of the result in Hz; None keeps the microphone's own.
    residual : str or None
        What masks the echo that the filter leaves: "trained", a small network; "ratio", a few
        lines of arithmetic; None, nothing.
    device : str
        Where the trained mask runs: "cpu", "cuda", "mps" or "auto". The filter is the processor's.

    Returns
    -------
    Clip
        The near end, as long as the microphone's recording, to the sample, and as loud as in it. If
        the microphone heard nothing of the far end, that is all that it heard, and a line on the
        log "helpers" says so.

    Raises
    ------
    ValueError
        If one of the recordings can't be read or is empty, or no such mask or device exists.

    Examples
    --------
    >>> far = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav")
    >>> mic = adaptive.shift(far, 2000, len(far)).gain(-6).named("mic")  # echo and nothing else
    >>> near = cancel(mic, far, residual=None)
    >>> near.name, len(near) == len(mic), erle(mic, near) > 20
    ('mic without echo', True, True)
    """
    if residual not in MASKS:
        known = ", ".join(map(repr, MASKS))
        raise ValueError(f"no mask for the residual is called {residual!r}: take one of {known}")
    device = devices.chosen(device)
    mic, far = audio.load(mic), audio.load(far)
    for clip, what in ((mic, "microphone's recording"), (far, "far end")):
        if not len(clip):
            raise ValueError(f"the {what} holds no samples: there is no echo to cancel")
    rate = mic.rate if rate is None else Clip(np.empty(0), rate).rate
    near, far = (audio.remove_dc(audio.resample(clip, RATE)) for clip in (mic, far))
    if near.level > -200 and far.level > -200:
        gain = LEVEL - near.level
        left, echo = adaptive.linear(near.gain(gain), audio.set_level(far, LEVEL))
        near = suppress(left, echo, residual, device).gain(-gain)
    length = max(1, round(len(mic) * rate / mic.rate))
    return audio.resample(near, rate, length).named(f"{mic.name} without echo".strip())


def suppress(left: Clip, echo: Clip, residual: str | None = "trained", device: str = "cpu") -> Clip:
    """Multiply what a filter left by a mask, window by window.

    Parameters
    ----------
    left, echo : Clip
        What the filter left, and the echo that it predicted, at 16 kHz and about -25 dB.
    residual : str or None
        As for `cancel`.
    device : str
        As for `cancel`.

    Returns
    -------
    Clip
        As long as `left`.

    Examples
    --------
    >>> noise = Clip(np.random.default_rng(0).normal(size=16000), 16000)
    >>> suppress(noise.gain(-20), noise, "ratio").level < noise.level - 20
    True
    """
    mask = MASKS[residual]
    if mask is echo_mask.trained_mask:
        mask = functools.partial(mask, device=device)
    if mask is None or not echo.samples.any() or len(left) < 512:  # too short to have a spectrum
        return left

    def run(part):  # (n, 2) -> (1, n)
        heard, predicted = (left.with_samples(column) for column in part.T)
        spectrum = mask(heard, predicted) * frames.stft(heard, echo_mask.SIZE)
        return frames.istft(spectrum, heard).samples[None]

    pair = np.stack([left.samples, echo.samples], axis=1)
    return left.with_samples(windows.overlap_add(pair, run, left.rate)[0])


def erle(mic: Clip, out: Clip, window: float | None = None) -> Any:
    """Measure the echo return loss enhancement: by how much the recording became softer.

    It means something only while the far end speaks alone: the near end and noise count as echo.

    Parameters
    ----------
    mic, out : Clip
        Before and after.
    window : float, optional
        In seconds, for a value a window; None is one value for the whole.

    Returns
    -------
    float or ndarray [shape=(windows,)]
        In dB, at most 120; NaN where the microphone heard nothing.

    Raises
    ------
    ValueError
        If the two differ in rate or length.

    Examples
    --------
    >>> tone = Clip(np.sin(np.arange(16000)), 16000)
    >>> erle(tone, tone.gain(-20), window=0.5).round(3).tolist()
    [20.0, 20.0]
    """
    if (mic.rate, len(mic)) != (out.rate, len(out)):
        raise ValueError(
            f"{mic!r} and {out!r} differ in rate or length: ERLE compares a recording before with "
            f"the same after, for example audio.resample(out, {mic.rate}, {len(mic)})"
        )
    size = max(1, len(mic) if window is None else round(window * mic.rate))
    found = []
    for at in range(0, max(1, len(mic) - size + 1), size):
        before, after = (
            float(np.square(clip.samples[at : at + size], dtype=np.float64).sum())
            for clip in (mic, out)
        )
        found.append(decibel(before / max(after, 1e-12 * before)) if before else np.nan)
    return found[0] if window is None else np.array(found)


def aecmos(far: Clip, mic: Clip, out: Clip, talk: str) -> dict[str, float]:
    """Predict how people would rate an echo canceler, from 1 (bad) to 5 (excellent).

    Parameters
    ----------
    far, mic, out : Clip
        The far end, the microphone's recording and the canceler's output, at 16 kHz; what is past
        20 s is not heard.
    talk : str
        Who speaks in them: "far", "near" or "both".

    Returns
    -------
    dict
        Ratings of the "echo" and of "other" faults, such as damage to the near end.

    Raises
    ------
    ValueError
        If rates or lengths differ, a clip is silent or beyond full scale, or `talk` is none of the
        three.

    Notes
    -----
    Purin, Sootla, Sponza, Saabas and Cutler, "AECMOS: a speech quality assessment metric for echo
    impairment", ICASSP 2022; the network comes with speechmos.

    Examples
    --------
    >>> speech = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav")
    >>> aecmos(speech, speech, speech, "far")["echo"] < 2.5
    True
    """
    clips = {"lpb": far, "mic": mic, "enh": out}
    if talk not in TALKS:
        raise ValueError(f'talk must be "far", "near" or "both", not {talk!r}')
    if len({(clip.rate, len(clip)) for clip in clips.values()}) > 1 or far.rate != RATE:
        raise ValueError(
            f"AECMOS takes three clips of one length at {RATE} Hz, and got {far!r}, {mic!r} and "
            f"{out!r}: audio.resample(clip, {RATE}, {len(mic)})"
        )
    if not all(-np.inf < clip.peak <= 0 for clip in clips.values()):
        peaks = ", ".join(f"{clip.peak:.1f}" for clip in clips.values())
        raise ValueError(
            f"AECMOS takes sound within full scale, not peaks of {peaks} dB: clip.gain"
        )
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # it warns of machines that have no GPU
    from speechmos import aecmos

    heard = {name: clip.samples for name, clip in clips.items()}
    scores = aecmos.run(heard, sr=RATE, talk_type=TALKS[talk])
    return {"echo": scores["echo_mos"], "other": scores["deg_mos"]}
