// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IStake} from "../core/IStake.sol";
import {IEconomy, Weights} from "../market/IEconomy.sol";
import {IEmission} from "../market/IEmission.sol";
import {IDevices} from "./IDevices.sol";
import {IEffort} from "./IEffort.sol";

/// @title Effort of devices and their nodes, per cycle of 24 hours, and its pay (F5 to F7)
/// @notice One unit of effort (1e18) is 1 PB processed in a cycle. Only bytes count that their receiver has verified
///         and signed for, and a receiver can vouch for no more than its stake covers. Receipts carry both signatures,
///         so a device needs no coin: anybody may bring them; the rest goes through the forwarder.
contract Effort is IEffort, EIP712, ERC2771Context {
    bytes32 public constant RECEIPT = keccak256(
        "Receipt(uint32 cycle,uint32 serial,uint256 device,uint32 receiver,uint64 bytesVerified,uint32 workSeconds,uint32 talkSeconds)"
    );

    IDevices public immutable devices;
    IEconomy public immutable economy;
    IEmission public immutable emission;
    IRegistry public immutable registry;
    IStake public immutable stake;

    uint32 public nodeCount;
    mapping(uint32 node => Node) public nodes;
    mapping(uint256 device => uint32 node) public nodeOf;
    mapping(uint32 cycle => uint256) public totalOf; // with bonuses
    mapping(uint32 cycle => mapping(uint32 node => Tally)) public ofNode; // effort without the bonus
    mapping(uint32 cycle => mapping(uint32 node => uint256)) public weightOf; // effort with the bonus
    mapping(uint32 cycle => mapping(uint32 node => mapping(uint256 device => mapping(address holder => Tally)))) public
        ofDevice;
    mapping(uint32 cycle => mapping(uint256 device => uint32)) public serialOf;
    mapping(uint32 cycle => mapping(uint32 receiver => uint256)) public vouchedBy;
    mapping(uint32 cycle => uint256) public poolOf;
    mapping(uint32 cycle => bool) public closed;
    mapping(uint32 cycle => mapping(uint32 node => uint256)) public leftOf; // of a node's pay, not yet handed out
    mapping(uint32 cycle => mapping(uint32 node => uint256)) public payOf;
    mapping(uint32 cycle => mapping(uint32 node => bool)) public paid;

    constructor(IDirectory d) EIP712("Klopf Effort", "1") ERC2771Context(d.addressOf("Forwarder")) {
        devices = IDevices(d.addressOf("Devices"));
        economy = IEconomy(d.addressOf("Economy"));
        emission = IEmission(d.addressOf("Emission"));
        registry = IRegistry(d.addressOf("Registry"));
        stake = IStake(d.addressOf("Stake"));
    }

    /// @inheritdoc IEffort
    function found(Rule rule, uint16 feeBps) external returns (uint32 node) {
        if (feeBps > 1e4) revert FeeTooHigh(feeBps);
        node = ++nodeCount;
        nodes[node] = Node(_msgSender(), rule, feeBps, 0);
        emit NodeFounded(node, _msgSender(), rule, feeBps);
    }

    /// @inheritdoc IEffort
    function join(uint256 device, uint32 node) external {
        // CHECK
        if (devices.ownerOf(device) != _msgSender()) revert NotOwner(_msgSender());
        if (node > nodeCount) revert UnknownNode(node);
        if (node != 0 && nodes[node].devices >= economy.nodeDevices()) revert NodeFull(node);
        // APPLY
        uint32 before = nodeOf[device];
        if (before != 0) nodes[before].devices -= 1;
        if (node != 0) nodes[node].devices += 1;
        nodeOf[device] = node;
        // EMIT
        emit Joined(device, node);
    }

    /// @inheritdoc IEffort
    function report(Receipt calldata r, bytes calldata deviceSignature, bytes calldata receiverSignature) external {
        // CHECK
        if (r.cycle != emission.roll()) revert WrongCycle(r.cycle);
        if (r.serial != serialOf[r.cycle][r.device] + 1) revert WrongSerial(r.serial);
        if (r.workSeconds == 0 || r.workSeconds > 1 days || r.talkSeconds > r.workSeconds) revert WrongTimes();
        uint32 node = nodeOf[r.device];
        if (node == 0) revert UnknownNode(0);
        IDevices.Device memory d = devices.device(r.device);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(RECEIPT, r)));
        if (!_signed(d.key, digest, deviceSignature)) revert WrongDeviceSignature();
        if (!_signed(registry.keyOf(r.receiver), digest, receiverSignature)) revert WrongReceiverSignature();
        Weights memory w = economy.weights();
        uint256 covered = (uint256(stake.account(r.receiver).staked) * w.bytesPerStake) / 1e18;
        uint256 vouched = vouchedBy[r.cycle][r.receiver] + r.bytesVerified;
        if (vouched > covered) revert StakeTooSmall(vouched, covered);
        // ACCRUE
        uint256 effort = variableDown(r.bytesVerified, r.workSeconds, r.talkSeconds);
        if (r.serial == 1 && !emission.milestone()) effort += fixedDown(w, d.cores, d.teraflops, d.memoryMiB);
        uint256 weight = (effort * bonusBps(w, nodes[node].devices)) / 1e4; // rounds down
        address holder = devices.ownerOf(r.device);
        // APPLY
        serialOf[r.cycle][r.device] = r.serial;
        vouchedBy[r.cycle][r.receiver] = vouched;
        Tally storage t = ofDevice[r.cycle][node][r.device][holder];
        t.effort += effort;
        t.data += r.bytesVerified;
        ofNode[r.cycle][node].effort += effort;
        ofNode[r.cycle][node].data += r.bytesVerified;
        weightOf[r.cycle][node] += weight;
        totalOf[r.cycle] += weight;
        // EMIT
        emit Reported(
            r.cycle, node, r.device, holder, effort, r.bytesVerified, r.workSeconds, r.talkSeconds, r.receiver
        );
    }

    /// @inheritdoc IEffort
    function payNode(uint32 cycle, uint32 node) external {
        // CHECK
        _close(cycle);
        if (paid[cycle][node] || weightOf[cycle][node] == 0) return;
        // APPLY
        paid[cycle][node] = true;
        uint256 amount = Math.mulDiv(poolOf[cycle], weightOf[cycle][node], totalOf[cycle]); // rounds down
        uint256 fee = (amount * nodes[node].feeBps) / 1e4; // rounds down, for the devices
        payOf[cycle][node] = leftOf[cycle][node] = amount - fee;
        if (fee != 0) emission.pay(nodes[node].owner, fee);
        // EMIT
        emit NodePaid(cycle, node, amount, fee);
    }

    /// @inheritdoc IEffort
    function payDevice(uint32 cycle, uint32 node, uint256 device, address holder) external {
        // CHECK
        if (!paid[cycle][node]) revert StillOpen(cycle);
        Tally memory t = ofDevice[cycle][node][device][holder];
        Tally memory all = ofNode[cycle][node];
        if (t.effort == 0 && t.data == 0) return;
        // APPLY
        delete ofDevice[cycle][node][device][holder];
        bool byData = nodes[node].rule == Rule.ByData && all.data != 0;
        uint256 amount = byData
            ? Math.mulDiv(payOf[cycle][node], t.data, all.data)
            : Math.mulDiv(payOf[cycle][node], t.effort, all.effort); // both round down
        leftOf[cycle][node] -= amount;
        if (amount != 0) emission.pay(holder, amount);
        // EMIT
        emit DevicePaid(cycle, device, holder, amount);
    }

    /// @inheritdoc IEffort
    function variableDown(uint64 bytesVerified, uint32 workSeconds, uint32 talkSeconds) public pure returns (uint256) {
        return (uint256(bytesVerified) * 1e3 * (workSeconds - talkSeconds)) / workSeconds;
    }

    /// @inheritdoc IEffort
    function fixedDown(Weights memory w, uint16 cores, uint16 teraflops, uint32 memoryMiB) public pure returns (uint256) {
        return uint256(cores) * w.perCore + uint256(teraflops) * w.perTeraflop + (uint256(memoryMiB) * w.perGiB) / 1024;
    }

    /// @inheritdoc IEffort
    function bonusBps(Weights memory w, uint256 n) public pure returns (uint256) {
        if (n <= w.bonusFrom) return 1e4;
        return 1e4 + (w.bonusBps * (Math.min(n, w.bonusUntil) - w.bonusFrom)) / (w.bonusUntil - w.bonusFrom);
    }

    function _close(uint32 cycle) private {
        if (cycle >= emission.roll()) revert StillOpen(cycle);
        if (closed[cycle]) return;
        closed[cycle] = true;
        if (totalOf[cycle] != 0) poolOf[cycle] = emission.setEffortAside(cycle);
        emit Closed(cycle, poolOf[cycle], totalOf[cycle]);
    }

    function _signed(address key, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        return key != address(0) && signer == key;
    }
}
