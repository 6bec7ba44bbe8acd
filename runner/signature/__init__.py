"""Check what a caller sends against what a model was fitted to, before any worker is asked.

    signature  what a fitted model expects and answers; stored with its version
    reading    one value of JSON or text -> one value of a declared type
    raw        arrays of numbers that came as bytes
    records    JSON lists of records that are as declared -> tables, at once
    checker    requests -> tables, compiled once for a version and its mapping
    field      the values of one field
    shapes     columns, or rows without names: as long and as wide as they must be
    matching   fields of a config's mapping -> features of a model
    nearest    the name that a misspelt one may have meant
    results    a model's answer -> what callers are told, an item a row
    text       JSON, read and written
    faults     what was wrong with a request, or with a mapping

No numpy, no pandas: front-ends import this.
"""

from runner.signature.checker import Checker, read_params
from runner.signature.faults import IncompatibleMapping, InputFault, InvalidInput
from runner.signature.matching import MappedField
from runner.signature.raw import Raw
from runner.signature.signature import Signature

__all__ = [
    "Checker",
    "IncompatibleMapping",
    "InputFault",
    "InvalidInput",
    "MappedField",
    "Raw",
    "Signature",
    "read_params",
]
