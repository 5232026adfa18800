"""What a recognizer writes of a recording, and how far two texts agree. Taught in 05 and 14.

The recognizer is Moonshine's smallest English model (27 M parameters; Jeffries et al. 2024,
arXiv 2410.15608). It comes inside its package, so it needs no network.
"""

import functools
import re

from helpers import audio
from helpers.clip import Clip

RATE = 16000  # what Moonshine was trained on, in Hz
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def transcribe(clip: Clip) -> str:
    """Write down the English that is spoken in a clip.

    Parameters
    ----------
    clip : Clip
        Speech at any rate; it is resampled to 16 kHz and brought to one level.

    Returns
    -------
    str
        What was understood; empty where that is nothing.

    Raises
    ------
    ValueError
        If the clip holds no samples, or there is no recognizer for this system.

    Examples
    --------
    >>> import numpy as np
    >>> transcribe(Clip(np.zeros(16000), 16000))
    ''
    """
    if not len(clip):
        raise ValueError("there is nothing to write down: the clip holds no samples")
    if not clip.samples.any():
        return ""
    heard = audio.resample(audio.set_level(clip, -25), RATE)
    found = _recognizer().transcribe_without_streaming(heard.samples, RATE)
    return " ".join(line.text.strip() for line in found.lines)


def words(text: str) -> list[str]:
    """Cut a text into words as the word error rate compares them.

    Parameters
    ----------
    text : str
        English.

    Returns
    -------
    list of str
        Small letters, without punctuation; single digits as words.

    Examples
    --------
    >>> words("Press 1, to re-record.")
    ['press', 'one', 'to', 're', 'record']
    """
    spelled = re.sub(r"\b\d\b", lambda digit: DIGITS[int(digit[0])], text.lower())
    return re.findall(r"[^\W_]+", spelled.replace("'", "").replace("’", ""))


def word_error_rate(text: str, reference: str) -> float:
    """Count the words to replace, insert or delete, per word of the reference.

    Parameters
    ----------
    text : str
        What was written.
    reference : str
        What was said.

    Returns
    -------
    float
        0 where all words agree; above 1 where more was written wrongly than was said at all.

    Raises
    ------
    ValueError
        If the reference has no words.

    Examples
    --------
    >>> word_error_rate("Please hold the lion!", reference="please hold the line")
    0.25
    """
    from torchmetrics.functional.text import word_error_rate as rate

    wrote, said = words(text), words(reference)
    if not said:
        raise ValueError("the reference holds no words: give the text that was said")
    return round(float(rate(" ".join(wrote), " ".join(said))), 6)  # it counts in float32


@functools.lru_cache(maxsize=1)
def _recognizer():
    """Load the model, which takes a second, once."""
    try:
        from moonshine_voice import ModelArch, get_model_path
        from moonshine_voice.transcriber import Transcriber
    except (ImportError, OSError) as problem:
        raise ValueError(
            f"the recognizer does not load here ({problem}): it has wheels for Linux (glibc 2.34 "
            "or newer), Windows and macOS 15 on Apple processors; all else works without it"
        ) from problem
    return Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY)
