"""How a solver stopped: the value of each status is what to do about it."""

from enum import Enum


class Status(Enum):
    """Why the iteration ended; `value` is the advice, shown in summaries and warnings."""

    RUNNING = "the solver has not finished"
    CONVERGED = "the gradient vanishes; nothing to do"
    SEPARATED = (
        "coefficients run to infinity: some rows are predicted perfectly (separation, or a level without events). "
        "Merge levels, drop the column, reduce the bias (bias='firth'), or add a penalty such as Ridge(1e-4)"
    )
    UNREACHED = (
        "coefficients run to infinity: the responses of some rows lie beyond every mean that the link reaches, such as "
        "negative ones under a log link. Take a link that reaches them, such as link='identity', leave these rows out, "
        "merge levels, or add a penalty such as Ridge(1e-4)"
    )
    STALLED = (
        "no step lowers the objective any more although the gradient is not zero: the steps met the edge of the "
        "allowed means, or columns are nearly collinear. The coefficients are where the steps ended, not the optimum, "
        "which may lie elsewhere on that edge. Try another link, scale the columns, or add a penalty"
    )
    EDGE = (
        "the optimum lies on the edge of the allowed means, not inside. The coefficients are close to those of that "
        "optimum; standard errors and tests do not hold there. Try another link, or fewer columns"
    )
    FLAT = (
        "the gradient is as flat as tol= asks, and the optimum is more than a tenth of a standard error away all the "
        "same: some rows weigh so much that others hardly count in it. Take a smaller tol= or solver='newton'"
    )
    MAX_ITER = "the iteration limit was reached; raise max_iter= or look for separation and huge values"
    STREAMED = (
        "one pass over a stream, whose rows are gone: after many rows the optimum of all of them is a fraction of a "
        "standard error away, and there is nothing left to certify that by"
    )
    HELD = (
        "the rows of the stream say next to nothing of these, and its prior alone holds them where they are: they run "
        "to infinity (separation, or a level without events), or the rows that told of them have faded. Merge levels, "
        "drop the column, or add a penalty such as Ridge(1e-4)"
    )
    WALKED = (
        "one pass over a stream in steps of first order, whose rows are gone: the loss of rows before they were "
        "learned from tells how good it is, and nothing how far from the optimum"
    )
    PASSES_DONE = (
        "stochastic gradient descent ran the passes it was given; more passes or a lower rate come closer, "
        'solver="newton" ends exactly'
    )
    OUTSIDE = (
        "the passes ended where some rows have means that family and link do not allow, and the coefficients were "
        "drawn back towards those of the intercept alone: they are no optimum, and standard errors and tests do not "
        "hold. Take solver='newton', or a link that allows every mean, such as log for positive ones and logit for "
        "shares"
    )
