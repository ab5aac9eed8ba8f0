"""A table and its targets as scikit-learn's users give them: read as it reads them, or refused by row and column."""

from __future__ import annotations

from typing import Any

import numpy as np

from klopf.errors import MindError
from klopf.mind._checked import is_missing, plain, read, shown
from klopf.mind._frames import check_kinds, columns, frame, is_frame
from klopf.mind._named import number
from klopf.mind._rows import blocks
from klopf.mind.kernels.state import MOST

__all__ = ["classes_given", "numbers_given", "rows_given"]


def rows_given(estimator: Any, X: Any, y: Any = "no_validation", *, gaps: bool, **how: Any) -> Any:
    """``validate_data``, which says of what is no number where it stands; with ``gaps`` NaN is what is missing.

    Raises:
        MindError: a column holds what is no number, or a number is too large.
        ValueError: scikit-learn says why.
    """
    from sklearn.utils.validation import validate_data

    how = {"dtype": [np.float64, np.float32], "ensure_all_finite": "allow-nan" if gaps else True, **how}
    X = _read(X)
    try:
        found = validate_data(estimator, X, y, accept_sparse="csr", **how)
    except (TypeError, ValueError) as error:
        if "Reshape your data" in str(error):  # after all of the data
            raise ValueError(
                f"X has the shape {np.shape(X)}. Reshape your data: X.reshape(-1, 1) is one feature, "
                "X.reshape(1, -1) one row"
            ) from error
        mended = _mended(X, gaps, error)
        if mended is None:
            raise
        found = validate_data(estimator, mended, y, accept_sparse="csr", **how)
    _check_size(found[0] if isinstance(found, tuple) else found, getattr(estimator, "feature_names_in_", None))
    return found


def _read(X: Any) -> Any:
    """The same, if it holds no dates, durations or complex numbers; what is masked in an array is NaN."""
    if is_frame(X):
        check_kinds(X)
        return X
    if hasattr(X, "collect"):
        raise MindError(f"X is {type(X).__name__}; collect() it first")
    _check_real("X", X)
    if isinstance(X, list | tuple | np.ma.MaskedArray) or (type(X) is np.ndarray and X.dtype.kind not in "biuf"):
        return read(X, "input") if len(X) else X
    return X


def _check_real(what: str, given: Any) -> None:
    if getattr(getattr(given, "dtype", None), "kind", "") == "c":
        raise ValueError(f"Complex data not supported: {what} is {given.dtype}; give real numbers")


def _mended(X: Any, gaps: bool, error: Exception) -> Any:
    """A frame whose objects all say numbers or are missing, as numbers; None where that is not the matter.

    Raises:
        MindError: a column of a frame has what is no number.
        TypeError, ValueError: a column of an array has; the same class as ``error``.
    """
    if is_frame(X):
        names, table = columns(X, gaps)
        return frame(X, {name: table[:, k] for k, name in enumerate(names)})
    if type(X) is np.ndarray and X.dtype.kind in "OSU" and X.ndim == 2:
        for k, column in enumerate(X.T):
            for value in column:
                try:
                    number(k, value, gaps)
                except MindError:
                    said = f"column {k} of X is {shown(value)}; encode it as a number first ({error})"
                    raise type(error)(said) from error
    return None


def _check_size(X: Any, names: Any) -> None:
    """Before anything is learned. Raises: MindError, where a number is beyond ``MOST``."""
    values = X.data if hasattr(X, "indptr") else X
    if values.size and max(np.nanmax(values, initial=0.0), -np.nanmin(values, initial=0.0)) > MOST:
        for rows in blocks(np.arange(X.shape[0]), X.shape[1]):
            part = X[rows[0] : rows[-1] + 1]
            large = np.argwhere(np.abs(part.toarray() if hasattr(part, "toarray") else part) > MOST)
            if len(large):
                row, column = large[0].tolist()
                which = column if names is None else repr(str(names[column]))
                raise MindError(
                    f"column {which} of X is beyond {MOST:g} in row {rows[0] + row}; drop or scale it first"
                )


def classes_given(y: Any) -> Any:
    """Names of classes: those of pandas' nullable types in their own.

    Raises:
        MindError: one is missing, or some are texts and some are not.
    """
    kind = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    if kind is not None and not y.isna().any():
        y = np.asarray(y, kind)
    if y is None or isinstance(y, str) or hasattr(y, "indptr"):
        return y
    try:
        found = np.asarray(y)
    except ValueError:  # ragged: scikit-learn says what it is
        return y
    if found.dtype.kind in "US" and isinstance(y, list | tuple):  # NumPy makes texts of whatever stands among texts
        found = np.asarray(y, object)
    if found.dtype.kind != "O":
        return y
    for row, value in enumerate(found.ravel().tolist()):
        if is_missing(value) or value != value:
            row //= found.shape[1] if found.ndim == 2 else 1
            raise MindError(f"the class in row {row} is {shown(value)}; drop the row or name its class")
    for column in found.T if found.ndim == 2 else [found]:
        texts = [value for value in column.tolist() if isinstance(value, str)]
        if 0 < len(texts) < len(column):
            other = next(value for value in column.tolist() if not isinstance(value, str))
            raise MindError(
                f"classes are texts and others, such as {shown(texts[0])} and {shown(other)}; name them all by texts"
            )
    return y


def numbers_given(y: Any) -> Any:
    """Targets that are numbers. Raises: MindError, where they are dates or durations."""
    _check_real("y", y)
    if is_frame(y):
        check_kinds(y)
    elif y is not None and not hasattr(y, "indptr") and np.asarray(y).dtype.kind not in "biuf":
        return plain(y, np.float64, "target")
    return y
