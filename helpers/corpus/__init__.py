"""A folder of recordings as a table, mapped through a tool, on one machine or many. Taught in 17.

`index` lists the recordings, `process` works on them and can be broken off at any moment, `table`,
`summary` and `picture` tell what came of it. What goes wrong with a recording becomes a row.

Examples
--------
>>> from helpers import audio, corpus
>>> found = corpus.index(audio.SOUNDS / "speech" / "tux_ca", "build/corpus_index")
>>> found.column_names
['name', 'audio', 'bytes', 'modified', 'sha256', 'stem']
"""

from helpers.corpus.listing import index
from helpers.corpus.mapping import process, results, run
from helpers.corpus.report import picture, summary, table

__all__ = ["index", "picture", "process", "results", "run", "summary", "table"]
