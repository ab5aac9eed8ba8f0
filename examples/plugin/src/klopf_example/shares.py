"""``klopf shares RUN``: which part of all pay each neuron of a run got."""

import json
from pathlib import Path

from klopf.console import Command, Json, print_json
from klopf.errors import KlopfError


class Shares(Command):
    help = "Say which part of all pay each neuron of a run got."

    def run(self, folder: Path, *, json_: Json = False) -> None:
        """
        Parameters
        ----------
        folder
            A run folder.
        """
        try:
            neurons = json.loads((folder / "summary.json").read_text())["neurons"]
        except (OSError, ValueError, KeyError):
            raise KlopfError(f"{folder} holds no run that has ended: name the folder of one") from None
        paid = sum(neuron["earned"] for neuron in neurons)
        shares = {neuron["name"]: neuron["earned"] / paid if paid else 0.0 for neuron in neurons}
        if json_:
            print_json(shares)
            return
        for name, share in sorted(shares.items(), key=lambda pair: -pair[1]):
            print(f"{name:20} {share:6.1%}")
