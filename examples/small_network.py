"""A whole network by the library: three neurons that trust nobody, an auditor and a requester, on this machine.

    python examples/small_network.py

Five processes, a ledger and two epochs. `klopf run` does the same from one file.
"""

import os
import tempfile
from pathlib import Path

from klopf import network

SETTINGS = {
    "name": "small",
    "seed": 1,
    "epochs": 2,
    "data": {"file": "digits"},
    "neuron": [
        {"name": "ada", "settings": {"learner": "continual-backprop", "hidden": [32]}},
        {"name": "ben", "settings": {"learner": "continual-backprop", "hidden": [32]}},
        {"name": "cleo", "model": "sklearn:GaussianNB"},
    ],
    "auditor": [{"name": "vera"}],
}


def main() -> None:
    settings = network.parse_settings(SETTINGS, "this example", Path.cwd())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        summary = network.run(settings, folder, passphrase=os.urandom(8).hex())
        differences = network.verify(folder)
    for neuron in summary.neurons:
        print(f"{neuron.name:5} {neuron.standing:9} heard {neuron.heard:.2f}  earned {neuron.earned:.1f} tokens")
    right = summary.scores
    print(f"the network answers {right['network']:.0%} right, its best neuron alone {right['best_neuron']:.0%}")
    print("every payment follows from events and receipts" if not differences else "\n".join(differences))


if __name__ == "__main__":
    main()
