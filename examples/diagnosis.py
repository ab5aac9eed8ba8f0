"""How is a network doing? Dormant units, ranks and who is backbone, in ordinary and in continual learners.

python examples/diagnosis.py
"""

import numpy as np

from klopf import mind
from klopf.neuron import Standing


def main() -> None:
    stream = mind.problems.label_permuted(mind.problems.digits(), tasks=20, seed=0, samples=600)
    for name in ("backprop", "continual-backprop", "klopf"):
        learner = mind.Mind(stream.sensors, stream.outputs, hidden=(32, 32), learner=name, seed=0)
        X, y = stream.whole()
        wrong = np.asarray(learner.learn(X, y))
        told = mind.diagnostics.diagnose(learner, X[-600:])
        standing = mind.diagnostics.standings(learner, X[-600:])
        backbone = sum(unit is Standing.BACKBONE for layer in standing for unit in layer)
        dormant = " ".join(f"{layer['dormant']:.0%}" for layer in told["layers"])
        rank = " ".join(f"{layer['effective_rank']:.0f}" for layer in told["layers"])
        print(f"{name:20} wrong {wrong[-600:].mean():.2f}  dormant {dormant}  rank {rank}  "
              f"backbone {backbone} of 64  reborn {told['reborn']}")  # fmt: skip


if __name__ == "__main__":
    main()
