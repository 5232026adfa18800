"""python -m helpers: files and folders in, whole files out, and a status that scripts can read."""

import json
import os
import subprocess
import sys

import model_folders
import numpy as np
import pytest
import soundfile

from helpers import audio, cli, command
from helpers.clip import Clip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return str(model_folders.shelf(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def recordings(tmp_path):
    """A folder with two recordings, one of them in a folder of its own, and other things."""
    folder = tmp_path / "录音 一"
    for name, seed, rate in (("a b.wav", 0, 8000), ("deep/c.flac", 1, 16000)):
        audio.save(noise(seed, rate), folder / name)
    (folder / "notes.txt").write_text("not a recording")
    return folder


def noise(seed=0, rate=8000, n=2000):
    return Clip(0.1 * np.random.default_rng(seed).normal(size=n), rate)


def names(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_one_file_beside_itself(shelf, recordings, capsys):
    path = recordings / "a b.wav"
    before = path.read_bytes()
    assert cli.main(["separate", str(path), "--models", shelf]) == 0
    assert path.read_bytes() == before
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        str(recordings / f"a b_{label}.wav") for label in ("speaker1", "speaker2")
    ]
    assert "[1/1]" in err
    assert err.startswith("mossformer: local")
    for line in out.splitlines():
        clip = audio.load(line)
        assert (len(clip), clip.rate) == (2000, 8000)


def test_a_folder_into_another(shelf, recordings, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    assert cli.main(["denoise", str(recordings), "-o", str(out), "--models", shelf]) == 0
    assert names(out) == ["a b_denoised.wav", "deep/c_denoised.wav"]
    assert audio.load(out / "deep" / "c_denoised.wav").rate == 16000
    assert "[2/2]" in capsys.readouterr().err


def test_results_of_an_earlier_run_are_not_taken_for_recordings(shelf, recordings):
    for _ in range(2):
        assert cli.main(["denoise", str(recordings), "--models", shelf, "--quiet"]) == 0
    assert names(recordings) == [
        "a b.wav",
        "a b_denoised.wav",
        "deep/c.flac",
        "deep/c_denoised.wav",
        "notes.txt",
    ]


def test_json_is_all_that_goes_to_stdout(shelf, recordings, tmp_path, capsys):
    audio.save(Clip(np.zeros(8000), 8000), recordings / "silence.wav")
    options = ["--json", "--rate", "16000", "--models", shelf, "-o", str(tmp_path / "out")]
    assert cli.main(["separate", str(recordings), *options]) == 0
    reports = json.loads(capsys.readouterr().out)
    by_name = {os.path.basename(report["input"]): report for report in reports}
    assert list(by_name) == ["a b.wav", "c.flac", "silence.wav"]
    one = by_name["a b.wav"]
    assert (one["seconds"], one["rate"]) == (0.25, 8000)
    assert one["level_db"] == pytest.approx(-20, abs=0.5)
    assert one["peak_db"] > one["level_db"]
    assert one["real_time_factor"] == pytest.approx(one["took_seconds"] / 0.25, abs=0.01)
    assert [out["rate"] for out in one["outputs"]] == [16000, 16000]
    assert all(audio.load(out["path"]).duration == 0.25 for out in one["outputs"])
    assert by_name["silence.wav"]["level_db"] is None  # JSON has no -inf


def test_quiet_says_nothing(shelf, recordings, capsys):
    path = str(recordings / "a b.wav")
    assert cli.main(["denoise", path, "--models", shelf, "--quiet", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_one_bad_file_does_not_stop_the_others(shelf, recordings, tmp_path, capsys):
    (recordings / "b letter.wav").write_text("Dear Sir or Madam")
    out = tmp_path / "out"
    options = ["--models", shelf, "-o", str(out), "--json"]
    gone = str(recordings / "gone.wav")
    assert cli.main(["denoise", str(recordings), gone, *options]) == 2
    assert names(out) == ["a b_denoised.wav", "deep/c_denoised.wav"]
    said, err = capsys.readouterr()
    assert "error: " in err
    assert "it holds text" in err
    errors = [report["error"] for report in json.loads(said) if "error" in report]
    assert len(errors) == 2
    assert "no sound file at" in errors[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["separate", "gone.wav"], "no sound file at"),
        (["separate", "a b.wav", "--rate", "8"], "--rate is in Hz, such as 8000"),
        (["denoise", "a b.wav", "--rate", "-1"], "--rate is in Hz"),
        (["denoise", "empty"], "no recording in the folder"),
        (["denoise", "a b.wav", "-o", "notes.txt"], "is a file: name a folder"),
        (["denoise", "a b.wav", "deep/a b.wav", "-o", "out"], "would overwrite"),
        (["denoise", "a b.wav", "a b_denoised.wav"], "would overwrite"),
        (["cancel-echo", "a b.wav", "deep"], "give two files, or two folders"),
        (["cancel-echo", "strangers", "deep"], "nothing of the same name"),
    ],
)
def test_a_readers_mistake_is_said_and_ends_in_2(
    shelf, recordings, monkeypatch, capsys, arguments, says
):
    monkeypatch.chdir(recordings)
    (recordings / "empty").mkdir()
    audio.save(noise(), recordings / "strangers" / "z.wav")
    audio.save(noise(), recordings / "deep" / "a b.wav")
    audio.save(noise(), recordings / "a b_denoised.wav")
    before = names(recordings)
    where = [] if arguments[0] == "cancel-echo" else ["--models", shelf]
    assert cli.main([*arguments, *where]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "Traceback" not in err
    assert names(recordings) == before


@pytest.mark.parametrize("arguments", [[], ["sing"], ["denoise"], ["denoise", "a", "--tier", "x"]])
def test_a_wrong_command_line_ends_in_2_and_shows_the_right_one(arguments, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["helpers/__main__.py"])  # a worker of pytest-xdist has "-c"
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    assert "usage: python -m helpers" in capsys.readouterr().err


def test_weights_that_cannot_be_had_end_in_2(recordings, tmp_path, capsys):
    path = str(recordings / "a b.wav")
    assert cli.main(["denoise", path, "--models", str(tmp_path / "none")]) == 2
    assert "no frcrn in" in capsys.readouterr().err
    assert cli.main(["denoise", path, "--tier", "hub", "--models", str(tmp_path)]) == 2
    assert "leave one out" in capsys.readouterr().err


def test_a_disk_that_refuses_ends_in_1(shelf, recordings, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audio, "save", full)
    assert cli.main(["denoise", str(recordings), "--models", shelf]) == 1
    assert "No space left" in capsys.readouterr().err


def test_ctrl_c_leaves_whole_files(shelf, recordings, monkeypatch, capsys):
    save = audio.save

    def second_time(clip, path, *rest):
        if "c_denoised" in str(path):
            raise KeyboardInterrupt
        return save(clip, path, *rest)

    monkeypatch.setattr(audio, "save", second_time)
    assert cli.main(["denoise", str(recordings), "--models", shelf]) == 130
    assert "stopped" in capsys.readouterr().err
    assert len(audio.load(recordings / "a b_denoised.wav")) == 2000


@pytest.mark.parametrize(
    ("given", "stored"),
    [("PCM_16", "PCM_16"), ("PCM_24", "PCM_24"), ("FLOAT", "FLOAT"), ("ALAW", "PCM_16")],
)
def test_results_are_stored_as_finely_as_the_recording(shelf, tmp_path, given, stored):
    audio.save(noise(), tmp_path / "a.wav", given)
    assert cli.main(["separate", str(tmp_path / "a.wav"), "--models", shelf, "--quiet"]) == 0
    assert soundfile.info(tmp_path / "a_speaker1.wav").subtype == stored


def test_what_16_bits_would_clip_is_stored_as_floats(shelf, tmp_path, monkeypatch):
    from helpers import denoise

    audio.save(noise(), tmp_path / "a.wav")
    monkeypatch.setattr(denoise, "denoise", lambda clip, **_: clip.gain(60))
    assert cli.main(["denoise", str(tmp_path / "a.wav"), "--models", shelf]) == 0
    assert audio.load(tmp_path / "a_denoised.wav").peak > 20


def test_echo_of_files_and_of_folders(tmp_path, monkeypatch, capsys):
    from helpers import echo

    def cancel(mic, far, rate=None, device="cpu"):
        assert far.rate == 16000
        return audio.resample(mic, rate or mic.rate)

    monkeypatch.setattr(echo, "cancel", cancel)
    for name in ("one", "deep/two"):
        audio.save(noise(), tmp_path / "mic" / f"{name}.wav")
        audio.save(noise(1, 16000), tmp_path / "far" / f"{name}.flac")
    one = [str(tmp_path / "mic" / "one.wav"), str(tmp_path / "far" / "one.flac")]
    assert cli.main(["cancel-echo", *one, "--rate", "16000"]) == 0
    assert audio.load(tmp_path / "mic" / "one_no_echo.wav").rate == 16000
    folders = [str(tmp_path / "mic"), str(tmp_path / "far"), "-o", str(tmp_path / "out")]
    assert cli.main(["cancel-echo", *folders]) == 0
    assert names(tmp_path / "out") == ["deep/two_no_echo.wav", "one_no_echo.wav"]
    assert "[2/2]" in capsys.readouterr().err


def test_echo_for_real(tmp_path):
    far = audio.load(audio.SOUNDS / "speech_with_noise1_clean.wav").cut(0, 2)
    mic = far.with_samples(np.roll(far.samples, 800) / 2)
    paths = [str(audio.save(clip, tmp_path / f"{i}.wav")) for i, clip in enumerate((mic, far))]
    assert cli.main(["cancel-echo", *paths]) == 0
    near = audio.load(tmp_path / "0_no_echo.wav")
    assert len(near) == len(mic)
    assert near.level < mic.level - 6


def test_as_a_program(root, tmp_path):
    """Help is friendly and quick, and a mistake's status reaches the shell."""
    run = {"cwd": root, "capture_output": True, "encoding": "utf-8", "check": False}
    helped = subprocess.run([sys.executable, "-m", "helpers", "--help"], **run)
    assert helped.returncode == 0
    for word in ("separate", "denoise", "cancel-echo", "examples:", "exit status"):
        assert word in helped.stdout
    gone = str(tmp_path / "录音.wav")
    failed = subprocess.run([sys.executable, "-m", "helpers", "cancel-echo", gone, gone], **run)
    assert failed.returncode == 2
    assert "no sound file at" in failed.stderr
    assert failed.stdout == ""


# --- folders as phones, sticks and meetings leave them ------------------------------------------


def run(tmp_path, shelf, *words):
    out = tmp_path / "out"
    return cli.main(["denoise", *map(str, words), "-o", str(out), "--models", shelf]), out


def test_what_is_left_out_of_a_folder_is_said(shelf, tmp_path, capsys):
    folder = tmp_path / "phone"
    for name in ("a.wav", "._a.wav", "a_denoised.wav", "b_speaker1.wav", "memo.CAF", "readme"):
        audio.save(noise(), tmp_path / "x.wav")
        folder.mkdir(exist_ok=True)
        (tmp_path / "x.wav").rename(folder / name)
    (folder / "broken.3gp").write_bytes(b"0000ftyp" + bytes(99))
    status, out = run(tmp_path, shelf, folder)
    said = capsys.readouterr().err
    assert names(out) == ["a_denoised.wav", "b_speaker1_denoised.wav", "memo_denoised.wav"]
    assert status == 2
    assert "1 × hidden, 1 × result of an earlier run, 1 × without a suffix" in said
    assert "broken.3gp: " in said
    assert said.endswith("3 of 4 recordings done\n")


def test_two_of_one_name_in_a_folder_are_told_apart(shelf, tmp_path):
    folder = tmp_path / "in"
    for name in ("a.wav", "a.flac", "b.wav"):
        audio.save(noise(), folder / name)
    status, out = run(tmp_path, shelf, folder)
    assert status == 0
    assert names(out) == ["a.flac_denoised.wav", "a.wav_denoised.wav", "b_denoised.wav"]


def test_results_inside_the_folder_are_not_done_again(shelf, recordings, capsys):
    words = ["denoise", str(recordings), "-o", str(recordings / "clean"), "--models", shelf]
    for _ in range(2):
        assert cli.main(words) == 0
    assert "1 × the folder of the results" in capsys.readouterr().err
    assert names(recordings / "clean") == ["a b_denoised.wav", "deep/c_denoised.wav"]


@pytest.mark.parametrize("letter", ["x", "会"])
def test_a_long_name_is_shortened_and_stays_its_own(shelf, tmp_path, letter):
    folder, n = tmp_path / "in", 249 // len(letter.encode())
    audio.save(noise(), folder / "short.wav")
    for last in "ab":
        audio.save(noise(), tmp_path / "x.wav").rename(folder / f"{letter * n}{last}.wav")
    status, out = run(tmp_path, shelf, folder)
    assert status == 0
    assert len(names(out)) == 3
    assert max(len(name.encode()) for name in names(out)) <= 255
    assert not list(out.glob(".*"))


@pytest.mark.parametrize("word", ["*.wav", "'a b.wav'", "~/a b.wav", "file://HERE/a%20b.wav"])
def test_what_a_shell_may_leave_to_the_program(shelf, recordings, tmp_path, monkeypatch, word):
    monkeypatch.chdir(recordings)
    monkeypatch.setenv("HOME", str(recordings))
    monkeypatch.setenv("USERPROFILE", str(recordings))
    status, out = run(tmp_path, shelf, word.replace("HERE", recordings.as_posix()))
    assert status == 0
    assert names(out) == ["a b_denoised.wav"]


@pytest.mark.parametrize(
    ("word", "says"), [("*.mp3", "nothing is called"), ("https://a.org/b.wav", "download it first")]
)
def test_words_that_stand_for_nothing(shelf, tmp_path, capsys, word, says):
    assert run(tmp_path, shelf, word)[0] == 2
    assert says in capsys.readouterr().err


def test_an_error_of_the_system_with_one_file_does_not_stop_the_others(
    shelf, recordings, tmp_path, monkeypatch, capsys
):
    save = audio.save

    def moody(clip, path, *rest):
        if "a b" in str(path):
            raise OSError(5, "Input/output error")
        return save(clip, path, *rest)

    monkeypatch.setattr(audio, "save", moody)
    status, out = run(tmp_path, shelf, recordings)
    assert status == 1
    assert names(out) == ["deep/c_denoised.wav"]
    assert capsys.readouterr().err.endswith("1 of 2 recordings done\n")


def test_a_place_that_takes_no_files_is_said_before_the_work(
    shelf, recordings, monkeypatch, capsys
):
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert cli.main(["denoise", str(recordings), "--models", shelf]) == 2
    assert "takes no files: name a folder of yours, --output" in capsys.readouterr().err


def test_echo_of_folders_that_match_in_part(tmp_path, monkeypatch, capsys):
    from helpers import echo

    monkeypatch.setattr(echo, "cancel", lambda mic, far, rate=None, device="cpu": mic)
    for name in ("mic/one.wav", "mic/two.wav", "far/one.mp3", "far/three.wav"):
        audio.save(noise(rate=16000), tmp_path / name)
    words = [str(tmp_path / name) for name in ("mic", "far")]
    assert cli.main(["cancel-echo", *words, "-o", str(tmp_path / "out"), "--json"]) == 1
    assert names(tmp_path / "out") == ["one_no_echo.wav"]
    out, said = capsys.readouterr()
    assert "two.wav" in said
    assert "three.wav" in said
    assert "1 of 3 recordings done" in said
    errors = [os.path.basename(r["input"]) for r in json.loads(out) if "error" in r]
    assert errors == ["two.wav", "three.wav"]


@pytest.mark.parametrize("typed", ["-c", "/somewhere/bin/a2a", "a2a.exe"])
def test_the_clinic_has_the_same_door(monkeypatch, capsys, typed):
    monkeypatch.setattr("sys.argv", [typed])
    with pytest.raises(SystemExit) as ended:
        cli.main(["clinic", "--help"])
    assert ended.value.code == 0
    assert "usage: a2a clinic" in capsys.readouterr().out


@pytest.mark.parametrize("told", [None, "ACTIVE"])
def test_threads_wait_passively_unless_told_otherwise(told, root):
    env = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    env |= {"PYTHONPATH": str(root)} | ({"OMP_WAIT_POLICY": told} if told else {})
    code = "import helpers.__main__, os; print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [told or "PASSIVE"]


# --- the command's own name ---------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="the command is a .cmd file there")
def test_the_command_runs_the_course_beside_another_helpers(tmp_path):
    venv = tmp_path / "it's a venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "helpers.py").write_text("WIDTH = 80\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}
    done = subprocess.run(
        [command.install(venv), "denoise", "gone.wav"],
        cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no sound file at 'gone.wav'" in done.stderr


def test_python_m_helpers_beside_another_helpers_says_which(root, tmp_path):
    (tmp_path / "helpers.py").write_text("WIDTH = 80\n")
    site = tmp_path / "site"
    site.mkdir()
    (site / "a.pth").write_text(command.AT_START.format(root=str(root)))
    start = f"import site; site.addsitedir({str(site)!r})"
    (site / "sitecustomize.py").write_text(start)  # a .pth file is read in site folders alone
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *filter(None, sys.path[1:])])}
    for words, says in (("-m helpers denoise x.wav", "not helpers.py in"), ("-m timeit 1", "")):
        done = subprocess.run(
            [sys.executable, *words.split()],
            cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert says in done.stderr
        assert done.returncode == (2 if says else 0)
