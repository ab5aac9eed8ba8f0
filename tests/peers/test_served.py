"""Which receipts a speaker signs."""

from klopf.peers._served import NO_TRAIL, Served
from klopf.wire import trail as extended

A, B = b"a" * 32, b"b" * 32


def two_answers() -> Served:
    served = Served()
    served.note(3, 7, "first", 10, A)
    served.note(3, 7, "first", 20, B)
    return served


def test_a_receipt_for_everything_served_is_signed():
    assert two_answers().accepts(3, 7, 30, extended(extended(NO_TRAIL, A), B))


def test_the_last_answer_may_have_been_lost():
    assert two_answers().accepts(3, 7, 10, extended(NO_TRAIL, A))


def test_less_than_served_or_another_trail_is_not_signed():
    both = extended(extended(NO_TRAIL, A), B)
    served = two_answers()
    assert not served.accepts(3, 7, 29, both)
    assert not served.accepts(3, 7, 30, extended(both, A))
    assert not served.accepts(3, 7, 0, NO_TRAIL)
    assert not served.accepts(3, 7, 10, extended(NO_TRAIL, B))


def test_conversations_are_kept_apart_by_epoch_and_listener():
    served = two_answers()
    assert served.accepts(3, 8, 0, NO_TRAIL)
    assert served.accepts(4, 7, 0, NO_TRAIL)


def test_after_a_crash_a_speaker_signs_what_it_cannot_remember():
    assert Served().accepts(3, 7, 30, A)


def test_a_listener_that_lost_its_memory_may_begin_again():
    served = two_answers()
    served.note(3, 7, "second", 4, A)
    assert served.accepts(3, 7, 4, extended(NO_TRAIL, A))
    assert not served.accepts(3, 7, 3, extended(NO_TRAIL, A))


def test_old_epochs_are_forgotten():
    served = two_answers()
    served.keep_only([4, 5])
    assert len(served._conversations) == 0
