"""Damaged files: hundreds of them, always the same; none may crash, hang, or pass for whole.

All are loaded in one process of its own, which a crash of a decoder would end, and which is not
allowed the memory that a damaged header may ask for.
"""

import collections
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from helpers import audio

pytestmark = pytest.mark.slow

EACH = 40  # damaged files of each format
FORMATS = {
    "pcm.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "alaw.wav": ("WAV", "ALAW"),
    "adpcm.wav": ("WAV", "IMA_ADPCM"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_24"),
}
SECONDS = 20  # for one file; on an idle computer the slowest takes 0.05
LOAD = f"""
import json, sys, time
from pathlib import Path
import numpy as np
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
except ImportError:  # Windows
    pass
import soundfile, soxr
from helpers import audio
from helpers.files import decode

for path in map(Path, json.load(sys.stdin)):
    start = time.perf_counter()
    try:
        clip = audio.load(path.read_bytes() if path.stem[-1] in "02468" else path, rate=8000)
        assert len(clip) and np.isfinite(clip.samples).all()
        found = "sound"
    except ValueError as problem:
        found = str(problem)
    except BaseException as problem:
        found = "!" + repr(problem)
    if time.perf_counter() - start > {SECONDS}:
        found = "!slow"
    print(json.dumps([path.name, found]), flush=True)
"""


def whole(kind, subtype):
    """Return the contents of a sound file of some 0.6 s of speech."""
    file, clip = io.BytesIO(), audio.load(audio.SOUNDS / "mix_speech.wav").cut(1, 1.6)
    stereo = np.stack([clip.samples, clip.samples[::-1]], axis=1)
    samples = stereo if subtype in ("PCM_16", "VORBIS") else clip.samples
    soundfile.write(file, samples, clip.rate, format=kind, subtype=subtype)
    return bytearray(file.getvalue())


def flip(rng, data):
    """Turn single bits."""
    for _ in range(rng.integers(1, 30)):
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return data


def header(rng, data):
    """Write other numbers into the first bytes, where sizes, rates and counts stand."""
    for _ in range(rng.integers(1, 4)):
        start, size = rng.integers(4, 80), rng.choice([1, 2, 4])
        value = rng.choice([0, 1, 2**31 - 1, 2**32 - 1, rng.integers(2**32)])
        data[start : start + size] = int(value).to_bytes(8, "little")[:size]
    return data


def cut(rng, data):
    """Lose the end."""
    return data[: rng.integers(1, len(data))]


def hole(rng, data):
    """Lose a piece in the middle, or get zeros in its place."""
    start, size = rng.integers(len(data)), rng.integers(1, 400)
    data[start : start + size] = bytes(size) if rng.random() < 0.5 else b""
    return data


def swap(rng, data):
    """Get a piece of it twice, or something else in between."""
    start, size = rng.integers(len(data)), rng.integers(1, 400)
    piece = data[start : start + size] if rng.random() < 0.5 else rng.bytes(size)
    at = rng.integers(len(data))
    return data[:at] + piece + data[at:]


DAMAGES = (flip, header, cut, hole, swap)


@pytest.fixture(scope="module")
def loaded(root, tmp_path_factory):
    """Load all of them; return what came of each."""
    folder, paths = tmp_path_factory.mktemp("damaged"), []
    for name, kind in FORMATS.items():
        good = whole(*kind)
        for i in range(EACH):
            damage = DAMAGES[i % len(DAMAGES)]
            rng = np.random.default_rng([i, *name.encode()])
            path = folder / f"{damage.__name__}_{name.replace('.', '_')}_{i}.{name.split('.')[-1]}"
            path.write_bytes(damage(rng, good.copy()))
            paths.append(str(path))
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=json.dumps(paths),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd=root,
        timeout=600,
        check=False,
    )
    found = dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith('["'))
    assert done.returncode == 0, f"died after {list(found)[-1:]}: {done.stderr[-1000:]}"
    assert len(found) == len(paths) >= 300
    return found


def test_damaged_files_are_sound_or_a_clear_error(loaded):
    bad = {name: found for name, found in loaded.items() if found.startswith("!")}
    assert bad == {}


def test_errors_say_what_to_do(loaded):
    errors = {found for found in loaded.values() if found != "sound"}
    cures = ("copy", "convert", "record", "ffmpeg", "set them to 0")
    assert [error for error in errors if not any(cure in error for cure in cures)] == []


def test_files_that_are_cut_off_are_refused(loaded):
    """But for a few bytes of padding after the last sample."""
    passed = [name for name, found in loaded.items() if name[:3] == "cut" and found == "sound"]
    assert passed == []


def test_the_damage_is_of_every_kind(loaded):
    """Some of it is heard, some is refused: neither all nor nothing reaches the decoders."""
    counts = collections.Counter(
        (name.split("_")[0], found == "sound") for name, found in loaded.items()
    )
    for damage in (flip, header, hole, swap):
        assert counts[damage.__name__, True] >= 3, damage.__name__
        assert counts[damage.__name__, False] >= 3, damage.__name__
    assert counts["cut", False] >= 50


@pytest.mark.parametrize("kind", FORMATS.values(), ids=FORMATS)
def test_what_is_damaged_was_whole(kind):
    clip = audio.load(bytes(whole(*kind)))
    assert clip.duration == pytest.approx(0.6, abs=0.04)
