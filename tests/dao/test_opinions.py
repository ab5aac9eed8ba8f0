"""The model: better than habit on votes that it has not seen, sure where it may be, the same for everybody."""

import subprocess
import sys

import numpy as np
import pytest

from klopf import dao
from klopf.dao import _kernels as k
from klopf.errors import DaoError


def test_votes_that_it_has_not_seen_are_forecast(opinions):
    found = opinions.checked
    assert found.votes == len(opinions.votes) and found.accuracy > found.usual + 0.1
    assert found.calibration < 0.1 and found.loss < 0.5


def test_two_camps_are_told_apart_and_what_they_agree_on(opinions):
    found = dao.groups(opinions)
    camp = np.arange(60) % 2
    inside = found.of >= 0
    assert found.count == 2 and inside.sum() >= 55
    assert len({(a, b) for a, b in zip(camp[inside], found.of[inside], strict=True)}) == 2
    ranked = dao.consensus(opinions, found)
    assert {one.statement for one in ranked[:8]} == {f"s{j}" for j in range(8)}
    assert all(one.divides > 0.5 for one in ranked[8:])
    assert ranked[0].text == f"statement {ranked[0].statement[1:]}"
    for measure in dao.MEASURES:
        first = {one.statement for one in dao.consensus(opinions, found, measure)[:8]}
        assert first == {f"s{j}" for j in range(8)}, measure


def test_a_product_over_groups_shrinks_and_a_geometric_mean_does_not(opinions):
    found = dao.groups(opinions)
    best = {m: dao.consensus(opinions, found, m)[0].consensus for m in ("geometric", "product")}
    assert best["product"] == pytest.approx(best["geometric"] ** 2, abs=0.1)


def test_a_stranger_is_told_what_most_say_and_widely(opinions):
    known, stranger = opinions.forecast("m0", "s9"), opinions.forecast(None, "s9")
    assert known.agrees > 0.7 and 0.25 < stranger.agrees < 0.75
    assert stranger.low < 0.25 and stranger.high > 0.75
    assert stranger.high - stranger.low > known.high - known.low


def test_one_more_vote_moves_its_member_and_the_rest_little():
    said = [(f"m{i}", f"s{j}", 1 if (i % 2 == 0) == (j < 6) else -1) for i in range(20) for j in range(11)]
    votes = dao.Votes.of([*said, ("new", "s11", 1)], statements=[f"s{j}" for j in range(12)])
    model = dao.Opinions.fit(votes)
    before = model.forecast("new", "s2").agrees
    model.tell("new", "s0", 1)
    model.tell("new", "s1", 1)
    assert model.forecast("new", "s2").agrees > before + 0.1
    assert model.forecast("m0", "s2").agrees > 0.8
    with pytest.raises(DaoError, match=r"'new' has voted on 's0'"):
        model.tell("new", "s0", -1)
    again = model.commitment()
    model.tell("new", "s3", 0)  # a pass
    assert model.commitment() == again


def test_the_same_votes_give_the_same_model_to_the_bit_in_another_process_and_order(votes, opinions):
    assert dao.Opinions.fit(votes).commitment() == opinions.commitment()
    code = (
        "from tests.dao.conftest import made; from klopf import dao; v = made();"
        "t = [(v.members[i], v.statements[j], int(s)) for i, j, s in zip(v.who, v.what, v.said)];"
        "w = dao.Votes.of(t[::-1], members=v.members, statements=v.statements, texts=v.texts);"
        "print(dao.Opinions.fit(w).commitment())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert said.stdout.strip() == opinions.commitment()


def test_one_altered_vote_gives_another_model(votes, opinions):
    said = votes.said.copy()
    said[7] = -said[7]
    other = dao.Votes(votes.members, votes.statements, votes.who, votes.what, said)
    assert dao.Opinions.fit(other).commitment() != opinions.commitment()


def test_who_weighs_nothing_moves_nothing(votes):
    brigade = [(f"fake {i}", f"s{j}", 1 if j > 15 else -1) for i in range(6) for j in range(24)]
    said = [
        (votes.members[i], votes.statements[j], int(s))
        for i, j, s in zip(votes.who, votes.what, votes.said, strict=True)
    ]
    more = dao.Votes.of(said + brigade, statements=votes.statements)
    weights = np.array([0.0 if name.startswith("fake") else 1.0 for name in more.members])
    alone = dao.consensus(dao.Opinions.fit(votes))
    beside = dao.consensus(dao.Opinions.fit(more, weights=weights))
    assert {one.statement for one in alone[:5]} == {one.statement for one in beside[:5]}
    np.testing.assert_allclose(
        sorted(one.consensus for one in alone), sorted(one.consensus for one in beside), atol=0.02
    )


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1.0], "a number from 0 for each of 60"),
        ([-1.0] * 60, "from 0"),
        ([np.nan] * 60, "from 0"),
        ([2.0] * 60, "above 1"),
    ],
)
def test_weights_that_are_none(votes, weights, says):
    with pytest.raises(DaoError, match=says):
        dao.Opinions.fit(votes, weights=np.array(weights))


def test_what_cannot_be_asked(votes, opinions):
    for call, says in [
        (lambda: opinions.forecast("nobody", "s0"), "no member is called 'nobody'"),
        (lambda: opinions.forecast("m0", "nothing"), "no statement is called 'nothing'"),
        (lambda: opinions.tell("m0", "s0", 2), "2 is no vote"),
        (lambda: dao.Opinions.fit(votes, 9), "from 0 to 8"),
        (lambda: dao.Opinions.fit(votes.where(np.zeros(len(votes), bool))), "nobody agrees or disagrees"),
        (lambda: dao.consensus(opinions, measure="loudest"), "choose one of geometric"),
    ]:
        with pytest.raises(DaoError, match=says):
            call()


def test_few_votes_are_no_trouble():
    for said in ([("a", "x", 1)], [("a", "x", 1), ("b", "x", -1)], [("a", "x", 0), ("b", "y", 1)]):
        model = dao.Opinions.fit(dao.Votes.of(said))
        assert np.isfinite(model.table()).all()
        assert dao.groups(model).count <= 1


def test_exp_is_that_of_the_library_to_a_few_units():
    x = np.concatenate([np.linspace(-690, 690, 2001), np.linspace(-1, 1, 2001)])
    mine = np.array([k.exp(float(one)) for one in x])
    np.testing.assert_allclose(mine, np.exp(x), rtol=1e-15)
    assert k.exp(-1000.0) == 0.0 and np.isfinite(k.exp(1e9))


def test_a_list_that_can_be_relied_on_stays(votes):
    stay = dao.stays(votes, 8, times=5)
    assert sum(stay.values()) == pytest.approx(8) and min(stay[f"s{j}"] for j in range(8)) >= 0.6


def test_the_inverse_is_one():
    root = np.random.default_rng(0).normal(size=(4, 4))
    matrix, out = root @ root.T + np.eye(4), np.zeros((4, 4))
    k.invert(matrix.copy(), out)
    np.testing.assert_allclose(out, np.linalg.inv(matrix), atol=1e-12)
