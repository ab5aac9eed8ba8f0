// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice How often an answer must be shown to be a network's, and what it costs not to.
struct CaseTerm {
    uint32 rate; // of a million answers, how many are drawn
    uint32 answerSeconds; // so long after a case was opened it can be answered
    uint32 judgeSeconds; // so long an answer can be disputed, and so long after that auditors vote
    uint16 slashBps; // share of a neuron's stake that is taken where it is convicted, in 1/10,000
    uint16 wrongBps; // share of an auditor's stake that is taken where most of all audit stake voted otherwise
    uint128 deposit; // of whoever opens a case, lost to the neuron where it answers
    uint128 bond; // of whoever disputes an answer, lost where auditors do not agree
}

/// @title The terms of cases, and their one owner
/// @notice They belong to whoever owns the rules; a change counts from the next epoch on, and reaches back to no answer.
interface ICaseTerms {
    /// @notice Other terms count from `from` on.
    /// @param from The first epoch whose answers they count for.
    /// @param terms The terms.
    event Proposed(uint32 indexed from, CaseTerm terms);

    /// @notice The number is outside its range.
    /// @param term Name of the number that is out of range.
    error TermOutOfRange(string term);

    /// @notice What counts in the running epoch.
    /// @return Those of now.
    function current() external view returns (CaseTerm memory);

    /// @notice What counted in an epoch: cases about its answers go by that.
    /// @param epoch Number of the epoch.
    /// @return Those of then.
    function countedIn(uint32 epoch) external view returns (CaseTerm memory);

    /// @notice Change the terms from the next epoch on. A later proposal replaces an earlier one.
    /// @param terms The terms.
    function propose(CaseTerm calldata terms) external;
}
