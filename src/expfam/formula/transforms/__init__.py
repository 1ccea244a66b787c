"""The listed functions of a formula, by name. A new one is one file and one line here."""

from expfam.formula.transforms._transform import Transform
from expfam.formula.transforms.center import CENTER, SCALE
from expfam.formula.transforms.cut import CUT
from expfam.formula.transforms.elementwise import ELEMENTWISE
from expfam.formula.transforms.factor import C
from expfam.formula.transforms.poly import POLY
from expfam.formula.transforms.splines import BS, NS

TRANSFORMS: dict[str, Transform] = {
    transform.name: transform for transform in (*ELEMENTWISE, C, CUT, POLY, BS, NS, CENTER, SCALE)
}
