"""What a demand says of columns and classes, devices do: whoever's files have other units or words than numbers."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError

DEMAND = """\
job = "kinds"
test = "test.csv"
target = "kind"
rounds = 6
epochs = 5
goal = 0.9
{more}
[model]
name = "mind"
settings = {{ sensors = 2, outputs = {outputs}, hidden = [8], step_size = 0.05 }}
"""
KINDS = ("oak", "ash", "elm")


def file(path, seed, many, kinds=KINDS):
    """Heights in thousands and ages in tenths: what tells the kinds apart is of other sizes than a step."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, len(kinds), many)
    height, age = 2000 + 900 * which + rng.normal(0, 150, many), 0.5 - 0.01 * (which == 1) + rng.normal(0, 0.002, many)
    rows = [f"{h:.0f},{a:.4f},{kinds[w]}" for h, a, w in zip(height, age, which, strict=True)]
    path.write_text("\n".join(["height,age,kind", *rows]) + "\n")
    return path


def posted(tmp_path, more="scale = true", outputs=3):
    file(tmp_path / "test.csv", 0, 90)
    (tmp_path / "demand.toml").write_text(DEMAND.format(more=more, outputs=outputs))
    return fleet.DemandFolder.create(tmp_path / "kinds", fleet.DemandSettings.read(tmp_path / "demand.toml"))


def test_devices_learn_classes_by_name_from_columns_in_their_own_units(tmp_path):
    made = posted(tmp_path)
    assert made.classes == ["ash", "elm", "oak"] and made.ranges["height"][0] > 1000
    assert not any("lies around" in line for line in made.remarks())
    held = [fleet.TableDevice(f"d{i}", file(tmp_path / f"{i}.csv", i + 1, 60)) for i in range(3)]
    outcome = asyncio.run(made.rounds([fleet.Local(device) for device in held]).run())
    assert outcome.met
    with pytest.raises(FleetError, match="is none of the demand's classes"):
        strange = fleet.TableDevice("d", file(tmp_path / "s.csv", 9, 60, ("oak", "yew", "elm")))
        strange.fit(made.rounds([fleet.Local(strange)]).begin(), made.demand().wanted)


def test_a_device_that_declines_does_not_say_what_is_in_its_file(tmp_path, caplog):
    made = posted(tmp_path)
    (tmp_path / "own.csv").write_text("height,age,kind\n2000,at home,oak\n")
    device = fleet.TableDevice("d", tmp_path / "own.csv")
    with pytest.raises(FleetError, match="something else than numbers") as declined:
        device.fit([], made.demand().wanted)
    assert "at home" not in str(declined.value) and "at home" in caplog.text


def test_what_is_declared_comes_before_what_is_usual(tmp_path):
    made = posted(tmp_path, 'scale = true\nranges = { height = [2000, 4000] }\nclasses = ["oak", "ash", "elm"]')
    assert made.ranges["height"] == [2000, 4000] and made.classes == list(KINDS)
    (tmp_path / "one.csv").write_text("height,age,kind\n2000,0.5,elm\n4000,0.5,oak\n99999,0.5,ash\n")
    x, y, _ = fleet.read_records(tmp_path / "one.csv", "kind", ["height", "age"], made.ranges, made.classes)
    assert x[:, 0].tolist() == [-1, 1, 3] and y.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("more", "outputs", "says"),
    [
        ("ranges = { height = [4000, 2000] }", 3, "the lowest, then the highest"),
        ("ranges = { width = [0, 1] }", 3, "'width' is no column"),
        ("ranges = { kind = [0, 1] }", 3, "'kind' is no column"),
        ('classes = ["oak", "ash"]', 3, "is none of the demand's classes"),
        ("scale = true", 2, "it is to tell 3 classes"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_made(tmp_path, more, outputs, says):
    with pytest.raises(FleetError, match=says):
        posted(tmp_path, more, outputs)
    assert not (tmp_path / "kinds").exists()


@pytest.mark.parametrize("wrong", [{"a": [1, 0]}, {"a": [0]}, {"a": [0, "1"]}, {"a": 5}, {"a": [0, 1e40]}, [1]])
def test_ranges_of_a_stranger_are_looked_at(wrong):
    from klopf.fleet._links import instructions
    from klopf.wire import Decline

    said = {"job": "j", "model": "mind", "ranges": {"a": [0, 1]}, "classes": ["x"]}
    assert instructions({"wanted": said}).ranges == {"a": [0, 1]}
    with pytest.raises(Decline):
        instructions({"wanted": said | {"ranges": wrong}})
