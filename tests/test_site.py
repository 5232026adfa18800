"""The site in a real browser: every page, every player, both languages, nothing from elsewhere.

Needs Chromium or Chrome (A2A_BROWSER names another place); without one these tests are skipped.
"""

import base64
import dataclasses
import io
import json
import os
import re
import shutil
import threading
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
import yaml

from book import listening, onnx_export, pages, site, vendor
from helpers import adaptive, audio, denoise, metrics, separate, stream, windows
from helpers.clip import Clip
from helpers.lab import widgets

pytestmark = pytest.mark.slow  # building it is

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
# A browser started by root has no sandbox; and it is to look for nothing of its own.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
# A microphone that beeps, and nobody to be asked for it.
ARGUMENTS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
LESSONS = [
    edition.home + edition.pages()[path] + ".html"
    for edition in pages.EDITIONS.values()
    for path in edition.pages()
]
PAGES = sorted({*LESSONS, "index.html", "zh/index.html", "search.html", "zh/search.html"})


def find_browser():
    """Return the browser's path, or None."""
    found = [os.environ.get("A2A_BROWSER"), *map(shutil.which, NAMES), *PLACES]
    return next((path for path in found if path and Path(path).exists()), None)


@pytest.fixture(scope="session")
def built():
    """Build the site once; return its folder."""
    assert site.build() == 0
    return site.BUILD / "html"


@pytest.fixture(scope="session")
def address(built):
    """Serve the site; return its address."""
    with site.server(built) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Start the browser."""
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium or Chrome was found: install one, or set A2A_BROWSER to its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser, address):
    """Open a tab; at the end it must have met no error and asked nobody but the site."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address)
    tab, wrong = context.new_page(), []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    tab.on("request", lambda request: wrong.append(request.url) if outside(request.url) else None)

    def outside(url):
        return not url.startswith((address, "data:", "blob:"))

    yield tab
    context.close()
    assert wrong == []


# --- what needs no browser ------------------------------------------------------------------------


def test_every_page_is_built(built):
    assert [name for name in PAGES if not (built / name).is_file()] == []


def test_a_page_asks_for_nothing_from_elsewhere(built):
    loaded = re.compile(
        r"<(?:script|link|img|audio|source|iframe)[^>]*(?:src|href)=\"(https?://[^\"]+)"
    )
    for path in built.rglob("*.html"):
        assert loaded.findall(path.read_text(encoding="utf-8")) == [], path


def test_links_within_the_site_lead_somewhere(built):
    texts = {path: path.read_text(encoding="utf-8") for path in built.rglob("*.html")}
    places = {path: set(re.findall(r' id="([^"]+)"', text)) for path, text in texts.items()}
    for path, text in texts.items():
        for target, anchor in re.findall(r'<a[^>]*href="([^"#?:]*)(?:#([^"]*))?"', text):
            there = (path.parent / target).resolve() if target else path
            assert there.exists(), (path.name, target)
            assert not anchor or unquote(anchor) in places.get(there, ()), (
                path.name,
                target,
                anchor,
            )


def test_figures_have_their_alt_text(built):
    for name in LESSONS:
        for picture in re.findall("<img[^>]*>", (built / name).read_text(encoding="utf-8")):
            assert re.search(r'alt="[^"]{15,}"', picture), (name, picture)


def test_the_chinese_font_has_every_letter_and_mark_of_the_pages(built):
    from fontTools.ttLib import TTFont

    pages = built.joinpath("zh").rglob("*.html")
    wide = re.compile("[\u3001-\u9fff\uff01-\uff5e]")
    used = {letter for page in pages for letter in wide.findall(page.read_text("utf-8"))}
    assert {"，", "：", "（"} <= used
    for weight in (400, 700):
        font = TTFont(built / "zh" / "_static" / "fonts" / f"chinese-{weight}.woff")
        glyphs = font.getBestCmap()
        assert sorted(letter for letter in used if ord(letter) not in glyphs) == []


def test_what_others_made_is_checked_before_it_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor, "ARCHIVES", tmp_path)
    with pytest.raises(ValueError, match="missing"):
        vendor.unpack("katex")
    vendor.PACKAGES[0].archive.write_bytes(b"something else")
    with pytest.raises(ValueError, match="damaged"):
        vendor.unpack("katex")


@pytest.mark.parametrize(
    ("link", "mended"),
    [
        ("[next](03_mixtures_and_masks.ipynb)", "[next](03_mixtures_and_masks.ipynb)"),
        ("[all](../README.md#the-lessons)", "[all](../index.md#the-lessons)"),
        ("[who](../sounds/README.md)", "[who](../sounds/README.md)"),
        ("[all](../README.zh-CN.md)", '<a href="../zh/index.html">all</a>'),
        ("[a folder](../sounds)", "a folder"),
        ("[a paper](https://arxiv.org/abs/1811.02508)", None),
        ("[below](#here)", None),
        ("一行，\n又一行。\n\n- 一项\n- 另一项", "一行，又一行。\n\n- 一项\n- 另一项"),
        ("```\n[code](../README.md)\n```", None),
    ],
)
def test_links_are_mended(link, mended, tmp_path):
    for name in ("README.md", "README.zh-CN.md", "sounds/README.md", "notebooks/02_a.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# A title\n")
    (tmp_path / "notebooks/03_mixtures_and_masks.ipynb").write_text("{}")
    mender = pages.Mender(pages.EDITIONS["en"], tmp_path)
    assert mender.mend(link, "notebooks/02_a.ipynb") == (mended or link)


# --- every page -----------------------------------------------------------------------------------


PLAYERS = """async () => {
  await Promise.all(a2a.players.map((player) => player.ready()));
  return a2a.players.flatMap((player) =>
    player.clips.map((clip, i) => [clip.facts, player.buffers[i].duration]));
}"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_fits_and_its_players_have_a_duration(page, built, name):
    page.goto(name)
    clips = page.evaluate(PLAYERS)
    assert page.locator("audio[controls]").count() == 0  # each has become a part of a player
    for facts, seconds in clips:
        stated = re.match(r"([\d.]+) s", facts)
        assert seconds > 0
        assert stated is None or abs(seconds - float(stated[1])) < 0.02, facts
    assert len(clips) == (built / name).read_text(encoding="utf-8").count("<audio ")
    if not name.startswith("zh/notebooks/"):  # they have the structure of the English ones
        assert grave_faults(page, contrast=False) == []
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def grave_faults(page, contrast):
    """Ask axe for what keeps people out: its serious and critical findings."""
    from axe_playwright_python.sync_playwright import Axe

    # Preloading, axe looks for a style sheet of the theme in the wrong folder.
    options = {"preload": False, "rules": {"color-contrast": {"enabled": contrast}}}
    options["runOnly"] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    found = Axe().run(page, options=options).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    return [(each["id"], [node["target"] for node in each["nodes"][:5]]) for each in grave]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["index.html", "notebooks/04_measuring_quality.html", "zh/live.html"]
)
def test_contrast(page, name, scheme):
    """Axe takes its time for this, and all pages have the same colors."""
    page.emulate_media(color_scheme=scheme)
    page.goto(name)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    # A color that is still fading from one scheme to the other is not the page's.
    page.add_style_tag(content="* { transition: none !important; animation: none !important }")
    page.evaluate("document.fonts.ready.then(() => 0)")
    assert grave_faults(page, contrast=True) == []


@pytest.mark.parametrize(
    ("shot", "name", "width"),
    [
        ("lesson", "notebooks/00_start_here.html", 1280),
        ("phone", "notebooks/00_start_here.html", 360),
        ("chinese", "zh/index.html", 1280),
    ],
)
def test_screenshots_are_kept(page, shot, name, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(name)
    if "notebooks" in name:
        page.locator(".a2a-player").first.scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('.a2a-player').dataset.duration")
    path = site.BUILD / "screenshots" / f"{shot}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000


# --- the languages and the search -----------------------------------------------------------------


def test_the_language_switch_keeps_the_page(page, built):
    name = "notebooks/00_start_here.html"
    page.goto(name)
    page.locator(".a2a-language").click()
    wanted = f"zh/{name}" if (built / "zh" / name).is_file() else "zh/index.html"
    assert page.url.endswith(wanted)
    assert page.evaluate("document.documentElement.lang").startswith("zh")
    page.locator(".a2a-language").click()
    assert page.url.endswith(wanted.removeprefix("zh/"))
    assert "/zh/" not in page.url


@pytest.mark.parametrize(
    ("folder", "word", "lesson"),
    [("", "decibels", "notebooks/"), ("zh/", "浏览器", "live"), ("zh/", "MossFormer", "")],
)
def test_search(page, folder, word, lesson):
    page.goto(f"{folder}search.html?q={word}")
    page.wait_for_selector("#search-results ul.search li")
    found = page.locator("#search-results li a").evaluate_all("all => all.map((a) => a.href)")
    assert any(lesson in href for href in found)


def test_formulas_are_drawn(page):
    page.goto("notebooks/04_measuring_quality.html")
    page.wait_for_selector(".katex")
    assert page.locator(".a2a-math .katex").count() == page.locator(".a2a-math").count() > 3
    assert page.locator(".katex-error").count() == 0


# --- the players ----------------------------------------------------------------------------------


def sounds(lesson):
    """Return the first cell of a lesson with two sounds or more: as Clips, decoded here."""
    notebook = json.loads((pages.ROOT / "notebooks" / f"{lesson}.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        html = "".join(
            "".join(output.get("data", {}).get("text/html", ""))
            for output in cell.get("outputs", [])
        )
        found = re.findall(r"data:audio/flac;base64,([\w+/=]+)", html)
        if len(found) > 1:
            files = (soundfile.read(io.BytesIO(base64.b64decode(code))) for code in found)
            return [Clip(samples, rate) for samples, rate in files]
    raise AssertionError("no cell with two sounds")


SWITCH = """async ([at, rate]) => {
  const player = a2a.players.find((each) => each.clips.length > 1);
  await player.ready();
  const context = new OfflineAudioContext(1, Math.ceil(player.duration * rate), rate);
  player.context = context;
  context.suspend(at).then(() => { player.select(1); context.resume(); });
  await player.play();
  const heard = (await context.startRendering()).getChannelData(0);
  player.pause();
  return Array.from(heard);
}"""


def test_switching_goes_on_in_the_other_clip_without_a_gap(page):
    first, second = sounds("00_start_here")[:2]
    page.goto("notebooks/00_start_here.html")
    at = 128 * round(1.5 * first.rate / 128)  # Web Audio works in blocks of 128 samples
    heard = np.array(page.evaluate(SWITCH, [at / first.rate, first.rate]), dtype=np.float32)
    fade = np.clip((np.arange(len(first)) - at) / (0.008 * first.rate), 0, 1)
    wanted = (1 - fade) * first.samples + fade * second.samples
    pairs = [(0, at), (at - 400, at + 400), (at + 200, len(first))]
    for start, stop in pairs:
        part, whole = heard[start:stop], wanted[start:stop]
        assert metrics.si_sdr(Clip(part, first.rate), Clip(whole, first.rate)) > 30


def test_a_player_plays_switches_and_obeys_the_keys(page):
    page.goto("notebooks/00_start_here.html")
    player = page.locator(".a2a-player:has(.a2a-clip + .a2a-clip)").first
    player.locator(".a2a-name").first.click()
    state = "a2a.players.find((each) => each.clips.length > 1)"
    page.wait_for_function(f"{state}.playing && {state}.position > 0.2")
    assert player.locator(".a2a-status").inner_text().startswith("You hear: One of them")
    page.keyboard.press("2")
    assert player.locator(".a2a-name").nth(1).get_attribute("aria-pressed") == "true"
    assert player.locator(".a2a-status").inner_text() == "You hear: The other"
    page.keyboard.press("Space")
    assert not page.evaluate(f"{state}.playing")
    before = page.evaluate(f"{state}.position")
    assert before > 0.2
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{state}.position") == pytest.approx(before + 1, abs=0.05)
    page.keyboard.press("ArrowUp")
    assert player.locator(".a2a-name").first.get_attribute("aria-pressed") == "true"


def test_solutions_are_folded(page):
    page.goto("notebooks/04_measuring_quality.html")
    assert page.locator("text=37 samples it is").is_visible() is False
    page.locator("details.hide summary").filter(has_text="Show a solution").first.click()
    assert page.locator("text=37 samples it is").is_visible()


def test_a_printed_page_shows_its_sounds_as_pictures(page):
    page.goto("notebooks/00_start_here.html")
    page.emulate_media(media="print")
    assert page.locator(".a2a-picture canvas").first.is_visible()
    assert not page.locator(".a2a-bar").first.is_visible()
    assert not page.locator(".bd-sidebar-primary").is_visible()


# --- the listening test of lesson 04 --------------------------------------------------------------


def lesson04():
    """Return the data of the listening test, as the page has it."""
    path = pages.ROOT / "notebooks" / f"{listening.LESSON}.ipynb"
    html = listening.page(json.loads(path.read_text(encoding="utf-8")))[listening.CELL]
    return json.loads(re.search(r"<script[^>]*>(.*)</script>", html)[1])


def test_the_listening_test_is_the_lessons(page):
    data = lesson04()
    page.goto(f"notebooks/{listening.LESSON}.html")
    page.get_by_role("button", name="Begin").click()
    rating = data["metrics"]["DNSMOS"]
    for trial, (first, second) in enumerate(data["trials"], start=1):
        page.get_by_text(f"Pair {trial} of {len(data['trials'])}").wait_for()
        # This listener believes all that DNSMOS says, and finds no difference the first time.
        which = "A sounds better" if rating[first] > rating[second] else "B sounds better"
        page.get_by_role("button", name=which if trial > 1 else "no difference").click()
        if trial == 2:
            page.reload()  # the answers are kept, and the test goes on
    stored = page.evaluate("a2a.blind.rounds")
    answers = stored[0]["answers"]
    assert [set(answer) for answer in answers] == [set(widgets.FIELDS)] * len(data["trials"])
    wanted = widgets.compare(widgets.ranking(answers), data["metrics"])
    rows = page.locator(".a2a-blind table tr").evaluate_all(
        "rows => rows.slice(1).map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert rows[0][1] == repr(wanted).splitlines()[0].removeprefix("your ear: ")
    assert {row[0]: tuple(map(int, row[2:])) for row in rows[1:]} == wanted.counts
    page.get_by_role("button", name="Forget my answers").click()
    assert page.evaluate("a2a.blind.stored()") == []


def test_the_listening_test_plays_what_it_says(page):
    data = lesson04()
    page.goto(f"notebooks/{listening.LESSON}.html")
    page.get_by_role("button", name="Begin").click()
    heard = page.evaluate(
        """async () => {
             await a2a.blind.player.ready();
             return a2a.blind.player.buffers.map((each) => Array.from(each.getChannelData(0)));
           }"""
    )
    assert not page.locator(".a2a-blind canvas").first.is_visible()
    for name, samples in zip(data["trials"][0], heard, strict=True):
        code = data["sounds"][name].partition(",")[2]
        wanted, rate = soundfile.read(io.BytesIO(base64.b64decode(code)))
        assert metrics.si_sdr(Clip(samples, rate), Clip(wanted, rate)) > 30


# --- the live page --------------------------------------------------------------------------------

READY = "a2a.live.tracks"
TRACKS = "a2a.live.tracks.map((row) => Array.from(row))"


def live(page, language, kind, source):
    """Let the live page work on a sound, its own or a file; return the tracks as lists."""
    page.goto(f"{language}live.html")
    page.locator(f"input[value={kind}]").check()
    if source is None:
        page.locator(".a2a-live button").first.click()
    else:
        page.locator("input[type=file]").set_input_files(source)
    page.wait_for_function(READY, timeout=120_000)
    return page.evaluate(TRACKS)


def compare(page, tracks, wanted):
    """Hold the page's tracks to Python's."""
    tracks = [Clip(samples, wanted[0].rate) for samples in tracks]
    assert len(tracks) == len(wanted)
    for track, right in zip(tracks, wanted, strict=True):
        assert len(track) == len(right)
        assert track.level == pytest.approx(right.level, abs=0.1)
        assert metrics.si_sdr(track, right) > 30
    # On one core of a desktop it is half the clip's length; this machine may be busy.
    assert page.evaluate("a2a.live.seconds") < 4 * wanted[0].duration
    assert page.locator(".a2a-result canvas").count() == 1 + len(tracks)


def test_the_live_page_denoises_as_python_does(page):
    path = audio.SOUNDS / "speech_with_noise1.wav"
    compare(page, live(page, "", "frcrn", None), [denoise.denoise(path)])


def test_the_live_page_separates_a_file_as_python_does(page):
    path = audio.SOUNDS / "mix_speech.wav"
    compare(page, live(page, "zh/", "mossformer", path), separate.separate(path))


def test_the_live_page_keeps_the_speakers_in_order_over_windows(page, tmp_path):
    mixture = audio.load(audio.SOUNDS / "mix_speech.wav")
    long = mixture.with_samples(np.tile(mixture.samples, 7))
    assert long.duration > windows.MAX_SINGLE_S
    path = audio.save(long, tmp_path / "long.wav")
    compare(page, live(page, "", "mossformer", path), separate.separate(path))


def test_the_live_page_takes_the_microphone(page):
    page.goto("live.html")
    page.locator("input[value=frcrn]").check()
    page.get_by_role("button", name="Microphone").click()
    page.get_by_text("Recording: 9 s left").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function(READY, timeout=120_000)
    seconds = page.evaluate("a2a.live.tracks[0].length / 16000")
    assert 0.5 < seconds < 9
    assert page.evaluate("a2a.live.recorder === null")


def test_the_live_page_can_be_stopped(page):
    page.goto("live.html")
    page.locator(".a2a-live button").first.click()
    page.get_by_text("Working").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert page.evaluate("a2a.live.tracks") is None
    page.locator(".a2a-live button").first.click()  # and it goes on from there
    page.wait_for_function(READY, timeout=120_000)


def test_the_live_page_says_what_it_cannot_read(page, tmp_path):
    (tmp_path / "notes.wav").write_text("no sound at all")
    page.goto("live.html")
    page.locator("input[type=file]").set_input_files(tmp_path / "notes.wav")
    page.get_by_text("can't read notes.wav as sound").wait_for()
    assert page.locator(".a2a-live button").first.is_enabled()


# --- the live page while it sounds ---------------------------------------------------------------

# A context that has all the time in the world: after every 8 ms it waits until the worker is done.
# The worklet, the worker and the page are those of real time, and no hop depends on how busy we
# are, nor on the delay that the page has chosen by the computer's speed.
PATIENT = """async ([corner, button, seconds]) => {
  const rate = 16000;
  const offline = new OfflineAudioContext(1, Math.ceil(seconds * rate), rate);
  const go = offline.resume.bind(offline);
  const wired = new Promise((resolve) => (offline.resume = async () => resolve()));
  a2a.stream.context = () => offline;
  document.querySelectorAll(`${corner} button`)[button].click();
  await wired;
  const stream = a2a.stream.talk ?? a2a.stream.echo;
  const { port } = stream.node;
  const plain = port.onmessage;
  const ask = () => new Promise((resolve) => {
    port.onmessage = (event) => event.data.arrived === undefined ? plain(event) : resolve(event.data.arrived);
    port.postMessage({ ask: true });
  });
  const pause = (at) => offline.suspend(at / rate).then(async () => {
    while (await ask() < Math.floor(at / stream.size)) await new Promise((resolve) => setTimeout(resolve, 5));
    if (at + 256 < seconds * rate) pause(at + 128);
    go();
  });
  pause(128);
  const heard = (await offline.startRendering()).getChannelData(0);
  while (stream.input.length + 640 <= heard.length) await new Promise((resolve) => setTimeout(resolve, 5));
  const { input, output, tap, late, skipped, shared } = stream;
  return { heard: [...heard], input: [...input.samples], output: [...output.samples], delay: tap.delay, late, skipped, shared: Boolean(shared) };
}"""  # noqa: E501

# The worklet alone, with nobody behind it, on samples of any rate; the tap is moved once.
WORKLET = """async ([samples, rate, taps, moved]) => {
  const offline = new OfflineAudioContext(1, samples.length, rate);
  await offline.audioWorklet.addModule("_static/stream-worklet.js");
  const options = { size: 160, lag: 1, inputs: 1, tap: taps[0], rate: 16000, shared: null };
  const node = new AudioWorkletNode(offline, "a2a-stream", { outputChannelCount: [1], channelCount: 1, channelCountMode: "explicit", processorOptions: options });
  const late = new Promise((resolve) => node.port.addEventListener("message", ({ data }) => data.resampling && resolve(data.resampling)));
  node.port.start();
  const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
  buffer.copyToChannel(Float32Array.from(samples), 0);
  const source = new AudioBufferSourceNode(offline, { buffer });
  source.connect(node).connect(offline.destination);
  source.start();
  if (taps[1]) offline.suspend(moved / rate).then(async () => {
    const told = new Promise((resolve) => node.port.addEventListener("message", ({ data }) => data.arrived !== undefined && resolve()));
    node.port.postMessage({ tap: taps[1] });
    node.port.postMessage({ ask: true });
    await told;
    offline.resume();
  });
  const heard = (await offline.startRendering()).getChannelData(0);
  return [[...heard], rate === 16000 ? 0 : await late];
}"""  # noqa: E501


def patient(page, corner, button, seconds, home=""):
    """Let a corner of the live page run in its own time; return what it heard and played."""
    page.goto(f"{home}live.html")
    page.locator(f"{corner} button").first.wait_for()
    found = page.evaluate(PATIENT, [corner, button, seconds])
    rows = ("heard", "input", "output")
    return found | {name: np.array(found[name], np.float32) for name in rows}


def test_the_graph_of_a_hop_is_the_stream():
    """Exported from the network's record, and run as the page runs it, on a whole recording."""
    clip = audio.load(audio.SOUNDS / "speech_with_noise1.wav", rate=stream.RATE)
    hops = np.pad(clip.samples, (0, -len(clip) % stream.HOP)).reshape(-1, stream.HOP)
    facts = onnx_export.facts()["streams"]["frcrn_live"]
    assert (facts["hop"], facts["late"] / facts["rate"]) == (stream.HOP, stream.Denoiser.latency)
    graph = onnx_export.session(onnx_export.hop_by_hop("frcrn_live"))
    state, given = np.zeros(facts["state"], np.float32), []
    for hop in (*hops, np.zeros(stream.HOP, np.float32)):
        speech, state = graph.run(None, {"samples": hop, "state": state})
        given.append(speech)
    given = np.concatenate(given)[stream.HOP :][: len(clip)]
    wanted = stream.Denoiser(engine="torch").whole(clip.samples)
    np.testing.assert_allclose(given, wanted, atol=1e-4)


def test_a_graph_that_is_another_network_is_refused(monkeypatch):
    record = onnx_export.NETWORKS["frcrn_live"]
    first = dataclasses.replace(record, unwrap=lambda output: output["wav_l1"])
    monkeypatch.setitem(onnx_export.NETWORKS, "frcrn_live", first)
    with pytest.raises(ValueError, match="frcrn_live.onnx is only"):
        onnx_export.hop_by_hop("frcrn_live")


@pytest.fixture
def isolated(browser, built):
    """Open a tab of a site that may share memory between threads."""
    with site.server(built, kind=site.Isolated) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context(base_url=f"http://127.0.0.1:{server.server_port}/")
        yield context.new_page()
        context.close()
        server.shutdown()


@pytest.mark.parametrize("shared", [False, True])
def test_the_worklet_plays_what_python_streams(request, shared):
    page = request.getfixturevalue("isolated" if shared else "page")
    found = patient(page, ".a2a-talk", 1, 1.2)
    noisy, clean, delay = found["input"], found["output"], found["delay"]
    assert found["shared"] == shared
    assert found["skipped"] is None
    assert 0.03 <= delay / stream.RATE <= 0.4
    clip = audio.load(audio.SOUNDS / "speech_with_noise1.wav", rate=stream.RATE)
    np.testing.assert_allclose(noisy, clip.samples[: len(noisy)], atol=2e-4)  # 16 bits
    wanted = stream.Denoiser().whole(noisy)[: len(clean) - delay]
    np.testing.assert_allclose(clean[delay:], wanted, atol=1e-5)
    assert metrics.si_sdr(Clip(clean[delay:], stream.RATE), Clip(wanted, stream.RATE)) > 30
    np.testing.assert_array_equal(clean[:delay], 0)
    np.testing.assert_array_equal(found["heard"][: len(clean)], clean)  # at full volume
    page.get_by_text("most conversations").or_(page.get_by_text("over 150 ms")).wait_for()
    page.locator(".a2a-talk").get_by_role("button", name="Stop").click()
    page.locator(".a2a-talk .a2a-clip").nth(1).wait_for()
    if not shared:
        path = site.BUILD / "screenshots" / "talk.png"
        page.locator(".a2a-talk").screenshot(path=path)
        assert path.stat().st_size > 10_000
        page.get_by_role("button", name="looking ahead").click()
        page.locator(".a2a-talk .a2a-clip").nth(2).wait_for(timeout=120_000)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_the_worklet_keeps_the_sound_at_any_rate(page, rate):
    """The denoiser off: what comes out is what went in, by the delay and the resamplers late."""
    import soxr

    noise = np.random.default_rng(0).normal(size=8000)
    wave = (0.1 * soxr.resample(noise, 8000, rate, quality="VHQ")).astype(np.float32)  # to 4 kHz
    page.goto("live.html")
    taps = [{"delay": 480, "clean": False}, None]
    heard, late = page.evaluate(WORKLET, [wave.tolist(), rate, taps, 0])
    whole = round((0.03 + late) * rate)
    assert late < 0.003
    n = len(wave) - whole - 200
    lags = [np.dot(heard[k : k + n], wave[:n]) for k in range(whole - 5, whole + 6)]
    best = whole - 5 + int(np.argmax(lags))
    assert abs(best - whole) <= 1
    spectra = [np.fft.rfft(np.array(x, np.float64)) for x in (heard[best : best + n], wave[:n])]
    # Between two samples a delay is a slope of phases.
    turn = np.exp(-2j * np.pi * np.arange(n // 2 + 1) * ((0.03 + late) * rate - best) / n)
    inner = slice(n // 20, n // 2 - n // 20)
    given, wanted = np.fft.irfft(spectra[0], n)[inner], np.fft.irfft(spectra[1] * turn, n)[inner]
    assert metrics.si_sdr(Clip(given, rate), Clip(wanted, rate)) > 40


def test_moving_the_delay_fades_from_one_place_to_the_other(page):
    wave = (0.1 * np.random.default_rng(1).normal(size=16000)).astype(np.float32)
    page.goto("live.html")
    moved, taps = 8192, [{"delay": 480, "clean": False}, {"delay": 1600, "clean": False}]
    heard = np.array(page.evaluate(WORKLET, [wave.tolist(), 16000, taps, moved])[0])
    old, new = (np.pad(wave, (late, 0))[: len(wave)] for late in (480, 1600))
    share = np.clip((np.arange(len(wave)) - moved + 0.5) / 128, 0, 1)
    np.testing.assert_allclose(heard, (1 - share) * old + share * new, atol=1e-6)


def test_the_page_says_that_it_may_not_use_the_microphone(page):
    page.goto("live.html")
    page.evaluate(
        "() => void (navigator.mediaDevices.getUserMedia = async () => "
        "{ throw new DOMException('no', 'NotAllowedError'); })"
    )
    page.get_by_role("button", name="Speak", exact=True).click()
    page.get_by_text("allow it beside the address").wait_for()
    assert page.get_by_role("button", name="Speak", exact=True).is_enabled()


def test_the_delay_is_put_into_words(page):
    page.goto("zh/live.html")
    slider = page.locator("#a2a-delay")
    for milliseconds, words in (("30", "低于 150 ms"), ("400", "不要超过 400 ms")):
        slider.fill(milliseconds)
        page.locator(".a2a-talk .a2a-verdict").filter(has_text=words).wait_for()
        assert page.locator(".a2a-talk .a2a-number").inner_text() == f"{milliseconds} ms"


KALMAN = """async ([mic, far, facts]) => {
  const { Kalman } = await import(new URL("_static/echo.js", location.href));
  const [filter, left] = [new Kalman(facts), []];
  for (let at = 0; at + facts.block <= mic.length; at += facts.block) {
    left.push(...filter.step(mic.slice(at, at + facts.block), far.slice(at, at + facts.block)));
  }
  return left;
}"""
DELAY = """async ([mic, far, most, distinct]) => {
  const { bulkDelay } = await import(new URL("_static/echo.js", location.href));
  return bulkDelay(mic, far, most, distinct);
}"""


def test_the_echo_canceler_in_the_page_is_pythons(page):
    far = audio.load(audio.SOUNDS / onnx_export.FAR).samples[: 3 * stream.RATE]
    generator = np.random.default_rng(0)
    room = generator.normal(size=1600) * np.exp(-np.arange(1600) / 300)
    mic = np.convolve(far, room)[: len(far)] + 0.002 * generator.normal(size=len(far))
    mic = mic.astype(np.float32)
    page.goto("live.html")
    arrays = [mic.tolist(), far.tolist()]
    left = page.evaluate(KALMAN, [*arrays, onnx_export.facts()["echo"]])
    wanted = stream.EchoCanceler().process(mic, far)
    assert len(left) == len(wanted) > 2.9 * stream.RATE
    np.testing.assert_allclose(left, wanted, atol=1e-5)
    assert np.std(wanted[-16000:]) < 0.3 * np.std(mic[-16000:])  # it has learned something


@pytest.mark.parametrize("late", [0, 37, 1200, -300, None])
def test_the_delay_of_the_echo_is_found_as_python_finds_it(page, late):
    far, other = (np.random.default_rng(k).normal(size=24000).astype(np.float32) for k in (0, 1))
    mic = other if late is None else adaptive.shift(Clip(far, 16000), late, len(far)).samples
    page.goto("live.html")
    found = page.evaluate(DELAY, [mic.tolist(), far.tolist(), 8000, adaptive.DISTINCT])
    assert found == late
    assert adaptive.bulk_delay(Clip(mic, 16000), Clip(far, 16000), 0.5, len(far)) == late


def test_the_echo_corner_learns_a_simulated_room(page):
    found = patient(page, ".a2a-echo", 1, 6)
    mic, played, delay = found["input"], found["output"], found["delay"]
    far = audio.load(audio.SOUNDS / onnx_export.FAR)
    assert found["late"] == round(0.04 * stream.RATE)
    left = played[delay:]
    mic = mic[: len(left)]
    first = (round(1.5 * stream.RATE / adaptive.BLOCK) - 1) * adaptive.BLOCK
    np.testing.assert_array_equal(left[:first], mic[:first])  # until the delay is known
    shifted = adaptive.shift(far, found["late"] - adaptive.MARGIN, len(mic)).samples
    wanted = stream.EchoCanceler().process(mic[first:], shifted[first:])
    np.testing.assert_allclose(left[first : first + len(wanted)], wanted, atol=1e-4)
    end = slice(-stream.RATE, None)
    assert 20 * np.log10(np.std(mic[end]) / np.std(left[end])) > 25
    # One hears the room, not what is left: that would be an echo again.
    np.testing.assert_allclose(found["heard"][: len(mic)], mic, atol=1e-6)
    page.get_by_role("button", name="Stop").click()
    page.locator(".a2a-echo .a2a-clip").nth(1).wait_for()
    assert grave_faults(page, contrast=False) == []


@pytest.fixture
def speaking(built, browser, address, tmp_path):
    """Open a tab of a browser whose microphone hears our noisy recording, again and again."""
    clip = audio.load(audio.SOUNDS / "speech_with_noise1.wav", rate=48000)
    path = audio.save(clip, tmp_path / "microphone.wav")
    fake = f"--use-file-for-fake-audio-capture={path}"
    started = browser.browser_type.launch(executable_path=find_browser(), args=[*ARGUMENTS, fake])
    tab, asked = started.new_context(base_url=address).new_page(), []
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    started.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_the_microphone_is_heard_denoised_while_it_speaks(speaking, capsys):
    """In real time: what is in time is Python's, how much that is depends on the machine."""
    page = speaking
    page.goto("live.html")
    page.evaluate("a2a.stream.kept = 600")
    page.get_by_role("button", name="Speak", exact=True).click()
    page.wait_for_function("a2a.stream.talk.input.length > 20 * 16000", timeout=180_000)
    found = page.evaluate(
        """() => {
          const { input, output, tap, skipped, usual, context } = a2a.stream.talk;
          return { input: [...input.samples], output: [...output.samples], delay: tap.delay, skipped, usual, base: context.baseLatency };
        }"""  # noqa: E501
    )
    measured = page.locator(".a2a-talk figure p").inner_text()
    measured += f" Delay {found['delay'] / 16} ms; alone, a hop took {found['usual']:.1f} ms."
    noisy, clean = (np.array(found[name], np.float32) for name in ("input", "output"))
    # The microphone heard our recording: pieces of it lie in the file, played again and again. A
    # machine that is too busy loses some of what its microphone gives.
    clip = audio.load(audio.SOUNDS / "speech_with_noise1.wav", rate=stream.RATE)
    around = np.concatenate([clip.samples, clip.samples[:800]])
    energy = np.convolve(np.square(around), np.ones(800), "valid")
    pieces = noisy[16000 : len(noisy) // 800 * 800].reshape(-1, 800)[:100]
    likeness = [
        (np.correlate(around, piece, "valid") / np.sqrt(energy * np.square(piece).sum())).max()
        for piece in pieces
    ]
    own = np.mean(np.array(likeness) > 0.95)
    assert max(likeness) > 0.95
    wanted = stream.Denoiser().whole(noisy)
    end = len(noisy) if found["skipped"] is None else (found["skipped"] - 1) * stream.HOP
    n = (min(end, len(clean) - found["delay"])) // stream.HOP * stream.HOP
    hops = clean[found["delay"] :][:n].reshape(-1, stream.HOP)
    played = hops.any(axis=1)  # a hop that is missed is silent
    with capsys.disabled():
        print(f"\n{measured} {own:.0%} of the pieces are the microphone's file.")
        print(f"In time: {played.sum()} of {len(played)} hops before any was left out.")
    np.testing.assert_allclose(hops[played], wanted[:n].reshape(hops.shape)[played], atol=1e-5)
    if played.sum() > 50:
        both = (Clip(x[played].ravel(), 16000) for x in (hops, wanted[:n].reshape(hops.shape)))
        assert metrics.si_sdr(*both) > 30
    page.get_by_role("button", name="Stop").click()
    page.locator(".a2a-talk .a2a-clip").nth(1).wait_for()


# --- the workflows --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["test", "book"])
def test_workflows_are_pinned_and_do_what_a_reader_would(root, name):
    text = (root / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    for step in steps:
        assert re.search("@[0-9a-f]{40}$", step.get("uses", "@" + "0" * 40)), step["uses"]
    assert f"python run.py {name}" in [step.get("run") for step in steps]
    called = set(re.findall(r"\b(\w+)\(\)", " ".join(str(step.get("if", "")) for step in steps)))
    assert called <= {"always", "cancelled", "failure", "success"}  # GitHub's own; else it refuses
    systems = {"ubuntu-latest", "windows-latest", "macos-latest"}
    assert name != "test" or all(system in text for system in systems)
