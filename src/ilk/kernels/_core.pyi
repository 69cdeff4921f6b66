from collections.abc import Callable, Sequence
from typing import TypeAlias

from ilk.kernels.contract import SearchStatus
from ilk.typing import FloatArray, IntArray

PredictorArrays: TypeAlias = tuple[FloatArray, FloatArray | None]
PrecisionArrays: TypeAlias = tuple[IntArray, IntArray, bool]
TermArrays: TypeAlias = tuple[int, IntArray, int, FloatArray | None, PrecisionArrays | None]
FactorArrays: TypeAlias = (
    tuple[IntArray, IntArray, FloatArray, int, int, FloatArray]
    | Callable[[FloatArray], tuple[FloatArray, FloatArray]]
)
SearchFields: TypeAlias = tuple[
    SearchStatus,
    FloatArray,
    FloatArray,
    float,
    FloatArray,
    FloatArray,
    float,
    int,
    int,
    int,
    bool,
    float,
]

def density_names() -> list[str]: ...

class LaplaceEngine:
    def __init__(
        self,
        response: FloatArray,
        trials: FloatArray | None,
        weights: FloatArray | None,
        predictors: Sequence[PredictorArrays],
        terms: Sequence[TermArrays],
        density: str,
        threads: int,
    ) -> None: ...
    def evaluate(
        self,
        beta: FloatArray,
        lam: FloatArray,
        nodes: list[int],
        gradient: bool,
        tolerance: float,
        cold: bool,
    ) -> tuple[float, FloatArray | None, FloatArray | None, bool, bool]: ...
    def fit(
        self,
        factor: FactorArrays,
        beta: FloatArray,
        theta: FloatArray | None,
        inverse_hessian: FloatArray | None,
        nodes: list[int],
        max_steps: int,
        tolerance: float,
    ) -> SearchFields: ...
    def information(
        self,
        factor: FactorArrays,
        beta: FloatArray,
        theta: FloatArray,
        scale: FloatArray,
        nodes: list[int],
    ) -> FloatArray: ...
    def modes(self) -> FloatArray: ...
    def conditional_covariance(self) -> list[FloatArray]: ...
    def solve(self, rhs: FloatArray) -> FloatArray: ...
    def cross_information(self) -> FloatArray: ...
    def fixed_information(self) -> FloatArray: ...
    def set_response(self, response: FloatArray) -> None: ...

class LinearEngine:
    def __init__(
        self,
        response: FloatArray,
        weights: FloatArray | None,
        predictors: Sequence[PredictorArrays],
        terms: Sequence[TermArrays],
        count: float,
    ) -> None: ...
    def evaluate(
        self, lam: FloatArray, reml: bool, gradient: bool
    ) -> tuple[float, FloatArray, float, FloatArray | None]: ...
    def fit(
        self,
        factor: FactorArrays,
        theta: FloatArray | None,
        reml: bool,
        max_steps: int,
        tolerance: float,
    ) -> SearchFields: ...
    def information(
        self, factor: FactorArrays, theta: FloatArray, scale: FloatArray, reml: bool
    ) -> tuple[FloatArray, FloatArray]: ...
    def modes(self) -> FloatArray: ...
    def conditional_covariance(self) -> list[FloatArray]: ...
    def solve(self, rhs: FloatArray) -> FloatArray: ...
    def cross_information(self) -> FloatArray: ...
    def coefficient_covariance(self) -> FloatArray: ...
    def set_response(self, response: FloatArray) -> None: ...
