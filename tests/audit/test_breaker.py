"""When most look bad at once, nobody is judged; and nobody hides behind that."""

import pytest

from klopf.audit._breaker import Breaker
from klopf.ledger import Result, Score

MARKS = {"accuracy": 3000}


def found(**figures):
    return [Result(int(k[1:]), {"accuracy": Score(v, max(v - 500, 0), v + 500)}) for k, v in figures.items()]


def told(breaker, epoch, results, passed, worse=()):
    return [r.neuron for r in breaker.through(epoch, results, passed, MARKS, worse)]


def breaker(tmp_path):
    (tmp_path / "state").mkdir(exist_ok=True)
    return Breaker(tmp_path)


def test_most_that_had_passed_miss_a_mark_and_none_of_them_is_told(tmp_path):
    results = found(n1=1000, n2=1200, n3=1000, n4=9000)
    assert told(breaker(tmp_path), 3, results, {1, 2, 3, 4}) == [4]


def test_half_of_them_do_or_who_never_passed_or_too_few(tmp_path):
    half = found(n1=1000, n2=1200, n3=8000, n4=9000)
    assert told(breaker(tmp_path), 3, half, {1, 2, 3, 4}) == [1, 2, 3, 4]
    crowd = found(**{f"n{k}": 1000 for k in range(5, 40)}, n41=9000, n42=9000, n43=9000)
    assert len(told(breaker(tmp_path), 3, crowd, {41, 42, 43})) == 38
    assert told(breaker(tmp_path), 3, found(n1=1000, n2=1000), {1, 2}) == [1, 2]


def test_what_most_have_become_and_stay_is_judged_also_after_a_restart(tmp_path):
    results = found(n1=1000, n2=1200, n3=1000)
    assert [told(breaker(tmp_path), e, results, {1, 2, 3}) for e in (3, 4, 5)] == [[], [], [1, 2, 3]]
    (tmp_path / "state" / "breaker.json").write_text("torn")
    assert told(breaker(tmp_path), 10, results, {1, 2, 3}) == []


@pytest.mark.parametrize("bad", [lambda e: True, lambda e: e % 2, lambda e: e % 3, lambda e: e % 12 < 2])
def test_a_majority_that_is_bad_together_again_and_again_is_spared_two_epochs_in_24(tmp_path, bad):
    results = found(n1=1000, n2=1200, n3=1000, n4=9000)
    epochs = [e for e in range(1, 200) if bad(e)]
    spared = [e for e in epochs if told(breaker(tmp_path), e, results, {1, 2, 3, 4}) == [4]]
    assert spared[:2] == epochs[:2]
    assert all(after - before >= 24 for before, after in zip(spared, spared[2:], strict=False))


def test_who_does_worse_than_guessing_is_told_about_and_opens_nothing(tmp_path):
    results = found(n1=1000, n2=1200, n3=1000, n4=1100, n5=9000)
    assert told(breaker(tmp_path), 3, results, {1, 2, 3, 4, 5}, worse={1, 2, 3}) == [1, 2, 3, 4, 5]
    assert told(breaker(tmp_path), 3, results, {1, 2, 3, 4, 5}, worse={1}) == [1, 5]
