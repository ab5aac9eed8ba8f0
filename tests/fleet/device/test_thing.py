"""Descriptions that are right are taken; one that is wrong is named by its path, in one line."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klopf.errors import FleetError
from klopf.fleet import device
from klopf.fleet.device import Thing
from tests.fleet.device.things import THING, thing

EVENT = THING["events"]["reading"]
FORM = EVENT["forms"][0]
DATA = EVENT["data"]


def event(**changes):
    return {"reading": {**EVENT, **changes}}


def form(**changes):
    return event(forms=[{**FORM, **changes}])


def test_what_it_tells_and_where():
    (topic,) = Thing(THING).topics()
    assert (topic.host, topic.port, topic.encrypted, topic.filter) == ("localhost", 1883, False, "home/+/reading")
    assert topic.names == ["time", "home", "load", "count", "state"]
    row = topic.cells(b'{"home": "a", "load": 1.5, "count": 3, "state": "on"}', "2026-01-05T00:00:00Z")
    assert row == ["2026-01-05T00:00:00Z", "a", "1.5", "3", "on"]
    assert topic.cells(b'{"load": 1, "home": "b"}', "now") == ["now", "b", "1", "", ""]


@pytest.mark.parametrize(
    ("description", "path", "what"),
    [
        (thing(**{"@context": None}), "@context", "is missing"),
        (thing(**{"@context": "https://schema.org"}), "@context", "does not begin"),
        (thing(title=None), "title", "is missing"),
        (thing(title=7), "title", "string"),
        (thing(id="meter 7"), "id", "no URI"),
        (thing(created="yesterday"), "created", "no date"),
        (thing(security=None), "security", "is missing"),
        (thing(security=[]), "security", "at least 1"),
        (thing(security="basic"), "security", "not among the securityDefinitions"),
        (thing(securityDefinitions={}), "securityDefinitions", "at least 1"),
        (thing(securityDefinitions={"none": {}}), "securityDefinitions.none.scheme", "is missing"),
        (thing(events={"reading": {"data": DATA}}), "events.reading.forms", "is missing"),
        (thing(events=event(forms=[])), "events.reading.forms", "at least 1"),
        (thing(events=event(forms=[{"op": "subscribeevent"}])), "events.reading.forms[0].href", "is missing"),
        (thing(events=form(href="not a place")), "events.reading.forms[0].href", "no URI"),
        (thing(events=form(href="reading")), "events.reading.forms[0].href", "relative"),
        (thing(events=form(op="listen")), "events.reading.forms[0].op", "subscribeevent"),
        (thing(events=form(security="oauth")), "events.reading.forms[0].security", "not among"),
        (thing(events=event(data={"type": "float"})), "events.reading.data.type", "boolean"),
        (thing(events=event(data={"minimum": "low"})), "events.reading.data.minimum", "number"),
        (thing(events=event(data={"enum": []})), "events.reading.data.enum", "at least 1"),
        (thing(forms=[{"href": "https://meter.example"}]), "forms[0].op", "is missing"),
        (thing(properties=[]), "properties", "dictionary"),
        (thing(actions={"reset": 3}), "actions.reset", "dictionary"),
    ],
)
def test_a_malformed_description_is_named_by_its_path(description, path, what, tmp_path):
    file = tmp_path / "meter.td.json"
    file.write_text(json.dumps(description))
    with pytest.raises(FleetError) as refused:
        Thing.read(file)
    line = str(refused.value)
    assert line.startswith(f"meter.td.json: {path}: ") and what in line and "\n" not in line


@pytest.mark.parametrize(
    ("description", "what"),
    [
        (thing(events=None), "no event subscribed to over MQTT"),
        (thing(events=form(op="unsubscribeevent")), "no event subscribed to over MQTT"),
        (thing(events=form(**{"mqv:filter": None})), "events.reading.forms[0]: names no topic"),
        (thing(events=form(contentType="application/cbor")), "only application/json"),
        (thing(events=form(href="mqtt://localhost:99999")), "no number up to 65535"),
        (thing(events=event(data=None)), "says not which values"),
        (thing(events=event(data={"type": "array"})), "says not which values"),
        (thing(events=event(data={"type": "object"})), "says not which values"),
        (thing(events=event(data={"type": "object", "properties": {"a": {"type": "object"}}})), "no plain value"),
    ],
)
def test_what_cannot_be_heard_is_said(description, what):
    with pytest.raises(FleetError) as refused:
        Thing(description).topics()
    assert what in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (b"\xff", "no JSON"),
        (b"[" * 10**6, "no JSON"),
        (b'{"home": "' + b"[" * 100 + b'", "load": 1000}', "at most 100"),
        (b"[1]", "no object"),
        (b"{}", "lacks home"),
        (b'{"home": "a"}', "lacks load"),
        (b'{"home": "a", "load": null}', "lacks load"),
        (b'{"home": "a", "load": "1"}', "load is '1'"),
        (b'{"home": "a", "load": true}', "load is True"),
        (b'{"home": "a", "load": -1}', "at least 0"),
        (b'{"home": "a", "load": 1e9}', "at most 100"),
        (b'{"home": "a", "load": NaN}', "NaN is no number"),
        (b'{"home": "a", "load": -Infinity}', "-Infinity is no number"),
        (b'{"home": "a", "load": 1e400}', "beyond all"),
        (b'{"home": "a", "load": 1' + b"0" * 400 + b"}", "more than 20 digits"),
        (b'{"home": "a", "load": 1' + b"0" * 5000 + b"}", "more than 20 digits"),
        (b'"' + b'\\"' * 500_000, "no JSON"),
        (b'"\\\\"' + b"[" * 100, "nested too deeply"),
        (b'{"home": "a", "load": 1, "count": 1.5}', "integer"),
        (b'{"home": "a", "load": 1, "count": 1e400}', "beyond all"),
        (b'{"home": "a", "load": 1, "state": "open"}', "does not list"),
        (b'{"home": "a\\nb", "load": 1}', "cannot be shown"),
        (b'{"home": "a", "load": 1, "owner": "Ann"}', "'owner' that the description does not name"),
    ],
)
def test_a_message_that_is_not_as_described_is_refused(payload, what):
    (topic,) = Thing(THING).topics()
    with pytest.raises(FleetError) as refused:
        topic.cells(payload, "now")
    assert what in str(refused.value) and "\n" not in str(refused.value)


def test_brackets_in_strings_are_no_depth():
    (topic,) = Thing(THING).topics()
    home = "[" * 100 + r"\"[\\"
    assert topic.cells(json.dumps({"home": home, "load": 1}).encode(), "now")[1] == home


@given(payload=st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["home", "load", "count", "x"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_whatever_comes_is_a_row_or_one_line(payload):
    (topic,) = Thing(THING).topics()
    try:
        assert len(topic.cells(payload, "now")) == 5
    except FleetError as error:
        assert "\n" not in str(error)


def test_a_single_value_is_a_record_of_one_column():
    description = thing(
        events=None,
        properties={
            "load": {
                "type": "number",
                "observable": True,
                "forms": [{"href": "mqtts://broker.example/home/load", "op": "observeproperty"}],
            }
        },
    )
    (topic,) = Thing(description).topics()
    assert (topic.port, topic.encrypted, topic.filter) == (8883, True, "home/load")
    assert topic.names == ["time", "load"] and topic.cells(b"2.5", "now") == ["now", "2.5"]


def test_base_and_the_first_context_of_1_0_are_taken():
    context = ["https://www.w3.org/2019/wot/td/v1", "https://www.w3.org/2022/wot/td/v1.1"]
    description = thing(base="mqtt://broker.example:1884", events=form(href="home"), **{"@context": context})
    (topic,) = Thing(description).topics()
    assert (topic.host, topic.port) == ("broker.example", 1884)


def test_what_is_too_large_or_too_deep_or_not_there(tmp_path):
    deep = inner = {}
    for _ in range(100):
        inner["x"] = inner = {}
    wrong = {json.dumps(thing(deep=deep)): "nested", " " * 2**20 + "{}": "more than", "[1]": "an object",
             "{": "no JSON", "[" * 10**5: "nested"}  # fmt: skip
    for text, what in wrong.items():
        (tmp_path / "td.json").write_text(text)
        with pytest.raises(FleetError, match=what):
            Thing.read(tmp_path / "td.json")
    with pytest.raises(FleetError, match="cannot read"):
        Thing.read(tmp_path / "none.json")


def test_a_description_is_written_from_a_sample_and_is_right(tmp_path):
    (tmp_path / "meter.csv").write_text(
        "time,home,load,count\n2026-01-05T00:00:00,a,1.5,2\n2026-01-05T01:00:00,b,0.5,3\n"
    )
    made = device.describe(tmp_path / "meter.csv", "mqtt://localhost:1883", "home/reading")
    again = Thing(json.loads(json.dumps(made.plain)))
    (topic,) = again.topics()
    assert topic.names == ["time", "home", "load", "count"] and topic.filter == "home/reading"
    assert [column.kind for column in topic.columns] == ["string", "string", "number", "integer"]
    assert topic.cells(b'{"time": "t", "home": "a", "load": 1, "count": 2}', "now") == ["t", "a", "1", "2"]
    for broker in ("localhost", "http://localhost", "mqtt://ann:secret@localhost"):
        with pytest.raises(FleetError, match="no broker's address") as refused:
            device.describe(tmp_path / "meter.csv", broker, "home/reading")
        assert "\n" not in str(refused.value)
