"""Buy an answer at a door as any agent would, with the stock client of x402: needs KLP, and no account.

    klopf door RUN --price 0.001 --port 8402
    BUYER_KEY=0x... python examples/buy_answers.py http://127.0.0.1:8402 '{"length": 1.0, "width": 0.1}'

The key is one of Ethereum's, in hexadecimal, such as `python -c "import secrets; print('0x' + secrets.token_hex(32))"`
makes; what a sample has, `GET /` says. Its address is given a KLP by who has some, of a run its operator:

    klopf ledger send ADDRESS 1 --deployment RUN/deployment.json --key RUN/operator.json

An unpaid one says which address that is.
"""

import asyncio
import json
import os
import sys

import httpx
from eth_account import Account
from x402 import x402Client
from x402.http.clients.httpx import wrapHttpxWithPayment
from x402.mechanisms.evm.exact import ExactEvmScheme


async def main(url: str, sample: str) -> None:
    account = Account.from_key(os.environ["BUYER_KEY"])
    card = httpx.get(url).json()
    client = x402Client()
    client.register(card["network"], ExactEvmScheme(account))
    allowed = {"network": card["network"], "asset": card["token"], "max_amount_per_payment": card["price"]}
    client.set_spend_controls({"allowed_assets": [allowed]})
    async with wrapHttpxWithPayment(client, timeout=60) as http:
        said = await http.post(f"{url}/ask", json={"samples": [json.loads(sample)]})
    print(json.dumps(said.json()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
