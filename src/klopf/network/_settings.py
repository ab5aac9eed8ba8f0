"""The one file that describes a network, as typed settings, and the commented example of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from klopf import tables
from klopf.errors import PeersError, worded
from klopf.network._sources import PREFIX, from_environment, put, read_raw

__all__ = [
    "EXAMPLE",
    "AuditorSettings",
    "DataSettings",
    "NetworkSettings",
    "NeuronSettings",
    "read_settings",
]

MOST = 1e9
"""Tokens: so much is never minted."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]

Place = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSettings(_Strict):
    """Where the samples come from and how they are shared out."""

    file: str | None = None
    """A CSV or Parquet file, or ``digits`` for scikit-learn's handwritten digits. None: a file a neuron."""
    target: str = "target"
    task: Literal["classes", "numbers", "text"] = "classes"
    """What the target's values are: names to choose from, amounts to come close to, or texts to say. Text is said to
    the one other column, which is text, too."""
    unit: str = ""
    """Of the target's numbers, such as EUR."""
    delimiter: str = Field("", max_length=1)
    decimal: Literal["", ".", ","] = ""
    encoding: str = ""
    missing: tuple[str, ...] = tables.MISSING
    """How a CSV file is written, where it does not tell: see :class:`klopf.tables.Format`."""
    spellings: dict[str, str] = Field(default_factory=dict)
    """Of the target's classes: what a file says for one, and what it is called."""
    kinds: dict[str, Literal["number", "category", "date", "drop"]] = Field(default_factory=dict)
    """What columns are, where that is found out otherwise; ``drop`` leaves one out."""
    columns: tuple[str, ...] = ()
    """The only columns that go in; empty: all. Files of neurons may have others beside them."""
    key: str = ""
    """Where neurons' files have different columns: the column by which rows of several files are one sample."""
    measure: Literal["", "accuracy", "balanced accuracy"] = ""
    """Of classes. Empty: balanced accuracy where one class has 80 % of all samples or more, else accuracy."""
    share: Literal["dirichlet", "equal"] = "dirichlet"
    alpha: float = Field(0.5, gt=0)
    """Dirichlet concentration of each class (of numbers: of each tenth of them) over the neurons: the smaller, the
    more unequal."""
    test: float = Field(0.2, gt=0, lt=0.9)
    audit: float = Field(0.1, gt=0, lt=0.9)
    reference: float = Field(0.11, gt=0, lt=0.9)
    """Fractions held out: for the requester's questions, for the auditors, and with labels for the requester."""

    @property
    def form(self) -> tables.Format:
        return tables.Format(self.delimiter, self.decimal, self.encoding, self.missing, self.spellings)

    @model_validator(mode="after")
    def _leaves_something(self) -> DataSettings:
        if self.test + self.audit + self.reference >= 0.9:
            raise ValueError("test, audit and reference leave less than a tenth of the data to the neurons")
        if self.task == "numbers" and self.file == "digits":
            raise ValueError("the handwritten digits are classes, not numbers: leave data.task out")
        if self.measure and self.task != "classes":
            raise ValueError(f"measure is for classes; {self.task} have one measure: leave data.measure out")
        if self.key and self.file is not None:
            raise ValueError("key says which rows of several files are one sample: leave it out, or data.file")
        return self


class NeuronSettings(_Strict):
    """One neuron: its name, its model, and, if it has one, a file of its own."""

    name: Name
    model: str = "mind"
    settings: dict[str, Any] = Field(default_factory=dict)
    file: str | None = None
    columns: tuple[str, ...] = ()
    """The only columns that its model sees; empty: all that its file has."""
    passes: int = Field(4, ge=1)
    """How often it goes through its own stream in an epoch."""
    distil: int = Field(0, ge=0, le=4_096)
    """Probes in an epoch on which it learns from what its neighbours say together, where that lowers the loss on a
    fifth of its samples, which it holds out; 0: it does neither."""
    knows: dict[str, Any] = Field(default_factory=dict)
    """What it claims to know, where not everything: ``classes`` by name, ``inputs`` as ``{column = [least, largest]}``
    in the file's units, ``words`` of which a question holds one. Audits judge it there, and for abstaining
    elsewhere."""
    conduct: Place | None = None
    """``package.module:Class``, a :class:`klopf.peers.Conduct` that is not honest, for trying the rules."""
    conduct_settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def shown(self) -> str:
        """What stands for its model in tables: an adversary's conduct is what matters."""
        return self.model if self.conduct is None else self.conduct.rpartition(":")[2]


class AuditorSettings(_Strict):
    name: Name
    conduct: Place | None = None
    """As a neuron's."""
    conduct_settings: dict[str, Any] = Field(default_factory=dict)


class AuditSettings(_Strict):
    """What auditors ask."""

    tasks: tuple[str, ...] = ()
    """Names of ``klopf.audit.AUDIT_TASKS``; none: what is usual for the network's kind of task."""
    marks: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """What the auditors' median must reach in a task, where it is not the task's own mark."""
    questions: int = Field(120, ge=1, le=10_000)
    """Held-out samples put to a neuron in one audit, in each task."""
    challenge_seconds: int = Field(0, ge=0, le=15 * 24 * 3600)
    """How long single questions of an audit may be doubted, and as long again be shown: neurons sign their answers, and
    auditors doubt one another; 0: none of this."""

    @model_validator(mode="after")
    def _fit_the_ledger(self) -> AuditSettings:
        for name in (*self.tasks, *self.marks):
            if not (name.isascii() and name.isprintable() and 0 < len(name) <= 26):
                raise ValueError(f"an audit task cannot be called {name!r}; its name has 1 to 26 letters of ASCII")
        return self


class RequesterSettings(_Strict):
    name: Name = "requester"
    fee: float = Field(0.01, ge=0, le=MOST)
    """Tokens paid for an answer to one sample."""
    budget: float = Field(10_000.0, ge=0, le=MOST)
    """Tokens it deposits, to reserve from."""

    @model_validator(mode="after")
    def _can_pay(self) -> RequesterSettings:
        if self.fee > self.budget:
            raise ValueError(
                f"a fee of {self.fee:g} tokens is more than the budget of {self.budget:g}: not one answer could be paid"
            )
        return self


class LedgerSettings(_Strict):
    file: str = "ledger.sqlite"
    """The embedded chain, a file in the run folder."""
    rpc: str | None = None
    """URL of an EVM node; then ``key`` names the keystore file of an account that can pay there."""
    key: str | None = None
    packs: tuple[str, ...] = ()
    """Packs of contracts beside the usual ones, from packages installed beside Klopf."""
    listen_seconds: int = Field(90, ge=1)
    claim_seconds: int = Field(45, ge=1)
    """Deadlines of an epoch's two phases; a phase ends earlier when everybody has done his part."""
    dispute_seconds: int = Field(0, ge=0, le=30 * 24 * 3600)
    """How long after its end an epoch's receipts may be disputed, and its pay waits; 0: no disputes, paid at once."""


class WireSettings(_Strict):
    host: str = "127.0.0.1"
    first_port: int = Field(0, ge=0, le=65_000)
    """Neurons get consecutive ports from here; 0 leaves the choice to the system."""
    together: int = Field(1, ge=1, le=200)
    """Neurons that live in one process: of many each alone would take a Python of its own."""


class RuleSettings(_Strict):
    """What the contracts are deployed with; the defaults are those of ``docs/ledger.md``."""

    emission: float = Field(1_000.0, ge=0, le=MOST)
    """Tokens minted an epoch for being listened to."""
    seats: int = Field(5, ge=1)
    """Backbone seats."""
    ask: int = Field(6, ge=1)
    """How many neighbours a neuron asks in an epoch, fringe seats included."""
    fringe_seats: int = Field(2, ge=0)
    """How many of those are kept for neighbours to try."""
    questions: int = Field(64, ge=1)
    """Samples of its own stream on which a neuron asks its neighbours in an epoch."""
    seal_seconds: float = Field(30.0, ge=1, le=600)
    """How long a neuron's answers are sealed before it opens them, so that nobody resells what it was just told; less
    where all have said that they ask no more. Who takes longer to answer is too late. 0: they are not sealed."""
    maturity: int = Field(1, ge=0)
    """Epochs before a neuron is judged."""
    stake: float = Field(1_000.0, gt=0, le=MOST)
    """Tokens that a neuron or an auditor has at stake."""
    pass_accuracy: float = Field(0.3, ge=0, le=1)
    pass_robustness: float = Field(0.2, ge=0, le=1)
    """What the auditors' medians must reach: by itself a neuron with few classes cannot be brilliant over all."""


class NetworkSettings(_Strict):
    name: Name = "network"
    seed: int = Field(0, ge=0, lt=2**32)
    epochs: int = Field(6, ge=1, le=100_000)
    restart: bool = True
    """Start a process again that died."""
    data: DataSettings = DataSettings()
    neuron: tuple[NeuronSettings, ...] = Field(min_length=2)
    auditor: tuple[AuditorSettings, ...] = Field(min_length=1)
    audit: AuditSettings = AuditSettings()
    requester: RequesterSettings = RequesterSettings()
    ledger: LedgerSettings = LedgerSettings()
    wire: WireSettings = WireSettings()
    rules: RuleSettings = RuleSettings()

    @model_validator(mode="after")
    def _consistent(self) -> NetworkSettings:
        names = [n.name for n in self.neuron] + [a.name for a in self.auditor] + [self.requester.name]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"the name {twice[0]!r} is given twice: every participant needs its own")
        own = [n.name for n in self.neuron if n.file]
        if self.data.file is None and len(own) < len(self.neuron):
            missing = next(n.name for n in self.neuron if not n.file)
            raise ValueError(f"neuron {missing!r} has no data: give data.file to share out, or every neuron a file")
        if self.data.file is not None and own:
            raise ValueError(f"both data.file and a file for neuron {own[0]!r}: give one or the other")
        if self.ledger.rpc and not self.ledger.key:
            raise ValueError("ledger.rpc needs ledger.key, the keystore file of an account that can pay for gas there")
        if self.wire.first_port and self.wire.first_port + len(names) > 65_536:
            raise ValueError(
                f"wire.first_port {self.wire.first_port} leaves no room for {len(names)} ports below 65536"
            )
        return self


def read_settings(path: Path, changes: dict[str, Any] | None = None) -> NetworkSettings:
    """The settings in the TOML or YAML file ``path``; ``changes`` (``{"data.target": "kind"}``) go before what the
    environment says, that goes before the file, and the file before the defaults. File names are relative to the file.

    Raises:
        PeersError: no such file, not TOML or YAML, or a setting that does not fit; one line, naming the first fault.
    """
    try:
        raw = read_raw(path)
    except FileNotFoundError:
        raise PeersError(f"no file {path}: write one with `klopf run --example > {path}`") from None
    told = from_environment()
    for place, value in (told | (changes or {})).items():
        put(raw, place, value)
    others = {place: PREFIX + place.replace(".", "__").upper() for place in told} | {
        place: "the command line" for place in changes or {}
    }
    return parse_settings(raw, str(path), path.parent, others)


def parse_settings(
    raw: dict[str, Any], source: str, base: Path, others: Mapping[str, str] = MappingProxyType({})
) -> NetworkSettings:
    """Check ``raw`` and make its file names absolute, taken from ``base``. ``others``: the places of settings that came
    from elsewhere than ``source``, and from where, for whoever has to mend one.

    Raises:
        PeersError: a setting that does not fit; one line, naming the first fault.
    """
    places = [(raw.get("data"), "file"), (raw.get("ledger"), "key")]
    for table, field in (*places, *((one, "file") for one in _tables(raw.get("neuron")))):
        if isinstance(table, dict):
            named = table.get(field)
            if isinstance(named, str) and named != "digits":
                table[field] = str((base / named).absolute())
    try:
        return NetworkSettings.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        said = worded(first, NetworkSettings)
        if first["type"] == "too_short":
            least = first["ctx"]["min_length"]
            said = (
                f"{first['ctx']['actual_length']} are given, a network needs {least}: write [[{place}]] {least} times"
            )
        hint = "; `klopf run --example` shows every setting" if first["type"] in ("extra_forbidden", "missing") else ""
        source = next((other for way, other in others.items() if f"{place}.".startswith(f"{way}.")), source)
        raise PeersError(f"{source}: {place + ': ' if place else ''}{said}{hint}") from None


def _tables(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


EXAMPLE = """\
# A network for `klopf run network.toml`. Everything but [data], [[neuron]] and [[auditor]] may be left out.
name = "example"
seed = 0
epochs = 6               # settlement epochs: learn, listen, be audited, be paid
restart = true           # start a neuron or auditor again if its process dies

[data]
file = "digits"          # a CSV or Parquet file, or "digits": scikit-learn's handwritten digits
target = "target"        # the column to predict
task = "classes"         # what its values are: "classes" (numbers or text), "numbers" to come close to, or "text"
unit = ""                # of such numbers
delimiter = ""           # a CSV file's: found out if empty, like the next two
decimal = ""             # "." or ","
encoding = ""            # "utf-8", "utf-16", "latin-1", ...
missing = ["NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?"]    # what empty cells hold
spellings = {}           # of classes: what a file says for one, and what it is called: { "0" = "benign" }
kinds = {}               # "number", "category", "date", or "drop" for a column, where that is found out otherwise
columns = []             # the only ones that go in; none: all of which something can be learned
key = ""                 # of a file a neuron: the column by which rows of several files are one sample
measure = ""             # of classes: "accuracy"; "balanced accuracy" if one is 80 % of all, or where it is said here
share = "dirichlet"      # how the rows are shared out: "dirichlet" (unequal classes) or "equal"
alpha = 0.5              # the smaller, the more unequal
test = 0.2               # held out: the requester's questions, scored at the end
audit = 0.1              # held out: the auditors' questions
reference = 0.11         # held out, with labels: what the requester learns whom to listen to from
# To give every neuron a file of its own instead, leave `file` out here and write `file = "..."` under each neuron.

[[neuron]]
name = "ada"
model = "mind"           # Klopf's own network: units that live and die, learning one sample at a time
settings = { hidden = [64] }
columns = []             # the only ones that its model sees; none: all that its data has

[[neuron]]
name = "ben"
model = "sklearn:MLPClassifier"       # any scikit-learn classifier with partial_fit and predict_proba
settings = { hidden_layer_sizes = [64], learning_rate_init = 0.005 }

[[neuron]]
name = "cleo"
model = "sklearn:SGDClassifier"
settings = { loss = "log_loss" }

[[auditor]]
name = "vera"

[[auditor]]
name = "walt"

[[auditor]]
name = "xeno"

[audit]
tasks = ["accuracy", "robustness"]    # any number; "calibration" is another
marks = {}               # what a median must reach, such as { calibration = 0.8 }; else as [rules] or the task say
questions = 120          # held-out samples put to a neuron in each task
challenge_seconds = 0    # neurons sign for auditors, who doubt each other's questions so long after; 0: none of this

[requester]
name = "requester"
fee = 0.01               # tokens for an answer to one sample
budget = 10000.0         # tokens deposited to pay from; what is not used stays its own

[ledger]
file = "ledger.sqlite"   # the embedded chain, a file in the run folder
# rpc = "http://127.0.0.1:8545"       # or any EVM node, and the keystore that pays there:
# key = "operator.json"               # (`klopf keys new operator.json`; passphrase in KLOPF_PASSPHRASE)
packs = []               # more packs of contracts, of packages installed beside Klopf: ["rounds"]
listen_seconds = 90      # deadlines; a phase ends as soon as everybody has done his part
claim_seconds = 45
dispute_seconds = 0      # pay waits so long for disputes about receipts, and a run ends that much later; 0: none

[wire]
host = "127.0.0.1"
first_port = 0           # 0: the system chooses; else one port a neuron from here
together = 1             # neurons that live in one process

[rules]
emission = 1000.0        # tokens an epoch, divided by how much neurons are listened to; 100,000 a day are the most
seats = 5                # backbone seats
ask = 6                  # neighbours asked in an epoch ...
fringe_seats = 2         # ... of which so many are kept for neighbours to try
questions = 64           # own samples a neuron asks its neighbours about in an epoch
seal_seconds = 30.0      # answers are sealed so long, or until all have asked: nobody resells them
maturity = 1             # epochs before a neuron is judged
stake = 1000.0           # tokens that neurons and auditors have at stake
pass_accuracy = 0.3      # what a neuron's audits must reach by itself, over all classes
pass_robustness = 0.2    # the same under noise
"""
