"""The panels of a run's page: what ships passes the check, which finds each fault; the page bears with strangers."""

import json
from html import escape

import pytest

from klopf import checks
from klopf.checks.panel import _summary
from klopf.network import PANELS, Panel, Summary, render
from klopf.network._report import differing, made_with, missing


@pytest.mark.parametrize("name", PANELS.shipped)
def test_what_ships_passes_the_check(name):
    checks.check_panel(PANELS.load(name))


class Sound(Panel):
    title = "Names"

    def data(self, summary):
        return [row.name for row in summary.neurons]

    def html(self, data):
        return "".join(f"<p>{escape(name)}</p>" for name in data)


class Raw(Sound):
    def html(self, data):
        return "".join(f"<p>{name}</p>" for name in data)


class HalfEscaped(Sound):
    def html(self, data):
        return "".join(f'<p title="{escape(name, quote=False)}">x</p>' for name in data)


class Script(Sound):
    def html(self, data):
        return "<script>1</script>"


class Elsewhere(Sound):
    def html(self, data):
        return '<a href="https://example.org/x.js">x</a>'


class Open(Sound):
    def html(self, data):
        return "<div><b>x</b>"


class Ends(Sound):
    def html(self, data):
        return "<p>x</p></body></html>"


class Comment(Sound):
    def html(self, data):
        return "<p>x</p><!-- y"


class Unfinished(Sound):
    def html(self, data):
        return "<p>x</p><p title='"


class NotPlain(Sound):
    def data(self, summary):
        return [row.earned for row in summary.neurons]


class Tuples(Sound):
    def data(self, summary):
        return tuple(row.name for row in summary.neurons)


class Counts(Sound):
    said = 0

    def data(self, summary):
        self.said += 1
        return [str(self.said)]


class First(Sound):
    def data(self, summary):
        return [summary.neurons[0].name]


class Markup(Sound):
    title = "<b>Names</b>"


class Sorts(Sound):
    def data(self, summary):
        summary.neurons.reverse()
        return [row.name for row in summary.neurons]


class Sub(Sound):
    """Text that is one thing to who checks it and another in the page."""

    def html(self, data):
        class Text(str):
            def __format__(self, how):
                return "<script>1</script>"

        return Text("<p>x</p>")


class Surrogate(Sound):
    def html(self, data):
        return "<p>\ud800</p>"


class Large(Sound):
    def html(self, data):
        return "x" * 5_000_001


class Stops(Sound):
    def html(self, data):
        raise GeneratorExit


class TwoLines(Sound):
    title = "one\rtwo"


def gives(text: str) -> type[Panel]:
    return type("Gives", (Sound,), {"html": lambda self, data: text})


def test_the_check_finds_each_fault():
    checks.check_panel(Sound)
    for wrong, said in (
        (Raw, "not escaped: see html.escape"),
        (HalfEscaped, "a name that is not escaped"),
        (Script, "runs nothing"),
        (Elsewhere, "loads nothing from elsewhere"),
        (Open, "leaves <div> open"),
        (Ends, "closes </body>, which it did not open"),
        (Comment, "begins no tag"),
        (Unfinished, "begins no tag"),
        (NotPlain, "cannot travel as JSON"),
        (Tuples, "journey as JSON"),
        (Counts, "when asked again"),
        (First, "a run without anything: data\\(\\) fails: IndexError"),
        (Markup, "not HTML"),
        (Sorts, "changes the summary"),
        (Panel, "lacks data, html"),
        (int, "subclass of Panel"),
        (Sub, "must give text"),
        (Surrogate, "surrogate"),
        (Large, "5,000,001 characters"),
        (Stops, "html\\(\\) fails: GeneratorExit"),
        (TwoLines, "one line"),
        (gives('<svg><a><set attributeName="href" to="javascript:x()"></set></a></svg>'), "has <set>"),
        (gives("<title>x</title>"), "outside a picture"),
        (gives('<input value="x">'), "has <input>"),
        (gives('<p style="background:image-set(&quot;http://a/b&quot; 1x)">x</p>'), "loads something"),
        (gives('<p style="position:fixed;top:0">x</p>'), "leaves its place"),
        (gives('<p style="margin-top:-900px">x</p>'), "leaves its place"),
        (gives('<svg><rect fill="url(http://a/b#c)"/></svg>'), "loads nothing from elsewhere"),
        (gives('<svg><rect fill="u\\72l(http://a/b#c)"/></svg>'), "loads nothing from elsewhere"),
    ):
        with pytest.raises(AssertionError, match=said) as caught:
            checks.check_panel(wrong)
        assert "\n" not in str(caught.value), wrong


def test_pictures_and_tables_are_sound():
    checks.check_panel(
        gives(
            '<svg viewBox="0 0 1 1"><title>x</title><defs><linearGradient id="g"><stop offset="0"/></linearGradient>'
            '<clipPath id="c"><rect/></clipPath></defs>'
            '<rect fill="url(#g)" clip-path="url( \'#c\' )" transform="scale(2)"/>'
            '<text style="fill:red;font-weight:600">a\\b</text></svg><a href="#top" title="a\\b url(x)">up</a>'
            '<table><tr><td style="width:30%;margin:2px 4px">1</td></tr></table>'
        )
    )


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A package of panels beside Klopf, of which most are not to be shown."""
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[klopf.panels]\nnames = outside_panels:Names\nbad = outside_panels:Bad\nnone = outside_panels:Nothing\n"
        "ends = outside_panels:Ends\nscript = outside_panels:Script\nexits = outside_panels:Exits\n"
    )
    (tmp_path / "outside_panels.py").write_text(
        "from klopf.network import Panel\n"
        "class Names(Panel):\n"
        "    title = 'By name'\n"
        "    def data(self, summary): return [row.name for row in summary.neurons]\n"
        "    def html(self, data): return f'<p>{len(data)} have names</p>'\n"
        "class Bad(Names):\n"
        "    def html(self, data): raise ValueError('<oh>')\n"
        "class Ends(Names):\n"
        "    def html(self, data): return '</body></html>'\n"
        "class Script(Names):\n"
        "    def html(self, data): return '<script>1</script>'\n"
        "class Exits(Names):\n"
        "    def html(self, data): raise SystemExit(0)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return info


def test_a_page_is_made_of_all_panels_and_names_a_broken_one(outside):
    page = render(_summary("ada", 2))
    assert "<h2>By name</h2>\n<p>4 have names</p>" in page
    assert "the panel &#x27;bad&#x27; of outside failed: ValueError: &lt;oh&gt;" in page
    assert "the panel &#x27;none&#x27; of outside cannot be loaded" in page
    assert "the panel &#x27;exits&#x27; of outside failed: SystemExit: 0" in page
    assert page.count("<details>") == 2 and page.index("Who is heard") < page.index("Every payment")


def test_a_panel_that_would_end_the_page_or_run_something_is_a_line(outside):
    page = render(_summary("ada", 2))
    assert "of outside is not shown: it closes &lt;/body&gt;" in page and page.count("</html>") == 1
    assert "of outside is not shown: it has &lt;script&gt;" in page and "<script" not in page


def test_a_page_made_with_a_panel_that_is_gone_agrees_in_what_is_left(outside):
    summary, alone = _summary("ada", 2), made_with()
    page = render(summary)
    assert not differing(page, summary, alone) and not missing(alone)
    (outside / "entry_points.txt").rename(outside / "gone")
    assert render(summary) != page and not differing(page, summary, alone)
    assert missing(alone)[-1] == (
        "report.html was made with the panel 'script' of outside 1.0, which is not installed: not compared"
    )
    assert len(missing(alone)) == 6
    assert differing(page.replace("Every payment", "Each payment"), summary, alone)
    assert differing(page, _summary("eve", 2), alone)


def test_a_page_made_before_a_panel_was_installed_agrees(outside):
    (outside / "entry_points.txt").rename(outside / "gone")
    summary, alone = _summary("ada", 2), made_with()
    page = render(summary)
    (outside / "gone").write_text("[klopf.panels]\nnames = outside_panels:Names\nscores = outside_panels:Names\n")
    (outside / "gone").rename(outside / "entry_points.txt")
    assert render(summary) != page and not differing(page, summary, alone) and not missing(alone)
    assert differing(page.replace("Every payment", "Each payment"), summary, alone)


def test_a_page_about_nothing_can_be_read():
    page = render(Summary("", 0, 0.0))
    assert "No epoch was completed." in page and "Disputes" not in page and "nan" not in page


def test_what_a_panel_shows_can_be_had_as_json():
    payments = PANELS.load("payments")().data(_summary("ada", 1))
    assert json.loads(json.dumps(payments))[0]["amount"] == "2468.000000000000000002"


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A package with a panel that changes what others read, one that prints, one that breaks and two that vary."""
    info = tmp_path / "hostile-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    kinds = ("Steals", "Breaks", "Varies", "Drifts")
    (info / "entry_points.txt").write_text(
        "[klopf.panels]\n" + "".join(f"{kind.lower()} = hostile_panels:{kind}\n" for kind in kinds)
    )
    (tmp_path / "hostile_panels.py").write_text(
        """
from klopf.network import Panel
NOW = 0
class Steals(Panel):
    title = "Steals"
    def data(self, summary):
        print("noise")
        summary.neurons.clear(); summary.notes.append("stolen"); summary.unit = "x"
        return []
    def html(self, data): return "<p>mine</p>"
class Breaks(Steals):
    def data(self, summary): raise ValueError("one\\ntwo", object())
class Varies(Steals):
    said = 0
    def html(self, data):
        Varies.said += 1
        return f"<p>{Varies.said}</p>"
class Drifts(Steals):
    title = "Drifts"
    def html(self, data): return f"<p>at {NOW}</p>"
"""
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import hostile_panels

    yield hostile_panels
    import sys

    del sys.modules["hostile_panels"]


def test_a_hostile_panel_changes_nothing_but_its_own_part(hostile, capsys):
    summary = _summary("ada", 2)
    page = render(summary)
    assert summary == _summary("ada", 2) and capsys.readouterr().out == ""
    assert "<p>mine</p>" in page and "ada3" in page and "stolen" not in page
    assert "the panel &#x27;breaks&#x27; of hostile failed: ValueError" in page and " at 0x" not in page
    assert "the panel &#x27;varies&#x27; of hostile is not shown: it gives something else each time" in page
    assert render(summary) == page and differing(page, summary, made_with()) == []


def test_a_panel_that_drifts_is_named_and_not_the_honest_page(hostile):
    summary, panels = _summary("ada", 2), made_with()
    page = render(summary)
    hostile.NOW = 1
    (line,) = differing(page, summary, panels)
    assert "another panel 'drifts' of hostile 1.0" in line
    both = differing(page.replace("Every payment", "Each payment"), summary, panels)
    assert len(both) == 2 and both[0] == line and "something else than the ledger" in both[1]


# ---- many neurons


def many(count):
    from decimal import Decimal

    from klopf.network._summary import Heard, Link, Moment, NeuronRow, Payment

    names = [f"owner-{k}" for k in range(count)]
    money = Decimal("0.5")
    heard = tuple(Heard(name, money, 0.1, 0.1, 64, money) for name in names[:8])
    return Summary(
        "many", 0, 1.0,
        neurons=[NeuronRow(k, n, "mind", True, "fringe", 1 / (k + 2), {}, money, money) for k, n in enumerate(names)],
        moments=[Moment(e, 0.9, 0.9, {name: k / count for k, name in enumerate(names)}) for e in (1, 2)],
        links=[Link(one, other, 0.3) for one, other in zip(names, names[1:] + names[:1], strict=True)],
        payments=[Payment(e, name, money, money, 1 / count, 0.1, heard) for e in (1, 2) for name in names],
    )  # fmt: skip


@pytest.mark.parametrize("count", [5, 13, 50, 500])
def test_no_neuron_covers_another_and_the_page_stays_small(count):
    from klopf.network._panels.picture import Picture, _circle, _disc

    summary = many(count)
    rows = Picture().data(summary)["neurons"]
    place, radius = (_circle if count <= 12 else _disc)(rows)
    ring = 4 if count <= 12 else 2.5
    names = list(place)
    for i, one in enumerate(names):
        for other in names[:i]:
            far = ((place[one][0] - place[other][0]) ** 2 + (place[one][1] - place[other][1]) ** 2) ** 0.5
            assert far > radius[one] + radius[other] + 2 * ring - 1.0, (one, other)
    assert min(radius.values()) > 2
    page = render(summary)
    assert all(f">{name}<" in page or f"{name}," in page for name in names), "everybody is on the page"
    assert len(page) < 160_000 + 800 * count


def test_of_many_lines_the_quarters_are_drawn():
    from klopf.network._panels.scores import Scores

    few, lots = Scores(), Scores()
    assert few.html(few.data(many(16))).count("<polyline") == 18
    shown = lots.html(lots.data(many(17)))
    assert shown.count("<polyline") == 7
    assert "median neuron" in shown
