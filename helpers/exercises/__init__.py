"""The exercises' checkers: say what is right, what is off and by how much, never only "wrong".

One module a lesson; each check takes the learner's answer and returns a `Verdict`, which a
notebook shows as one line. Its language is the edition's (`A2A_LANG`: en or zh). Most exercises are
records (`answers`); the rest judge by hand.
"""
