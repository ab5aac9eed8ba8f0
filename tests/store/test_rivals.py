"""Another implementation (IPFS in JavaScript) reads our archives, hashes our blocks and comes to our identifiers."""

import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.store.conftest import records

pytestmark = pytest.mark.extras
HERE = Path(__file__).parent


def said(folder, needs, *words):
    """What a program in ``folder`` prints, once npm has brought what it needs."""
    home, node, npm = HERE / folder, shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no Node.js here")
    if not (home / "node_modules" / needs).is_dir():
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=150)
        if done.returncode:
            pytest.skip("npm could not bring the other implementation")
    run = [node, *map(str, words)]
    done = subprocess.run(run, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rivals(*words):
    return said("node", "ipfs-unixfs-importer", "rivals.mjs", *words)


def hashes(folder):
    return {
        file.relative_to(folder).as_posix(): sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("profile", ["unixfs-v1-2025", "unixfs-v0-2015"])
def test_a_folder_has_the_same_identifier_and_comes_out_whole(place, tmp_path, profile):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    for name, size in (("empty", 0), ("small", 11), ("deep/large", (5 << 20) + 7), ("größe", 1 << 18), ("Z", 3)):
        (source / name).write_bytes(os.urandom(size))
    added = place.add_as_it_is(source, profile)
    place.export(added.root, tmp_path / "a.car")
    found = rivals(tmp_path / "a.car", source, profile)
    assert found["imported"] == found["root"] == str(added.root) and found["damaged"] == 0
    assert found["files"] == hashes(source)


def test_a_folder_in_shards(place, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for i in range(2_000):  # names so long that one block would not hold them
        (source / f"{i} {'long ' * 20}").write_bytes(b"%d" % (i % 50))
    added = place.add_as_it_is(source)
    place.export(added.root, tmp_path / "a.car")
    found = rivals(tmp_path / "a.car", source, "unixfs-v1-2025")
    assert found["imported"] == found["root"] == str(added.root)
    assert found["files"] == hashes(source)
    place.get(added.root, tmp_path / "out")
    assert hashes(tmp_path / "out") == hashes(source)


def test_slices_of_records_are_a_file_for_others(place, policy, tmp_path):
    (tmp_path / "many.csv").write_text(records(20_000))
    added = place.add(tmp_path / "many.csv", policy)
    place.export(added.root, tmp_path / "a.car")
    place.get(added.root, tmp_path / "out.zst", packed=True)
    found = rivals(tmp_path / "a.car")
    assert found["damaged"] == 0 and found["count"] > 5
    assert found["files"] == {"": sha256((tmp_path / "out.zst").read_bytes()).hexdigest()}


def test_helia_fetches_over_bitswap_what_we_wrote(place, tmp_path):
    (tmp_path / "bytes").write_bytes(os.urandom((9 << 20) + 1))
    added = place.add_as_it_is(tmp_path / "bytes")
    count = place.export(added.root, tmp_path / "a.car")
    program = ("--import", "./older.mjs", "bitswap.mjs", tmp_path / "a.car")
    assert said("bitswap", "@helia/bitswap", *program) == {"fetched": count, "damaged": 0}
