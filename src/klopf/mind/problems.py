"""Streams to learn from, all behind one interface: they say what they are, and give themselves in blocks.

A :class:`Stream` has ``sensors``, ``outputs`` and ``output`` (the kind that a ``Mind`` wants), a ``task`` length in
samples (0 where the stream has no tasks), and is iterated as ``(X, y)`` blocks, each within one task. A stream is
drawn from its seed alone: iterating again gives the same samples.
"""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf import tables
from klopf.errors import MindError, TableError
from klopf.extras import require

__all__ = [
    "Block",
    "Images",
    "Stream",
    "binary_tasks",
    "class_incremental",
    "digits",
    "downsampled_imagenet",
    "from_arrays",
    "from_file",
    "images",
    "input_permuted",
    "label_permuted",
    "mnist",
    "returning_tasks",
    "slowly_changing_regression",
]

Block = tuple[NDArray[Any], NDArray[Any]]
Images = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True)
class Stream:
    """Samples in an order that matters."""

    name: str
    sensors: int
    """Numbers in an input."""
    outputs: int
    """Classes, or numbers in a target."""
    output: str
    """What targets are: "linear", "softmax" or "logistic"."""
    samples: int
    """How many there are in all; 0 if only iterating tells."""
    task: int
    """Samples in a task; 0 where there are no tasks."""
    blocks: Callable[[], Iterator[Block]]
    """Begins a new pass."""
    fresh_outputs: bool = False
    """Output weights are set to zero where a new task begins (the protocol of endless binary tasks)."""
    tests: Callable[[int], Block] | None = None
    """Held-out samples of task number ``k``, where the protocol has them."""

    parts: int = 0
    """How many blocks there are; 0 if only iterating tells."""

    @property
    def number(self) -> int:
        """How many blocks there are, at least 1."""
        return self.parts or max(1, -(-self.samples // self.task) if self.task else 1)

    def __iter__(self) -> Iterator[Block]:
        return self.blocks()

    def whole(self) -> Block:
        """The stream in one piece, for one compiled call."""
        parts = list(self.blocks())
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


# --- numbers ----------------------------------------------------------------------------------------------------------


def slowly_changing_regression(
    steps: int = 1_000_000,
    setting: str = "redraw",
    seed: int = 0,
    *,
    inputs: int = 20,
    slow: int = 15,
    change_every: int = 10_000,
    units: int = 100,
    beta: float = 0.7,
) -> Stream:
    """The slowly-changing regression of Dohare et al. (Nature 632, 2024).

    Of ``inputs`` bits, ``slow`` stand still between changes and the rest are drawn at every step. Every
    ``change_every`` steps all slow bits are drawn anew (``setting="redraw"``) or one of them flips (``"flip-one"``).
    The target is a network of ``units`` linear threshold units with all weights and biases +-1; unit i fires when
    ``w_i.x + b_i > (inputs + 1) * beta - S_i``.

    ``S_i`` is the number of negative input weights plus half the bias. The paper counts the negative ones among input
    weights and bias; the code that made its figures computes this, and only so do its figures come out.
    """
    _counted(steps=steps, seed=seed, inputs=inputs, slow=slow, change_every=change_every, units=units)
    if slow > inputs:
        raise MindError(f"slow={slow}: there are only {inputs} inputs")
    if setting not in ("redraw", "flip-one"):
        raise MindError(f"setting={setting!r} is neither redraw nor flip-one")

    def blocks() -> Iterator[Block]:
        rng = np.random.default_rng(seed)
        w = rng.choice([-1.0, 1.0], (units, inputs))
        b = rng.choice([-1.0, 1.0], units)
        v = rng.choice([-1.0, 1.0], units)
        c = rng.choice([-1.0, 1.0])
        threshold = (inputs + 1) * beta - ((w < 0).sum(1) + b / 2)
        fast = inputs - slow
        patterns = ((np.arange(2**fast)[:, None] >> np.arange(fast)) & 1).astype(np.float64)
        bits = rng.integers(0, 2, slow).astype(np.float64)
        for start in range(0, steps, change_every):
            if start and setting == "redraw":
                bits = rng.integers(0, 2, slow).astype(np.float64)
            elif start:
                k = rng.integers(slow)
                bits[k] = 1.0 - bits[k]
            # between changes only 2**fast different inputs exist: their targets are computed once
            table = np.concatenate([np.tile(bits, (len(patterns), 1)), patterns], 1)
            target = ((table @ w.T + b > threshold) @ v) + c
            drawn = rng.integers(0, len(table), min(change_every, steps - start))
            yield table[drawn].astype(np.float32), target[drawn].astype(np.float32)

    return Stream(f"regression-{setting}", inputs, 1, "linear", steps, change_every, blocks)


# --- images -----------------------------------------------------------------------------------------------------------


def digits() -> Images:
    """scikit-learn's 1,797 handwritten digits, 8x8, values 0 to 1; they come with that library."""
    require("sklearn", "the handwritten digits")
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y.astype(np.int64)


def mnist(folder: str | os.PathLike[str]) -> Images:
    """MNIST's test images from ``folder`` (``t10k-images-idx3-ubyte.gz`` and its labels), 28x28, values 0 to 1.

    Raises:
        MindError: the files are not there or are not what their names say.
    """

    def idx(name: str, magic: int, dims: int) -> NDArray[np.uint8]:
        path = Path(folder) / name
        try:
            with gzip.open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise MindError(f"cannot read {path}: {error}; put MNIST's files there or name another folder") from error
        if len(data) < 4 + 4 * dims or struct.unpack_from(">I", data)[0] != magic:
            raise MindError(f"{path} is not an IDX file of the expected kind")
        shape = struct.unpack_from(">" + "I" * dims, data, 4)
        body = np.frombuffer(data, np.uint8, offset=4 + 4 * dims)
        if body.size != int(np.prod(shape)):
            raise MindError(f"{path} is cut short: {body.size} bytes where {int(np.prod(shape))} belong")
        return body.reshape(shape)

    X = idx("t10k-images-idx3-ubyte.gz", 2051, 3)
    y = idx("t10k-labels-idx1-ubyte.gz", 2049, 1)
    if len(X) != len(y):
        raise MindError(f"{folder} has {len(X)} images but {len(y)} labels")
    return (X.reshape(len(X), -1) / 255).astype(np.float32), y.astype(np.int64)


def images(where: str | os.PathLike[str]) -> Images:
    """Images from what the user has: a folder with MNIST's files, a folder with ``.npz`` batches of downsampled
    ImageNet (those called ``train_*`` if there are such, else all), or such files, separated by commas.

    Raises:
        MindError: none of these is there, or one is damaged.
    """
    folder = Path(where)
    if folder.is_dir():
        batches = sorted(folder.glob("train_*.npz")) or sorted(folder.glob("*.npz"))
        return downsampled_imagenet(list(batches)) if batches else mnist(folder)
    names = [name.strip() for name in str(where).split(",") if name.strip()]
    if names and all(name.endswith(".npz") for name in names):
        return downsampled_imagenet(list(names))
    return mnist(folder)


def downsampled_imagenet(files: Sequence[str | os.PathLike[str]]) -> Images:
    """Downsampled ImageNet, 32x32 colour, from the ``.npz`` batches that its users have; 3,072 values 0 to 1 an image.

    Each file holds ``data`` of shape (images, 3072), uint8, and ``labels`` from 1 or 0. Nothing pickled is read.

    Raises:
        MindError: a file is missing, is not such a batch, or holds pickled objects.
    """
    images, labels = [], []
    for path in files:
        try:
            with np.load(path, allow_pickle=False) as batch:
                images.append(batch["data"])
                labels.append(np.asarray(batch["labels"]))
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise MindError(f"{path} is not a batch of downsampled ImageNet: {error}") from error
        if images[-1].ndim != 2 or images[-1].shape[1] != 3072 or len(images[-1]) != len(labels[-1]):
            raise MindError(f"{path} holds images of shape {images[-1].shape}, not (images, 3072) with a label each")
    if not images:
        raise MindError("no files were given")
    y = np.concatenate(labels).astype(np.int64)
    return (np.concatenate(images) / np.float32(255)).astype(np.float32), y - y.min()


def input_permuted(images: Images, tasks: int, seed: int = 0, *, samples: int = 0) -> Stream:
    """Online permuted images: every task shows all images once in a new order, under a new fixed permutation of pixels.

    ``samples`` above 0 shows only so many of them in each task.
    """
    _counted(tasks=tasks, seed=seed, samples=samples)
    X, y = images
    n = min(samples, len(X)) if samples else len(X)

    def blocks() -> Iterator[Block]:
        rng = np.random.default_rng(seed)
        for _ in range(tasks):
            pixels = rng.permutation(X.shape[1])
            order = rng.permutation(len(X))[:n]
            yield X[order][:, pixels], y[order]

    return Stream("input-permuted", X.shape[1], int(y.max()) + 1, "softmax", tasks * n, n, blocks)


def label_permuted(images: Images, tasks: int, seed: int = 0, *, samples: int = 0) -> Stream:
    """Every task shows all images once in a new order, with the classes' names permuted."""
    _counted(tasks=tasks, seed=seed, samples=samples)
    X, y = images
    n = min(samples, len(X)) if samples else len(X)
    classes = int(y.max()) + 1

    def blocks() -> Iterator[Block]:
        rng = np.random.default_rng(seed)
        for _ in range(tasks):
            names = rng.permutation(classes)
            order = rng.permutation(len(X))[:n]
            yield X[order], names[y[order]]

    return Stream("label-permuted", X.shape[1], classes, "softmax", tasks * n, n, blocks)


def returning_tasks(images: Images, tasks: int, seed: int = 0, *, different: int = 3, samples: int = 0) -> Stream:
    """``different`` permutations of the pixels that come back in turn: what is kept can be used again."""
    _counted(tasks=tasks, seed=seed, different=different, samples=samples)
    X, y = images
    n = min(samples, len(X)) if samples else len(X)

    def blocks() -> Iterator[Block]:
        rng = np.random.default_rng(seed)
        permutations = [rng.permutation(X.shape[1]) for _ in range(different)]
        for k in range(tasks):
            order = rng.permutation(len(X))[:n]
            yield X[order][:, permutations[k % different]], y[order]

    return Stream("returning-tasks", X.shape[1], int(y.max()) + 1, "softmax", tasks * n, n, blocks)


def binary_tasks(
    images: Images, tasks: int, seed: int = 0, *, train: int = 600, test: int = 100, epochs: int = 1
) -> Stream:
    """Continual ImageNet's protocol: endless tasks, each to tell two classes apart that are drawn at random.

    A task trains on at most ``train`` images a class, ``epochs`` times over, and is tested on ``test`` others a class
    (fewer where the class has fewer: a seventh of it, as 100 of 700). The two output weights start from zero in each
    task, nothing else does.
    """
    _counted(tasks=tasks, seed=seed, train=train, test=test, epochs=epochs)
    X, y = images
    classes = np.unique(y)
    if len(classes) < 2:
        raise MindError("binary tasks need images of at least 2 classes")

    def drawn(k: int) -> tuple[NDArray[np.int64], NDArray[np.int64], np.random.Generator]:
        rng = np.random.default_rng((seed, k))
        learn, held = [], []
        for c in rng.choice(classes, 2, replace=False):
            of = rng.permutation(np.flatnonzero(y == c))
            t = min(test, max(1, len(of) // 7))
            held.append(of[:t])
            learn.append(of[t : t + train])
        both = np.concatenate(learn)
        return both, np.concatenate(held), rng

    def labelled(at: NDArray[np.int64], k: int) -> Block:
        pair = np.random.default_rng((seed, k)).choice(classes, 2, replace=False)
        return X[at], (y[at] == pair[1]).astype(np.int64)

    def blocks() -> Iterator[Block]:
        for k in range(tasks):
            both, _, rng = drawn(k)
            yield labelled(np.concatenate([rng.permutation(both) for _ in range(epochs)]), k)

    def tests(k: int) -> Block:
        return labelled(drawn(k)[1], k)

    return Stream("binary-tasks", X.shape[1], 2, "softmax", 0, 0, blocks, True, tests, tasks)


def class_incremental(images: Images, seed: int = 0, *, classes_a_task: int = 2, repeats: int = 1) -> Stream:
    """Classes arrive a few at a time, and those seen before stay in the stream."""
    _counted(seed=seed, classes_a_task=classes_a_task, repeats=repeats)
    X, y = images
    classes = int(y.max()) + 1

    def blocks() -> Iterator[Block]:
        rng = np.random.default_rng(seed)
        order = rng.permutation(classes)
        for seen in range(classes_a_task, classes + classes_a_task, classes_a_task):
            at = np.flatnonzero(np.isin(y, order[:seen]))
            chosen = np.concatenate([rng.permutation(at) for _ in range(repeats)])
            yield X[chosen], y[chosen]

    return Stream(
        "class-incremental", X.shape[1], classes, "softmax", 0, 0, blocks, parts=-(-classes // classes_a_task)
    )


# --- the user's own ---------------------------------------------------------------------------------------------------


def from_arrays(
    X: ArrayLike, y: ArrayLike, name: str = "arrays", block: int = 10_000, *, classes: bool | None = None
) -> Stream:
    """Rows in their order.

    Args:
        X: inputs, ``(n, sensors)``.
        y: targets.
        name: what the stream is called.
        block: rows given at a time.
        classes: whether targets are classes (numbered in sorted order) or numbers. By default an array of integers,
            booleans or text is classes, one of floating-point numbers is numbers.

    Raises:
        MindError: shapes that do not fit, a gap, NaN or infinity, a single class, or text where numbers are needed.
    """
    _counted(block=block)
    x = np.asarray(X)
    target = np.asarray(y)
    if x.ndim != 2 or len(x) != len(target) or not len(x):
        raise MindError(f"{name}: inputs of shape {x.shape} and targets of shape {target.shape} do not make a stream")
    try:
        with np.errstate(over="ignore"):
            x = np.ascontiguousarray(x, np.float32)
    except (TypeError, ValueError) as error:
        raise MindError(f"{name}: inputs must be numbers: {error}") from error
    if not np.isfinite(x).all():
        row = int(np.argmin(np.isfinite(x).all(1)))
        raise MindError(f"{name}: row {row} contains NaN or infinity; drop or fill it first")
    gaps = [i for i, v in enumerate(target.tolist()) if v is None or v == "" or v != v]
    if gaps:
        raise MindError(f"{name}: the target in row {gaps[0]} is empty or NaN; drop or fill it first")
    if target.dtype.kind in "iubUSO" if classes is None else classes:
        if target.ndim != 1:
            raise MindError(f"{name}: classes need one target a row, not an array of shape {target.shape}")
        names, codes = np.unique(target.astype(str) if target.dtype.kind == "O" else target, return_inverse=True)
        if len(names) < 2:
            raise MindError(f"{name}: the target has a single class; there is nothing to tell apart")
        target, outputs, output = codes.astype(np.int64), len(names), "softmax"
    else:
        try:
            with np.errstate(over="ignore"):
                target, output = target.astype(np.float32), "linear"
        except (TypeError, ValueError) as error:
            raise MindError(f"{name}: a target is no number: {error}") from error
        if not np.isfinite(target).all():
            raise MindError(f"{name}: a target is NaN or infinite; drop it first")
        outputs = 1 if target.ndim == 1 else target.shape[1]

    def blocks() -> Iterator[Block]:
        for start in range(0, len(x), block):
            yield x[start : start + block], target[start : start + block]

    return Stream(name, x.shape[1], outputs, output, len(x), 0, blocks)


def from_file(
    path: str | os.PathLike[str], target: str, *, classes: bool | None = None, form: tables.Format | None = None
) -> Stream:
    """A CSV, Parquet or NumPy (``.npz`` with arrays ``X`` and the target's name) file as a stream, rows in their order.

    Args:
        path: the file; CSV has a header.
        target: the column to predict; all others are inputs and must be numbers.
        classes: whether the target's values are classes or numbers. By default a column of text is classes, and so is
            one of whole numbers with at most 100 different ones: say ``classes=False`` where those are amounts. A NumPy
            file's arrays have types that tell, as in :func:`from_arrays`.
        form: how a CSV file is written, where the file does not tell: see :class:`klopf.tables.Format`.

    Raises:
        MindError: no such file or column, text or gaps where numbers are needed, a target with gaps or with text among
            numbers, two columns of one name, or a kind of file that is not read.
    """
    file = Path(path)
    if not file.is_file():
        raise MindError(f"{file} is a folder, not a file" if file.is_dir() else f"there is no file {file}")
    kind = file.suffix.lower()
    if kind == ".npz":
        try:
            with np.load(file, allow_pickle=False) as arrays:
                X, y = arrays["X"], arrays[target]
        except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise MindError(f"{file} is not a NumPy file with arrays X and {target}: {error}") from error
        return from_arrays(X, y, file.name, classes=classes)
    if kind not in (".csv", ".tsv", ".txt", ".parquet", ".pq"):
        raise MindError(f"{file} is neither .csv, .parquet nor .npz")
    try:
        return _from_table(tables.read(file, form), target, classes)
    except TableError as error:
        raise MindError(str(error)) from None


def _from_table(table: tables.Table, target: str, classes: bool | None) -> Stream:
    table.require(target)
    X, words = table.inputs(target), table.text_among_numbers(target)
    if classes is None and words:
        raise MindError(
            f"{table.name} has text among numbers in {target!r}: {words[1][:40]!r} in row {words[0]}, counted from 1; "
            "mend it, or say classes=True if all are names of classes"
        )
    if classes is None and table.is_numbers(target):
        numbers = table.numbers(target)
        classes = bool((numbers == numbers.round()).all()) and len(np.unique(numbers)) <= 100
    if classes is False:
        return from_arrays(X, table.numbers(target), table.name)
    return from_arrays(X, table.classes(target)[0], table.name, classes=True)


def _counted(**given: int) -> None:
    """Refuse what is no whole number from 1 (``samples``, ``seed`` and ``slow``: from 0)."""
    for name, value in given.items():
        least = 0 if name in ("samples", "seed", "slow") else 1
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise MindError(f"{name}={value!r} must be a whole number from {least}")
