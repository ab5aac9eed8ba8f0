// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConsensus} from "./IConsensus.sol";

/// @title Pay follows listening
/// @notice When an epoch is over its emission is split by rank: at once, or once the dispute window has ended. Where
///         neurons are bound by lot, each is paid that part of its reward with which its own attention agreed with the
///         consensus: whoever is paid for speaking has to listen. What a speaker claims is in `Consensus`.
interface ISettlement is IConsensus {
    /// @notice A participant has been paid for an epoch.
    /// @param epoch Number of the epoch.
    /// @param id Id of the participant.
    /// @param owner Address that owns it and is paid.
    /// @param emitted Compute rewards minted so far.
    event Collected(uint32 indexed epoch, uint32 indexed id, address owner, uint256 emitted);

    /// @notice It is not over yet.
    /// @param epoch Number of the epoch.
    error StillOpen(uint32 epoch);

    /// @notice Only Disputes may.
    error OnlyDisputes();

    /// @notice Account for how each of `ids` was heard in an epoch that is over and, once the dispute window has ended
    ///         and no dispute about it is open, pay its share of the emission. Anybody may; what was
    ///         collected is skipped.
    /// @param epoch Number of the epoch.
    /// @param ids Ids of whoever is to be paid.
    function collect(uint32 epoch, uint32[] calldata ids) external;

    /// @notice A dispute about a receipt of `listener` has begun: its pay for the epoch waits.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    function hold(uint32 epoch, uint32 listener) external;

    /// @notice A dispute has ended. A listener that did not show the receipt in its root (`kept` false) loses its own
    ///         compute reward of the epoch.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param kept Whether the listener showed the receipt in its root.
    function release(uint32 epoch, uint32 listener, bool kept) external;
}
