// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Registry} from "./Registry.sol";
import {Rules, Parameters} from "./Rules.sol";
import {Wiring} from "./Wiring.sol";

/// @title Epochs in lock-step: LISTEN, then CLAIM
/// @notice A phase ends when all who are expected have arrived, or at its deadline. Whoever arrived in one phase is
///         expected in the next; whoever missed a deadline holds nobody up again until it comes back.
contract Clock {
    enum Phase {
        Listen,
        Claim
    }

    struct Window {
        uint64 until; // when it ends
        uint32 length; // in seconds, by the rules that the epoch was played by
    }

    Rules public immutable rules;
    Registry public immutable registry;
    address public immutable settlement;
    address public immutable audits;
    address public immutable starter;

    uint32 public epoch; // 0 until started: everybody gathers
    Phase public phase = Phase.Claim;
    uint64 public deadline;
    uint32 public expected;
    uint32 public arrived;
    mapping(uint32 epoch => bytes32) public seedOf;
    mapping(uint32 epoch => Window) public windowOf; // for disputes; empty for none, or while the epoch runs
    mapping(uint32 id => uint64 turn) public lastTurn;

    event Opened(uint32 indexed epoch, Phase phase, uint64 deadline, uint32 expected, bytes32 seed);
    event Arrived(uint32 indexed id, uint32 indexed epoch, Phase phase);
    event Left(uint32 indexed id, uint32 indexed epoch, Phase phase);

    error OnlyStarter();
    error AlreadyStarted();
    error NotStarted();
    error NotDue(uint64 deadline, uint32 arrived, uint32 expected);

    constructor(Wiring memory w, address starter_) {
        rules = Rules(w.rules);
        registry = Registry(w.registry);
        settlement = w.settlement;
        audits = w.audits;
        starter = starter_;
    }

    /// @notice A number for each phase of each epoch, from 2 on, so that 0 means "never".
    function turn() public view returns (uint64) {
        return uint64(epoch) * 2 + uint64(phase) + 1;
    }

    /// @notice Everything a participant polls, in one call.
    function status()
        external
        view
        returns (uint32 epoch_, Phase phase_, uint64 deadline_, uint32 arrived_, uint32 expected_, uint64 time)
    {
        return (epoch, phase, deadline, arrived, expected, uint64(block.timestamp));
    }

    /// @notice Whether `advance` would go through now.
    function due() public view returns (bool) {
        return epoch != 0 && (block.timestamp >= deadline || (expected != 0 && arrived == expected));
    }

    /// @notice Leave epoch 0, in which everybody gathers.
    function start() external {
        if (msg.sender != starter) revert OnlyStarter();
        if (epoch != 0) revert AlreadyStarted();
        _openNext();
    }

    /// @notice End a phase that is over. Anybody may.
    function advance() external {
        if (epoch == 0) revert NotStarted();
        if (!due()) revert NotDue(deadline, arrived, expected);
        _openNext();
    }

    /// @notice Be counted as done with this phase, and expected in the next. Settlement and Audits call it for those
    ///         who post, claim, commit or reveal; a participant with nothing to do calls it itself.
    function arrive(uint32 id) external {
        // CHECK
        if (msg.sender != settlement && msg.sender != audits) registry.requireActor(id, msg.sender);
        uint64 turn_ = turn();
        uint64 last = lastTurn[id];
        if (last == turn_) return;
        // APPLY
        if (last != turn_ - 1) expected += 1;
        arrived += 1;
        lastTurn[id] = turn_;
        // EMIT
        emit Arrived(id, epoch, phase);
    }

    /// @notice Go without holding the others up.
    function depart(uint32 id) external {
        // CHECK
        registry.requireActor(id, msg.sender);
        uint64 turn_ = turn();
        uint64 last = lastTurn[id];
        // APPLY
        if (last == turn_) arrived -= 1;
        if (last + 1 >= turn_) expected -= 1;
        lastTurn[id] = 0;
        // EMIT
        emit Left(id, epoch, phase);
    }

    function _openNext() private {
        // APPLY
        expected = arrived;
        arrived = 0;
        if (phase == Phase.Listen) {
            phase = Phase.Claim;
        } else {
            phase = Phase.Listen;
            uint32 length = rules.current().disputeSeconds;
            if (epoch != 0 && length != 0) windowOf[epoch] = Window(uint64(block.timestamp) + length, length);
            epoch += 1;
            rules.adopt(epoch);
            seedOf[epoch] =
                keccak256(abi.encode(seedOf[epoch - 1], blockhash(block.number - 1), block.prevrandao, epoch));
        }
        Parameters memory p = rules.current();
        deadline = uint64(block.timestamp) + (phase == Phase.Listen ? p.listenSeconds : p.claimSeconds);
        // EMIT
        emit Opened(epoch, phase, deadline, expected, seedOf[epoch]);
    }
}
