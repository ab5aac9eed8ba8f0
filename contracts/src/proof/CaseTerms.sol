// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {CaseTerm, ICaseTerms} from "./ICaseTerms.sol";

/// @title The terms of cases
/// @notice See `ICaseTerms`.
contract CaseTerms is ICaseTerms {
    IRules public immutable rules;
    IClock public immutable clock;

    struct Version {
        uint32 from; // the first epoch in which they count
        CaseTerm terms;
    }

    Version[] private _versions;

    constructor(IDirectory d, CaseTerm memory terms) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        _check(terms);
        _versions.push(Version(0, terms));
        emit Proposed(0, terms);
    }

    /// @inheritdoc ICaseTerms
    function current() external view returns (CaseTerm memory) {
        return countedIn(clock.epoch());
    }

    /// @inheritdoc ICaseTerms
    function countedIn(uint32 epoch) public view returns (CaseTerm memory) {
        uint256 i = _versions.length - 1;
        while (i != 0 && _versions[i].from > epoch) i--;
        return _versions[i].terms;
    }

    /// @inheritdoc ICaseTerms
    function propose(CaseTerm calldata terms) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        _check(terms);
        // APPLY
        uint32 next = clock.epoch() + 1;
        if (_versions[_versions.length - 1].from == next) _versions[_versions.length - 1].terms = terms;
        else _versions.push(Version(next, terms));
        // EMIT
        emit Proposed(next, terms);
    }

    function _check(CaseTerm memory t) private pure {
        if (t.rate > 1e6) revert TermOutOfRange("rate");
        if (t.answerSeconds == 0 || t.answerSeconds > 15 days) revert TermOutOfRange("answerSeconds");
        if (t.judgeSeconds == 0 || t.judgeSeconds > 15 days) revert TermOutOfRange("judgeSeconds");
        if (t.slashBps > 1e4) revert TermOutOfRange("slashBps");
        if (t.wrongBps > 1e4) revert TermOutOfRange("wrongBps");
        if (t.deposit == 0 || t.deposit > 1e24) revert TermOutOfRange("deposit");
        if (t.bond == 0 || t.bond > 1e24) revert TermOutOfRange("bond");
    }
}
