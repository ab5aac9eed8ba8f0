"""A small network with finance: a venture, a pool, a loan, offers, rewards, and a token with a hostile name."""

from __future__ import annotations

from pathlib import Path

from klopf import ledger
from klopf.console.web._acting import Desk
from klopf.ledger import KLP
from klopf.ledger._abi import read_artifact
from klopf.ledger._deployment import USUAL
from klopf.ledger.core.token import Reserve
from klopf.ledger.finance import Kind, MarketTerms, Thing, VentureTerms
from klopf.ledger.keys import checksum
from tests.console.web.network import Small

DAY = 24 * 3600
ODD = read_artifact(Path(__file__).parents[2] / "ledger" / "finance" / "odd" / "Odd.json")
SYMBOL = '"><'


class Wealthy(Small):
    """anna asks for money, fills the pool and lends; bert brings money, locks odd tokens, and owes KLP."""

    dev = True
    packs = (*USUAL, "finance")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.anna, self.bert = self.own["anna"], self.own["bert"]
        for one in (self.anna, self.bert):
            self.book.fund(one.me.address, tokens=100_000 * KLP)
        self.odd = self._odd()
        token = self.book.token.address
        self.pool = self.book.exchange.open(token, self.odd)
        self.anna.exchange.add(self.pool, (10_000 * KLP, 10_000 * KLP))
        self.bert.exchange.swap(self.pool, token, 100 * KLP)
        for _ in range(3):
            self.pass_time(1800)
            self.book.exchange.mark(self.pool)
        self.terms = MarketTerms(token, self.odd, self.book.exchange.address)
        self.book.loans.open(self.terms)
        self.anna.loans.supply(self.terms, 2_000 * KLP)
        self.bert.loans.lock(self.terms, 1_000 * KLP)
        self.bert.loans.borrow(self.terms, 500 * KLP)
        self.pass_time(DAY)
        self.bert.loans.repay(self.terms, self.bert.loans.position(self.terms, self.bert.me.address).debt_shares // 5)
        now = self.book.clock.now().time
        asked = VentureTerms(1000 * KLP, now + 7 * DAY, now + 67 * DAY, self.operator.address, 2500, bytes(32))
        self.venture = self.anna.ventures.open(asked, (600 * KLP, 400 * KLP))
        self.bert.ventures.fund(self.venture, 250 * KLP)
        for number, rising in enumerate((False, True), 1):
            self.anna.devices.mint(ledger.keys.new(), 4, 1, 8_192, bytes(32))
            self.anna.trades.offer(Thing(Kind.DEVICE, number), 90 * KLP, now + 7 * DAY, rising=rising)
        self.book.reserves.set_rate(Reserve.LIQUIDITY, 1000 * KLP)
        self.book.liquidity.set_weight(self.pool, 1)
        self.anna.liquidity.stake(self.pool, 10**18)
        self.bert.circulation.pay(self.anna.me.address, 300 * KLP)
        self.pass_time(DAY)
        self.anna.liquidity.count(self.pool)
        self.play()

    def _odd(self) -> str:
        """The address of a token that calls itself markup; everybody has some."""
        old, new = ((int.from_bytes(name.encode()) >> 2).to_bytes(3) for name in ("ODD", SYMBOL))  # as solc writes it
        named = ODD.creation(()).replace(old, new)
        address = checksum(self.book.rpc.send(self.operator, None, named)["contractAddress"])
        for one in (self.anna, self.bert):
            self.book.send(address, ODD.functions["mint"].call_data((one.me.address, 10**6 * KLP)))
        return address

    def pass_time(self, seconds: int) -> None:
        self.book.rpc.request("evm_increaseTime", hex(seconds))
        self.book.rpc.request("evm_mine")

    def desk(self, name: str = "bert") -> Desk:
        return Desk(self.source, self.keys[name])
