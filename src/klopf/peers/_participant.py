"""What everybody in a network has: a folder, a key, a certificate, the ledger and a place in the epoch."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from klopf import files, ledger, wire
from klopf.errors import BadCertificate, KlopfError, PeersError, Unanswered
from klopf.peers._disputes import Disputes
from klopf.peers._home import ParticipantSettings, lock
from klopf.peers._patience import Patience
from klopf.peers._seals import CROWD

__all__ = ["PASSPHRASE", "TROUBLE", "Participant", "log", "outlast", "read_data", "trouble"]

PASSPHRASE = "KLOPF_PASSPHRASE"
"""Name of the environment variable that unlocks key files."""

FRESH = 0.2
"""Seconds for which a look at the ledger's clock is believed where answers may be sealed."""

POLL = 0.2
"""Seconds between two looks at the ledger's clock."""

CERTIFICATE_DAYS, RENEW_DAYS = 90, 30
"""For how long a certificate is made, and how long before its end another is."""

LONGEST_WAIT = 15.0
"""Seconds between two tries while the ledger's node is away, at most."""

T = TypeVar("T")


class Participant:
    """An open folder, connected to the ledger and able to ask. Use :meth:`open` and :meth:`close`."""

    def __init__(self, folder: Path, settings: ParticipantSettings, key: ledger.keys.Key, book: ledger.Ledger) -> None:
        self.folder = folder
        self.settings = settings
        self.key = key
        self.book = book
        self.certificate = _certificate(folder, settings)
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
        self._ledger_thread = ThreadPoolExecutor(1, "ledger")
        self.task = settings.task
        self.conduct = settings.conduct.make(settings.task)
        self.disputes = Disputes(book, 0, folder, log, self.conduct)
        self.looks: list[Callable[[], float | None]] = [self.disputes.look]
        """What :meth:`take_part` and :meth:`see_out` keep going: each does what is to be done now, and says in how many
        seconds it is due again; None for not in this epoch."""
        self.seal_seconds = settings.seal_seconds
        """Those of the settings, or a quarter of LISTEN if that is shorter."""
        self._clock_read: tuple[float, ledger.Now | None] = (0.0, None)
        self._asked = 0
        """The last epoch in which it asks no more."""
        self._telling: asyncio.Future[list[None]] | None = None
        self._listen_seconds = (0, 0)
        """An epoch, and how long its LISTEN may last."""
        self._turned = False
        """An epoch has begun since the last look."""
        self._done: tuple[int, ledger.Phase] | None = None
        """The last phase in which it did its part, or let it pass."""
        self._late_since: float | None = None
        self._lock: int | None = None

    @classmethod
    async def open(cls, folder: Path) -> Participant:
        """Unlock the key, connect to the ledger and find oneself in the registry.

        Raises:
            KlopfError: the folder, key, passphrase, ledger or registration is not as it should be.
        """
        settings = ParticipantSettings.read(folder)
        held = lock(folder)
        thread = ThreadPoolExecutor(1, "ledger")
        try:
            if not (folder / "key.json").exists():
                raise PeersError(f"{folder} has no key: restore key.json from a backup")
            key = ledger.keys.load(folder / "key.json", os.environ.get(PASSPHRASE, ""))
            deployment = ledger.Deployment.load(folder / settings.deployment)
            where = settings.ledger if "://" in settings.ledger else str((folder / settings.ledger).resolve())
            run = asyncio.get_running_loop().run_in_executor
            book = await outlast(lambda: run(thread, lambda: ledger.connect(where, key, deployment)))
            self = cls(folder, settings, key, book)
            self._ledger_thread, self._lock = thread, held
            await outlast(self._find_itself)
        except BaseException:
            thread.shutdown(wait=False)
            os.close(held)
            raise
        return self

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
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await self.dendrite.close()
        await self.on_ledger(self.book.close)
        self._ledger_thread.shutdown()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def on_ledger(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a ledger call in the one thread that may touch the ledger, so that the axon goes on answering."""
        return await asyncio.get_running_loop().run_in_executor(self._ledger_thread, lambda: call(*arguments))

    async def refresh(self) -> dict[int, ledger.Participant]:
        """Read the registry anew and let the wire know who is in it."""
        everybody = await self.on_ledger(self.book.registry.all)
        self.others = {p.id: p for p in everybody}
        self.directory.set(wire.Peer(p.id, p.key, p.endpoint, p.fingerprint, p.certificate) for p in everybody)
        return self.others

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

    def _asks_always(self, k: int) -> bool:
        if (one := self.others.get(k)) is None:
            return False
        asks = one.role is ledger.Role.NEURON and one.standing not in (ledger.Standing.NONE, ledger.Standing.SILENT)
        return asks or (one.role is ledger.Role.AUDITOR and one.standing is not ledger.Standing.SILENT)

    async def announce(self, endpoint: str) -> None:
        """See to it that the registry names this endpoint and this certificate."""
        if self.me.endpoint != endpoint or self.me.fingerprint != self.certificate.fingerprint:
            await self.on_ledger(self.book.registry.move, self.id, endpoint, self.certificate.der)
            await self.refresh()

    async def renew(self) -> None:
        """Have another certificate in time before this one expires: on the disk first, then in the registry. Between
        two epochs nobody misses the old one, for all read the registry as each begins."""
        if self.certificate.days_left <= RENEW_DAYS:
            self.certificate = _new_certificate(self.folder, self.settings)
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
        now = await self.on_ledger(self.book.clock.now)
        turn = (now.epoch, now.phase)
        if now.epoch > self.settings.epochs:
            return False
        if turn != self._done:
            if await self.on_ledger(self.book.clock.turn) != turn:
                return True  # the block that begins it, and what came before it, is on its way
            self._turned = self._turned or self._done is None or self._done[0] != now.epoch
            await self.refresh()
            leaving = now.epoch >= self.settings.epochs
            await self.attempt("the beacon's part", self.book.beacon.take_part, self.id, leaving)
            if now.epoch == 0:
                await self.arrive()
            elif now.phase is ledger.Phase.LISTEN:
                await self.see_settled(now.epoch - 1)
                rules = await self.on_ledger(self.book.rules.current)
                self.seal_seconds = min(self.settings.seal_seconds, rules.listen_seconds / 4)
                if self.seal_seconds:
                    await asyncio.sleep(FRESH)  # whoever seals knows by then that this phase has begun
                await listen(now.epoch)
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
        """The ledger's clock; what was read of it is believed for ``fresh`` seconds."""
        read, now = self._clock_read
        if now is None or time.monotonic() > read + fresh:
            now = await self.on_ledger(self.book.clock.now)
            self._clock_read = (time.monotonic(), now)
        return now

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
        shorter."""
        now = await self.now()
        if now.phase is not ledger.Phase.LISTEN or not now.epoch:
            return False
        if self._listen_seconds[0] != now.epoch:
            self._listen_seconds = (now.epoch, (await self.on_ledger(self.book.rules.current)).listen_seconds)
        length = self._listen_seconds[1]
        return now.time - (now.deadline - length) <= min(60.0, length / 2)

    async def asks_no_more(self, epoch: int) -> None:
        """Tell all neurons that one has the seals of all whom one asks in ``epoch``, so that they open theirs: once,
        without waiting for anybody. Where many live nobody is told: seals wait their time. Requesters tell nobody: no
        seal waits for them."""
        if self.has_asked(epoch) or not self.seal_seconds:
            return
        self._asked = epoch
        if self._asks_always(self.id) and len(self.askers()) <= CROWD:
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
        """Wait a while for somebody to settle ``epoch``, which is over, for everybody; else do it.

        So everybody begins an epoch with the same view of who is heard and who has fallen silent.
        """
        if epoch < 1:
            return
        for _ in range(25):
            if (await self.on_ledger(self.book.settlement.column, epoch, self.id)).weighed:
                await self.refresh()
                return
            await asyncio.sleep(POLL)
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


async def outlast(act: Callable[[], Awaitable[T]]) -> T:
    """Do ``act``; where the ledger is away meanwhile, once more from the start, until it is back."""
    wait = 0.5
    while True:
        try:
            return await act()
        except Unanswered as error:
            log(f"waiting for the ledger: {error}")
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)


def _certificate(folder: Path, settings: ParticipantSettings) -> wire.Certificate:
    """The one in ``folder``; where it is lost, damaged or about to expire, another, which is announced."""
    try:
        found = wire.Certificate.load(folder)
        if found.days_left > RENEW_DAYS:
            return found
        log("the certificate is about to expire: another is made")
    except BadCertificate as error:
        log(f"another certificate is made: {error}")
    return _new_certificate(folder, settings)


def _new_certificate(folder: Path, settings: ParticipantSettings) -> wire.Certificate:
    made = wire.Certificate.new(settings.name, *filter(None, (settings.host,)), days=CERTIFICATE_DAYS)
    made.save(folder)
    return made


def log(line: str) -> None:
    """One line into the log; never anything secret."""
    print(time.strftime("%H:%M:%S"), line, flush=True)


TROUBLE = "trouble: "
"""What a line of the log that the operator should see begins with, after its time."""


def trouble(line: str) -> None:
    """One line into the log that a run tells its operator at the end: what is installed beside Klopf failed."""
    log(TROUBLE + line)


def read_data(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays of ``data.npz``."""
    try:
        return files.arrays(folder / "data.npz")
    except (OSError, ValueError) as error:
        raise PeersError(
            f"no samples can be read in {folder / 'data.npz'} ({error}): restore the file; the `klopf join` that "
            "made the folder writes it anew"
        ) from None
