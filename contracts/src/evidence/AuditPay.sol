// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IAudits} from "../audit/IAudits.sol";
import {Counts} from "../audit/Counts.sol";
import {AuditTerm, IAuditTerms} from "../audit/IAuditTerms.sol";
import {IReveals} from "../audit/IReveals.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules} from "../core/IRules.sol";
import {IEmission} from "../market/IEmission.sol";
import {ISettlement} from "../market/ISettlement.sol";
import {IAuditPay} from "./IAuditPay.sol";
import {IChallenges} from "./IChallenges.sol";

/// @title Auditors are paid for audits that stood
/// @notice Holds nothing. The sum paid for an epoch never exceeds its share: what counts was counted when it was revealed.
contract AuditPay is IAuditPay {
    struct Version {
        uint32 from; // the first epoch in which it counts
        uint16 shareBps;
    }

    uint16 public constant MOST_BPS = 2000;

    IRules public immutable rules;
    IClock public immutable clock;
    IRegistry public immutable registry;
    IAudits public immutable audits;
    IAuditTerms public immutable terms;
    IChallenges public immutable challenges;
    IEmission public immutable emission;
    ISettlement public immutable settlement;

    mapping(uint32 epoch => mapping(uint32 auditor => bool)) public paid;
    Version[] private _versions;

    constructor(IDirectory d, uint16 shareBps) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        audits = IAudits(d.addressOf("Audits"));
        terms = IAuditTerms(d.addressOf("AuditTerms"));
        challenges = IChallenges(d.addressOf("Challenges"));
        emission = IEmission(d.addressOf("Emission"));
        settlement = ISettlement(d.addressOf("Settlement"));
        if (shareBps > MOST_BPS) revert ShareTooHigh(shareBps);
        _versions.push(Version(0, shareBps));
        emit Proposed(0, shareBps);
    }

    /// @inheritdoc IAuditPay
    function current() external view returns (uint16) {
        return countedIn(clock.epoch());
    }

    /// @inheritdoc IAuditPay
    function countedIn(uint32 epoch) public view returns (uint16) {
        uint256 i = _versions.length - 1;
        while (i != 0 && _versions[i].from > epoch) i--;
        return _versions[i].shareBps;
    }

    /// @inheritdoc IAuditPay
    function propose(uint16 shareBps) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        if (shareBps > MOST_BPS) revert ShareTooHigh(shareBps);
        // APPLY
        uint32 next = clock.epoch() + 1;
        if (_versions[_versions.length - 1].from == next) _versions[_versions.length - 1].shareBps = shareBps;
        else _versions.push(Version(next, shareBps));
        // EMIT
        emit Proposed(next, shareBps);
    }

    /// @inheritdoc IAuditPay
    function priceDown(uint32 epoch) public view returns (uint256) {
        (,, uint32 questions,) = audits.turnout(epoch);
        if (questions == 0) return 0;
        (,, uint96 pool,,) = settlement.epochs(epoch);
        return (uint256(pool) * countedIn(epoch)) / (1e4 * uint256(questions)); // rounds down
    }

    /// @inheritdoc IAuditPay
    function lot(uint32 epoch, uint32 auditor, IReveals.Result[] calldata results)
        external
        view
        returns (IChallenges.Place memory p)
    {
        (p,) = _lot(epoch, auditor, results);
    }

    /// @inheritdoc IAuditPay
    function collect(
        uint32 epoch,
        uint32 auditor,
        address key,
        IReveals.Result[] calldata results,
        bytes32 salt,
        IChallenges.Opening calldata opening
    ) external {
        // CHECK
        if (paid[epoch][auditor]) revert AlreadyPaid(epoch, auditor);
        if (audits.commitments(epoch, auditor) != audits.commitmentOf(epoch, key, results, salt)) revert WrongResults();
        if (clock.epoch() <= epoch || audits.slashed(epoch, auditor) || !challenges.stood(epoch, auditor)) {
            revert NotStood(epoch, auditor);
        }
        (IChallenges.Place memory p, IReveals.Count memory c) = _lot(epoch, auditor, results);
        challenges.requireShown(p, c, opening);
        uint32 counted = _counted(epoch, auditor, results);
        uint256 amount = priceDown(epoch) * counted;
        if (amount == 0) revert NothingCounted();
        // APPLY
        paid[epoch][auditor] = true;
        address owner = registry.ownerOf(auditor);
        uint256 granted = emission.setAside(amount);
        if (granted < amount) revert MarketSpent(amount, granted);
        emission.pay(owner, amount);
        // EMIT
        emit Collected(epoch, auditor, owner, counted, amount);
    }

    /// @dev What is told by findings about neurons that were bound when they were revealed, in a task of which a median was agreed.
    function _counted(uint32 epoch, uint32 auditor, IReveals.Result[] calldata results) private view returns (uint32 counted) {
        AuditTerm memory t = terms.countedIn(epoch);
        for (uint256 i = 0; i < results.length; i++) {
            uint32 neuron = results[i].neuron;
            if (!audits.concluded(epoch, neuron)) revert NotConcluded(neuron);
            if (audits.marked(epoch, neuron, auditor)) revert NotStood(epoch, auditor);
            if (audits.agreed(epoch, neuron, auditor)) counted += Counts.told(results[i], t);
        }
    }

    /// @dev One of all questions, each as likely as any other, by the seed that was made after everybody had committed.
    function _lot(uint32 epoch, uint32 auditor, IReveals.Result[] calldata results)
        private
        view
        returns (IChallenges.Place memory p, IReveals.Count memory c)
    {
        uint256 all = 0;
        for (uint256 i = 0; i < results.length; i++) {
            for (uint256 k = 0; k < results[i].counts.length; k++) {
                all += results[i].counts[k].asked;
            }
        }
        if (all == 0 || clock.epoch() <= epoch) revert NothingCounted();
        uint256 place = uint256(keccak256(abi.encode(clock.seedOf(epoch + 1), auditor))) % all;
        for (uint256 i = 0; i < results.length; i++) {
            for (uint256 k = 0; k < results[i].counts.length; k++) {
                c = results[i].counts[k];
                if (place < c.asked) {
                    return (IChallenges.Place(epoch, auditor, results[i].neuron, c.task, uint16(place)), c);
                }
                place -= c.asked;
            }
        }
    }
}
