"""Scenes of a conversation: 0 to 3 people who take turns and overlap, noise, a room.

A scene is a dict of arrays at 8 kHz: `voices` [shape=(3, n)], those that are absent all zeros;
`noise` [shape=(n,)], zeros where there is none; the recording is their sum. In a room the voices
are the reverberant images, as the microphone hears them: separating is asked, not drying.
"""

import numpy as np
from scipy.signal import resample_poly

from helpers.separate import loudness
from training import rooms
from training.data import SPEEDS, reverberate

RATE = 8000
MOST = 3
PEOPLE = {0: 0.03, 1: 0.20, 2: 0.42, 3: 0.35}  # how often so many people are in a scene
NOISY = 0.5  # the share of scenes with noise
SNR = (-5.0, 20.0)
SPREAD = 15.0  # dB between the loudest and the quietest person, at most
COMPUTED = 0.25  # the share of noises that arithmetic makes; the others were recorded
ROOM = 0.35  # the share of scenes in a simulated room


def draw(corpus, rng, n, bank=(), people=None, snr=None, dry=False, speeds=SPEEDS):
    """Draw a scene of n samples.

    Parameters
    ----------
    corpus : training.data.Corpus
    rng : numpy.random.Generator
    n : int
    bank : sequence of sequence of numpy.ndarray
        Impulse responses from `rooms.load`; empty: no simulated rooms.
    people : int, optional
        How many talk; by default drawn.
    snr : float, optional
        Voices over noise in dB; infinite: no noise; by default drawn.
    dry : bool
        Without rooms.
    speeds : sequence of Fraction
        How fast voices may be played.

    Returns
    -------
    dict
        `voices` [shape=(3, n)] and `noise` [shape=(n,)], float32.
    """
    if people is None:
        people = int(rng.choice(list(PEOPLE), p=list(PEOPLE.values())))
    if snr is None:
        snr = rng.uniform(*SNR) if rng.uniform() < NOISY or people == 0 else np.inf
    room = bank[rng.integers(len(bank))] if bank and not dry and rng.uniform() < ROOM else None
    voices = np.zeros((MOST, n))
    speakers, when = cast(corpus, rng, people), turns(rng, people, n)
    for at, (speaker, on) in enumerate(zip(speakers, when, strict=True)):
        wave = corpus.voice(rng, speaker, n, RATE, speeds) * on
        while np.sum(wave**2) < 1e-4 * n * np.mean(on) / 20:  # a pause filled the whole turn
            wave = corpus.voice(rng, speaker, n, RATE, speeds) * on
        if room is not None:
            wave = rooms.reverberated(wave, room[at])
        elif not dry and rng.uniform() < 0.1:
            wave = reverberate(rng, wave, RATE)
        voices[at] = wave / (loudness(wave) + 1e-9)
    spread = SPREAD if rng.uniform() < 0.3 else SPREAD / 3
    level = 0.08 * 10 ** (rng.uniform(-6, 6) / 20)
    voices *= level * 10 ** (-rng.uniform(0, spread, (MOST, 1)) * (people > 1) / 20)
    noise = np.zeros(n)
    if np.isfinite(snr):
        noise = background(corpus, rng, n)
        if room is not None and rng.uniform() < 0.5:
            noise = rooms.reverberated(noise, room[-1])
        over = loudness(voices.sum(0)) if people else level
        noise *= over / (np.sqrt(np.mean(noise**2)) + 1e-9) * 10 ** (-snr / 20)
    peak = np.abs(voices.sum(0) + noise).max()
    scale = min(1.0, 0.95 / (peak + 1e-9))
    rng.shuffle(voices)  # which row is whose says nothing
    voices, noise = ((scale * wave).astype(np.float32) for wave in (voices, noise))
    return {"voices": voices, "noise": noise}


def cast(corpus, rng, people):
    """Draw different speakers, women as often as men: so half of all pairs are of one sex."""
    chosen = []
    while len(chosen) < people:
        sex = ("female", "male")[rng.integers(2)]
        pool = [i for i, s in enumerate(corpus.speakers) if corpus.sex[s] in (sex, "unknown")]
        chance = corpus.chance[pool] / corpus.chance[pool].sum()
        speaker = corpus.speakers[pool[rng.choice(len(pool), p=chance)]]
        if speaker not in chosen:
            chosen.append(speaker)
    return chosen


def turns(rng, people, n):
    """When each person may talk: envelopes of 0 and 1 with soft edges, overlapping 0 to 100 %."""
    kind = rng.uniform()
    if people == 0 or kind < (0.4 if people > 1 else 0.5):  # all the time
        return [np.ones(n)] * people
    on = np.zeros((people, n))
    if kind < 0.7:  # everybody comes and goes once
        for row in on:
            length = int(n * rng.uniform(0.3, 1))
            start = rng.integers(0, n - length + 1)
            row[start : start + length] = 1
    else:  # one after the other, falling into each other's word
        count = max(people, int(rng.integers(2, 5)))
        order = [*rng.permutation(people), *rng.integers(0, people, count - people)]
        edges = np.linspace(0, n, count + 1)
        edges[1:-1] += rng.uniform(-0.3, 0.3, count - 1) * n / count
        for who, start, end in zip(order, edges[:-1], edges[1:], strict=True):
            more = rng.uniform(-0.1, 0.5) * n / count
            on[who, max(0, int(start - more / 2)) : int(end + more / 2)] = 1
    ramp = np.hanning(int(0.04 * RATE))
    return [np.convolve(row, ramp / ramp.sum(), "same") for row in on]


def background(corpus, rng, n):
    """Noise at 8 kHz, n samples: recorded more often than computed; babble of six or more."""
    from training import noises

    if rng.uniform() < COMPUTED or not corpus.noises:
        kind = sorted(noises.SYNTHETIC)[rng.integers(len(noises.SYNTHETIC))]
        wave = noises.SYNTHETIC[kind](rng, 2 * n)
    elif rng.uniform() < 0.06:
        people = [corpus.speaker(rng) for _ in range(rng.integers(6, 9))]
        return noises.babble([corpus.voice(rng, who, n, RATE) for who in people])
    else:
        kinds = sorted(corpus.noises)
        kind = kinds[rng.integers(len(kinds))]
        if kind == "keyboard" and len(corpus.noises[kind]) > 100:  # corpus/: single clicks
            wave = noises.typing(rng, 2 * n, corpus.noises[kind])
        else:
            wave = corpus.recorded(rng, kind, 2 * n)
    wave = resample_poly(wave, 1, 2)[:n]
    return wave / (np.sqrt(np.mean(wave**2)) + 1e-9)


def batch(corpus, rng, n, count, bank=(), share=None):
    """Draw `count` scenes: voices and noise as one array [shape=(count, 4, n)], noise last.

    `share` says how often so many people are in a scene, as PEOPLE does.
    """
    share = share or PEOPLE
    people = [int(rng.choice(list(share), p=list(share.values()))) for _ in range(count)]
    found = [draw(corpus, rng, n, bank, many) for many in people]
    return np.stack([np.concatenate([s["voices"], s["noise"][None]]) for s in found])
