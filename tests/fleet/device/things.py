"""A meter's description, and the policy for what it tells."""

THING = {
    "@context": ["https://www.w3.org/2022/wot/td/v1.1", {"mqv": "https://www.w3.org/2019/wot/mqtt#"}],
    "id": "urn:uuid:0804d572-cce8-422a-bb7c-4412fcd56f06",
    "@type": "Sensor",
    "title": "Meter",
    "securityDefinitions": {"none": {"scheme": "nosec"}},
    "security": ["none"],
    "properties": {
        "firmware": {"type": "string", "readOnly": True, "forms": [{"href": "https://meter.example/firmware"}]},
    },
    "actions": {"reset": {"forms": [{"href": "mqtt://localhost:1883/home/reset", "op": "invokeaction"}]}},
    "events": {
        "reading": {
            "data": {
                "type": "object",
                "properties": {
                    "home": {"type": "string"},
                    "load": {"type": "number", "unit": "kW", "minimum": 0, "maximum": 100},
                    "count": {"type": "integer"},
                    "state": {"type": "string", "enum": ["on", "off"]},
                },
                "required": ["home", "load"],
            },
            "forms": [
                {
                    "href": "mqtt://localhost:1883",
                    "mqv:filter": "home/+/reading",
                    "mqv:qos": "1",
                    "op": ["subscribeevent", "unsubscribeevent"],
                    "contentType": "application/json",
                }
            ],
        }
    },
}

POLICY = """
device = "meter-1"
[screen]
duplicates = false
[fields]
time = { action = "keep" }
home = { action = "pseudonym" }
load = { action = "keep" }
count = { action = "keep" }
state = { action = "drop" }
"""


def thing(**changes):
    """A copy; ``changes`` by path, such as ``security=None`` (None: taken out)."""
    import copy

    made = copy.deepcopy(THING)
    for name, value in changes.items():
        if value is None:
            made.pop(name)
        else:
            made[name] = value
    return made
