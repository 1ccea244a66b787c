"""Learning from rows that never come back: what a stream has taught so far, and the fit that it amounts to."""

from expfam.stream.stream import Ask, Stream

__all__ = ["Ask", "Stream"]
