"""What a rule or a life is made of: the base classes of all that can be added to how a network learns.

Free of compiled code; a rule's kernels are imported when a learner first learns.
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from klopf.errors import MindError

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan

__all__ = ["GradientRule", "Hyperparameter", "Life", "Part", "Quantity", "Rule", "checked_part"]


@dataclass(frozen=True)
class Quantity:
    """One row of a table.

    ``birth`` is its value in a newborn (for a weight: in the newborn's incoming weights). Of weights only: ``outgoing``
    is its value in the output units' weights when the network is made, ``newcomer`` in the weights by which others
    listen to a newborn (R5; None for the same). The row "weight" itself is drawn at birth; a row with ``copies`` starts
    as a copy of the weight.
    """

    name: str
    birth: float = 0.0
    outgoing: float = 0.0
    copies: bool = False
    newcomer: float | None = None


@dataclass(frozen=True)
class Hyperparameter:
    """A number that a rule or a life lets its user choose: an option of ``Mind`` of the same name.

    It is finite and not negative; a whole number where its default is one. A hyperparameter that several parts share
    has the same default in each.
    """

    name: str
    default: float
    below: float | None = None
    """It must be less than this."""
    positive: bool = False
    """It must not be 0."""
    at_least: float | None = None

    def check(self, value: Any) -> None:
        """Raises: MindError, where ``value`` is none that it may have."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MindError(f"{self.name}={value!r} must be a number")
        if not math.isfinite(value) or value < 0:
            raise MindError(f"{self.name}={value!r} must be finite and not negative")
        if isinstance(self.default, int) and value != int(value):
            raise MindError(f"{self.name}={value!r} must be a whole number")
        if self.below is not None and value >= self.below:
            raise MindError(f"{self.name}={value!r} must be below {self.below:g}")
        if self.positive and value == 0:
            raise MindError(f"{self.name}={value!r} must be above 0")
        if self.at_least is not None and value < self.at_least:
            raise MindError(f"{self.name}={value!r} must be at least {self.at_least:g}")


class Part(ABC):
    """A rule or a life: one file, with everything that belongs to it.

    It is found by its name: Klopf's own in ``parts.SHIPPED``, those of other packages in the entry-point group
    ``klopf.learners``. Recipe: :class:`Rule` and :class:`Life`. ``settings`` are the learner's
    :class:`~klopf.mind.Settings`: every option of ``Mind``, by its name.
    """

    name: ClassVar[str]
    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = ()
    """What its user may choose. Kernels find the values by ``plan.places(name)``."""

    def weight_rows(self, settings: Any) -> tuple[Quantity, ...]:
        """What it keeps for each weight, beside the weight itself, with the value at birth.

        Rebirth resets every row by itself. Kernels find a row by ``plan.row(name)``.
        """
        return ()

    def check(self, settings: Any) -> None:  # noqa: B027 (few have anything to say)
        """Refuse settings that do not go together; each hyperparameter has been checked by itself.

        Raises:
            MindError: which, and what would.
        """


class Rule(Part):
    """How weights learn from a sample, once every unit's derivative is known.

    To add one, write a subclass, in a file of its own whose docstring names the paper and its equations::

        from klopf.mind.kernels.part import Hyperparameter, Quantity, Rule

        class AdaGrad(Rule):
            name = "adagrad"
            hyperparameters = (Hyperparameter("step_size", 0.01), Hyperparameter("floor", 1e-6, positive=True))

            def weight_rows(self, settings):             # what it keeps for each weight, 0 in a newborn
                return (Quantity("squares"),)

            def step(self, plan):
                from klopf.mind import inlined
                from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

                SQUARES = plan.row("squares")
                STEP_SIZE, FLOOR = plan.places("step_size", "floor")

                def step(net, work, now):
                    for layer in net.layers:
                        for i in range(layer[BIAS] + 1):           # the last is the bias, an input that is always 1
                            x = work.A[layer[INPUTS_AT] + i] if i < layer[BIAS] else net.W.dtype.type(1)
                            row = layer[WEIGHTS_AT] + i * layer[STRIDE]
                            for j in range(layer[UNITS]):
                                g = work.D[layer[SUMS_AT] + j] * x           # minus the derivative by this weight
                                net.P[SQUARES, row + j] += g * g
                                root = net.P[SQUARES, row + j] ** net.W.dtype.type(0.5)
                                net.W[row + j] += net.hyper[STEP_SIZE] * g / (root + net.hyper[FLOOR])

                return inlined(step)

    and give it a name: in this package a line in ``parts.SHIPPED``, elsewhere an entry point in your package's
    ``pyproject.toml``, called as the class's ``name`` is::

        [project.entry-points."klopf.learners"]
        adagrad = "my_package.adagrad:AdaGrad"

    ``klopf.checks.check_rule("adagrad")`` tells whether it keeps its promises; ``Mind(..., rule="adagrad")`` then
    learns by it. A rule that only scales plain gradient steps is a :class:`GradientRule`.

    A rule writes to ``net.W``, to the rows of ``net.P`` that it declares, and to ``net.rng``, from which it draws;
    with ``covariances`` also to ``net.K``, to the errors in ``net.G`` and to the room for covariances in ``work``
    (``D``, ``H``, ``scale``, ``doubt``, ``curvature``, ``moves`` and ``told[EXPECTED_ERROR]``). It writes nowhere
    else: lanes of ``net.W`` past a layer's units stay 0, and ``net.U``, ``work.A`` and the other arrays are read after
    it. It keeps nothing outside these tables and asks no clock: the same state and sample give the same state.
    """

    curvature: ClassVar[bool] = False
    """It needs ``work.C``, the diagonal of the loss's second derivative by every unit's sum."""
    follows_error: ClassVar[bool] = False
    """Its paper follows the error of a squared loss, not the loss's derivative, which is twice that."""
    moves_all: ClassVar[bool] = False
    """It moves the weights of inputs that are 0 too."""
    decays_by_itself: ClassVar[bool] = False
    """L2 is a part of its own step."""
    admits: ClassVar[bool] = False
    """It can give the weights by which others listen to a newborn smaller steps at first (``admission``)."""
    covariances: ClassVar[bool] = False
    """It keeps covariances over the inputs of a layer."""

    @abstractmethod
    def step(self, plan: Plan) -> Any:
        """Build the kernel ``step(net, work, now)``: one sample is learned.

        ``net`` and ``work`` are described in ``klopf.mind.kernels.state``. For layer ``l``, weight of input ``i`` to
        unit ``j`` is ``net.W[layers[l, WEIGHTS_AT] + i * stride + j]``, minus the loss's derivative by it is
        ``work.D[layers[l, SUMS_AT] + j] * work.A[layers[l, INPUTS_AT] + i]``. ``now`` counts samples from 1. Return a
        Python function passed through ``klopf.mind.inlined``; import that, and Numba, inside this method.
        """

    def birth_factor(self, plan: Plan) -> Any:
        """Build a kernel ``factor(net)`` by which the rate of births is multiplied now, or return None for 1. It
        writes nothing, and gives one finite number that is not negative."""
        return None


class GradientRule(Rule):
    """A rule of plain gradient steps: weights move by minus the derivative times a step-size, one for each layer.

    They learn within the backward pass, so that every weight is read and written once.
    """

    def step(self, plan: Plan) -> Any:
        """Nothing is left to do after the backward pass."""
        return None

    @abstractmethod
    def step_size(self, plan: Plan) -> Any:
        """Build the kernel ``step_size(net, work, l)``: by how much layer ``l`` moves along its derivatives. It
        writes nothing, and gives one finite number that is not negative."""


class Life(Part):
    """Who is replaced, and when.

    To add one, write a subclass with :meth:`live`, :meth:`after` or both, in a file of its own::

        from klopf.mind.kernels.part import Hyperparameter, Life

        class Unheard(Life):
            name = "unheard"
            hyperparameters = (Hyperparameter("every", 500, at_least=1), Hyperparameter("maturity", 100))

            def live(self, plan):
                from klopf.mind import inlined
                from klopf.mind.kernels.rebirth import build_rebirth
                from klopf.mind.kernels.shared import is_mature
                from klopf.mind.kernels.state import AGE, BIRTHS, INCOMING, LISTENING, UNITS, UNITS_AT

                EVERY, MATURITY = plan.places("every", "maturity")
                reborn = build_rebirth(plan)

                def live(net, work, l, mature, now):
                    if mature > 1 and now % int(net.hyper[EVERY]) == 0:
                        first, least = net.layers[l, UNITS_AT], -1
                        for j in range(net.layers[l, UNITS]):
                            if is_mature(net.U[AGE, first + j], net.hyper[MATURITY]) and (
                                least < 0 or net.U[LISTENING, first + j] < net.U[LISTENING, first + least]
                            ):
                                least = j
                        if least >= 0:
                            net.U[INCOMING, first + least] = reborn(net, l, least)
                            net.G[BIRTHS] += 1

                return inlined(live)

    and give it a name as a :class:`Rule` gets one. ``klopf.checks.check_life("unheard", every=200)`` tells whether it
    keeps its promises; ``Mind(..., life="unheard", every=200)`` then lives by it. A unit that dies is replaced by
    ``build_rebirth(plan)``, never by hand: that resets every row of every table, and gives the mean size of the
    newborn's incoming weights, which is kept with the unit.

    Nobody is replaced who is immature (``is_mature(age, maturity)`` of ``klopf.neuron``), and the backbone is
    protected: the unit that its layer hears most is not the one to replace where others are mature. Each birth adds 1
    to ``net.G[BIRTHS]``. A life of weights draws them anew one by one: ``reset_weight``, and 1 more in
    ``net.G[WEIGHTS_REBORN]`` for each. A life writes to the rows that it declares, to the rows ``UTILITY``,
    ``SILENT``, ``PATIENCE`` and ``ADMITTED`` of ``net.U``, to ``net.rng``, from which it draws, to
    ``net.G[WEIGHT_DEBT]``, and to ``work.corrected``, ``work.mature`` and ``work.pool``; weights of those whom it does
    not replace stay as they are, to the bit.
    """

    records: ClassVar[bool] = True
    """It needs the units' records (``record``)."""
    magnitudes: ClassVar[bool] = False
    """It needs each unit's mean absolute activity."""

    def unit_rows(self, settings: Any) -> tuple[Quantity, ...]:
        """What it keeps for each unit, beyond what every unit's record has; found by ``plan.unit_row(name)``."""
        return ()

    def live(self, plan: Plan) -> Any:
        """Build the kernel ``live(net, work, l, mature, now)``, called for each hidden layer after the units' records
        were written: who is replaced in layer ``l``, of which ``mature`` units may be. None if nobody ever is."""
        return None

    def after(self, plan: Plan) -> Any:
        """Build the kernel ``after(net, work, now)``, called once a sample when all else is done; None for nothing."""
        return None


def checked_part(part: type[Part], common: dict[str, Any], others: dict[str, type[Part]]) -> type[Part]:
    """``part``, if it is complete. ``common`` are the options that exist already, with their defaults; ``others`` the
    parts that do, by name.

    Raises:
        MindError: what is missing or said twice, in one line.
    """
    who = f"{part.__module__}.{part.__qualname__}"
    name = getattr(part, "name", None)
    if not (isinstance(name, str) and name and name == name.strip()):
        raise MindError(f"{who} has no name; give it one that a user can write, such as name = 'adam'")
    if name in others and others[name] is not part:
        raise MindError(f"{who} is called {name!r} as another part of learners is; give it a name of its own")
    if inspect.isabstract(part):
        raise MindError(f"{who} has no {', '.join(sorted(part.__abstractmethods__))}; a rule cannot learn without it")
    if issubclass(part, Life) and part.records and part.live is Life.live and part.after is Life.after:
        raise MindError(f"{who} has neither live nor after; a life that replaces nobody is life='none'")
    seen: set[str] = set()
    for h in part.hyperparameters:
        if not isinstance(h, Hyperparameter):
            raise MindError(f"{who} has {h!r} among its hyperparameters, which is no Hyperparameter")
        if h.name in seen or not h.name.isidentifier():
            raise MindError(f"{who} has the hyperparameter {h.name!r} twice, or it is no name for an option")
        seen.add(h.name)
        h.check(h.default)
        if h.name in common and (common[h.name] != h.default or type(common[h.name]) is not type(h.default)):
            raise MindError(
                f"{who} has {h.name}={h.default!r} where the option's default is {common[h.name]!r}; keep that, or "
                "choose another name"
            )
    return part
