// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What the audits ask of the evidence
interface IContradictions {
    /// @notice Whether a neuron has been punished for a contradiction in an epoch.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @return Whether it has.
    function contradicted(uint32 epoch, uint32 neuron) external view returns (bool);
}
