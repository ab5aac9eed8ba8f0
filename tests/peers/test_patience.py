"""Who hangs costs a wait once, is tried again ever more seldom, and counts as any other once it is heard."""

from __future__ import annotations

from pathlib import Path

from klopf.peers._patience import LEAST, LONGEST_PAUSE, Patience


class Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


def test_who_hangs_is_tried_ever_more_seldom_and_with_less_patience(tmp_path: Path) -> None:
    clock = Clock()
    patience = Patience(tmp_path / "patience.json", clock)
    assert patience.seconds(7, 30.0) == 30.0
    spent, asked = 0.0, 0
    for _ in range(3600):  # an hour of epochs that last a second
        if (wait := patience.seconds(7, 30.0)) > 0:
            clock.now += wait
            spent, asked = spent + wait, asked + 1
            patience.hung(7, wait)
        clock.now += 1.0
    assert asked < 22
    assert spent < 30.0 + 21 * 7.5 + 1
    assert patience.seconds(8, 30.0) == 30.0, "nobody else pays for it"
    patience.heard(7)
    assert patience.seconds(7, 30.0) == 30.0


def test_who_is_late_once_is_asked_again_in_the_next_epoch_however_short_that_is(tmp_path: Path) -> None:
    clock = Clock()
    patience = Patience(tmp_path / "patience.json", clock)
    for _ in range(3):  # one lateness, of which several questions tell
        patience.hung(7, 3.0)
    clock.now += 2.0
    assert patience.seconds(7, 3.0) == LEAST
    patience.heard(7)
    clock.now += 100.0
    # whoever is late again and again is left alone ever longer, in proportion to the wait
    spent, begun = 0.0, clock.now
    while clock.now < begun + 600.0:
        if (wait := patience.seconds(7, 3.0)) > 0:
            clock.now += wait
            spent += wait
            patience.hung(7, wait)
        clock.now += 0.5
    assert spent < 25.0


def test_it_outlives_the_process_but_no_file_and_no_clock_stops_it(tmp_path: Path) -> None:
    file, clock = tmp_path / "patience.json", Clock()
    before = Patience(file, clock)
    before.hung(3, 30.0)
    after = Patience.open(file)
    after.clock = clock
    assert after.seconds(3, 30.0) == 0.0
    clock.now += 31.0
    assert after.seconds(3, 30.0) == 7.5
    assert after.seconds(3, 1.0) == 1.0 < LEAST
    clock.now -= 2 * LONGEST_PAUSE
    assert after.seconds(3, 30.0) > 0, "a clock that is set back does not silence anybody for good"
    for damaged in ("", "[]", '{"3": 4}', '{"x": [1, 2]}', "\0"):
        file.write_text(damaged)
        assert Patience.open(file).seconds(3, 30.0) == 30.0
