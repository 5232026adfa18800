"""A voice told by a vector: describe a recording, and pick the track that is nearest to it.

Taught in 16_more_ears.
"""

from collections.abc import Callable, Sequence

import numpy as np

from helpers.clip import Clip

LOUD = 1e-2  # a frame counts as voice above this share of the loudest frame's power
OCTAVE = 0.03  # how much more alike a period an octave lower has to be
CLEAR = 0.6  # a frame has a pitch if it is that much like itself a period later


def pitch(clip: Clip) -> np.ndarray:
    """Describe a voice by one number: how high it is on average.

    Parameters
    ----------
    clip : Clip
        One person's speech.

    Returns
    -------
    ndarray [shape=(1,)]
        Logarithm to the base 2 of the median fundamental frequency in Hz: 1 is an octave.

    Raises
    ------
    ValueError
        If the clip is silent or shorter than 0.1 s.

    Notes
    -----
    The highest peak of each frame's autocorrelation between 65 and 400 Hz; frames without a clear
    one, such as hissing consonants, are left out. Boersma, "Accurate short-term analysis of the
    fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings
    17, 1993.

    Examples
    --------
    >>> tone = Clip(np.sin(2 * np.pi * 128 * np.arange(8000) / 8000), 8000)
    >>> pitch(tone).round(1).tolist()
    [7.0]
    """
    import librosa

    samples, size = _voice(clip), 2 * round(0.032 * clip.rate)
    padded, window = np.pad(samples, size // 2), np.hanning(size)
    frames = librosa.util.frame(padded, frame_length=size, hop_length=size // 4)
    frames = frames[:, _loud(samples, size)].T  # (frames, size)
    both = np.vstack([frames * window, window])
    power = np.abs(np.fft.rfft(both, 2 * size)) ** 2
    like = np.fft.irfft(power)[:, : size // 2]  # how like itself a frame is, some samples later
    like = like[:-1] / like[-1]  # the window alone makes it fall
    first, last = round(clip.rate / 400), round(clip.rate / 65)
    # Two periods are as much alike as one: an octave up has to win where both are the same.
    cost = OCTAVE * np.log2(np.arange(first, last + 1) / first)
    lags = first + np.argmax(like[:, first : last + 1] / like[:, :1] - cost, axis=1)
    clear = like[np.arange(len(like)), lags] / like[:, 0]
    lags = lags[clear >= min(CLEAR, np.quantile(clear, 0.9))]
    return np.array([np.median(np.log2(clip.rate / lags))])


def timbre(clip: Clip) -> np.ndarray:
    """Describe a voice by its spectral envelope: mean and spread of mel cepstra.

    Parameters
    ----------
    clip : Clip
        One person's speech.

    Returns
    -------
    ndarray [shape=(38,)]
        Means and standard deviations of 19 mel-frequency cepstral coefficients, over the frames
        that are loud enough. The first one, which is loudness, is left out.

    Raises
    ------
    ValueError
        If the clip is silent or shorter than 0.1 s.

    Notes
    -----
    Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word
    recognition", IEEE Transactions on Acoustics, Speech, and Signal Processing 28 (4), 1980.

    Examples
    --------
    >>> hiss = Clip(0.1 * np.random.default_rng(0).normal(size=8000), 8000)
    >>> bool(np.allclose(timbre(hiss), timbre(hiss.gain(-20)), atol=1e-3))
    True
    """
    import librosa

    samples, size = _voice(clip), 2 * round(0.016 * clip.rate)
    cepstra = librosa.feature.mfcc(
        y=samples, sr=clip.rate, n_mfcc=20, n_fft=size, hop_length=size // 4, n_mels=40
    )
    loud = cepstra[1:, _loud(samples, size)[: cepstra.shape[1]]]
    return np.concatenate([loud.mean(axis=1), loud.std(axis=1)])


def filters(clip: Clip) -> np.ndarray:
    """Describe a voice by how strongly each filter of MossFormer's encoder answers to it.

    Parameters
    ----------
    clip : Clip
        One person's speech at 8 kHz.

    Returns
    -------
    ndarray [shape=(filters,)]
        Logarithms of the mean responses, less their mean.

    Raises
    ------
    ValueError
        If the clip is silent, shorter than 0.1 s, or not at 8 kHz.

    Examples
    --------
    >>> hiss = Clip(np.random.default_rng(0).normal(size=8000), 8000)
    >>> bool(abs(filters(hiss).mean()) < 1e-3)
    True
    """
    from helpers import models, networks

    record = networks.get("mossformer", "speech-separation")
    if clip.rate != record.rate:
        raise ValueError(
            f"the encoder hears {record.rate} Hz, and {clip!r} has {clip.rate}: "
            f"audio.resample(clip, {record.rate})"
        )
    assert record.encode is not None  # MossFormer has an encoder
    samples = _voice(clip)
    model = models.load("mossformer", tier="embedded", quiet=True)
    means = record.encode(model)(samples).mean(axis=1)
    logs = np.log(means + 1e-3 * means.mean())
    return logs - logs.mean()


DESCRIPTIONS = {"pitch": pitch, "timbre": timbre, "encoder": filters}


def pick(
    tracks: Sequence[Clip], enrolled: Clip, describe: Callable[[Clip], np.ndarray] = timbre
) -> int:
    """Find the track that sounds most like an enrolled voice.

    Parameters
    ----------
    tracks : sequence of Clip
        What a separator gave.
    enrolled : Clip
        Another recording of the wanted person.
    describe : callable
        From a Clip to a vector; `pitch`, `timbre`, `filters` or one of yours.

    Returns
    -------
    int
        Which track is nearest. There always is one, also if the person isn't there at all.

    Examples
    --------
    >>> low, high = (Clip(np.sin(np.arange(8000) * w), 8000) for w in (0.08, 0.2))
    >>> pick([high, low], low, pitch)
    1
    """
    wanted = describe(enrolled)
    return int(np.argmin([np.linalg.norm(describe(track) - wanted) for track in tracks]))


def telephone(clip: Clip, tilt: float = 12.0) -> Clip:
    """Record a clip with another microphone: high frequencies louder than low ones.

    Parameters
    ----------
    clip : Clip
        Any sound.
    tilt : float
        How many dB louder its highest frequency is than its lowest.

    Returns
    -------
    Clip
        The same words and the same voice, in another color.

    Examples
    --------
    >>> low, high = (Clip(np.sin(np.arange(8000) * w), 8000) for w in (0.05, 3.0))
    >>> round(telephone(high).level - high.level - telephone(low).level + low.level)
    11
    """
    spectrum = np.fft.rfft(clip.samples.astype(np.float64))
    gains = 10 ** (tilt / 20 * (np.linspace(0, 1, len(spectrum)) - 0.5))
    return clip.with_samples(np.fft.irfft(spectrum * gains, len(clip)))


def _voice(clip):
    """Samples at one level [shape=(n,)], or say why there is no voice in them."""
    if clip.duration < 0.1 or not np.ptp(clip.samples):
        raise ValueError(
            f"{clip!r} is silent or too short to tell a voice from: take some seconds of speech"
        )
    return (clip.samples / np.sqrt(np.mean(clip.samples.astype(np.float64) ** 2))).astype("float32")


def _loud(samples, size):
    """Which frames are loud enough to be voice, centered as librosa's [shape=(frames,)]."""
    import librosa

    padded = np.pad(samples, size // 2)
    powers = (librosa.util.frame(padded, frame_length=size, hop_length=size // 4) ** 2).mean(axis=0)
    return powers > LOUD * powers.max()
