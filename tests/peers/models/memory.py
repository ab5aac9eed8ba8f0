"""Models from outside: one that remembers texts, the same one far away, and one that cannot be made."""

import asyncio
import hashlib
import json

import numpy as np

from klopf.peers import Model


class Memory(Model):
    """Says what was right for the most similar text that it remembers."""

    def __init__(self, task, known=None):
        self.task = task
        self.known = known or {}

    @classmethod
    def create(cls, task, seed, settings):
        return cls(task, **settings)

    def learn(self, inputs, targets):
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))
        for text, right in zip(inputs, targets, strict=True):
            self.known[str(text)] = [str(right), self.known.get(str(text), ["", 0])[1] + 1]

    def answer(self, inputs):
        self.task.check_inputs(inputs)
        return np.array([self.known.get(str(text), ["I do not know", 0])[0] for text in inputs], dtype=np.str_)

    def commitment(self):
        return hashlib.sha256(json.dumps(self.known, sort_keys=True).encode()).digest()

    def save(self, folder):
        (folder / "known.json").write_text(json.dumps(self.known))

    @classmethod
    def load(cls, folder, task):
        return cls(task, json.loads((folder / "known.json").read_text()))


class RemoteMemory(Memory):
    """Elsewhere: everything takes a while."""

    async def learn(self, inputs, targets):
        await asyncio.sleep(0)
        super().learn(inputs, targets)

    async def answer(self, inputs):
        await asyncio.sleep(0)
        return super().answer(inputs)

    async def commitment(self):
        await asyncio.sleep(0)
        return super().commitment()


class Moody(Memory):
    """Cannot be made."""

    @classmethod
    def create(cls, task, seed, settings):
        return 1 / 0
