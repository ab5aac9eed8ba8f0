"""Devices of a world are described as real ones are."""

import json

import pytest

from klopf.errors import TwinError
from klopf.fleet.device import Thing, describe
from klopf.twin import Plan, World, things


def test_a_worlds_device_has_the_description_of_its_real_counterpart(tmp_path):
    world = World(Plan(households=2), 1).run(5)
    made = things(world, tmp_path / "things", "mqtts://broker.example:8883", "town")
    assert {"households-0.td.json", "households-1.td.json", "water-0.td.json"} <= {place.name for place in made}
    thing = Thing.read(tmp_path / "things/households-0.td.json")
    (topic,) = thing.topics()
    assert topic.filter == "town/households-0" and topic.host == "broker.example"
    sees = world.sectors["households"].sees
    real = tmp_path / "real.csv"  # what a meter at home recorded
    rows = [",".join(str(i + part) for i in range(len(sees))) for part in (0.5, 0.25)]
    real.write_text("\n".join([",".join(sees), *rows, ""]))
    assert describe(real, "mqtts://broker.example:8883", "town/households-0", "households-0").plain == thing.plain
    record = dict(zip(sees, world.seen()["households"][0].tolist(), strict=True))
    assert len(topic.cells(json.dumps(record).encode(), "now")) == len(sees) + 1  # with when it came
    with pytest.raises(TwinError, match="is there already"):
        things(world, tmp_path / "things")
