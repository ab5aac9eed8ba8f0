"""Which entries of which parameters belong to a unit, found by what a number that is none reaches.

Units' outputs are replaced by NaN, and whoever finds NaN in what it is given hears one of them. Which one is told by
its number in binary: a batch has two rows for each digit, with NaN in the units that have a 1 there, and in the
others. Where both find the same channel, units are mixed. So it does not matter what stands between: activations,
pooling, flattening, sums, control flow. Listeners are given zeros in place of it, so that those behind them find
nothing; norms pass it on as it came."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from klopf.errors import MindError
from klopf.mind.torch._kinds import Kind, kind_of

__all__ = ["Layer", "Part", "Trace", "traced"]

_PRIMES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
"""Numbers of rows: the first that is enough and divides no other dimension, so that rows can be told from them."""
_MIXED = -1


@dataclass(frozen=True)
class Part:
    """Entries of one tensor: unit i has those at ``index[i]`` (shape ``(units, k)``) of dimension ``dim``.

    module: whose. name: of the parameter or buffer, from the model. role: "incoming" (redrawn), "beside" (its bias),
    "outgoing" (zeroed), or "passed" (becomes ``newborn``). channels: of outgoing ones, the same entries as the
    listener's input has them.
    """

    module: str
    name: str
    dim: int
    index: Tensor
    role: str
    newborn: float = 0.0


@dataclass
class Layer:
    """Units that can be judged and reborn. name: of the modules that make them. parts: all that belongs to them.
    listeners: for each module that hears them, which channels of its input each unit is, shape ``(units, k)``; the
    empty suffix ``@`` marks a module that hears its own output."""

    name: str
    units: int
    makers: tuple[str, ...]
    parts: list[Part] = field(default_factory=list)
    listeners: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Trace:
    """What was found: layers in the order in which they are computed, and of all others, why they are left alone."""

    layers: list[Layer]
    left_alone: dict[str, str]


@dataclass
class _Found:
    """Of one maker: channels by unit and listener, by unit and passer, and what else the units reach."""

    listeners: dict[str, dict[int, set[int]]] = field(default_factory=dict)
    passers: dict[str, dict[int, set[int]]] = field(default_factory=dict)
    strange: set[str] = field(default_factory=set)
    ends: bool = False
    units: int = 0


def traced(model: nn.Module, example: Any) -> Trace:
    """Find the units of ``model``. ``example``: what it is called with, a tensor or a tuple of such, the first
    dimension of each of which is the batch's; one row is enough.

    Raises:
        MindError: the model cannot be called with it.
    """
    modules = {name: module for name, module in model.named_modules() if name}
    if not modules:
        modules = {"": model}
    kinds = {name: kind for name, module in modules.items() if (kind := kind_of(module)) is not None}
    inside = {f"{name}.out_proj" for name, one in modules.items() if isinstance(one, nn.MultiheadAttention)}
    kinds = {name: kind for name, kind in kinds.items() if name not in inside}
    others = [name for name in modules if name not in kinds and name not in inside]
    strange = [name for name in others if any(True for _ in modules[name].parameters(recurse=False))]
    probe = _Probe(model, modules, kinds, strange, example)
    with probe.ready():
        order = probe.order()
        found = {name: probe.of(name) for name in order if kinds[name].made}
        often = {name for name, calls in Counter(probe.calls).items() if calls > 1}
        fed = probe.fed_by_input()
    return _grouped(model, modules, kinds, found, fed, often)


class _Probe:
    """A model with hooks that put NaN into one module's output and look for it in what the others are given."""

    def __init__(
        self, model: nn.Module, modules: dict[str, nn.Module], kinds: dict[str, Kind], strange: list[str], example: Any
    ) -> None:
        self.model, self.modules, self.kinds, self.strange = model, modules, kinds, strange
        given = example if isinstance(example, tuple) else (example,)
        if not all(isinstance(one, Tensor) and one.ndim and len(one) for one in given):
            raise MindError("an example is a tensor with a batch as its first dimension, or a tuple of such")
        self.given = tuple(one[:1] for one in given)
        self.rows, self.maker, self.found = 1, "", _Found()
        self.marked: list[Tensor] = []
        self.called: list[str] = []
        self.calls: list[str] = []
        self.made: dict[str, int] = {}

    @contextmanager
    def ready(self) -> Iterator[None]:
        """With hooks, without dropout and running means, all as it was afterwards."""
        was = {module: module.training for module in self.model.modules()}
        kept = torch.get_rng_state()
        with ExitStack() as stack, torch.enable_grad():
            for name in (*self.kinds, *self.strange):
                module = self.modules[name]
                stack.callback(module.register_forward_pre_hook(self._before(name), with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(self._after(name)).remove)
            self.model.eval()
            try:
                yield
            finally:
                for module, training in was.items():
                    module.training = training
                torch.set_rng_state(kept)

    def order(self) -> list[str]:
        """Modules in the order in which they are first called; also finds a number of rows that is no dimension."""
        sizes: set[int] = set()
        self._sizes = sizes
        self._run(1)
        self.calls = list(self.called)
        sizes.update(one for given in self.given for one in given.shape[1:])
        return list(dict.fromkeys(self.called))

    def of(self, maker: str) -> _Found:
        """Where the units of a module go."""
        total = self.made[maker]
        self.found = _Found(units=total)
        digits = max(1, (total - 1).bit_length())
        units = torch.arange(total)
        ones = [units[(units >> digit) % 2 == 1] for digit in range(digits)]
        zeros = [units[(units >> digit) % 2 == 0] for digit in range(digits)]
        self.maker, self.marked = maker, [*ones, *zeros]
        apart = [n for n in _PRIMES if n >= 2 * digits and not any(size % n == 0 for size in self._sizes)]
        out = self._run(apart[0] if apart else 2 * digits)
        self.found.ends = any(bool(torch.isnan(one).any()) for one in _tensors(out))
        self.maker, self.marked = "", []
        return self.found

    def fed_by_input(self) -> set[tuple[str, int]]:
        """Listeners' channels to which the model's own input comes beside any unit."""
        self.found, self.maker, self.marked = _Found(), "the input", []
        given = tuple(torch.full_like(one, math.nan) if one.is_floating_point() else one for one in self.given)
        self._run(1, given)
        self.maker = ""
        return {(name, c) for name, rows in self.found.listeners.items() for cs in rows.values() for c in cs}

    def _run(self, rows: int, given: tuple[Tensor, ...] | None = None) -> Any:
        self.rows = rows
        self._passing: dict[str, Tensor] = {}
        try:
            return self.model(*(one.expand(rows, *one.shape[1:]).clone() for one in given or self.given))
        except Exception as error:
            raise MindError(f"the model cannot be called with this example: {str(error)[:200]}") from error

    def _rows_of(self, tensor: Tensor, channel: int) -> Tensor:
        """A view with rows first and channels last. Rows lie in the dimension of their number or, where a model folds
        others into it, in the first one."""
        channel %= tensor.ndim
        where = [d for d, size in enumerate(tensor.shape) if size == self.rows and d != channel]
        if self.rows > 1 and not where and tensor.shape[0] % self.rows == 0:
            return tensor.movedim(channel, -1).unflatten(0, (self.rows, -1))
        place = where[0] if where else 0
        return tensor.movedim(channel, -1).movedim(place if place < channel else place - 1, 0)

    def _before(self, name: str) -> Any:
        kind = self.kinds.get(name)

        def look(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            self.called.append(name)
            given = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor) and one.is_floating_point()]
            self._sizes.update(size for one in given for size in one.shape[1:])
            if not self.maker or not any(bool(torch.isnan(one).any()) for one in given):
                return None
            if kind is None:
                self.found.strange.add(name)
            else:
                seen = self._note(name, kind, given)
                if kind.passed:
                    self._passing[name] = seen
            return tuple(_clean(one) for one in args), {key: _clean(one) for key, one in kwargs.items()}

        return look

    def _note(self, name: str, kind: Kind, given: list[Tensor]) -> Tensor:
        """Keep which unit is found in which channels; returns that of the last tensor, ``(rows, channels)``."""
        place = (self.found.passers if kind.passed else self.found.listeners).setdefault(name, {})
        seen = torch.zeros(0, 0, dtype=torch.bool)
        for tensor in given:
            if tensor.ndim < 2:
                continue
            rows = torch.isnan(self._rows_of(tensor, kind.channel))
            seen = rows.reshape(len(rows), -1, rows.shape[-1]).any(1)
            for channel, unit in self._decoded(seen):
                place.setdefault(unit, set()).add(channel)
        return seen

    def _decoded(self, seen: Tensor) -> list[tuple[int, int]]:
        """Channels and whose they are, of what each row found in them: ``(rows, channels)``."""
        if not self.marked:  # all at once: whose does not matter
            return [(c, 0) for c in seen.any(0).nonzero()[:, 0].tolist()]
        digits = len(self.marked) // 2
        one, zero = seen[:digits], seen[digits : 2 * digits]
        unit = (one.long() << torch.arange(digits)[:, None].to(seen.device)).sum(0)
        unit[(one & zero).any(0)] = _MIXED
        there = (one | zero).any(0).nonzero()[:, 0]
        return list(zip(there.tolist(), unit[there].tolist(), strict=True))

    def _after(self, name: str) -> Any:
        kind = self.kinds.get(name)

        def change(module: nn.Module, args: Any, out: Any) -> Any:
            if kind is None:
                return None
            first = next(iter(_tensors(out)))
            self._sizes.update(first.shape[1:])
            if kind.made:
                self.made[name] = first.shape[kind.channel]
            passing = self._passing.pop(name, None)
            if passing is not None:
                return self._marked(first, kind, [row.nonzero()[:, 0] for row in passing])
            if name != self.maker:
                return None
            each = self.marked
            if isinstance(out, Tensor):
                return self._marked(out, kind, each)
            if kind.own:  # a recurrent module gives its last state, too
                state = out[1]
                last = (self._marked(state[0], kind, each), state[1]) if isinstance(state, tuple) else (
                    self._marked(state, kind, each))  # fmt: skip
                return self._marked(first, kind, each), last
            return self._marked(first, kind, each), *out[1:]

        return change

    def _marked(self, tensor: Tensor, kind: Kind, each: Sequence[Tensor]) -> Tensor:
        """NaN in these channels, row by row."""
        marks = torch.zeros(tensor.shape, dtype=torch.bool)
        view = self._rows_of(marks, kind.channel)
        for row, channels in enumerate(each):
            view[row][..., channels] = True
        return torch.where(marks, math.nan, tensor)


def _clean(one: Any) -> Any:
    """0 in place of NaN."""
    return torch.nan_to_num(one) if isinstance(one, Tensor) and one.is_floating_point() else one


def _tensors(out: Any) -> Iterator[Tensor]:
    if isinstance(out, Tensor):
        yield out
    elif isinstance(out, dict):
        for one in out.values():
            yield from _tensors(one)
    elif isinstance(out, (tuple, list)):
        for one in out:
            yield from _tensors(one)


def _grouped(
    model: nn.Module, modules: dict[str, nn.Module], kinds: dict[str, Kind], found: dict[str, _Found],
    fed: set[tuple[str, int]], often: set[str],
) -> Trace:  # fmt: skip
    """Makers that speak to the same channels make the same units together, as those of a residual stream do."""
    left = {name: why for name, one in found.items() if (why := _why_not(one) or _twice(name, one, often))}
    groups: list[set[str]] = []
    for name, one in found.items():
        touches = {(listener, c) for listener, rows in one.listeners.items() for cs in rows.values() for c in cs}
        joined = [group for group in groups if any(touches & _touched(found[other]) for other in group)]
        merged = {name}.union(*joined)
        groups = [group for group in groups if group not in joined] + [merged]
    tied = _tied(model)
    layers = []
    for group in groups:
        makers = [name for name in found if name in group]
        why = next((left[name] for name in makers if name in left), "") or _clash(makers, found, fed, tied, kinds)
        if why:
            left.update((name, left.get(name, why)) for name in makers)
        else:
            layers.append(_layer(makers, modules, kinds, found))
    return Trace(layers, {name: left[name] for name in found if name in left})


def _twice(name: str, one: _Found, often: set[str]) -> str:
    """Why a maker cannot be judged of which, or behind which, something is called more than once; "" where it can."""
    if name in often:
        return "it is called more than once: what its units say in one place is not what they say in another"
    if again := sorted(often & one.passers.keys()):
        return f"{again[0]}, which its units pass, is called more than once: what is reset there would change others"
    return ""


def _touched(one: _Found) -> set[tuple[str, int]]:
    return {(listener, c) for listener, rows in one.listeners.items() for cs in rows.values() for c in cs}


def _why_not(one: _Found) -> str:
    """Why the units of a maker cannot be judged, by themselves; "" where they can."""
    if one.ends:
        return "its units are the model's output"
    if one.strange:
        return f"{sorted(one.strange)[0]} hears its units and is of no kind that is known: wrap it, or leave them alone"
    if not one.listeners:
        return "nobody hears its units"
    for listener, rows in one.listeners.items():
        if _MIXED in rows:
            return f"its units are mixed before {listener} hears them, so none has weights of its own there"
        if len(rows) < one.units:
            return f"{listener} hears {len(rows)} of its {one.units} units only: keep apart what is heard apart"
    return ""


def _clash(
    makers: list[str], found: dict[str, _Found], fed: set[tuple[str, int]], tied: set[str], kinds: dict[str, Kind]
) -> str:
    """Why makers of one group cannot be one layer; "" where they can."""
    owners: dict[tuple[str, int], int] = {}
    for name in makers:
        if found[name].units != found[makers[0]].units:
            return f"{makers[0]} and {name} make different numbers of units that are added"
        for listener, rows in found[name].listeners.items():
            for unit, channels in rows.items():
                for c in channels:
                    if owners.setdefault((listener, c), unit) != unit:
                        return f"{makers[0]} and {name} speak to the same channels of {listener} by different units"
    if any(place in fed for place in owners):
        return "the model's own input is added to its units, and would be cut off with them"
    parts = {f"{name}.{weight}" for name in makers for weight, _ in kinds[name].made}
    parts |= {f"{listener}.{weight}" for listener, _ in owners for weight, _ in kinds[listener].heard}
    if shared := parts & tied:
        return f"{sorted(shared)[0]} is used elsewhere, too: what is reborn there would change here"
    return ""


def _tied(model: nn.Module) -> set[str]:
    """Names of parameters that stand in more than one place. A module that has several names is one place."""
    places: dict[int, set[tuple[int, str]]] = {}
    names: dict[int, set[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        for own, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            places.setdefault(id(parameter), set()).add((id(module), own))
            names.setdefault(id(parameter), set()).add(f"{name}.{own}".lstrip("."))
    return {name for key, many in places.items() if len(many) > 1 for name in names[key]}


def _layer(makers: list[str], modules: dict[str, nn.Module], kinds: dict[str, Kind], found: dict[str, _Found]) -> Layer:
    units = found[makers[0]].units
    layer = Layer(" + ".join(makers), units, tuple(makers))
    listeners: dict[str, dict[int, set[int]]] = {}
    passers: dict[str, dict[int, set[int]]] = {}
    for name in makers:
        kind, rows = kinds[name], torch.arange(units)[:, None]
        for weight, dim in kind.made:
            gates = rows + units * torch.arange(kind.gates)[None]
            layer.parts.append(Part(name, f"{name}.{weight}", dim, gates, "incoming"))
        layer.parts += [Part(name, f"{name}.{one}", 0, rows + units * torch.arange(kind.gates)[None], "beside")
                        for one in kind.beside]  # fmt: skip
        for where, into in ((found[name].listeners, listeners), (found[name].passers, passers)):
            for other, by_unit in where.items():
                for unit, channels in by_unit.items():
                    into.setdefault(other, {}).setdefault(unit, set()).update(channels)
    for name, by_unit in passers.items():
        index = _table(by_unit, units)
        layer.parts += [Part(name, f"{name}.{one}", 0, index, "passed", value) for one, value in kinds[name].passed]
    for name, by_unit in listeners.items():
        index = _table(by_unit, units)
        layer.listeners[name] = index
        layer.parts += [Part(name, f"{name}.{weight}", dim, index, "outgoing") for weight, dim in kinds[name].heard]
    for name in makers:
        if kinds[name].own:
            layer.listeners[f"{name}@"] = torch.arange(units)[:, None]
            layer.parts += [Part(f"{name}@", f"{name}.{weight}", dim, torch.arange(units)[:, None], "outgoing")
                            for weight, dim in kinds[name].own]  # fmt: skip
    return layer


def _table(by_unit: dict[int, set[int]], units: int) -> Tensor:
    """Channels by unit, shape ``(units, k)``; a unit that has fewer repeats its last one."""
    most = max(len(channels) for channels in by_unit.values())
    rows = [sorted(by_unit.get(unit, set())) for unit in range(units)]
    return torch.tensor([row + row[-1:] * (most - len(row)) for row in rows])
