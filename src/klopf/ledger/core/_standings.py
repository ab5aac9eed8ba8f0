"""Standing and utility as the shared rule gives them: the part of the registry's replay that judges."""

from __future__ import annotations

from collections.abc import Callable

from klopf import neuron
from klopf.ledger._replay import Replay
from klopf.ledger.core import _reference as ref
from klopf.ledger.core._member import Member
from klopf.ledger.core._participant import Role
from klopf.ledger.core._registry_events import Judged, StandingChanged, UtilityUpdated
from klopf.ledger.core.clock import ClockReplay
from klopf.ledger.core.rules import RulesReplay
from klopf.neuron import Standing

__all__ = ["KEEPS_SEAT", "Standings"]

KEEPS_SEAT = float("inf")  # a rival nobody can beat: the rule then answers without a seat asked for


class Standings(Replay):
    """What each has earned by the shared rule."""

    def begin(self) -> None:
        self.rules, self.clock = self.of(RulesReplay), self.of(ClockReplay)
        self.members: dict[int, Member] = {}
        self.heard: set[tuple[int, int]] = set()
        """(epoch, id) of all whose share of an epoch is in their utility."""
        self.share: Callable[[int, int], int] = lambda epoch, id: 0
        """What an id was heard in an epoch, of all listening, 18 decimals; set by whoever keeps that account."""
        self.vouched: Callable[[int], bool] = lambda id: True
        """Whether an id is found good enough to sit; set by whoever keeps that account, as is what follows."""
        self.outdoes: Callable[[int, int, int, int], bool] = lambda id, other, heard, rival: False
        """Whether an id takes the seat of another by its audits, from how much both are heard."""

    # -- standing --

    def age(self, m: Member) -> int:
        return max(0, self.clock.epoch - 1 - m.born) if m.standing is not Standing.NONE else 0

    def utility(self, m: Member) -> int:
        return ref.corrected(m.utility, m.updated, m.born, self.age(m), self.rules.now.decay)

    def earned(
        self, m: Member, heard: int = 0, rival: float | None = KEEPS_SEAT, vouched: bool = True, outdoes: bool = False
    ) -> Standing:
        """The standing that the shared rule gives."""
        rules = self.rules.now
        return neuron.next_standing(
            m.standing,
            mature=neuron.is_mature(self.age(m), rules.maturity),
            audit_passed=m.passed,
            audits_failed_in_a_row=m.failed,
            heard=heard,
            rival_heard=rival,
            margin=rules.margin_bps / 10_000,
            patience=rules.patience,
            vouched=vouched,
            outdoes=outdoes,
        )

    def on_StandingChanged(self, e: StandingChanged) -> None:
        m = self.members[e.id]
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch, e.epoch)
        self.differ(f"standing before {self.where(e)}", m.standing.name, Standing(e.before).name)
        after = Standing(e.after)
        if not self.met(e, e.id, e.after, e.rival):
            if after is Standing.BACKBONE or e.rival:
                self.knocked(e, m)
            else:  # somebody called silence
                self.differ(f"standing of {e.id} by {self.where(e)}", self.earned(m).name, after.name)
        m.standing = after
        self.changed(e.id, Standing(e.before), after)

    def changed(self, id: int, before: Standing, after: Standing) -> None:
        """``id`` has another standing than before."""

    def knocked(self, e: StandingChanged, m: Member) -> None:
        """A seat is asked for. Where it is taken, the incumbent's change comes first and names the challenger."""
        challenger, incumbent = (e.id, 0) if e.after == Standing.BACKBONE else (e.rival, e.id)
        c = self.members[challenger]
        if incumbent:
            self.expect("Registry.StandingChanged", challenger, int(Standing.BACKBONE), incumbent)
            self.differ(f"standing of {incumbent} before {self.where(e)}", "BACKBONE", m.standing.name)
            for id, x in ((challenger, c), (incumbent, m)):
                self.differ(f"epochs of {id} accounted for before {self.where(e)}", self.age(x), x.accounted)
            heard, rival = self.utility(c), self.utility(m)
            outdoes = self.outdoes(challenger, incumbent, heard, rival)
            earned = self.earned(c, heard, rival, self.vouched(challenger), outdoes)
        else:
            self.differ(f"rival of {self.where(e)}", 0, e.rival)
            taken = sum(x.standing is Standing.BACKBONE for x in self.members.values())
            self.differ(f"a free seat for {self.where(e)}", True, taken < self.rules.now.seats)
            earned = self.earned(c, self.utility(c), None, self.vouched(challenger))
        self.differ(f"standing that {challenger} earned by {self.where(e)}", "BACKBONE", earned.name)

    def expect_standing(self, id: int, after: Standing) -> None:
        """The standing of ``id`` must change in this transaction, without a seat asked for."""
        self.expect("Registry.StandingChanged", id, int(after), 0)

    def judge(self, id: int, epoch: int, passed: bool) -> None:
        """An audit of ``id`` has this outcome: what must be said of it, and of its standing."""
        m = self.members[id]
        m.passed, m.failed = passed, 0 if passed else min(255, m.failed + 1)
        self.expect("Registry.Judged", id, epoch, passed, m.failed)
        if (earned := self.earned(m)) is not m.standing:
            self.expect_standing(id, earned)
        elif passed and m.renewed and m.standing is Standing.SILENT and m.staked >= self.rules.now.neuron_stake:
            m.born = m.updated = self.clock.epoch  # it begins anew
            m.utility, m.rule_utility, m.accounted, m.renewed = 0, 0.0, 0, False
            self.expect_standing(id, Standing.FRINGE)

    def on_Judged(self, e: Judged) -> None:
        self.must(e, e.id, e.epoch, e.passed, e.failed_in_a_row)

    # -- utility --

    def counts(self, epoch: int, m: Member) -> bool:
        """Whether how ``m`` was heard in ``epoch`` counts for its utility."""
        return m.role is Role.NEURON and m.standing is not Standing.NONE and epoch > m.born

    def on_UtilityUpdated(self, e: UtilityUpdated) -> None:
        m = self.members[e.id]
        share = self.share(e.epoch, e.id)
        self.differ(f"share of {self.where(e)}", share, e.share)
        self.relearn(m, e.epoch, share / ref.WAD)
        m.utility, m.updated = ref.utility_after(m.utility, m.updated, e.epoch, share, self.rules.now.decay)
        self.differ(f"utility of {self.where(e)}", m.utility, e.utility)
        m.accounted += 1
        self.heard.add((e.epoch, e.id))

    def relearn(self, m: Member, epoch: int, share: float) -> None:
        """R1 by the shared rule; an epoch collected late is added with the decay it would have seen."""
        decay = self.rules.now.decay / ref.WAD
        if epoch > m.updated:
            for _ in range(m.updated + 1, epoch):
                m.rule_utility = neuron.updated_utility(m.rule_utility, 1.0, 0.0, decay)
            m.rule_utility = neuron.updated_utility(m.rule_utility, 1.0, share, decay)
        else:
            m.rule_utility += neuron.updated_utility(0.0, 1.0, share, decay) * decay ** (m.updated - epoch)
