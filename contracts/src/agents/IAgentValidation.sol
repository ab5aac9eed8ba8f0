// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAgents} from "./IAgents.sol";

/// @title ERC-8004's validation registry, as a view of the audits
/// @notice A validation is one task of what an auditor revealed about a neuron in an epoch. Nobody asks for it: auditors are
///         drawn. What identifies it says which it is, `epoch << 96 | neuron << 64 | auditor << 32 | place of the task`,
///         and not a hash; the validator is the auditor's key, the response its score in hundredths, the tag the task's
///         name, and the hash what the auditor committed to. All that is listed is of the last `WINDOW` epochs; an
///         older one can still be asked for by what identifies it.
interface IAgentValidation is IAgents {
    /// @notice Never said here: audits are drawn by `Audits`.
    /// @param validatorAddress Who shall answer.
    /// @param agentId Id of the participant.
    /// @param requestURI A file.
    /// @param requestHash What identifies it.
    event ValidationRequest(
        address indexed validatorAddress, uint256 indexed agentId, string requestURI, bytes32 indexed requestHash
    );

    /// @notice Never said here: audits are revealed in `Audits`.
    /// @param validatorAddress Who answers.
    /// @param agentId Id of the participant.
    /// @param requestHash What identifies it.
    /// @param response From 0 to 100.
    /// @param responseURI A file.
    /// @param responseHash Its hash.
    /// @param tag Of what kind it is.
    event ValidationResponse(
        address indexed validatorAddress,
        uint256 indexed agentId,
        bytes32 indexed requestHash,
        uint8 response,
        string responseURI,
        bytes32 responseHash,
        string tag
    );

    /// @notice No auditor has revealed this.
    /// @param requestHash What identifies it.
    error UnknownRequest(bytes32 requestHash);

    /// @notice How many epochs back lists and summaries go.
    function WINDOW() external view returns (uint32);

    /// @notice Where agents are registered.
    /// @return identityRegistry The address of `AgentIdentity`.
    function getIdentityRegistry() external view returns (address identityRegistry);

    /// @notice What came of a validation.
    /// @param requestHash What identifies it.
    /// @return validatorAddress The auditor's key.
    /// @return agentId Id of the neuron.
    /// @return response From 0 to 100, rounded down.
    /// @return responseHash What the auditor committed to.
    /// @return tag Name of the task.
    /// @return lastUpdate When it was revealed, in seconds since 1970.
    function getValidationStatus(bytes32 requestHash)
        external
        view
        returns (
            address validatorAddress,
            uint256 agentId,
            uint8 response,
            bytes32 responseHash,
            string memory tag,
            uint256 lastUpdate
        );

    /// @notice The mean of what came of an agent's validations.
    /// @param agentId Id of the neuron.
    /// @param validatorAddresses Keys of the auditors that count; all where there are none.
    /// @param tag Name of the task, or empty for all.
    /// @return count How many there are.
    /// @return averageResponse From 0 to 100, rounded down.
    function getSummary(uint256 agentId, address[] calldata validatorAddresses, string calldata tag)
        external
        view
        returns (uint64 count, uint8 averageResponse);

    /// @notice An agent's validations, newest epoch first.
    /// @param agentId Id of the neuron.
    /// @return requestHashes What identifies them.
    function getAgentValidations(uint256 agentId) external view returns (bytes32[] memory requestHashes);

    /// @notice Refused (`NotKept`): audits are kept by neuron.
    /// @param validatorAddress Key of an auditor.
    /// @return requestHashes What would identify them.
    function getValidatorRequests(address validatorAddress) external view returns (bytes32[] memory requestHashes);

    /// @notice Refused: auditors are drawn.
    /// @param validatorAddress Who shall answer.
    /// @param agentId Id of the participant.
    /// @param requestURI A file.
    /// @param requestHash What identifies it.
    function validationRequest(
        address validatorAddress, uint256 agentId, string calldata requestURI, bytes32 requestHash
    ) external;

    /// @notice Refused: auditors commit and reveal.
    /// @param requestHash What identifies it.
    /// @param response From 0 to 100.
    /// @param responseURI A file.
    /// @param responseHash Its hash.
    /// @param tag Of what kind it is.
    function validationResponse(
        bytes32 requestHash, uint8 response, string calldata responseURI, bytes32 responseHash, string calldata tag
    ) external;
}
