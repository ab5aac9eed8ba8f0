"""What everybody in a network has: a folder, a key, a certificate, the ledger and a place in the epoch."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from klopf import ledger, wire
from klopf.errors import KlopfError, PeersError, Unanswered
from klopf.peers._clock import shared_clock
from klopf.peers._disputes import Disputes
from klopf.peers._home import ParticipantSettings, lock
from klopf.peers._kept_stake import keep_stake
from klopf.peers._ledger_thread import LedgerThread
from klopf.peers._neighbours import AGE, MOST_CARDS, Card, Neighbours
from klopf.peers._outlast import outlast
from klopf.peers._patience import Patience
from klopf.peers._seals import CROWD
from klopf.peers._shown import RENEW_DAYS, certificate_of, log, new_certificate

__all__ = ["PASSPHRASE", "Participant", "log", "outlast"]

PASSPHRASE = "KLOPF_PASSPHRASE"
"""Name of the environment variable that unlocks key files."""

FRESH = 0.2
"""Seconds for which a look at the ledger's clock is believed where answers may be sealed."""

POLL = 0.2
"""Seconds between two looks at the ledger's clock."""

SETTLING, SETTLES, IN_TURN = 5.0, 0.05, 8
"""Seconds in which whoever runs the network has settled the epoch that is over, and for each participant so much
longer; then one after the other tries, up to so many."""

AT_ONCE, CARD_SECONDS = 4, 10.0
"""Neighbours that are asked for cards at a time, and how long each is waited for."""

T = TypeVar("T")


class Participant:
    """An open folder, connected to the ledger and able to ask. Use :meth:`open` and :meth:`close`."""

    away = False
    """Opened while the ledger's node was away: it goes by ``neighbours`` alone, and sends nothing to the ledger."""

    def __init__(self, folder: Path, settings: ParticipantSettings, key: ledger.keys.Key, book: ledger.Ledger) -> None:
        self.folder = folder
        self.settings = settings
        self.key = key
        self.book = book
        self.certificate = certificate_of(folder, settings)
        self.presents: list[Callable[[wire.Certificate], None]] = []
        """Told of each new certificate: what shows it to others."""
        self.directory = wire.Members()
        self.others: dict[int, ledger.Participant] = {}
        """Everybody registered, by id, as of the last :meth:`refresh`."""
        self.id = 0
        domain = book.domain
        self.network = wire.network_id(domain.chain_id, domain.contract)
        self.dendrite = wire.Dendrite(self.certificate, key, self.network, self.directory)
        self.patience = Patience.open(folder / "patience.json")
        self.neighbours = Neighbours.open(folder / "neighbours.json", self.network)
        self._ledger_thread = LedgerThread()
        self.task = settings.task
        self.conduct = settings.conduct.make(settings.task)
        self.disputes = Disputes(book, 0, folder, log, self.conduct)
        self.looks: list[Callable[[], float | None]] = [self.disputes.look]
        """What :meth:`take_part` and :meth:`see_out` keep going: each does what is to be done now, and says in how many
        seconds it is due again; None for not in this epoch."""
        self.seal_seconds = settings.seal_seconds
        """Those of the settings, or a quarter of LISTEN if that is shorter."""
        self.thaw_seconds = 0
        """Of stake and reserves, as last read."""
        self._clock = shared_clock(str(book.rpc.where), book.deployment.directory)
        self._asked = 0
        """The last epoch in which it asks no more."""
        self._telling: asyncio.Future[list[None]] | None = None
        self.changed: set[int] = set()
        """Who has another model than when one last listened: what was learned of the former one is not its own."""
        self._announced: tuple[str, ...] = ()
        """The endpoint that it announced, and what stood in the registry before."""
        self._exchanging: asyncio.Future[list[int]] | None = None
        self._listen_seconds = (0, 0)
        """An epoch, and how long its LISTEN may last."""
        self._turned = False
        """An epoch has begun since the last look."""
        self._done: tuple[int, ledger.Phase] | None = None
        """The last phase in which it did its part, or let it pass."""
        self._late_since: float | None = None
        self._lock: int | None = None

    @classmethod
    async def open(cls, folder: Path, *, may_be_away: bool = False) -> Participant:
        """Unlock the key, connect to the ledger and find oneself in the registry. Where the ledger is away it is waited
        for or, if it ``may_be_away`` and something is known of the neighbours, gone on without.

        Raises:
            KlopfError: the folder, key, passphrase, ledger or registration is not as it should be.
        """
        settings = ParticipantSettings.read(folder)
        held = lock(folder)
        thread = LedgerThread()
        try:
            if not (folder / "key.json").exists():
                raise PeersError(f"{folder} has no key: restore key.json from a backup")
            key = ledger.keys.load(folder / "key.json", os.environ.get(PASSPHRASE, ""))
            deployment = ledger.Deployment.load(folder / settings.deployment)
            where = settings.ledger if "://" in settings.ledger else str((folder / settings.ledger).resolve())
            run = asyncio.get_running_loop().run_in_executor
            reach = partial(run, thread, partial(ledger.connect, where, key, deployment))
            try:
                book = await reach()
            except Unanswered as error:
                if may_be_away and (found := cls._without(folder, settings, key, where, deployment)):
                    log(
                        f"the ledger is away ({error}): who is asked is what was known {found.neighbours.age:.0f} s ago"
                    )
                    found._ledger_thread, found._lock = thread, held
                    return found
                book = await outlast(reach)
            self = cls(folder, settings, key, book)
            self._ledger_thread, self._lock = thread, held
            await outlast(self._find_itself)
        except BaseException:
            thread.shutdown(wait=False)
            os.close(held)
            raise
        return self

    @classmethod
    def _without(
        cls,
        folder: Path,
        settings: ParticipantSettings,
        key: ledger.keys.Key,
        where: str,
        deployment: ledger.Deployment,
    ) -> Participant | None:
        """Somebody who goes by what is known of the neighbours; None where that is too little or too old."""
        self = cls(folder, settings, key, ledger.connect(where, key, deployment, check=False))
        known = self.neighbours
        own = [one.id for one in known.members.values() if one.key == key.address]
        if not known.usable() or not own:
            self.book.close()
            return None
        self.id, self.away = own[0], True
        self.go_by_cards()
        return self

    def go_by_cards(self) -> None:
        """Reach others where their cards say."""
        known = self.neighbours.peers()
        self.directory.set(known)
        self.others = {one.id: replace(self.neighbours.members[one.id], endpoint=one.endpoint) for one in known}

    async def exchange_cards(self, ids: Sequence[int] = ()) -> list[int]:
        """Ask some of ``ids`` (by default of those whose card is missing or old) for the cards that they know; the
        epochs that they say run."""
        known, epochs, new = self.neighbours.cards, list[int](), list[int]()
        late = [k for k in self.speakers() if k not in known or known[k].issued < time.time() - AGE / 4]
        asked = list(ids) or random.SystemRandom().sample(late, min(AT_ONCE, len(late)))

        async def ask(k: int) -> None:
            with contextlib.suppress(KlopfError, KeyError, TypeError, ValueError):
                said = (await self.dendrite.ask(k, "cards", timeout=CARD_SECONDS)).payload
                new.extend(self.neighbours.take([Card.from_json(one) for one in list(said["cards"])[:MOST_CARDS]]))
                epochs.append(int(said["epoch"]))

        await asyncio.gather(*(ask(k) for k in asked))
        if new:
            self.neighbours.save()
        return epochs

    @property
    def last_epoch(self) -> int:
        """The one that runs as far as it has heard, without a look at the ledger."""
        return max([now.epoch for now in (self._clock.now, self.neighbours.now) if now is not None], default=0)

    def own_card(self) -> Card:
        """What it says of itself, as of now."""
        card = Card(self.id, self.me.endpoint, self.certificate.der, int(time.time()))
        return card.signed(self.network, self.key)

    async def _find_itself(self) -> None:
        self.id = await self.on_ledger(self.book.registry.id_of, self.key.address)
        if self.id == 0:
            raise PeersError(
                f"{self.settings.name} ({self.key.address}) is not in the registry: `klopf join` registers it, and "
                "`klopf run` all of a run's"
            )
        self.disputes.id = self.id
        await self.refresh()
        if self.settings.role != "neuron":  # which says so with its endpoint
            await self.announce(self.me.endpoint)

    async def close(self) -> None:
        for going in [one for one in (self._telling, self._exchanging) if one is not None]:
            going.cancel()
            await asyncio.wait([going])
        await self.dendrite.close()
        await asyncio.get_running_loop().run_in_executor(self._ledger_thread, self.book.close)
        self._ledger_thread.shutdown()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def on_ledger(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a ledger call in the one thread that may touch the ledger, so that the axon goes on answering."""
        return await self._ledger_thread.do(call, *arguments)

    async def refresh(self) -> dict[int, ledger.Participant]:
        """Read the registry anew and let the wire know who is in it."""
        everybody = await self.on_ledger(self.book.everybody)
        self.others = {p.id: p for p in everybody}
        self.neighbours.members = self.others | self.neighbours.members  # newcomers at once
        mine = self.others.get(self.id)
        if mine and self._announced and mine.endpoint not in self._announced:
            raise PeersError(
                f"{self.settings.name} answers at {mine.endpoint} now: another copy of {self.folder} was started "
                "with the same key. This one ends; remove one of the two"
            )
        self.directory.set(wire.Peer(p.id, p.key, p.endpoint, p.fingerprint, p.certificate) for p in everybody)
        return self.others

    def _note_changes(self) -> None:
        before = self.neighbours.members
        new = {k for k, one in self.others.items() if k in before and before[k].model != one.model and k != self.id}
        if new:
            log(f"{sorted(new)} have another model: what was learned about the former one is forgotten")
        self.changed |= new

    @property
    def me(self) -> ledger.Participant:
        return self.others[self.id]

    def speakers(self) -> list[int]:
        """Ids of the neurons that may be asked: admitted, not silent, with an endpoint, and not oneself."""
        return [
            p.id
            for p in self.others.values()
            if p.role is ledger.Role.NEURON
            and p.standing in (ledger.Standing.FRINGE, ledger.Standing.BACKBONE)
            and p.endpoint
            and p.id != self.id
        ]

    def living(self) -> set[int]:
        """Ids of everybody who has not fallen silent."""
        return {p.id for p in self.others.values() if p.standing is not ledger.Standing.SILENT}

    def askers(self) -> set[int]:
        """Ids of the living who ask in every epoch, without oneself: neurons with a standing and auditors. Requesters
        come and go."""
        return {k for k in self.living() - {self.id} if self._asks_always(k)}

    def crowded(self) -> bool:
        """Whether so many ask that nobody tells the others when it has asked."""
        return len(self.askers()) > CROWD

    def _asks_always(self, k: int) -> bool:
        if (one := self.others.get(k)) is None:
            return False
        asks = one.role is ledger.Role.NEURON and one.standing not in (ledger.Standing.NONE, ledger.Standing.SILENT)
        return asks or (one.role is ledger.Role.AUDITOR and one.standing is not ledger.Standing.SILENT)

    async def announce(self, endpoint: str) -> None:
        """See to it that the registry names this endpoint and this certificate."""
        if self.me.endpoint != endpoint or self.me.fingerprint != self.certificate.fingerprint:
            await self.on_ledger(self.book.registry.move, self.id, endpoint, self.certificate.der)
            before, self._announced = self.me.endpoint, ()
            await self.refresh()
            self._announced = (endpoint, before, "")

    async def renew(self) -> None:
        """Have another certificate in time before this one expires: on the disk first, then in the registry. Between
        two epochs nobody misses the old one, for all read the registry as each begins."""
        if self.certificate.days_left <= RENEW_DAYS:
            self.certificate = new_certificate(self.folder, self.settings)
        elif self.certificate.fingerprint == self.me.fingerprint:
            return
        await self.announce(self.me.endpoint)
        for present in (self.dendrite.present, *self.presents):
            present(self.certificate)
        log(f"a new certificate is shown from now on: {self.certificate.fingerprint.hex()[:16]}")

    async def take_part(self, listen: Callable[[int], Any], claim: Callable[[int], Any]) -> None:
        """Live through the epochs: await ``listen(epoch)`` and ``claim(epoch)`` once in each phase.

        Both must end with a transaction that counts as arriving, or with :meth:`arrive`. A phase that was missed is
        gone; whoever comes back takes part from the running phase on. Returns after the last epoch.
        """
        watching = asyncio.create_task(self._keep_watch())
        try:
            await self._live(listen, claim, watching)
        finally:
            watching.cancel()

    async def _live(
        self, listen: Callable[[int], Any], claim: Callable[[int], Any], watching: asyncio.Task[None]
    ) -> None:
        while await outlast(lambda: self._step(listen, claim)):
            if watching.done():
                watching.result()
            await asyncio.sleep(POLL)

    async def _step(self, listen: Callable[[int], Any], claim: Callable[[int], Any]) -> bool:
        """Do what is to be done now. Where the ledger is away meanwhile it is done again, from the start: in whatever
        phase it is then. False after the last epoch."""
        now = await self._time(FRESH / 2)
        turn = (now.epoch, now.phase)
        if now.epoch > self.settings.epochs:
            return False
        if turn != self._done:
            if await self.on_ledger(self.book.clock.turn) != turn:
                return True  # the block that begins it, and what came before it, is on its way
            turned = self._done is None or self._done[0] != now.epoch
            self._turned = self._turned or turned  # which whoever keeps watch takes back, maybe while this one waits
            if now.epoch > 1 and now.phase is ledger.Phase.LISTEN:
                await self.see_settled(now.epoch - 1)
            else:
                await self.refresh()
            if turned:
                self._note_changes()
                self.neighbours.learn(self.others.values(), now)
            leaving = now.epoch >= self.settings.epochs
            await self.attempt("the beacon's part", self.book.beacon.take_part, self.id, leaving)
            if not leaving:
                await self.attempt("keeping its stake", keep_stake, self.book, self.me, self.settings, self.folder)
            if now.epoch == 0:
                await self.arrive()
            elif now.phase is ledger.Phase.LISTEN:
                rules = await self.on_ledger(self.book.rules.current)
                self.thaw_seconds = rules.thaw_seconds
                self.seal_seconds = min(self.settings.seal_seconds, rules.listen_seconds / 4)
                await asyncio.sleep(FRESH)  # whoever seals knows by then that this phase has begun
                await listen(now.epoch)
                self._exchanging = asyncio.ensure_future(self.exchange_cards())
            else:
                await claim(now.epoch)
                await self.renew()
            self._done, self._late_since = turn, None
        elif now.epoch > 0 and (now.arrived >= now.expected or now.time >= now.deadline):
            # Whoever runs the network advances the clock; if nobody does, each tries, one after the other.
            self._late_since = self._late_since or time.monotonic()
            if time.monotonic() - self._late_since > 3.0 + 0.5 * (self.id % 64):
                await self.on_ledger(self.book.clock.advance)
        return True

    async def _keep_watch(self) -> None:
        """Look after one's disputes and doubts: once in every epoch, and in between while any window is open."""
        wait: float | None = None
        while True:
            await asyncio.sleep(max(POLL, wait or 0.0))
            if self._turned or wait is not None:
                self._turned = False
                wait = await self._look()

    async def _look(self) -> float | None:
        waits = []
        for look in self.looks:
            try:
                waits.append(await self.on_ledger(look))
            except KlopfError as error:
                log(f"looking after what is open: {error}")
                waits.append(2.0)
        return min((wait for wait in waits if wait is not None), default=None)

    async def now(self, fresh: float = FRESH) -> ledger.Now:
        """The ledger's clock; what was read of it is believed for ``fresh`` seconds and, while the ledger is away, as
        long as what is known of the neighbours."""
        if self.away and self.neighbours.now is not None:
            return self.neighbours.now
        last = self._clock.now
        try:
            return await self._time(fresh)
        except Unanswered:
            if last is None or not self.neighbours.usable():
                raise
            return last

    async def _time(self, fresh: float) -> ledger.Now:
        """The ledger's clock, as somebody in this process read it at most ``fresh`` seconds ago."""
        seen = self._clock.within(fresh)
        return seen if seen is not None else await self.on_ledger(self._clock.look, self.book.clock, fresh)

    async def runs(self, epoch: int) -> bool:
        """Whether ``epoch`` is the running one. An asker may see it begin sooner than one does oneself."""
        return (await self.now()).epoch == epoch or (await self.now(FRESH / 4)).epoch == epoch

    async def missed(self, epoch: int) -> bool:
        """Whether ``epoch`` is over: what is sent to the ledger now would be taken for the next one's."""
        over = not await self.runs(epoch)
        if over:
            log(f"epoch {epoch} was over before this was done: it is let pass")
        return over

    async def listening_begins(self) -> bool:
        """Whether neurons and auditors ask just now: the first minute of LISTEN, or its first half if that is
        shorter; as long as LISTEN was when last read, where the ledger is away."""
        now = await self.now()
        if now.phase is not ledger.Phase.LISTEN or not now.epoch:
            return False
        if self._listen_seconds[0] != now.epoch:
            with contextlib.suppress(Unanswered):
                self._listen_seconds = (now.epoch, (await self.on_ledger(self.book.rules.current)).listen_seconds)
        length = self._listen_seconds[1] or now.deadline - now.time
        return now.time - (now.deadline - length) <= min(60.0, length / 2)

    async def asks_no_more(self, epoch: int) -> None:
        """Tell all neurons that one has the seals of all whom one asks in ``epoch``, so that they open theirs: once,
        without waiting for anybody. Where many live nobody is told: seals wait their time. Requesters tell nobody: no
        seal waits for them."""
        if self.has_asked(epoch):
            return
        self._asked = epoch
        if self._asks_always(self.id) and not self.crowded():
            self._telling = asyncio.gather(*(self._tell(k, epoch) for k in self.speakers()))

    async def _tell(self, k: int, epoch: int) -> None:
        try:
            await self.dendrite.ask(k, "asked", payload=epoch, timeout=self.seal_seconds)
        except KlopfError as error:
            log(f"{k} was not told that nothing more is asked: {error}")

    def has_asked(self, epoch: int) -> bool:
        """Whether :meth:`asks_no_more` in ``epoch``."""
        return self._asked >= epoch

    async def see_out(self) -> None:
        """Stay until the dispute windows are over and everybody has his pay; return at once where there are none."""
        while (wait := await self._look()) is not None:
            await asyncio.sleep(max(POLL, wait))

    async def see_settled(self, epoch: int) -> None:
        """Wait a while for somebody to settle ``epoch``, which is over, for everybody; else do it, one after the other,
        and all before a quarter of LISTEN is over: who waited longer would listen to nobody.

        So everybody begins an epoch with the same view of who is heard and who has fallen silent.
        """
        if epoch < 1:
            return
        everybody = sorted(self.living() | {self.id})
        place = (everybody.index(self.id) + epoch) % len(everybody)
        seconds = (SETTLING + SETTLES * len(everybody)) * (1 + min(place, IN_TURN) / 2)
        most = (await self.on_ledger(self.book.rules.current)).listen_seconds / 4
        wait, until = POLL, time.monotonic() + min(seconds, most)
        while time.monotonic() < until:
            if (await self.on_ledger(self.book.settlement.column, epoch, self.id)).weighed:
                await self.refresh()
                return
            await asyncio.sleep(wait)
            wait = min(1.5 * wait, 2.0)
        await self.attempt("settling", self.book.settle, epoch)
        await self.refresh()

    async def leave_beacon(self) -> None:
        """Stay bound to the beacon no longer: show the value of the running epoch, which is still owed."""
        while (await self.on_ledger(self.book.beacon.chain, self.id)).since:
            if (await self.on_ledger(self.book.clock.now)).epoch > self.settings.epochs:
                return
            await self.attempt("leaving the beacon", self.book.beacon.take_part, self.id, True)
            await asyncio.sleep(POLL)

    async def arrive(self) -> None:
        """Be counted as done with this phase, if it is not over yet."""
        await self.attempt("arriving", self.book.clock.arrive, self.id)

    async def attempt(self, what: str, call: Callable[..., T], *arguments: Any) -> T | None:
        """A ledger call that may be refused because its moment has passed: note it and go on.

        Raises:
            Unanswered: the ledger is away; :func:`outlast` outlives that.
        """
        try:
            return await self.on_ledger(call, *arguments)
        except Unanswered:
            raise
        except KlopfError as error:
            log(f"{what} refused: {error}")
            return None
