"""The panels of a run's page: what ships passes the check, which finds each fault; the page bears with strangers."""

import json
from html import escape

import pytest

from klopf import checks
from klopf.checks.panel import _summary
from klopf.network import PANELS, Panel, Summary, render
from klopf.network._report import agrees, made_with, missing


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


def test_the_check_finds_each_fault():
    checks.check_panel(Sound)
    for wrong, said in (
        (Raw, "not escaped: see html.escape"),
        (HalfEscaped, "onmouseover"),
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
    ):
        with pytest.raises(AssertionError, match=said) as caught:
            checks.check_panel(wrong)
        assert "\n" not in str(caught.value), wrong


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
    assert agrees(page, summary, alone) and not missing(alone)
    (outside / "entry_points.txt").rename(outside / "gone")
    assert render(summary) != page and agrees(page, summary, alone)
    assert missing(alone)[-1] == (
        "report.html was made with the panel 'script' of outside 1.0, which is not installed: not compared"
    )
    assert len(missing(alone)) == 6
    assert not agrees(page.replace("Every payment", "Each payment"), summary, alone)
    assert not agrees(page, _summary("eve", 2), alone)


def test_a_page_made_before_a_panel_was_installed_agrees(outside):
    (outside / "entry_points.txt").rename(outside / "gone")
    summary, alone = _summary("ada", 2), made_with()
    page = render(summary)
    (outside / "gone").write_text("[klopf.panels]\nnames = outside_panels:Names\nscores = outside_panels:Names\n")
    (outside / "gone").rename(outside / "entry_points.txt")
    assert render(summary) != page and agrees(page, summary, alone) and not missing(alone)
    assert not agrees(page.replace("Every payment", "Each payment"), summary, alone)


def test_a_page_about_nothing_can_be_read():
    page = render(Summary("", 0, 0.0))
    assert "No epoch was completed." in page and "Disputes" not in page and "nan" not in page


def test_what_a_panel_shows_can_be_had_as_json():
    payments = PANELS.load("payments")().data(_summary("ada", 1))
    assert json.loads(json.dumps(payments))[0]["amount"] == "2468.000000000000000002"
