"""Adding, getting, tracing, verifying, archives and pins; what is damaged is named, what is killed leaves nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from klopf import store as room
from klopf.errors import DamagedBlock, StoreError
from tests.store.conftest import records


def everything(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_records_come_out_as_the_policy_says(place, meter, policy, tmp_path):
    added = place.add(meter, policy)
    place.get(added.root, tmp_path / "out.csv")
    before, after = meter.read_text().splitlines(), (tmp_path / "out.csv").read_text().splitlines()
    assert after[0] == "home,time,load" and len(after) == len(before)
    was = sorted((when, float(load)) for _, _, when, load in (line.split(",") for line in before[1:]))
    now = [line.split(",") for line in after[1:]]
    assert sorted((when, float(load)) for _, when, load in now) == was
    assert now == sorted(now), "the order in which they were recorded would tell whose they are"
    assert len({pseudonym for pseudonym, _, _ in now}) == 7 and {len(pseudonym) for pseudonym, _, _ in now} == {16}
    assert not {line.split(",")[0] for line in before[1:]} & {pseudonym for pseudonym, _, _ in now}


def test_the_order_of_records_says_no_more_than_they_do(place, tmp_path):
    """Two orders of the same records are one file where something is hidden, and stay two where nothing is."""
    rows = [f"2024-03-0{1 + k % 3}T{k % 24:02}:00:00,{k % 5}" for k in range(90)]
    for name, order in (("a.csv", rows), ("b.csv", rows[::-1])):
        (tmp_path / name).write_text("\n".join(("time,load", *order)) + "\n")
    hides = tmp_path / "hides.toml"
    hides.write_text(
        'device = "m"\n[screen]\nduplicates = false\n[anonymity]\nk = 2\n'
        '[fields]\ntime = { action = "coarsen-time", to = "day" }\nload = { action = "keep" }\n'
    )
    plain = tmp_path / "plain.toml"
    plain.write_text('device = "m"\n[fields]\ntime = { action = "keep" }\nload = { action = "keep" }\n')
    roots = {rules: {place.add(tmp_path / name, rules).root for name in ("a.csv", "b.csv")} for rules in (hides, plain)}
    assert len(roots[hides]) == 1 and len(roots[plain]) == 2


def test_one_letter_is_one_letter_however_it_was_typed(place, tmp_path):
    (tmp_path / "a.csv").write_text("name,load\nM\u00fcller,1\nMu\u0308ller,2\n", encoding="utf-8")
    rules = tmp_path / "p.toml"
    rules.write_text('device = "m"\n[fields]\nname = { action = "pseudonym" }\nload = { action = "keep" }\n')
    place.get(place.add(tmp_path / "a.csv", rules).root, tmp_path / "out.csv")
    assert len({line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]}) == 1


def test_no_store_is_put_into_a_store(place, tmp_path):
    other = room.Store.create(tmp_path / "other/store")
    for source in (
        place.folder,
        place.folder / "private/key",
        other.folder,
        other.folder.parent,
        other.folder / "pins",
    ):
        with pytest.raises(StoreError, match="is a store, with its owner's key"):
            place.add_as_it_is(source)
    assert place.records() == []


def test_nothing_of_a_folder_is_left_out_in_silence(place, policy, meter, tmp_path):
    many = tmp_path / "many"
    (many / "more").mkdir(parents=True)
    (many / "a.csv").write_bytes(meter.read_bytes())
    with pytest.raises(StoreError, match="more is a folder: add what is in it by itself"):
        place.add(many, policy)
    (many / "more").rmdir()
    (many / "b.csv").symlink_to(meter)
    with pytest.raises(StoreError, match=r"b\.csv is a link: add what is in it by itself"):
        place.add(many, policy)


def test_what_a_killed_writer_left_beside_the_records_goes_too(place, policy, meter):
    left = [place.folder / sub / ".x.0123abcd.unfinished" for sub in ("adds", "pins")]
    for one in left:
        one.write_text("{")
    place.add(meter, policy)
    assert not any(one.exists() for one in left)


def test_packed_records_are_a_zstandard_file(place, meter, policy, tmp_path):
    import zstandard

    added = place.add(meter, policy)
    place.get(added.root, tmp_path / "out.zst", packed=True)
    place.get(added.root, tmp_path / "out.csv")
    with (tmp_path / "out.zst").open("rb") as packed:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        assert reader.read() == (tmp_path / "out.csv").read_bytes()


def test_the_same_records_give_the_same_identifier_and_new_rows_few_new_blocks(place, policy, tmp_path):
    one, two = tmp_path / "a.csv", tmp_path / "b.csv"
    text = records(40_000)
    one.write_text(text)
    header, first, rest = text.partition("\n")[0], text.split("\n", 2)[1], text.split("\n", 2)[2]
    two.write_text("\n".join((header, first, first.replace("house 0", "house 9").replace("T00", "T01"), rest)))
    was = place.add(one, policy)
    assert place.add(one, policy).root == was.root
    now = place.add(two, policy)
    assert now.root != was.root and now.known > now.new  # one row went in near the beginning


def test_a_folder_of_records_is_a_folder(place, policy, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / f"{name}.csv").write_text(records(20, seed=ord(name)))
    added = place.add(tmp_path / "in", policy)
    place.get(added.root, tmp_path / "out")
    assert everything(tmp_path / "out") == {"a.csv", "b.csv"}
    assert (tmp_path / "out/a.csv").read_text().startswith("home,time,load\n")
    place.get(added.root, tmp_path / "packed", packed=True)
    assert everything(tmp_path / "packed") == {"a.csv.zst", "b.csv.zst"}


def test_bytes_as_they_are(place, tmp_path):
    data = os.urandom(3 << 20) + b"end"
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/file").write_bytes(data)
    (tmp_path / "in/empty").touch()
    added = place.add_as_it_is(tmp_path / "in")
    place.get(added.root, tmp_path / "out")
    assert (tmp_path / "out/deep/file").read_bytes() == data and (tmp_path / "out/empty").read_bytes() == b""


def test_links_are_refused(place, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to("/etc/passwd")
    with pytest.raises(StoreError, match="neither file nor folder"):
        place.add_as_it_is(tmp_path / "in")
    assert everything(place.folder / "blocks") == set()


def test_any_block_leads_back_to_device_policy_and_time(place, policy, tmp_path):
    (tmp_path / "many.csv").write_text(records(40_000))
    added = place.add(tmp_path / "many.csv", policy)
    (tmp_path / "other").write_bytes(b"other")
    place.add_as_it_is(tmp_path / "other")
    for cid in place.blocks:
        if cid != room.Cid.of(b"other"):
            (found,) = place.trace(cid)
            assert (found.device, found.root, found.name) == ("meter-1", added.root, "many.csv")
            assert place.blocks.get(found.policy) == policy.read_bytes() and found.time.endswith("Z")
    assert place.trace(room.Cid.of(b"nothing")) == []
    assert place.trace(room.Cid.of(b"other"))[0].policy is None


def test_verify_names_what_is_flipped_cut_short_or_gone(place, policy, tmp_path):
    (tmp_path / "many.csv").write_text(records(40_000))
    added = place.add(tmp_path / "many.csv", policy)
    count, wrong = place.verify()
    assert count > 5 and wrong == []
    flipped, cut, gone = [cid for cid in place.blocks if cid not in (added.root, added.record.policy)][:3]
    block = bytearray(place.blocks.get(flipped))
    block[len(block) // 2] ^= 1
    place.blocks.path(flipped).write_bytes(block)
    place.blocks.path(cut).write_bytes(place.blocks.get(cut)[:-1])
    place.blocks.remove(gone)
    _, wrong = place.verify()
    assert len(wrong) == 3 and all(any(str(cid) in line for line in wrong) for cid in (flipped, cut, gone))
    with pytest.raises(DamagedBlock):
        place.get(added.root, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists() and not list(tmp_path.glob(".out*"))


def test_adding_again_mends_what_is_damaged(place, policy, tmp_path):
    (tmp_path / "many.csv").write_text(records(5_000))
    added = place.add(tmp_path / "many.csv", policy)
    for cid in place.blocks:
        place.blocks.path(cid).write_bytes(b"damaged")
    assert len(place.verify()[1]) == added.new
    again = place.add(tmp_path / "many.csv", policy)
    assert again.root == added.root and again.new == added.new and place.verify()[1] == []


def test_an_altered_record_of_adding_is_named(place, meter, policy):
    added = place.add(meter, policy)
    file = place.folder / "adds" / str(added.record.cid)
    file.write_bytes(file.read_bytes().replace(b"meter-1", b"meter-2"))
    assert str(added.record.cid) in place.verify()[1][0]
    with pytest.raises(DamagedBlock):
        place.trace(added.root)


def test_an_archive_goes_round_and_each_of_its_bytes_counts(place, policy, tmp_path):
    (tmp_path / "many.csv").write_text(records(5_000))
    added = place.add(tmp_path / "many.csv", policy)
    car = tmp_path / "a.car"
    count = place.export(added.root, car)
    assert room.verify_archive(car) == (count, [])
    other = room.Store.create(tmp_path / "other")
    assert other.load(car) == [added.root]
    place.get(added.root, tmp_path / "one", packed=True)
    other.get(added.root, tmp_path / "two", packed=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()

    whole, bad = car.read_bytes(), tmp_path / "bad.car"
    third = room.Store.create(tmp_path / "third")
    for at in (*range(100), *range(100, len(whole), len(whole) // 40)):
        for altered in (whole[:at], whole[:at] + bytes((whole[at] ^ 0x41,)) + whole[at + 1 :]):
            bad.write_bytes(altered)
            with pytest.raises(StoreError) as caught:
                third.load(bad)
            assert "\n" not in str(caught.value) and third.pins() == [], at
            assert everything(third.folder / "blocks") == set(), at


def test_what_is_not_pinned_is_swept_and_the_rest_stays(place, policy, meter, tmp_path):
    first = place.add(meter, policy)
    (tmp_path / "other").write_bytes(b"other")
    second = place.add_as_it_is(tmp_path / "other")
    assert place.sweep() == (0, 0) and set(place.pins()) == {first.root, second.root}
    place.unpin(second.root)
    assert place.sweep() == (1, 5)
    place.get(first.root, tmp_path / "out")
    assert place.verify()[1] == []
    with pytest.raises(StoreError):
        place.pin(second.root)
    assert place.trace(second.root)[0].name == "other"  # that it was added stays known


WRITER = """
import sys
from pathlib import Path
from klopf import store
place = store.Store(sys.argv[1])
print("ready", flush=True)
place.add_as_it_is(Path(sys.argv[2]))
"""


def test_a_killed_adding_leaves_nothing(place, tmp_path):
    big = tmp_path / "big"
    with big.open("wb") as out:
        for _ in range(64):
            out.write(os.urandom(1 << 20))
    for wait in (0.0, 0.03, 0.06, 0.1):
        run = [sys.executable, "-c", WRITER, str(place.folder), str(big)]
        with subprocess.Popen(run, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
        assert place.verify()[1] == [] and place.records() == [] and place.pins() == []
    small = tmp_path / "small"
    small.write_bytes(b"hello world")
    place.add_as_it_is(small)
    left = everything(place.folder / "blocks")
    assert not [name for name in left if "unfinished" in name]
    place.sweep()
    assert len(everything(place.folder / "blocks")) == 1


def test_one_writes_at_a_time(place, meter, policy):
    with place._writing(), pytest.raises(StoreError, match="another process is writing"):
        place.add(meter, policy)


def test_no_room_is_one_line_and_nothing_is_left(place, tmp_path, monkeypatch):
    from errno import ENOSPC

    from klopf.store import _blocks

    (tmp_path / "big").write_bytes(os.urandom(3 << 20))
    calls = []

    def full(handle):
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(_blocks.os, "fsync", full)
    with pytest.raises(StoreError, match="no room to write"):
        place.add_as_it_is(tmp_path / "big")
    assert everything(place.folder / "blocks") == set() and place.records() == []


def test_secrets_are_their_owners_alone(place, meter, policy):
    place.add(meter, policy)
    for name in ("key", "budget.json"):
        assert (place.folder / "private" / name).stat().st_mode & 0o777 == 0o600
    key = (place.folder / "private/key").read_text()
    written = b"".join((place.folder / name).read_bytes() for name in everything(place.folder) if "private" not in name)
    assert key.encode() not in written and bytes.fromhex(key) not in written
    (place.folder / "private/key").chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        place.add(meter, policy)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\\b", "/etc", "a\nb", "a\0"])
def test_no_name_leads_out_of_the_folder(place, name, tmp_path):
    from klopf.store._cid import NODE
    from klopf.store._node import FOLDER, Link, write

    leaf = room.Cid.of(b"x")
    block = write(FOLDER, [Link(leaf, 1, name)])
    root = room.Cid.of(block, NODE)
    with place.blocks.draft() as draft:
        draft(leaf, b"x")
        draft(root, block)
    with pytest.raises(StoreError) as caught:
        place.get(root, tmp_path / "deep/out")
    assert "\n" not in str(caught.value) and not (tmp_path / "deep/out").exists()


def test_a_slice_that_would_unpack_to_more_than_any_is_refused():
    import zstandard

    from klopf.store._slices import unpack

    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    with pytest.raises(StoreError, match="larger than any"):
        unpack(bomb)
    with pytest.raises(StoreError):
        unpack(b"nothing of the kind")
