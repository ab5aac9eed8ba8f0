// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReveals} from "../audit/IReveals.sol";
import {IChallenges} from "./IChallenges.sol";

/// @title Auditors are paid for audits that stood
/// @notice A share of what each epoch has for being heard is worth the same to every question about a neuron that was
///         bound to listen, up to six times the fewest that an audit may have, and comes out of the market's part, too: an
///         epoch that has nothing has nothing for audits. Who asks less tells less, and is paid less. An auditor is paid
///         once for an epoch, for those of its findings of which a median was agreed, if it was slashed for none of them, if nobody can doubt them any more and whatever was doubted was
///         shown, and if it shows, signed by the neuron, the one question that is drawn by the seed of the next epoch,
///         which nobody knew when it committed.
interface IAuditPay {
    /// @notice Another share counts from `from` on.
    /// @param from The first epoch in which it counts.
    /// @param shareBps Of an epoch's pool, in 1/10,000.
    event Proposed(uint32 indexed from, uint16 shareBps);

    /// @notice An auditor was paid.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param owner Who is paid.
    /// @param counted Questions of those of its findings that counted.
    /// @param amount In units of 1e-18 KLP.
    event Collected(uint32 indexed epoch, uint32 indexed auditor, address owner, uint32 counted, uint256 amount);

    /// @notice More than may be.
    /// @param shareBps What was proposed.
    error ShareTooHigh(uint16 shareBps);

    /// @notice An epoch is paid once.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    error AlreadyPaid(uint32 epoch, uint32 auditor);

    /// @notice These are not the results that the auditor committed to and revealed.
    error WrongResults();

    /// @notice They can be doubted still, one of them was doubted and not shown yet, or the auditor was slashed for them.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    error NotStood(uint32 epoch, uint32 auditor);

    /// @notice The audit of this neuron must be concluded first; anybody may.
    /// @param neuron Id of the neuron.
    error NotConcluded(uint32 neuron);

    /// @notice Nothing was found on which others agreed.
    error NothingCounted();

    /// @notice The market's part of this cycle is spent; come back in the next one.
    /// @param amount What is due.
    /// @param granted What is left.
    error MarketSpent(uint256 amount, uint256 granted);

    /// @notice The most that the share may be, in 1/10,000.
    function MOST_BPS() external view returns (uint16);

    /// @notice The share that counts in the running epoch.
    /// @return In 1/10,000.
    function current() external view returns (uint16);

    /// @notice The share that counted in an epoch.
    /// @param epoch Number of the epoch.
    /// @return In 1/10,000.
    function countedIn(uint32 epoch) external view returns (uint16);

    /// @notice Change the share from the next epoch on: the owner of the rules. A later proposal replaces an earlier one.
    /// @param shareBps Of an epoch's pool, in 1/10,000.
    function propose(uint16 shareBps) external;

    /// @notice Whether an auditor was paid for an epoch.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    function paid(uint32 epoch, uint32 auditor) external view returns (bool);

    /// @notice What one question is worth.
    /// @param epoch Number of an epoch that is over.
    /// @return In units of 1e-18 KLP, rounded down.
    function priceDown(uint32 epoch) external view returns (uint256);

    /// @notice The question that an auditor must show to be paid, drawn among all that it counted.
    /// @param epoch Number of an epoch that is over.
    /// @param auditor Id of the auditor.
    /// @param results What it revealed.
    /// @return Which question.
    function lot(uint32 epoch, uint32 auditor, IReveals.Result[] calldata results)
        external
        view
        returns (IChallenges.Place memory);

    /// @notice Pay an auditor's owner for an epoch. Anybody may.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param key Its key when it revealed.
    /// @param results What it revealed.
    /// @param salt The salt that it revealed.
    /// @param opening The question that `lot` names.
    function collect(
        uint32 epoch,
        uint32 auditor,
        address key,
        IReveals.Result[] calldata results,
        bytes32 salt,
        IChallenges.Opening calldata opening
    ) external;
}
