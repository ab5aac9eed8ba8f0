"""PPO in one file of PyTorch, as CleanRL's are read, whose two networks stay able to learn: one line more.

Needs the extras ``torch`` and ``rl``. ``python examples/torch_ppo.py --steps 100000 --rule none`` is the same without
it.
"""

from __future__ import annotations

import argparse

import gymnasium
import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from klopf.mind.torch import ContinualBackprop, SharedRule, report

RULES = {"shared": SharedRule, "continual": ContinualBackprop}


class Agent(nn.Module):
    """A policy and a value, each of two hidden layers."""

    def __init__(self, seen: int, choices: int) -> None:
        super().__init__()
        self.policy = nn.Sequential(*hidden(seen), nn.Linear(64, choices))
        self.value = nn.Sequential(*hidden(seen), nn.Linear(64, 1))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy(seen), self.value(seen)[:, 0]


def hidden(seen: int) -> list[nn.Module]:
    return [nn.Linear(seen, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh()]


def main(steps: int = 50_000, rule: str = "shared", rollout: int = 512, seed: int = 0) -> float:
    """Mean return of the last twenty episodes."""
    torch.manual_seed(seed)
    world = gymnasium.make("CartPole-v1")
    agent = Agent(4, 2)
    optimizer = torch.optim.Adam(agent.parameters(), lr=1e-3, eps=1e-5)
    lives = RULES[rule](agent, optimizer, torch.randn(8, 4), maturity=500) if rule in RULES else None  # that is all
    now = torch.tensor(world.reset(seed=seed)[0])
    returns, earned = [0.0], 0.0
    for first in range(0, steps, rollout):
        seen, acts, logs = torch.zeros(rollout, 4), torch.zeros(rollout, dtype=torch.long), torch.zeros(rollout)
        rewards, values, follows, cut = (torch.zeros(rollout) for _ in range(4))
        for t in range(rollout):
            with torch.no_grad():
                logits, value = agent(now[None])
            drawn = Categorical(logits=logits[0])
            seen[t], acts[t] = now, drawn.sample()
            logs[t], values[t] = drawn.log_prob(acts[t]), value[0]
            following, reward, terminated, truncated, _ = world.step(int(acts[t]))
            now, rewards[t], earned = torch.tensor(following), float(reward), earned + float(reward)
            if terminated or truncated or t + 1 == rollout:
                cut[t] = 1.0
                with torch.no_grad():
                    follows[t] = 0.0 if terminated else agent(now[None])[1][0]
            if terminated or truncated:
                returns, earned = [*returns[-19:], earned], 0.0
                now = torch.tensor(world.reset()[0])
        gains, gain = torch.zeros(rollout), 0.0
        for t in reversed(range(rollout)):
            behind = follows[t] if cut[t] else values[t + 1]
            gain = rewards[t] + 0.99 * behind - values[t] + (0.0 if cut[t] else 0.99 * 0.95 * gain)
            gains[t] = gain
        goals = gains + values
        for _ in range(10):
            for some in torch.randperm(rollout).split(64):
                logits, value = agent(seen[some])
                drawn = Categorical(logits=logits)
                ratio = (drawn.log_prob(acts[some]) - logs[some]).exp()
                gain_of = (gains[some] - gains[some].mean()) / (gains[some].std() + 1e-8)
                objective = torch.min(ratio * gain_of, ratio.clamp(0.8, 1.2) * gain_of).mean()
                loss = 0.5 * (value - goals[some]).square().mean() - objective
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
        if first // rollout % 10 == 9:
            births = lives.births if lives else 0
            print(f"{first + rollout:,} steps: return {sum(returns) / len(returns):.0f}, {births} units were reborn")
    if lives:
        print(report(agent, seen[:64], lives))
    return sum(returns) / len(returns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--rule", choices=[*RULES, "none"], default="shared")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.steps, given.rule, seed=given.seed)
