"""Hold numbers that came as bytes, as numpy lays them out, and look for what is no number.

No numpy here: a front-end would pay for it with its memory. 20 million floats are looked through in
a fiftieth of a second by their bytes alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.table import Type
from contracts.wire import Buffer

_STEP = 1024 * 1024
"""Bytes that are looked through at once: they stay in the processor's cache."""

_CODES = {"<f8": "d", "<f4": "f", "<i8": "q", "<i4": "i", "|b1": "?"}
_NATIVE = {"<f8": Type.F64, "<i8": Type.I64, "|b1": Type.BOOL}

DTYPES = tuple(_CODES)
"""What numpy calls ``dtype.str``, of the kinds of numbers that are read."""


@dataclass(eq=False, slots=True)
class Raw:
    """An array of one of `DTYPES`, row by row if it has two dimensions.

    Make it with `Raw.of`, which checks that the bytes are as many as the shape says.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Buffer

    @classmethod
    def of(cls, dtype: Any, shape: Any, data: Any) -> Raw:
        """Check what a caller says of an array. Raises ValueError with what is wrong.

        ``shape`` may be None: one dimension, as long as the data are.
        """
        if type(dtype) is not str or dtype not in _CODES:
            raise ValueError(f"dtype {repr(dtype)[:50]}, expected one of {', '.join(DTYPES)}")
        if not isinstance(data, bytes | memoryview):
            raise ValueError(f"data of type {type(data).__name__}, expected bytes")
        size = _size(dtype)
        if shape is None:
            shape = [len(data) // size]
        if type(shape) is not list or any(type(n) is not int or n < 0 for n in shape):
            raise ValueError(f"shape {repr(shape)[:50]}, expected a list of counts")
        if len(shape) not in (1, 2):
            raise ValueError(f"shape {repr(shape)[:50]}, expected one or two dimensions")
        expected = size * math.prod(shape)
        if len(data) != expected:
            raise ValueError(
                f"{len(data)} bytes of data, expected {expected} for {dtype} of shape {shape}"
            )
        return cls(dtype, tuple(shape), data)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def type(self) -> Type | None:
        """The contract's type whose buffers are these bytes, or None."""
        return _NATIVE.get(self.dtype)

    def values(self) -> Sequence[Any]:
        """Give the numbers, in place, one after another."""
        return memoryview(self.data).cast("B").cast(_CODES[self.dtype])  # type: ignore[call-overload,no-any-return]

    @property
    def sound(self) -> bool:
        """Whether there is no NaN and no infinity, and no bool but 0 and 1."""
        return next(self.unsound(), None) is None

    def unsound(self) -> Iterator[tuple[int, Any]]:
        """Give the places of values that are none, and these."""
        view = memoryview(self.data)
        size = _size(self.dtype)
        for start in range(0, len(view), _STEP):
            part = bytes(view[start : start + _STEP])
            if _may_be_unsound(self.dtype, part):
                for at, value in enumerate(_unsound(self.dtype, part)):
                    if value is not None:
                        yield start // size + at, value


def _size(dtype: str) -> int:
    return int(dtype[-1])


def _may_be_unsound(dtype: str, part: bytes) -> bool:
    """Judge by the highest byte of each float: that of NaN and infinity is 0x7f or 0xff.

    So is that of numbers over 1e304, or 1e38 as f4: these are then looked at one by one.
    """
    if dtype == "|b1":
        return bool(part.translate(None, b"\x00\x01"))
    if "f" not in dtype:
        return False
    size = _size(dtype)
    highest = part[size - 1 :: size]
    return b"\x7f" in highest or b"\xff" in highest


def _unsound(dtype: str, part: bytes) -> Iterator[Any]:
    """Give each value that is none, and None for each that is one."""
    if dtype == "|b1":
        return (byte if byte > 1 else None for byte in part)
    numbers = memoryview(part).cast(_CODES[dtype])  # type: ignore[call-overload]
    return (None if math.isfinite(number) else number for number in numbers)
