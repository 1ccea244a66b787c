"""The information (10) as an object: what solvers and inference may do with it, however it is stored."""

from expfam.information._information import Factor, Information
from expfam.information.arrow import Arrow
from expfam.information.covariance import Covariance
from expfam.information.full import Full
from expfam.information.rank import CLEAR, RANK_TOL, independent, independent_of_root
from expfam.information.root import Root, root

__all__ = [
    "CLEAR",
    "RANK_TOL",
    "Arrow",
    "Covariance",
    "Factor",
    "Full",
    "Information",
    "Root",
    "independent",
    "independent_of_root",
    "root",
]
