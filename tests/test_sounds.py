"""The recordings: listed, unchanged, licensed, and on the right side of every split."""

import collections
import csv
import shutil

import pytest
import soundfile

from book import sounds

MB = 1e6
ROWS = sounds.rows()


@pytest.fixture
def some(tmp_path):
    """A folder with a few of the recordings and their part of the manifest."""
    few = [row for row in ROWS if row["path"].startswith(("mix_speech", "noise/keyboard/test"))]
    for row in few:
        (tmp_path / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sounds.SOUNDS / row["path"], tmp_path / row["path"])
    manifest(tmp_path, few)
    return tmp_path


def manifest(folder, table):
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(table)


def edit(folder, **changes):
    """Change the first row of a manifest; return the path that it names."""
    first, *others = sounds.rows(folder)
    manifest(folder, [first | changes, *others])
    return first["path"]


def test_the_recordings_agree_with_the_manifest():
    assert sounds.faults() == []


def test_a_sound_folder_has_no_faults(some):
    assert sounds.faults(some) == []


@pytest.mark.parametrize("name", ["new.wav", "noise/keyboard/new.ogg", "speech/nobody/new.flac"])
def test_an_unlisted_recording_is_found(some, name):
    (some / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(some / "mix_speech.wav", some / name)
    assert sounds.faults(some) == [f"{name}: not in the manifest"]


def test_a_missing_recording_is_found(some):
    (some / "mix_speech1.wav").unlink()
    assert sounds.faults(some) == ["mix_speech1.wav: missing"]


def test_a_changed_recording_is_found(some):
    path = some / "mix_speech.wav"
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1  # one bit of the last sample
    path.write_bytes(contents)
    assert sounds.faults(some) == ["mix_speech.wav: changed: its sha256 is another"]


def test_a_path_named_twice_is_found(some):
    manifest(some, [*sounds.rows(some), sounds.rows(some)[0]])
    assert sounds.faults(some) == ["manifest.csv: names a path twice"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"license": ""}, "no license"),
        ({"author": ""}, "no author"),
        ({"package": ""}, "no package"),
        ({"rate": "16000"}, "1 channels at 8000 Hz"),
        ({"seconds": "5.300"}, "5.200 s long"),
    ],
)
def test_a_wrong_row_is_found(some, change, fault):
    path = edit(some, **change)
    assert sounds.faults(some) == [f"{path}: {fault}"]


def test_all_is_25_mb_at_most():
    assert sum(path.stat().st_size for path in sounds.SOUNDS.rglob("*.*")) <= 25 * MB


def test_the_noisy_demo_has_the_length_that_the_lesson_explains():
    for name in ("speech_with_noise1.wav", "speech_with_noise1_clean.wav"):
        info = soundfile.info(sounds.SOUNDS / name)
        assert (info.frames, info.samplerate) == (75_165, 16_000)


@pytest.mark.parametrize("name", ["mix_speech", "mix_speech1"])
def test_a_mixture_is_the_sum_of_its_references(name):
    mixture, first, second = (
        soundfile.read(sounds.SOUNDS / f"{name}{part}.wav", dtype="int16")[0].astype(int)
        for part in ("", "_s1", "_s2")
    )
    assert len(mixture) == len(first) == len(second)
    assert abs(mixture - first - second).max() <= 1
    assert min(abs(first).max(), abs(second).max()) > 1000  # somebody speaks in each


def test_the_splits_keep_apart():
    speech = [row for row in ROWS if row["kind"] == "speech"]
    people = collections.defaultdict(set)
    for row in speech:
        people[row["speaker"]].add(row["split"])
    assert {frozenset(splits) for splits in people.values()} == {
        frozenset({"train", "test"}),
        frozenset({"unseen"}),
    }
    unseen = {row["sex"] for row in speech if row["split"] == "unseen"}
    assert unseen == {"female", "male"}


def test_no_recording_is_in_two_splits():
    splits = collections.defaultdict(set)
    for row in ROWS:
        splits[row["sha256"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    for row in ROWS:
        if row["split"] in ("train", "test") and "/" in row["path"]:
            assert row["path"].rsplit("/", 1)[1].startswith(row["split"])


def test_the_corpus_of_the_shipped_models_keeps_them_apart_too(root):
    """An unseen person of sounds/ was not trained on under any name of a file."""
    with open(root / "training" / "corpus_speech.csv", newline="", encoding="utf-8") as file:
        corpus = list(csv.DictReader(file))
    unseen = {row["speaker"] for row in ROWS if row["split"] == "unseen"}
    assert {row["split"] for row in corpus if row["speaker"] in unseen} == {"unseen"}
    splits = collections.defaultdict(set)
    for row in corpus:
        splits[row["name"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())


def test_six_people_or_more_speak_two_of_them_men():
    sexes = {row["speaker"]: row["sex"] for row in ROWS if row["kind"] == "speech"}
    assert len(sexes) >= 6
    assert list(sexes.values()).count("male") >= 2


def test_the_credits_are_those_of_the_manifest():
    page = (sounds.SOUNDS / "README.md").read_text(encoding="utf-8")
    assert page == sounds.page(), "python -m book.sounds"
    for author in {row["author"] for row in ROWS}:
        assert author in page


@pytest.mark.parametrize("page", ["README.md", "sounds/README.md"])
def test_the_attribution_that_its_authors_ask_for_can_be_seen(root, page):
    text = (root / page).read_text(encoding="utf-8")
    assert "Marco Menardi and Paola Dal Zot" in text
    assert "http://www.voip.ammdomus.it" in text
