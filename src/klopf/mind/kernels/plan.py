"""What a kernel is compiled for. Two learners with equal plans share compiled code.

Which rules are on is fixed when a kernel is compiled, so a network pays only for what it uses; sizes are not, so a
network may grow without compiling anything again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from klopf.errors import MindError

__all__ = [
    "ADAPTABLE",
    "ADAPTATION",
    "CONTRIBUTION",
    "CROSS_ENTROPY",
    "LOGISTIC",
    "SQUARED",
    "WEIGHT",
    "ZERO_CONTRIBUTION",
    "Plan",
]

SQUARED, CROSS_ENTROPY, LOGISTIC = range(3)
CONTRIBUTION, ZERO_CONTRIBUTION, ADAPTABLE, WEIGHT, ADAPTATION = range(5)


@dataclass(frozen=True)
class Plan:
    """The choices that are compiled in. Kernels ask it for places in the tables, by name."""

    activation: int
    loss: int
    rule: str
    life: str
    utility: int
    small: bool
    """Every row of weights fills one vector register."""
    track: bool
    """Keep the unit statistics although no rule needs them."""
    decay: bool
    """L2, L2-Init or perturbation is on."""
    layer_norm: bool
    normalise_inputs: bool
    scale_targets: bool
    """Targets are numbers, learned in deviations from their mean."""
    local: bool
    """Protection, quiet units' bias or the fringe's rule is on."""
    grows: bool
    admits: bool
    """Listeners give newborn units smaller steps at first."""
    plain: bool
    """The rule learns within the backward pass."""
    curvature: bool
    follows_error: bool
    moves_all: bool
    """The rule, or decay, moves the weights of silent inputs too."""
    decays_by_itself: bool
    covariances: bool
    records: bool
    """The life needs the units' records."""
    magnitudes: bool
    weights: tuple[str, ...]
    """Rows of the weight table."""
    units: tuple[str, ...]
    """Rows of the unit table."""
    hyper: tuple[str, ...]
    """Hyperparameters, in their order."""

    @property
    def fold(self) -> int:
        """Inputs through which one unit speaks: two with a concatenated ReLU."""
        return 2 if self.activation == 5 else 1

    @property
    def constant_stride(self) -> int:
        """A row's length where it is known: it lets the compiler unroll rows that fill one register. Else 0."""
        return 8 if self.small else 0

    @property
    def records_all(self) -> bool:
        """Every column of the units' records is kept."""
        return self.track or self.local

    @property
    def tracks(self) -> bool:
        """The units' records are kept."""
        return self.records_all or self.records

    @property
    def keeps_sums(self) -> bool:
        """How much a unit is listened to changes only when its row learns, and is summed up there."""
        return self.plain and self.fold == 1 and not self.decay

    @property
    def counts_classes(self) -> bool:
        """How often each class comes is kept, in the table of targets."""
        return self.covariances and self.loss != SQUARED

    @property
    def needs_incoming(self) -> bool:
        """The utility divides by the mean incoming weight."""
        return self.utility in (ADAPTABLE, ADAPTATION)

    @property
    def centred(self) -> bool:
        """The utility counts activity from its mean."""
        return self.utility in (ZERO_CONTRIBUTION, ADAPTABLE)

    def for_prediction(self) -> Plan:
        """What matters where nothing is learned, so that learners that predict alike share compiled code."""
        return replace(
            self, rule="", life="", utility=0, small=False, track=False, decay=False, local=False, grows=False,
            admits=False, plain=False, curvature=False, follows_error=False, moves_all=False,
            decays_by_itself=False, covariances=False, records=False, magnitudes=False, weights=(), units=(),
        )  # fmt: skip

    def row(self, name: str, missing: int | None = None) -> int:
        """Row of the weight table called ``name``; ``missing`` where it is not kept.

        Raises:
            MindError: it is not kept, and nothing was said for that case.
        """
        return _place(
            self.weights, name, missing, f"rule {self.rule!r} or life {self.life!r}", "row of the weight table"
        )

    def unit_row(self, name: str, missing: int | None = None) -> int:
        """The same of the unit table."""
        return _place(self.units, name, missing, f"life {self.life!r}", "row of the unit table")

    def places(self, *names: str) -> tuple[int, ...]:
        """Where these hyperparameters stand."""
        return tuple(_place(self.hyper, name, None, f"rule {self.rule!r} or life {self.life!r}", "hyperparameter")
                     for name in names)  # fmt: skip


def _place(names: tuple[str, ...], name: str, missing: int | None, who: str, what: str) -> int:
    if name in names:
        return names.index(name)
    if missing is not None:
        return missing
    raise MindError(f"a kernel of {who} asks for the {what} {name!r}, which it does not declare")
