"""Kubo's published test vectors for its import profiles (test/cli/cid_profiles_test.go and add_test.go there).

Its bytes are the key stream of ChaCha20 under the SHA-256 of a seed and a nonce of zeros; its folders hold files of one
byte ``x`` whose names are letters drawn from the same stream.
"""

from collections.abc import Iterator
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

LETTERS = "abcdefghijklmnopqrstuvwxyz01234567890-_"
HELLO = {
    "unixfs-v1-2025": "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
    "unixfs-v0-2015": "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",
}
FILES = [
    ("unixfs-v0-2015", 44_544 << 10, "v0-seed", "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2"),
    ("unixfs-v0-2015", 44_800 << 10, "v0-seed", "QmepeWtdmS1hHXx1oZXsPUv6bMrfRRKfZcoPPU4eEfjnbf"),
]
LARGE_FILES = [
    ("unixfs-v1-2025", 1 << 30, "v1-2025-seed", "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"),
    ("unixfs-v1-2025", 1025 << 20, "v1-2025-seed", "bafybeihmzokxxjqwxjcryerhp5ezpcog2wcawfryb2xm64xiakgm4a5jue"),
]
FOLDERS = [
    ("unixfs-v0-2015", 4096, 30, 30, "QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN"),
    ("unixfs-v0-2015", 4033, 31, 31, "QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP"),
    ("unixfs-v1-2025", 4766, 11, 21, "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4"),
    ("unixfs-v1-2025", 4766, 11, 22, "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu"),
]


def stream(seed: str) -> Iterator[bytes]:
    """A mebibyte at a time, without end."""
    turn = Cipher(algorithms.ChaCha20(sha256(seed.encode()).digest(), bytes(16)), None).encryptor()
    while True:
        yield turn.update(bytes(1 << 20))


def content(size: int, seed: str) -> Iterator[bytes]:
    for piece in stream(seed):
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            return


def names(profile: str, count: int, length: int, last: int) -> list[str]:
    data, at, found = next(stream(f"hamt-{profile}")), 0, []
    for i in range(count):
        size = last if i == count - 1 else length
        found.append("".join(LETTERS[byte % len(LETTERS)] for byte in data[at : at + size]))
        at += size
    return found
