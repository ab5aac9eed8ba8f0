// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What the registry asks before it gives a seat away
interface ISeatRules {
    /// @notice Whether enough auditors found a neuron good for it to sit.
    /// @param neuron Id of the neuron.
    function vouched(uint32 neuron) external view returns (bool);

    /// @notice Whether a neuron takes a seat by its audits.
    /// @param neuron Id of the challenger.
    /// @param incumbent Id of the neuron that holds the seat.
    /// @param heard How much the challenger is heard.
    /// @param rival How much the incumbent is heard.
    function outdoes(uint32 neuron, uint32 incumbent, uint256 heard, uint256 rival) external view returns (bool);
}
