"""The rules: each a class whose whole idea is in one method."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from klopf.errors import MindError
from klopf.mind.torch._rule import Heard, Rule

__all__ = ["ContinualBackprop", "L2Init", "ReDo", "SelfNormalisedResets", "SharedRule", "ShrinkAndPerturb"]


class ContinualBackprop(Rule):
    """Of the units older than ``maturity`` steps, the least heard are reborn: ``rate`` of them a step (Dohare et al.,
    Nature 632, 2024)."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, example: Any, *, rate: float = 1e-4,
        maturity: int = 100, **settings: Any,
    ) -> None:  # fmt: skip
        if not 0 <= rate < 1 or maturity < 0:
            raise MindError(
                f"rate={rate:g}, maturity={maturity}: a part of the units from 0 to under 1, and steps from 0"
            )
        super().__init__(model, optimizer, example, **settings)
        self.rate, self.maturity = rate, maturity

    def act(self) -> None:
        if not self.looked:
            return
        for one in self.heard:
            old = (one.age > self.maturity) & (one.looks > 0)
            count = int(old.sum())
            one.due += self.rate * self.every * count
            many = min(int(one.due), count)
            if not many:
                continue
            one.due -= many
            heard = torch.where(old, one.corrected(self.decay), torch.inf)
            self.replace(one, heard.argsort(stable=True)[:many])


class SharedRule(ContinualBackprop):
    """Klopf's own: as continual backprop, but a unit that gives a fair share of what its layer gives, ``protected``
    times over, is backbone and is not reborn (R2). With ``smallest`` under 1 who is young is admitted (R5): until it is
    ``maturity`` steps old its listeners' weights for it move by that part of what the optimiser would, and then by its
    part of a fair share, up to all of it. It is 1, since where tasks are short that costs more than it protects."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, example: Any, *, smallest: float = 1.0,
        protected: float = 1.0, **settings: Any,
    ) -> None:  # fmt: skip
        if not 0 < smallest <= 1:
            raise MindError(f"smallest={smallest:g}: the part of a step that a newcomer's listeners make, above 0 to 1")
        super().__init__(model, optimizer, example, **settings)
        self.smallest, self.protected = smallest, protected
        self._young: list[tuple[Tensor, int, Tensor, Tensor]] = []
        self._before: list[Tensor] = []
        self._handles.append(optimizer.register_step_pre_hook(_Before(self)))

    def remember(self) -> None:
        """Before a step: what listeners' weights for the young are."""
        self._before = [weight.detach().index_select(dim, places) for weight, dim, places, _ in self._young]

    @torch.no_grad()
    def stepped(self) -> None:
        for (weight, dim, places, part), kept in zip(self._young, self._before, strict=True):
            weight.index_copy_(dim, places, torch.lerp(kept, weight.index_select(dim, places), part))
        super().stepped()
        if self.looked:
            self._admit()

    def _admit(self) -> None:
        """Who is young from now on until the next look, and the part of a step that its listeners' weights make."""
        self._young, parameters = [], dict(self.model.named_parameters())
        for one in self.heard if self.births and self.smallest < 1 else ():
            parts = self._parts(one)
            units = (parts < 1).nonzero()[:, 0]
            for part in one.layer.parts if len(units) else ():
                if part.role == "outgoing":
                    weight = parameters[part.name]
                    index = part.index.to(weight.device)[units]
                    shape = [1] * weight.ndim
                    shape[part.dim] = -1
                    shares = parts[units].repeat_interleave(index.shape[1]).to(weight).view(shape)
                    self._young.append((weight, part.dim, index.reshape(-1), shares))
        self._before = []

    def _parts(self, one: Heard) -> Tensor:
        """Of a step, for each unit; those that were there from the start make all of it."""
        utility = one.corrected(self.decay)
        share = (utility / utility.mean().clamp(min=1e-30)).clamp(max=1.0)
        earned = self.smallest + (1 - self.smallest) * share * (one.age > self.maturity)
        return torch.where(one.age < self.steps, earned, torch.ones_like(earned))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        with torch.no_grad():
            self._admit()

    def replace(self, one: Heard, units: Tensor) -> None:
        utility = one.corrected(self.decay)
        super().replace(one, units[utility[units] < self.protected * utility.mean()])


class _Before:
    """The optimiser's hook before a step."""

    def __init__(self, rule: SharedRule | None) -> None:
        import weakref

        self._rule = (lambda: None) if rule is None else weakref.ref(rule)

    def __deepcopy__(self, _: Any) -> _Before:
        return _Before(None)

    def __reduce__(self) -> Any:
        return _Before, (None,)

    def __call__(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if (rule := self._rule()) is not None:
            rule.remember()


class ReDo(Rule):
    """Every ``period`` steps, units whose activity is under ``threshold`` of their layer's mean are reborn (Sokar et
    al., ICML 2023)."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, example: Any, *, period: int = 1000,
        threshold: float = 0.025, **settings: Any,
    ) -> None:  # fmt: skip
        if period < 1 or threshold < 0:
            raise MindError(f"period={period}, threshold={threshold:g}: steps from 1, and a part of the mean from 0")
        super().__init__(model, optimizer, example, **settings)
        self.period, self.threshold = period, threshold

    def act(self) -> None:
        if self.steps % self.period:
            return
        for one in self.heard:
            seen = one.looks > 0
            activity = one.activity / (1 - self.decay ** one.looks.clamp(min=1).to(one.activity))
            low = activity <= self.threshold * activity[seen].mean() if seen.any() else torch.zeros_like(seen)
            self.replace(one, (low & seen).nonzero()[:, 0])


class SelfNormalisedResets(Rule):
    """A unit is reborn when it has been 0 for longer than all but ``rejection`` of its own earlier silences were
    (Farias and Jozefiak, 2024): silences are taken to be geometric, with the unit's own mean."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        example: Any,
        *,
        rejection: float = 0.01,
        **settings: Any,
    ) -> None:
        if not 0 < rejection < 1:
            raise MindError(
                f"rejection={rejection:g}: the part of silences that are taken for a death, above 0, under 1"
            )
        super().__init__(model, optimizer, example, **settings)
        self.rejection = rejection
        self._ended = [torch.zeros(one.layer.units, device=one.age.device) for one in self.heard]
        self._silent = [torch.zeros(one.layer.units, device=one.age.device) for one in self.heard]
        self._last = [one.idle.clone() for one in self.heard]

    def act(self) -> None:
        if not self.looked:
            return
        for n, one in enumerate(self.heard):
            spoke = (one.idle == 0) & (one.looks > 0)
            self._ended[n] += spoke
            self._silent[n] += torch.where(spoke, self._last[n], 0)
            self._last[n] = one.idle.clone()
            again = (1 + self._ended[n]) / (1 + self._ended[n] + self._silent[n])  # chance that a look ends a silence
            surprise = one.idle * torch.log1p(-again.clamp(max=1 - 1e-6))
            dead = (surprise < torch.log(torch.tensor(self.rejection))) & (one.idle > 1)
            units = dead.nonzero()[:, 0]
            self._ended[n][units] = 0
            self._silent[n][units] = 0
            self._last[n][units] = 0
            self.replace(one, units)

    def state_dict(self) -> dict[str, Any]:
        silences = [self._ended, self._silent, self._last]
        return {**super().state_dict(), "silences": [[one.clone() for one in kept] for kept in silences]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._ended, self._silent, self._last = ([one.clone() for one in kept] for kept in state["silences"])


class L2Init(Rule):
    """All weights are drawn towards where they began, by ``rate`` of the way a step (Kumar et al., 2023)."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, example: Any, *, rate: float = 1e-4, **settings: Any
    ) -> None:
        if not 0 <= rate < 1:
            raise MindError(f"rate={rate:g}: a part of the way, from 0 to under 1")
        super().__init__(model, optimizer, example, **settings)
        self.rate = rate
        self._pairs = [(p, p.detach().clone()) for p in self.model.parameters() if p.requires_grad]

    def act(self) -> None:
        torch._foreach_lerp_([p.data for p, _ in self._pairs], [start for _, start in self._pairs], self.rate)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "began": [start for _, start in self._pairs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        for (_, start), began in zip(self._pairs, state["began"], strict=True):
            start.copy_(began)


class ShrinkAndPerturb(Rule):
    """After each step weights shrink by ``shrink`` of themselves, and noise of ``noise`` of what a new module's weights
    spread is added (Ash and Adams, 2020)."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, example: Any, *, shrink: float = 1e-4,
        noise: float = 1e-4, **settings: Any,
    ) -> None:  # fmt: skip
        if not 0 <= shrink < 1 or noise < 0:
            raise MindError(f"shrink={shrink:g}, noise={noise:g}: a part from 0 to under 1, and a spread from 0")
        super().__init__(model, optimizer, example, **settings)
        self.shrink, self.noise = shrink, noise
        self._spread = [(p, float(p.detach().std()) if p.numel() > 1 else 0.0) for p in self.model.parameters()
                        if p.requires_grad and p.ndim > 1]  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "spread": [spread for _, spread in self._spread]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._spread = [(p, float(spread)) for (p, _), spread in zip(self._spread, state["spread"], strict=True)]

    def act(self) -> None:
        for parameter, spread in self._spread:
            noise = torch.randn(parameter.shape, generator=self.generator).to(parameter)
            parameter.data.mul_(1 - self.shrink).add_(noise, alpha=self.noise * spread)
