// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title One transaction that settles an epoch for everybody
/// @notice Holds nothing and may do nothing that anybody could not do: it saves transactions.
interface IBatch {
    /// @notice Collect, then conclude, `epoch` for each of `ids`; and tidy the list of auditors a little.
    /// @param epoch Number of the epoch.
    /// @param ids Ids of whoever is to be settled.
    function settle(uint32 epoch, uint32[] calldata ids) external;
}
