"""What a machine can do is measured, signed, and refused where anything in it was altered."""

import json
from dataclasses import fields, replace

import pytest

from klopf.errors import FleetError
from klopf.fleet.device import Measured, SignedMeasure, measure
from klopf.ledger import keys

KEY = keys.new()


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return measure(tmp_path_factory.mktemp("disk"), seconds=0.01)


def test_every_figure_is_measured_and_nothing_is_left_behind(measured, tmp_path):
    assert all(getattr(measured, field.name) > 0 for field in fields(Measured))
    assert 1e7 < measured.flops < 1e15 and 1e6 < measured.copied < 1e13 and 1e6 < measured.hashed < 1e11
    measure(tmp_path, seconds=0.001)
    assert not list(tmp_path.iterdir())


def test_it_comes_back_as_it_was_signed(measured):
    plain = json.loads(json.dumps(measured.signed(KEY).plain()))
    again = SignedMeasure.read(plain)
    assert again.measured == measured and again.address == KEY.address


@pytest.mark.parametrize("field", [field.name for field in fields(Measured)])
def test_a_figure_that_was_altered_is_refused(measured, field):
    signed = measured.signed(KEY)
    better = replace(measured, **{field: getattr(measured, field) * 2})
    with pytest.raises(FleetError, match="no measurement signed by"):
        SignedMeasure.read(replace(signed, measured=better).plain())


@pytest.mark.parametrize(
    "change",
    [{"address": keys.new().address}, {"signature": "00" * 65}, {"signature": 7}, {"flops": "1e9"}, {"cores": True},
     {"cores": 1.5}, {"flops": float("nan")}, {"flops": -1}, {"memory": 10**30}, {"time": None}],
)  # fmt: skip
def test_what_is_no_measurement_is_refused_in_one_line(measured, change):
    with pytest.raises(FleetError) as refused:
        SignedMeasure.read({**measured.signed(KEY).plain(), **change})
    assert "\n" not in str(refused.value)
    for nothing in ({}, [], None, 3, "x"):
        with pytest.raises(FleetError):
            SignedMeasure.read(nothing)
