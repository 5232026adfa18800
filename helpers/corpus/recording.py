"""The audio column: a feature of `datasets` that our own reader decodes, row by row, when asked.

The library's own gives an array, a path and a rate, by librosa or soundfile; this one gives a
Clip, of all that `audio.load` reads, and says in words what is wrong with a file.
"""

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from datasets import Audio
from datasets.features.features import register_feature

from helpers import audio
from helpers.clip import Clip


@dataclass
class Recording(Audio):
    """A recording: a path, or the bytes of its file. Read, it is a Clip.

    Examples
    --------
    >>> Recording().decode_example({"path": b"sounds/mix_speech.wav", "bytes": None}).rate
    8000
    """

    # A path is bytes, as not every name on a disk is UTF-8.
    pa_type: ClassVar[Any] = pa.struct({"bytes": pa.binary(), "path": pa.binary()})
    _type: str = field(default="Recording", init=False, repr=False)

    def encode_example(self, value: Any) -> dict:
        """Make of a path, or of a dict of path and bytes, what the column stores."""
        if isinstance(value, dict):
            return {"bytes": value.get("bytes"), "path": value.get("path")}
        return {"bytes": None, "path": os.fsencode(value)}

    def decode_example(self, value: dict, token_per_repo_id: Any = None) -> Clip:
        """Read the recording; a ValueError says what is wrong with it."""
        path = Path(os.fsdecode(value["path"]))
        if value["bytes"] is None:
            return audio.load(path)
        return audio.load(value["bytes"]).named(path.stem)

    def cast_storage(self, storage: Any) -> Any:
        """Take a column as it is stored; the library's own wants paths as text."""
        return storage.cast(self.pa_type)

    def embed_storage(self, storage: Any) -> Any:
        """Leave a column as it is: `corpus.index(..., embed=True)` embeds."""
        return storage


with warnings.catch_warnings():  # "experimental": this version is pinned
    warnings.simplefilter("ignore")
    register_feature(Recording, "Recording")
