"""A corpus: a table on disk, mapped through a tool, broken off, gone on with, spread and killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import model_folders
import numpy as np
import psutil
import pyarrow as pa
import pytest

from helpers import audio, cli, corpus
from helpers.clip import Clip
from helpers.corpus import cluster, listing, mapping, work

pytestmark = pytest.mark.slow


def noise(seed, n=4000, rate=8000):
    return Clip(0.1 * np.random.default_rng(seed).normal(size=n), rate)


@pytest.fixture
def folder(tmp_path):
    """Twelve recordings, some in a folder of their own, a damaged one, and one that is text."""
    made = tmp_path / "corpus"
    for i in range(10):
        audio.save(noise(i, 2000 + 100 * i), made / ("deep" if i % 3 == 0 else ".") / f"r{i}.wav")
    (made / "cut.flac").write_bytes(audio.save(noise(20), tmp_path / "x.flac").read_bytes()[:3000])
    (made / "letter.wav").write_text("Dear Sir or Madam")
    return made


def softer(clip):
    return clip.gain(-6)


def files(output):
    """When each result was written, by its name."""
    paths = list(output.rglob("*.wav"))
    return {path.relative_to(output).as_posix(): path.stat().st_mtime_ns for path in paths}


def test_the_index_is_mapped_from_disk_and_read_by_our_own_reader(folder, tmp_path):
    found = corpus.index(folder, tmp_path / "index")
    assert found.column_names == ["name", "audio", "bytes", "modified", "sha256", "stem"]
    assert len(found) == 12
    assert pa.total_allocated_bytes() < 10_000  # nothing of it is in memory
    assert found.cache_files[0]["filename"].startswith(str(tmp_path / "index"))
    row = found[found["name"].index("deep/r3.wav")]
    assert isinstance(row["audio"], Clip)
    assert np.array_equal(row["audio"].samples, audio.load(folder / "deep" / "r3.wav").samples)
    assert row["sha256"] == work.sha256(folder / "deep" / "r3.wav")
    with pytest.raises(ValueError, match="it holds text"):
        found[found["name"].index("letter.wav")]


def test_an_index_is_made_of_shards_and_only_what_changed_is_read_again(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(listing, "ROWS", 5)
    corpus.index(folder, tmp_path / "index")
    before = {path.name for path in (tmp_path / "index").glob("*.arrow")}
    assert len(before) == 3
    read = []
    monkeypatch.setattr(listing, "sha256", lambda path: read.append(path.name) or "new")
    audio.save(noise(77), folder / "r1.wav")
    again = corpus.index(folder, tmp_path / "index")
    assert read == ["r1.wav"]
    assert again["sha256"].count("new") == 1
    after = {path.name for path in (tmp_path / "index").glob("*.arrow")}
    assert len(after) == 3
    assert len(after & before) == 2


def test_an_index_that_holds_the_recordings_needs_no_folder(folder, tmp_path):
    found = corpus.index(folder, tmp_path / "index", embed=True)
    wanted = audio.load(folder / "r1.wav").samples
    for path in folder.rglob("*.*"):
        path.unlink()
    clip = found[found["name"].index("r1.wav")]["audio"]
    assert clip.name == "r1"
    assert np.array_equal(clip.samples, wanted)
    rows = corpus.process(found, tmp_path / "out", softer, progress=False)
    assert sum(error is None for error in rows["error"]) == 10
    halved = audio.load(tmp_path / "out" / "r1_softer.wav")
    assert halved.level == pytest.approx(Clip(wanted, 8000).level - 6, abs=0.01)


def test_failures_are_rows_and_stop_nobody(folder, tmp_path):
    def picky(clip):
        if clip.name == "r4":
            raise RuntimeError("no memory left")
        return softer(clip)

    rows = corpus.process(folder, tmp_path / "out", picky, progress=False)
    by_name = {row["name"]: row for row in rows}
    assert list(by_name) == corpus.index(folder, tmp_path / "again")["name"]
    failed = {name: row["whose"] for name, row in by_name.items() if row["error"]}
    assert failed == {"cut.flac": "recording", "letter.wav": "recording", "r4.wav": "machine"}
    assert "it holds text" in by_name["letter.wav"]["error"]
    assert by_name["r4.wav"]["error"] == "RuntimeError: no memory left"
    assert sorted(files(tmp_path / "out")) == sorted(
        [f"r{i}_picky.wav" for i in (1, 2, 5, 7, 8)]
        + [f"deep/r{i}_picky.wav" for i in (0, 3, 6, 9)]
    )
    one = by_name["deep/r3.wav"]
    assert one["seconds"] == pytest.approx(2300 / 8000)
    assert one["levels_db"] == [pytest.approx(one["level_db"] - 6, abs=0.02)]


def test_what_is_remarked_on_is_kept_with_the_row(folder, tmp_path):
    import soundfile

    stereo = np.stack([noise(1).samples, noise(2).samples], axis=1)
    soundfile.write(folder / "stereo.wav", stereo, 8000)
    rows = corpus.process(folder, tmp_path / "out", softer, progress=False)
    said = {row["name"]: row["notices"] for row in rows if row["notices"]}
    assert list(said) == ["stereo.wav"]
    assert "averaged" in said["stereo.wav"][0]


def test_broken_off_anywhere_it_goes_on_and_writes_nothing_twice(folder, tmp_path):
    out, seen = tmp_path / "out", []

    def counted(clip):
        seen.append(clip.name)
        return softer(clip)

    for row in corpus.run(folder, out, counted, shard=5, progress=False):
        last = row["name"]
        if len(seen) == 7:
            break
    first = files(out)
    assert len(corpus.results(out)) == len(first) + sum(r["error"] is not None
                                                        for r in corpus.results(out))  # fmt: skip
    assert last in corpus.results(out)["name"]
    rows = corpus.process(folder, out, counted, shard=5, progress=False)
    assert len(rows) == 12
    assert sorted(seen) == sorted(set(seen))  # nobody twice
    whole = files(out)
    assert {name: whole[name] for name in first} == first
    corpus.process(folder, out, counted, progress=False)
    assert files(out) == whole
    assert len(seen) == 10


def test_what_changed_was_deleted_or_failed_for_a_while_is_done_again(folder, tmp_path):
    out, full = tmp_path / "out", [True]

    def tired(clip):
        if clip.name == "r4" and full[0]:
            raise MemoryError
        return softer(clip)

    corpus.process(folder, out, tired, progress=False)
    before = files(out)
    (out / "r1_tired.wav").unlink()
    audio.save(noise(99), folder / "r2.wav")
    audio.save(noise(98), folder / "letter.wav")  # the right file at last
    full[0] = False
    rows = corpus.process(folder, out, tired, progress=False)
    after = files(out)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {f"{name}_tired.wav" for name in ("r1", "r2", "r4", "letter")}
    assert [row["name"] for row in rows if row["error"]] == ["cut.flac"]


def test_other_settings_are_other_work(folder, tmp_path):
    out, seen = tmp_path / "out", []

    def at(clip, db=0):
        seen.append(db)
        return clip.gain(db)

    for db in (-3, -6, -6):
        rows = corpus.process(folder, out, at, progress=False, db=db)
    assert [seen.count(db) for db in (-3, -6)] == [10, 10]
    assert all(row["levels_db"][0] == pytest.approx(row["level_db"] - 6, abs=0.02)
               for row in rows if not row["error"])  # fmt: skip


def test_a_full_disk_stops_all_of_it(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(work.audio, "save", full)
    with pytest.raises(OSError, match="No space left"):
        corpus.process(folder, tmp_path / "out", softer, progress=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task": "sing"}, "take one of denoise, separate"),
        ({"shard": 0}, "shard=1"),
        ({"source": "gone"}, "no folder at 'gone'"),
        ({"folder": "nowhere"}, "nowhere"),
        ({"cluster": "remote"}, "take 'local', or the address"),
    ],
)
def test_a_mistake_is_said_before_any_work(folder, tmp_path, change, says):
    asked = {"source": folder, "task": "denoise"} | change
    with pytest.raises(ValueError, match=says):
        corpus.process(asked.pop("source"), tmp_path / "out", progress=False, **asked)
    assert not files(tmp_path / "out")


def test_results_do_not_go_among_the_recordings(folder):
    with pytest.raises(ValueError, match="among the recordings"):
        corpus.process(folder, folder, softer, progress=False)
    rows = corpus.process(folder, folder / "clean", softer, progress=False)
    again = corpus.process(folder, folder / "clean", softer, progress=False)
    assert len(rows) == len(again) == 12  # results in the folder are no recordings


def test_names_that_are_not_utf8_alike_or_too_long(tmp_path):
    made = tmp_path / "corpus"
    audio.save(noise(1), made / "a.wav")
    audio.save(noise(2), made / "a.flac")
    audio.save(noise(3), made / (245 * "x" + ".wav"))
    count = 3
    if sys.platform == "linux":
        os.rename(made / "a.wav", os.fsencode(made) + b"/caf\xe9.wav")
        audio.save(noise(1), made / "a.wav")
        count = 4
    rows = corpus.process(made, tmp_path / "out", softer, progress=False)
    assert rows["error"] == count * [None]
    assert len(list((tmp_path / "out").glob("*.wav"))) == count
    assert {"a.wav_softer.wav", "a.flac_softer.wav"} <= set(files(tmp_path / "out"))


def test_the_report_counts_and_compares(folder, tmp_path):
    voice = audio.load(audio.SOUNDS / "speech_with_noise1.wav").cut(0, 3)
    audio.save(voice, folder / "voice.wav")
    audio.save(voice.gain(-10).cut(1), folder / "soft.wav")
    audio.save(Clip(np.zeros(8000), 8000), folder / "silence.wav")
    for path in [*folder.glob("r*.wav"), *folder.glob("deep/*")]:  # DNSMOS takes its time
        path.unlink()
    rows = corpus.process(folder, tmp_path / "out", softer, dnsmos=True, progress=False)
    frame = corpus.table(rows)
    assert len(frame) == 5
    done = frame[frame.error.isna()]
    told = corpus.summary(rows)["value"]
    assert told["recordings"] == "5"
    assert told["done"] == "3"
    assert told["failed: the recording's fault"] == "2"
    assert told["sound"] == f"{done.seconds.sum():.2f} s"
    assert "DNSMOS change" in told
    scored = frame.set_index("name").loc["voice.wav"]
    from helpers import metrics

    wanted = metrics.dnsmos(audio.load(folder / "voice.wav", 16000))["overall"]
    assert scored.dnsmos_before == pytest.approx(wanted, abs=0.002)
    assert np.isnan(frame.set_index("name").loc["silence.wav"].dnsmos_before)
    figure = corpus.picture(rows)
    assert [bool(ax.get_xlabel() and ax.get_ylabel()) for ax in figure.axes] == [True] * 3
    plain = corpus.picture(rows.select([frame.name.tolist().index("cut.flac")]))
    assert plain.axes[0].get_title() == "0 of 1 done"


def test_separate_gives_two_tracks_a_row(tmp_path):
    shelf = str(model_folders.shelf(tmp_path / "tiny"))
    audio.save(noise(1), tmp_path / "corpus" / "a.wav")
    rows = corpus.process(
        tmp_path / "corpus", tmp_path / "out", "separate", progress=False, folder=shelf
    )
    assert rows[0]["tracks"] == ["speaker1", "speaker2"]
    assert sorted(files(tmp_path / "out")) == ["a_speaker1.wav", "a_speaker2.wav"]


# --- several processes ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two():
    """Two workers on this machine, kept for all tests here."""
    with cluster.local(2) as made:
        yield made


def slow(clip, log=None):
    """Note who did what, and take a moment."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{clip.name} {os.getpid()}\n")
    time.sleep(0.3)
    if clip.name == "poison":
        os._exit(1)
    return clip.gain(-6)


def done_by(log):
    return [line.split() for line in log.read_text(encoding="utf-8").splitlines()]


def test_workers_do_not_hand_all_memory_back_at_each_step(two):
    """Dask would have them: asking for it again takes longer than the network."""
    name = "MALLOC_TRIM_THRESHOLD_"
    for nanny in two.workers.values():
        assert nanny.pre_spawn_env["OMP_NUM_THREADS"] == "1"
        assert nanny.pre_spawn_env.get(name) == os.environ.get(name)


def test_only_this_machine_reaches_a_local_cluster(two):
    assert two.scheduler_address.startswith("tls://127.0.0.1:")
    me = psutil.Process()
    open_to = {
        connection.laddr.ip
        for process in (me, *me.children(recursive=True))
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert open_to == {"127.0.0.1"}


def test_a_cluster_gives_what_one_process_gives(folder, tmp_path, two):
    said = []
    log = tmp_path / "log"
    rows = corpus.process(
        folder, tmp_path / "many", slow, cluster=two, shard=2, progress=False, say=said.append,
        log=str(log),
    )  # fmt: skip
    alone = corpus.process(folder, tmp_path / "one", softer, progress=False)
    for name in ("name", "sha256", "level_db", "levels_db", "error", "whose"):
        assert rows[name] == alone[name], name
    assert len({who for _, who in done_by(log)}) == 2
    assert "2 workers; dashboard: http://127.0.0.1:" in said[0]
    made = {name.replace("_slow", "_softer") for name in files(tmp_path / "many")}
    assert made == set(files(tmp_path / "one"))


def test_a_worker_that_is_killed_loses_nothing(folder, tmp_path, two):
    log, said, out = tmp_path / "log", [], tmp_path / "out"

    def kill():
        while not log.exists() or len(done_by(log)) < 4:
            time.sleep(0.05)
        killed.append((done_by(log)[-1][1], files(out)))
        os.kill(int(killed[0][0]), signal.SIGKILL if os.name == "posix" else signal.SIGTERM)

    killed = []
    killer = threading.Thread(target=kill)
    killer.start()
    rows = corpus.process(
        folder, out, slow, cluster=two, shard=4, progress=False, say=said.append, log=str(log)
    )
    killer.join()
    assert sum(error is None for error in rows["error"]) == 10
    assert said[-1].startswith("1 × a worker died")
    (dead, before), after = killed[0], files(out)
    assert {name: after[name] for name in before} == before  # nothing was written twice
    names = [name for name, _ in done_by(log)]
    again = {name for name in names if names.count(name) > 1}
    assert len(again) <= 1  # the one recording at which it died
    assert len(names) == 10 + len(again)
    assert not list((out / work.STATE / "rows").iterdir())
    assert len(mapping.finished(out / work.STATE)) == 12
    assert dead not in {who for _, who in done_by(log)[-2:]}


def test_a_recording_that_ends_every_worker_becomes_a_row(folder, tmp_path, two):
    audio.save(noise(5), folder / "poison.wav")
    rows = corpus.process(
        folder, tmp_path / "out", slow, cluster=two, shard=4, progress=False, say=None,
        log=str(tmp_path / "log"),
    )  # fmt: skip
    bad = {row["name"]: row for row in rows if row["error"]}
    assert set(bad) == {"cut.flac", "letter.wav", "poison.wav"}
    assert "whoever works on it dies" in bad["poison.wav"]["error"]
    assert bad["poison.wav"]["whose"] == "machine"
    names = [name for name, _ in done_by(tmp_path / "log")]
    assert {names.count(name) for name in set(names) - {"poison"}} == {1}  # nobody else suffers


def fatal(clip):
    os._exit(1)


def test_workers_that_die_whatever_they_begin_are_said(tmp_path, two):
    """Not for hours, a shard after the other."""
    for i in range(20):
        audio.save(noise(i), tmp_path / "corpus" / f"{i}.wav")
    with pytest.raises(OSError, match="none was done: it is the workers"):
        corpus.process(
            tmp_path / "corpus", tmp_path / "out", fatal, cluster=two, shard=1, progress=False
        )


def test_no_more_shards_are_on_their_way_than_workers_can_take(folder, tmp_path, two):
    asked = work.settings(tmp_path / "out", softer, False, {})
    rows = listing.rows_of(corpus.index(folder, tmp_path / "index"))
    taken = []

    def shards():
        for row in 20 * rows:
            taken.append(row["name"])
            yield [row]

    with cluster.connected(two) as client:
        most, given = 0, 0
        for _ in cluster._all(client, shards(), asked, []):
            given += 1
            most = max(most, len(taken) - given)
    assert given == 240
    assert most <= cluster.AHEAD * 2 + 1


def test_nobody_at_the_address_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match="no scheduler answers at tcp://127.0.0.1:9"):
        corpus.process(folder, tmp_path / "out", softer, cluster="tcp://127.0.0.1:9")


def test_the_command_line_on_two_processes(folder, tmp_path):
    shelf = str(model_folders.shelf(tmp_path / "tiny"))
    out = tmp_path / "clean"
    command = [sys.executable, "-m", "helpers", "denoise", str(folder), "-o", str(out)]
    command += ["--cluster", "local", "--workers", "2", "--models", shelf, "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == cli.MISTAKE, done.stderr
    assert "dashboard: http://127.0.0.1:" in done.stderr
    assert "10 of 12 recordings done" in done.stderr
    assert "it holds text" in done.stderr
    assert "Traceback" not in done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == 12
    assert sorted(files(out))[0] == "deep/r0_denoised.wav"
    assert len(files(out)) == 10


def test_a_cluster_needs_a_folder_for_the_results(folder, capsys):
    assert cli.main(["denoise", str(folder), "--cluster"]) == cli.MISTAKE
    assert "--cluster needs --output" in capsys.readouterr().err
