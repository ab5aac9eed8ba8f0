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
/// @notice One unit of effort (1e18) is 1 PB processed in a cycle. Only bytes count that their receiver has verified,
///         signed for and paid for: their price is burnt out of the receiver's stake, and what a node is paid of the
///         compute reward is always less than what was burnt for it, so that nobody gains by working for itself. Receipts
///         carry both signatures, so a device needs no coin: anybody may bring them; the rest goes through the forwarder.
contract Effort is IEffort, EIP712, ERC2771Context {
    bytes32 public constant RECEIPT = keccak256(
        "Receipt(uint32 cycle,uint32 serial,uint256 device,uint32 receiver,uint64 bytesVerified,uint32 workSeconds,uint32 talkSeconds,uint32 sales)"
    );
    uint256 public constant RETURN_BPS = 9000; // at most so much of what was burnt for a node comes back as its pay
    uint256 public constant FIXED_PART = 20; // the fixed part is at most this part of what was verified
    uint32 public constant SALES_BACK = 4; // so many owners back a receipt still pays who did the work

    IDevices public immutable devices;
    IEconomy public immutable economy;
    IEmission public immutable emission;
    IRegistry public immutable registry;
    IStake public immutable stake;

    uint32 public nodeCount;
    mapping(uint32 node => Node) public nodes;
    mapping(uint256 device => uint32 node) public nodeOf;
    mapping(uint256 device => mapping(uint32 sale => Place)) public beforeSale;
    mapping(uint32 cycle => uint256) public totalOf; // without bonuses
    mapping(uint32 cycle => uint256) public weightsOf; // with bonuses
    mapping(uint32 cycle => uint256) public backedOf; // what all nodes may be paid at most
    mapping(uint32 cycle => mapping(uint32 node => Tally)) public ofNode; // effort without the bonus
    mapping(uint32 cycle => mapping(uint32 node => uint256)) public weightOf; // effort with the bonus
    mapping(uint32 cycle => mapping(uint32 node => mapping(uint256 device => mapping(address holder => Tally)))) public
        ofDevice;
    mapping(uint32 cycle => mapping(uint256 device => mapping(uint32 sales => uint32))) public serialOf;
    mapping(uint32 cycle => mapping(uint32 node => uint256)) public backingOf; // what a node may be paid at most
    mapping(uint32 cycle => mapping(uint32 node => mapping(uint256 device => uint256))) public dataOf;
    mapping(uint32 cycle => mapping(uint32 node => uint256)) private _squares; // of the data of its devices, summed
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
    function onSold(uint256 device, address seller, uint32 sale) external {
        // CHECK
        if (msg.sender != address(devices)) revert NotOwner(msg.sender);
        // APPLY
        uint32 node = nodeOf[device];
        beforeSale[device][sale] = Place(node, seller, devices.device(device).key);
        if (node == 0) return;
        nodes[node].devices -= 1;
        nodeOf[device] = 0;
        // EMIT
        emit Joined(device, 0);
    }

    /// @inheritdoc IEffort
    function report(Receipt calldata r, bytes calldata deviceSignature, bytes calldata receiverSignature) external {
        // CHECK
        if (r.cycle != emission.roll()) revert WrongCycle(r.cycle);
        if (r.workSeconds == 0 || r.workSeconds > 1 days || r.talkSeconds > r.workSeconds) revert WrongTimes();
        IDevices.Device memory d = devices.device(r.device);
        (uint32 sales, bytes32 digest) = _signedAfter(r, deviceSignature);
        if (!_signed(registry.keyOf(r.receiver), digest, receiverSignature)) revert WrongReceiverSignature();
        if (r.serial != serialOf[r.cycle][r.device][sales] + 1) revert WrongSerial(r.serial);
        Place memory p = placeOf(r.device, sales);
        if (p.node == 0) revert UnknownNode(0);
        Weights memory w = economy.weights();
        uint256 price = priceUp(w, r.bytesVerified);
        uint256 staked = stake.account(r.receiver).staked;
        if (price > staked) revert StakeTooSmall(r.bytesVerified, (staked * w.bytesPerStake) / 1e18);
        // ACCRUE
        uint256 effort = variableDown(r.bytesVerified, r.workSeconds, r.talkSeconds);
        if (!emission.milestone() && dataOf[r.cycle][p.node][r.device] == 0) {
            effort += Math.min(fixedDown(w, d.cores, d.teraflops, d.memoryMiB), effort / FIXED_PART);
        }
        uint256 factor = bonusBps(w, workingIn(r.cycle - 1, p.node));
        // APPLY
        serialOf[r.cycle][r.device][sales] = r.serial;
        Tally storage t = ofDevice[r.cycle][p.node][r.device][p.holder];
        t.effort += effort;
        t.data += r.bytesVerified;
        _add(r.cycle, p.node, r.device, r.bytesVerified, effort, factor);
        uint256 backing = (price * RETURN_BPS * factor) / (1e4 * (1e4 + uint256(w.bonusBps))); // rounds down
        backingOf[r.cycle][p.node] += backing;
        backedOf[r.cycle] += backing;
        // EMIT
        _said(r, p, effort, price);
        if (price != 0) stake.burn(r.receiver, uint128(price));
    }

    /// @inheritdoc IEffort
    function payNode(uint32 cycle, uint32 node) external {
        // CHECK
        _close(cycle);
        if (paid[cycle][node] || weightOf[cycle][node] == 0) return;
        // APPLY
        paid[cycle][node] = true;
        uint256 amount = Math.mulDiv(poolOf[cycle], weightOf[cycle][node], weightsOf[cycle]); // rounds down
        amount = Math.min(amount, backingOf[cycle][node]);
        uint256 fee = (amount * nodes[node].feeBps) / 1e4; // rounds down, for the devices
        payOf[cycle][node] = leftOf[cycle][node] = amount - fee;
        if (fee != 0) emission.pay(nodes[node].owner, fee);
        // EMIT
        emit NodePaid(cycle, node, amount, fee);
    }

    /// @inheritdoc IEffort
    function payDevice(uint32 cycle, uint32 node, uint256 device, address holder) external {
        // CHECK
        if (!paid[cycle][node]) {
            if (closed[cycle] && weightOf[cycle][node] == 0) return;
            revert StillOpen(cycle);
        }
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
    function digestOf(Receipt calldata r, uint32 sales) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RECEIPT, r, sales)));
    }

    /// @inheritdoc IEffort
    function variableDown(uint64 bytesVerified, uint32 workSeconds, uint32 talkSeconds) public pure returns (uint256) {
        return (uint256(bytesVerified) * 1e3 * (workSeconds - talkSeconds)) / workSeconds;
    }

    /// @inheritdoc IEffort
    function placeOf(uint256 device, uint32 sales) public view returns (Place memory) {
        if (sales != devices.salesOf(device)) return beforeSale[device][sales];
        return Place(nodeOf[device], devices.ownerOf(device), devices.device(device).key);
    }

    /// @inheritdoc IEffort
    function priceUp(Weights memory w, uint64 bytesVerified) public pure returns (uint256) {
        return Math.ceilDiv(uint256(bytesVerified) * 1e18, w.bytesPerStake);
    }

    /// @inheritdoc IEffort
    function workingIn(uint32 cycle, uint32 node) public view returns (uint256) {
        uint256 squares = _squares[cycle][node];
        if (squares == 0) return 0;
        uint256 data = ofNode[cycle][node].data;
        return Math.mulDiv(data, data, squares); // rounds down
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
        if (totalOf[cycle] != 0) {
            uint256 granted = emission.setEffortAside(cycle);
            poolOf[cycle] = Math.min(granted, backedOf[cycle]);
            if (granted > poolOf[cycle]) emission.putBack(cycle, granted - poolOf[cycle]);
        }
        emit Closed(cycle, poolOf[cycle], totalOf[cycle]);
    }

    /// @dev Data, effort and weight of a node and of all, and how evenly its devices work.
    function _add(uint32 cycle, uint32 node, uint256 device, uint256 data, uint256 effort, uint256 factor) private {
        uint256 before = dataOf[cycle][node][device];
        dataOf[cycle][node][device] = before + data;
        _squares[cycle][node] += (before + data) * (before + data) - before * before;
        ofNode[cycle][node].effort += effort;
        ofNode[cycle][node].data += data;
        totalOf[cycle] += effort;
        uint256 weight = (effort * factor) / 1e4; // rounds down
        weightOf[cycle][node] += weight;
        weightsOf[cycle] += weight;
    }

    function _said(Receipt calldata r, Place memory p, uint256 effort, uint256 price) private {
        emit Reported(
            r.cycle,
            p.node,
            r.device,
            p.holder,
            effort,
            r.bytesVerified,
            r.workSeconds,
            r.talkSeconds,
            r.receiver,
            uint128(price)
        );
    }

    /// @dev After how many sales of the device the receipt was signed, the last ones first; and what was signed.
    function _signedAfter(Receipt calldata r, bytes calldata signature)
        private
        view
        returns (uint32 sales, bytes32 digest)
    {
        uint32 now_ = devices.salesOf(r.device);
        for (uint32 back = 0; back <= SALES_BACK && back <= now_; back++) {
            sales = now_ - back;
            digest = digestOf(r, sales);
            if (_signed(placeOf(r.device, sales).key, digest, signature)) return (sales, digest);
        }
        revert WrongDeviceSignature();
    }


    function _signed(address key, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        return key != address(0) && signer == key;
    }
}
