"""What strangers write: any bytes for a node, a record or an archive, and graphs that never end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klopf import store as room
from klopf.errors import StoreError
from klopf.store import _car, _store
from klopf.store._cid import NODE, RAW, Cid
from klopf.store._graph import content, entries, walk
from klopf.store._node import FILE, FOLDER, SHARD, Link, Node, write
from klopf.store._slices import unpack

LEAF = Cid.of(b"leaf")
REAL = [
    write(FILE, [Link(LEAF, 4), Link(LEAF, 4)], length=8, sizes=[4, 4]),
    write(FOLDER, [Link(LEAF, 4, "a"), Link(LEAF, 4, "größe")]),
    write(SHARD, [Link(LEAF, 4, "00a")], content=b"\1", fanout=256),
    room.Record(LEAF, "name", "sliced-v1", "2026-11-29T00:00:00Z", "m", LEAF, {"a": 1}).block(),
]


def altered(data, where, by):
    at = where % len(data)
    return data[:at] + bytes((data[at] ^ by,)) + data[at + 1 :]


ANY = st.binary(max_size=200) | st.builds(altered, st.sampled_from(REAL), st.integers(0, 1000), st.integers(1, 255))


@given(ANY)
def test_any_bytes_are_read_or_one_line(data):
    for reader in (Node.read, room.Record.read, Cid.read, unpack):
        try:
            reader(data)
        except StoreError as error:
            assert "\n" not in str(error)


@given(ANY)
def test_any_archive_is_read_or_one_line(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.car"
    file.write_bytes(data)
    try:
        _, blocks = _car.read(file)
        for _ in blocks:
            pass
    except StoreError as error:
        assert "\n" not in str(error)


def test_what_was_written_comes_back():
    node = Node.read(REAL[0])
    assert (node.kind, node.length, [link.cid for link in node.links]) == (FILE, 8, [LEAF, LEAF])
    assert [link.name for link in Node.read(REAL[1]).links] == ["a", "größe"]
    assert room.Record.read(REAL[3]).said == {"a": 1}


class Endless(dict):
    """Blocks by identifier; counts how often one is asked for."""

    asked = 0

    def add(self, block, codec=NODE):
        cid = Cid.of(block, codec)
        self[cid] = block
        return cid

    def get_block(self, cid):
        self.asked += 1
        assert self.asked < 5_000, "this would never end"
        return self[cid]


def tower(kind, bottom, length, name="", wide=500, high=9):
    """``high`` nodes, each with ``wide`` links to the one below: 500**9 ways down."""
    blocks = Endless()
    below = blocks.add(bottom, RAW if kind == FILE else NODE)
    for level in range(high):
        links = [Link(below, 1, name.format(i)) for i in range(wide)]
        below = blocks.add(write(kind, links, length=length(level), fanout=256 if kind == SHARD else 0))
    return below, blocks


def test_a_file_of_empty_parts_without_number_ends():
    root, blocks = tower(FILE, b"", lambda level: 0)
    assert b"".join(content(root, blocks.get_block)) == b""
    assert blocks.asked < 50 and len(list(walk(root, blocks.get_block))) == 10


def test_a_file_longer_than_it_says_ends():
    root, blocks = tower(FILE, b"x", lambda level: 3)
    with pytest.raises(StoreError, match="says it has 3 bytes"):
        list(content(root, blocks.get_block))


def test_shards_in_shards_without_end_are_refused():
    root, blocks = tower(SHARD, write(SHARD, [], fanout=256), lambda level: None, "00")
    with pytest.raises(StoreError, match="shard"):
        list(entries(root, blocks.get_block))


def test_folders_that_lie_in_one_another_are_counted(place, tmp_path, monkeypatch):
    monkeypatch.setattr(_store, "_MOST_FILES", 1_000)
    root, blocks = tower(FOLDER, write(FOLDER, []), lambda level: None, "n{}", wide=60, high=4)
    with place.blocks.draft() as draft:
        for cid, block in blocks.items():
            draft(cid, block)
    with pytest.raises(StoreError, match="more than 1,000 files"):
        place.get(root, tmp_path / "out")


def test_a_file_larger_than_the_disk_is_refused_at_once(place, tmp_path):
    block = write(FILE, [Link(LEAF, 4)] * 4, length=1 << 60, sizes=[1 << 58] * 4)
    with place.blocks.draft() as draft:
        draft(LEAF, b"leaf")
        draft(Cid.of(block, NODE), block)
    with pytest.raises(StoreError, match="no room for"):
        place.get(Cid.of(block, NODE), tmp_path / "out")
