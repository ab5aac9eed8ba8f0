// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What evidence an audit must be, and what it costs to doubt it.
struct AuditTerm {
    uint16 fewest; // questions of a task, without which it counts for nothing
    uint16 most; // no task may have more
    uint32 challengeSeconds; // a question can be doubted so long after the reveal, and must be shown within as long again
    uint128 deposit; // of whoever doubts, lost where it was shown
}

/// @title The terms of audits, and their one owner
/// @notice They belong to whoever owns the rules; a change counts from the next epoch on, and reaches back to no audit.
interface IAuditTerms {
    /// @notice Other terms count from `from` on.
    /// @param from The first epoch in which they count.
    /// @param terms The terms.
    event Proposed(uint32 indexed from, AuditTerm terms);

    /// @notice The number is outside its range.
    /// @param term Name of the number that is out of range.
    error TermOutOfRange(string term);

    /// @notice What counts in the running epoch.
    /// @return Those of now.
    function current() external view returns (AuditTerm memory);

    /// @notice What counted in an epoch: its audits are judged by that.
    /// @param epoch Number of the epoch.
    /// @return Those of then.
    function countedIn(uint32 epoch) external view returns (AuditTerm memory);

    /// @notice Change the terms from the next epoch on. A later proposal replaces an earlier one.
    /// @param terms The terms.
    function propose(AuditTerm calldata terms) external;
}
