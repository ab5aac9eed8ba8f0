"""What a member answers: read, or refused as that member's fault, and nothing else whatever arrives."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klopf.errors import FleetError
from klopf.fleet import _answers as answers
from klopf.fleet._device import Application, Update
from klopf.fleet._parameters import digest
from klopf.fleet._sparse import _HEAD, pack, unpack

SHAPES = ((2, 3), (1,))
FIGURES = {"base": "b", "digest": "d", "records": 3, "loss": 0.5, "seconds": 1.0}
CHANGE = np.zeros(7, np.float32)
NUMBERS = st.one_of(st.integers(), st.sampled_from([10**400, -(10**400), 1 << 61, True]), st.floats(), st.none())
PLAIN = st.recursive(st.one_of(NUMBERS, st.text(max_size=4)), lambda one: st.lists(one, max_size=3) | st.dictionaries(
    st.sampled_from([*FIGURES, "x", "parts"]), one, max_size=6), max_leaves=8)  # fmt: skip
ARRAYS = st.builds(
    lambda shape, kind: np.zeros(shape, kind),
    st.sampled_from([(), (7,), (1, 7), (2, 7), (1, 1, 7), (0,), (3, 2)]),
    st.sampled_from([np.float32, np.float64, np.uint8]),
)
TENSORS = st.dictionaries(st.sampled_from(["change", "parts", "packed", "inputs", "targets"]), ARRAYS, max_size=4)


def read(tensors, payload, sparse=False, devices=("x", "y")):
    return answers.update(
        "d", tensors, payload, SHAPES, size=7, base="b", sparse=sparse, devices=devices, travelled=(1, 2)
    )


@given(TENSORS, st.one_of(PLAIN, st.fixed_dictionaries(dict.fromkeys(FIGURES, PLAIN), optional={"parts": PLAIN})),
       st.booleans())  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_arrives_is_an_update_or_one_line_about_its_sender(tensors, payload, sparse):
    for reading, kind in (
        (lambda: read(tensors, payload, sparse), Update),
        (lambda: answers.application("d", tensors, payload), Application),
    ):
        try:
            assert isinstance(reading(), kind)
        except FleetError as error:
            assert str(error).startswith("d answers") and "\n" not in str(error)


@pytest.mark.parametrize(
    ("tensors", "more"),
    [
        ({"other": CHANGE}, {}),
        ({"change": CHANGE[None]}, {}),
        ({"change": CHANGE}, {"records": 10**400}),
        ({"change": CHANGE}, {"loss": 10**400}),
        ({"change": CHANGE}, {"loss": float("nan")}),
        ({"change": CHANGE}, {"parts": {"x": FIGURES}}),
        ({"change": CHANGE, "parts": CHANGE[None, None]}, {"parts": {"x": FIGURES}}),
        ({"change": CHANGE, "parts": np.stack([CHANGE] * 3)}, {"parts": {n: FIGURES for n in "xyz"}}),
    ],
)
def test_what_ended_a_demand(tensors, more):
    with pytest.raises(FleetError, match="d answers wrongly"):
        read(tensors, FIGURES | more)


def test_a_packed_answer_names_no_hashes_and_has_those_of_what_arrived():
    packed = {"packed": np.frombuffer(pack(np.arange(7, dtype=np.float32), 0.5), np.uint8)}
    lean = {name: FIGURES[name] for name in ("records", "loss", "seconds")}
    update = read(packed, lean, sparse=True)
    assert update.base == "b" and update.digest == digest(update.change)
    with pytest.raises(FleetError, match="nothing else"):
        read(packed, FIGURES, sparse=True)


def test_only_a_node_shows_updates_of_several():
    tensors, payload = {"change": CHANGE, "parts": CHANGE[None]}, FIGURES | {"parts": {"x": FIGURES}}
    assert set(read(tensors, payload).parts) == {"x"}
    assert not read(tensors, payload, devices=()).parts


def test_a_packed_change_of_another_size_is_not_opened(monkeypatch):
    many = 1 << 16
    bomb = _HEAD.pack(2370, many, 1.0, 1.0) + bytes(2 * many // 8) + zlib.compress(b"\xff\0\0\0\0" * many, 9)

    def opened():
        raise AssertionError("it was opened")

    monkeypatch.setattr(zlib, "decompressobj", opened)
    for data in (bomb, struct.pack("<IIff", 7, 2, 1.0, 1.0) + b"\0"):
        with pytest.raises(FleetError, match="packed change"):
            unpack(data, 2370)
