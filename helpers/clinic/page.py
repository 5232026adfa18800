"""One HTML page for one or more systems: self-contained, with sounds before and after, pictures."""

import base64
import html
import io
import re

import numpy as np

from helpers.clinic.record import FAILED, PASSED, SKIPPED
from helpers.clinic.report import summary

WIDTH, HEIGHT = 320, 56  # of a picture
MARKS = {PASSED: ("passed", "✓"), FAILED: ("failed", "✗"), SKIPPED: ("na", "–")}
STYLE = """
:root{color-scheme:light dark;--ink:#1c2530;--paper:#fff;--line:#d5dbe2;--soft:#5b6876;
--good:#00664f;--bad:#a63400;--wash:#f4f6f8}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ee;--paper:#12171d;--line:#34404c;--soft:#a3afbb;
--good:#4fc3a1;--bad:#ff9d66;--wash:#1a2129}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:62rem;margin:2rem auto;padding:0 1rem}
h1,h2,h3{line-height:1.2}h2{margin-top:2.5rem}h3{margin:1.6rem 0 .4rem;text-transform:capitalize}
.soft{color:var(--soft)}article{border-top:1px solid var(--line);padding:.5rem 0 .6rem 1.9rem;
position:relative}article>.mark{position:absolute;left:.3rem;font-weight:700}
.passed .mark{color:var(--good)}.failed .mark,.failed b{color:var(--bad)}
.failed{background:var(--wash)}article p{margin:.15rem 0}.name{font-weight:600}
.pair{display:flex;flex-wrap:wrap;gap:1rem;margin:.5rem 0}figure{margin:0}
figcaption{font-size:.85rem;color:var(--soft)}audio{width:320px;max-width:100%;height:34px}
svg{display:block;max-width:100%;height:auto}
svg path{fill:var(--soft)}svg line{stroke:var(--line)}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.25rem .4rem;border-bottom:1px solid var(--line);text-align:left}
.scroll{overflow-x:auto}td.failed{color:var(--bad);font-weight:700}td.passed{color:var(--good)}
details summary{cursor:pointer;margin-top:.6rem}"""


def page(examined, title="What the clinic found", note="", seconds=3.0):
    """Write a page.

    Parameters
    ----------
    examined : list of tuple
        Systems, each with the list of its results.
    title : str
        The heading.
    note : str
        A paragraph below it, in plain text.
    seconds : float
        Of each sound, at the most.

    Returns
    -------
    str
        HTML that needs nothing else: style, sounds (FLAC) and pictures (SVG) are inside.

    Examples
    --------
    >>> from helpers import clinic
    >>> system = clinic.find(lambda samples: 0 * samples)
    >>> text = page([(system, clinic.examine(system, only=["silence", "noise"]))])
    >>> text.startswith("<!doctype html>"), "audio" in text
    (True, True)
    """
    sections = [section(system, results, seconds) for system, results in examined]
    return document(title, note, table(examined) if len(examined) > 1 else "", *sections)


def document(title, note, *parts):
    """Return a whole page of HTML: a heading, a paragraph where there is a note, and parts."""
    about = [f"<h1>{_text(title)}</h1>", f"<p>{_text(note)}</p>" if note else ""]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head>\n<body><main>\n"
        + "\n".join(filter(None, [*about, *parts]))
        + "\n</main></body></html>\n"
    )


def picture(samples, label):
    """Draw a waveform.

    Parameters
    ----------
    samples : ndarray [shape=(n,)]
        The sound; full scale fills the height.
    label : str
        What it shows, for those who can't see it.

    Returns
    -------
    str
        An SVG element: the smallest and largest sample of each column.

    Examples
    --------
    >>> picture(np.zeros(100), "nothing")[:29]
    '<svg role="img" aria-label="n'
    """
    columns = np.array_split(np.nan_to_num(np.asarray(samples, np.float64)), min(WIDTH, 160))
    step, middle = WIDTH / len(columns), HEIGHT / 2
    scale = middle * 0.96
    tops, bottoms = (
        [middle - scale * float(np.clip(edge(c) if len(c) else 0, -1, 1)) for c in columns]
        for edge in (np.max, np.min)
    )
    points = [f"{i * step:.1f},{y:.1f}" for i, y in enumerate(tops)]
    points += [f"{i * step:.1f},{y + 0.4:.1f}" for i, y in reversed(list(enumerate(bottoms)))]
    return (
        f'<svg role="img" aria-label="{_text(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}"><line x1="0" x2="{WIDTH}" y1="{middle}" y2="{middle}"/>'
        f'<path d="M{" L".join(points)}Z"/></svg>'
    )


def section(system, results, seconds=3.0, drawn=None):
    """Return the part of a page that is about one system; `anchor` of its name leads there.

    `drawn` holds articles that were written before, by the name of the examination.
    """
    drawn = drawn or {}
    kind = f"{system.kind} at {system.rate} Hz"
    about = ", ".join(filter(None, [kind, system.version]))
    parts = [f'<section id="{anchor(system.name)}"><h2>{_text(system.name)}</h2>']
    parts.append(f'<p class="soft">{_text(about)}</p><p>{_text(summary(results))}.</p>')
    shown = [result for result in results if result.status != SKIPPED]
    for theme in dict.fromkeys(result.theme for result in shown):
        parts.append(f"<h3>{_text(theme)}</h3>")
        own = [result for result in shown if result.theme == theme]
        parts += [drawn.get(result.name) or _result(result, seconds) for result in own]
    hidden = [result for result in results if result.status == SKIPPED]
    if hidden:
        parts.append(f"<details><summary>{len(hidden)} not applicable</summary>")
        parts += [drawn.get(result.name) or _result(result, seconds) for result in hidden]
        parts.append("</details>")
    return "\n".join([*parts, "</section>"])


def _result(result, seconds):
    """Return one result, with sounds and pictures where it has them."""
    name, mark = MARKS[result.status]
    lines = [f'<article class="{name}"><span class="mark" aria-hidden="true">{mark}</span>']
    head = f'<p><span class="name">{_text(result.name)}</span> <b>{_text(result.status)}</b>'
    lines.append(
        head + (f", severity {result.severity}" if result.status == FAILED else "") + "</p>"
    )
    lines.append(f"<p>{_text(result.found[:1].upper() + result.found[1:])}.</p>")
    if result.status == FAILED:
        lines.append(f'<p class="soft">A good system {_text(result.good)}.</p>')
    if result.smallest:
        small = f"Smallest input that shows it, of those tried: {result.smallest}."
        lines.append(f'<p class="soft">{_text(small)}</p>')
    if result.before is not None and result.after is not None:
        sounds = (("before", result.before), ("after", result.after))
        figures = "".join(_player(label, each, result, seconds) for label, each in sounds)
        lines.append(f'<div class="pair">{figures}</div>')
    return "".join([*lines, "</article>"])


def _player(label, samples, result, seconds):
    """Return a picture and a player of one sound, cut to a few seconds."""
    import soundfile

    samples = np.nan_to_num(np.asarray(samples, np.float32), posinf=1, neginf=-1)
    samples = samples[: round(seconds * result.rate)]
    if not len(samples):
        return ""
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), result.rate, format="FLAC", subtype="PCM_16")
    data = base64.b64encode(file.getvalue()).decode()
    words = f"{result.name}: {label}"
    return (
        f"<figure>{picture(samples, words)}"
        f'<audio controls preload="none" aria-label="{_text(words)}" '
        f'src="data:audio/flac;base64,{data}"></audio>'
        f"<figcaption>{label}</figcaption></figure>"
    )


def anchor(name):
    """Return a name as a place in a page."""
    return "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "system"


def table(examined):
    """Return a table of all systems: a row an examination."""
    names = list(dict.fromkeys(r.name for _, results in examined for r in results))
    found = [{r.name: r for r in results} for _, results in examined]
    heads = "".join(
        f'<th scope="col"><a href="#{anchor(system.name)}">{_text(system.name)}</a></th>'
        for system, _ in examined
    )
    rows = []
    for name in names:
        cells = "".join(_cell(each.get(name)) for each in found)
        rows.append(f'<tr><th scope="row">{_text(name)}</th>{cells}</tr>')
    inside = f"<thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table>{inside}</table></div>'


def _cell(result):
    """Return a cell of the table: a mark, and the number behind it."""
    if result is None or result.status == SKIPPED:
        return '<td class="soft">–</td>'
    name, mark = MARKS[result.status]
    number = "" if result.value is None else f" {result.value:g} {result.unit}"
    return f'<td class="{name}" title="{_text(result.found)}">{mark}{_text(number)}</td>'


def _text(words):
    """Escape words for HTML."""
    return html.escape(str(words))
