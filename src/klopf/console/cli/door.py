"""``klopf door``: let agents in that pay for what they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from klopf.console.cli.access import Flag, as_rows, klp, units
from klopf.console.cli.command import Command, Json, print_json
from klopf.console.cli.passphrase import passphrase

__all__ = ["Door"]

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=10_000))]
Blocks = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=10_000))]
Seconds = Annotated[float, Parameter(validator=validators.Number(gte=1, lte=1e7))]


class Door(Command):
    help = "Sell a neuron's or a network's answers to agents, over HTTP, MCP and A2A, paid by x402 in KLP."
    extra = "agents"

    def run(
        self, folder: Path, *, price: str = "0.001", host: str = "127.0.0.1", port: Port = 0, url: str = "",
        certificate: Path | None = None, certificate_key: Path | None = None, fee: str = "0", most: Count = 8,
        patience: Seconds = 600.0, confirmations: Blocks = 0, also: str = "", sold: Flag = False, json_: Json = False,
    ) -> None:  # fmt: skip
        """Whoever pays needs KLP and no account. A payment is settled on the ledger before the question is answered,
        and buys one answer however often it is shown. Runs until it is stopped.

        Example: klopf door ada --price 0.001 --port 8402

        Parameters
        ----------
        folder
            A run, a neuron's folder in it, or a folder that `klopf join` made: a neuron's, or a requester's, which buys
            each answer from the network. KLOPF_PASSPHRASE unlocks the key that is paid.
        price
            KLP for the answer to one sample.
        host
            Address to listen at. Any but this machine's own takes a certificate.
        port
            Port to listen at; 0 lets the system choose.
        url
            Where others reach it, if that is another address, as behind a server that speaks TLS.
        certificate
            Certificate for TLS, in PEM.
        certificate_key
            Its key, in PEM.
        fee
            KLP that a requester offers each neuron for a sample.
        most
            How many neurons a requester asks.
        patience
            Seconds after which what was paid and could not be answered is paid back.
        confirmations
            Blocks that must follow a payment before it counts, over a node's URL.
        also
            Doors of other packages to open beside HTTP, MCP and A2A, by their names, with commas between them.
        sold
            Print the last 100 payments instead, and what became of them.
        """
        from klopf import doors

        if sold:
            rows = [_row(sale) for sale in doors.sales_of(folder)]
            print_json(rows) if json_ else print("\n".join(as_rows(rows)))
            return
        how = doors.Opening(
            units(price), host, port, url, certificate, certificate_key, units(fee), most, patience, confirmations,
            tuple(name.strip() for name in also.split(",") if name.strip()),
        )  # fmt: skip

        def opened(told: doors.Opened) -> None:
            if json_:
                print_json({"url": told.url, "price_KLP": klp(told.price), "pay_to": told.pay_to, "about": told.about})
            else:
                print(f"{told.url}: {told.about}", flush=True)

        doors.serve(folder, how, passphrase(), opened)


def _row(sale: Any) -> dict[str, Any]:
    p = sale.payment
    return {"payer": p.payer, "KLP": klp(p.amount), "state": sale.state, "transaction": sale.transaction,
            "nonce": "0x" + p.nonce.hex()}  # fmt: skip
