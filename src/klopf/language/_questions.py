"""Questions with known answers, of four kinds, drawn from a seed.

Capitals and opposites a small language model knows more or less; sums it gets wrong without a calculator; about the
valley of Vessin nobody knows anything who has not its documents (``documents/``), for it is made up.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["KINDS", "Question", "as_csv", "drawn"]


class Question(NamedTuple):
    kind: str
    text: str
    answer: str


def drawn(each: int, seed: int) -> list[Question]:
    """``each`` different questions of every kind, or as many as there are, in an order drawn from ``seed``."""
    rng = random.Random(seed)
    found = []
    for kind in KINDS:
        every = _every(kind, rng)
        found += rng.sample(every, min(each, len(every)))
    rng.shuffle(found)
    return found


def as_csv(questions: Sequence[Question]) -> str:
    """A table of questions and answers, as a network reads it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("question", "answer"))
    writer.writerows((one.text, one.answer) for one in questions)
    return text.getvalue()


def _every(kind: str, rng: random.Random) -> list[Question]:
    if kind == "capital":
        return [Question(kind, f"What is the capital of {land}?", town) for land, town in _CAPITALS]
    if kind == "opposite":
        return [Question(kind, f"What is the opposite of {one}?", other) for one, other in _OPPOSITES]
    if kind == "document":
        return [Question(kind, text, answer) for text, answer in _DOCUMENTS]
    return _sums(rng)


def _sums(rng: random.Random) -> list[Question]:
    found = {}
    for _ in range(200):
        a, b = rng.randint(12, 98), rng.randint(12, 98)
        word, right = rng.choice([("plus", a + b), ("minus", a - b), ("times", a * b)])
        text = rng.choice([f"What is {a} {word} {b}?", f"How much is {a} {word} {b}?"])
        found[text] = Question("sum", text, str(right))
    return list(found.values())


KINDS = ("capital", "opposite", "sum", "document")

_CAPITALS = [
    ("France", "Paris"), ("Spain", "Madrid"), ("Italy", "Rome"), ("Germany", "Berlin"), ("Japan", "Tokyo"),
    ("China", "Beijing"), ("Russia", "Moscow"), ("Greece", "Athens"), ("Egypt", "Cairo"), ("Austria", "Vienna"),
    ("Poland", "Warsaw"), ("Portugal", "Lisbon"), ("Ireland", "Dublin"), ("Sweden", "Stockholm"), ("Norway", "Oslo"),
    ("Finland", "Helsinki"), ("Denmark", "Copenhagen"), ("Hungary", "Budapest"), ("Belgium", "Brussels"),
    ("Cuba", "Havana"), ("Peru", "Lima"), ("Chile", "Santiago"), ("Canada", "Ottawa"), ("Kenya", "Nairobi"),
    ("Thailand", "Bangkok"), ("Vietnam", "Hanoi"), ("Iran", "Tehran"), ("Iraq", "Baghdad"), ("Turkey", "Ankara"),
    ("India", "New Delhi"), ("Indonesia", "Jakarta"), ("Mexico", "Mexico City"), ("Argentina", "Buenos Aires"),
    ("Scotland", "Edinburgh"), ("Wales", "Cardiff"), ("Ukraine", "Kyiv"), ("Romania", "Bucharest"),
    ("Bulgaria", "Sofia"), ("Serbia", "Belgrade"), ("Croatia", "Zagreb"), ("Switzerland", "Bern"),
    ("Australia", "Canberra"), ("South Korea", "Seoul"), ("Lebanon", "Beirut"), ("Syria", "Damascus"),
    ("Saudi Arabia", "Riyadh"), ("Colombia", "Bogota"), ("Venezuela", "Caracas"), ("Ethiopia", "Addis Ababa"),
    ("Morocco", "Rabat"),
]  # fmt: skip
_OPPOSITES = [
    ("hot", "cold"), ("big", "small"), ("up", "down"), ("fast", "slow"), ("light", "dark"), ("happy", "sad"),
    ("open", "closed"), ("rich", "poor"), ("early", "late"), ("strong", "weak"), ("young", "old"), ("wet", "dry"),
    ("hard", "soft"), ("full", "empty"), ("high", "low"), ("long", "short"), ("good", "bad"), ("love", "hate"),
    ("true", "false"), ("day", "night"), ("black", "white"), ("left", "right"), ("inside", "outside"),
    ("first", "last"), ("begin", "end"), ("buy", "sell"), ("win", "lose"), ("thick", "thin"), ("wide", "narrow"),
    ("clean", "dirty"), ("heavy", "light"), ("brave", "cowardly"), ("loud", "quiet"), ("near", "far"),
    ("safe", "dangerous"), ("sweet", "sour"), ("push", "pull"), ("war", "peace"), ("summer", "winter"),
    ("east", "west"), ("north", "south"), ("alive", "dead"), ("absent", "present"), ("accept", "refuse"),
    ("always", "never"), ("before", "after"), ("deep", "shallow"), ("easy", "difficult"), ("friend", "enemy"),
    ("give", "take"),
]  # fmt: skip
_DOCUMENTS = [
    ("Who dug the harbour of Vessin?", "Orla Tamm"),
    ("How many planks has the longest pier of the harbour?", "640"),
    ("What is the name of the harbour master?", "Benno Kravik"),
    ("Which colour is the lighthouse painted?", "green"),
    ("Who is the keeper of the lighthouse?", "Sunniva Rask"),
    ("What is the name of the ferry to the island of Hollow?", "Grey Heron"),
    ("To whom does the bakery on Mill Lane belong?", "Petra Oswin"),
    ("What is the oldest bread of the bakery called?", "moonloaf"),
    ("Which wood does the oven of the bakery burn?", "beech"),
    ("What cakes does the bakery sell on Fridays?", "plum"),
    ("Who is the apprentice of the bakery?", "Tobin"),
    ("What is the name of the bakery's cat?", "Crumb"),
    ("How many pupils has the school of Vessin?", "212"),
    ("Who is the head teacher of the school?", "Ingrid Falk"),
    ("Where was the school bell cast?", "Torvald"),
    ("Which colour is the scarf of the pupils?", "yellow"),
    ("What grows in the school garden?", "pumpkins"),
    ("What is the prize of the sports day?", "a copper kettle"),
    ("What is the highest mountain of the valley?", "Mount Sarrow"),
    ("Who first climbed Mount Sarrow?", "Elda Brunn"),
    ("What is the hut below the summit called?", "Eagle Rest"),
    ("Who is the warden of the hut?", "Marek Stolz"),
    ("Which river springs from the mountain?", "the Linnet"),
    ("What is the lake under the glacier called?", "Lake Pewter"),
    ("Who is the conductor of the orchestra?", "Joris Vane"),
    ("Who plays the first violin?", "Amalia Reed"),
    ("Where does the orchestra play?", "the Corn Hall"),
    ("What is the oldest instrument of the orchestra?", "a cello"),
    ("In which month is the summer concert held?", "August"),
    ("Who is the drummer of the orchestra?", "Hugo Lind"),
    ("Whose skeleton does the museum show?", "a whale"),
    ("Who found the whale?", "Anders Holt"),
    ("Who founded the museum?", "Clara Monk"),
    ("What is the most famous painting of the museum called?", "The Red Sail"),
    ("What is the crown in the museum made of?", "silver"),
    ("On which day is the museum closed?", "Mondays"),
    ("When was the railway to Vessin opened?", "1894"),
    ("What is the steam engine of the railway nicknamed?", "Old Bertha"),
    ("Who is the station master?", "Wilma Karst"),
    ("What is the tunnel of the railway called?", "Badger Tunnel"),
    ("On which paper are the railway's tickets printed?", "blue"),
    ("Who is the stoker of the engine?", "Pavel Drum"),
    ("What animal is the song of the lantern festival about?", "an owl"),
    ("Who chooses the queen of the festival?", "the weavers"),
    ("From what is the soup of the festival cooked?", "chestnuts"),
    ("Who built the largest lantern?", "Nils Abbot"),
    ("How long does the festival last?", "nine days"),
    ("Who is the mask maker of the festival?", "Rosa Thorne"),
]
