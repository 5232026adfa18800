"""nbval's sanitize file replaces the sound inside our players, and nothing else."""

import re

import numpy as np
import pytest
from nbval.plugin import get_sanitize_patterns

from helpers import audio
from helpers.clip import Clip


@pytest.fixture
def rules(root):
    return get_sanitize_patterns((root / "tests" / "nbval_sanitize.cfg").read_text("utf-8"))


def clean(text, rules):
    """What IPyNbCell.sanitize does."""
    for regex, replace in rules:
        text = re.sub(regex, replace, text)
    return text


def player(seed, name="noise", n=8000):
    noise = np.random.default_rng(seed).normal(size=n)
    return audio.listen(audio.set_level(Clip(noise, 8000, name), -25))._repr_html_()


def test_nbval_reads_the_one_rule(rules, root):
    assert len(rules) == 1
    text = (root / "tests" / "nbval_sanitize.cfg").read_text("utf-8")
    assert len(rules) == len(re.findall("^regex:", text, re.MULTILINE))


def test_a_rule_split_by_a_blank_line_would_be_lost(root):
    text = (root / "tests" / "nbval_sanitize.cfg").read_text("utf-8")
    assert get_sanitize_patterns(text.replace("\nreplace:", "\n\nreplace:")) == []


def test_another_sound_counts_as_the_same(rules):
    assert player(0) != player(1)
    assert clean(player(0), rules) == clean(player(1), rules)


def test_only_the_sound_is_replaced(rules):
    before, after = player(0), clean(player(0), rules)
    sound = re.search('base64,([^"]*)', before)[1]
    assert len(sound) > 1000
    assert after == before.replace(sound, "SOUND")


@pytest.mark.parametrize("other", [{"name": "hiss"}, {"n": 9000}])
def test_another_label_or_duration_is_seen(rules, other):
    assert clean(player(0), rules) != clean(player(0, **other), rules)


def test_another_level_is_seen(rules):
    tone = Clip(np.sin(np.arange(8000)), 8000, "tone")
    pages = [audio.listen(clip)._repr_html_() for clip in (tone, tone.gain(-1))]
    assert clean(pages[0], rules) != clean(pages[1], rules)


def test_every_player_of_several_is_replaced(rules):
    tone = Clip(np.sin(np.arange(8000)), 8000, 'a "tone" <b>')
    page = clean(audio.listen(tone, tone, tone)._repr_html_(), rules)
    assert page.count("base64,SOUND") == 3
    assert len(page) < 1500


@pytest.mark.parametrize(
    "text",
    [
        "mixture: 4.70 s, SI-SDR 12.3 dB",
        "data:audio/flac;base64,SGVsbG8=",
        '<audio src="data:audio/flac;base64,SGVsbG8="></audio>',
        '<img src="data:image/png;base64,SGVsbG8=">',
        '<audio controls aria-label="x" src="data:audio/wav;base64,SGVsbG8="></audio>',
        "regex: x",
    ],
)
def test_anything_else_is_compared_as_it_is(rules, text):
    assert clean(text, rules) == text
