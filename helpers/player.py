"""The player that `audio.listen` returns: heard in every lesson."""

import base64
import html
import io

import numpy as np

from helpers.clip import resample


class Player:
    """What `listen` returns: one player and one line of text a clip."""

    def __init__(self, clips):
        self._lines = [
            f"{clip.name or 'sound'} · {clip.duration:.2f} s · {clip.rate} Hz · {clip.level:.1f} dB"
            for clip in clips
        ]
        self._sounds = [base64.b64encode(_mp3(clip)).decode() for clip in clips]

    def __repr__(self):
        return "\n".join(f"▶ {line}" for line in self._lines)

    def _repr_html_(self):
        """One figure a clip; tests/nbval_sanitize.cfg counts on the order of the attributes."""
        return "\n".join(
            f'<figure style="margin: 0.5em 0"><figcaption>{label}</figcaption><audio controls '
            f'aria-label="{label}" src="data:audio/mpeg;base64,{sound}"></audio></figure>'
            for label, sound in zip(map(html.escape, self._lines), self._sounds, strict=True)
        )


def _mp3(clip):
    """Encode for a browser: at a rate that all of them play, at some 16 kbit/s."""
    import soundfile

    # Average, not constant: only then the file tells its length to the sample.
    small = {"subtype": "MPEG_LAYER_III", "bitrate_mode": "AVERAGE", "compression_level": 0.95}
    clip, file = resample(clip, 16000 if clip.rate <= 16000 else 24000), io.BytesIO()
    soundfile.write(file, np.clip(clip.samples, -1, 1), clip.rate, format="MP3", **small)
    return file.getvalue()
