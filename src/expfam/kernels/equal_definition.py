"""Which of some words are equal? The definition that `kernels.equal` is the compiled twin of."""

import numpy as np

from expfam._typing import AnyArray


def number(words: AnyArray, most: int) -> tuple[AnyArray, AnyArray] | None:
    """A number from 0 on for every word of (n,), the same for equal ones, and the first row of each number; None where
    there are more than `most` different words."""
    _, first, place = np.unique(words, return_index=True, return_inverse=True)
    return None if len(first) > most else (place, first)
