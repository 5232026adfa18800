"""Simulated rooms: impulse responses at 8 kHz, computed once and kept in corpus/rooms.npz.

    python -m training.rooms             # 120 rooms of four places each, some minutes

Every room is a box of 3 to 9 m with a microphone and four sources in it (three people, one noise),
by the image method of pyroomacoustics; its reverberation time is drawn from 0.1 to 0.8 s. Drawing
a room from the bank then costs one product of spectra.
"""

import argparse
from pathlib import Path

import numpy as np

BANK = Path(__file__).parent.parent / "corpus" / "rooms.npz"
RATE = 8000
PLACES = 4


def simulate(rng, rt60):
    """Impulse responses of one room: a list of PLACES arrays, the direct sound at sample 0.

    The image method goes up to 17 reflections; what comes later is noise that dies as the room
    does, joined where the images thin out.
    """
    import pyroomacoustics as pra

    size = np.array([rng.uniform(3, 9), rng.uniform(3, 7), rng.uniform(2.4, 3.5)])
    rt60 = max(rt60, 1.1 * shortest(size))
    absorption, order = pra.inverse_sabine(rt60, size)
    room = pra.ShoeBox(size, RATE, materials=pra.Material(absorption), max_order=min(order, 17))
    microphone = rng.uniform(0.3, 0.7, 3) * size
    microphone[2] = rng.uniform(0.8, 1.6)
    room.add_microphone(microphone)
    for _ in range(PLACES):
        room.add_source(place(rng, size, microphone))
    room.compute_rir()
    found = []
    for wave in room.rir[0]:
        wave = wave[np.argmax(np.abs(wave)) :][: int(rt60 * RATE)]
        found.append((lengthened(rng, wave, rt60) / np.abs(wave[0])).astype(np.float32))
    return found


def shortest(size):
    """The reverberation time of a box whose walls take all: Sabine's formula ends there."""
    volume, surface = np.prod(size), 2 * (size[0] * size[1] + size[2] * (size[0] + size[1]))
    return 24 * np.log(10) / 343 * volume / surface


def place(rng, size, microphone):
    """A point 0.5 m from the walls and 0.4 to 3 m from the microphone."""
    while True:
        spot = rng.uniform(0.5, size - 0.5)
        spot[2] = rng.uniform(1.0, 1.8)
        if 0.4 < np.linalg.norm(spot - microphone) < 3:
            return spot


def lengthened(rng, wave, rt60):
    """Append the tail that the last reflections leave out: noise at their level, dying on."""
    n = int(rt60 * RATE)
    # The images of 17 reflections reach this far for certain; later ones are incomplete.
    sure = max(int(0.03 * RATE), int(0.6 * len(wave)))
    level = np.sqrt(np.mean(wave[max(0, sure - 200) : sure] ** 2)) if len(wave) >= sure else 0.0
    tail = level * rng.standard_normal(max(0, n - sure))
    tail *= 10 ** (-3 * np.arange(len(tail)) / RATE / rt60)
    return np.concatenate([wave[:sure], tail])


def build(count=120, seed=3):
    """Responses of `count` rooms: a list of rooms, each a list of arrays."""
    rng = np.random.default_rng(seed)
    return [simulate(rng, rng.uniform(0.1, 0.8)) for _ in range(count)]


def save(bank, path=BANK):
    """Write a bank: all responses in one array, and where each begins."""
    flat = [wave for room in bank for wave in room]
    path.parent.mkdir(parents=True, exist_ok=True)
    ends = np.cumsum([len(wave) for wave in flat])
    np.savez(path, waves=np.concatenate(flat).astype(np.float32), ends=ends)


def load(path=BANK):
    """Read a bank; an empty list where there is none (scenes are then dry or cheaply reverbed)."""
    if not path.exists():
        return []
    with np.load(path) as stored:
        flat = np.split(stored["waves"], stored["ends"][:-1])
    return [flat[at : at + PLACES] for at in range(0, len(flat), PLACES)]


def reverberated(wave, response):
    """A wave as it arrives: convolved with a response, cut to its own length."""
    size = len(wave) + len(response)
    spectrum = np.fft.rfft(wave, size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[: len(wave)]


def main():
    """Build the bank."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=120)
    args = parser.parse_args()
    save(build(args.count))
    print(f"{args.count} rooms in {BANK}")


if __name__ == "__main__":
    main()
