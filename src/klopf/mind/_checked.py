"""What a learner is given, as its kernels take it, or refused in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind.kernels.state import MOST

__all__ = [
    "checked_inputs",
    "checked_options",
    "checked_targets",
    "checked_weights",
    "is_missing",
    "no_number",
    "plain",
    "read",
    "shown",
]


def is_missing(value: Any) -> bool:
    """Whether it is what tables have where nothing is: None, or what pandas has for it."""
    return value is None or type(value).__name__ in ("NAType", "NaTType")


_MISSING = np.frompyfunc(is_missing, 1, 1)

_NO_NUMBERS = (np.datetime64, np.timedelta64, np.complexfloating)


def no_number(value: Any) -> bool:
    """Whether ``value`` is a date, a duration, complex or text with ``_``, of which ``float`` may make some number all
    the same."""
    if isinstance(value, str):
        return "_" in value
    return isinstance(value, _NO_NUMBERS) or (isinstance(value, bytes) and b"_" in value)


_NO_NUMBER = np.frompyfunc(no_number, 1, 1)


def shown(value: Any) -> str:
    """``value`` as an error says it: one short line, whatever it is."""
    if isinstance(value, np.str_ | np.number | np.bool_) and not isinstance(value, np.timedelta64):
        value = value.item()
    try:
        said = " ".join(repr(value).split())
    except Exception:  # a stranger's, or a whole number with too many digits
        said = f"some {type(value).__name__}"
    return said if len(said) <= 80 else said[:77] + "..."


def checked_options(options: Any) -> dict[str, Any]:
    """Fields of ``klopf.mind.Settings`` by name; none for None. Raises: MindError, where they are no dict."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise MindError(f"options must be a dict of settings by name, not {shown(options)}")
    return dict(options)


def read(given: ArrayLike, what: str) -> NDArray[Any]:
    """Whatever holds numbers, or texts or objects that say some, as an array; what is masked or missing in it is NaN.

    Raises:
        MindError: it holds something else, or cannot be read.
    """
    if type(given) is np.ndarray and given.dtype.kind in "biuf":
        return given
    if type(given) is int or type(given) is float or type(given) is np.int64:  # one label or number, as is usual
        return np.asarray(given)
    if hasattr(given, "toarray"):
        raise MindError(f"a sparse {what} is not read; give its toarray(), or a frame or an array")
    with _one_line(what):
        array = np.ma.filled(given.astype(np.float64), np.nan) if np.ma.is_masked(given) else np.asarray(given)  # type: ignore[union-attr]
        if array.dtype.kind not in "biufOSU":
            raise TypeError(f"not {array.dtype.name}")
        if array.dtype.kind in "OSU" and _NO_NUMBER(array).any():
            raise TypeError("not dates, durations, complex ones or text with '_'")
        return np.where(_MISSING(array).astype(bool), np.nan, array) if array.dtype.kind == "O" else array


def plain(given: ArrayLike, dtype: Any, what: str) -> NDArray[Any]:
    """``given`` as kernels take it, who are compiled for nothing else: of ``dtype``, in C order, aligned, writable.

    Raises:
        MindError: it is no numbers, or there is no room for them.
    """
    if type(given) is np.ndarray and given.dtype == dtype and given.flags.carray:
        return given
    array = read(given, what)
    with _one_line(what), np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused later
        x: NDArray[Any] = np.asarray(array, dtype=dtype, order="C")
        return x if x.flags.carray else x.copy()


@contextlib.contextmanager
def _one_line(what: str) -> Iterator[None]:
    try:
        yield
    except MindError:
        raise
    except MemoryError as error:
        raise MindError(f"there is no room in memory for so many {what}s; give them in pieces") from error
    except Exception as error:  # a stranger's array may raise anything
        said = (str(error) or type(error).__name__).splitlines()[0][:150]
        must = "an input must be numbers" if what == "input" else f"a {what} must be a number"
        raise MindError(f"{must}: {said}") from error


def _most(x: NDArray[Any]) -> Any:
    """The largest absolute value; NaN where there is one. Of many, without a second array of them."""
    return np.abs(x).max() if x.size < 10_000 else max(x.max(), -x.min())


def checked_inputs(X: ArrayLike, sensors: int, dtype: Any, gaps: bool = False, staged: bool = False) -> NDArray[Any]:
    """``X`` as the kernels take it: ``(n, sensors)``, finite, none beyond ``MOST``; ``gaps``: NaN is missing;
    ``staged``: an input stage hears them, which none may be missing for.

    Raises:
        MindError: it is not that.
    """
    x = plain(X, dtype, "input")
    if x.ndim != 2:
        raise MindError(f"inputs must have the shape (n, {sensors}), not {x.shape}; one input has a call of its own")
    if x.shape[1] != sensors:
        raise MindError(f"an input has {x.shape[1]} numbers where this learner has {sensors} sensors")
    if x.size and not _most(x) <= MOST:  # NaN is not either
        fine = (np.abs(x) <= MOST) | (np.isnan(x) & gaps)
        if not fine.all():
            what = "infinity or more than" if gaps else "NaN, infinity or more than"
            mend = "drop or scale it first" if gaps else "drop, fill or scale it first"
            if staged:
                mend += ": an input stage makes its features of whole inputs"
            elif not gaps:
                mend += ", or let normalise_inputs=True take NaN as missing"
            raise MindError(f"the input in row {int(np.argmin(fine.all(1)))} contains {what} {MOST:g}; {mend}")
    return x


def checked_targets(
    y: ArrayLike, rows: int, outputs: int, output: str, dtype: Any, unknown: bool = False
) -> NDArray[Any]:
    """``y`` as the kernels take it, for ``rows`` inputs: class numbers ``(rows,)``, or numbers ``(rows, outputs)``,
    among which, with ``unknown``, NaN is one that is not known.

    Raises:
        MindError: it is not that.
    """
    if output == "softmax":
        given = read(y, "class")
        if given.shape != (rows,):
            raise MindError(f"{rows} inputs need {rows} class numbers, not an array of shape {given.shape}")
        try:
            labels = plain(given, np.int64, "class")  # NaN becomes some number, and is not that: refused below
            whole = labels is given or bool(np.asarray(labels == given).all())
        except MindError:
            whole = False
        if not whole:
            raise MindError("a class must be a whole number; number the classes from 0")
        if labels.min() < 0 or labels.max() >= outputs:
            bad = int(labels.min() if labels.min() < 0 else labels.max())
            raise MindError(f"class {bad} was never declared: this learner has classes 0 to {outputs - 1}")
        return labels
    numbers = plain(y, dtype, "target")
    if numbers.size != rows * outputs or numbers.shape[:1] != (rows,):
        raise MindError(f"{rows} inputs need {rows} x {outputs} targets, not the shape {numbers.shape}")
    if not np.abs(numbers).max() <= MOST and not (unknown and np.nanmax(np.abs(numbers), initial=0.0) <= MOST):
        raise MindError(f"a target is NaN, infinite or beyond {MOST:g}; drop or scale it first")
    if output == "logistic" and ((numbers < 0) | (numbers > 1)).any():
        raise MindError("a target of a yes/no output must be from 0 (no) to 1 (yes)")
    return numbers.reshape(rows, outputs)


def checked_weights(weights: ArrayLike | None, rows: int, dtype: Any) -> NDArray[Any]:
    """How much each of ``rows`` samples counts, ``(rows,)``: finite, not negative; ones for None.

    Raises:
        MindError: they are not that.
    """
    if weights is None:
        return np.ones(rows, dtype)
    given = plain(weights, dtype, "sample's weight")
    if given.shape != (rows,):
        raise MindError(f"{rows} samples need {rows} weights, not an array of shape {given.shape}")
    if not (given >= 0).all() or not given.max(initial=0.0) <= MOST:
        raise MindError(f"a sample's weight is negative, NaN or beyond {MOST:g}; 0 leaves a sample out")
    return given
