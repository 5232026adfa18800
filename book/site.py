"""Build the site: every lesson in both languages, to be read, heard and played with.

python run.py book              builds book/_build/html from the lessons as they are committed
python run.py book --serve      builds it, and shows it at http://localhost:8000
"""

import argparse
import contextlib
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from book import listening, vendor
from book.lessons import write
from book.pages import EDITIONS, ROOT, Mender, index

HERE = Path(__file__).resolve().parent
BUILD = HERE / "_build"
CHINESE_FONT = "noto-sans-sc-chinese-simplified-{}-normal.woff"
CHINESE_CSS = """\
@font-face {{ font-family: "A2A Chinese"; font-weight: {weight}; font-display: swap;
  src: url("fonts/chinese-{weight}.woff") format("woff"); unicode-range: {letters}; }}
"""
LETTERS = "U+2E80-9FFF, U+FF00-FFEF"
CHINESE_MARKS = ", U+2014, U+2018-201D, U+2026"  # dashes and quotes, as wide as a letter


def assemble(edition, folder):
    """Write what Sphinx reads for one language."""
    mender, wanted = Mender(edition), {}
    for path, name in mender.pages.items():
        if path.endswith(".ipynb"):
            lesson = mender.lesson(path, listening.page if listening.LESSON in name else None)
            wanted[f"{name}.ipynb"] = json.dumps(lesson, ensure_ascii=False)
        else:
            text = mender.mend((ROOT / path).read_text(encoding="utf-8"), path)
            wanted[f"{name}.md"] = index(edition, text) if name == "index" else text
    if "index.md" not in wanted:  # the edition has no README yet
        wanted["index.md"] = index(edition, "# 音频转音频\n\n本课程的中文版正在翻译中。\n")
    for name, text in wanted.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, text)
    for path in mender.files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    for path in sorted(folder.rglob("*")):  # lessons that are no more
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in wanted and name not in mender.files:
            path.unlink()


def chinese_font(html):
    """Give the pages a web font with the Chinese letters that they use, and no other."""
    import io

    from fontTools import subset
    from fontTools.ttLib import TTFont

    folder = html / "_static" / "fonts"
    files = [path for path in html.rglob("*.html") if "zh" not in path.relative_to(html).parts]
    files += html.joinpath("_static").glob("*.js")
    texts = [path.read_text(encoding="utf-8") for path in files]
    used = set().union(*texts)
    for text in texts:  # scripts of Sphinx's write them as numbers
        used |= {chr(int(code, 16)) for code in re.findall(r"\\u([0-9a-f]{4})", text)}
    wide = re.compile("[\u2001-\ud7ff\uff00-\uffef]")  # the wide commas and colons at the end too
    letters = "".join(sorted(filter(wide.match, used)))
    stamp = folder / "letters.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == letters:
        return
    packed = vendor.unpack("noto-sans-sc")
    folder.mkdir(parents=True, exist_ok=True)
    for weight in (400, 700):
        font = TTFont(io.BytesIO(packed["files/" + CHINESE_FONT.format(weight)]))
        subsetter = subset.Subsetter(subset.Options(hinting=False, layout_features=[]))
        subsetter.populate(text=letters)
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(folder / f"chinese-{weight}.woff")
    (folder / "LICENSE").write_bytes(packed["LICENSE"])
    write(stamp, letters)


def unpack(name, folder):
    """Lay out the files of a vendored package that are not there yet."""
    for path, content in vendor.unpack(name).items():
        path = folder / path.removeprefix("dist/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def furnish(edition, static):
    """Lay out what all pages of a language use: scripts, styles, KaTeX."""
    static.mkdir(parents=True, exist_ok=True)
    for path in HERE.joinpath("static").glob("*.*"):
        shutil.copy2(path, static / path.name)
    unpack("katex", static / "katex")
    letters = LETTERS + (CHINESE_MARKS if edition.code == "zh" else "")
    css = "".join(CHINESE_CSS.format(weight=w, letters=letters) for w in (400, 700))
    write(static / "chinese.css", css)


def sphinx(edition, html, afresh):
    """Start Sphinx for one language."""
    source = BUILD / "source" / edition.code
    command = ["-m", "sphinx", "-b", "html", "-q", "-t", edition.code, "-c", HERE / "site"]
    command += ["-D", f"html_static_path={BUILD / 'static' / edition.code}"]
    command += ["-E", "-a"] if afresh else []
    return child(*command, "-d", BUILD / "doctrees" / edition.code, source, html)


def recipe_changed():
    """Tell whether scripts, styles or settings are others than at the last build, and note these.

    Sphinx looks at the pages' sources only.
    """
    parts = [HERE / "pages.py", *HERE.glob("site/**/*.*"), *HERE.glob("static/*.*")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(parts))).hexdigest()
    stamp = BUILD / "recipe.stamp"
    before = stamp.read_text(encoding="ascii") if stamp.exists() else ""
    write(stamp, digest)
    return before != digest


def child(*command):
    """Start another Python that finds this package."""
    places = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    return subprocess.Popen([sys.executable, *map(str, command)], env=environment)


def live(html):
    """Lay out what the live page runs: ONNX Runtime, the models, three recordings."""
    import soundfile

    folder = html / "live"
    folder.mkdir(parents=True, exist_ok=True)
    unpack("onnxruntime-web", folder)
    shutil.copy2(vendor.ARCHIVES / "README.md", folder / "LICENSES.md")
    for path in (*(BUILD / "models").glob("*.onnx"), BUILD / "models" / "networks.json"):
        shutil.copy2(path, folder / path.name)
    facts = json.loads((folder / "networks.json").read_text(encoding="utf-8"))
    for network in (*facts["networks"].values(), *facts["streams"].values()):
        shutil.copy2(ROOT / "sounds" / network["clip"], folder / network["clip"])
    far = ROOT / "sounds" / facts["echo"]["clip"]
    soundfile.write(folder / f"{far.stem}.wav", *soundfile.read(far))  # not all browsers know Ogg


def clear(html):
    """Remove pages of earlier builds that are no more."""
    wanted = {
        edition.home + name + ".html"
        for edition in EDITIONS.values()
        for name in (*edition.pages().values(), "index", "search", "genindex")
    }
    for path in html.rglob("*.html"):
        name = path.relative_to(html)
        if name.as_posix() not in wanted and "_downloads" not in name.parts:  # not a page of ours
            path.unlink()


def build(html=BUILD / "html"):
    """Build both languages; return 0, or 1 if a part of it failed."""
    started = time.monotonic()
    BUILD.mkdir(exist_ok=True)
    for edition in EDITIONS.values():
        assemble(edition, BUILD / "source" / edition.code)
        furnish(edition, BUILD / "static" / edition.code)
    afresh = recipe_changed()
    running = [child("-m", "book.onnx_export", BUILD / "models")]
    running += [sphinx(each, html / each.home, afresh) for each in EDITIONS.values()]
    codes = [process.wait() for process in running]
    if any(codes):
        return 1
    clear(html)
    live(html)
    for edition in EDITIONS.values():
        chinese_font(html / edition.home)
    (html / ".nojekyll").touch()  # or GitHub would leave out _static
    print(f"{html.relative_to(ROOT)}: {time.monotonic() - started:.0f} s", flush=True)
    return 0


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, *_):
        """Say nothing."""


class Isolated(Quiet):
    """A server that lets its pages share memory between threads."""

    def end_headers(self):
        """Send the headers that browsers ask for that."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


def server(html, port=0, kind=Quiet):
    """Return a server of the site, for this computer alone; 0 lets the system choose the port."""
    handler = functools.partial(kind, directory=str(html))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def main(args=None):
    """Build, and serve if asked to; return the exit code."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("run.py book", description=__doc__, formatter_class=form)
    parser.add_argument("--serve", action="store_true", help="show the site afterwards")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(args)
    try:
        code = build()
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.serve and not code:
        with server(BUILD / "html", options.port, Isolated) as site:
            print(f"http://localhost:{site.server_port}/ (Ctrl-C stops it)", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                site.serve_forever()
    return code


if __name__ == "__main__":
    sys.exit(main())
