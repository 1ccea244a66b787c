"""Which of some words are equal? By a hash table, compiled: the twin of `kernels.equal_definition`.

Words of many rows are dealt to tables by their hashes, each small enough for a core's own cache, and every table by
itself. So numbers do not depend on the threads.
"""

import numpy as np
from numba import njit, uint64

from expfam._typing import AnyArray
from expfam.parallel import ordered_map

SMALL = 1 << 14  # different words that one table holds in cache
TABLES = 4
SLACK = 1.25  # how many more of the different words than its share a table has room for

_compile = njit(nogil=True, cache=True, error_model="numpy")


@_compile
def _number(words, table, one_of, keys, room, base, place, first):  # type: ignore[no-untyped-def]
    """How many different words table number `table` of `one_of` got, -1 where they are more than `room`.

    keys (slots, 2): a word, and its number plus 1 less `base`; 0 where a slot is free.
    """
    count, last = uint64(0), uint64(len(keys) - 1)
    for i in range(len(words)):
        word = uint64(words[i])
        mixed = (word ^ (word >> uint64(32))) * uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> uint64(29))) * uint64(0xBF58476D1CE4E5B9)
        if (mixed >> uint64(40)) % uint64(one_of) != uint64(table):
            continue
        at = (mixed >> uint64(8)) & last
        for _ in range(len(keys)):
            number = keys[at, uint64(1)]
            if number == 0:
                if count == uint64(room):
                    return -1
                keys[at, uint64(0)] = word
                first[base + count] = i
                count += uint64(1)
                keys[at, uint64(1)] = number = count
            if keys[at, uint64(0)] == word:
                place[i] = base + number - uint64(1)
                break
            at = (at + uint64(1)) & last
    return np.int64(count)


def number(words: AnyArray, most: int) -> tuple[AnyArray, AnyArray] | None:
    """See `equal_definition`."""
    n, tables = len(words), 1 if most <= SMALL else TABLES
    room = most if tables == 1 else int(SLACK * most / tables) + 1
    words, place, first = words.view(np.uint64), np.empty(n, dtype=np.intp), np.full(tables * room, -1)

    def deal(table: int) -> int:
        keys = np.zeros((1 << (2 * room).bit_length(), 2), dtype=np.uint64)
        return int(_number(words, table, tables, keys, room, table * room, place, first))

    counts = [deal(0)] if tables == 1 else ordered_map(deal, range(tables))
    if min(counts) < 0 or sum(counts) > most:
        return None
    held = first >= 0
    return (place, first[held]) if tables == 1 else ((np.cumsum(held) - 1)[place], first[held])
