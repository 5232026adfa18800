"""Mandarin for the lessons: two poems, put together from one recorded syllable after the other.

    python -m training.mandarin      # writes sounds/mandarin_*.wav and their rows of the manifest

The syllables are those of Debian's gcin-voice, two people's, one recording for each syllable and
tone. A poem is their sequence: every syllable trimmed, set to one level and brought to one tempo
(without a change of pitch), laid over the end of the one before, a pause after each line. It is
read aloud by a machine from human syllables: no sentence melody, and no tone changes but those
that are written below. No model was trained on either of the two people.
"""

import argparse
from pathlib import Path

import numpy as np

from training import build_corpus
from training.build_corpus import RATE, SOUNDS

PACKAGE = "gcin-voice"
CONTAINED = "usr/share/gcin-voice/ogg"
SHARED = 0.035  # s that two syllables have in common
LINE_END = 1.2  # how much longer the last syllable of a line is held
PAUSE = 0.32  # s after a line

POEMS = {  # file name: what is said, in characters and in bopomofo with tones, and who says it
    "mandarin_woman.wav": {
        "text": "床前明月光，疑是地上霜。举头望明月，低头思故乡。",
        "syllables": "ㄔㄨㄤ2 ㄑㄧㄢ2 ㄇㄧㄥ2 ㄩㄝ4 ㄍㄨㄤ / ㄧ2 ㄕ4 ㄉㄧ4 ㄕㄤ4 ㄕㄨㄤ / "
                     "ㄐㄩ3 ㄊㄡ2 ㄨㄤ4 ㄇㄧㄥ2 ㄩㄝ4 / ㄉㄧ ㄊㄡ2 ㄙ ㄍㄨ4 ㄒㄧㄤ",
        "file": "5.ogg", "speaker": "gcin_chulo", "sex": "female", "seconds": 0.31,
        "author": "ChionMeilin with the vocal source from Chu Lo", "license": "CC-BY-3.0",
    },
    "mandarin_man.wav": {
        "text": "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。",
        "syllables": "ㄔㄨㄣ ㄇㄧㄢ2 ㄅㄨ4 ㄐㄩㄝ2 ㄒㄧㄠ3 / ㄔㄨ4 ㄔㄨ4 ㄨㄣ2 ㄊㄧ2 ㄋㄧㄠ3 / "
                     "ㄧㄝ4 ㄌㄞ2 ㄈㄥ ㄩ3 ㄕㄥ / ㄏㄨㄚ ㄌㄨㄛ4 ㄓ ㄉㄨㄛ ㄕㄠ3",
        "file": "3.ogg", "speaker": "gcin_edward", "sex": "male", "seconds": 0.34,
        "author": "Edward Der-Hua Liu", "license": "LGPL-3 or GPL-3",
    },
}  # fmt: skip


def main():
    """Write both poems and their rows of the manifest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    packages = build_corpus.CORPUS / "packages"
    parser.add_argument("--packages", type=Path, default=packages, help="where .deb files lie")
    parser.add_argument("--out", type=Path, default=SOUNDS, help="where sounds/ is written")
    args = parser.parse_args()
    table = ship(args.out, args.packages)
    paths = {row["path"] for row in table}
    others = [
        row for row in build_corpus.rows(args.out / "manifest.csv") if row["path"] not in paths
    ]
    build_corpus.write_manifest([*others, *table], args.out / "manifest.csv")


def ship(out, packages):
    """Write the poems; return their rows of the manifest."""
    home, version = build_corpus.fetch(PACKAGE, packages)
    table = []
    for name, poem in POEMS.items():
        about = {key: poem[key] for key in ("speaker", "sex", "author", "license", "text")}
        about |= {"language": "zh", "kind": "clean speech", "package": PACKAGE, "split": "demo"}
        wave = recite(poem, home / CONTAINED)
        table.append(build_corpus.write(out, out / name, wave, version=version, **about))
    return table


def recite(poem, folder):
    """Put a poem together: samples at 16 kHz, at -26 dB RMS where somebody speaks."""
    parts = []
    for line in poem["syllables"].split(" / "):
        names = line.split()
        longer = [1.0] * (len(names) - 1) + [LINE_END]
        spoken = [
            syllable(folder / name / poem["file"], poem["seconds"] * factor)
            for name, factor in zip(names, longer, strict=True)
        ]
        parts += [joined(spoken), np.zeros(round(PAUSE * RATE), np.float32)]
    return build_corpus.set_level(np.concatenate(parts[:-1]), -26.0)


def syllable(path, seconds):
    """Read one syllable, trimmed, at one level, as long as wanted."""
    wave = build_corpus.trim(build_corpus.decode(path), below=30.0, pad=1)
    wave = build_corpus.set_level(wave - wave.mean())
    return tempo(wave, len(wave) / RATE / (seconds + SHARED))


def tempo(wave, factor):
    """Play faster or slower at the same pitch: ffmpeg's WSOLA, which PyAV brings."""
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=RATE, layout="mono", time_base="1/16000")
    stretch, sink = graph.add("atempo", f"{factor:.4f}"), graph.add("abuffersink")
    source.link_to(stretch)
    stretch.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="flt", layout="mono")
    frame.sample_rate, frame.pts, found = RATE, 0, []
    graph.push(frame)
    graph.push(None)
    while True:
        try:
            found.append(graph.pull().to_ndarray()[0])
        except (av.error.BlockingIOError, av.error.EOFError):
            return np.concatenate(found)


def joined(waves):
    """Lay each syllable over the end of the one before, one fading out, the other in."""
    shared = round(SHARED * RATE)
    fade = np.sin(np.linspace(0, np.pi / 2, shared)) ** 2
    line = waves[0].copy()
    for wave in waves[1:]:
        wave = wave.copy()
        wave[:shared] *= fade
        line[-shared:] *= fade[::-1]
        line[-shared:] += wave[:shared]
        line = np.concatenate([line, wave[shared:]])
    return line.astype(np.float32)


if __name__ == "__main__":
    main()
