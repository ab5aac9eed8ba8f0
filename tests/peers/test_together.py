"""Several lives in one process: a log each, and who cannot live harms no other."""

import asyncio

from klopf.errors import PeersError
from klopf.peers._process import live_as_process
from klopf.peers._shown import log


def test_each_has_its_own_log_and_the_others_go_on(tmp_path, capsys):
    folders = [tmp_path / name for name in ("ada", "ben", "cleo")]
    for folder in folders:
        folder.mkdir()

    async def live(folder):
        log(f"{folder.name} begins")
        await asyncio.sleep(0)
        if folder.name == "ben":
            raise PeersError("there is no state")
        await asyncio.sleep(0.01)
        log(f"{folder.name} ends")

    assert live_as_process(live, *folders) == 2
    logs = {folder.name: (folder / "log.txt").read_text() for folder in folders}
    assert "ada begins" in logs["ada"]
    assert "ada ends" in logs["ada"]
    assert "klopf: there is no state" in logs["ben"]
    assert "cleo ends" in logs["cleo"]
    assert all(other not in logs[name] for name in logs for other in logs if other != name)
    assert "1 of 3 ended before their time" in capsys.readouterr().err

    assert live_as_process(live, folders[0], folders[2]) == 0
    assert live_as_process(live, folders[0]) == 0
    assert "ada ends" in capsys.readouterr().out, "who lives alone says it there"
