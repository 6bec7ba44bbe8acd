"""Read R's vectors, in place: numbers, their missing values, bytes.

Missing is not NaN (SPEC 6.6): in R a missing double is a NaN with a payload of its own, which is
what `is.na(x) & !is.nan(x)` looks at; a missing integer, logical or code is the smallest integer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rpy2.rinterface_lib import openrlib

NA_REAL = np.uint64(0x7FF00000000007A2)
"""Bits of R's NA_real_; R knows it by the lower half, 1954."""

NA_INTEGER = -(2**31)
"""R's NA_integer_, also of logicals and codes."""

_LOWER_HALF = np.uint64(0xFFFFFFFF)


def raw(vector: Any) -> memoryview:
    """View the bytes of an R raw vector, which lives no shorter than the view may be used."""
    return view(vector, np.uint8).data


def view(vector: Any, dtype: Any) -> NDArray[Any]:
    """View the memory of an R vector, likewise.

    NOTE: not by ``vector.memoryview()``. In rpy2 3.6 each call of it gives back a reference to None
    that it never took, which before Python 3.12 ends the process after some thousand calls.
    """
    if len(vector) == 0:  # has no memory
        return np.empty(0, dtype)
    address = vector._R_GET_PTR(vector.__sexp__._cdata)
    size = len(vector) * vector._R_SIZEOF_ELT
    return np.frombuffer(openrlib.ffi.buffer(address, size), dtype)


def is_na(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which doubles are NA, and not merely NaN."""
    bits = numbers.view(np.uint64)
    found: NDArray[np.bool_] = np.isnan(numbers) & ((bits & _LOWER_HALF) == (NA_REAL & _LOWER_HALF))
    return found


def microseconds(seconds: NDArray[Any]) -> NDArray[Any]:
    """Give the nearest whole microseconds since the epoch; R counts seconds in doubles."""
    return np.rint(seconds * 1e6).astype(np.int64)
