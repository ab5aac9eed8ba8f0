"""What each action writes, and which records stay."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klopf import tables
from klopf.errors import StoreError
from klopf.store._actions._base import Helps
from klopf.store._actions._coarsen import CoarsenPlace, CoarsenTime
from klopf.store._actions._generalise import Generalise
from klopf.store._actions._noise import Noise
from klopf.store._actions._pseudonym import Pseudonym
from klopf.store._anonymity import grouped, protect
from klopf.store._policy import Policy
from klopf.store._prepare import no_noise, prepare
from klopf.store._screen import screen

KEY = bytes(range(32))


def table(**columns):
    made = {name: np.array(c, float) if isinstance(c[0], int | float) else list(c) for name, c in columns.items()}
    return tables.Table("t", made)


def apply(action, column, level=0, **beside):
    return action.apply(column, level, Helps(table(x=[0.0], **beside), KEY, no_noise))


def test_a_pseudonym_needs_the_key_and_the_domain():
    names = ["Ann", "Bob", "Ann", None]
    made = apply(Pseudonym(action="pseudonym"), names)
    assert made[0] == made[2] != made[1] and made[3] is None
    assert made != Pseudonym(action="pseudonym").apply(names, 0, Helps(table(x=[0.0]), bytes(32), no_noise))
    assert made != apply(Pseudonym(action="pseudonym", domain="other"), names)


def test_steps_of_generalising_lie_in_one_another():
    ages = np.array([3, 17, 20, 39.5, math.nan])
    rule = Generalise(action="generalise", widths=(10, 20))
    assert apply(rule, ages) == ["[0,10)", "[10,20)", "[20,30)", "[30,40)", None]
    assert apply(rule, ages, 1)[1] == "[0,20)" and apply(rule, ages, 2) == ["*"] * 5
    assert apply(Generalise(action="generalise", prefix=(2, 1)), ["10115", "20095"], 1) == ["1", "2"]
    jobs = Generalise(action="generalise", groups={"nurse": "health"})
    assert apply(jobs, ["nurse", "spy"]) == ["health", "*"]


@pytest.mark.parametrize(
    ("to", "is_"),
    [("minute", "2026-11-25T13:47:00Z"), ("quarter", "2026-11-25T13:45:00Z"), ("hour", "2026-11-25T13:00:00Z"),
     ("day", "2026-11-25T00:00:00Z"), ("week", "2026-11-23T00:00:00Z"), ("month", "2026-11-01T00:00:00Z"),
     ("year", "2026-01-01T00:00:00Z")],
)  # fmt: skip
def test_times(to, is_):
    rule = CoarsenTime(action="coarsen-time", to=to)
    assert apply(rule, ["2026-11-25T14:47:31+01:00", "2026-11-25T13:47:31", None]) == [is_, is_, None]
    assert apply(rule, np.array([1795614451.0])) == [is_]


@given(st.floats(-89, 89), st.floats(-180, 180), st.sampled_from([0.5, 5, 50]))
@settings(deadline=None)
def test_a_place_is_within_its_cell(lat, lon, km):
    north = apply(CoarsenPlace(action="coarsen-place", km=km), np.array([lat]))[0]
    east = CoarsenPlace(action="coarsen-place", km=km, latitude="lat").apply(
        np.array([lon]), 0, Helps(table(lat=[lat], lon=[lon]), KEY, no_noise)
    )[0]
    assert abs(north - lat) * 111.32 <= km / 2 + 0.01
    assert abs(east - lon) * 111.32 * math.cos(math.radians(north)) <= km / 2 + 0.01


def test_noise_is_asked_for_over_the_whole_range():
    asked = []

    def noise(values, scale):
        asked.append((values.tolist(), scale))
        return values

    rule = Noise(action="noise", low=-1, high=4, step=0.5, epsilon=2.0)
    made = rule.apply(np.array([-9.0, 0.2, 4.0, 99.0]), 0, Helps(table(x=[0.0]), KEY, noise))
    assert asked == [([0, 2, 10, 10], 5.0)] and made.tolist() == [-1.0, 0.0, 4.0, 4.0]


NEAR = Policy.parse(
    'device = "m"\n[screen]\nduplicates = ["t"]\nnear = { x = 0.5 }\nby = "who"\n[budget]\nepsilon = 1000\n[fields]\n'
    't = { action = "keep" }\nx = { action = "keep" }\nwho = { action = "keep" }\n'
    'y = { action = "noise", low = 0, high = 1, step = 0.1, epsilon = 1 }'
)
CELLS = st.lists(st.tuples(st.integers(0, 30), st.floats(-2, 2), st.sampled_from("ab"), st.floats(0, 1)), min_size=1)


@given(CELLS)
@settings(deadline=None)
def test_what_is_left_out_as_near_is_near_to_one_that_stayed(rows):
    t, x, who, y = (list(column) for column in zip(*rows, strict=True))
    stay, twice, near = screen(table(t=t, x=x, who=who, y=y), NEAR)
    assert len(stay) + twice + near == len(rows) and len({t[i] for i in stay}) == len(stay)
    first = {row: i for i, row in reversed(list(enumerate(t)))}
    for i in set(first.values()) - set(stay.tolist()):
        before = [j for j in stay if j < i and who[j] == who[i]]
        assert before and abs(x[before[-1]] - x[i]) <= 0.5


def test_a_record_is_near_only_if_every_field_named_is_and_a_gap_never_is():
    fields = '[fields]\nx = { action = "keep" }\ny = { action = "keep" }'
    rule = Policy.parse(f'device = "m"\n[screen]\nnear = {{ x = 1.0, y = 0.5 }}\n{fields}')
    stay, _, near = screen(table(x=[0, 1, 1.5, 0, 0.0], y=[0, 0.5, 0.1, 0.6, math.nan]), rule)
    assert stay.tolist() == [0, 2, 3, 4] and near == 1


def test_duplicates_by_every_field_by_some_or_by_none():
    people = table(a=[1, 1, 1], b=["x", "x", "y"])
    fields = '[fields]\na = { action = "keep" }\nb = { action = "keep" }'
    for setting, left in (("", 2), ('duplicates = ["a"]', 1), ("duplicates = false", 3)):
        stay, _, _ = screen(people, Policy.parse(f'device = "m"\n[screen]\n{setting}\n{fields}'))
        assert len(stay) == left


@given(CELLS, st.data())
@settings(max_examples=50, deadline=None)
def test_which_records_stay_tells_nothing_of_what_gets_noise(rows, data):
    t, x, who, y = (list(column) for column in zip(*rows, strict=True))
    other = data.draw(st.lists(st.floats(0, 1), min_size=len(y), max_size=len(y)))
    made = [
        prepare(table(t=t, x=x, who=who, y=values), NEAR, KEY, lambda v, s: v * 0, lambda asked: None)
        for values in (y, other)
    ]
    assert made[0].said == made[1].said
    assert all(list(made[0].columns[name]) == list(made[1].columns[name]) for name in ("t", "x", "who", "y"))


def alike(k, suppress, l=1, subject=""):
    return Policy.parse(
        f'device = "m"\n[anonymity]\nk = {k}\nsuppress = {suppress}\nl = {l}\nsubject = "{subject}"\n[fields]\n'
        'age = { action = "generalise", widths = [5, 10, 40] }\nplace = { action = "generalise", prefix = [2, 1] }\n'
        'who = { action = "drop" }\nill = { action = "keep", sensitive = true }'
    )


PEOPLE = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from(["11", "12", "21", "22"]), st.sampled_from("abcdef"),
              st.sampled_from("xyz")),
    min_size=5, max_size=60,
)  # fmt: skip


@given(PEOPLE, st.integers(2, 5), st.sampled_from([0.0, 0.2]), st.sampled_from([1, 2]), st.sampled_from(["", "who"]))
@settings(max_examples=60, deadline=None)
def test_groups_have_k_and_l_at_the_finest_step_that_does(rows, k, suppress, l, subject):
    age, place, who, ill = (list(column) for column in zip(*rows, strict=True))
    people, policy = table(age=age, place=place, who=who, ill=ill), alike(k, suppress, l, subject)

    def lone(a, p):
        """How many records are in groups that are too small at these steps, counted plainly."""
        fine = [str(x // [5, 10, 40][a]) if a < 3 else "*" for x in age]
        groups = {}
        for i, key in enumerate(zip(fine, [x[: [2, 1][p]] if p < 2 else "*" for x in place], strict=True)):
            groups.setdefault(key, []).append(i)
        small = [g for g in groups.values()
                 if len({who[i] for i in g} if subject else g) < k or len({ill[i] for i in g}) < l]  # fmt: skip
        return sum(map(len, small))

    fits = {(a, p) for a in range(4) for p in range(3) if lone(a, p) <= min(suppress * len(rows), len(rows) - 1)}
    if not fits:
        with pytest.raises(StoreError, match="groups under k"):
            protect(people, policy, Helps(people, KEY, no_noise))
        return
    made = protect(people, policy, Helps(people, KEY, no_noise))
    level = (made.levels["age"], made.levels["place"])
    assert level in fits and made.groups.k >= k and made.groups.different >= l
    assert len(rows) - len(made.stay) == lone(*level)
    assert level[0] / 3 + level[1] / 2 == min(a / 3 + p / 2 for a, p in fits)


def test_unique_is_counted():
    people = table(age=[1, 1, 2, 3], place=["a", "a", "a", "a"], who=["x"] * 4, ill=["y"] * 4)
    found = grouped([people.columns["age"], people.columns["place"]], alike(2, 0), people)
    assert found.unique == 0.5 and found.k == 1 and found.different == 1 and sorted(found.sizes) == [1, 1, 2]
