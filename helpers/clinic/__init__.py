"""The clinic: examinations that any denoiser, separator or echo canceler can be put through.

`python -m helpers clinic TARGET`, or `audio-clinic TARGET`, examines a Python function, a command
line, an ONNX file or a pipeline; README.md beside this file is its manual. It needs numpy, scipy
and soundfile. Taught in 13.

Examples
--------
>>> from helpers import clinic
>>> results = clinic.examine(lambda samples: 0.5 * samples, only=["length", "gain"])
>>> [(result.name, result.status) for result in results]
[('length', 'passed'), ('gain', 'passed')]
"""

from helpers.clinic import costs, echoes, inputs, lengths, levels, people, repeats, speech, timing
from helpers.clinic.record import EXAMINATIONS, Result, bad, examination, judge, ok, skip
from helpers.clinic.run import examine
from helpers.clinic.targets import find

__all__ = ["EXAMINATIONS", "Result", "bad", "examination", "examine", "find", "judge", "ok", "skip"]
__all__ += ["costs", "echoes", "inputs", "lengths", "levels", "people", "repeats", "run", "speech"]
__all__ += ["timing"]
