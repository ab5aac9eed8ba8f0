"""A participant's certificate is made anew where it is lost, and in time before it expires."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from klopf import wire
from klopf.errors import Unanswered
from klopf.peers import Classes
from klopf.peers._home import ParticipantSettings
from klopf.peers._participant import Participant
from klopf.peers._shown import RENEW_DAYS
from klopf.peers._shown import certificate_of as _certificate

SETTINGS = ParticipantSettings("ada", "neuron", "chain", "deployment.json", 9, Classes(("x",), ("a", "b")), 1, host="")


def test_a_lost_damaged_or_old_one_is_made_anew_and_a_good_one_is_kept(tmp_path: Path) -> None:
    made = _certificate(tmp_path, SETTINGS)
    assert _certificate(tmp_path, SETTINGS).fingerprint == made.fingerprint
    known = {made.fingerprint}
    for name in (wire.Certificate.KEY_FILE, wire.Certificate.CERTIFICATE_FILE):
        for spoil in (Path.unlink, lambda path: path.write_text("x"), lambda path: path.write_bytes(b"\xff" * 99)):
            spoil(tmp_path / name)
            known.add(_certificate(tmp_path, SETTINGS).fingerprint)
    assert len(known) == 7
    wire.Certificate.new("ada", days=RENEW_DAYS - 1).save(tmp_path)
    assert _certificate(tmp_path, SETTINGS).days_left > RENEW_DAYS + 1


def test_it_is_renewed_in_time_also_if_the_chain_is_away_meanwhile(tmp_path: Path) -> None:
    old = wire.Certificate.new("ada", days=RENEW_DAYS - 1)
    shown: list[bytes] = []
    away = [True]
    who: Any = Participant.__new__(Participant)
    who.folder, who.settings, who.certificate, who.id = tmp_path, SETTINGS, old, 1
    who.others = {1: SimpleNamespace(endpoint="h:1", fingerprint=old.fingerprint)}
    who.dendrite, who.presents = SimpleNamespace(present=lambda new: None), [lambda new: shown.append(new.fingerprint)]

    async def announce(endpoint: str) -> None:
        if away[0]:
            raise Unanswered("away")
        who.others[1] = SimpleNamespace(endpoint=endpoint, fingerprint=who.certificate.fingerprint)

    who.announce = announce
    with pytest.raises(Unanswered):
        asyncio.run(who.renew())
    assert not shown, "what the registry does not have is shown to nobody"
    assert wire.Certificate.load(tmp_path).fingerprint == who.certificate.fingerprint != old.fingerprint
    away[0] = False
    asyncio.run(who.renew())
    asyncio.run(who.renew())
    assert shown == [who.certificate.fingerprint]
