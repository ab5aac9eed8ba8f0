// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {Agents} from "./Agents.sol";
import {IAgentIdentity} from "./IAgentIdentity.sol";

/// @title ERC-8004's identity registry, as a view of the participants
/// @notice All that it keeps is what it announced, and where agents sell. Everything else is read from the registry at each
///         call.
contract AgentIdentity is IAgentIdentity, Agents {
    uint256 public constant LONGEST = 256; // bytes of a door's address
    bytes4 private constant METADATA = 0x5b5e139f; // ERC-721's: name, symbol, tokenURI

    mapping(uint256 agentId => bytes32) public announced; // hash of the file that was told last
    mapping(uint256 agentId => bytes) private _doors; // where each sells its answers for x402; empty for nowhere

    constructor(IDirectory d) Agents(d.addressOf("Registry")) {}

    /// @inheritdoc IAgentIdentity
    function announce(uint256[] calldata agentIds) external {
        for (uint256 i = 0; i < agentIds.length; i++) {
            // CHECK
            uint256 id = agentIds[i];
            address owner = ownerOf(id);
            string memory file = tokenURI(id);
            bytes32 before = announced[id];
            if (before == keccak256(bytes(file))) continue;
            // APPLY
            announced[id] = keccak256(bytes(file));
            // EMIT
            if (before == 0) {
                emit Transfer(address(0), owner, id);
                emit Registered(id, file, owner);
            } else {
                emit URIUpdated(id, file, msg.sender);
            }
        }
    }

    /// @inheritdoc IAgentIdentity
    function setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) external {
        // CHECK
        if (!_same(metadataKey, "door")) revert ReadOnly();
        _agent(agentId);
        registry.requireActor(uint32(agentId), msg.sender);
        if (metadataValue.length > LONGEST) revert DoorTooLong(metadataValue.length);
        // APPLY
        _doors[agentId] = metadataValue;
        // EMIT
        emit MetadataSet(agentId, metadataKey, metadataKey, metadataValue);
    }

    /// @inheritdoc IAgentIdentity
    function name() external pure returns (string memory) {
        return "Klopf agents";
    }

    /// @inheritdoc IAgentIdentity
    function symbol() external pure returns (string memory) {
        return "KLOPF-AGENT";
    }

    /// @inheritdoc IAgentIdentity
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == METADATA;
    }

    /// @inheritdoc IAgentIdentity
    function ownerOf(uint256 agentId) public view returns (address) {
        return _agent(agentId).owner;
    }

    /// @inheritdoc IAgentIdentity
    function getAgentWallet(uint256 agentId) external view returns (address) {
        return ownerOf(agentId);
    }

    /// @inheritdoc IAgentIdentity
    function tokenURI(uint256 agentId) public view returns (string memory) {
        IMembers.Participant memory p = _agent(agentId);
        string memory number = Strings.toString(agentId);
        bytes memory who = abi.encodePacked(
            '{"type":"https://eips.ethereum.org/EIPS/eip-8004#registration-v1","name":"',
            _roleOf(p),
            " ",
            number,
            '","description":"',
            _plain(p.model),
            ", ",
            _roleOf(p),
            ' of a Klopf network","image":"","services":['
        );
        bytes memory place = bytes(p.endpoint).length == 0
            ? bytes("")
            : abi.encodePacked('{"name":"klopf","endpoint":"', _plain(p.endpoint), '"}');
        bool sells = _doors[agentId].length != 0;
        if (sells) {
            place = abi.encodePacked(
                place,
                place.length == 0 ? "" : ",",
                '{"name":"web","endpoint":"',
                _plain(string(_doors[agentId])),
                '"}'
            );
        }
        bytes memory rest = abi.encodePacked(
            '],"x402Support":',
            sells ? "true" : "false",
            ',"active":',
            p.standing == IMembers.Standing.Silent ? "false" : "true",
            ',"registrations":[{"agentId":',
            number,
            ',"agentRegistry":"eip155:',
            Strings.toString(block.chainid),
            ":",
            Strings.toChecksumHexString(address(this)),
            '"}],"supportedTrust":["reputation","crypto-economic"]}'
        );
        string memory coded = Base64.encode(bytes.concat(who, place, rest));
        return string.concat("data:application/json;base64,", coded);
    }

    /// @inheritdoc IAgentIdentity
    function getMetadata(uint256 agentId, string calldata metadataKey) external view returns (bytes memory) {
        IMembers.Participant memory p = _agent(agentId);
        if (_same(metadataKey, "agentWallet")) return abi.encodePacked(p.owner);
        if (_same(metadataKey, "role")) return bytes(_roleOf(p));
        if (_same(metadataKey, "standing")) return bytes(_standingOf(p));
        if (_same(metadataKey, "model")) return bytes(p.model);
        if (_same(metadataKey, "endpoint")) return bytes(p.endpoint);
        if (_same(metadataKey, "key")) return abi.encodePacked(p.key);
        if (_same(metadataKey, "fingerprint")) return abi.encodePacked(p.fingerprint);
        if (_same(metadataKey, "commitment")) return abi.encodePacked(p.commitment);
        if (_same(metadataKey, "door")) return _doors[agentId];
        return "";
    }

    /// @inheritdoc IAgentIdentity
    function getApproved(uint256 agentId) external view returns (address) {
        _agent(agentId);
        return address(0);
    }

    /// @inheritdoc IAgentIdentity
    function isApprovedForAll(address, address) external pure returns (bool) {
        return false;
    }

    // ---- what a view cannot do ----
    /// @inheritdoc IAgentIdentity
    function balanceOf(address) external pure returns (uint256) {
        revert NotKept();
    }

    /// @inheritdoc IAgentIdentity
    function register(string calldata, MetadataEntry[] calldata) external pure returns (uint256) {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function register(string calldata) external pure returns (uint256) {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function register() external pure returns (uint256) {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function setAgentURI(uint256, string calldata) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function setAgentWallet(uint256, address, uint256, bytes calldata) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function unsetAgentWallet(uint256) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function approve(address, uint256) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function setApprovalForAll(address, bool) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function transferFrom(address, address, uint256) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function safeTransferFrom(address, address, uint256) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentIdentity
    function safeTransferFrom(address, address, uint256, bytes calldata) external pure {
        revert ReadOnly();
    }

    function _roleOf(IMembers.Participant memory p) private pure returns (string memory) {
        if (p.role == IMembers.Role.Neuron) return "neuron";
        return p.role == IMembers.Role.Auditor ? "auditor" : "requester";
    }

    function _standingOf(IMembers.Participant memory p) private pure returns (string memory) {
        if (p.standing == IMembers.Standing.Fringe) return "fringe";
        if (p.standing == IMembers.Standing.Backbone) return "backbone";
        return p.standing == IMembers.Standing.Silent ? "silent" : "none";
    }

    /// @dev What a stranger called itself, as text within quotes: what is no printable ASCII is a question mark.
    function _plain(string memory said) private pure returns (string memory) {
        bytes memory text = bytes(said);
        for (uint256 i = 0; i < text.length; i++) {
            bytes1 c = text[i];
            if (c < 0x20 || c > 0x7e || c == '"' || c == "\\") text[i] = "?";
        }
        return said;
    }
}
