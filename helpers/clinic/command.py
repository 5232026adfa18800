"""A program under examination, by its command line."""

import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from helpers.clinic.system import Crashed, Refused, System

SOUND_FILES = {".wav", ".flac", ".ogg", ".aiff"}


class Command(System):
    """A program: `{in}` becomes a file that it reads, `{out}` one, or a folder, that it writes."""

    def __init__(self, line, kind="denoiser", rate=None, name="", version="", timeout=600):
        self.words, self.timeout = shlex.split(line), timeout
        if "{in}" not in line or "{out}" not in line:
            raise ValueError(
                f"a command line needs {{in}} and {{out}}, and {line!r} lacks one: for example "
                "'rnnoise {in} {out}'; a canceler's far end is {far}"
            )
        features = {"file", "rates", "trained", "loud", "channels"}
        super().__init__(name or Path(self.words[0]).name, kind, rate, features, version, line)

    def call(self, inputs, rate, subtype):
        """Write files, run the program, read what it wrote."""
        import soundfile

        with tempfile.TemporaryDirectory(prefix="clinic") as folder:
            folder = Path(folder)
            paths = {"{in}": folder / "in.wav", "{far}": folder / "far.wav"}
            paths["{out}"] = folder / "out.wav"
            if self.kind == "separator":
                paths["{out}"] = folder / "tracks"
                paths["{out}"].mkdir()
            for path, samples in zip(paths.values(), inputs, strict=False):
                soundfile.write(path, samples, rate, subtype=subtype or "PCM_16")
            words = [re.sub(r"\{\w+\}", lambda m: str(paths[m[0]]), word) for word in self.words]
            self._run(words)
            out = paths["{out}"]
            found = sorted(out.iterdir()) if out.is_dir() else [out]
            found = [path for path in found if path.suffix.lower() in SOUND_FILES]
            if not found or not found[0].is_file():
                raise Crashed("it wrote no sound file where {out} says")
            read = [soundfile.read(path, dtype="float32", always_2d=True) for path in found]
        return np.concatenate([samples.T for samples, _ in read]), read[0][1]

    def _run(self, words):
        """Run the program; tell a refusal in words from an accident."""
        try:
            done = subprocess.run(words, capture_output=True, timeout=self.timeout, check=False)
        except subprocess.TimeoutExpired:
            raise Crashed(f"it did not end within {self.timeout} s") from None
        except OSError as problem:
            raise Crashed(f"it can't be started: {problem}") from problem
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            last = said.splitlines()[-1] if said else "nothing on stderr"
            fault = Crashed if done.returncode < 0 or "Traceback" in said or not said else Refused
            raise fault(f"exit status {done.returncode}: {last}")
