"""A declared region is in the units of a file, and means the same there as where models are asked."""

import numpy as np
import pytest

from klopf.errors import PeersError
from klopf.network import Schema
from klopf.network._units import prepared
from klopf.peers import Domain
from klopf.tables import Table

PLAN = Schema.from_text(
    """{"task": "classes", "target": "ill", "names": ["no", "yes"], "features": [
    {"name": "age", "unit": "years", "mean": 41.3, "spread": 17.9},
    {"name": "seen", "kind": "date", "mean": 19000.0, "spread": 200.0},
    {"name": "town", "kind": "category", "values": ["Ulm"]}]}""",
    "here",
)


def test_who_is_within_in_the_file_is_within_as_models_see_it_to_the_bound():
    ages = np.array([0.0, 5.5, 17.0, 18.0, 18.01, 60.0])
    table = Table("a", {"age": ages, "seen": ["2021-01-01"] * 5 + ["2024-06-30"], "town": ["Ulm"] * 6})
    task, inputs = PLAN.made_task, PLAN.inputs(table)

    def within(**inputs_):
        domain = Domain.of(prepared({"inputs": inputs_}, PLAN))
        domain.check(task)
        return Domain.of_told(domain.told("mind")).holds(task, inputs).tolist()

    assert within(age=[5.5, 18]) == [False, True, True, True, False, False]
    assert within(age=[-1e9, 17.9]) == [True, True, True, False, False, False]
    assert within(seen=["2024-06-30", "2030-01-01"]) == [False] * 5 + [True]
    assert within(age=[0, 100], seen=["2020-01-01", "2021-01-01"]) == [True] * 5 + [False]


def test_what_is_no_region_is_left_as_it_is():
    assert prepared({"classes": ["no"]}, PLAN) == {"classes": ["no"]} and prepared({}, PLAN) == {}
    with pytest.raises(PeersError, match=r"\[least, largest\]"):
        Domain.registered(prepared({"inputs": {"age": [18, 0]}}, PLAN), PLAN.made_task, "mind")
    for bad in ([], {"inputs": 3}):
        with pytest.raises(PeersError):
            Domain.registered(prepared(bad, PLAN), PLAN.made_task, "mind")


@pytest.mark.parametrize(
    ("region", "wrong"),
    [
        ({"height": [0, 1]}, "no column 'height'.*: choose from age, seen"), ({"town": [0, 1]}, "is a category"),
        ({"age": [0]}, "least, largest"), ({"age": ["a", "b"]}, "two numbers in years, as in a file"),
        ({"age": [0, True]}, "two numbers"), ({"age": [0, float("nan")]}, "two numbers"),
        ({"age": [0, 10**400]}, "two numbers"), ({"seen": [0, 19000]}, "two dates such as"),
        ({"seen": ["soon", "2024-01-01"]}, "two dates"), ({"seen": ["2024-13-01", "2024-12-31"]}, "two dates"),
    ],
)  # fmt: skip
def test_what_is_no_region_of_a_file_is_refused_in_one_line(region, wrong):
    with pytest.raises(PeersError, match=wrong) as error:
        prepared({"inputs": region}, PLAN)
    assert "\n" not in str(error.value)
