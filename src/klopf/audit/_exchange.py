"""Auditors give one another what neurons signed for them, once an epoch's reveals are over.

Who tells two auditors different things makes an honest one stand out, and only both signatures together show it. So
each asks all others who revealed something about a neuron what it signed for them, compares that with what it has
itself, and shows the contradiction, which lifts its mark and costs the neuron stake. It is given out when the next
epoch runs: then everything is revealed, and nothing can be copied any more. What was told lies on the disk
(``told/``), so an auditor that was killed gives and compares it when it is back.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from klopf import files, ledger, wire
from klopf.audit._told import Told, conflict
from klopf.errors import AuditError, KlopfError
from klopf.ledger.evidence import Challenges, Statement
from klopf.peers import Participant, Reach, log, told_where_away

__all__ = ["Exchange", "keep"]

KEPT = 3
"""Epochs for which it is kept after their end."""
ROUND = 0.5
"""Seconds between two looks at what is to be asked for."""
PAUSES = (0.0, 2.0, 8.0, 30.0)
"""Seconds before each try to get what others have."""
ASK_SECONDS = 15.0
MOST_GIVEN = 8
"""Times that one auditor is given what a neuron signed in an epoch."""


def keep(folder: Path, epoch: int, told: Mapping[int, Told]) -> None:
    """Write what each neuron signed to the disk, before the auditor commits."""
    (folder / "told").mkdir(exist_ok=True)
    for neuron, one in told.items():
        packed = io.BytesIO()
        np.savez(packed, **one.arrays())  # type: ignore[arg-type]
        files.replace(_file(folder, epoch, neuron), packed.getvalue())


class Exchange:
    """One auditor's part of it. :meth:`run` goes on until it is cancelled."""

    def __init__(self, who: Participant) -> None:
        self.who = who
        self.axon = wire.Axon(
            who.certificate, who.key, network=who.network, directory=who.directory, port=who.settings.port
        )
        who.presents.append(self.axon.present)
        self.axon.handle("signed")(self.give)
        self._reach = Reach(who, self.axon)
        self._left: dict[int, set[tuple[int, int]]] = {}
        """By epoch, what is to be asked for still: auditors and neurons."""
        self._audited: dict[tuple[int, int], set[int]] = {}
        """By epoch and neuron, who else revealed something about it."""
        self._given: Counter[tuple[int, int, int]] = Counter()
        """By epoch, neuron and auditor, how often it was given."""
        self._tries: dict[int, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        """By epoch how often that was tried, and when last."""

    async def start(self) -> None:
        """Let others ask. Who cannot be reached still asks."""
        try:
            await self._reach.start()
        except KlopfError as error:
            log(f"no other auditor can ask here: {error}")

    async def stop(self) -> None:
        await self._reach.stop()

    async def run(self) -> None:
        """Ask for what others have whenever an epoch is over."""
        while True:
            await asyncio.sleep(ROUND)
            try:
                await self.look()
            except KlopfError as error:
                log(f"what neurons signed for others is asked for later: {error}")

    @told_where_away
    async def give(self, request: wire.Request) -> wire.Answer:
        """What a neuron signed for this auditor in an epoch that is over, to another auditor."""
        try:
            epoch, neuron = request.payload["epoch"], request.payload["neuron"]
        except (KeyError, TypeError):
            epoch = neuron = None
        if type(epoch) is not int or type(neuron) is not int:
            raise wire.Decline("ask with epoch and neuron")
        if epoch >= (await self.who.now()).epoch:
            raise wire.Decline("that epoch is not over: ask when everybody has revealed")
        file, which = _file(self.who.folder, epoch, neuron), (epoch, neuron)
        if not file.exists():
            raise wire.Decline("nothing is kept of that neuron in that epoch")
        if which not in self._audited:
            self._audited[which] = {a for a, _ in await self.who.on_ledger(self._others, epoch, [neuron])}
        if request.peer.id not in self._audited[which]:
            raise wire.Decline("what a neuron signed is given to who audited it in that epoch")
        self._given[epoch, neuron, request.peer.id] += 1
        if self._given[epoch, neuron, request.peer.id] > MOST_GIVEN:
            raise wire.Decline(f"it was given {MOST_GIVEN} times: keep it")
        try:
            return wire.Answer(await asyncio.to_thread(files.arrays, file))
        except (OSError, ValueError):
            raise wire.Decline("what that neuron signed cannot be read any more") from None

    async def look(self) -> None:
        """Ask for what is to be asked for now, and forget what is too old."""
        running = (await self.who.now()).epoch
        for epoch, neurons in self._kept().items():
            if epoch < running - KEPT:
                for neuron in neurons:
                    _file(self.who.folder, epoch, neuron).unlink(missing_ok=True)
            elif epoch < running:
                await self._ask_for(epoch, neurons)
        for epoch in [e for e in self._left if e < running - KEPT]:
            del self._left[epoch]
            self._tries.pop(epoch, None)
        self._audited = {which: them for which, them in self._audited.items() if which[0] >= running - KEPT}
        self._given = Counter({one: n for one, n in self._given.items() if one[0] >= running - KEPT})

    def _kept(self) -> dict[int, list[int]]:
        """By epoch, the neurons whose statements are on the disk."""
        found: dict[int, list[int]] = defaultdict(list)
        for file in sorted((self.who.folder / "told").glob("*-*.npz")):
            epoch, _, neuron = file.stem.partition("-")
            if epoch.isdecimal() and neuron.isdecimal():
                found[int(epoch)].append(int(neuron))
        return dict(found)

    async def _ask_for(self, epoch: int, neurons: list[int]) -> None:
        tries, last = self._tries[epoch]
        done = epoch in self._left and not self._left[epoch]
        if done or tries == len(PAUSES) or time.monotonic() < last + PAUSES[tries]:
            return
        if epoch not in self._left:
            self._left[epoch] = await self.who.on_ledger(self._others, epoch, neurons)
        by_auditor: dict[int, list[int]] = defaultdict(list)
        for auditor, neuron in sorted(self._left[epoch]):
            by_auditor[auditor].append(neuron)
        await asyncio.gather(*(self._ask(epoch, auditor, of) for auditor, of in by_auditor.items()))
        self._tries[epoch] = tries + 1, time.monotonic()

    def _others(self, epoch: int, neurons: list[int]) -> set[tuple[int, int]]:
        """Who else revealed something about which of ``neurons``."""
        audits, me = self.who.book.audits, self.who.id
        return {(a, k) for k in neurons for a, _ in audits.findings(epoch, k) if a != me}

    async def _ask(self, epoch: int, auditor: int, neurons: list[int]) -> None:
        """Ask one auditor about one neuron after the other; who fails is asked in the next round."""
        peer = self.who.directory.by_id(auditor)
        if peer is None or not peer.endpoint:
            return
        for neuron in neurons:
            try:
                payload = {"epoch": epoch, "neuron": neuron}
                answer = await self.who.dendrite.ask(peer, "signed", payload=payload, timeout=ASK_SECONDS)
                theirs = Told.read(answer.tensors, epoch, neuron, auditor)
            except AuditError as error:
                log(f"epoch {epoch}: {auditor} gave something else of {neuron}: {error}")
            except KlopfError as error:
                log(f"epoch {epoch}: {auditor} has not said what {neuron} signed: {error}")
                return
            else:
                await self._compare(epoch, neuron, theirs)
            self._left[epoch].discard((auditor, neuron))

    async def _compare(self, epoch: int, neuron: int, theirs: Told) -> None:
        try:
            mine = Told.read(files.arrays(_file(self.who.folder, epoch, neuron)), epoch, neuron, self.who.id)
        except (OSError, ValueError, AuditError) as error:
            log(f"epoch {epoch}: what {neuron} signed cannot be read any more: {error}")
            return
        found = await asyncio.to_thread(conflict, mine, theirs)
        if found is None or await self.who.on_ledger(self._contradicted, epoch, neuron):
            return
        then, now = found
        if not await self.who.on_ledger(self._signed, now):
            log(f"epoch {epoch}: {now.said.auditor} gave what {neuron} has not signed")
            return
        log(f"epoch {epoch}: {neuron} told {now.said.auditor} something else than here")
        await self.who.attempt("showing it", self.who.book.client(Challenges).contradict, then, now)

    def _contradicted(self, epoch: int, neuron: int) -> bool:
        return self.who.book.client(Challenges).contradicted(epoch, neuron)

    def _signed(self, one: Statement) -> bool:
        """Whether the neuron signed it, with the key that it had then."""
        domain = self.who.book.client(Challenges).domain
        try:
            signer = ledger.keys.recover(one.said.digest(domain), one.signature)
        except KlopfError:
            return False
        return self.who.book.registry.signs_for(one.said.neuron, one.said.epoch, signer)


def _file(folder: Path, epoch: int, neuron: int) -> Path:
    return folder / "told" / f"{epoch}-{neuron}.npz"
