"""Hypothesis without deadlines (the first call of a compiled kernel compiles) and the same examples on every run.

Kernels are loaded at once, so that no test's path depends on those that ran before it.
"""

from hypothesis import settings

import expfam.kernels.rows  # noqa: F401

settings.register_profile("expfam", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("expfam")
