"""P(theta): what is added to the loss; strengths are per unit of mean loss, as in glmnet and glum."""

from collections.abc import Mapping

from expfam.errors import SolverError
from expfam.penalties._penalty import NoPenalty, Penalty, PenaltyForm
from expfam.penalties.elastic_net import ElasticNet
from expfam.penalties.ridge import Ridge

PENALTIES: dict[str, type[Penalty]] = {"none": NoPenalty, "ridge": Ridge, "elastic_net": ElasticNet}


def penalty(given: Penalty | None) -> Penalty:
    """The penalty meant by an argument: None is maximum likelihood."""
    if given is None:
        return NoPenalty()
    if isinstance(given, Penalty):
        return given
    raise SolverError(f"penalty={given!r} is no penalty; allowed: None, or an object such as expfam.Ridge(0.1)")


def from_dict(plain: Mapping[str, object]) -> Penalty:
    """The penalty that `to_dict` wrote."""
    options = {key: value for key, value in plain.items() if key != "name"}
    return PENALTIES[str(plain["name"])](**options)


__all__ = ["PENALTIES", "ElasticNet", "NoPenalty", "Penalty", "PenaltyForm", "Ridge", "from_dict", "penalty"]
