"""Of a unit that is reborn everything is reset, and nothing else: six networks, against what is written out by hand."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest

from klopf.extras import missing

if missing("torch"):
    pytest.skip('needs pip install "klopf[torch]"', allow_module_level=True)

import torch
from torch import Tensor, nn

from klopf.errors import MindError
from klopf.mind.torch import (
    ContinualBackprop,
    L2Init,
    ReDo,
    Rule,
    SelfNormalisedResets,
    SharedRule,
    ShrinkAndPerturb,
    report,
)
from tests.mind.torch.architectures import CASES, ResNet18, Unit, convolutional, perceptron

pytestmark = pytest.mark.extras
torch.set_num_threads(1)  # such small sums are slower on several
RULES: list[tuple[type[Rule], dict[str, Any]]] = [
    (ContinualBackprop, {"rate": 0.02, "maturity": 5}), (SharedRule, {"rate": 0.02, "maturity": 5, "smallest": 0.3}),
    (ReDo, {"period": 10, "threshold": 0.5}),
    (SelfNormalisedResets, {"rejection": 0.3}), (L2Init, {}), (ShrinkAndPerturb, {}),
]  # fmt: skip


def batch(name: str) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    x = CASES[name].example()
    return x, torch.randint(0, CASES[name].classes, (len(x),))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def everything(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All numbers, by name; of the optimiser as ``parameter/what``."""
    found = {name: tensor.detach().clone() for name, tensor in (*model.named_parameters(), *model.named_buffers())}
    for name, parameter in model.named_parameters():
        for what, kept in optimizer.state.get(parameter, {}).items():
            found[f"{name}/{what}"] = kept.detach().clone()
    return found


def mask(shape: torch.Size, places: list[Any]) -> Tensor:
    marks = torch.zeros(shape, dtype=torch.bool)
    for place in places:
        marks[place] = True
    return marks


@pytest.mark.parametrize("optimiser", [torch.optim.Adam, torch.optim.SGD], ids=["adam", "sgd"])
@pytest.mark.parametrize(("name", "unit"), [(n, u) for n, case in CASES.items() for u in case.units],
                         ids=[f"{n}: {u.layer}" for n, case in CASES.items() for u in case.units])  # fmt: skip
def test_everything_of_a_unit_is_reset_and_nothing_else(name: str, unit: Unit, optimiser: Any) -> None:
    torch.manual_seed(0)
    model, (x, y) = CASES[name].make(), batch(name)
    optimizer = optimiser(model.parameters(), lr=1e-3, **({"momentum": 0.9} if optimiser is torch.optim.SGD else {}))
    rule = ContinualBackprop(model, optimizer, x, rate=0.0, every=1)
    train(model, optimizer, x, y, 5)
    layer = next(one for one in rule.heard if one.layer.name == unit.layer)
    before = everything(model, optimizer)
    rule.replace(layer, torch.tensor([unit.number]))
    after = everything(model, optimizer)
    moved: dict[str, list[Any]] = {}
    for places in (unit.incoming, unit.zeros, unit.ones, unit.outgoing):
        for where, place in places.items():
            moved.setdefault(where, []).append(place)
    for where, was in before.items():
        tensor, _, kept = where.partition("/")
        marks = mask(was.shape, moved.get(tensor, [])) if was.ndim else torch.zeros((), dtype=torch.bool)
        changed = after[where] != was
        if where in unit.takes_over:
            changed &= marks  # looked at below
        assert not (changed & ~marks).any(), f"{where}: something changed that belongs to others"
        if kept == "exp_avg_sq" and marks.any():
            assert torch.allclose(after[where][marks], was[~marks].mean(), rtol=0.5) or marks.all()
        elif kept and marks.any():
            assert (after[where][marks] == 0).all(), f"{where}: the optimiser remembers the dead"
    outgoing = {where: mask(after[where].shape, [place]) for where, place in unit.outgoing.items()}
    for where, place in unit.incoming.items():
        marks = mask(after[where].shape, [place]) & ~outgoing.get(where, torch.tensor(False))
        assert (after[where][marks] != before[where][marks]).float().mean() > 0.99
    for where, marks in outgoing.items():
        assert (after[where][marks] == 0).all()
    for where, place in unit.zeros.items():
        assert (after[where][place] == 0).all()
    for where, place in unit.ones.items():
        assert (after[where][place] == 1).all()
    assert layer.age[unit.number] == 0 and layer.looks[unit.number] == 0 and rule.births == 1
    for bias in unit.takes_over:
        listener = bias.removesuffix("in_proj_bias").removesuffix("bias").rstrip(".")
        weight = f"{listener}.in_proj_weight" if bias.endswith("in_proj_bias") else f"{listener}.weight"
        gone = before[weight] * outgoing[weight]
        mean = layer.means[listener]
        given = gone.flatten(2).sum(2) @ mean if gone.ndim > 2 else gone @ mean
        theirs = mask(before[bias].shape, moved.get(bias, []))
        want = torch.where(theirs, after[bias], before[bias] + given)
        assert torch.allclose(after[bias], want, atol=1e-6) and bool(given.abs().max() > 0)


def test_a_stranger_to_the_tables_is_a_real_resnet_18() -> None:
    """Every channel of every layer but the output's is a unit, 4,800 with each stream's once: 64 x 5 and so on."""
    found = report(ResNet18(), torch.randn(2, 3, 16, 16))
    private = [one for one in found.layers if " + " not in one.name]
    assert sum(one.units for one in private) == 2 * (64 + 128 + 256 + 512)
    assert [one.units for one in found.layers if " + " in one.name] == [64, 128, 256, 512]
    assert found.left_alone == {"fc": "its units are the model's output"} and not found.warnings


def test_a_convolution_that_is_flattened_resets_all_weights_that_leave_it() -> None:
    model = convolutional()
    layer = next(one for one in report(model, torch.randn(2, 3, 16, 16)).layers if one.name == "4")
    assert layer.listeners == ("7",)
    rule = ContinualBackprop(model, torch.optim.Adam(model.parameters()), torch.randn(2, 3, 16, 16), layers=("4",))
    rule.replace(rule.heard[0], torch.tensor([0, 5]))
    zeros = (model[7].weight == 0).all(0)
    assert zeros.sum() == 2 * 25 and zeros[:25].all() and zeros[125:].all()


@pytest.mark.parametrize(("rule", "settings"), RULES, ids=[rule.__name__ for rule, _ in RULES])
@pytest.mark.parametrize("name", CASES)
def test_a_rule_learns_with_the_model_and_a_saved_one_goes_on_alike(
    name: str, rule: Any, settings: dict[str, Any]
) -> None:
    x, y = batch(name)

    def begun() -> tuple[nn.Module, torch.optim.Optimizer, Rule]:
        torch.manual_seed(0)
        model = CASES[name].make()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        return model, optimizer, rule(model, optimizer, x, every=2, **settings)

    model, optimizer, one = begun()
    train(model, optimizer, x, y, 12)
    kept = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rule": one.state_dict()}, kept)
    train(model, optimizer, x, y, 8)
    kept.seek(0)
    saved = torch.load(kept)
    again, optimizer_, other = begun()
    again.load_state_dict(saved["model"])
    optimizer_.load_state_dict(saved["optimizer"])
    other.load_state_dict(saved["rule"])
    train(again, optimizer_, x, y, 8)
    assert other.births == one.births and other.steps == one.steps == 20
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    assert all(torch.isfinite(p).all() for p in model.parameters())
    if rule in (ContinualBackprop, SharedRule):
        assert one.births > 0


@pytest.mark.parametrize("name", CASES)
def test_a_copy_is_free_of_the_rule_and_the_original_keeps_it(name: str) -> None:
    torch.manual_seed(0)
    model, (x, y) = CASES[name].make(), batch(name)
    optimizer = torch.optim.Adam(model.parameters())
    rule = SharedRule(model, optimizer, x, rate=0.05, maturity=2, every=1, smallest=0.3)
    train(model, optimizer, x, y, 4)
    twin = copy.deepcopy(model)
    steps, births = rule.steps, rule.births
    train(twin, torch.optim.Adam(twin.parameters()), x, y, 3)
    assert (rule.steps, rule.births) == (steps, births)
    train(model, optimizer, x, y, 1)
    assert rule.steps == steps + 1
    rule.remove()
    train(model, optimizer, x, y, 1)
    assert rule.steps == steps + 1


@pytest.mark.parametrize("name", CASES)
def test_half_precision_and_a_schedule_go_with_it(name: str) -> None:
    torch.manual_seed(0)
    model, (x, y) = CASES[name].make(), batch(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    rule = SharedRule(model, optimizer, x, rate=0.05, maturity=2, every=1, smallest=0.3)
    scaler = torch.amp.GradScaler("cpu")
    if name == "lstm" and not torch.backends.cpu.get_cpu_capability().endswith("BF16"):
        pytest.skip("PyTorch has no LSTM in half precision for this processor")
    for _ in range(10):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x).float(), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
    assert rule.steps == 10 and rule.births > 0 and torch.isfinite(loss)
    assert optimizer.param_groups[0]["lr"] < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_compiled_model_is_heard_as_the_model_is(name: str) -> None:
    x, y = batch(name)
    births = []
    for wrap in (lambda one: one, torch.compile):
        torch.manual_seed(0)
        plain = CASES[name].make()
        for module in plain.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0
        optimizer = torch.optim.SGD(plain.parameters(), lr=1e-2)
        model = wrap(plain)
        rule = ContinualBackprop(model, optimizer, x, rate=0.02, maturity=3, every=1)
        train(model, optimizer, x, y, 10)
        births.append(rule.births)
        utilities = torch.cat([one.corrected(rule.decay) for one in rule.heard])
        births.append(utilities)
    assert births[0] == births[2] > 0
    assert torch.allclose(births[1], births[3], rtol=1e-2, atol=1e-4)


def test_what_cannot_be_judged_is_said_with_the_reason() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.c(self.b(torch.softmax(self.a(x), -1)) + x)

    found = report(Odd(), torch.randn(4, 6))
    assert "mixed before b hears them" in found.left_alone["a"]
    assert "own input is added" in found.left_alone["b"]
    assert len(found.warnings) == 2 and "left alone: a" in str(found)

    tied = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2))
    tied[2].weight = tied[0].weight
    assert "used elsewhere" in report(tied, torch.randn(4, 6)).left_alone["0"]


class Named(nn.Module):
    """One layer under two names, of which the first, or both, are called; and two modules, if one weight is tied."""

    def __init__(self, called: int, tied: bool = False) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 6), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(6, 6), nn.ReLU()) if tied else self.first
        if tied:
            self.second[0].weight = self.first[0].weight
        self.out, self.called = nn.Linear(6, 2), called

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.out(self.second(h) if self.called > 1 else h)


def chain() -> nn.Module:
    again = nn.Linear(6, 6)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), again, nn.ReLU(), again, nn.ReLU(), nn.Linear(6, 2))


def normed() -> nn.Module:
    norm = nn.BatchNorm1d(6)
    return nn.Sequential(nn.Linear(4, 6), norm, nn.ReLU(), nn.Linear(6, 6), norm, nn.ReLU(), nn.Linear(6, 2))


@pytest.mark.parametrize(
    ("make", "judged", "alone"),
    [
        (lambda: Named(1), ["first.0"], {}),
        (lambda: Named(2), [], {"first.0": "called more than once"}),
        (lambda: Named(1, tied=True), [], {"first.0": "used elsewhere"}),
        (lambda: Named(2, tied=True), [], {"first.0": "used elsewhere", "second.0": "used elsewhere"}),
        (chain, [], {"0": "called more than once", "2": "called more than once"}),
        (normed, [], {"0": "1, which its units pass, is called", "3": "1, which its units pass, is called"}),
    ],
    ids=["two names, one call", "two names, both called", "tied, one call", "tied, both called", "twice in a row",
         "a norm twice"],
)  # fmt: skip
def test_one_module_of_two_names_is_one_and_what_is_called_twice_is_left_alone(
    make: Any, judged: list[str], alone: dict[str, str]
) -> None:
    model = make()
    seen = next(model.parameters()).shape[1]
    found = report(model, torch.randn(4, seen))
    assert [one.name for one in found.layers] == judged
    assert all(why in found.left_alone[name] for name, why in alone.items())


def test_what_cannot_be_meant_ends_in_one_line() -> None:
    model = perceptron()
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.randn(4, 20)
    for wrong, match in (
        (lambda: SharedRule(model, optimizer, torch.randn(4, 3)), "cannot be called"),
        (lambda: SharedRule(model, torch.optim.Adam(perceptron().parameters()), x), "no parameter of this model"),
        (lambda: SharedRule(model, optimizer, x, layers=("7",)), "is no layer of units; there are 0, 3"),
        (lambda: SharedRule(nn.Linear(20, 3), optimizer, x), "no parameter|no units"),
        (lambda: SharedRule(model, optimizer, x, rate=1.0), "rate=1"),
        (lambda: SharedRule(model, optimizer, x, every=0), "every=0"),
        (lambda: SharedRule(model, optimizer, "x"), "an example is a tensor"),
    ):
        with pytest.raises(MindError, match=match) as raised:
            wrong()
        assert "\n" not in str(raised.value)
    assert not optimizer._optimizer_step_post_hooks  # none of them listens


def test_dormant_units_and_ranks_are_what_they_are() -> None:
    torch.manual_seed(0)
    model, x = perceptron(), torch.randn(500, 20)
    with torch.no_grad():
        model[3].bias[:3] = -100.0
    second = report(model, x).layers[1]
    assert second.dormant == pytest.approx(3 / 12) and 1 < second.rank <= 9
    with torch.no_grad():
        model[3].weight[1:], model[3].bias[1:] = model[3].weight[0].clone(), 1.0  # all but one say the same
    assert report(model, x).layers[1].rank < 1.5
