"""Devices of a world as a fleet knows devices: a record of what each sees, and the Thing Description of it."""

from __future__ import annotations

import json
from pathlib import Path

from klopf import files
from klopf.errors import TwinError
from klopf.twin._world import World

__all__ = ["things"]


def things(world: World, folder: Path, broker: str = "mqtt://localhost:1883", topic: str = "homes") -> list[Path]:
    """Write for each unit of ``world`` that sees something ``NAME.csv``, its record now, and ``NAME.td.json``, its W3C
    Thing Description, into the new ``folder``; the descriptions, in order.

    The description is made by what describes a real device from a sample of its records
    (:func:`klopf.fleet.device.describe`): one with the same broker, topic (``TOPIC/NAME``) and records has the same.

    Raises:
        TwinError: the folder is there already, or cannot be written.
        FleetError: the broker is no address.
        MissingExtra: without ``klopf[network]`` and ``klopf[store]``.
    """
    from klopf.fleet.device import describe

    try:
        folder.mkdir(parents=True)
        made = []
        for sector, seen in world.seen().items():
            names = world.sectors[sector].sees
            for number, row in enumerate(seen if names else ()):
                name = f"{sector}-{number}"
                sample, place = folder / f"{name}.csv", folder / f"{name}.td.json"
                cells = ",".join(f"{float(value)!r}" for value in row)
                files.replace(sample, f"{','.join(names)}\n{cells}\n")
                plain = dict(describe(sample, broker, f"{topic}/{name}", name).plain)
                for field in plain["events"]["record"]["data"]["properties"].values():
                    field["type"] = "number"  # also where a quantity happens to be whole now
                files.replace(place, json.dumps(plain, indent=1))
                made.append(place)
    except FileExistsError:
        raise TwinError(f"{folder} is there already: choose another name") from None
    except OSError as error:
        raise TwinError(f"{folder} cannot be written: {error.strerror or error}") from error
    return made
