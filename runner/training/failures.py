"""Tell what went wrong in fits that scikit-learn goes on without (its `error_score`).

scikit-learn keeps of each failure the text of its traceback, in a warning, or in the error that all
have failed. What a modeller wants of it is what their own language said.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import FitFailedWarning

_RULE = "-" * 80
_COUNT = re.compile(r"(\d+) fits? failed with the following error:")
_ERROR = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*): (?P<message>.*)", re.MULTILINE | re.DOTALL)
_OURS = "runner.errors."
_SCORING = "Scoring failed"


def read(text: str) -> list[str]:
    """Give each distinct failure in a warning of scikit-learn's, how often, and its message."""
    found = []
    for part in text.split(_RULE):
        count = _COUNT.search(part)
        if count or part.lstrip().startswith(_SCORING):
            what = f"{count[1]} fits failed" if count else "could not be scored"
            found.append(f"{what}: {_message(part)}")
    return found


def _message(traceback: str) -> str:
    """Give what stands after the last frame of a traceback."""
    last = traceback.rsplit("\n  File ", 1)[-1]
    error = _ERROR.search(last)
    if error is None:
        return traceback.strip().splitlines()[-1]
    message = error["message"].strip()
    return message if error["kind"].startswith(_OURS) else f"{error['kind']}: {message}"


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect the failures that are warned of within, each once; other warnings go on."""
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FitFailedWarning)
        warnings.filterwarnings("always", message=_SCORING)
        # Means over scores that are NaN: that some are is told already.
        warnings.filterwarnings("ignore", message="One or more of the test scores are non-finite")
        warnings.filterwarnings("ignore", message="One or more of the train scores are non-finite")
        yield told
    for warning in caught:
        text = str(warning.message)
        if issubclass(warning.category, FitFailedWarning) or text.startswith(_SCORING):
            told += [failure for failure in read(text) if failure not in told]
        else:
            warnings.showwarning(
                warning.message, warning.category, warning.filename, warning.lineno
            )
