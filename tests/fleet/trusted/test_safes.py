"""What every place for a key must do: the same test for memory, a token (SoftHSM) and a chip (swtpm)."""

import atexit
import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from klopf.errors import FleetError
from klopf.fleet import trusted
from klopf.fleet.trusted._safes import SAFES, safe_called
from klopf.ledger import keys
from tests.conftest import end

SECRET = "135792468"
LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so")


@functools.cache  # the library looks for tokens once a process
def softhsm():
    """A token in a folder of its own; its settings."""
    library = next((one for one in LIBRARIES if Path(one).exists()), None)
    if library is None or shutil.which("softhsm2-util") is None or importlib.util.find_spec("pkcs11") is None:
        pytest.skip('no SoftHSM: apt-get install softhsm2, pip install "klopf[pkcs11]"')
    folder = Path(tempfile.mkdtemp(prefix="klopf-token-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
    make = ["softhsm2-util", "--init-token", "--free", "--label", "meter", "--pin", SECRET, "--so-pin", "98765432"]
    subprocess.run(make, check=True, capture_output=True, timeout=60)
    return {"library": library, "token": "meter"}


@contextlib.contextmanager
def swtpm(folder):
    """A TPM in software; its settings."""
    if shutil.which("swtpm") is None or importlib.util.find_spec("tpm2_pytss") is None:
        pytest.skip('no swtpm: apt-get install swtpm libtss2-dev, pip install "klopf[tpm]"')
    state = folder / "tpm"
    state.mkdir()
    port = two_free_ports()
    command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "not-need-init,startup-clear",
               "--server", f"type=tcp,port={port},disconnect", "--ctrl", f"type=tcp,port={port + 1}"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port + 1), 1):
                break
            time.sleep(0.05)
        yield {"tcti": f"swtpm:host=127.0.0.1,port={port}"}
    finally:
        end(process)


def two_free_ports():
    """A port and the next one, both of which nobody listens on."""
    for _ in range(100):
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", port + 1))
                return port
    pytest.fail("no two free ports beside each other")


@pytest.fixture(params=[pytest.param(kind, marks=[] if kind == "memory" else [pytest.mark.extras]) for kind in SAFES])
def place(request, tmp_path):
    """A kind of safe, and what it needs here."""
    with contextlib.ExitStack() as stack:
        needs = {
            "memory": lambda: {"light": True},
            "pkcs11": softhsm,
            "tpm": lambda: stack.enter_context(swtpm(tmp_path)),
        }
        settings = needs[request.param]()  # first, since it skips where what the kind needs is not there
        yield safe_called(request.param), settings


def test_a_safe_keeps_one_key_and_signs_with_it(place, tmp_path):
    kind, settings = place
    made = kind.create(tmp_path, SECRET, settings)
    address = made.address
    digests = [hashlib.sha256(bytes([i])).digest() for i in range(20)]
    for digest in digests:
        assert keys.recover(digest, made.sign(digest)) == address
    made.close()
    opened = kind.open(tmp_path, SECRET, {**settings, "address": address})
    assert opened.address == address
    for digest in digests:
        assert keys.recover(digest, opened.sign(digest)) == address  # recover refuses a high s
    opened.close()


def test_a_wrong_secret_opens_nothing(place, tmp_path):
    kind, settings = place
    made = kind.create(tmp_path, SECRET, settings)
    made.close()
    with pytest.raises(FleetError, match=r"wrong (passphrase|PIN)") as refused:
        kind.open(tmp_path, "24681357", {**settings, "address": made.address})
    assert "\n" not in str(refused.value) and "24681357" not in str(refused.value)
    kind.open(tmp_path, SECRET, {**settings, "address": made.address}).close()


def test_the_key_is_in_no_file_and_no_text(place, tmp_path):
    kind, settings = place
    made = kind.create(tmp_path, SECRET, settings)
    held = getattr(getattr(made, "_key", None), "_private", None)
    secret = held.secret if held is not None else None
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    if secret is not None:  # a token does not give it at all
        assert secret not in written and secret.hex().encode() not in written and secret.hex() not in repr(made)
    assert SECRET.encode() not in written
    for file in tmp_path.glob("*.json"):
        assert file.stat().st_mode & 0o077 == 0
    made.close()


def test_two_keys_are_two(place, tmp_path):
    kind, settings = place
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    addresses = []
    for name in "ab":
        made = kind.create(tmp_path / name, SECRET, settings)
        addresses.append(made.address)
        made.close()
    assert addresses[0] != addresses[1]
    digest = hashlib.sha256(b"which").digest()
    for name, address in zip("ab", addresses, strict=True):
        opened = kind.open(tmp_path / name, SECRET, {**settings, "address": address})
        assert keys.recover(digest, opened.sign(digest)) == address
        opened.close()


def test_what_is_missing_is_said_in_one_line(place, tmp_path):
    kind, settings = place
    nowhere = {
        "memory": settings,
        "pkcs11": {**settings, "token": "none-of-that-name"},
        "tpm": {"tcti": "swtpm:host=127.0.0.1,port=1"},
    }[kind.kind]
    with pytest.raises(FleetError) as refused:
        kind.open(tmp_path, SECRET, {**nowhere, "address": "0x" + "00" * 20})
    assert "\n" not in str(refused.value)


@pytest.mark.extras
def test_a_token_whose_files_everybody_can_read_is_not_used(tmp_path):
    settings = {**softhsm(), "address": ""}
    (file, *_) = [one for one in Path(os.environ["SOFTHSM2_CONF"]).with_name("tokens").rglob("*") if one.is_file()]
    assert not file.stat().st_mode & 0o077  # as SoftHSM makes them
    file.chmod(0o604)
    try:
        with pytest.raises(FleetError, match=r"chmod -R o-rwx .*tokens"):
            safe_called("pkcs11").create(tmp_path, SECRET, settings)
    finally:
        file.chmod(0o600)


@pytest.mark.extras
def test_a_token_never_gives_its_key_away(tmp_path):
    settings = softhsm()
    import pkcs11

    made = safe_called("pkcs11").create(tmp_path, SECRET, settings)
    with pytest.raises(pkcs11.PKCS11Error):
        made._key[pkcs11.Attribute.VALUE]
    with pytest.raises(FleetError, match="library"):
        safe_called("pkcs11").create(tmp_path, SECRET, {})
    made.close()


@pytest.mark.extras
def test_only_the_chip_that_sealed_it_gives_a_key_back(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with swtpm(tmp_path / "a") as settings:
        made = safe_called("tpm").create(tmp_path, SECRET, settings)
    with swtpm(tmp_path / "b") as other, pytest.raises(FleetError, match="another TPM"):
        safe_called("tpm").open(tmp_path, SECRET, {**other, "address": made.address})


@pytest.mark.extras
def test_a_device_signs_with_what_its_chip_has_sealed(home):
    folder = home / "sealed"
    folder.mkdir(mode=0o755)
    with swtpm(home) as settings:
        address = trusted.create(folder, SECRET, {"kind": "tpm", **settings})
        with trusted.started(folder, SECRET) as said, trusted.Signer(folder) as key:
            digest = hashlib.sha256(b"sealed").digest()
            assert keys.recover(digest, key.sign(digest)) == address == said["address"]
            assert said["condition"]["kind"] == "tpm"
    assert json.loads((folder / "trusted/safe.json").read_text())["kind"] == "tpm"
