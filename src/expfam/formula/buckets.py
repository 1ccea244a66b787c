"""Open vocabularies: the level of a label is the bucket it falls into, one of 2^bits, the same on every machine.

Weinberger et al. 2009, "Feature hashing for large scale multitask learning"; Vowpal Wabbit's -b, but for each factor by
itself. Two labels of a factor share a coefficient if they share a bucket: of k labels a share of about k / 2^(bits + 1)
meets one that was there before.
"""

from dataclasses import replace
from hashlib import blake2b

import numpy as np

from expfam.data.column import smallest
from expfam.errors import SchemaError
from expfam.formula.values import Factor

MOST = 31
"""Bits; codes are whole numbers of 32."""


def bucket(name: str, label: str, bits: int) -> str:
    """'#2f1c': the bucket of a label of the factor `name`, in hexadecimal.

    By a cryptographic digest, so that labels which look alike do not fall alike, and others meet in every factor.
    """
    digest = blake2b(f"{name}\0{label}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return f"#{int.from_bytes(digest, 'little') & ((1 << bits) - 1):0{-(-bits // 4)}x}"


def bucketed(factor: Factor, name: str, bits: int) -> Factor:
    """The same rows with buckets for levels, in the order of the labels that were met there first."""
    found = [bucket(name, label, bits) for label in factor.levels]
    place: dict[str, int] = {}
    codes = [place.setdefault(label, len(place)) for label in found]
    table = np.array([*codes, -1], smallest(len(place)))  # -1, a missing label, is the last
    reference = None if factor.reference is None else bucket(name, factor.reference, bits)
    return replace(factor, codes=table[factor.codes], levels=tuple(place), reference=reference)


def check_bits(bits: object) -> None:
    """SchemaError unless it is a whole number from 1 to MOST, or None."""
    if bits is not None and not (type(bits) is int and 1 <= bits <= MOST):
        raise SchemaError(
            f"hash_bits={bits!r}: a whole number from 1 to {MOST}, 2^bits buckets a factor, or None for a coefficient "
            "for every label"
        )
