// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISeatRules} from "../core/ISeatRules.sol";

/// @notice What a seat asks of audits, and when auditors take what they find for a fault of the network.
struct SeatTerm {
    uint16 vouchedBps; // more than this share of all audit stake has found whoever sits good; 0 asks nothing
    uint16 enough; // so many auditors are enough, whatever stake they have
    uint16 betterBps; // a challenger by audits is graded so much better than the incumbent, in 1/10,000 of all there is
    uint16 heardBps; // and is heard so much of what the incumbent is
    uint16 faultFewest; // neurons that had passed, of fewer of which nothing is taken for a fault of the network
    uint16 faultBps; // more than this share of them miss a mark at once
    uint16 faultMost; // epochs in which that is taken for a fault, in any `faultSpan`
    uint16 faultSpan; // epochs
}

/// @title What audits say about seats
/// @notice A committee is drawn by lot, and may be bribed by a minority of the stake; more than half of all audit stake may
///         not. So a seat asks that auditors with most of it found the neuron good, each for itself, since it last failed or
///         changed its model. A neuron that is graded better than one with a seat may have it, also where it is heard less:
///         what it adds is heard least while others still hold its place.
interface ISeats is ISeatRules {
    /// @notice Other terms count from `from` on.
    /// @param from The first epoch in which they count.
    /// @param terms The terms.
    event Proposed(uint32 indexed from, SeatTerm terms);

    /// @notice Only the contract of the audits may.
    error OnlyAudits();

    /// @notice The number is outside its range.
    /// @param term Name of the number that is out of range.
    error TermOutOfRange(string term);

    /// @notice What counts in the running epoch.
    /// @return Those of now.
    function current() external view returns (SeatTerm memory);

    /// @notice What counted in an epoch.
    /// @param epoch Number of the epoch.
    /// @return Those of then.
    function countedIn(uint32 epoch) external view returns (SeatTerm memory);

    /// @notice Change the terms from the next epoch on. A later proposal replaces an earlier one.
    /// @param terms The terms.
    function propose(SeatTerm calldata terms) external;

    /// @notice Who found a neuron good since it last failed or changed its model, each once.
    /// @param neuron Id of the neuron.
    /// @return Ids of the auditors.
    function vouchers(uint32 neuron) external view returns (uint32[] memory);

    /// @notice How good audits found neurons, in 1/10,000: the mean of the medians that have a mark, of all audits since it
    ///         last failed or changed its model, of which the last counts a quarter; 0 where there is none.
    /// @param neurons Ids of the neurons.
    /// @return Their grades.
    function grades(uint32[] calldata neurons) external view returns (uint16[] memory);

    /// @notice The audits tell the outcome of one.
    /// @param neuron Id of the neuron.
    /// @param passed Whether every mark was reached.
    /// @param anew Whether it had not passed the audit before, or changed its model since.
    /// @param figure The mean of the medians that have a mark.
    /// @param by The auditors who found, each for itself, that every mark was reached, and are near what was agreed.
    function onJudged(uint32 neuron, bool passed, bool anew, uint16 figure, uint32[] calldata by) external;
}
