"""What all rules of life and death have in common: they listen to a model's units and act after its optimiser does."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from klopf.errors import MindError
from klopf.mind.torch._kinds import kind_of
from klopf.mind.torch._rebirth import reborn
from klopf.mind.torch._trace import Layer, Trace, traced

__all__ = ["Heard", "Rule"]


class Heard:
    """Of one layer's units what was found lately. age: optimiser's steps since each was born. utility: running mean of
    what it gives its listeners, |activity| times the sum of their absolute weights (R1), uncorrected. samples: how
    often that was looked at since its birth. means: of each listener, the running mean of its input by channel. idle:
    looks in a row in which it was 0 for all samples."""

    def __init__(self, layer: Layer, device: torch.device) -> None:
        self.layer = layer
        self.age = torch.zeros(layer.units, dtype=torch.long, device=device)
        self.utility = torch.zeros(layer.units, device=device)
        self.activity = torch.zeros(layer.units, device=device)
        self.looks = torch.zeros(layer.units, dtype=torch.long, device=device)
        self.idle = torch.zeros(layer.units, dtype=torch.long, device=device)
        self.means: dict[str, Tensor] = {}
        self.due = 0.0

    def corrected(self, decay: float) -> Tensor:
        """Bias-corrected utilities, which alone may be compared."""
        return self.utility / (1 - decay ** self.looks.clamp(min=1).to(self.utility))

    def state(self) -> dict[str, Any]:
        kept = {name: getattr(self, name) for name in ("age", "utility", "activity", "looks", "idle")}
        return {**kept, "means": dict(self.means), "due": self.due}

    def load(self, state: dict[str, Any]) -> None:
        for name in ("age", "utility", "activity", "looks", "idle"):
            getattr(self, name).copy_(state[name])
        self.means = {name: mean.clone() for name, mean in state["means"].items()}
        self.due = float(state["due"])


class _Ear:
    """A hook that forgets its rule where a model is copied: the copy is its owner's, and has no rule yet."""

    def __init__(self, rule: Rule | None, name: str) -> None:
        self._rule, self._name = (lambda: None) if rule is None else weakref.ref(rule), name

    def __deepcopy__(self, _: Any) -> _Ear:
        return _Ear(None, self._name)

    def __reduce__(self) -> Any:
        return _Ear, (None, self._name)

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: Any, *more: Any) -> None:
        rule = self._rule()
        if rule is not None and rule.listens and torch.is_grad_enabled():
            own = self._name.endswith("@")
            given = more[-1] if own else (args[0] if args else next(iter(more[0].values())))
            rule.hear(self._name, given[0] if own else given)


class Rule(ABC):
    """Listens to the units of ``model`` and acts each time that ``optimizer`` has made a step: nothing else is to be
    called.

    A rule is what is done in :meth:`act`; everything that belongs to a unit is found once, by calling the model with
    ``example`` (a tensor or a tuple of such, with a batch as first dimension; one row is used).

    Args:
        every: steps between two looks at the units' activity; what is done in between goes by the last looks.
        decay: of running means, per look.
        layers: names of layers to act on, as :meth:`report` calls them; all if not given.
        seed: of what newborns are drawn from.

    Raises:
        MindError: the model cannot be called with the example, or nothing in it can be judged.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, example: Any, *, every: int = 10, decay: float = 0.99,
        layers: tuple[str, ...] = (), seed: int = 0,
    ) -> None:  # fmt: skip
        if every < 1 or not 0 <= decay < 1:
            raise MindError(
                f"every={every}, decay={decay:g}: looks are 1 step apart or more, decay is from 0 to under 1"
            )
        self.model: nn.Module = getattr(model, "_orig_mod", model)
        self.optimizer, self.every, self.decay = optimizer, every, decay
        self.trace: Trace = traced(self.model, example)
        unknown = set(layers) - {layer.name for layer in self.trace.layers}
        if unknown:
            raise MindError(f"{sorted(unknown)[0]!r} is no layer of units; there are "
                            f"{', '.join(layer.name for layer in self.trace.layers)[:300]}")  # fmt: skip
        mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if not any(id(p) in mine for p in self.model.parameters()):
            raise MindError("this optimiser has no parameter of this model: make it from model.parameters()")
        device = next(self.model.parameters()).device
        chosen = [layer for layer in self.trace.layers if not layers or layer.name in layers]
        if not chosen:
            why = next(iter(self.trace.left_alone.items()), ("", "it has no layer that another one hears"))
            raise MindError(f"no units to judge: {why[0]} {why[1]}".replace("  ", " "))
        self.heard = [Heard(layer, device) for layer in chosen]
        self.steps, self.births, self.listens, self.looked = 0, 0, True, False
        self.generator = torch.Generator().manual_seed(seed)
        self._sums: dict[str, tuple[Tensor, Tensor, int]] = {}
        self._handles = [optimizer.register_step_post_hook(_After(self))]
        modules = dict(self.model.named_modules())
        for name in sorted({name for one in self.heard for name in one.layer.listeners}):
            module = modules[name.removesuffix("@")]
            ear = _Ear(self, name)
            self._handles.append(module.register_forward_hook(ear) if name.endswith("@")
                                 else module.register_forward_pre_hook(ear, with_kwargs=True))  # fmt: skip

    @abstractmethod
    def act(self) -> None:
        """Once after each step of the optimiser; ages and utilities are up to date."""

    def remove(self) -> None:
        """Listen and act no more."""
        for handle in self._handles:
            handle.remove()

    @torch.no_grad()
    def hear(self, name: str, given: Tensor) -> None:
        """What a listener is given, noted by channel."""
        kind = kind_of(self.model.get_submodule(name.removesuffix("@")))
        assert kind is not None
        rows = given.detach().float().movedim(kind.channel, -1).reshape(-1, given.shape[kind.channel])
        size, mean = rows.abs().mean(0), rows.mean(0)
        before = self._sums.get(name)
        self._sums[name] = (size, mean, 1) if before is None else (before[0] + size, before[1] + mean, before[2] + 1)

    @torch.no_grad()
    def stepped(self) -> None:
        """The optimiser has made a step."""
        self.steps += 1
        for one in self.heard:
            one.age += 1
        self.looked = bool(self._sums)
        if self.looked:
            parameters = dict(self.model.named_parameters())
            for one in self.heard:
                self._look(one, parameters)
            self._sums = {}
        self.act()
        self.listens = (self.steps + 1) % self.every == 0 or self.every == 1

    def _look(self, one: Heard, parameters: Mapping[str, Tensor]) -> None:
        """R1, for all units of a layer that were heard since the last look."""
        given, activity = torch.zeros_like(one.utility), torch.zeros_like(one.utility)
        for part in one.layer.parts:
            if part.role != "outgoing" or part.module not in self._sums:
                continue
            size, mean, many = self._sums[part.module]
            before = one.means.get(part.module)
            now = mean / many
            one.means[part.module] = now if before is None else self.decay * before + (1 - self.decay) * now
            weights = parameters[part.name].detach().movedim(part.dim, 0).flatten(1).abs().float().sum(1)
            index = part.index.to(size.device)
            shown = (size / many)[index]
            given += (shown * weights[index]).sum(1)
            activity = torch.maximum(activity, shown.amax(1))
        one.utility.mul_(self.decay).add_(given, alpha=1 - self.decay)
        one.activity.mul_(self.decay).add_(activity, alpha=1 - self.decay)
        one.looks += 1
        one.idle = torch.where(activity > 0, 0, one.idle + 1)

    def replace(self, one: Heard, units: Tensor) -> None:
        """These units of a layer are reborn."""
        if not len(units):
            return
        reborn(self.model, self.optimizer, one.layer, units, one.means, self.generator)
        for kept in (one.age, one.utility, one.activity, one.looks, one.idle):
            kept[units] = 0
        self.births += len(units)

    def next_to_go(self) -> Iterator[tuple[str, int]]:
        """Of each layer the unit that is least heard, by name and number."""
        for one in self.heard:
            yield one.layer.name, int(one.corrected(self.decay).argmin())

    def state_dict(self) -> dict[str, Any]:
        """All that it has learned about the units, for :func:`torch.save`."""
        return {"steps": self.steps, "births": self.births, "listens": self.listens,
                "generator": self.generator.get_state(),
                "layers": {one.layer.name: one.state() for one in self.heard}}  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict` of a rule for the same model.

        Raises:
            MindError: it was of another model.
        """
        if set(state["layers"]) != {one.layer.name for one in self.heard}:
            raise MindError(f"this is of a model with other layers: {', '.join(sorted(state['layers']))[:200]}")
        self.steps, self.births, self.listens = state["steps"], state["births"], state["listens"]
        self.generator.set_state(state["generator"])
        for one in self.heard:
            one.load(state["layers"][one.layer.name])


class _After:
    """The optimiser's hook, which forgets its rule as :class:`_Ear` does."""

    def __init__(self, rule: Rule | None) -> None:
        self._rule = (lambda: None) if rule is None else weakref.ref(rule)

    def __deepcopy__(self, _: Any) -> _After:
        return _After(None)

    def __reduce__(self) -> Any:
        return _After, (None,)

    def __call__(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if (rule := self._rule()) is not None:
            rule.stepped()
