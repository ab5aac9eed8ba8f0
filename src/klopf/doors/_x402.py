"""x402, version 2, scheme ``exact`` on an EVM chain: what a price and a payment look like. The only file that knows its
package.

Its package's own server verifies, answers, and then settles; so of it only the records and their headers are used here.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from pydantic import ValidationError
from x402.http.constants import PAYMENT_REQUIRED_HEADER, PAYMENT_RESPONSE_HEADER, PAYMENT_SIGNATURE_HEADER
from x402.http.utils import encode_payment_required_header, encode_payment_response_header
from x402.schemas import PaymentPayload, PaymentRequired, PaymentRequirements, ResourceInfo, SettleResponse

from klopf import ledger, nested
from klopf.doors._sales import Payment, Sale
from klopf.errors import LedgerError, Unpaid

__all__ = ["PAYMENT", "Prices"]

PAYMENT = PAYMENT_SIGNATURE_HEADER
"""The header in which a payment comes."""
LONGEST = 8192
"""Bytes of that header."""
GOOD_FOR = 300
"""Seconds that a payer is asked to make a payment good for."""


class Prices:
    """What a door asks for, and reads, in the words of x402."""

    def __init__(self, book: ledger.Ledger) -> None:
        self.network = f"eip155:{book.deployment.chain_id}"
        self._token, self._to = book.token.address, book.me.address

    def _asked(self, price: int) -> PaymentRequirements:
        return PaymentRequirements(
            scheme="exact", network=self.network, asset=self._token, amount=str(price), pay_to=self._to,
            max_timeout_seconds=GOOD_FOR, extra={"name": "Klopf", "version": "1", "assetTransferMethod": "eip3009"},
        )  # fmt: skip

    def required(self, price: int, url: str, about: str, why: str) -> PaymentRequired:
        """What must be paid for a question that costs ``price`` units."""
        resource = ResourceInfo(url=url, description=about, mime_type="application/json")
        return PaymentRequired(error=why, resource=resource, accepts=[self._asked(price)])

    def read(self, said: Any, price: int) -> Payment:
        """The payment in what a stranger said, as the protocol has it.

        Raises:
            Unpaid: it is none, or another than what was asked for.
        """
        try:
            payload = PaymentPayload.model_validate(said)
            accepted, asked = payload.accepted, self._asked(price)
            for name in ("scheme", "network", "amount"):
                if (has := getattr(accepted, name)) != (wants := getattr(asked, name)):
                    raise Unpaid(f"the payment's {name} is {has[:80]!r}, and {wants!r} is asked for: ask for the price")
            if (_address(accepted.asset), _address(accepted.pay_to)) != (
                self._token, self._to
            ):  # fmt: skip
                raise Unpaid("the payment is in another token, or for somebody else: ask for the price")
            if payload.x402_version != 2:
                raise Unpaid(f"this is version {payload.x402_version} of x402: version 2 is spoken here")
            signed = payload.payload["authorization"]
            if _address(signed["to"]) != self._to:
                raise Unpaid("the payment was authorized for somebody else: ask for the price")
            return Payment(
                _address(signed["from"]), _whole(signed["value"], 256), _whole(signed["validAfter"], 63),
                _whole(signed["validBefore"], 63), _bytes(signed["nonce"], 32, 32),
                _bytes(payload.payload["signature"], 65, 4096),
            )  # fmt: skip
        except Unpaid:
            raise
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])[:80]
            raise Unpaid(f"this is no payment of x402: look at {place!a}") from None
        except (KeyError, TypeError, ValueError, LedgerError) as error:
            raise Unpaid(
                f"this is no `exact` payment by ERC-3009 ({type(error).__name__}): it takes an authorization (from, "
                "to, value, validAfter, validBefore, nonce) and a signature"
            ) from None

    def from_header(self, header: str, price: int) -> Payment:
        """The payment in a header. Raises as :meth:`read`."""
        try:
            if len(header) > LONGEST:
                raise ValueError
            said = nested.from_json(base64.b64decode(header, validate=True))
        except (binascii.Error, ValueError):
            raise Unpaid(f"{PAYMENT} is no JSON in base64, or longer than {LONGEST:,} bytes") from None
        return self.read(said, price)

    def receipt(self, sale: Sale) -> SettleResponse:
        """What the payer is told of the settlement."""
        p = sale.payment
        return SettleResponse(
            success=True, transaction=sale.transaction, network=self.network, payer=p.payer, amount=str(p.amount)
        )  # fmt: skip

    @staticmethod
    def required_header(required: PaymentRequired) -> dict[str, str]:
        return {PAYMENT_REQUIRED_HEADER: encode_payment_required_header(required)}

    @staticmethod
    def receipt_header(receipt: SettleResponse) -> dict[str, str]:
        return {PAYMENT_RESPONSE_HEADER: encode_payment_response_header(receipt)}


def _whole(text: Any, bits: int) -> int:
    """A whole number as x402 writes it: decimal digits."""
    if not isinstance(text, str) or not re.fullmatch("[0-9]{1,78}", text) or int(text) >= 2**bits:
        raise ValueError
    return int(text)


def _address(text: Any) -> str:
    if not isinstance(text, str) or not re.fullmatch("0x[0-9a-fA-F]{40}", text):
        raise ValueError
    return ledger.keys.checksum(text)


def _bytes(text: Any, least: int, most: int) -> bytes:
    if not isinstance(text, str) or not re.fullmatch("0x(?:[0-9a-fA-F]{2})+", text):
        raise ValueError
    found = bytes.fromhex(text[2:])
    if not least <= len(found) <= most:
        raise ValueError
    return found
