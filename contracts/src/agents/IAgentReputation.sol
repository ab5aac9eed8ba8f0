// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAgents} from "./IAgents.sol";

/// @title ERC-8004's reputation registry, as a view of how neurons were heard
/// @notice There is one client, the network itself (`Settlement`), and one feedback an epoch, whose index is the epoch's
///         number: the neuron's share of all rank, 18 decimals, tagged `share`. The summary is the utility that standing
///         follows: the average of these shares in which later epochs weigh more.
interface IAgentReputation is IAgents {
    /// @notice Never said here: how a neuron was heard is said by `Settlement`.
    /// @param agentId Id of the participant.
    /// @param clientAddress Who says it.
    /// @param feedbackIndex Its number.
    /// @param value What it says.
    /// @param valueDecimals Decimals of that.
    /// @param indexedTag1 The first tag's hash.
    /// @param tag1 The first tag.
    /// @param tag2 The second one.
    /// @param endpoint What was used.
    /// @param feedbackURI A file.
    /// @param feedbackHash Its hash.
    event NewFeedback(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        int128 value,
        uint8 valueDecimals,
        string indexed indexedTag1,
        string tag1,
        string tag2,
        string endpoint,
        string feedbackURI,
        bytes32 feedbackHash
    );

    /// @notice Never said here.
    /// @param agentId Id of the participant.
    /// @param clientAddress Who said it.
    /// @param feedbackIndex Its number.
    event FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex);

    /// @notice Never said here.
    /// @param agentId Id of the participant.
    /// @param clientAddress Who said it.
    /// @param feedbackIndex Its number.
    /// @param responder Who answers.
    /// @param responseURI A file.
    /// @param responseHash Its hash.
    event ResponseAppended(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        address indexed responder,
        string responseURI,
        bytes32 responseHash
    );

    /// @notice A summary is asked for of certain clients.
    error NoClients();

    /// @notice There is no such feedback.
    /// @param clientAddress Who would have said it.
    /// @param feedbackIndex Its number.
    error NoFeedback(address clientAddress, uint64 feedbackIndex);

    /// @notice How many epochs back `readAllFeedback` goes.
    function WINDOW() external view returns (uint64);

    /// @notice Where agents are registered.
    /// @return identityRegistry The address of `AgentIdentity`.
    function getIdentityRegistry() external view returns (address identityRegistry);

    /// @notice How an agent was heard of late.
    /// @param agentId Id of the participant.
    /// @param clientAddresses Whose feedback counts; at least one.
    /// @param tag1 `share`, or empty for any.
    /// @param tag2 Empty.
    /// @return count Epochs that are in it; 0 where no feedback is meant.
    /// @return summaryValue Its corrected utility.
    /// @return summaryValueDecimals 18.
    function getSummary(uint256 agentId, address[] calldata clientAddresses, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 count, int128 summaryValue, uint8 summaryValueDecimals);

    /// @notice How an agent was heard in an epoch that is over.
    /// @param agentId Id of the participant.
    /// @param clientAddress The address of `Settlement`.
    /// @param feedbackIndex Number of the epoch.
    /// @return value Its share of all rank.
    /// @return valueDecimals 18.
    /// @return tag1 `share`.
    /// @return tag2 Empty.
    /// @return isRevoked Never.
    function readFeedback(uint256 agentId, address clientAddress, uint64 feedbackIndex)
        external
        view
        returns (int128 value, uint8 valueDecimals, string memory tag1, string memory tag2, bool isRevoked);

    /// @notice The same of the last `WINDOW` epochs, oldest first.
    /// @param agentId Id of the participant.
    /// @param clientAddresses Whose feedback counts; anybody's where there are none.
    /// @param tag1 `share`, or empty for any.
    /// @param tag2 Empty.
    /// @param includeRevoked Makes no difference.
    /// @return clients Who said it.
    /// @return feedbackIndexes Its number.
    /// @return values What it said.
    /// @return valueDecimals Decimals of that.
    /// @return tag1s Its first tag.
    /// @return tag2s Its second tag.
    /// @return revokedStatuses Whether it was revoked.
    function readAllFeedback(
        uint256 agentId,
        address[] calldata clientAddresses,
        string calldata tag1,
        string calldata tag2,
        bool includeRevoked
    )
        external
        view
        returns (
            address[] memory clients,
            uint64[] memory feedbackIndexes,
            int128[] memory values,
            uint8[] memory valueDecimals,
            string[] memory tag1s,
            string[] memory tag2s,
            bool[] memory revokedStatuses
        );

    /// @notice Nobody can respond to what was counted.
    /// @param agentId Id of the participant.
    /// @param clientAddress Who said it.
    /// @param feedbackIndex Its number.
    /// @param responders Who would have responded.
    /// @return count None.
    function getResponseCount(
        uint256 agentId, address clientAddress, uint64 feedbackIndex, address[] calldata responders
    ) external view returns (uint64 count);

    /// @notice Who gives feedback.
    /// @param agentId Id of the participant.
    /// @return The address of `Settlement`.
    function getClients(uint256 agentId) external view returns (address[] memory);

    /// @notice The last epoch that is over.
    /// @param agentId Id of the participant.
    /// @param clientAddress The address of `Settlement`; anybody else gave none.
    /// @return Its number.
    function getLastIndex(uint256 agentId, address clientAddress) external view returns (uint64);

    /// @notice Refused: what counts are receipts that both ends signed.
    /// @param agentId Id of the participant.
    /// @param value What it says.
    /// @param valueDecimals Decimals of that.
    /// @param tag1 The first tag.
    /// @param tag2 The second one.
    /// @param endpoint What was used.
    /// @param feedbackURI A file.
    /// @param feedbackHash Its hash.
    function giveFeedback(
        uint256 agentId,
        int128 value,
        uint8 valueDecimals,
        string calldata tag1,
        string calldata tag2,
        string calldata endpoint,
        string calldata feedbackURI,
        bytes32 feedbackHash
    ) external;

    /// @notice Refused: what was signed stays signed.
    /// @param agentId Id of the participant.
    /// @param feedbackIndex Its number.
    function revokeFeedback(uint256 agentId, uint64 feedbackIndex) external;

    /// @notice Refused.
    /// @param agentId Id of the participant.
    /// @param clientAddress Who said it.
    /// @param feedbackIndex Its number.
    /// @param responseURI A file.
    /// @param responseHash Its hash.
    function appendResponse(
        uint256 agentId, address clientAddress, uint64 feedbackIndex, string calldata responseURI, bytes32 responseHash
    ) external;
}
