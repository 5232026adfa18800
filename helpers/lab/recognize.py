"""What a recognizer writes of a recording, and how far two texts agree. Taught in 05 and 14.

pocketsphinx is a recognizer of the years before deep learning, for English, with its model in the
package: it needs no network, and any modern one would make fewer mistakes.
"""

import functools

import numpy as np

from helpers import audio
from helpers.clip import Clip

RATE = 16000  # what pocketsphinx's English model was trained on, in Hz


def transcribe(clip: Clip) -> str:
    """Write down the English that is spoken in a clip.

    Parameters
    ----------
    clip : Clip
        Speech at any rate; it is resampled to 16 kHz and brought to one level.

    Returns
    -------
    str
        Words in lower case with spaces between; empty where nothing was understood.

    Raises
    ------
    ValueError
        If the clip holds no samples.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> transcribe(Clip(np.zeros(16000), 16000))
    ''
    """
    if not len(clip):
        raise ValueError("there is nothing to write down: the clip holds no samples")
    if not clip.samples.any():
        return ""
    loud = audio.resample(audio.set_level(clip, -25), RATE).samples
    decoder = _decoder()
    # What was heard before moves the decoder's idea of silence: each clip starts from the same one.
    decoder.reinit_feat()
    decoder.start_utt()
    pcm = (np.clip(loud, -1, 1) * 32767).astype(np.int16)
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else ""


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
    >>> word_error_rate("please hold the lion", reference="please hold the line")
    0.25
    """
    from torchmetrics.functional.text import word_error_rate as rate

    if not reference.split():
        raise ValueError("the reference holds no words: give the text that was said")
    return round(float(rate(text.lower(), reference.lower())), 6)  # it counts in float32


@functools.lru_cache(maxsize=1)
def _decoder():
    """Build the decoder, which takes a second, once."""
    from pocketsphinx import Decoder

    return Decoder(samprate=RATE, loglevel="FATAL")
