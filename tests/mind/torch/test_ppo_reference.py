"""PPO in kernels does what PPO in PyTorch does, written here from the paper: fifty updates in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.mind.rl import PPO

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.extras
torch.set_num_threads(1)  # such small sums are slower on several

UPDATES, ROLLOUT, MINIBATCH, EPOCHS = 50, 128, 32, 4


class Reference:
    """Two networks, Adam, clipped objective; what is drawn is drawn as the agent draws it."""

    def __init__(self, agent: PPO) -> None:
        self.s, self.actions = agent.settings, agent.actions
        self.random = np.random.default_rng()
        self.random.bit_generator.state = agent.random.bit_generator.state
        self.noise = agent._noise.copy()
        self.policy, self.value = (self._net(agent, n) for n in range(2))
        self.deviations = torch.nn.Parameter(torch.zeros(agent.actions, dtype=torch.float64))
        own = [self.deviations] if agent.actions else []
        self.all = [*self.policy.parameters(), *self.value.parameters(), *own]
        self.adam = torch.optim.Adam(self.all, lr=self.s.step_size, eps=self.s.epsilon)
        self.seen, self.looks = np.zeros((2 * UPDATES * ROLLOUT, agent.observations)), 0
        self.trace, self.traces, self.earned = 0.0, np.zeros(UPDATES * ROLLOUT), 0
        self.rows: list[list] = []

    def _net(self, agent: PPO, n: int) -> torch.nn.Sequential:
        parts: list[torch.nn.Module] = []
        for l in range(len(self.s.hidden) + 1):
            w = torch.tensor(agent.weights(n, l))
            layer = torch.nn.Linear(w.shape[0] - 1, w.shape[1], dtype=torch.float64)
            layer.weight.data, layer.bias.data = w[:-1].T.clone(), w[-1].clone()
            parts += [layer, torch.nn.Tanh() if self.s.activation == "tanh" else torch.nn.ReLU()]
        return torch.nn.Sequential(*parts[:-1])

    def _of(self, x: torch.Tensor, action: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.policy(x)
        if self.actions:
            said = torch.distributions.Normal(y, self.deviations.exp())
            return said.log_prob(action).sum(-1), said.entropy().sum(-1)
        chosen = torch.distributions.Categorical(logits=y)
        return chosen.log_prob(action[..., 0].long()), chosen.entropy()

    def _row(self, observation: np.ndarray) -> torch.Tensor:
        self.seen[self.looks] = observation
        self.looks += 1
        so_far = self.seen[: self.looks]
        mean, var = np.mean(so_far, 0), np.var(so_far, 0)
        return torch.tensor(np.clip((observation - mean) / np.sqrt(var + 1e-8), -10, 10))

    def act(self) -> None:
        noise = self.noise[len(self.rows)]
        with torch.no_grad():
            if self.actions:
                action = self.policy(self.x) + self.deviations.exp() * torch.tensor(noise)
            else:
                up_to = torch.softmax(self.policy(self.x), -1).cumsum(-1)
                action = (up_to <= noise[0]).sum().reshape(1).double()
            log, _ = self._of(self.x, action)
            self.pending = [self.x, action, float(log), float(self.value(self.x))]

    def begin(self, observation: np.ndarray) -> None:
        self.x = self._row(observation)
        self.act()

    def step(self, observation: np.ndarray, reward: float, terminated: bool, truncated: bool) -> None:
        self.x = self._row(observation)
        self.trace = self.trace * self.s.gamma + reward
        self.traces[self.earned] = self.trace
        self.earned += 1
        earned = float(np.clip(reward / np.sqrt(np.var(self.traces[: self.earned]) + 1e-8), -10, 10))
        over, full = terminated or truncated, len(self.rows) + 1 == ROLLOUT
        if over:
            self.trace = 0.0
        with torch.no_grad():
            after = 0.0 if terminated else float(self.value(self.x))
        self.rows.append([*self.pending, earned, after, over or full])
        if full:
            self.learn()
        if not over:
            self.act()

    def learn(self) -> None:
        x, action, log, value, earned, after, cut = map(list, zip(*self.rows, strict=True))
        gains, follows = np.zeros(ROLLOUT), 0.0
        for t in reversed(range(ROLLOUT)):
            following, behind = (after[t], 0.0) if cut[t] else (value[t + 1], follows)
            follows = earned[t] + self.s.gamma * following - value[t] + self.s.gamma * self.s.trace_decay * behind
            gains[t] = follows
        x, action, log = torch.stack(x), torch.stack(action), torch.tensor(log)
        goals, gains = torch.tensor(gains + np.array(value)), torch.tensor(gains)
        for _ in range(EPOCHS):
            order = torch.tensor(self.random.permutation(ROLLOUT))
            for some in order.split(MINIBATCH):
                now, unsure = self._of(x[some], action[some])
                gain = (gains[some] - gains[some].mean()) / (gains[some].std() + 1e-8)
                ratio = (now - log[some]).exp()
                clipped = ratio.clamp(1 - self.s.clip, 1 + self.s.clip)
                off = self.value(x[some])[:, 0] - goals[some]
                loss = -torch.min(ratio * gain, clipped * gain).mean() - self.s.entropy * unsure.mean()
                self.adam.zero_grad()
                (loss + self.s.value_weight * (off**2).mean()).backward()
                torch.nn.utils.clip_grad_norm_(self.all, self.s.largest_gradient)
                self.adam.step()
        self.rows = []
        shape = self.noise.shape
        self.noise = self.random.standard_normal(shape) if self.actions else self.random.random(shape)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("shape", [{"actions": 2}, {"choices": 3}], ids=["actions", "choices"])
def test_fifty_updates_agree(shape, activation):
    agent = PPO(4, seed=5, dtype="float64", hidden=(16, 8), rollout=ROLLOUT, minibatch=MINIBATCH, epochs=EPOCHS,
                step_size=1e-3, entropy=0.01, activation=activation, **shape)  # fmt: skip
    reference = Reference(agent)
    rng = np.random.default_rng(6)
    world, pull = rng.normal(size=(4, 4)) * 0.4, rng.normal(size=(max(agent.actions, 1), 4))
    x = rng.normal(size=4)
    action = agent.begin(x)
    reference.begin(x)
    for t in range(1, UPDATES * ROLLOUT + 1):
        x = x @ world + np.atleast_1d(action) @ pull * 0.3 + rng.normal(size=4)
        reward, terminated, truncated = float(x[0] - 0.1 * x @ x), t % 37 == 0, t % 50 == 0
        action = agent.step(x, reward, terminated, truncated)
        reference.step(x, reward, terminated, truncated)
        if action is None:
            x = rng.normal(size=4)
            action = agent.begin(x)
            reference.begin(x)
    assert agent._C[0] == UPDATES * EPOCHS * ROLLOUT / MINIBATCH
    for n, net in enumerate((reference.policy, reference.value)):
        for l in range(3):
            layer = net[2 * l]
            theirs = np.vstack([layer.weight.detach().numpy().T, layer.bias.detach().numpy()])
            assert np.abs(agent.weights(n, l) - theirs).max() < 1e-6
    if agent.actions:
        assert np.abs(agent._P[0, -agent.actions :] - reference.deviations.detach().numpy()).max() < 1e-6
