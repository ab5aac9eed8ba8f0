// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorProposalGuardian} from "@openzeppelin/contracts/governance/extensions/GovernorProposalGuardian.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from
    "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IDirectory} from "../core/IDirectory.sol";

/// @notice How the DAO votes. Times are seconds: the token counts by time.
struct Constitution {
    uint48 votingDelay; // from proposal to snapshot: time to delegate, and no vote with borrowed tokens
    uint32 votingPeriod;
    uint48 lateQuorumExtension; // a vote whose quorum comes late stays open at least this long after it
    uint256 proposalThreshold; // votes needed to propose
    uint256 quorumPercent; // of all tokens
    uint256 timelockDelay; // between a vote's end and its execution: time to leave
    address guardian; // may cancel a proposal and nothing else, for a year; the DAO may replace or remove it
}

/// @title Proposals, token-weighted votes, quorum, late-quorum extension, timelock, guardian
/// @notice OpenZeppelin's governor, whose guardian is bounded: it may cancel for a year after it was set, and never a
///         proposal that only says who shall be guardian. The other overrides below only say which parent answers. A
///         description that ends with `#proposer=0x...` can be proposed by that address alone.
contract KlopfGovernor is
    GovernorSettings,
    GovernorCountingSimple,
    GovernorVotesQuorumFraction,
    GovernorPreventLateQuorum,
    GovernorProposalGuardian,
    GovernorTimelockControl
{
    uint48 public constant GUARDIAN_SECONDS = 365 days;

    uint48 public guardianUntil; // after it the guardian may cancel nothing
    mapping(uint256 id => bool) public onGuardian; // proposals that say who shall be guardian, and nothing else

    constructor(IDirectory d, Constitution memory c)
        Governor("Klopf DAO")
        GovernorSettings(c.votingDelay, c.votingPeriod, c.proposalThreshold)
        GovernorVotes(IVotes(d.addressOf("Token")))
        GovernorVotesQuorumFraction(c.quorumPercent)
        GovernorPreventLateQuorum(c.lateQuorumExtension)
        GovernorTimelockControl(TimelockController(payable(d.addressOf("Timelock"))))
    {
        _setProposalGuardian(c.guardian);
    }

    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    function proposalDeadline(uint256 id) public view override(Governor, GovernorPreventLateQuorum) returns (uint256) {
        return super.proposalDeadline(id);
    }

    function state(uint256 id) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(id);
    }

    function proposalNeedsQueuing(uint256 id) public view override(Governor, GovernorTimelockControl) returns (bool) {
        return super.proposalNeedsQueuing(id);
    }

    function _tallyUpdated(uint256 id) internal override(Governor, GovernorPreventLateQuorum) {
        super._tallyUpdated(id);
    }

    /// @dev The proposer itself before the vote starts; the guardian while it is one and where it is not about itself.
    function _validateCancel(uint256 id, address caller)
        internal
        view
        override(Governor, GovernorProposalGuardian)
        returns (bool)
    {
        bool bounded = onGuardian[id] || block.timestamp > guardianUntil;
        if (bounded && proposalGuardian() != address(0)) return Governor._validateCancel(id, caller);
        return super._validateCancel(id, caller);
    }

    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal override returns (uint256 id) {
        id = super._propose(targets, values, calldatas, description, proposer);
        bool only = true;
        for (uint256 i = 0; i < targets.length; i++) {
            only = only && targets[i] == address(this) && bytes4(calldatas[i]) == this.setProposalGuardian.selector;
        }
        onGuardian[id] = only;
    }

    function _setProposalGuardian(address guardian) internal override {
        guardianUntil = uint48(block.timestamp) + GUARDIAN_SECONDS;
        super._setProposalGuardian(guardian);
    }

    function _queueOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
