"""What a recording's channels have to do with each other, and what becomes of them as one.

A stereo picture is averaged. Two people on two channels are two tracks already; a microphone
beside an open input, or two microphones apart, are better heard alone. Behind `audio.load`.
"""

from dataclasses import dataclass, field

import numpy as np

FRAME = 0.02  # seconds over which a level is taken
LEAST = 1.0  # seconds: of less nothing is told
PIECE = 2**16  # samples of each block that are correlated
REACH = 0.02  # seconds by which two microphones may hear apart: 7 m
ALIKE = 0.22  # correlation of two channels below which they hear nothing in common
SPEECH = 12  # dB between loud and soft frames of somebody who speaks; hum and hiss have 1
BETTER = 6  # dB by which a channel has to have fewer faults than the average, to be kept alone


@dataclass
class Ear:
    """Listen to blocks of samples, and judge at the end.

    Parameters
    ----------
    rate : int
        Samples a second, in Hz.
    channels : int
        How many there are.
    """

    rate: int
    channels: int
    levels: list = field(default_factory=list)  # (frames, channels + 1): the last is the average
    cross: np.ndarray = field(
        init=False
    )  # correlations, summed over blocks: (lags, channels, channels)

    def __post_init__(self):
        reach = round(REACH * self.rate)
        self._lags = np.arange(-reach, reach + 1)
        self.cross = np.zeros((len(self._lags), self.channels, self.channels))

    def hear(self, block):
        """Take in a block [shape=(n, channels)]."""
        both = np.column_stack([block, block.mean(axis=1)])
        size = max(1, round(FRAME * self.rate))
        frames = both[: len(both) // size * size].reshape(-1, size, self.channels + 1)
        self.levels.append(np.einsum("fsc,fsc->fc", frames, frames) / size)
        part = block[:PIECE].astype(np.float64)
        spectra = np.fft.rfft(part, 2 * PIECE, axis=0)
        for i in range(self.channels):
            for j in range(i, self.channels):
                self.cross[:, i, j] += np.fft.irfft(spectra[:, i] * spectra[:, j].conj())[
                    self._lags
                ]

    def judge(self):
        """Tell what to do with the channels.

        Returns
        -------
        verdict : str
            "average"; "people" for somebody else on each; "apart" for microphones apart;
            "better" for one with fewer faults than the average.
        best : int
            The channel to take alone.
        """
        levels = np.concatenate(self.levels)
        if len(levels) * FRAME < LEAST or not levels[:, :-1].any(axis=0).all():
            return "average", 0
        spread = _spread(levels)
        best = int(spread[:-1].argmax())
        alike, lag = self._likeness()
        if not (spread[:-1] >= SPEECH).any():  # nobody speaks: no channel to prefer
            return "average", best
        if alike < ALIKE and (spread[:-1] >= SPEECH).all():
            return "people", best
        if spread[best] - spread[-1] > BETTER:
            return "better", best
        if alike > 1.5 * ALIKE and abs(lag) > 0.0004 and self.channels == 2:
            return "apart", best
        return "average", best

    def _likeness(self):
        """Return the largest correlation of two channels, and the lag of it in seconds."""
        zero = len(self._lags) // 2
        power = np.einsum("ii->i", self.cross[zero]).clip(1e-30)
        scores = np.abs(self.cross) / np.sqrt(np.outer(power, power))
        upper = np.triu(np.ones(scores.shape[1:]), 1)
        scores = scores * upper
        at, *_ = np.unravel_index(scores.argmax(), scores.shape)
        return scores.max(), self._lags[at] / self.rate


def _spread(levels):
    """Return by how many dB loud frames are above soft ones, a column."""
    loud, soft = (np.percentile(levels, share, axis=0) for share in (95, 10))
    # 16 bits have no level below -100 dB: digital silence is no virtue.
    return 10 * np.log10(np.maximum(loud, 1e-10) / np.maximum(soft, 1e-10))
