"""Learning from rows that never come back: what a stream has taught so far, and the fit that it amounts to."""

from expfam.stream.ask import Ask
from expfam.stream.stream import Stream

__all__ = ["Ask", "Stream"]
