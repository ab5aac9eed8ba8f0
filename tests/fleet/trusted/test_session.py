"""Who saw every message forges the plain form every time, and ours never; and what else ends a session."""

import hashlib
import json
import random
import struct

import pytest

from klopf.errors import FleetError, LedgerError
from klopf.fleet.trusted._guard import Book, Guard
from klopf.fleet.trusted._session import HEAD, LONGEST, PLACES, TRUSTED, UNTRUSTED, WINDOW, Challenge, Hello, length_of
from klopf.ledger import keys
from tests.fleet.trusted.plain import PlainChain, PlainPart

TRIALS = 300
KEY = keys.new()


def digest_of(*what):
    return hashlib.sha256(repr(what).encode()).digest()


def signed_by_key(answer, digest):
    """Whether what the trusted part said is a signature of ``digest``."""
    try:
        said = json.loads(answer)
        return keys.recover(digest, bytes.fromhex(said["signature"])) == KEY.address
    except (ValueError, KeyError, TypeError, LedgerError):
        return False


class Time:
    """A clock that is set by hand: seconds for a guard, nanoseconds for a session."""

    def __init__(self):
        self.now = 1000.0

    def seconds(self):
        return self.now

    def nanoseconds(self):
        return int(self.now * 1e9)


class Pair:
    """Both ends of a session, and everything that passed between them."""

    def __init__(self, per_minute=10**6, pairing=b"p" * 32, other_pairing=None):
        self.time, self.seen, self.log = Time(), [], []
        ours, theirs = Hello(), Hello()
        self.hellos = (ours.sent, theirs.sent)
        self.untrusted = ours.session(UNTRUSTED, theirs.sent, other_pairing or pairing, self.time.nanoseconds)
        trusted = theirs.session(TRUSTED, ours.sent, pairing, self.time.nanoseconds)
        book = Book(KEY.sign, per_minute, lambda digest, purpose: self.log.append((digest, purpose)), self.time.seconds)
        self.guard = Guard(trusted, book, self.time.seconds)

    def ask(self, request):
        message = self.untrusted.seal(json.dumps(request).encode())
        answer = self.guard.hear(message)
        self.seen += [message, answer]
        return json.loads(self.untrusted.open(answer))

    def challenge(self, digest):
        asked = self.ask({"digest": digest.hex(), "purpose": "test"})
        return Challenge(bytes.fromhex(asked["nonce"]), tuple(asked["places"]))

    def sign(self, digest):
        challenge = self.challenge(digest)
        return self.ask({"answer": self.untrusted.answer(challenge, digest).hex()})


def body_of(message):
    return message[HEAD:]


def framed(number, time, body, tag):
    return struct.pack(">IQQ32s", len(body), number, time, tag) + body


def test_an_honest_pair_signs():
    pair = Pair()
    for i in range(20):
        digest = digest_of(i)
        assert keys.recover(digest, bytes.fromhex(pair.sign(digest)["signature"])) == KEY.address
    assert [digest for digest, _ in pair.log] == [digest_of(i) for i in range(20)]


def test_the_plain_form_is_forged_every_time():
    forged = 0
    for trial in range(TRIALS):
        draw = random.Random(trial)
        part, honest, seen = PlainPart(KEY, draw), PlainChain(), []

        def tell(request, part=part, seen=seen):
            message = json.dumps(request).encode()
            seen += [message, part.hear(message)]
            return json.loads(seen[-1])

        def keep_up(chain, seen=seen):
            for message in seen[len(chain.blocks) - 1 :]:
                chain.append(message)
            return chain

        for i in range(3):
            asked = tell({"digest": digest_of(trial, i).hex()})
            tell({"answer": keep_up(honest).answer(asked["places"])})
        forger, wanted = PlainChain(), digest_of(trial, "forged")
        asked = tell({"digest": wanted.hex()})
        assert max(asked["places"]) <= len(seen) - 1
        said = tell({"answer": keep_up(forger).answer(asked["places"])})
        forged += signed_by_key(json.dumps(said), wanted)
    assert forged == TRIALS


def unkeyed(pair, wanted):
    """As the plain form is forged: the chain over all that was seen, and its last block as the tag."""
    chain = PlainChain()
    for message in pair.seen:
        chain.append(message)
    body = json.dumps({"digest": wanted.hex(), "purpose": "test"}).encode()
    yield framed(len(pair.seen) + 1, pair.time.nanoseconds(), body, chain.blocks[-1])
    yield json.dumps({"answer": chain.answer(range(4))}).encode()


def replayed(pair, wanted):
    """A request and an answer that were seen, with another digest and the next number."""
    request, answer = pair.seen[0], pair.seen[2]
    body = json.dumps({"digest": wanted.hex(), "purpose": "test"}).encode()
    yield framed(len(pair.seen) + 1, pair.time.nanoseconds(), body, request[HEAD - 32 : HEAD])
    yield answer


def in_the_middle(pair, wanted):
    """An honest request that is being made, with another digest in it; then the honest answer to it."""
    asked = json.dumps({"digest": digest_of("honest").hex(), "purpose": "test"}).encode()
    message = pair.untrusted.seal(asked)
    yield message.replace(digest_of("honest").hex().encode(), wanted.hex().encode())
    yield pair.seen[2]


def from_another_session(pair, wanted):
    """A request and an answer for the digest, genuine in another session with the same pairing secret."""
    other = Pair()
    for i in range(3):
        other.sign(digest_of(i))
    other.sign(wanted)
    yield from other.seen[6:8:2]


def after_the_request(pair, wanted):
    """An honest request passes; the answer that comes after it is one that was seen, for the digest wanted."""
    pair.sign(wanted)
    pair.log.clear()
    old = pair.seen[-2]
    yield pair.untrusted.seal(json.dumps({"digest": digest_of("honest").hex(), "purpose": "test"}).encode())
    yield old


@pytest.mark.parametrize("way", [unkeyed, replayed, in_the_middle, from_another_session, after_the_request])
def test_ours_is_never_forged(way):
    forged = 0
    for trial in range(TRIALS):
        pair = Pair()
        for i in range(3):
            pair.sign(digest_of(trial, i))
        wanted = digest_of(trial, "forged")
        said = []
        for message in way(pair, wanted):
            try:
                said.append(body_of(pair.guard.hear(message)))
            except FleetError:
                said.append(b"")
        forged += any(signed_by_key(one, wanted) for one in said)
        assert wanted not in [digest for digest, _ in pair.log]
    assert forged == 0


def test_who_lacks_the_pairing_secret_is_not_heard():
    for trial in range(TRIALS):
        pair = Pair(other_pairing=digest_of(trial))
        with pytest.raises(FleetError, match="not from the other part"):
            pair.challenge(digest_of("forged"))


def test_an_answer_holds_for_one_digest_and_one_challenge():
    pair = Pair()
    for i in range(5):
        pair.sign(digest_of(i))
    challenge = pair.challenge(digest_of("asked"))
    answer = pair.untrusted.answer(challenge, digest_of("asked"))
    assert len(set(challenge.places)) == PLACES
    assert pair.untrusted.answers(challenge, digest_of("asked"), answer)
    for trial in range(TRIALS):
        assert not pair.untrusted.answers(challenge, digest_of(trial), answer)
    assert not pair.untrusted.answers(pair.untrusted.challenge(), digest_of("asked"), answer)


def test_an_honest_answer_for_another_digest_signs_nothing():
    """What the plain form lacks: the untrusted part means one digest, and the trusted part was asked for another."""
    pair = Pair()
    challenge = pair.challenge(digest_of("asked"))
    said = pair.ask({"answer": pair.untrusted.answer(challenge, digest_of("meant")).hex()})
    assert "not that to the challenge" in said["refused"] and pair.log == []


def test_the_keys_without_the_whole_history_do_not_answer():
    pair = Pair()
    for i in range(3):
        pair.sign(digest_of(i))
    challenge = pair.challenge(digest_of("asked"))
    right = pair.untrusted.answer(challenge, digest_of("asked"))
    thief = pair.untrusted  # all keys and all blocks, but one message was never seen: what follows it is not known
    thief._blocks[3:] = [digest_of("guess", block) for block in thief._blocks[3:]]
    assert thief.answer(challenge, digest_of("asked")) != right


def test_a_challenge_is_for_the_next_message_alone():
    pair = Pair()
    challenge = pair.challenge(digest_of("asked"))
    answer = pair.untrusted.answer(challenge, digest_of("asked")).hex()
    assert "signature" in pair.ask({"answer": answer})
    assert "nothing was asked" in pair.ask({"answer": answer})["refused"]
    assert len(pair.log) == 1


def test_time_locks():
    pair = Pair()
    message = pair.untrusted.seal(b"{}")
    pair.time.now += WINDOW + 1
    with pytest.raises(FleetError, match="out of its time"):
        pair.guard.hear(message)
    pair = Pair()
    pair.time.now += 5
    message = pair.untrusted.seal(b"{}")
    pair.time.now -= 5
    with pytest.raises(FleetError, match="out of its time"):
        pair.guard.hear(message)
    pair = Pair()
    challenge = pair.challenge(digest_of("asked"))
    pair.time.now += WINDOW + 1
    said = pair.ask({"answer": pair.untrusted.answer(challenge, digest_of("asked")).hex()})
    assert "after the challenge" in said["refused"] and pair.log == []


def test_a_refused_message_ends_the_session():
    pair = Pair()
    good = pair.untrusted.seal(b"{}")
    with pytest.raises(FleetError):
        pair.guard.hear(good[:-1] + b"]")
    with pytest.raises(FleetError, match="over"):
        pair.guard.hear(good)


def test_a_key_signs_only_so_often():
    pair = Pair(per_minute=3)
    for i in range(3):
        assert "signature" in pair.sign(digest_of(i))
    assert "try again in 60 s" in pair.sign(digest_of(4))["refused"]
    pair.time.now += 20
    assert "try again in 40 s" in pair.sign(digest_of(5))["refused"]
    pair.time.now += 25
    assert "try again in 15 s" in pair.sign(digest_of(5))["refused"]
    pair.time.now += 16
    assert "signature" in pair.sign(digest_of(6)) and len(pair.log) == 4


@pytest.mark.parametrize(
    "request_",
    [{}, [], 3, None, {"digest": "00"}, {"digest": 7, "purpose": ""}, {"digest": "00" * 32}, {"answer": None},
     {"digest": "00" * 32, "purpose": "x" * 65}, {"digest": "00" * 32, "purpose": "two\nlines"}, {"answer": "00"}],
)  # fmt: skip
def test_a_malformed_request_is_refused_in_one_line(request_):
    pair = Pair()
    said = pair.ask(request_)
    assert set(said) == {"refused"} and "\n" not in said["refused"] and pair.log == []
    assert "signature" in pair.sign(digest_of("after it"))


def test_noise_on_the_socket_is_refused():
    draw = random.Random(0)
    for _ in range(200):
        pair = Pair()
        noise = draw.randbytes(draw.randrange(HEAD, 200))
        with pytest.raises(FleetError):
            pair.guard.hear(noise)
    with pytest.raises(FleetError, match="at most"):
        length_of(struct.pack(">IQQ32s", LONGEST + 1, 0, 0, bytes(32)))
    with pytest.raises(FleetError, match="no trusted part's socket"):
        Hello().session(UNTRUSTED, b"HTTP/1.1 400 Bad Request", b"p" * 32)
    with pytest.raises(FleetError):
        Hello().session(UNTRUSTED, Hello().sent[:16] + bytes(64), b"p" * 32)
