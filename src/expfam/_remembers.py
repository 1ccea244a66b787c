"""What is worked out once of an object that never changes: `cached_property` needs a place for it beside slots."""


class Remembers:
    """A base of frozen dataclasses with cached properties."""

    __slots__ = ("__dict__",)
