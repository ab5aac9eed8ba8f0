"""A conversation that is made up: three opinions, of which two camps hold opposite ones."""

import numpy as np
import pytest

from klopf import dao
from klopf.console import main


def made(members=60, statements=24, filled=0.6, seed=0):
    """Votes of two camps: of statements 0 to 7 everybody agrees, of 8 to 15 the first camp, of 16 to 23 the second."""
    rng = np.random.default_rng(seed)
    camp = np.arange(members) % 2
    kind = np.arange(statements) * 3 // statements
    chance = np.where(kind[None] == 0, 0.95, np.where((kind[None] == 1) == (camp[:, None] == 0), 0.9, 0.1))
    voted = rng.random((members, statements)) < filled
    agreed = rng.random((members, statements)) < chance
    return dao.Votes.of(
        [(f"m{i}", f"s{j}", 1 if agreed[i, j] else -1) for i, j in np.argwhere(voted)],
        members=[f"m{i}" for i in range(members)],
        statements=[f"s{j}" for j in range(statements)],
        texts=[f"statement {j}" for j in range(statements)],
    )


@pytest.fixture(scope="session")
def votes():
    return made()


@pytest.fixture(scope="session")
def opinions(votes):
    return dao.Opinions.fit(votes)


@pytest.fixture
def klopf():
    """Runs ``klopf`` with arguments and gives its exit status."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return ended.value.code

    return run
