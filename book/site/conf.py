"""Sphinx's configuration for both languages: `python run.py book` gives it a tag, en or zh."""

import os
import re

from sphinx.search import languages
from sphinx.search.en import SearchEnglish

from book.pages import EDITIONS

edition = EDITIONS["zh" if tags.has("zh") else "en"]  # noqa: F821, tags comes from Sphinx
zh = edition.code == "zh"

project = "音频转音频" if zh else "Audio to audio"
language = edition.language
extensions = ["myst_nb"]
root_doc = "index"
exclude_patterns = ["**.ipynb_checkpoints"]
templates_path = ["templates"]

nb_execution_mode = "off"  # the outputs that are committed are what the site shows
nb_merge_streams = True
nb_ipywidgets_js = {}  # no page loads anything from elsewhere
nb_code_prompt_hide = "收起" if zh else "Hide it"
myst_enable_extensions = ["colon_fence", "dollarmath", "html_image"]
myst_heading_anchors = 4
myst_update_mathjax = False
# A heading may jump a level, an anchor may be one of the page's own HTML.
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "../static/icon.svg"
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_css_files = ["katex/katex.min.css", "chinese.css", "site.css"]
scripts = ("spectrum.js", "player.js", "lessons.js", "blind.js")
html_js_files = [(name, {"defer": ""}) for name in scripts]
html_math_renderer = "katex"
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "article_header_end": ["language.html", "article-header-buttons.html"],
    "show_toc_level": 2,
    "toc_title": "本页内容" if zh else "On this page",
    "search_bar_text": "搜索" if zh else "Search",
    "footer_content_items": [],
    "extra_footer": "",
}


class ChineseSearch(SearchEnglish):
    """Chinese by single characters and pairs of them, which needs no dictionary; and English."""

    lang = "zh"
    js_splitter_code = r"""
function splitQuery(query) {
  const words = query.match(/[a-zA-Z0-9_]+/g) || [];
  for (const run of query.match(/[\u3400-\u9fff]+/g) || []) {
    if (run.length === 1) words.push(run);
    for (let i = 0; i + 1 < run.length; i++) words.push(run.slice(i, i + 2));
  }
  return words;
}
"""

    def split(self, text):
        """Return a text's words, Chinese characters and pairs of these."""
        words = re.findall(r"[a-zA-Z0-9_]+", text)
        for run in re.findall(r"[\u3400-\u9fff]+", text):
            words += [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
        return words

    def word_filter(self, word):
        """Keep every character: one is often a word."""
        return word not in self.stopwords


languages["zh"] = ChineseSearch


def math(tag):
    """Return visitors that leave the formula as it is written to KaTeX, in the reader's browser."""

    def visit(self, node):
        self.body.append(self.starttag(node, tag, "", CLASS="a2a-math notranslate nohighlight"))

    def depart(self, node):
        self.body.append(f"</{tag}>")

    return visit, depart


def add_to_page(app, name, template, context, doctree):
    """Tell the template where this page is in the other language, and load KaTeX where needed."""
    there = set(edition.other.pages().values()) | {"search", "index"}
    page = name if name in there else "index"
    up = "../" * name.count("/")
    target = f"{up}{'../' if zh else ''}{edition.other.home}{page}.html"
    context["a2a_other"] = {"name": edition.other.name, "href": target, "same": page == name}
    context["a2a_other"]["lang"] = "en" if zh else "zh-CN"
    repository = os.environ.get("GITHUB_REPOSITORY")  # set where a workflow builds the site
    if repository and name.startswith("notebooks/"):
        lesson = f"{edition.notebooks}/{name.removeprefix('notebooks/')}.ipynb"
        binder = f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/{lesson}"
        context["a2a_binder"] = binder
    if context.get("has_maths_elements") or (doctree and "a2a-math" in context.get("body", "")):
        app.add_js_file("katex/katex.min.js", defer="", priority=900)
        app.add_js_file("formulas.js", defer="", priority=900)
    if name == "live":
        app.add_js_file("live.js", defer="", priority=900)
        app.add_js_file("stream.js", defer="", priority=900)


def setup(app):
    """Register the renderer of formulas and the links between the languages."""
    app.add_html_math_renderer("katex", math("span"), math("div"))
    app.connect("html-page-context", add_to_page)
