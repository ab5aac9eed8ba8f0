"""``klopf twin things``: a world's devices as a fleet knows devices."""

from __future__ import annotations

from pathlib import Path

from klopf.console.cli.command import Json, print_json

__all__ = ["things"]


def things(
    world: Path, folder: Path, *, broker: str = "mqtt://localhost:1883", topic: str = "homes", json_: Json = False
) -> None:
    """Write a W3C Thing Description for each device of a world, and a record of what it sees, for a fleet.

    Example: klopf twin things WORLD.npz THINGS

    Parameters
    ----------
    world
        A file of klopf twin new.
    folder
        A new folder: NAME.td.json and NAME.csv for each.
    broker
        Where the real devices tell their records.
    topic
        Under which: TOPIC/NAME.
    """
    from klopf import twin

    made = twin.things(twin.World.load(world), folder, broker, topic)
    if json_:
        print_json([str(place) for place in made])
    else:
        print(f"{folder}: {len(made)} devices")
