"""Commands are found by their names: Klopf's own and those of other packages, also broken ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from klopf import checks
from klopf.console import COMMANDS, Command, CommandGroup, main, make_app

FILES = {
    "weigh": """
        from pathlib import Path

        from klopf.console import Command, Json, print_json


        class Weigh(Command):
            help = "Say how heavy a folder is."

            def run(self, folder: Path, *, json_: Json = False) -> int | None:
                \"\"\"
                Parameters
                ----------
                folder
                    Any folder.
                \"\"\"
                size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                print_json({"bytes": size}) if json_ else print(f"{size} bytes")
        """,
    "broken": "raise RuntimeError('two\\nlines')\n",
    "other": "class Other: pass\n",
    "fails": """
        from klopf.console import Command

        class Fails(Command):
            help = "Fail."
            def run(self) -> None:
                raise ZeroDivisionError("by nothing")
        """,
}  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH that holds an installed package with commands: a sound one and three that are not."""
    import textwrap

    place = tmp_path / "site"
    info = place / "outside-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    lines = [f"{name} = outside_{name}:{name.title()}" for name in FILES]
    (info / "entry_points.txt").write_text("[klopf.commands]\n" + "\n".join(lines) + "\n")
    for name, text in FILES.items():
        (place / f"outside_{name}.py").write_text(textwrap.dedent(text))
    return place


def klopf(package: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from klopf.console import main; main(sys.argv[2:])"
    return subprocess.run(
        [sys.executable, "-c", code, package, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_package_outside_adds_a_command(package):
    (package / "x").write_text("four")
    done = klopf(package, "weigh", package, "--json")
    assert done.returncode == 0 and '"bytes":' in done.stdout, done.stderr
    page = klopf(package, "weigh", "--help").stdout
    assert "Say how heavy a folder is." in page and "Any folder." in page
    assert klopf(package, "weigh").returncode == 2


def test_broken_ones_are_one_line_and_harm_nobody(package):
    done = klopf(package, "--help")
    assert done.returncode == 0 and not done.stderr
    page = " ".join(done.stdout.replace("│", " ").split())
    assert "weigh Say how heavy a folder is." in page and "demo Run the main job" in page
    assert "broken Broken: the command 'broken' of outside cannot be loaded" in page
    assert "other Broken: the command 'other' of outside (outside_other:Other) is no subclass" in page
    for name, said in (("broken", "RuntimeError"), ("other", "no subclass")):
        done = klopf(package, name)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and said in done.stderr
    done = klopf(package, "fails")
    assert done.returncode == 3 and len(done.stderr.strip().splitlines()) == 1
    assert "ZeroDivisionError: by nothing; this is a fault of the package outside" in done.stderr


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("    def app(self, name): return None", "app() must give the cyclopts.App of 'bad' alone"),
        ("    def app(self, name):\n        from cyclopts import App\n        return App(name=[name, 'verify'])",
         "app() must give the cyclopts.App of 'bad' alone"),
        ("    def app(self, name):\n        from cyclopts import App\n        return App(name='verify')",
         "app() must give the cyclopts.App of 'bad' alone"),
        ("    def __init__(self): print('noise'); raise GeneratorExit", "cannot be used: GeneratorExit"),
        ("    def run(self, what: 'Nowhere') -> None: ...", "cannot be used: NameError: name 'Nowhere' is not defined"),
    ],
)  # fmt: skip
def test_one_that_takes_others_words_or_breaks_in_any_way_is_a_line(tmp_path, module, says):
    info = tmp_path / "bad-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[klopf.commands]\nbad = bad:Bad\n--help = bad:Bad\n")
    base = "from klopf.console import Command\nclass Bad(Command):\n    help = 'x'\n    def run(self) -> None: ...\n"
    (tmp_path / "bad.py").write_text(base + module)
    done = klopf(tmp_path, "--help")
    page = " ".join(done.stdout.replace("│", " ").split())
    assert (
        done.returncode == 0
        and "verify Recompute every" in page
        and "bad Broken: the command 'bad' of bad cannot be used" in page
    )
    assert "'--help' of bad is no name" in page
    done = klopf(tmp_path, "bad")
    assert done.returncode == 2 and "noise" not in done.stdout and says in done.stderr.splitlines()[-1]


def test_a_command_that_raises_what_is_no_exception_is_one_line(tmp_path):
    info = tmp_path / "bad-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[klopf.commands]\nbad = bad:Bad\n")
    (tmp_path / "bad.py").write_text(
        "from klopf.console import Command\nclass Stop(BaseException):\n    def __str__(self): raise ValueError\n"
        "class Bad(Command):\n    help = 'x'\n    def run(self) -> None: raise Stop\n"
    )
    done = klopf(tmp_path, "bad")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
    assert "Stop, whose text cannot be had; this is a fault of the package bad" in done.stderr


@pytest.mark.parametrize("name", COMMANDS.shipped)
def test_what_ships_passes_the_check(name):
    checks.check_command(COMMANDS.load(name))


class Sound(Command):
    help = "Do nothing."

    def run(self, number: int = 1) -> None:
        """
        Parameters
        ----------
        number
            How often.
        """


class Mute(Sound):
    help = ""


class Untyped(Sound):
    def run(self, number) -> None: ...


class Swallows(Sound):
    def run(self, **options: str) -> None: ...


class Loud(Sound):
    def __init__(self) -> None:
        print("here I am")


class Unmakeable(Sound):
    def __init__(self, place: str) -> None: ...


class Greedy(Sound):
    extra = "everything"


class Empty(CommandGroup):
    help = "Nothing beneath."

    def commands(self):
        return {}


class Silent(CommandGroup):
    help = "A word without a line."

    def commands(self):
        return {"word": lambda: None}


def test_the_check_finds_each_fault():
    checks.check_command(Sound)
    for wrong, said in (
        (Mute, "help must be one line"),
        (Untyped, "number has no type"),
        (Swallows, "takes options that it does not have|runs on an option"),
        (Loud, "prints when it is made"),
        (Unmakeable, "made without arguments"),
        (Greedy, "extra is 'everything'"),
        (Empty, "commands\\(\\) is empty"),
        (Silent, "must be one line"),
        (CommandGroup, "lacks commands"),
        (int, "subclass of Command"),
    ):
        with pytest.raises(AssertionError, match=said) as caught:
            checks.check_command(wrong)
        assert "\n" not in str(caught.value)


def test_every_command_has_a_line_in_help():
    app = make_app()
    for name in COMMANDS.shipped:
        assert app[name].help and not app[name].help.startswith("Broken"), name


def test_a_light_install_says_what_is_missing(monkeypatch, capsys):
    from klopf import extras

    monkeypatch.setitem(extras.EXTRAS, "network", ("no_such_module",))
    with pytest.raises(SystemExit) as end:
        main(["demo"])
    assert end.value.code == 2
    line = 'klopf: klopf demo needs no_such_module, which is not installed: pip install "klopf[network]"\n'
    assert capsys.readouterr().err == line
    assert 'Needs: pip install "klopf[network]"' in str(make_app()["demo"].help)
