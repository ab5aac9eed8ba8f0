// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Weights} from "../market/IEconomy.sol";

/// @title Effort of devices and their nodes, per cycle of 24 hours, and its pay (F5 to F7)
/// @notice One unit of effort (1e18) is 1 PB processed in a cycle. Only bytes count that their receiver has verified,
///         signed for and paid for: their price is burnt out of the receiver's stake, and what a node is paid of the
///         compute reward is always less than what was burnt for it, so that nobody gains by working for itself. Receipts
///         carry both signatures, so a device needs no coin: anybody may bring them; the rest goes through the forwarder.
interface IEffort {
    enum Rule {
        ByEffort,
        ByData
    }

    struct Receipt {
        uint32 cycle;
        uint32 serial; // of this device in this cycle, counting up: none counts twice
        uint256 device;
        uint32 receiver; // registered; what the bytes cost is burnt out of its stake
        uint64 bytesVerified;
        uint32 workSeconds;
        uint32 talkSeconds; // spent communicating
    }

    struct Node {
        address owner; // is paid, and the leader's fee with it
        Rule rule; // how the node's pay is shared among its devices; published, and the same for the whole cycle
        uint16 feeBps; // what the leader keeps
        uint16 devices;
    }

    struct Tally {
        uint256 effort; // of a device for one holder, before the node's bonus; or of a node
        uint256 data; // bytes
    }

    struct Place {
        uint32 node;
        address holder;
        address key; // that the device signed with
    }

    /// @notice A node is there.
    /// @param node Number of the node.
    /// @param owner Address that owns it and is paid.
    /// @param rule How pay is shared among the devices.
    /// @param feeBps What the leader keeps, in 1/10,000.
    event NodeFounded(uint32 indexed node, address owner, Rule rule, uint16 feeBps);

    /// @notice A device has changed its node; 0 is none.
    /// @param device Token id of the device.
    /// @param node Number of the node.
    event Joined(uint256 indexed device, uint32 indexed node);

    /// @notice Work counts.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    /// @param device Token id of the device.
    /// @param holder Who owned the device when it worked.
    /// @param effort Effort, 18 decimals.
    /// @param bytesVerified Bytes that the receiver has verified.
    /// @param workSeconds Time the work took.
    /// @param talkSeconds Part of it that was spent communicating.
    /// @param receiver Id of the participant that signed for the bytes.
    /// @param burnt What they cost it, in units of 1e-18 KLP.
    event Reported(
        uint32 indexed cycle,
        uint32 indexed node,
        uint256 indexed device,
        address holder,
        uint256 effort,
        uint64 bytesVerified,
        uint32 workSeconds,
        uint32 talkSeconds,
        uint32 receiver,
        uint128 burnt
    );

    /// @notice The effort of a cycle is added up.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param pool Compute reward of the cycle for effort.
    /// @param effort Effort of all nodes, without bonuses.
    event Closed(uint32 indexed cycle, uint256 pool, uint256 effort);

    /// @notice A node has been paid.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    /// @param amount Pay of the node, its leader's fee included.
    /// @param fee The leader's part.
    event NodePaid(uint32 indexed cycle, uint32 indexed node, uint256 amount, uint256 fee);

    /// @notice A device's part has been paid.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param device Token id of the device.
    /// @param holder Who owned the device when it worked.
    /// @param amount In units of 1e-18 KLP.
    event DevicePaid(uint32 indexed cycle, uint256 indexed device, address indexed holder, uint256 amount);

    /// @notice Only the owner may.
    /// @param caller Who sent the transaction.
    error NotOwner(address caller);

    /// @notice The node has as many devices as may join.
    /// @param node Number of the node.
    error NodeFull(uint32 node);

    /// @notice There is no such node.
    /// @param node Number of the node.
    error UnknownNode(uint32 node);

    /// @notice Reports are for the running cycle.
    /// @param cycle Number of the cycle of 24 hours.
    error WrongCycle(uint32 cycle);

    /// @notice Reports of a device count up within a cycle.
    /// @param serial Number of the report, counting up.
    error WrongSerial(uint32 serial);

    /// @notice These times cannot be.
    error WrongTimes();

    /// @notice The device did not sign it.
    error WrongDeviceSignature();

    /// @notice The receiver did not sign it.
    error WrongReceiverSignature();

    /// @notice The receiver signed for more bytes than its stake pays for.
    /// @param bytesAsked Bytes of the report.
    /// @param bytesCovered Bytes that the stake pays for.
    error StakeTooSmall(uint256 bytesAsked, uint256 bytesCovered);

    /// @notice A fee is at most everything.
    /// @param feeBps What the leader keeps, in 1/10,000.
    error FeeTooHigh(uint16 feeBps);

    /// @notice It is not over yet.
    /// @param cycle Number of the cycle of 24 hours.
    error StillOpen(uint32 cycle);

    /// @notice Of what was burnt for a node, at most so much comes back as its pay, in 1/10,000.
    function RETURN_BPS() external view returns (uint256);

    /// @notice The fixed part of an effort is at most this part of the variable one.
    function FIXED_PART() external view returns (uint256);

    /// @notice So many owners back a receipt still pays who did the work.
    function SALES_BACK() external view returns (uint32);

    /// @notice EIP-712 type hash of what device and receiver sign.
    function RECEIPT() external view returns (bytes32);

    /// @notice How many nodes there are.
    function nodeCount() external view returns (uint32);

    /// @notice A node.
    /// @param node Number of the node.
    function nodes(uint32 node) external view returns (address owner, Rule rule, uint16 feeBps, uint16 devices);

    /// @notice The node that a device is in; 0 for none.
    /// @param device Token id of the device.
    function nodeOf(uint256 device) external view returns (uint32);

    /// @notice Effort of a cycle, without bonuses: what decides about emission's next reward and its milestone.
    /// @param cycle Number of the cycle of 24 hours.
    function totalOf(uint32 cycle) external view returns (uint256);

    /// @notice Effort of a cycle, with bonuses: what its pool is shared by.
    /// @param cycle Number of the cycle of 24 hours.
    function weightsOf(uint32 cycle) external view returns (uint256);

    /// @notice What all nodes may be paid for a cycle at most, by what was burnt.
    /// @param cycle Number of the cycle of 24 hours.
    function backedOf(uint32 cycle) external view returns (uint256);

    /// @notice What a node may be paid for a cycle at most, by what was burnt for it.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    function backingOf(uint32 cycle, uint32 node) external view returns (uint256);

    /// @notice Bytes of a device in a node in a cycle.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    /// @param device Token id of the device.
    function dataOf(uint32 cycle, uint32 node, uint256 device) external view returns (uint256);

    /// @notice Where a device was, and whose, before one of its sales.
    /// @param device Token id of the device.
    /// @param sale Number of the sale, from 0.
    function beforeSale(uint256 device, uint32 sale) external view returns (uint32 node, address holder, address key);

    /// @notice What a node did in a cycle; effort without its bonus.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    function ofNode(uint32 cycle, uint32 node) external view returns (uint256 effort, uint256 data);

    /// @notice Effort of a node in a cycle with its bonus.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    function weightOf(uint32 cycle, uint32 node) external view returns (uint256);

    /// @notice What a device did in a cycle for a node and a holder, until it is paid.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    /// @param device Token id of the device.
    /// @param holder Who owned the device when it worked.
    function ofDevice(
        uint32 cycle, uint32 node, uint256 device, address holder
    ) external view returns (uint256 effort, uint256 data);

    /// @notice The last report of a device in a cycle, of those signed after so many sales of it.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param device Token id of the device.
    /// @param sales How often the device had been sold.
    function serialOf(uint32 cycle, uint256 device, uint32 sales) external view returns (uint32);

    /// @notice What a cycle pays for effort, once closed.
    /// @param cycle Number of the cycle of 24 hours.
    function poolOf(uint32 cycle) external view returns (uint256);

    /// @notice Whether a cycle is closed.
    /// @param cycle Number of the cycle of 24 hours.
    function closed(uint32 cycle) external view returns (bool);

    /// @notice Pay of a node that was not handed out yet.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    function leftOf(uint32 cycle, uint32 node) external view returns (uint256);

    /// @notice Pay of a node, less its leader's fee.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    function payOf(uint32 cycle, uint32 node) external view returns (uint256);

    /// @notice Whether a node was paid for a cycle.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    function paid(uint32 cycle, uint32 node) external view returns (bool);

    /// @notice Found a node. Its rule and fee are published here and never change: found another to change them.
    /// @param rule How pay is shared among the devices.
    /// @param feeBps What the leader keeps, in 1/10,000.
    /// @return node Number of the new node.
    function found(Rule rule, uint16 feeBps) external returns (uint32 node);

    /// @notice A device's owner puts it into a node, or (0) takes it out. What it did before stays where it was done.
    /// @param device Token id of the device.
    /// @param node Number of the node.
    function join(uint256 device, uint32 node) external;

    /// @notice Count work of the running cycle that both ends signed for; what it costs is burnt out of the receiver's
    ///         stake.
    /// @param r What device and receiver signed.
    /// @param deviceSignature By the key of the device, over the receipt.
    /// @param receiverSignature By the key of the receiver, over the receipt.
    function report(Receipt calldata r, bytes calldata deviceSignature, bytes calldata receiverSignature) external;

    /// @notice Pay a node for a cycle that is over: the leader's fee at once, the rest to be handed to its devices.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    function payNode(uint32 cycle, uint32 node) external;

    /// @notice Hand a device's part of its node's pay to who held it when it worked, by the node's published rule.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    /// @param device Token id of the device.
    /// @param holder Who owned the device when it worked.
    function payDevice(uint32 cycle, uint32 node, uint256 device, address holder) external;

    /// @notice What device and receiver sign: the receipt, and how often the device has been sold, so that it pays whoever
    ///         owned the device when it was signed, and was in the node that it was in then.
    /// @param r The receipt.
    /// @param sales `Devices.salesOf` when it is signed.
    /// @return The EIP-712 digest.
    function digestOf(Receipt calldata r, uint32 sales) external view returns (bytes32);

    /// @notice The node that a device is in, or was before a sale; its owner and its key then.
    /// @param device Token id of the device.
    /// @param sales How often the device had been sold.
    /// @return Them.
    function placeOf(uint256 device, uint32 sales) external view returns (Place memory);

    /// @notice What bytes cost their receiver; rounds up.
    /// @param w The weights.
    /// @param bytesVerified Bytes that the receiver has verified.
    /// @return In units of 1e-18 KLP.
    function priceUp(Weights calldata w, uint64 bytesVerified) external pure returns (uint256);

    /// @notice How many devices worked for a node in a cycle, as evenly as they did: (sum of bytes)^2 / sum of squares. One
    ///         that worked little hardly counts, one that was idle not at all. The bonus of a cycle follows the one before.
    /// @param cycle Number of the cycle of 24 hours.
    /// @param node Number of the node.
    /// @return At most the number of devices; rounds down.
    function workingIn(uint32 cycle, uint32 node) external view returns (uint256);

    /// @notice Devices tell that one has been sold: it leaves its node.
    /// @param device Token id of the device.
    /// @param seller Who owned it until now.
    /// @param sale Number of the sale, from 0.
    function onSold(uint256 device, address seller, uint32 sale) external;

    /// @notice bytes per second of work * (working - communicating) seconds, in PB; rounds down.
    /// @param bytesVerified Bytes that the receiver has verified.
    /// @param workSeconds Time the work took.
    /// @param talkSeconds Part of it that was spent communicating.
    /// @return Effort, 18 decimals.
    function variableDown(uint64 bytesVerified, uint32 workSeconds, uint32 talkSeconds) external pure returns (uint256);

    /// @notice The fixed part, before the milestone, from what the device says of itself; rounds down.
    /// @param w The weights.
    /// @param cores Processor cores.
    /// @param teraflops Of its GPU.
    /// @param memoryMiB Memory in MiB.
    /// @return Effort, 18 decimals.
    function fixedDown(
        Weights calldata w, uint16 cores, uint16 teraflops, uint32 memoryMiB
    ) external pure returns (uint256);

    /// @notice A node's factor: 100 %, rising evenly with its working devices to the whole bonus; in 1/10,000, rounds down.
    /// @param w The weights.
    /// @param n Devices that work for the node.
    /// @return The factor.
    function bonusBps(Weights calldata w, uint256 n) external pure returns (uint256);
}
