"""From the repository's files to the site's pages: lessons, prose, and the links between them."""

import copy
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from book import terms

ROOT = Path(__file__).resolve().parent.parent
PROSE = ("book/glossary.md", "helpers/clinic/README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PROSE += ("book/teaching.md", "sounds/README.md", "models/*/README.md")
GLOSSARY = "book/glossary"
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
BROKEN = re.compile(r"(?<=[\u3001-\u9fff\uff01-\uff5e])\n(?=[\u3001-\u9fff\uff08])")
LARGEST = 2**21  # bytes: what is larger is not copied into the site
FOLDED = {
    "en": {"solution": "Show a solution", "": "Show the code"},
    "zh": {"solution": "显示参考答案", "": "显示代码"},
}
STILL = {
    "en": "<p><em>A control that works in the running notebook.</em></p>",
    "zh": "<p><em>这个控件要在运行中的 notebook 里用。</em></p>",
}


@dataclass(frozen=True)
class Edition:
    """The course in one language."""

    code: str  # en or zh
    language: str  # as Sphinx calls it
    name: str  # as its readers call it
    readme: str
    notebooks: str  # folder of its lessons
    home: str  # folder in the site

    @property
    def other(self):
        """The edition in the other language."""
        return EDITIONS["zh" if self.code == "en" else "en"]

    def lessons(self, root=ROOT):
        """Return the lessons' paths in the repository, in order."""
        found = sorted((root / self.notebooks).glob("[0-9][0-9]_*.ipynb"))
        return [path.relative_to(root).as_posix() for path in found]

    def pages(self, root=ROOT):
        """Return repository path -> name of the page in the site, without a suffix."""
        found = {path: f"notebooks/{Path(path).stem}" for path in self.lessons(root)}
        if (root / self.readme).is_file():
            found[self.readme] = "index"
        for pattern in PROSE:
            for path in sorted(path.relative_to(root) for path in root.glob(pattern)):
                name = path.with_suffix("").as_posix()
                # Where a page has no Chinese version, the Chinese site shows the English one.
                chinese = path.with_suffix(".zh-CN.md")
                own = self.code == "zh" and (root / chinese).is_file()
                found[(chinese if own else path).as_posix()] = name
        found[f"book/site/live.{self.code}.md"] = "live"
        return found


EDITIONS = {
    "en": Edition("en", "en", "English", "README.md", "notebooks", ""),
    "zh": Edition("zh", "zh_CN", "中文", "README.zh-CN.md", "notebooks/zh", "zh/"),
}


class Mender:
    """Turns links between the repository's files into links between the site's pages."""

    def __init__(self, edition, root=ROOT):
        self.edition, self.root = edition, root
        self.pages, self.others = edition.pages(root), edition.other.pages(root)
        self.files = set()  # what the pages link to and has to be copied

    def mend(self, text, path):
        """Return Markdown of the file `path` with the links that it needs in the site."""
        parts = re.split(r"(?ms)(^```.*?^```$)", text)  # code stays as it is
        parts[::2] = (LINK.sub(lambda hit: self._link(hit, path), part) for part in parts[::2])
        # A browser turns the end of a line into a space, and Chinese has none.
        parts[::2] = (BROKEN.sub("", part) for part in parts[::2])
        text = "".join(parts)
        return terms.anchored(text) if self.pages[path] == GLOSSARY else text

    def _link(self, hit, path):
        picture, words, target = hit.groups()
        target, _, anchor = target.partition("#")
        anchor = anchor and f"#{anchor}"
        if not target or re.match(r"[a-z]+:", target):
            return hit[0]
        there = os.path.normpath(PurePosixPath(path).parent / target).replace(os.sep, "/")
        here = self.pages[path]
        if there in self.pages:
            name = self.pages[there]
            suffix = ".ipynb" if there.endswith(".ipynb") else ".md"
            return f"[{words}]({relative(name + suffix, here)}{anchor})"
        if there in self.others:  # a page that only the other language has
            page = self.edition.other.home + self.others[there] + ".html" + anchor
            return f'<a href="{relative(page, self.edition.home + here)}">{words}</a>'
        if (self.root / there).is_file() and (self.root / there).stat().st_size < LARGEST:
            self.files.add(there)
            return f"{picture}[{words}]({relative(there, here)})"
        return words  # a folder, or a large file: nothing to show in a browser

    def lesson(self, path, widgets=None):
        """Return a lesson's notebook as the site shows it.

        `widgets` is a function that takes the notebook and returns cell id -> HTML.
        """
        notebook = json.loads((self.root / path).read_text(encoding="utf-8"))
        cells = [cell for cell in notebook["cells"] if "<!-- nav -->" not in source(cell)]
        html = widgets(notebook) if widgets else {}
        notebook["cells"] = [self._cell(cell, path, html) for cell in cells]
        if GLOSSARY in self.pages.values():
            page = relative(f"{GLOSSARY}.html", self.pages[path])
            link = terms.linker(self.edition.code, page)
            for cell in notebook["cells"]:
                if cell["cell_type"] == "markdown":
                    cell["source"] = link(cell["source"])
        notebook["metadata"] = {"language_info": {"name": "python"}}
        return notebook

    def _cell(self, cell, path, widgets):
        cell = copy.deepcopy(cell)
        if cell["cell_type"] == "markdown":
            cell["source"] = self.mend(source(cell), path)
        if cell["cell_type"] != "code":
            return cell
        about = cell["metadata"]
        tags = about.get("tags", [])
        shown = about.setdefault("mystnb", {})
        if alt := about.get("a2a", {}).get("alt"):
            shown["image"] = {"alt": alt}
        if "solution" in tags:  # its result is part of the answer
            about["tags"] = ["hide-cell" if tag == "hide-input" else tag for tag in tags]
        folded = FOLDED[self.edition.code]
        shown["code_prompt_show"] = folded["solution" if "solution" in tags else ""]
        cell["outputs"] = [self._output(each, cell, widgets) for each in cell["outputs"]]
        return cell

    def _output(self, output, cell, widgets):
        """Put a page's own HTML in the place of a widget, which needs a kernel."""
        data = output.get("data", {})
        if any("widget-view" in kind for kind in data):
            output["data"] = {"text/html": widgets.get(cell.get("id"), STILL[self.edition.code])}
        return output


def source(cell):
    """Return a cell's text."""
    return "".join(cell["source"])


def relative(target, page):
    """Return the address of one file of the site as seen from another."""
    return os.path.relpath(target, PurePosixPath(page).parent).replace(os.sep, "/")


def index(edition, text, root=ROOT):
    """Return the first page: the README, an invitation to the live page, and the contents."""
    title, invitation, more = {
        "en": (
            "Hear it now",
            "[Separate two voices or remove noise](live.md) right here: nothing to install, and "
            "nothing is uploaded.",
            "More",
        ),
        "zh": (
            "马上听一听",
            "[在浏览器里直接分离两个人的声音、去除噪声](live.md)：不用安装，录音也不会上传。",
            "其他",
        ),
    }[edition.code]
    box = f"\n\n:::{{admonition}} {title}\n:class: tip\n{invitation}\n:::\n"
    lines = [re.sub(r"(?m)^# .+$", lambda hit: hit[0] + box, text, count=1), ""]
    lessons = [
        f"{Path(path).name[:2]} · {title_of(root / path)} <{name}>"
        for path, name in edition.pages(root).items()
        if path.endswith(".ipynb")
    ]
    rest = [
        name
        for path, name in edition.pages(root).items()
        if name != "index" and not path.endswith(".ipynb")
    ]
    rest.remove("live")
    for caption, entries in (("", ["live", *lessons]), (more, rest)):
        lines += ["```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), ""]
        lines += [*entries, "```", ""]
    return "\n".join(lines)


def title_of(path):
    """Return a lesson's title."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")
    found = re.search(r"(?m)^# +(?:\d+\W+)?(.+)$", prose)
    return found[1].strip() if found else path.stem
