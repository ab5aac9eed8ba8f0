"""A policy is checked before it is used: what is wrong with it, or with the records, is one line that names it."""

from typing import get_args

import pytest

from klopf import store as room
from klopf import tables
from klopf.errors import StoreError
from klopf.store._actions import Actions

HEAD = 'device = "m"\n'
NOISE = '{ action = "noise", low = 0, high = 10, step = 0.1, epsilon = 1.0 }'
BUDGET = "[budget]\nepsilon = 5.0\n"
SCREEN = '[screen]\nduplicates = ["a"]\n'


def test_the_example_is_a_policy():
    policy = room.Policy.parse(room.EXAMPLE)
    assert list(policy.noised) == ["load"] and policy.sensitive == ["illness"]
    kinds = {get_args(kind.model_fields["action"].annotation)[0] for kind in get_args(get_args(Actions)[0])}
    assert {action.action for action in policy.fields.values()} == kinds  # every action is shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "device"),
        ("device = ", "no TOML"),
        (HEAD, "fields"),
        (HEAD + "[fields]\n", "fields"),
        ('device = "a\\nb"\n[fields]\na = { action = "keep" }', "device"),
        (HEAD + 'colour = "red"\n[fields]\na = { action = "keep" }', "colour"),
        (HEAD + '[fields]\na = { action = "hide" }', "keep"),
        (HEAD + "[fields]\na = {}", "needs an action"),
        (HEAD + '[fields]\na = "keep"', "fields.a"),
        (HEAD + '[fields]\na = { action = "keep", colour = 1 }', "colour"),
        (HEAD + '[fields]\na = { action = "drop" }', "nothing would be left"),
        (HEAD + '[fields]\na = { action = "generalise", widths = [10] }', "[anonymity]"),
        (HEAD + '[fields]\na = { action = "generalise" }\n[anonymity]\nk = 2', "one of widths"),
        (HEAD + '[fields]\na = { action = "generalise", widths = [10, 15] }\n[anonymity]\nk = 2', "multiple"),
        (HEAD + '[fields]\na = { action = "generalise", widths = [-1] }\n[anonymity]\nk = 2', "widths"),
        (HEAD + '[fields]\na = { action = "generalise", prefix = [2, 3] }\n[anonymity]\nk = 2', "prefix must fall"),
        (HEAD + '[fields]\na = { action = "generalise", prefix = [2] }\n[anonymity]\nk = 1', "anonymity.k"),
        (HEAD + '[fields]\na = { action = "keep" }\n[anonymity]\nk = 2', "no field is generalised"),
        (HEAD + '[fields]\na = { action = "coarsen-time", to = "day" }\n[anonymity]\nk = 2\nl = 2', "is sensitive"),
        (HEAD + '[fields]\na = { action = "coarsen-time", to = "day" }\n[anonymity]\nk = 2\nsubject = "b"', "'b'"),
        (HEAD + '[fields]\na = { action = "coarsen-time", to = "decade" }', "to"),
        (HEAD + '[fields]\na = { action = "coarsen-place", km = 0 }', "km"),
        (HEAD + f"{BUDGET}[fields]\na = {NOISE}", "screen.duplicates"),
        (HEAD + f"{SCREEN}[fields]\na = {{ action = 'keep' }}\nb = {NOISE}", "[budget]"),
        (HEAD + f"{BUDGET}{SCREEN}[fields]\na = {NOISE}", "would tell what the noise hides"),
        (HEAD + f"{BUDGET}[screen]\nnear = {{ a = 1.0 }}\n[fields]\na = {NOISE}", "would tell"),
        (HEAD + f"{BUDGET}time = 'a'\n[fields]\na = {NOISE}", "would tell"),
        (HEAD + f"{BUDGET}time = 'z'\n[fields]\na = {NOISE}", "'z'"),
        (
            HEAD + f"{BUDGET}{SCREEN}[anonymity]\nk = 2\n[fields]\nb = {NOISE}\n"
            "a = { action = 'coarsen-place', km = 5, latitude = 'b' }",
            "would tell",
        ),
        (HEAD + "[anonymity]\nk = 2\n[fields]\na = { action = 'coarsen-place', km = 5, latitude = 'a' }", "itself"),
        (HEAD + "[anonymity]\nk = 2\n[fields]\na = { action = 'coarsen-place', km = 5, latitude = 'c' }", "'c'"),
        ('device = "m "\n[fields]\na = { action = "keep" }', "device"),
        (HEAD + f"{BUDGET}days = 0\n[fields]\na = {NOISE}", "days"),
        (HEAD + NOISE.replace("{", "[fields]\na = {").replace("high = 10", "high = 0"), "low must be under high"),
        (HEAD + NOISE.replace("{", "[fields]\na = {").replace("epsilon = 1.0", "epsilon = 0"), "epsilon"),
        (HEAD + NOISE.replace("{", "[fields]\na = {").replace("epsilon = 1.0", "epsilon = nan"), "epsilon"),
        (HEAD + NOISE.replace("{", "[fields]\na = {").replace("epsilon = 1.0", "epsilon = inf"), "epsilon"),
        (HEAD + NOISE.replace("{", "[fields]\na = {").replace("step = 0.1", "step = 1e-12"), "steps"),
        (
            HEAD + f"{BUDGET}{SCREEN}[fields]\na = {{ action = 'keep' }}\nb = {NOISE[:-1]}, sensitive = true }}",
            "leave sensitive out",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_that_names_it(text, says):
    with pytest.raises(StoreError) as caught:
        room.Policy.parse(text)
    line = str(caught.value)
    assert says in line and "\n" not in line and len(line) < 300


def test_a_file_that_is_no_policy_is_one_line(tmp_path):
    for name, data in (("long", b"#" * (2 << 20)), ("binary", b"\xff\xfe\x00"), ("deep", b"a = " + b"[" * 5_000)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(StoreError) as caught:
            room.Policy.read(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match="cannot read"):
        room.Policy.read(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("fields", "csv", "says"),
    [
        ('a = { action = "keep" }', "a,b\n1,2\n", "'b'"),
        ('a = { action = "keep" }\nb = { action = "keep" }', "a\n1\n", "'b'"),
        ('a = { action = "keep" }', "a,b,c\n1,2,3\n", "'b', 'c'"),
        ("\n".join(f'{letter} = {{ action = "keep" }}' for letter in "abc"), "a\n1\n", "'b', 'c'"),
        ('a = { action = "coarsen-time", to = "day" }', "a\nyesterday\n", "row 1 is 'yesterday'"),
        ('a = { action = "coarsen-place", km = 1 }', "a\n91\n", "90 degrees"),
        ('a = { action = "coarsen-place", km = 1, latitude = "b" }', "a\n91\n", "'b'"),
        ('a = { action = "generalise", widths = [1] }\n[anonymity]\nk = 2', "a\n1\nx\n", "no number"),
        ('a = { action = "generalise", widths = [1] }\n[anonymity]\nk = 3', "a\n1\n2\n", "2 records"),
        ('a = { action = "keep" }\n[screen]\nnear = { a = 1 }', "a\n1\nx\n", "screen.near 'a'"),
    ],
)
def test_records_that_do_not_fit_are_one_line(fields, csv, says, tmp_path):
    (tmp_path / "r.csv").write_text(csv)
    with pytest.raises(StoreError) as caught:
        room.Policy.parse(HEAD + "[fields]\n" + fields).check(tables.read(tmp_path / "r.csv"))
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_faulty_policy_stores_nothing_and_spends_nothing(place, meter, tmp_path):
    (tmp_path / "p.toml").write_text(HEAD + '[fields]\nhome = { action = "keep" }')
    before = sorted(place.folder.rglob("*"))
    with pytest.raises(StoreError):
        place.add(meter, tmp_path / "p.toml")
    assert [file for file in sorted(place.folder.rglob("*")) if file.name != "lock"] == before
