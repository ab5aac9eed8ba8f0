"""What members of a community would agree on, from their own votes: a model that advises and shows how sure it is.

A library by itself: no network, no chain. See docs/dao.md.
"""

from __future__ import annotations

from klopf.dao._asking import Interview
from klopf.dao._consensus import MEASURES, Ranked, consensus, stays
from klopf.dao._groups import Groups, groups, polis
from klopf.dao._meanings import suggested
from klopf.dao._opinions import Checked, Forecast, Opinions
from klopf.dao._published import Published
from klopf.dao._reputation import reputation, voices
from klopf.dao._scores import MODEL, MOST, Carried, Scored, carried, marks, scored
from klopf.dao._votes import Votes
from klopf.dao._words import Alike, alike, topics

__all__ = [
    "MEASURES",
    "MODEL",
    "MOST",
    "Alike",
    "Carried",
    "Checked",
    "Forecast",
    "Groups",
    "Interview",
    "Opinions",
    "Published",
    "Ranked",
    "Scored",
    "Votes",
    "alike",
    "carried",
    "consensus",
    "groups",
    "marks",
    "polis",
    "reputation",
    "scored",
    "stays",
    "suggested",
    "topics",
    "voices",
]
