"""The streams are what the papers say they are."""

from __future__ import annotations

import gzip
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest

from klopf.mind import MindError, bench, problems

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist-10k"


@pytest.mark.parametrize("setting", ["redraw", "flip-one"])
def test_slowly_changing_regression_changes_as_published(setting: str) -> None:
    stream = problems.slowly_changing_regression(35_000, setting, seed=3)
    blocks = list(stream)
    assert [len(x) for x, _ in blocks] == [10_000, 10_000, 10_000, 5_000]
    slow = [x[:, :15] for x, _ in blocks]
    assert all((s == s[0]).all() for s in slow)
    changed = [int((a[0] != b[0]).sum()) for a, b in itertools.pairwise(slow)]
    assert changed == [1, 1, 1] if setting == "flip-one" else all(2 < c < 13 for c in changed)
    X, y = stream.whole()
    assert X[:, 15:].mean() == pytest.approx(0.5, abs=0.02)
    again = problems.slowly_changing_regression(35_000, setting, seed=3).whole()
    assert (again[0] == X).all() and (again[1] == y).all()
    with pytest.raises(MindError, match="neither"):
        problems.slowly_changing_regression(setting="x")


def test_the_regressions_target_is_a_network_of_threshold_units() -> None:
    """Recomputed here sample by sample from the published definition, with the reference's reading of S."""
    X, y = problems.slowly_changing_regression(300, seed=5, change_every=100).whole()
    rng = np.random.default_rng(5)
    w, b, v, c = (rng.choice([-1.0, 1.0], n) for n in ((100, 20), 100, 100, None))
    for x, target in zip(X, y, strict=True):
        total = float(c)
        for i in range(100):
            s = (20 - w[i].sum() + b[i]) / 2
            total += v[i] * (w[i] @ x + b[i] > 21 * 0.7 - s)
        assert target == total


def test_permutations_change_what_they_should_and_nothing_else() -> None:
    images = problems.digits()
    X, y = images
    (a, ya), (b, _) = list(problems.input_permuted(images, 2, seed=1))
    assert sorted(ya) == sorted(y) and not (a[0] == b[0]).all()
    assert np.sort(a.sum(1)) == pytest.approx(np.sort(X.sum(1)), abs=1e-3)
    first, _ = list(problems.label_permuted(images, 2, seed=1))
    names = {int(label): set() for label in range(10)}
    original = {x.tobytes(): int(label) for x, label in zip(X, y, strict=True)}
    for x, label in zip(*first, strict=True):
        names[original[x.tobytes()]].add(int(label))
    assert all(len(n) == 1 for n in names.values()) and names != {i: {i} for i in range(10)}
    tasks = list(problems.returning_tasks(images, 4, seed=1, different=3))
    dead = [tuple(np.flatnonzero(x.max(0) == 0)) for x, _ in tasks]  # the digits' empty corners show the permutation
    assert dead[0] == dead[3] != dead[1]


def test_binary_tasks_hold_their_tests_out() -> None:
    images = problems.digits()
    stream = problems.binary_tasks(images, 5, seed=2)
    for number, (X, y) in enumerate(stream):
        tx, ty = stream.tests(number)  # type: ignore[misc]
        learned, held = {x.tobytes() for x in X}, {x.tobytes() for x in tx}
        assert not learned & held and set(y) == set(ty) == {0, 1}
        assert 10 < len(tx) < len(X) / 4
    assert stream.fresh_outputs


def test_class_incremental_adds_classes() -> None:
    seen = [set(y) for _, y in problems.class_incremental(problems.digits(), seed=1)]
    assert [len(s) for s in seen] == [2, 4, 6, 8, 10] and all(a < b for a, b in itertools.pairwise(seen))


def test_mnist_is_read_from_its_own_files() -> None:
    if not MNIST.exists():
        pytest.skip(f"MNIST's files are not at {MNIST}")
    X, y = problems.mnist(MNIST)
    assert X.shape == (10_000, 784) and X.max() == 1.0 and sorted(set(y)) == list(range(10))


def test_bad_image_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MindError, match="cannot read"):
        problems.mnist(tmp_path)
    with gzip.open(tmp_path / "t10k-images-idx3-ubyte.gz", "wb") as file:
        file.write(struct.pack(">IIII", 2051, 5, 28, 28) + bytes(100))
    with pytest.raises(MindError, match="cut short"):
        problems.mnist(tmp_path)
    np.savez(tmp_path / "batch.npz", data=np.zeros((4, 3072), np.uint8), labels=np.array([1, 2, 3, 4]))
    X, y = problems.downsampled_imagenet([tmp_path / "batch.npz"])
    assert X.shape == (4, 3072) and list(y) == [0, 1, 2, 3]
    np.savez(tmp_path / "objects.npz", data=np.array([{}], dtype=object), labels=np.array([1]))
    with pytest.raises(MindError, match="not a batch"):
        problems.downsampled_imagenet([tmp_path / "objects.npz"])


def test_downsampled_imagenet_is_found_where_it_lies(tmp_path: Path) -> None:
    r = np.random.default_rng(0)
    for name, n in (("train_data_batch_1", 30), ("train_data_batch_2", 30), ("val_data", 8)):
        pixels = r.integers(0, 256, (n, 3072), dtype=np.uint8)
        np.savez(tmp_path / f"{name}.npz", data=pixels, labels=np.arange(n) % 3 + 1)
    assert problems.images(tmp_path)[0].shape == (60, 3072)
    assert problems.images(f"{tmp_path}/val_data.npz")[0].shape == (8, 3072)
    assert problems.images(f"{tmp_path}/val_data.npz, {tmp_path}/train_data_batch_1.npz")[0].shape == (38, 3072)
    told = bench.run(bench.Run("binary-tasks", "images", "linear", 0, 2, data=str(tmp_path)))
    assert 0 <= told["error"] <= 1
    (tmp_path / "damaged.npz").write_bytes(b"PK no zip")
    for wrong in (tmp_path / "damaged.npz", tmp_path / "none.npz", tmp_path / "none"):
        with pytest.raises(MindError):
            problems.images(wrong)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("gap.csv", b"a,y\n1,10.5\n3,\n5,11.25\n", "'y' is empty in row 2"),
        ("blank.csv", b"a,y\n1,10.5\n3, \n5,11.25\n", "'y' is empty in row 2"),
        ("mixed.csv", b"a,y\n1,10.5\n3,4\n5,n/a\n", "text among numbers in 'y': 'n/a' in row 3"),
        ("inputs.csv", b"a,b,y\n1,,10.5\n3,4,5.5\n", "column 'b' is empty in row 1"),
        ("twice.csv", b"a,a,y\n1,2,0.5\n3,4,1.5\n", "two columns called 'a'"),
        ("latin.csv", b"a,y\n1,\xe9\n2,b\n", "not UTF-8"),
        ("nan.csv", b"a,y\n1,nan\n2,2.5\n", "NaN"),
        ("short.parquet", b"PA", "cannot be read as Parquet"),
        ("damaged.parquet", b"PAR1" + bytes(30) + b"PAR1", "cannot be read as Parquet"),
        ("empty.parquet", b"", "cannot be read as Parquet"),
        ("damaged.npz", b"PK no zip", "not a NumPy file"),
        ("far.csv", b"a,y\n1,1e60\n2,2.5\n", "too large"),
    ],
)
def test_a_file_that_cannot_be_learned_from_gets_one_line(tmp_path: Path, name: str, content: bytes, line: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MindError, match=line) as caught:
        problems.from_file(tmp_path / name, "y")
    assert "\n" not in str(caught.value)


def test_the_user_says_what_the_target_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa, y\n1,10\n2,20\n3,35\n\n")  # a byte order mark, a line too many
    assert problems.from_file(tmp_path / "a.csv", "y").outputs == 3
    numbers = problems.from_file(tmp_path / "a.csv", "y", classes=False)
    assert numbers.output == "linear" and numbers.whole()[1].tolist() == [10, 20, 35]
    assert problems.from_file(tmp_path / "a.csv", "a", classes=True).output == "softmax"
    (tmp_path / "b.csv").write_text("a,y\n1,1\n2,1b\n3,1\n")
    assert problems.from_file(tmp_path / "b.csv", "y", classes=True).whole()[1].tolist() == [0, 1, 0]
    with pytest.raises(MindError, match="row 2"):
        problems.from_file(tmp_path / "b.csv", "y", classes=False)
    X = np.ones((3, 2))
    assert problems.from_arrays(X, [1, 2, 3], classes=False).output == "linear"
    assert problems.from_arrays(X, [0.5, 2.0, 0.5], classes=True).outputs == 2
    for y in (["a", "", "b"], [None, 1, 2], [0.5, np.nan, 1.0], [[1, 2]] * 3):
        with pytest.raises(MindError):
            problems.from_arrays(X, y)
    with pytest.raises(MindError, match="folder"):
        problems.from_file(tmp_path, "y")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(MindError, match="folder"):
        problems.from_file(tmp_path / "dir.csv", "y")


def test_streams_without_samples_are_refused() -> None:
    small = (np.ones((20, 4), np.float32), np.arange(20) % 4)
    for make in (
        lambda: problems.slowly_changing_regression(0),
        lambda: problems.slowly_changing_regression(10, seed=-1),
        lambda: problems.slowly_changing_regression(10, slow=21),
        lambda: problems.input_permuted(small, 0),
        lambda: problems.input_permuted(small, 1, samples=-5),
        lambda: problems.label_permuted(small, 2, samples=-5),
        lambda: problems.returning_tasks(small, 0),
        lambda: problems.returning_tasks(small, 1, different=0),
        lambda: problems.binary_tasks(small, 0),
        lambda: problems.class_incremental(small, repeats=0),
    ):
        with pytest.raises(MindError, match="="):
            make()


def test_the_users_own_files_become_streams(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,kind,z\n1,red,2\n3,blue,4.5\n5,red,6\n")
    stream = problems.from_file(tmp_path / "a.csv", "kind")
    X, y = stream.whole()
    assert stream.output == "softmax" and X.tolist() == [[1, 2], [3, 4.5], [5, 6]] and y.tolist() == [1, 0, 1]
    with pytest.raises(MindError, match="number is needed"):
        problems.from_file(tmp_path / "a.csv", "z")
    with pytest.raises(MindError, match="no column"):
        problems.from_file(tmp_path / "a.csv", "colour")
    (tmp_path / "b.csv").write_text("x,y\n1,0.25\n2,0.5\n")
    assert problems.from_file(tmp_path / "b.csv", "y").output == "linear"
    (tmp_path / "c.csv").write_text("x,y\n1\n")
    with pytest.raises(MindError, match="different length"):
        problems.from_file(tmp_path / "c.csv", "y")
    (tmp_path / "d.csv").write_text("x,y\n1,0\n2,0\n")
    with pytest.raises(MindError, match="single class"):
        problems.from_file(tmp_path / "d.csv", "y")
    np.savez(tmp_path / "e.npz", X=np.ones((3, 2)), y=np.array([0, 1, 1]))
    assert problems.from_file(tmp_path / "e.npz", "y").outputs == 2
    with pytest.raises(MindError, match="no file"):
        problems.from_file(tmp_path / "none.csv", "y")
    import arro3.core
    import arro3.io

    table = arro3.core.Table.from_pydict({"x": arro3.core.Array([1.0, 2.0], arro3.core.DataType.float64()),
                                          "y": arro3.core.Array([1, 0], arro3.core.DataType.int64())})  # fmt: skip
    arro3.io.write_parquet(table, str(tmp_path / "f.parquet"))
    assert problems.from_file(tmp_path / "f.parquet", "y").whole()[1].tolist() == [1, 0]
