// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAudits} from "../audit/IAudits.sol";
import {IReveals} from "../audit/IReveals.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {Agents} from "./Agents.sol";
import {IAgentValidation} from "./IAgentValidation.sol";

/// @title ERC-8004's validation registry, as a view of the audits
/// @notice Keeps nothing: each call reads what `Audits` has.
contract AgentValidation is IAgentValidation, Agents {
    uint32 public constant WINDOW = 64;

    IClock public immutable clock;
    IAudits public immutable audits;
    address public immutable identity;

    constructor(IDirectory d, address identity_) Agents(d.addressOf("Registry")) {
        clock = IClock(d.addressOf("Clock"));
        audits = IAudits(d.addressOf("Audits"));
        identity = identity_;
    }

    /// @inheritdoc IAgentValidation
    function getIdentityRegistry() external view returns (address) {
        return identity;
    }

    /// @inheritdoc IAgentValidation
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
        )
    {
        uint256 which = uint256(requestHash);
        (uint32 epoch, uint32 neuron, uint32 auditor) = (uint32(which >> 96), uint32(which >> 64), uint32(which >> 32));
        IReveals.Finding[] memory found = audits.findings(epoch, neuron);
        for (uint256 i = 0; which >> 128 == 0 && i < found.length; i++) {
            IReveals.Score[] memory scores = found[i].scores;
            uint256 place = uint32(which);
            if (found[i].auditor != auditor || place >= scores.length) continue;
            validatorAddress = registry.keyOf(auditor);
            responseHash = audits.commitments(epoch, auditor);
            lastUpdate = audits.revealedAt(epoch, auditor);
            return (validatorAddress, neuron, _hundredth(scores[place]), responseHash, _name(scores[place].task), lastUpdate);
        }
        revert UnknownRequest(requestHash);
    }

    /// @inheritdoc IAgentValidation
    function getSummary(uint256 agentId, address[] calldata validatorAddresses, string calldata tag)
        external
        view
        returns (uint64 count, uint8 averageResponse)
    {
        _agent(agentId);
        uint256 sum = 0;
        uint32 running = clock.epoch();
        for (uint32 back = 0; back < WINDOW && back < running; back++) {
            IReveals.Finding[] memory found = audits.findings(running - back, uint32(agentId));
            for (uint256 i = 0; i < found.length; i++) {
                if (!_among(registry.keyOf(found[i].auditor), validatorAddresses)) continue;
                for (uint256 k = 0; k < found[i].scores.length; k++) {
                    IReveals.Score memory s = found[i].scores[k];
                    if (bytes(tag).length != 0 && !_same(tag, _name(s.task))) continue;
                    (count, sum) = (count + 1, sum + _hundredth(s));
                }
            }
        }
        if (count != 0) averageResponse = uint8(sum / count); // rounds down
    }

    /// @inheritdoc IAgentValidation
    function getAgentValidations(uint256 agentId) external view returns (bytes32[] memory requestHashes) {
        _agent(agentId);
        uint32 running = clock.epoch();
        uint256 n = 0;
        for (uint256 pass = 0; pass < 2; pass++) {
            if (pass == 1) (requestHashes, n) = (new bytes32[](n), 0);
            for (uint32 back = 0; back < WINDOW && back < running; back++) {
                IReveals.Finding[] memory found = audits.findings(running - back, uint32(agentId));
                for (uint256 i = 0; i < found.length; i++) {
                    for (uint256 k = 0; k < found[i].scores.length; k++) {
                        uint256 which = (uint256(running - back) << 96) | (agentId << 64);
                        which |= (uint256(found[i].auditor) << 32) | k;
                        if (pass == 1) requestHashes[n] = bytes32(which);
                        n++;
                    }
                }
            }
        }
    }

    // ---- what a view cannot do ----
    /// @inheritdoc IAgentValidation
    function getValidatorRequests(address) external pure returns (bytes32[] memory) {
        revert NotKept();
    }

    /// @inheritdoc IAgentValidation
    function validationRequest(address, uint256, string calldata, bytes32) external pure {
        revert ReadOnly();
    }

    /// @inheritdoc IAgentValidation
    function validationResponse(bytes32, uint8, string calldata, bytes32, string calldata) external pure {
        revert ReadOnly();
    }

    function _hundredth(IReveals.Score memory s) private pure returns (uint8) {
        return uint8(s.value / 100); // of 10,000; rounds down
    }

    function _among(address key, address[] calldata keys) private pure returns (bool) {
        for (uint256 i = 0; i < keys.length; i++) {
            if (keys[i] == key) return true;
        }
        return keys.length == 0;
    }

    function _name(bytes26 task) private pure returns (string memory) {
        uint256 length = 26;
        while (length != 0 && task[length - 1] == 0) length--;
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            text[i] = task[i];
        }
        return string(text);
    }
}
