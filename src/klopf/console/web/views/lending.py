"""Markets in which tokens are lent against others, and who has and owes what there."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.cli.coins import shown
from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import events
from klopf.ledger.finance import MarketTerms
from klopf.ledger.finance._lending import ONE, MarketModel

__all__ = ["Markets", "Positions"]

MOST = 2_000
"""Markets, and positions, that are followed; of more, the first are."""
STATES = ("locked", "lends", "owes", "margin called")
_TERMS = 7


class _Lending(View):
    """What both tables follow: every market by the model of its arithmetic, as it was left by its last event."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.markets: dict[bytes, tuple[int, MarketModel]] = {}
        """Each with its number, in the order in which they were opened."""
        self.locked: dict[bytes, int] = {}
        self.changed: set[bytes] = set()

    def take(self, event: events.Event) -> None:
        e = events.loans
        if isinstance(event, e.Opened):
            if len(event.terms) == _TERMS and len(self.markets) < MOST:
                self.markets[event.id] = (len(self.markets) + 1, MarketModel(event.market))
                self.locked[event.id] = 0
                self.changed.add(event.id)
            return
        if not isinstance(event, _OF_A_MARKET) or event.id not in self.markets:
            return
        self.changed.add(event.id)
        market = self.markets[event.id][1]
        if isinstance(event, e.Accrued):
            market.lent, market.supplied = market.lent + event.interest, market.supplied + event.interest
        elif isinstance(event, e.Supplied):
            market.supply(event.assets)
        elif isinstance(event, e.Withdrawn):
            market.withdraw(event.shares)
        elif isinstance(event, e.Borrowed):
            market.borrow(event.assets)
        elif isinstance(event, e.Repaid):
            market.repay(event.shares)
        elif isinstance(event, e.Locked | e.Freed):
            self.locked[event.id] += event.amount if isinstance(event, e.Locked) else -event.amount
        elif isinstance(event, e.Liquidated):
            market.repay(event.shares)
            self.locked[event.id] -= event.seized
            if event.lost_shares:
                market.lose(event.lost_shares)

    def amount(self, amount: int, token: str) -> str:
        """As people write it."""
        return shown(max(0, amount), self.network.coin(token)[1])


_OF_A_MARKET = (
    events.loans.Accrued, events.loans.Supplied, events.loans.Withdrawn, events.loans.Borrowed, events.loans.Repaid,
    events.loans.Locked, events.loans.Freed, events.loans.Liquidated, events.loans.Called, events.loans.CallCleared,
)  # fmt: skip


class Markets(_Lending):
    title = "Lending"
    lead = "Tokens that are lent against others: how much, for what, and what a year costs; as each was left last."
    columns = (
        Column("market", "number"), Column("lends"), Column("supplied", "amount"), Column("lent", "amount"),
        Column("a year costs", "share"), Column("against"), Column("locked", "amount"), Column("limit", "share"),
        Column("to do", "act"),
    )  # fmt: skip

    def news(self) -> Mapping[str, Row | None]:
        found: dict[str, Row | None] = {}
        for id in self.changed:
            number, market = self.markets[id]
            terms: MarketTerms = market.terms
            found[str(number)] = [
                number, self.network.coin(terms.loan)[0], self.amount(market.supplied, terms.loan),
                self.amount(market.lent, terms.loan), market.yearly / ONE, self.network.coin(terms.collateral)[0],
                self.amount(self.locked[id], terms.collateral), terms.limit / ONE, f"supply?market={number}",
            ]  # fmt: skip
        self.changed.clear()
        return found


class Positions(_Lending):
    title = "Loans"
    lead = "What each has supplied, owes and has locked in each market; whose margin is called may lose what is locked."
    columns = (
        Column("market", "number"), Column("owner"), Column("supplied", "amount"), Column("owes", "amount"),
        Column("locked", "amount"), Column("state"), Column("to do", "act"),
    )  # fmt: skip

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.held: dict[tuple[bytes, str], list[int]] = {}
        """Shares of supply and of debt, what is locked, and whether the margin is called."""
        self.over: set[str] = set()
        """Rows of positions that have come to nothing."""

    def take(self, event: events.Event) -> None:
        super().take(event)
        e = events.loans
        if not isinstance(event, _OF_A_MARKET) or isinstance(event, e.Accrued) or event.id not in self.markets:
            return
        key = (event.id, event.owner)
        if key not in self.held and len(self.held) >= MOST:
            return
        held = self.held.setdefault(key, [0, 0, 0, 0])
        if isinstance(event, e.Supplied | e.Withdrawn):
            held[0] += event.shares if isinstance(event, e.Supplied) else -event.shares
        elif isinstance(event, e.Borrowed | e.Repaid):
            held[1] += event.shares if isinstance(event, e.Borrowed) else -event.shares
        elif isinstance(event, e.Locked | e.Freed):
            held[2] += event.amount if isinstance(event, e.Locked) else -event.amount
        elif isinstance(event, e.Called | e.CallCleared):
            held[3] = int(isinstance(event, e.Called))
        else:
            held[1] -= event.shares + event.lost_shares
            held[2] -= event.seized
        if not any(held[:3]):
            del self.held[key]
            self.over.add(self._key(key))

    def _key(self, key: tuple[bytes, str]) -> str:
        return f"{self.markets[key[0]][0]} {key[1]}"

    def news(self) -> Mapping[str, Row | None]:
        found: dict[str, Row | None] = dict.fromkeys(self.over)
        for key, (supply, debt, locked, called) in self.held.items():
            if key[0] not in self.changed:
                continue
            number, market = self.markets[key[0]]
            terms = market.terms
            state = STATES[3 if called and debt else 2 if debt else 1 if supply else 0]
            found[self._key(key)] = [
                number, key[1], self.amount(market.assets_of(supply), terms.loan),
                self.amount(market.debt_of(debt), terms.loan), self.amount(locked, terms.collateral), state,
                f"repay?market={number}" if debt else "",
            ]  # fmt: skip
        self.changed.clear()
        self.over.clear()
        return found
