"""A name that leads to a machine's own services of the link is asked nothing, whatever the resolver said before."""

from types import SimpleNamespace

import pytest

from klopf.console.cli.auditor import _check
from klopf.errors import AuditError, PeersError
from klopf.peers.models._endpoint import Endpoint


def connected(there):
    closed = []
    sock = SimpleNamespace(getpeername=lambda: (there, 80))
    return SimpleNamespace(sock=sock, close=lambda: closed.append(there)), closed


@pytest.mark.parametrize("there", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254"])
def test_a_name_that_leads_to_the_link_is_not_asked(there):
    connection, closed = connected(there)
    with pytest.raises(PeersError, match="of this link alone") as told:
        Endpoint("http://metadata.internal/latest", 1)._is_where_it_says(connection)
    assert closed == [there] and "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "there"),
    [("http://ada.net/", "93.184.216.34"), ("http://box/", "10.0.0.7"), ("http://localhost/", "127.0.0.1"),
     ("http://169.254.7.7/", "169.254.7.7"), ("http://[fe80::1]/", "fe80::1")],
)  # fmt: skip
def test_all_others_are_and_who_names_the_address_means_it(url, there):
    connection, closed = connected(there)
    Endpoint(url, 1)._is_where_it_says(connection)
    assert not closed


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "openai:http://[fe80::1]/v1#m", "http://[::ffff:169.254.169.254]/"]
)
def test_a_service_asks_no_address_of_the_link_that_its_keeper_did_not_name(url):
    with pytest.raises(AuditError, match="link alone: --only"):
        _check(url, {}, ())
    host = url.partition("//")[2].partition("/")[0].strip("[]")
    _check(url, {}, (host,))
