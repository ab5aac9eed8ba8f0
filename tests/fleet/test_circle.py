"""The full circle: everybody's money adds up, who cheats earns nothing, and the ledger agrees."""

import json

import pytest

from klopf import fleet
from klopf.errors import FleetError


@pytest.mark.long
def test_the_circle_closes(tmp_path):
    told = []
    said = fleet.play_circle(tmp_path / "circle", seed=1, told=told.append)
    assert said == json.loads((tmp_path / "circle/report.json").read_text())
    assert said["met"] and said["differences"] == []
    honest, cheats = said["devices"][:6], said["devices"][6:]
    assert all(row["from the job"] > 10 and row["for effort"] != "0e-18" for row in honest)
    assert all(row["from the job"] <= 0.05 * min(r["from the job"] for r in honest) for row in cheats)
    assert sum(row["from the job"] for row in said["devices"]) == pytest.approx(300, abs=1e-4)
    assert sum(said["money"].values()) == pytest.approx(0, abs=1e-4)  # effort and its price are dust beside
    assert all(row["why"].startswith("used in ") for row in said["devices"])
    assert all("not used: " in row["why"] for row in cheats)
    assert len({step["transaction"] for step in said["steps"]}) == len(said["steps"]) >= 3 * 8 + 6
    assert sum(": device" in s["what"] and "change hands" in s["what"] for s in said["steps"]) == 8
    assert said["licence"]["model"] == said["model"] and "licence" in said["steps"][-1]["what"]
    page = (tmp_path / "circle/report.html").read_text()
    assert "nothing differs" in page and said["steps"][0]["transaction"] in page and said["devices"][7]["owner"] in page
    assert "http" not in page
    with pytest.raises(FleetError, match="exists"):
        fleet.play_circle(tmp_path / "circle")


def test_who_stops_it_finds_no_folder_of_it(tmp_path):
    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet.play_circle(tmp_path / "circle", told=stop)
    assert not (tmp_path / "circle").exists()
