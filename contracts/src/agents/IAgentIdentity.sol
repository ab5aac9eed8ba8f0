// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAgents} from "./IAgents.sol";

/// @title ERC-8004's identity registry, as a view of the participants
/// @notice An agent is whoever takes part; its id is the participant's. It cannot be sold, so that what changes anything
///         is refused (`ReadOnly`), but for where it sells its answers; ERC-721 is therefore not claimed (ERC-165).
interface IAgentIdentity is IAgents {
    /// @notice What is told of an agent beside its registration file.
    struct MetadataEntry {
        string metadataKey;
        bytes metadataValue;
    }

    /// @notice An agent was announced for the first time, with the file that it had then.
    /// @param agentId Id of the participant.
    /// @param agentURI Its registration file.
    /// @param owner Its owner.
    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);

    /// @notice An agent was announced with another file than before.
    /// @param agentId Id of the participant.
    /// @param newURI Its registration file.
    /// @param updatedBy Who announced it, which may be anybody.
    event URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy);

    /// @notice A door was opened, moved or closed; all other metadata is read from the registry, and never said here.
    /// @param agentId Id of the participant.
    /// @param indexedMetadataKey The key's hash.
    /// @param metadataKey The key.
    /// @param metadataValue The value.
    event MetadataSet(
        uint256 indexed agentId, string indexed indexedMetadataKey, string metadataKey, bytes metadataValue
    );

    /// @notice ERC-721's event, said once, when an agent is announced for the first time.
    /// @param from Zero.
    /// @param to Its owner.
    /// @param tokenId Id of the participant.
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);

    /// @notice The address of a door has more bytes than are kept.
    /// @param bytes_ So many.
    error DoorTooLong(uint256 bytes_);

    /// @notice Say in events which agents there are and what their files say, for those who read events only. Anybody may;
    ///         what was said of an agent before is not said again.
    /// @param agentIds Ids of participants.
    function announce(uint256[] calldata agentIds) external;

    /// @notice Name of the collection.
    function name() external view returns (string memory);

    /// @notice Its short name.
    function symbol() external view returns (string memory);

    /// @notice ERC-165: of ERC-721 only the metadata, since nothing can be sold.
    /// @param interfaceId The interface.
    /// @return Whether all of it is there.
    function supportsInterface(bytes4 interfaceId) external view returns (bool);

    /// @notice Who owns an agent, and is paid.
    /// @param agentId Id of the participant.
    /// @return The address.
    function ownerOf(uint256 agentId) external view returns (address);

    /// @notice The registration file, as a data URI that is made of what the registry has.
    /// @param agentId Id of the participant.
    /// @return The URI.
    function tokenURI(uint256 agentId) external view returns (string memory);

    /// @notice What the registry has, in bytes: `agentWallet`, `role`, `standing`, `model`, `endpoint`, `key`, `fingerprint`
    ///         and `commitment`; and `door`, where it sells its answers. Nothing under any other key.
    /// @param agentId Id of the participant.
    /// @param metadataKey The key.
    /// @return The value.
    function getMetadata(uint256 agentId, string calldata metadataKey) external view returns (bytes memory);

    /// @notice Where an agent is paid: its owner.
    /// @param agentId Id of the participant.
    /// @return The address.
    function getAgentWallet(uint256 agentId) external view returns (address);

    /// @notice Nobody: an agent cannot be sold.
    /// @param agentId Id of the participant.
    /// @return Zero.
    function getApproved(uint256 agentId) external view returns (address);

    /// @notice Never: an agent cannot be sold.
    /// @param owner Of agents.
    /// @param operator Who would act for it.
    /// @return False.
    function isApprovedForAll(address owner, address operator) external view returns (bool);

    /// @notice Refused (`NotKept`): the registry does not count the participants of an owner.
    /// @param owner Of agents.
    function balanceOf(address owner) external view returns (uint256);

    /// @notice Refused: register in the network's registry.
    /// @param agentURI A file.
    /// @param metadata More.
    function register(string calldata agentURI, MetadataEntry[] calldata metadata) external returns (uint256 agentId);

    /// @notice Refused: register in the network's registry.
    /// @param agentURI A file.
    function register(string calldata agentURI) external returns (uint256 agentId);

    /// @notice Refused: register in the network's registry.
    function register() external returns (uint256 agentId);

    /// @notice Refused: the file is made of what the registry has.
    /// @param agentId Id of the participant.
    /// @param newURI A file.
    function setAgentURI(uint256 agentId, string calldata newURI) external;

    /// @notice Say where an agent's answers are sold for x402, or with no value that they are sold nowhere: the owner or the
    ///         key of the participant may. Refused under any other key: that is what the registry has.
    /// @param agentId Id of the participant.
    /// @param metadataKey `door`.
    /// @param metadataValue An address on the web, of 256 bytes at most.
    function setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) external;

    /// @notice Refused: an agent's owner is paid, and nobody else.
    /// @param agentId Id of the participant.
    /// @param newWallet An address.
    /// @param deadline In seconds since 1970.
    /// @param signature Of the wallet.
    function setAgentWallet(uint256 agentId, address newWallet, uint256 deadline, bytes calldata signature) external;

    /// @notice Refused: an agent's owner is paid, and nobody else.
    /// @param agentId Id of the participant.
    function unsetAgentWallet(uint256 agentId) external;

    /// @notice Refused: an agent cannot be sold.
    /// @param to Who would act for it.
    /// @param agentId Id of the participant.
    function approve(address to, uint256 agentId) external;

    /// @notice Refused: an agent cannot be sold.
    /// @param operator Who would act for the caller.
    /// @param approved Whether it may.
    function setApprovalForAll(address operator, bool approved) external;

    /// @notice Refused: an agent cannot be sold.
    /// @param from Its owner.
    /// @param to Another one.
    /// @param agentId Id of the participant.
    function transferFrom(address from, address to, uint256 agentId) external;

    /// @notice Refused: an agent cannot be sold.
    /// @param from Its owner.
    /// @param to Another one.
    /// @param agentId Id of the participant.
    function safeTransferFrom(address from, address to, uint256 agentId) external;

    /// @notice Refused: an agent cannot be sold.
    /// @param from Its owner.
    /// @param to Another one.
    /// @param agentId Id of the participant.
    /// @param data What it would be told.
    function safeTransferFrom(address from, address to, uint256 agentId, bytes calldata data) external;
}
