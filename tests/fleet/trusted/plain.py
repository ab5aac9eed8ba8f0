"""The plain form of a challenge over a shared chain, as it was published: to show what it does not stop.

The chain is a hash over all messages, with no key in it; the answer to a challenge is the blocks that it names,
whatever is to be signed.
"""

import hashlib
import json


class PlainChain:
    def __init__(self):
        self.blocks = [hashlib.sha256(b"begin").digest()]

    def append(self, message):
        self.blocks.append(hashlib.sha256(self.blocks[-1] + message).digest())

    def answer(self, places):
        return b"".join(self.blocks[place] for place in places).hex()


class PlainPart:
    """The trusted side: it signs the digest that was asked for last, if the blocks are right."""

    def __init__(self, key, draw):
        self.chain, self._key, self._draw = PlainChain(), key, draw
        self._digest, self._right = b"", ""

    def hear(self, message):
        self.chain.append(message)
        request = json.loads(message)
        if "digest" in request:
            self._digest = bytes.fromhex(request["digest"])
            places = self._draw.sample(range(len(self.chain.blocks)), min(8, len(self.chain.blocks)))
            self._right = self.chain.answer(places)
            said = {"places": places}
        elif request["answer"] == self._right:
            said = {"signature": self._key.sign(self._digest).hex()}
        else:
            said = {"refused": "wrong"}
        answer = json.dumps(said).encode()
        self.chain.append(answer)
        return answer
