// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBeacon} from "./IBeacon.sol";
import {IClock, ITurnout} from "./IClock.sol";
import {IDirectory} from "./IDirectory.sol";
import {IRegistry} from "./IRegistry.sol";
import {IRules, Parameters} from "./IRules.sol";

/// @title Epochs in lock-step: LISTEN, then CLAIM
/// @notice A phase ends at its deadline, or once the stake that is expected has arrived: never before the rules' least time,
///         never before half of all that is at stake is there, and never while somebody still has to show what it would
///         pay for not showing. Whoever arrived in one phase is expected in
///         those that follow with what it has at stake, until it misses a deadline: who was only cut off because the
///         others were quicker did not. Who has nothing at stake holds nobody up at all. A fiftieth of the expected stake
///         is not waited for. Where a twentieth of all that is at stake stays away, every eighth phase lasts until its
///         deadline, so that whoever needs the whole of one comes back, and is waited for again.
contract Clock is IClock {
    uint256 public constant HURRIED = 7;

    IRules public immutable rules;
    IRegistry public immutable registry;
    IBeacon public immutable beacon;
    address public immutable settlement;
    address public immutable audits;
    address public immutable starter;

    uint32 public epoch; // 0 until started: everybody gathers
    Phase public phase = Phase.Claim;
    uint64 public deadline;
    uint32 public expected;
    uint32 public arrived;
    uint64 public opened; // the running phase, in seconds since 1970
    uint8 public hurried; // phases in a row that ended early without a twentieth of all stake
    uint128 public expectedWeight; // stake that is waited for
    uint128 public arrivedWeight;
    uint64 public since; // whoever arrived in this turn or later is expected
    mapping(uint32 epoch => bytes32) public seedOf;
    mapping(uint32 epoch => Window) public windowOf; // for disputes; empty for none, or while the epoch runs
    mapping(uint32 id => uint64 turn) public lastTurn;
    mapping(uint32 id => uint128) private _arrivedWith; // what it had at stake when it last arrived

    constructor(IDirectory d, address starter_) {
        rules = IRules(d.addressOf("Rules"));
        registry = IRegistry(d.addressOf("Registry"));
        beacon = IBeacon(d.addressOf("Beacon"));
        settlement = d.find("Settlement");
        audits = d.find("Audits");
        starter = starter_;
    }

    /// @inheritdoc IClock
    function turn() public view returns (uint64) {
        return uint64(epoch) * 2 + uint64(phase) + 1;
    }

    /// @inheritdoc IClock
    function status()
        external
        view
        returns (uint32 epoch_, Phase phase_, uint64 deadline_, uint32 arrived_, uint32 expected_, uint64 time)
    {
        return (epoch, phase, deadline, arrived, expected, uint64(block.timestamp));
    }

    /// @inheritdoc IClock
    function due() public view returns (bool) {
        if (epoch == 0) return false;
        if (block.timestamp >= deadline) return true;
        if (block.timestamp < opened + rules.current().leastSeconds) return false;
        bool all = uint256(arrivedWeight) * 50 >= uint256(expectedWeight) * 49;
        return all && uint256(arrivedWeight) * 2 >= registry.weight() && !(hurried == HURRIED && _few()) && !_owed();
    }

    /// @inheritdoc IClock
    function start() external {
        if (msg.sender != starter) revert OnlyStarter();
        if (epoch != 0) revert AlreadyStarted();
        _openNext();
    }

    /// @inheritdoc IClock
    function advance() external {
        if (epoch == 0) revert NotStarted();
        if (!due()) revert NotDue(deadline, arrived, expected);
        _openNext();
    }

    /// @inheritdoc IClock
    function arrive(uint32 id) external {
        // CHECK
        if (msg.sender != settlement && msg.sender != audits) registry.requireActor(id, msg.sender);
        uint64 turn_ = turn();
        uint64 last = lastTurn[id];
        if (last == turn_) return;
        // APPLY
        uint128 weight = registry.weightOf(id);
        if (_expects(last)) {
            expectedWeight -= _arrivedWith[id]; // it is expected with what it has now
        } else {
            expected += 1;
        }
        expectedWeight += weight;
        arrivedWeight += weight;
        arrived += 1;
        (lastTurn[id], _arrivedWith[id]) = (turn_, weight);
        // EMIT
        emit Arrived(id, epoch, phase);
    }

    /// @inheritdoc IClock
    function depart(uint32 id) external {
        // CHECK
        registry.requireActor(id, msg.sender);
        uint64 turn_ = turn();
        uint64 last = lastTurn[id];
        // APPLY
        if (last == turn_) {
            arrived -= 1;
            arrivedWeight -= _arrivedWith[id];
        }
        if (_expects(last)) {
            expected -= 1;
            expectedWeight -= _arrivedWith[id];
        }
        (lastTurn[id], _arrivedWith[id]) = (0, 0);
        // EMIT
        emit Left(id, epoch, phase);
    }

    /// @dev Whether a value or a reveal is missing that costs stake. Whoever is slow must not lose it to those who are quick.
    function _owed() private view returns (bool) {
        if (phase == Phase.Listen) return false;
        if (beacon.owed(epoch) != 0) return true;
        if (audits == address(0)) return false;
        (,,, uint32 hidden) = ITurnout(audits).turnout(epoch);
        return hidden != 0;
    }

    function _expects(uint64 last) private view returns (bool) {
        return last != 0 && last >= since;
    }

    /// @dev Whether a twentieth of all that is at stake has not arrived.
    function _few() private view returns (bool) {
        return uint256(arrivedWeight) * 20 < uint256(registry.weight()) * 19;
    }

    function _openNext() private {
        // APPLY
        bool early = block.timestamp < deadline;
        hurried = early && _few() ? hurried + 1 : 0;
        if (!early) (expected, expectedWeight, since) = (arrived, arrivedWeight, turn());
        (arrived, arrivedWeight) = (0, 0);
        opened = uint64(block.timestamp);
        if (phase == Phase.Listen) {
            phase = Phase.Claim;
        } else {
            phase = Phase.Listen;
            uint32 length = rules.current().disputeSeconds;
            if (epoch != 0 && length != 0) windowOf[epoch] = Window(uint64(block.timestamp) + length, length);
            epoch += 1;
            rules.adopt(epoch);
            seedOf[epoch] = keccak256(abi.encode(seedOf[epoch - 1], beacon.mixOf(epoch - 1), epoch));
        }
        Parameters memory p = rules.current();
        deadline = uint64(block.timestamp) + (phase == Phase.Listen ? p.listenSeconds : p.claimSeconds);
        // EMIT
        emit Opened(epoch, phase, deadline, expected, seedOf[epoch]);
    }
}
