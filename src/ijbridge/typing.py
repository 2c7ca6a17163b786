"""Names for the types that several rooms share; imported for type checking only."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
#: What selects a part of an array along one axis.
Part: TypeAlias = slice | list[int]
Float: TypeAlias = NDArray[np.float64]
