"""The player that `audio.listen` returns: heard in every lesson."""

import base64
import html
import io

import numpy as np

from helpers.clip import resample

RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz, of sound cards


class Player:
    """What `listen` returns: one player and one line of text a clip."""

    def __init__(self, clips):
        self._lines = [
            f"{clip.name or 'sound'} · {clip.duration:.2f} s · {clip.rate} Hz · {clip.level:.1f} dB"
            for clip in clips
        ]
        self._sounds = [base64.b64encode(_flac(clip)).decode() for clip in clips]

    def __repr__(self):
        return "\n".join(f"▶ {line}" for line in self._lines)

    def _repr_html_(self):
        """One figure a clip; tests/nbval_sanitize.cfg counts on the order of the attributes."""
        return "\n".join(
            f'<figure style="margin: 0.5em 0"><figcaption>{label}</figcaption><audio controls '
            f'aria-label="{label}" src="data:audio/flac;base64,{sound}"></audio></figure>'
            for label, sound in zip(map(html.escape, self._lines), self._sounds, strict=True)
        )


def _flac(clip):
    """Encode without loss, in 16 bits: what is heard is what is measured.

    A rate that no sound card has is brought to the next higher one that all browsers play.
    """
    import soundfile

    rate = next((rate for rate in RATES if rate >= clip.rate), RATES[-1])
    clip, file = resample(clip, rate), io.BytesIO()
    soundfile.write(file, np.clip(clip.samples, -1, 1), rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
