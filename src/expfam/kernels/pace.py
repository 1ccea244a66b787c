"""What a walk along rows is told and what it keeps: the arguments that `walk` and `walk_definition` share."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from expfam._typing import FloatArray


class Update(IntEnum):
    """At which theta a row's score is taken: the one it leaves (11), the one it comes to (12), all on the way."""

    EXPLICIT = 0
    IMPLICIT = 1
    IMPORTANCE = 2


class Rule(IntEnum):
    """How far a step goes."""

    CONSTANT = 0
    INVERSE = 1
    ADAGRAD = 2
    NORMALISED = 3
    ADAM = 4


class Average(IntEnum):
    """Which mean of the iterates is kept."""

    LAST = 0
    POLYAK = 1
    FADING = 2


class Stop(IntEnum):
    """Why a walk ended before its last row."""

    NOT = 0
    INFINITE = 1
    OUTSIDE = 2
    FAR = 3


class Ask(NamedTuple):
    """`Update`, `Rule` and `Average` as numbers; a path point every so many rows; rows a step; 1 if there is a ridge, 2
    with absolute values; rate, decay and power of the rule, the half life and the burn-in of the average in weight, and
    the natural unit of eta."""

    update: int
    rule: int
    average: int
    every: int
    batch: int
    penalised: int
    rate: float
    decay: float
    power: float
    half_life: float
    burn_in: float
    unit: float


class State(NamedTuple):
    """Arrays of all coefficients, (p, d), which a walk changes; those that it does not need are empty.

    lag        what theta less its average is, times the weight averaged over (or as the average fades)
    squares, moment   sums of squares of gradients, or Adam's two moments
    local      R: the rates of the coefficients when they last moved, but for the pace common to all
    scale      the largest |x_j| so far
    paid       up to which `CLOCK.DUE` penalties were paid
    owed, received    of |theta|: all that could have been, and what was (Tsuruoka, Tsujii and Ananiadou 2009)
    line, area sums of W^2 bar and W^2 bar^2 over the points of the path of averages, bar
    since      the weight up to which penalties were paid, where an average is kept
    """

    theta: FloatArray
    lag: FloatArray
    squares: FloatArray
    moment: FloatArray
    local: FloatArray
    scale: FloatArray
    paid: FloatArray
    owed: FloatArray
    received: FloatArray
    line: FloatArray
    area: FloatArray
    since: FloatArray = np.zeros(0)


class Clock(IntEnum):
    """Places in the array of numbers that a walk changes: rows, weight and steps so far; the sum of pace times weight,
    up to which penalties are due; that of |x_j / scale_j|^2; where the fading average is anchored; the weight at the
    last point of the path, and the sum of W^2 over its points."""

    ROWS = 0
    WEIGHT = 1
    STEPS = 2
    DUE = 3
    NORM = 4
    ANCHOR = 5
    MARKED = 6
    MASS = 7


FIRST, SECOND, SMALL = 0.9, 0.999, 1e-8  # Adam's (Kingma and Ba 2015)
TOO_FAR = 1e8  # natural units by which an explicit step may move its own row
FOLDED = 256.0  # half lives after which the fading average is anchored anew
ROUNDING = 1e-13  # of the sizes of its terms: a mean gradient of less is none, and says nothing about a rate
ENDLESS = 1e300  # a ridge that waited for so long leaves nothing
SLOW = 1e-8  # of its weight: what a fading average has forgotten is below rounding
