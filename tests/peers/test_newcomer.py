"""A neuron that was admitted in the running epoch claims nothing: the contract would refuse it."""

import asyncio
from types import SimpleNamespace

from klopf.neuron import Standing
from klopf.peers._neuron import _Neuron


def claimed(tmp_path, born: int, epoch: int) -> list[str]:
    did = []

    async def note(what, *_):
        did.append(what)
        return True

    who = SimpleNamespace(
        me=SimpleNamespace(standing=Standing.FRINGE, born=born), folder=tmp_path, id=1, attempt=note,
        arrive=lambda: note("arrived"), conduct=SimpleNamespace(claim=lambda held: held),
        book=SimpleNamespace(settlement=SimpleNamespace(claim=None)),
    )  # fmt: skip
    till = SimpleNamespace(redeem=lambda: note("redeemed"))
    asyncio.run(_Neuron.claim(SimpleNamespace(who=who, till=till), epoch))
    return did


def test_it_claims_from_its_second_epoch_on(tmp_path, capsys):
    assert claimed(tmp_path, born=3, epoch=3) == ["redeemed", "arrived"]
    assert "is paid for being heard from the next on" in capsys.readouterr().out
    assert claimed(tmp_path, born=3, epoch=4) == ["redeemed", "claim"]
