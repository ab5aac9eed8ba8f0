"""No budget is spent twice: not by adding again, not by waiting, not by a kill, not by several at once."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from klopf import store as room
from klopf.errors import BudgetSpent, StoreError
from klopf.store import _records
from klopf.store._budget import Ledger, cost
from klopf.store._policy import Policy

TEXT = """
device = "{device}"
[screen]
duplicates = ["time"]
[budget]
epsilon = {epsilon}
days = {days}
time = "time"
[fields]
time = {{ action = "keep" }}
load = {{ action = "noise", low = 0, high = 5, step = 0.01, epsilon = {each} }}
"""


def rules(epsilon=1.0, each=0.1, days=1, device="m"):
    return TEXT.format(epsilon=epsilon, each=each, days=days, device=device)


def write(tmp_path, hours, start="2026-01-05T00:00:00"):
    first = datetime.fromisoformat(start)
    rows = [f"{(first + timedelta(hours=i)).isoformat()},{i % 5}" for i in range(hours)]
    (tmp_path / "load.csv").write_text("\n".join(["time,load", *rows]) + "\n")
    return tmp_path / "load.csv"


@pytest.fixture
def quiet(monkeypatch):
    """Noise that is none, so that no library is needed: these tests are of its price."""
    given = []

    def none(values, scale):
        given.append(len(values))
        return values

    monkeypatch.setattr(_records, "discrete_laplace", none)
    monkeypatch.setattr(_records, "require", lambda *_: None)
    return given


def spent(place):
    return json.loads((place.folder / "private/budget.json").read_text())["devices"]


def test_exactly_the_budget_may_be_spent_and_no_more(place, tmp_path, quiet):
    (tmp_path / "p.toml").write_text(rules())
    place.add(write(tmp_path, 10), tmp_path / "p.toml")  # ten of a tenth
    with pytest.raises(BudgetSpent, match="0 of 1 is left"):
        place.add(write(tmp_path, 1), tmp_path / "p.toml")
    assert sum(quiet) == 10 and list(spent(place)["m"]["spent"].values()) == [1_000_000]
    place.add(write(tmp_path, 10, "2026-01-06T00:00:00"), tmp_path / "p.toml")  # another day's records, another budget
    assert sum(quiet) == 20


def test_a_refused_adding_spends_nothing_in_any_period(place, tmp_path, quiet):
    (tmp_path / "p.toml").write_text(rules())
    with pytest.raises(BudgetSpent):
        place.add(write(tmp_path, 20, "2026-01-05T20:00:00"), tmp_path / "p.toml")  # 4 on one day, 16 on the next
    assert spent(place) == {} and quiet == [] and place.records() == []


def test_a_folder_is_paid_for_as_a_whole_or_not_at_all(place, tmp_path, quiet):
    (tmp_path / "p.toml").write_text(rules())
    (tmp_path / "in").mkdir()
    for name, hours in (("a", 4), ("b", 7)):
        write(tmp_path, hours).rename(tmp_path / "in" / f"{name}.csv")
    with pytest.raises(BudgetSpent, match=r"would spend epsilon 1\.1"):
        place.add(tmp_path / "in", tmp_path / "p.toml")
    assert spent(place) == {} and quiet == []
    write(tmp_path, 6).rename(tmp_path / "in/b.csv")
    place.add(tmp_path / "in", tmp_path / "p.toml")
    assert quiet == [4, 6] and list(spent(place)["m"]["spent"].values()) == [1_000_000]


def test_another_policy_of_the_device_counts_on(place, tmp_path, quiet):
    (tmp_path / "p.toml").write_text(rules())
    place.add(write(tmp_path, 10), tmp_path / "p.toml")
    (tmp_path / "q.toml").write_text(rules(each=0.01))
    with pytest.raises(BudgetSpent):
        place.add(write(tmp_path, 1), tmp_path / "q.toml")
    (tmp_path / "q.toml").write_text(rules(days=2))
    with pytest.raises(StoreError, match="periods of 1 days"):
        place.add(write(tmp_path, 1), tmp_path / "q.toml")
    (tmp_path / "q.toml").write_text(rules(epsilon=2.0))
    with pytest.raises(StoreError, match=r"was promised epsilon 1 a period when it paid: .* not raised"):
        place.add(write(tmp_path, 1), tmp_path / "q.toml")
    (tmp_path / "q.toml").write_text(rules(device="n"))
    place.add(write(tmp_path, 1), tmp_path / "q.toml")


def test_a_budget_that_was_lowered_stays_lowered(place, tmp_path, quiet):
    for epsilon, goes in ((2.0, True), (1.0, True), (2.0, False), (1.0, True)):
        (tmp_path / "p.toml").write_text(rules(epsilon=epsilon))
        if goes:
            place.add(write(tmp_path, 1), tmp_path / "p.toml")
        else:
            with pytest.raises(StoreError, match="not raised"):
                place.add(write(tmp_path, 1), tmp_path / "p.toml")
    assert sum(quiet) == 3


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"format": 1, "devices": {"m": 3}}', b'{"format": 2}'])
def test_a_ledger_that_is_lost_or_damaged_gives_no_noise(place, tmp_path, quiet, content):
    (tmp_path / "p.toml").write_text(rules())
    place.add(write(tmp_path, 1), tmp_path / "p.toml")
    file = place.folder / "private/budget.json"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(StoreError, match=r"gone|damaged"):
        place.add(write(tmp_path, 1), tmp_path / "p.toml")
    assert quiet == [1]


def test_an_older_copy_of_the_ledger_gives_no_noise(place, tmp_path, quiet):
    (tmp_path / "p.toml").write_text(rules())
    place.add(write(tmp_path, 3), tmp_path / "p.toml")
    file = place.folder / "private/budget.json"
    older = file.read_bytes()
    place.add(write(tmp_path, 4), tmp_path / "p.toml")
    newest = file.read_bytes()
    file.write_bytes(older)
    with pytest.raises(StoreError, match="older copy"):
        place.add(write(tmp_path, 1), tmp_path / "p.toml")
    file.write_bytes(newest)
    place.add(write(tmp_path, 3), tmp_path / "p.toml")
    assert quiet == [3, 4, 3]


def test_an_older_copy_of_the_whole_store_gives_no_noise(place, tmp_path, quiet, state):
    """Put back with all that it knew then, it would spend again what has been spent since."""
    (tmp_path / "p.toml").write_text(rules(epsilon=10.0))
    place.add(write(tmp_path, 3), tmp_path / "p.toml")
    shutil.copytree(place.folder, tmp_path / "copy")
    place.add(write(tmp_path, 5), tmp_path / "p.toml")
    newest = tmp_path / "newest"
    place.folder.rename(newest)
    (tmp_path / "copy").rename(place.folder)
    given = len(quiet)
    with pytest.raises(StoreError, match="older copy of a store") as refused:
        room.Store(place.folder).add(write(tmp_path, 2), tmp_path / "p.toml")
    assert "\n" not in str(refused.value) and len(quiet) == given
    (tmp_path / "other.toml").write_text(rules(epsilon=10.0, device="other"))
    room.Store(place.folder).add(write(tmp_path, 2), tmp_path / "other.toml")  # which has spent nothing since
    room.Store(newest).add(write(tmp_path, 2), tmp_path / "p.toml")
    assert len(list((state / "klopf/spent").iterdir())) == 2


def test_a_store_without_a_home_spends_as_before(place, tmp_path, quiet, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    (tmp_path / "p.toml").write_text(rules(epsilon=10.0))
    place.add(write(tmp_path, 3), tmp_path / "p.toml")
    assert place.add(write(tmp_path, 4), tmp_path / "p.toml").record.device == "m"


def test_the_price_is_on_the_disk_before_noise_is_drawn(place, tmp_path, monkeypatch):
    (tmp_path / "p.toml").write_text(rules())
    seen = []

    def look(values, scale):
        seen.append(spent(place)["m"]["spent"])
        raise RuntimeError("killed here")

    monkeypatch.setattr(_records, "discrete_laplace", look)
    monkeypatch.setattr(_records, "require", lambda *_: None)
    with pytest.raises(RuntimeError):
        place.add(write(tmp_path, 4), tmp_path / "p.toml")
    assert list(seen[0].values()) == [400_000] and spent(place)["m"]["spent"] == seen[0] and place.records() == []


def test_what_is_left_is_that_of_the_fullest_period(tmp_path):
    ledger, policy = Ledger(tmp_path / "b.json"), Policy.parse(rules(epsilon=2.0))
    ledger.start()
    day = datetime(2026, 1, 5, tzinfo=UTC)
    asked = cost(policy, [day, day, day + timedelta(days=1)])
    assert sorted(asked.values()) == [100_000, 200_000]
    assert ledger.left(policy, asked) == pytest.approx(1.8)
    ledger.spend(policy, asked)
    assert ledger.left(policy, asked) == pytest.approx(1.6)


GIVER = """
import sys
from pathlib import Path
from klopf import store
from klopf.store import _records
from klopf.errors import KlopfError
given = open(sys.argv[3], "a")
def noise(values, scale):
    given.write("%d\\n" % len(values)); given.flush()
    return values
_records.discrete_laplace, _records.require = noise, lambda *_: None
place = store.Store(sys.argv[1])
print("ready", flush=True)
while True:
    try:
        place.add(Path(sys.argv[2]) / "load.csv", Path(sys.argv[2]) / "p.toml")
    except KlopfError as error:
        if "would spend" in str(error): break
"""


def test_several_writers_that_are_killed_never_give_more_than_the_budget(place, tmp_path):
    """Each adding of two values costs 0.2 of 6: thirty may be given, whoever is killed when."""
    (tmp_path / "p.toml").write_text(rules(epsilon=6.0))
    write(tmp_path, 2)
    draw = random.Random(0)
    run = [sys.executable, "-c", GIVER, str(place.folder), str(tmp_path), str(tmp_path / "given")]
    for _ in range(3):
        writers = [subprocess.Popen(run, stdout=subprocess.PIPE) for _ in range(2)]
        for writer in writers:
            writer.stdout.readline()
        time.sleep(draw.uniform(0.02, 0.15))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)  # the rest, undisturbed
    given = sum(map(int, (tmp_path / "given").read_text().split()))
    assert list(spent(place)["m"]["spent"].values()) == [6_000_000]
    assert 0 < given <= 60 and place.verify()[1] == []


@pytest.mark.extras
def test_noise_is_what_it_says(place, tmp_path):
    """OpenDP's discrete Laplace: mean 0, mean absolute deviation about the scale, and no value stands out."""
    pytest.importorskip("opendp")
    from klopf.store._opendp import discrete_laplace

    scale, values = 50.0, np.full(20_000, 7, dtype=np.int64)
    noise = discrete_laplace(values, scale) - values
    assert abs(noise.mean()) < 5 * scale * 2**0.5 / len(values) ** 0.5
    assert abs(noise).mean() == pytest.approx(scale, rel=0.05)
    above = (noise >= 50).mean()  # P = q**50 / (1 + q), q = exp(-1/50)
    assert above == pytest.approx(np.exp(-1) / (1 + np.exp(-1 / 50)), rel=0.1)

    (tmp_path / "p.toml").write_text(rules(epsilon=10.0))
    added = place.add(write(tmp_path, 24), tmp_path / "p.toml")
    place.get(added.root, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() != (tmp_path / "load.csv").read_text()
    assert place.add(write(tmp_path, 24), tmp_path / "p.toml").root != added.root  # drawn anew, paid anew


@pytest.mark.extras
def test_free_text_loses_what_is_recognised_and_nothing_is_downloaded(monkeypatch):
    pytest.importorskip("presidio_analyzer")
    asked = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *where, **_: asked.append(where))
    from klopf.store._presidio import redact

    said = redact(["mail ann@example.org or 10.0.0.7, card 4111 1111 1111 1111", "Ann was here", ""], ("Ann",))
    assert "ann@example.org" not in said[0] and "<EMAIL_ADDRESS>" in said[0] and "<IP_ADDRESS>" in said[0]
    assert "4111" not in said[0] and said[1] == "<WORD> was here" and said[2] is None
    assert asked == []


def test_a_store_without_the_library_refuses_before_anything_is_paid(place, tmp_path, monkeypatch):
    from klopf import extras
    from klopf.errors import MissingExtra

    monkeypatch.setitem(extras.EXTRAS, "noise", ("no_such_module",))
    (tmp_path / "p.toml").write_text(rules())
    with pytest.raises(MissingExtra, match=r"klopf\[noise\]"):
        place.add(write(tmp_path, 2), tmp_path / "p.toml")
    assert spent(place) == {}
    assert room.Store(place.folder).records() == []
