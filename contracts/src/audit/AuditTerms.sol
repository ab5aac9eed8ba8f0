// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {AuditTerm, IAuditTerms} from "./IAuditTerms.sol";

/// @title The terms of audits, and their one owner
/// @notice They belong to whoever owns the rules; a change counts from the next epoch on, and reaches back to no audit.
contract AuditTerms is IAuditTerms {
    IRules public immutable rules;
    IClock public immutable clock;

    struct Version {
        uint32 from; // the first epoch in which they count
        AuditTerm terms;
    }

    Version[] private _versions;

    constructor(IDirectory d, AuditTerm memory terms) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        _check(terms);
        _versions.push(Version(0, terms));
        emit Proposed(0, terms);
    }

    /// @inheritdoc IAuditTerms
    function current() external view returns (AuditTerm memory) {
        return countedIn(clock.epoch());
    }

    /// @inheritdoc IAuditTerms
    function countedIn(uint32 epoch) public view returns (AuditTerm memory) {
        uint256 i = _versions.length - 1;
        while (i != 0 && _versions[i].from > epoch) i--;
        return _versions[i].terms;
    }

    /// @inheritdoc IAuditTerms
    function propose(AuditTerm calldata terms) external {
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

    function _check(AuditTerm memory t) private pure {
        if (t.fewest == 0 || t.fewest > 1e4) revert TermOutOfRange("fewest");
        if (t.most < t.fewest || t.most > 1e4) revert TermOutOfRange("most");
        if (t.challengeSeconds == 0 || t.challengeSeconds > 15 days) revert TermOutOfRange("challengeSeconds");
        if (t.deposit == 0 || t.deposit > 1e24) revert TermOutOfRange("deposit");
    }
}
