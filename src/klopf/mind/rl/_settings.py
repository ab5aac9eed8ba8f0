"""What may be chosen about an agent, and the agents that have a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from klopf.errors import MindError
from klopf.mind.rl._kernels.layout import UPDATES
from klopf.mind.rl._options import at_least, at_most, below, numbers, sizes, with_options, words
from klopf.mind.rl._ppo_settings import PPOSettings

__all__ = ["AGENTS", "ALGORITHMS", "FROM_BATCHES", "AgentSettings", "Algorithm", "settings_for"]


@dataclass(frozen=True)
class Algorithm:
    """One way of learning to act or predict: the file of its kernel, and what its networks say."""

    kernel: str
    outputs: Callable[[int, int], tuple[int, ...]]
    """Outputs of each network, by how many numbers an action has and how many choices there are."""
    acts: bool = True
    continuous: bool = False
    """Actions may be numbers, not only one of several choices."""


ALGORITHMS = {
    "ac": Algorithm("actor_critic", lambda actions, choices: (1, 2 * actions or choices), continuous=True),
    "q": Algorithm("q", lambda _, choices: (choices,)),
    "sarsa": Algorithm("sarsa", lambda _, choices: (choices,)),
    "td": Algorithm("td", lambda *_: (1,), acts=False),
    "qrc": Algorithm("qrc", lambda _, choices: (choices, choices)),
}
"""The algorithms, by the name that settings have for them."""
TIME_OUTS = ("bootstrap", "terminate")
LIVES = ("none", "continual")
UTILITIES = ("contribution", "zero-contribution")


@dataclass(frozen=True)
class AgentSettings:
    """Everything that may be chosen about an agent. Defaults are those of Elsayed et al. (2024)."""

    algorithm: str = "ac"
    update: str = "obgd"
    """How far a network steps along its traces: obgd, adaptive-obgd, intentional, autostep or fixed."""
    hidden: tuple[int, ...] = (128, 128)
    """Units in each hidden layer; empty for linear functions of the observation."""
    gamma: float = 0.99
    """Discount."""
    trace_decay: float = 0.8
    """Lambda."""
    step_size: float = 1.0
    """alpha of ObGD; the step-size itself where the update is fixed."""
    second_step_size: float = 0.1
    """qrc: step-size of the second network, as a multiple of ``step_size``."""
    regulariser: float = 1.0
    """qrc: beta, the pull of the second network's weights towards zero."""
    kappa_value: float = 2.0
    kappa_policy: float = 3.0
    eta_value: float = 0.5
    """intentional: share of the error that an update is meant to remove."""
    eta_policy: float = 0.05
    """intentional: how far an update is meant to move the policy."""
    clip: float = 20.0
    """intentional: errors beyond this many running root mean squares are clipped."""
    delta_decay: float = 0.9998
    beta2: float = 0.999
    meta_step_size: float = 0.01
    """autostep: how fast each weight's own step-size changes."""
    tau: float = 10_000.0
    entropy: float = 0.01
    epsilon_start: float = 1.0
    epsilon_end: float = 0.01
    epsilon_steps: int = 25_000
    """Steps in which epsilon falls from its start to its end."""
    leak: float = 0.01
    sparsity: float = 0.9
    """Share of a unit's incoming weights that are zero at birth."""
    normalise_observations: bool = True
    follow_sensors: bool = True
    """Sensors of which offset or unit change are followed; lone outliers, of rewards too, bounded. Not published."""
    scale_rewards: bool = True
    horizon: int = 0
    """Samples over which the normalisations run; 0 for all samples so far."""
    constant: bool = True
    """A constant 1 beside the observations. Without it, what is learned of one of several states is of that alone."""
    time_feature: bool = True
    """Append the share of the time limit that has passed, minus a half, where the environment has a time limit."""
    time_out: str = "bootstrap"
    """What follows a truncated episode: its estimated value ("bootstrap"), or nothing, as published ("terminate")."""
    life: str = "none"
    """continual: hidden units that are least heard are replaced (continual backpropagation)."""
    utility: str = "contribution"
    replacement_rate: float = 1e-5
    maturity: int = 10_000
    utility_decay: float = 0.99

    def __post_init__(self) -> None:
        allowed: dict[str, Iterable[str]] = {
            "algorithm": ALGORITHMS, "update": UPDATES, "time_out": TIME_OUTS, "life": LIVES, "utility": UTILITIES,
        }  # fmt: skip
        words(self, allowed)
        numbers(self)
        at_most(self, 1, ("gamma", "trace_decay", "epsilon_start", "epsilon_end", "sparsity"))
        below(self, 1, ("beta2", "delta_decay", "utility_decay"))
        if self.horizon and self.horizon < 10:
            raise MindError(f"horizon={self.horizon}: at least 10 samples, or 0 for all")
        at_least(self, 1, ("tau",))
        if self.update == "intentional" and self.gamma * self.trace_decay >= 1:
            raise MindError("intentional updates need gamma * trace_decay below 1")
        if (self.algorithm == "qrc") != (self.update == "fixed"):
            raise MindError("qrc has a fixed step-size, and only qrc: choose update='fixed' with it, and no other")
        sizes(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self) | {"hidden": list(self.hidden)}


AGENTS: dict[str, AgentSettings] = {
    "stream-ac": AgentSettings(),
    "stream-q": AgentSettings(algorithm="q"),
    "stream-sarsa": AgentSettings(algorithm="sarsa"),
    "stream-td": AgentSettings(algorithm="td"),
    "intentional-ac": AgentSettings(update="intentional", time_feature=False),
    "intentional-q": AgentSettings(algorithm="q", update="intentional", eta_value=0.05, time_feature=False),
    "intentional-td": AgentSettings(algorithm="td", update="intentional", time_feature=False),
    "qrc": AgentSettings(algorithm="qrc", update="fixed", step_size=1e-4, time_feature=False),
}
"""The agents that have a name, at their published settings but for ``time_out``, which is "bootstrap", and for the
``eta_value`` of intentional-q (published: 0.25): a network that takes so much of each error says within one or two
episodes that all is as bad as what it has seen, and then nothing draws it to where it has not been."""
APART: dict[str, dict[str, Any]] = {"intentional-q": {"eta_value": 0.25}}
"""What is otherwise where each state, or tile, has weights of its own: what is learned of one is of that alone."""


FROM_BATCHES: dict[str, Any] = {PPOSettings.algorithm: PPOSettings()}
"""The agents that live a rollout and learn from it in batches: each a class of its own, and settings of its own."""


def settings_for(agent: str, **options: Any) -> AgentSettings | PPOSettings:
    """The settings of the agent called ``agent``, with ``options`` in place of its own.

    Raises:
        MindError: no such agent, no such option, or a value it cannot have.
    """
    named: dict[str, Any] = AGENTS | FROM_BATCHES
    if agent not in named:
        raise MindError(f"no agent is called {agent!r}; choose one of {', '.join(named)}")
    settings: AgentSettings | PPOSettings = with_options(
        named[agent], agent if agent in FROM_BATCHES else "an agent", options
    )
    return settings
