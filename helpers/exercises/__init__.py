"""The exercises' checkers: say what is right, what is off and by how much, never only "wrong".

One module a lesson; each checker takes the learner's answer and returns a `Verdict`, which a
notebook shows as one line. Its language is the edition's (`A2A_LANG`: en or zh).
"""

from helpers.exercises.verdict import Verdict, clip_faults, number_fault, tell

__all__ = ["Verdict", "clip_faults", "number_fault", "tell"]
