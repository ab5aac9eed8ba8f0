"""The circle of capital closes: whose money went where adds up to nothing, and the ledger agrees."""

import json

import pytest

from klopf import network
from klopf.errors import FleetError


@pytest.mark.long
def test_what_a_licence_brings_reaches_whoever_bought_half_of_the_investors_shares(tmp_path):
    told = []
    said = network.play_economy(tmp_path / "circle", seed=1, told=told.append)
    assert said == json.loads((tmp_path / "circle/report.json").read_text())
    assert said["met"] and said["differences"] == []
    gained = {row["who"]: row["gained"] for row in said["money"]}
    assert sum(gained.values()) == pytest.approx(0, abs=1e-4)  # what effort makes and burns is dust beside
    assert said["shares"] == {"provider": 0.25, "investor": 0.375, "buyer": 0.375}
    assert said["revenue"] == {"provider": 30, "investor": 45, "buyer": 45}
    assert gained["maker"] == 8 * 50 - 120 and gained["buyer"] == 45 - 180
    spent = sum(row["for data"] + row["for rounds"] for row in said["devices"])
    assert spent == pytest.approx(300, abs=1e-4) and gained["auditors"] == pytest.approx(30, abs=1e-4)
    assert gained["investor"] == pytest.approx(-spent - 30 + 180 + 45, abs=1e-4)
    honest, cheats = said["devices"][:6], said["devices"][6:]
    assert all(row["for data"] > 10 and row["for rounds"] > 0 for row in honest)
    assert all(row["for data"] <= 0.05 * min(r["for data"] for r in honest) for row in cheats)
    assert len(said["audits"]) == 3 and all(found["accuracy"] > 0.8 for found in said["audits"])
    assert said["social"]["nowhere"] == "0e-18"
    assert len({step["transaction"] for step in said["steps"]}) == len(said["steps"])
    page = (tmp_path / "circle/report.html").read_text()
    assert "nothing differs" in page and said["steps"][-1]["transaction"] in page and "http" not in page
    with pytest.raises(FleetError, match="exists"):
        network.play_economy(tmp_path / "circle")
