"""Hypothesis without deadlines (the first call of a compiled kernel compiles) and the same examples on every run."""

from hypothesis import settings

settings.register_profile("expfam", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("expfam")
