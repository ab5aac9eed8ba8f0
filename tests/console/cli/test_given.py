"""What flags say in JSON."""

import pytest

from klopf.console.cli.given import file_form
from klopf.errors import PeersError
from klopf.tables import Format

USUAL = Format(";", ",", "latin-1", ("?",), {"0": "benign"})


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("{}", USUAL),
        ('{"delimiter": "|"}', Format("|", ",", "latin-1", ("?",), {"0": "benign"})),
        ('{"delimiter": "", "decimal": ""}', Format("", "", "latin-1", ("?",), {"0": "benign"})),
        ('{"missing": [-1], "spellings": {}}', Format(";", ",", "latin-1", ("-1",), {})),
        ('{"encoding": "utf-16"}', Format(";", ",", "utf-16", ("?",), {"0": "benign"})),
    ],
)
def test_what_is_left_open_is_as_usual(said, form):
    assert file_form(said, USUAL) == form


def test_without_files_before_it_what_is_left_open_is_found_out():
    assert file_form('{"decimal": ","}') == Format(decimal=",")
    with pytest.raises(PeersError, match="--form has 'delimiter'"):
        file_form('{"delimiter": 1}', USUAL)
