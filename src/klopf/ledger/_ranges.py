"""The ranges of the numbers that the owner of the rules may change, as the contracts refuse them by name."""

from __future__ import annotations

__all__ = ["RANGES"]

RANGES = {
    # Rules
    "listenSeconds": "1 second to a day",
    "claimSeconds": "1 second to a day",
    "leastSeconds": "at most listen_seconds and claim_seconds",
    "thawSeconds": "from twice listen_seconds and claim_seconds together to 90 days",
    "kappa": "16384 to 58982",
    "seats": "1 or more",
    "maturity": "at most 1000",
    "marginBps": "at most 10000",
    "patience": "1 or more",
    "auditSeats": "1 to 16",
    "auditQuorum": "more than half of audit_seats, and no more than all",
    "floorBps": "at most 3000",
    "slashBps": "at most 10000",
    "marketBps": "at most 10000",
    "disputeSeconds": "at most 30 days",
    "decay": "at most 999999000000000000, which is 0.999999",
    "emission": "at most 1,000,000,000 KLP",
    "neuronStake": "above 0, at most 1,000,000 KLP",
    "auditorStake": "above 0, at most 1,000,000 KLP",
    "committee": "4 to 64",
    "fringeBps": "1 to 10000",
    # Economy
    "bytesPerStake": "1 to 1e18",
    "perCore": "at most 0.0001 units of effort",
    "perTeraflop": "at most 0.0001 units of effort",
    "perGiB": "at most 0.0001 units of effort",
    "bonusFrom": "under bonus_until",
    "bonusBps": "at most 10000",
    "nodeDevices": "1 or more",
    "halvingCycles": "365 or more",
    "milestone": "above the last threshold",
    "thresholds": "0 first, then each above the one before",
    "rewards": "none under the one before, the last at most 10,000,000 KLP",
    # AuditTerms
    "fewest": "1 to 10000",
    "most": "from fewest to 10000",
    "challengeSeconds": "1 second to 15 days",
    "deposit": "above 0, at most 1,000,000 KLP",
    # SeatTerms
    "vouchedBps": "under 10000",
    "enough": "1 to 64",
    "betterBps": "1 to 10001",
    "heardBps": "at most 10000",
    "faultFewest": "1 or more",
    "faultBps": "at most 10000",
    "faultSpan": "1 to 1000",
    "faultMost": "at most fault_span",
    # BeaconTerms
    "least": "above 0, at most 1,000,000,000 KLP",
    "missBps": "1 to 5000",
    # Exchange
    "feeBps": "1 to 100",
    # Loans
    "mostLimitBps": "1000 to 9000",
    "loan": "two tokens that are contracts, and not the same",
    "limit": "above 0, at most Loans.most_limit_bps",
    "atFull": "at_kink at most 1, at_full from at_kink to 4, with 18 decimals",
    "notice": "an hour to 7 days",
    # CaseTerms
    "rate": "at most 1000000, which is every answer",
    "answerSeconds": "1 second to 15 days",
    "judgeSeconds": "1 second to 15 days",
    "wrongBps": "at most 10000",
    "bond": "above 0, at most 1,000,000 KLP",
    # Ventures
    "goal": "100 of the smallest unit or more",
    "parts": "1 to 12 of them, which sum to the goal",
    "endsAt": "after fill_by, which is to come, and within ten years",
    "verifier": "somebody else than the founder, and no contract of this pack",
    "founderBps": "at most 10000",
    "window": "3 days or more",
}
"""By the name that the contract's error says."""
