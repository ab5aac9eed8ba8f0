"""An agent learns to balance between two walls from every step it lives, keeping none of them.

    python examples/agent.py

The world is ten lines here; with klopf[rl] any Gymnasium environment will do: `klopf learn CartPole-v1`.
"""

import numpy as np

from klopf.mind import rl


def main() -> None:
    """A cart on a track of length 2 is blown about; action 0 pushes left, 1 right. It falls off at the ends."""
    r = np.random.default_rng(0)
    agent = rl.Agent(observations=2, choices=2, agent="stream-q", seed=0, epsilon_steps=5_000)
    lasted, steps = [], 0
    place, speed = 0.0, 0.0
    action = agent.begin(np.array([place, speed]))
    for _ in range(40_000):
        speed += 0.02 * (2 * action - 1) + 0.02 * r.normal()
        place += speed
        steps += 1
        fell = abs(place) > 1
        action = agent.step(np.array([place, speed]), 0.0 if fell else 1.0, terminated=fell, truncated=steps >= 500)
        if action is None:
            lasted.append(steps)
            place, speed, steps = 0.0, 0.0, 0
            action = agent.begin(np.array([place, speed]))
    early, late = np.mean(lasted[:20]), np.mean(lasted[-20:])
    print(f"{len(lasted)} episodes; the first 20 lasted {early:.0f} steps, the last 20 {late:.0f} (of 500)")


if __name__ == "__main__":
    main()
