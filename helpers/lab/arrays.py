"""Several microphones: simulated rooms, beamformers that masks steer, and WPE dereverberation.

Taught in 16_more_ears.
"""

from collections.abc import Sequence

import numpy as np

from helpers.clip import Clip
from helpers.spectra import istft, stft

SPEED = 343.0  # of sound, in m/s
TINY = 1e-12  # keeps a division by silence from being one by zero
LOADING = 1e-6  # what is added to the noise's own diagonal, as a share of its mean power


# --- rooms ----------------------------------------------------------------------------------------


def line(center: Sequence[float], count: int = 4, spacing: float = 0.05) -> np.ndarray:
    """Put microphones in a row along the first axis of a room.

    Parameters
    ----------
    center : sequence of float [shape=(3,)]
        The middle of the row, in m.
    count : int
        How many.
    spacing : float
        From one to the next, in m.

    Returns
    -------
    ndarray [shape=(count, 3)]
        Places in m.

    Examples
    --------
    >>> line((3, 2, 1), count=2, spacing=0.1)[:, 0].tolist()
    [2.95, 3.05]
    """
    places = np.tile(np.asarray(center, dtype=np.float64), (count, 1))
    places[:, 0] += spacing * (np.arange(count) - (count - 1) / 2)
    return places


def responses(
    size: Sequence[float],
    microphones: np.ndarray,
    sources: Sequence[Sequence[float]],
    rate: int,
    rt60: float,
) -> list[list[np.ndarray]]:
    """Simulate how a box-shaped room answers a click, by the image method.

    Parameters
    ----------
    size : sequence of float [shape=(3,)]
        Length, width and height of the room in m.
    microphones : ndarray [shape=(m, 3)]
        Places in m.
    sources : sequence of sequence of float [shape=(k, 3)]
        Places in m.
    rate : int
        In Hz.
    rt60 : float
        The reverberation time in s: how long until what was said is 60 dB softer. 0 is no walls.

    Returns
    -------
    list of list of ndarray [shape=(n,)]
        One list a source, in it one response a microphone, in double precision.

    Raises
    ------
    ValueError
        If a place lies outside, or no walls make so short a reverberation.

    Notes
    -----
    Allen and Berkley, "Image method for efficiently simulating small-room acoustics", Journal of
    the Acoustical Society of America 65 (4), 1979; computed by pyroomacoustics.

    Examples
    --------
    >>> ((click,),) = responses((4, 3, 2.5), line((2, 1, 1), 1), [(2, 2, 1)], 16000, rt60=0)
    >>> later = np.argmax(np.abs(click)) - 40  # half a fractional-delay filter comes before it
    >>> bool(abs(later - 16000 / 343) < 1)
    True
    """
    import pyroomacoustics as pra

    box, places = np.asarray(size, dtype=np.float64), np.vstack([microphones, *sources])
    if ((places <= 0) | (places >= box)).any():
        outside = places[((places <= 0) | (places >= box)).any(axis=1)][0].round(2).tolist()
        raise ValueError(
            f"{outside} lies outside of a room of {box.tolist()} m: all three numbers have to be "
            "between 0 and the room's"
        )
    absorption, order = 1.0, 0
    if rt60:
        try:
            absorption, order = pra.inverse_sabine(rt60, box)
        except ValueError as short:
            raise ValueError(
                f"no walls give a room of {box.tolist()} m a reverberation of {rt60:g} s, even if "
                "they swallow all: take a smaller room, a longer time, or rt60=0 for no walls"
            ) from short
    room = pra.ShoeBox(box, rate, materials=pra.Material(absorption), max_order=order)
    room.add_microphone_array(np.asarray(microphones, dtype=np.float64).T)
    for place in sources:
        room.add_source(list(place))
    room.compute_rir()
    return [[np.asarray(mic[k]) for mic in room.rir] for k in range(len(sources))]


def early(response: np.ndarray, rate: int, milliseconds: float = 32.0) -> np.ndarray:
    """Keep the direct sound of a response and what comes soon after it.

    Parameters
    ----------
    response : ndarray [shape=(n,)]
        Of a room.
    rate : int
        In Hz.
    milliseconds : float
        How long after the loudest sample, which is taken for the direct sound.

    Returns
    -------
    ndarray [shape=(n,)]
        Zeros from there on.

    Examples
    --------
    >>> early(np.array([0.0, 1.0, 0.5, 0.25]), rate=1000, milliseconds=1).tolist()
    [0.0, 1.0, 0.5, 0.0]
    """
    until = int(np.argmax(np.abs(response))) + round(milliseconds * rate / 1000) + 1
    return np.where(np.arange(len(response)) < until, response, 0.0)


def heard(clip: Clip, response: Sequence[np.ndarray]) -> list[Clip]:
    """Play a clip in a room: what each microphone gets of it.

    Parameters
    ----------
    clip : Clip
        The sound, without a room of its own.
    response : sequence of ndarray [shape=(n,)]
        One a microphone, as `responses` makes them for a source.

    Returns
    -------
    list of Clip
        One a microphone, as long as the clip.

    Examples
    --------
    >>> late = heard(Clip([1.0, 0.0, 0.0], 8000, "click"), [np.array([0, 0.5])])
    >>> late[0].samples.tolist()
    [0.0, 0.5, 0.0]
    """
    from scipy.signal import fftconvolve

    waves = [fftconvolve(clip.samples.astype(np.float64), one)[: len(clip)] for one in response]
    return [
        clip.with_samples(wave, f"{clip.name} · microphone {i}".strip(" ·"))
        for i, wave in enumerate(waves, start=1)
    ]


# --- beamformers ----------------------------------------------------------------------------------


def spectrum(microphones: Sequence[Clip]) -> np.ndarray:
    """Transform all microphones.

    Parameters
    ----------
    microphones : sequence of Clip
        What each heard, of one rate and length.

    Returns
    -------
    ndarray of complex [shape=(bins, m, frames)]
        For each frequency, one row a microphone.

    Raises
    ------
    ValueError
        If there are fewer than two, or they differ in rate or length.

    Examples
    --------
    >>> spectrum([Clip(np.ones(8000), 8000)] * 2).shape
    (129, 2, 126)
    """
    if len(microphones) < 2 or len({(clip.rate, len(clip)) for clip in microphones}) > 1:
        raise ValueError(
            f"two microphones or more, of one rate and length, are needed, not {microphones}: cut "
            "all of them alike, for example [clip.cut(0, 4) for clip in microphones]"
        )
    return np.stack([stft(clip) for clip in microphones], axis=1)


def covariance(cells: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Average, over the cells that a mask picks, how the microphones go together.

    Parameters
    ----------
    cells : ndarray of complex [shape=(bins, m, frames)]
        Of all microphones, as `spectrum` makes them.
    mask : ndarray [shape=(bins, frames)]
        Weights of the cells, 0 or more.

    Returns
    -------
    ndarray of complex [shape=(bins, m, m)]
        The spatial covariance matrix of each frequency.

    Raises
    ------
    ValueError
        If the mask is not one for these cells.

    Examples
    --------
    >>> cells = np.array([[[1, 2], [1j, 0]]])  # one frequency, two microphones, two frames
    >>> round(float(covariance(cells, np.array([[1, 0]]))[0, 1, 0].imag), 3)
    1.0
    """
    mask = np.asarray(mask, dtype=np.float64)
    if mask.shape != (len(cells), cells.shape[2]) or not (mask >= 0).all():
        raise ValueError(
            f"a mask of shape {mask.shape} for cells of shape {cells.shape}: it needs one number, "
            f"0 or more, for each frequency and frame, shape {(len(cells), cells.shape[2])}"
        )
    weighted = cells * mask[:, None]  # (bins, m, frames)
    return weighted @ cells.conj().swapaxes(1, 2) / (mask.sum(axis=1)[:, None, None] + TINY)


def souden(speech: np.ndarray, noise: np.ndarray, reference: int = 0) -> np.ndarray:
    """Find the MVDR weights from two covariances: no direction has to be known.

    Parameters
    ----------
    speech, noise : ndarray of complex [shape=(bins, m, m)]
        Spatial covariances.
    reference : int
        The microphone at which the speech is to stay as it is.

    Returns
    -------
    ndarray of complex [shape=(bins, m)]
        One weight a frequency and microphone; the output is the sum of conj(weight) * cell.

    Notes
    -----
    Souden, Benesty and Affes, "On optimal frequency-domain multichannel linear filtering for noise
    reduction", IEEE Transactions on Audio, Speech, and Language Processing 18 (2), 2010.

    Examples
    --------
    >>> voice = np.outer([1, 1j], [1, -1j])[None]  # a quarter of a period later at the second
    >>> np.round(souden(voice, np.eye(2)[None])[0], 3).tolist()
    [(0.5+0j), 0.5j]
    """
    ratio = np.linalg.solve(_loaded(noise), speech)  # (bins, m, m)
    total = np.trace(ratio, axis1=1, axis2=2)
    return ratio[:, :, reference] / (total[:, None] + TINY)


def steering(
    microphones: np.ndarray, source: Sequence[float], rate: int, size: int, reference: int = 0
) -> np.ndarray:
    """Tell how a wave that comes straight from a place arrives at each microphone.

    Parameters
    ----------
    microphones : ndarray [shape=(m, 3)]
        Places in m.
    source : sequence of float [shape=(3,)]
        Where the sound comes from, in m.
    rate, size : int
        Of the transform: Hz, and samples in its window.
    reference : int
        The microphone that counts as on time.

    Returns
    -------
    ndarray of complex [shape=(1 + size / 2, m)]
        Turns of phase: 1 at the reference. Loudness is taken to be the same everywhere.

    Examples
    --------
    >>> far = steering(line((0, 0, 0), 2, 0.1), (1000, 0, 0), 16000, 512)
    >>> late = -np.angle(far[10, 1]) / (2 * np.pi * 10 * 16000 / 512)
    >>> round(float(1000 * late), 2)  # ms: the second microphone is 10 cm nearer
    -0.29
    """
    distance = np.linalg.norm(np.asarray(source) - microphones, axis=1)
    late = (distance - distance[reference]) / SPEED
    hertz = np.arange(size // 2 + 1) * rate / size
    return np.exp(-2j * np.pi * hertz[:, None] * late)


def mvdr(towards: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Find the MVDR weights from a direction: as little noise as can be, and the voice unchanged.

    Parameters
    ----------
    towards : ndarray of complex [shape=(bins, m)]
        Where the voice is, as `steering` makes it.
    noise : ndarray of complex [shape=(bins, m, m)]
        Spatial covariance of all that isn't wanted. The unit matrix gives delay and sum.

    Returns
    -------
    ndarray of complex [shape=(bins, m)]
        Weights as in `souden`.

    Notes
    -----
    Capon, "High-resolution frequency-wavenumber spectrum analysis", Proceedings of the IEEE 57 (8),
    1969.

    Examples
    --------
    >>> towards = np.array([[1, 1j]])
    >>> weights = mvdr(towards, np.array([[[2, 0.5], [0.5, 1]]]))
    >>> complex(np.round((weights.conj() * towards).sum(), 3))
    (1+0j)
    """
    ratio = np.linalg.solve(_loaded(noise), towards[:, :, None])[:, :, 0]  # (bins, m)
    return ratio / ((towards.conj() * ratio).sum(axis=1, keepdims=True) + TINY)


def filtered(weights: np.ndarray, microphones: Sequence[Clip], name: str | None = None) -> Clip:
    """Add up all microphones, each weighted.

    Parameters
    ----------
    weights : ndarray of complex [shape=(bins, m)]
        As `souden` and `mvdr` make them.
    microphones : sequence of Clip
        What each heard, of one rate and length.
    name : str, optional
        Of the result.

    Returns
    -------
    Clip
        As long as the microphones' clips.

    Examples
    --------
    >>> clip = Clip(np.sin(np.arange(8000)), 8000)
    >>> both = filtered(np.full((129, 2), 0.5), [clip, clip])
    >>> bool(np.allclose(both.samples, clip.samples, atol=1e-6))
    True
    """
    cells = np.einsum("fm,fmt->ft", weights.conj(), spectrum(microphones))
    return istft(cells, microphones[0], name=name)


def beamform(
    microphones: Sequence[Clip], mask: np.ndarray, reference: int = 0, name: str = "MVDR"
) -> Clip:
    """Keep the voice that a mask marks, with all microphones: mask-based MVDR.

    Parameters
    ----------
    microphones : sequence of Clip
        What each heard, of one rate and length.
    mask : ndarray [shape=(bins, frames)]
        The share of each cell that is voice, from 0 to 1.
    reference : int
        The microphone at which the voice is to stay as it is.
    name : str
        Of the result.

    Returns
    -------
    Clip
        As long as the microphones' clips. Its weights are fixed: nothing goes on and off.

    Notes
    -----
    Heymann, Drude and Haeb-Umbach, "Neural network based spectral mask estimation for acoustic
    beamforming", ICASSP 2016.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> voice, noise = rng.normal(size=(2, 8000)) * (np.arange(8000) // 1000 % 2 == [[0], [1]])
    >>> pair = [Clip(voice + noise, 8000), Clip(voice - noise, 8000)]
    >>> mask = stft(Clip(voice, 8000)), stft(Clip(noise, 8000))
    >>> out = beamform(pair, abs(mask[0]) > abs(mask[1]))
    >>> bool(np.abs(out.samples - voice)[2000:6000].max() < 0.1)
    True
    """
    cells = spectrum(microphones)
    speech, noise = covariance(cells, mask), covariance(cells, 1 - np.asarray(mask))
    return filtered(souden(speech, noise, reference), microphones, name)


# --- masks of networks ----------------------------------------------------------------------------


def share(tracks: Sequence[Clip], wanted: int = 0) -> np.ndarray:
    """Make a mask of what a network gave: the share that one of its tracks has in each cell.

    Parameters
    ----------
    tracks : sequence of Clip
        All that the mixture was taken apart into, at the level that each has in it.
    wanted : int
        Which track the mask is to mark.

    Returns
    -------
    ndarray [shape=(bins, frames)]
        Between 0 and 1, a share of power.

    Examples
    --------
    >>> tone = Clip(np.sin(np.arange(8000)), 8000)
    >>> round(float(share([tone, tone])[41, 60]), 3)
    0.5
    """
    powers = [np.abs(stft(track)) ** 2 for track in tracks]
    return powers[wanted] / (sum(powers) + TINY)


# --- dereverberation ------------------------------------------------------------------------------


def dereverberate(
    microphones: Sequence[Clip], taps: int = 10, delay: int = 3, rounds: int = 3
) -> list[Clip]:
    """Take off what earlier frames predict of a recording: WPE.

    Parameters
    ----------
    microphones : sequence of Clip
        What one or several microphones heard, of one rate and length.
    taps : int
        How many earlier frames predict, of 8 ms each.
    delay : int
        How many frames back the first of them lies, so that the voice itself, which goes on for
        some frames, is not predicted away.
    rounds : int
        How often the power of the dry voice is estimated anew.

    Returns
    -------
    list of Clip
        One a microphone, as long as before.

    Raises
    ------
    ValueError
        If they differ in rate or length, or are too short to learn from.

    Notes
    -----
    Nakatani, Yoshioka, Kinoshita, Miyoshi and Juang, "Speech dereverberation based on
    variance-normalized delayed linear prediction", IEEE Transactions on Audio, Speech, and Language
    Processing 18 (7), 2010; computed by nara_wpe (Drude and others, ITG 2018).

    Examples
    --------
    >>> clip = Clip(np.random.default_rng(0).normal(size=16000), 16000)
    >>> [len(dry) for dry in dereverberate([clip])]
    [16000]
    """
    from nara_wpe.wpe import wpe

    clips = list(microphones)
    if not clips or len({(clip.rate, len(clip)) for clip in clips}) > 1:
        raise ValueError(
            f"microphones of one rate and length are needed, not {clips}: cut all of them alike, "
            "for example [clip.cut(0, 4) for clip in microphones]"
        )
    cells = np.stack([stft(clip) for clip in clips], axis=1)  # (bins, m, frames)
    least = delay + 2 * taps * len(clips)
    if cells.shape[2] < least:
        raise ValueError(
            f"{cells.shape[2]} frames are too few to learn {taps * len(clips)} weights a "
            f"frequency from, {least} are the least: take a longer clip, or fewer taps"
        )
    dry = wpe(cells, taps=taps, delay=delay, iterations=rounds)
    return [
        istft(dry[:, i], clip, name=f"{clip.name} · WPE".strip(" ·"))
        for i, clip in enumerate(clips)
    ]


def _loaded(noise):
    """Covariances with a little of their own power added on the diagonal: safe to invert."""
    m = noise.shape[-1]
    power = np.trace(noise, axis1=1, axis2=2).real / m
    return noise + (LOADING * power + TINY)[:, None, None] * np.eye(m)
