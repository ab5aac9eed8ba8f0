// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fixed} from "../core/Fixed.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IConsensus} from "../market/IConsensus.sol";
import {Agents} from "./Agents.sol";
import {IAgentReputation} from "./IAgentReputation.sol";

/// @title ERC-8004's reputation registry, as a view of how neurons were heard
/// @notice Keeps nothing: each call reads what `Settlement` and the registry have.
contract AgentReputation is IAgentReputation, Agents {
    string private constant SHARE = "share";
    uint8 private constant DECIMALS = 18;
    uint64 public constant WINDOW = 256;

    IClock public immutable clock;
    IConsensus public immutable settlement;
    address public immutable identity;

    constructor(IDirectory d, address identity_) Agents(d.addressOf("Registry")) {
        clock = IClock(d.addressOf("Clock"));
        settlement = IConsensus(d.addressOf("Settlement"));
        identity = identity_;
    }

    /// @inheritdoc IAgentReputation
    function getIdentityRegistry() external view returns (address) {
        return identity;
    }

    /// @inheritdoc IAgentReputation
    function getSummary(uint256 agentId, address[] calldata clientAddresses, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 count, int128 summaryValue, uint8 summaryValueDecimals)
    {
        uint32 accounted = _agent(agentId).accounted;
        if (clientAddresses.length == 0) revert NoClients();
        summaryValueDecimals = DECIMALS;
        if (!_means(clientAddresses, tag1, tag2)) return (0, 0, DECIMALS);
        (count, summaryValue) = (accounted, int128(int256(registry.heardBy(uint32(agentId)))));
    }

    /// @inheritdoc IAgentReputation
    function readFeedback(uint256 agentId, address clientAddress, uint64 feedbackIndex)
        external
        view
        returns (int128 value, uint8 valueDecimals, string memory tag1, string memory tag2, bool isRevoked)
    {
        uint64 last = getLastIndex(agentId, clientAddress);
        if (feedbackIndex == 0 || feedbackIndex > last) revert NoFeedback(clientAddress, feedbackIndex);
        return (_shareDown(uint32(agentId), uint32(feedbackIndex)), DECIMALS, SHARE, "", false);
    }

    /// @inheritdoc IAgentReputation
    function readAllFeedback(
        uint256 agentId,
        address[] calldata clientAddresses,
        string calldata tag1,
        string calldata tag2,
        bool
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
        )
    {
        uint64 last = getLastIndex(agentId, address(settlement));
        bool meant = clientAddresses.length == 0 || _means(clientAddresses, "", "");
        meant = meant && _tagged(tag1, tag2);
        uint64 n = !meant ? 0 : last < WINDOW ? last : WINDOW;
        (clients, feedbackIndexes, values) = (new address[](n), new uint64[](n), new int128[](n));
        (valueDecimals, tag1s, tag2s) = (new uint8[](n), new string[](n), new string[](n));
        revokedStatuses = new bool[](n);
        for (uint64 i = 0; i < n; i++) {
            uint64 epoch = last - n + 1 + i;
            (clients[i], feedbackIndexes[i], valueDecimals[i]) = (address(settlement), epoch, DECIMALS);
            values[i] = _shareDown(uint32(agentId), uint32(epoch));
            tag1s[i] = SHARE;
        }
    }

    /// @inheritdoc IAgentReputation
    function getResponseCount(uint256 agentId, address, uint64, address[] calldata) external view returns (uint64) {
        _agent(agentId);
        return 0;
    }

    /// @inheritdoc IAgentReputation
    function getClients(uint256 agentId) external view returns (address[] memory clients) {
        _agent(agentId);
        clients = new address[](1);
        clients[0] = address(settlement);
    }

    /// @inheritdoc IAgentReputation
    function getLastIndex(uint256 agentId, address clientAddress) public view returns (uint64) {
        _agent(agentId);
        uint32 running = clock.epoch();
        return clientAddress != address(settlement) || running == 0 ? 0 : running - 1;
    }

    // ---- what a view cannot do ----
    /// @inheritdoc IAgentReputation
    function giveFeedback(
        uint256, int128, uint8, string calldata, string calldata, string calldata, string calldata, bytes32
    ) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentReputation
    function revokeFeedback(uint256, uint64) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentReputation
    function appendResponse(uint256, address, uint64, string calldata, bytes32) external pure {
        revert ReadOnly();
    }

    function _shareDown(uint32 id, uint32 epoch) private view returns (int128) {
        (uint112 rank,,,,) = settlement.columns(epoch, id);
        (uint112 all,,,,) = settlement.epochs(epoch);
        return all == 0 ? int128(0) : int128(int256(Fixed.divDown(rank, all)));
    }

    function _means(address[] calldata clients, string memory tag1, string memory tag2) private view returns (bool) {
        if (!_tagged(tag1, tag2)) return false;
        for (uint256 i = 0; i < clients.length; i++) {
            if (clients[i] == address(settlement)) return true;
        }
        return false;
    }

    function _tagged(string memory tag1, string memory tag2) private pure returns (bool) {
        return (bytes(tag1).length == 0 || _same(tag1, SHARE)) && bytes(tag2).length == 0;
    }
}
