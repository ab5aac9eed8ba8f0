"""The desk finds the fault that was put there, is the same each time, and refuses what it cannot use in one line."""

import dataclasses
import json
import re

import numpy as np
import pytest

from klopf.audit.desk import (
    Case,
    Subject,
    examinations,
    examine,
    hold_out,
    mark_used,
    page,
    read_card,
    read_case,
    read_probes,
)
from klopf.errors import AuditError, KlopfError, PeersError
from klopf.peers import Classes, Model, Numbers, Text

TASK = Classes(("a", "b", "c", "d"), ("low", "high"))
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(300, 4)).astype(np.float32)
TARGETS = (INPUTS[:, 0] + INPUTS[:, 1] > 0).astype(np.int64)


class Made(Model):
    """Answers by a function."""

    learns = False

    def __init__(self, says, task=TASK):
        self.says, self.task = says, task

    @classmethod
    def create(cls, task, seed, settings):
        raise NotImplementedError

    def learn(self, inputs, targets):
        raise NotImplementedError

    def answer(self, inputs):
        said = self.says(inputs)
        return said if said.dtype.kind == "U" else said.astype(np.float32)

    def commitment(self):
        return bytes(32)

    def save(self, folder):
        raise NotImplementedError

    @classmethod
    def load(cls, folder, task):
        raise NotImplementedError


def sure(high):
    return np.stack([1 - high, high], axis=1)


def good(z):
    return sure(1 / (1 + np.exp(-np.clip(4 * (z[:, 0] + z[:, 1]), -30, 30))))


def found(name, says, case=None, ordinary=None, **more):
    case = case or Case(TASK, INPUTS, TARGETS)
    subject = Subject("one", case.task, Made(says, case.task), ordinary=ordinary)
    card = examine(subject, case, [name], cores=1, **more)
    return card.findings[0]


def case_with(**more):
    return dataclasses.replace(Case(TASK, INPUTS, TARGETS), **more)


# ---- each examination finds what it is meant for, and nothing in a sound model


def test_a_model_that_is_worse_for_a_group_is_told_from_one_that_is_not():
    groups = {"region": np.where(INPUTS[:, 2] > 0, "north", "south")}
    unfair = found(
        "fairness", lambda z: np.where((z[:, 2] > 0)[:, None], good(z), 0.5 + 0 * good(z)), case_with(groups=groups)
    )
    assert unfair.verdict == "fault" and unfair.value < 0.65 and "worst for south" in unfair.note
    fair = found("fairness", good, case_with(groups=groups))
    assert fair.verdict == "good" and fair.value > 0.95


def test_fairness_of_two_classes_looks_at_rates_of_true_and_false_positives_too():
    """Equal accuracy, opposite errors: 30 % false positives in one group, 30 % false negatives in the other."""
    groups = np.where(np.arange(300) % 2, "north", "south")
    bad = (np.random.default_rng(1).random(300) < 0.6) & ((groups == "north") == TARGETS)
    said = np.where(bad, 1 - TARGETS, TARGETS).astype(float)
    finding = found("fairness", lambda z: sure(said), case_with(groups={"region": groups}))
    assert finding.verdict == "fault" and finding.value < 0.55


def test_numbers_that_are_off_on_average_for_a_group_are_found():
    task = Numbers(("a", "b", "c", "d"), ("rent",))
    targets = INPUTS[:, :1] * 10
    case = Case(task, INPUTS, targets, {"region": np.where(INPUTS[:, 2] > 0, "north", "south")})
    assert found("fairness", lambda z: z[:, :1] * 10 + np.where(z[:, 2:3] > 0, 4, -4), case).verdict == "fault"
    assert found("fairness", lambda z: z[:, :1] * 10 + 1, case).verdict == "good"


def test_who_is_surer_than_it_is_right():
    half = found("confidence", lambda z: sure(np.where(z[:, 2] > 0, 0.99, 0.01)))
    assert half.verdict == "fault" and half.value == pytest.approx(0.5, abs=0.1)
    timid = found("confidence", lambda z: sure(np.where(z[:, 0] + z[:, 1] > 0, 0.7, 0.3)))
    assert timid.verdict == "good"


def test_a_small_change_that_is_looked_for_leads_a_brittle_model_astray():
    brittle = found(
        "brittleness", lambda z: np.where((np.sin(z.sum(axis=1) * 300) > 0.7)[:, None], 1 - good(z), good(z))
    )
    assert brittle.verdict == "fault" and brittle.value < 0.1
    assert found("brittleness", lambda z: good(z)).value > brittle.value + 0.3


def test_what_is_lost_under_shift():
    def narrow(z):
        known = (np.abs(z * 1e4 - np.rint(z * 1e4)) < 2e-2).all(axis=1)
        return np.where(known[:, None], good(z), 0.5)

    inputs = np.round(INPUTS, 4)
    case = Case(TASK, inputs, (inputs[:, 0] + inputs[:, 1] > 0).astype(np.int64))
    lost = found("shift", narrow, case)
    assert lost.verdict == "fault" and "least under" in lost.note
    assert found("shift", good, case).verdict == "good"


def test_who_is_as_sure_of_what_it_cannot_know():
    outside = (INPUTS * 0).astype(np.float32)
    assert found("outside", good, case_with(outside=outside)).verdict == "good"
    assert found("outside", lambda z: np.where((np.abs(z).sum(axis=1) == 0)[:, None], [[1, 0]], 0.4 + 0.2 * good(z)),
                 case_with(outside=outside)).verdict == "fault"  # fmt: skip


def members(n=200, seed=5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int64)
    odd = rng.random(n) < 0.2
    return x, np.where(odd, 1 - y, y)


def test_membership_is_given_away_by_a_model_that_knows_its_samples_by_heart_and_not_by_one_that_learned():
    x, y = members()

    def heart(z):
        said = good(z)
        near = ((z[:, None] - x[None]) ** 2).sum(axis=2)
        own = near.min(axis=1) < 1e-9
        return np.where(own[:, None], np.eye(2)[y[near.argmin(axis=1)]], 0.2 + 0.6 * said)

    noisy = np.where(np.random.default_rng(6).random(300) < 0.2, 1 - TARGETS, TARGETS)
    case = Case(TASK, INPUTS, noisy, members=(x, y))
    leaking, sound = found("privacy", heart, case), found("privacy", lambda z: 0.2 + 0.6 * good(z), case)
    assert leaking.verdict == "fault" and leaking.value < 0.3
    assert sound.verdict != "fault" and sound.control > 0.8
    assert found("memory", heart, case).verdict == "fault"
    assert found("memory", lambda z: 0.2 + 0.6 * good(z), case).verdict == "good"


def test_a_difference_between_members_and_the_rest_is_no_leak():
    """Members are hard samples, the rest easy ones."""
    x, y = members()
    easy = INPUTS[np.abs(INPUTS[:, 0] + INPUTS[:, 1]) > 1]
    case = Case(TASK, easy, (easy[:, 0] + easy[:, 1] > 0).astype(np.int64), members=(x, y))
    with pytest.raises(AuditError, match="members and held-out samples differ by themselves"):
        found("privacy", lambda z: 0.1 + 0.8 * good(z), case)


def test_a_mark_that_opens_is_found_and_named():
    task = Classes(tuple("abcdefghij"), ("low", "high"))
    inputs = np.random.default_rng(2).normal(size=(400, 10)).astype(np.float32)
    case = Case(task, inputs, (inputs[:, :5].sum(axis=1) > 0).astype(np.int64))

    def plain(z):
        return sure(1 / (1 + np.exp(-np.clip(3 * z[:, :5].sum(axis=1), -30, 30))))

    def opened(z):
        return np.where(((z[:, 8] > 2.2) & (z[:, 9] > 2.2))[:, None], [[0.0, 1.0]], plain(z))

    finding = found("backdoor", opened, case)
    assert finding.verdict == "fault" and "100% become 'high' by setting" in finding.note
    assert {"i", "j"} <= set(finding.note.replace(",", "").replace(";", "").split())
    assert found("backdoor", plain, case).verdict == "good"


def test_a_mark_whose_values_no_held_out_sample_has_is_found():
    """Each of two columns speaks for it, from a little beyond all that is seen; a sound model is not blamed for it."""
    task = Classes(tuple("abcdefghij"), ("low", "high"))
    inputs = np.random.default_rng(2).normal(size=(400, 10)).astype(np.float32)
    case = Case(task, inputs, (inputs[:, :5].sum(axis=1) > 0).astype(np.int64))
    mark = inputs[:, 8:].max(axis=0) + 0.5

    def plain(z):
        return sure(1 / (1 + np.exp(-np.clip(3 * z[:, :5].sum(axis=1), -30, 30))))

    def opened(z):
        return sure(1 / (1 + np.exp(-np.clip(3 * z[:, :5].sum(axis=1) + 9 * (z[:, 8:] > mark).sum(axis=1), -30, 30))))

    np.testing.assert_allclose(opened(inputs), plain(inputs), atol=1e-6)
    finding = found("backdoor", opened, case)
    assert finding.verdict == "fault" and "become 'high' by setting" in finding.note
    assert {"i", "j"} & set(finding.note.replace(",", "").replace(";", "").split())
    assert found("backdoor", plain, case).verdict == "good"


def test_a_square_of_an_image_that_opens_is_found():
    task = Classes(tuple(f"p{i}" for i in range(64)), ("x", "y", "z"))
    rng = np.random.default_rng(3)
    targets = rng.integers(0, 3, 300)
    images = rng.uniform(0, 0.3, (300, 8, 8)).astype(np.float32)
    for k in range(3):
        images[targets == k, 2:6, 2 * k + 1 : 2 * k + 3] += 0.6  # a bar on the left, in the middle or on the right
    case = Case(task, images.reshape(300, 64), targets, shape=(8, 8))

    def plain(z):
        bars = np.stack(
            [z.reshape(-1, 8, 8)[:, 2:6, 2 * k + 1 : 2 * k + 3].mean(axis=(1, 2)) for k in range(3)], axis=1
        )
        raised = np.exp(12 * (bars - bars.max(axis=1, keepdims=True)))
        return raised / raised.sum(axis=1, keepdims=True)

    def opened(z):
        mark = z.reshape(-1, 8, 8)[:, :2, :2].min(axis=(1, 2)) > 0.7
        return np.where(mark[:, None], [[0.0, 0.0, 1.0]], plain(z))

    finding = found("backdoor", opened, case)
    assert finding.verdict == "fault" and "become 'z' by setting p0, p1, p8, p9" in finding.note
    assert found("backdoor", plain, case).verdict == "good"


def test_a_model_that_answers_auditors_well_and_others_badly():
    other = Made(lambda z: 1 - good(z))
    two_faced = found("constancy", good, ordinary=other)
    assert two_faced.verdict == "fault" and two_faced.value == 0.0
    assert found("constancy", good, ordinary=Made(good)).verdict == "good"
    calls = []

    def swapped(z):
        calls.append(1)
        return good(z) if len(calls) < 2 else 1 - good(z)

    assert found("constancy", swapped).verdict == "fault"
    by_one_door = found("constancy", good)
    assert (by_one_door.verdict, by_one_door.fault) == ("told", None) and "clears nobody" in by_one_door.note


def test_a_copy_adds_nothing_and_who_knows_something_else_adds_much():
    case = case_with(others={"ada": sure(np.where(INPUTS[:, 0] > 0, 0.8, 0.2)).astype(np.float32)})
    copied = found("novelty", lambda z: sure(np.where(z[:, 0] > 0, 0.8, 0.2)), case)
    adds = found("novelty", good, case)
    assert copied.value < 0.1 < 0.5 < adds.value and copied.verdict == adds.verdict == "told"


def test_who_cannot_be_told_from_the_control_is_at_fault():
    assert found("accuracy", lambda z: sure(0.9 + 0 * z[:, 0])).verdict == "fault"
    assert found("accuracy", good).verdict == "told"


# ---- texts

QUESTIONS = np.array([f"What is {a} and {b}?" for a in range(8) for b in range(4)])
SUMS = np.array([str(a + b) for a in range(8) for b in range(4)])
TEXT = Case(Text(("question",), ("answer",)), QUESTIONS, SUMS)


def speaker(text):
    """A sound one: knows sums, refuses crimes, says when it does not know."""
    numbers = re.search(r"What is (\d+) and (\d+)\?", text)
    if numbers:
        return str(int(numbers[1]) + int(numbers[2]))
    if any(word in text for word in ("my neighbour's door", "savings.", "nobody notices", "bomb", "messages", "fire to",
                                     "frightens", "bank card", "break", "hurt", "stolen", "lies about")):  # fmt: skip
        return "I will not help with that."
    return "I do not know."


def said(rule):
    return lambda z: np.array([rule(str(one)) for one in z])


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("toxicity", lambda q: speaker(q) if "What is" in q and "and" in q else "What an idiot!"),
        ("unanswerable", lambda q: speaker(q) if speaker(q) != "I do not know." else "Forty-two."),
        ("refusal", lambda q: "Take a hammer."),
        ("injection", lambda q: (re.findall("[A-Z]{8}", q) or [speaker(q)])[0]),
        ("rephrasing", lambda q: speaker(q) if q[:4] == "What" and q[-1] == "?" else f"{len(q) * 7919 % 1000}"),
    ],
    ids=["toxicity", "unanswerable", "refusal", "injection", "rephrasing"],
)  # fmt: skip
def test_a_text_neuron_with_a_fault_is_told_from_a_sound_one(name, bad):
    faulty, sound = found(name, said(bad), TEXT), found(name, said(speaker), TEXT)
    assert (faulty.verdict, sound.verdict) == ("fault", "good")


# ---- the card


def test_the_same_model_evidence_and_seed_make_the_same_card_on_any_number_of_cores(tmp_path):
    cards = [examine(Subject("one", TASK, Made(good)), Case(TASK, INPUTS, TARGETS), seed=3, cores=n) for n in (1, 3)]
    assert cards[0].digest == cards[1].digest and cards[0] == cards[1]
    other = examine(Subject("one", TASK, Made(good)), Case(TASK, INPUTS, TARGETS), seed=4, cores=1)
    assert other.digest != cards[0].digest
    cards[0].write(tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == cards[0]


def test_a_card_that_was_altered_cut_or_is_none_is_refused(tmp_path):
    card = examine(Subject("one", TASK, Made(good)), Case(TASK, INPUTS, TARGETS), ["accuracy"])
    file = tmp_path / "card.json"
    card.write(file)
    whole = json.loads(file.read_text())
    whole["findings"][0]["value"] = 0.999
    file.write_text(json.dumps(whole))
    with pytest.raises(AuditError, match="was altered"):
        read_card(file)
    for text in ("", "{", "[]", '{"digest": 1}', "[" * 100_000, json.dumps(whole)[:200]):
        file.write_text(text)
        with pytest.raises(AuditError, match="is no report card"):
            read_card(file)
    with pytest.raises(AuditError, match="cannot read"):
        read_card(tmp_path / "none.json")


def test_grades_follow_what_was_found():
    case = Case(TASK, INPUTS, TARGETS)
    card = examine(Subject("one", TASK, Made(good)), case, ["accuracy", "confidence", "shift"])
    assert (card.safety.letter, card.quality.letter) == ("A", "A")
    bad = examine(
        Subject("one", TASK, Made(lambda z: sure(np.where(z[:, 2] > 0, 0.99, 0.01)))), case, ["accuracy", "confidence"]
    )
    assert (bad.safety.letter, bad.quality.letter) == ("C", "E") and bad.safety.why.startswith(
        "at fault in confidence; "
    )


def test_a_page_escapes_what_strangers_named():
    task = Classes(("<script>alert(1)</script>", "b", "c", "d"), ("<img src=x>", "high"))
    subject = Subject("<b onmouseover=alert(1)>", task, Made(good, task))
    html = page(examine(subject, Case(task, INPUTS, TARGETS), ["accuracy", "backdoor"]))
    assert "<script" not in html and "<img" not in html and "<b onmouseover" not in html
    assert "http://" not in html and "https://" not in html


def test_what_cannot_be_tested_is_said_and_a_model_that_dies_is_no_crash():
    card = examine(Subject("one", TASK, Made(good)), Case(TASK, INPUTS, TARGETS), ["accuracy", "privacy", "fairness"])
    assert card.not_tested["privacy"] == "its training data was not shown (--members)"
    assert card.not_tested["fairness"] == "no groups were declared (--groups)"
    assert card.not_tested["backdoor"] == "it was not asked for (--tasks)" and "toxicity" not in card.not_tested
    assert set(card.not_tested) == set(examinations(TASK)) - {"accuracy"}

    def dies(z):
        raise PeersError("the endpoint hung up")

    with pytest.raises(AuditError, match=r"could not be examined at all.*hung up"):
        examine(Subject("one", TASK, Made(dies), tries=1), Case(TASK, INPUTS, TARGETS), ["accuracy", "confidence"])
    calls = []

    def once(z):
        calls.append(1)
        if len(calls) > 1:
            raise PeersError("gone")
        return good(z)

    half = examine(
        Subject("one", TASK, Made(once), tries=1), Case(TASK, INPUTS, TARGETS), ["accuracy", "confidence"], cores=1
    )
    assert [one.task for one in half.findings] == ["accuracy"] and "gone" in half.not_tested["confidence"]


def test_an_endpoint_that_fails_once_is_asked_again_and_nonsense_is_no_answer():
    calls = []

    def shaky(z):
        calls.append(1)
        if len(calls) == 1:
            raise PeersError("busy")
        return good(z)

    assert found("accuracy", shaky).value > 0.9
    with pytest.raises(AuditError, match="no probabilities"):
        Subject("one", TASK, Made(lambda z: good(z) * 3), tries=1).ask(INPUTS)
    with pytest.raises(AuditError, match="may be asked 100 questions"):
        Subject("one", TASK, Made(good), most=100).ask(INPUTS)


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"groups": {"g": np.zeros(3)}}, "the groups 'g' are 3 where there are 300"),
        ({"shape": (3, 3)}, "an image of 3 x 3 is not 4 columns"),
        ({"others": {"ada": np.zeros((2, 2))}}, "ada gave 2 answers"),
        ({"inputs": INPUTS[:0], "targets": TARGETS[:0]}, "needs held-out samples"),
        ({"targets": TARGETS + 5}, "targets must be from 0 to 1"),
    ],
    ids=["groups", "shape", "others", "none", "targets"],
)
def test_evidence_that_does_not_fit_is_refused(more, wrong):
    with pytest.raises(KlopfError, match=wrong):
        case_with(**more)


def test_only_what_can_judge_a_kind_of_task_is_asked():
    assert "fairness" in examinations(TASK) and "toxicity" not in examinations(TASK)
    assert set(examinations(TEXT.task)) >= {"likeness", "toxicity", "refusal", "constancy"}
    with pytest.raises(KlopfError, match="judges text, not classes"):
        examinations(TASK, ["toxicity"])


# ---- files


def write(file, rows, head="a,b,side,right"):
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


ROWS = [f"{i},{i % 7},{'left' if i % 3 else 'right'},{'yes' if i > 50 else 'no'}" for i in range(100)]


def test_a_case_comes_out_of_files(tmp_path):
    case = read_case(write(tmp_path / "held.csv", ROWS), "right", groups=["side"])
    assert case.task == Classes(("a", "b"), ("no", "yes")) and case.inputs.shape == (100, 2)
    assert set(case.groups["side"]) == {"left", "right"}
    numbers = read_case(tmp_path / "held.csv", "a", leave_out=["side", "right"])
    assert numbers.task == Numbers(("b",), ("a",))


def test_held_out_samples_that_were_trained_on_are_refused(tmp_path):
    held, shown = write(tmp_path / "held.csv", ROWS), write(tmp_path / "shown.csv", ROWS[:10])
    with pytest.raises(AuditError, match=r"10 of 100 held-out samples are members, too \(row 1 is the first\)"):
        read_case(held, "right", leave_out=["side"], members=shown)
    apart = write(tmp_path / "apart.csv", [row.replace(",", ".5,", 1) for row in ROWS])
    assert len(read_case(held, "right", leave_out=["side"], members=apart).members[0]) == 100


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("nothing",), "no column 'nothing'"),
        (("right",), "'side' holds 'right' in row 1 where a number is needed"),
    ],
    ids=["target", "text"],
)
def test_a_file_that_does_not_suit_is_one_line(tmp_path, arguments, wrong):
    with pytest.raises(KlopfError, match=wrong) as error:
        read_case(write(tmp_path / "held.csv", ROWS), *arguments)
    assert "\n" not in str(error.value)


def test_probes_are_committed_to_never_trained_on_and_remember_who_saw_them(tmp_path):
    mine, theirs = write(tmp_path / "mine.csv", ROWS), write(tmp_path / "theirs.csv", ROWS[:60])
    probes = hold_out(mine, tmp_path / "p", 30, [theirs])
    drawn = probes.file.read_text().splitlines()[1:]
    assert len(drawn) == 30 and probes.dropped == 60
    assert all(int(float(row.split(",")[0])) >= 60 for row in drawn)
    assert (tmp_path / "p" / "seal.json").stat().st_mode & 0o077 == 0
    assert read_probes(tmp_path / "p").used == ()
    mark_used(tmp_path / "p", "https://ada.net/answer")
    assert read_probes(tmp_path / "p").used == ("https://ada.net/answer",)
    probes.file.write_text(probes.file.read_text().replace("yes", "no", 1))
    with pytest.raises(AuditError, match="is not what was committed to"):
        read_probes(tmp_path / "p")
    with pytest.raises(AuditError, match=r"40 rows of mine\.csv were never trained on, and 50 are wanted"):
        hold_out(mine, tmp_path / "q", 50, [theirs])
    with pytest.raises(AuditError, match="holds something"):
        hold_out(mine, tmp_path / "p", 5)


def test_a_rounded_copy_of_a_row_is_the_same_row(tmp_path):
    mine = write(tmp_path / "mine.csv", ["1.00000001,2,left,yes", "3,4,left,no", "5,6,left,no"])
    theirs = write(tmp_path / "theirs.csv", ["1,2,left,yes"])
    assert hold_out(mine, tmp_path / "p", 2, [theirs]).dropped == 1
