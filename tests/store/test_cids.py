"""Content identifiers are those of a real IPFS node: Kubo's own vectors."""

import pytest

from klopf.errors import StoreError
from klopf.store._build import PROFILES, build_file, build_folder, chunks
from klopf.store._cid import Cid
from tests.store import vectors


def nowhere(cid, block):
    pass


def file_cid(profile, pieces):
    return str(build_file(pieces, PROFILES[profile], nowhere).cid)


@pytest.mark.parametrize("profile", vectors.HELLO)
def test_a_small_file(profile):
    assert file_cid(profile, [lambda: b"hello world"]) == vectors.HELLO[profile]


@pytest.mark.parametrize(
    ("profile", "cid"),
    [
        ("unixfs-v1-2025", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        ("unixfs-v0-2015", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"),
    ],
)
def test_an_empty_file(profile, cid, tmp_path):
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open("rb") as empty:
        assert file_cid(profile, chunks(empty, 1 << 20)) == cid


@pytest.mark.parametrize(("profile", "size", "seed", "cid"), vectors.FILES)
def test_the_tree_at_and_over_its_width(profile, size, seed, cid, tmp_path):
    file = tmp_path / "file"
    with file.open("wb") as out:
        out.writelines(vectors.content(size, seed))
    with file.open("rb") as handle:
        assert file_cid(profile, chunks(handle, PROFILES[profile].chunk)) == cid


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "size", "seed", "cid"), vectors.LARGE_FILES)
def test_the_tree_of_a_gibibyte(profile, size, seed, cid):
    pieces = (lambda piece=piece: piece for piece in vectors.content(size, seed))
    assert file_cid(profile, pieces) == cid


@pytest.mark.parametrize(("profile", "count", "length", "last", "cid"), vectors.FOLDERS)
def test_a_folder_at_and_over_one_block(profile, count, length, last, cid):
    rule = PROFILES[profile]
    file = build_file([lambda: b"x"], rule, nowhere)
    children = [(name, file) for name in vectors.names(profile, count, length, last)]
    assert str(build_folder(children, rule, nowhere).cid) == cid


@pytest.mark.parametrize("text", ["", "hello", "bafk", "Qm" + "1" * 44, "b" * 200, "bafkreifzjut3te2nhyekklss27nh3"])
def test_what_is_no_identifier_is_one_line(text):
    with pytest.raises(StoreError) as caught:
        Cid.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", vectors.HELLO.values())
def test_an_identifier_comes_back(text):
    cid = Cid.parse(text)
    assert str(cid) == text and Cid.read(cid.raw) == cid
