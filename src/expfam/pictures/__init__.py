"""Pictures of a fit: one a file, each a function that answers with the numbers drawn and a drawing of them."""

from collections.abc import Callable, Mapping

from expfam.pictures.picture import Picture
from expfam.pictures.plots import Pictures

PICTURES: Mapping[str, Callable[..., Picture]] = {
    name: method
    for name, method in vars(Pictures).items()
    if getattr(method, "__annotations__", {}).get("return") is Picture
}
"""Every picture by its name: the methods of `fit.plot` that answer with one."""
