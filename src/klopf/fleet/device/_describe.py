"""A Thing Description for a device that has none, from a sample of what it records."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from klopf import tables
from klopf.errors import FleetError
from klopf.fleet.device._thing import CONTEXT, Thing

__all__ = ["describe"]


def describe(sample: Path, broker: str, topic: str, title: str = "") -> Thing:
    """What records like those in ``sample`` (CSV or Parquet), told under ``topic`` at ``broker``, are described as.

    Raises:
        FleetError, TableError: the broker is no mqtt:// or mqtts:// address, or the sample no table.
    """
    at = urlsplit(broker)
    if at.scheme not in ("mqtt", "mqtts") or not at.hostname or at.username or at.password:
        raise FleetError(
            f"{broker!r} is no broker's address: give one such as mqtt://localhost:1883, without passwords"
        )
    table = tables.read(sample)
    fields: dict[str, Any] = {}
    for name, column in table.columns.items():
        if isinstance(column, np.ndarray):
            finite = column[np.isfinite(column)]
            whole = bool(len(finite)) and bool(np.all(finite == np.rint(finite)))
            fields[name] = {"type": "integer" if whole else "number"}
        else:
            fields[name] = {"type": "string"}
    title = title or sample.stem
    plain = {
        "@context": [CONTEXT, {"mqv": "https://www.w3.org/2019/wot/mqtt#"}],
        "id": uuid.uuid5(uuid.NAMESPACE_URL, f"{broker}/{topic}").urn,
        "title": title,
        "securityDefinitions": {"nosec_sc": {"scheme": "nosec"}},
        "security": "nosec_sc",
        "events": {
            "record": {
                "data": {"type": "object", "properties": fields, "required": list(fields)},
                "forms": [
                    {"href": broker, "mqv:filter": topic, "mqv:qos": "1", "op": ["subscribeevent"],
                     "contentType": "application/json"}
                ],
            }
        },
    }  # fmt: skip
    return Thing(plain, title)
