// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules} from "../core/IRules.sol";
import {IVouchers, SignedVoucher, Voucher} from "./IVouchers.sol";

/// @title Fees that are reserved before a question is asked, and vouchers that settle any number of answers
/// @notice The token balance of this contract is always what is free and what is held, over all requesters. Between a requester
///         and a neuron `redeemed` only grows, so a voucher is paid once however often it is shown, and a lower one
///         is worth nothing beside a higher one.
contract Vouchers is IVouchers, EIP712 {
    using SafeERC20 for IERC20;

    bytes32 public constant VOUCHER = keccak256("Voucher(uint32 requester,uint32 neuron,uint128 total)");

    IERC20 public immutable token;
    IRules public immutable rules;
    IClock public immutable clock;
    IRegistry public immutable registry;

    mapping(uint32 requester => uint256) public free;
    mapping(uint32 requester => mapping(uint32 neuron => Reserve)) private _reserves;

    constructor(IDirectory d) EIP712("Klopf Vouchers", "1") {
        token = IERC20(d.addressOf("Token"));
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
    }

    /// @inheritdoc IVouchers
    function deposit(uint32 requester, uint96 amount) external {
        if (registry.ownerOf(requester) == address(0)) revert Unregistered(requester);
        free[requester] += amount;
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(requester, msg.sender, amount);
    }

    /// @inheritdoc IVouchers
    function withdraw(uint32 requester, uint96 amount) external {
        registry.requireActor(requester, msg.sender);
        _take(requester, amount);
        address to = registry.ownerOf(requester);
        token.safeTransfer(to, amount);
        emit Withdrawn(requester, to, amount);
    }

    /// @inheritdoc IVouchers
    function reserve(uint32 requester, uint32[] calldata neurons, uint96[] calldata amounts) external {
        registry.requireActor(requester, msg.sender);
        if (neurons.length != amounts.length) revert LengthsDiffer();
        for (uint256 i = 0; i < neurons.length; i++) {
            if (registry.ownerOf(neurons[i]) == address(0)) revert Unregistered(neurons[i]);
            _take(requester, amounts[i]);
            _reserves[requester][neurons[i]].held += amounts[i];
            emit Reserved(requester, neurons[i], amounts[i]);
        }
    }

    /// @inheritdoc IVouchers
    function thaw(uint32 requester, uint32 neuron, uint96 amount) external {
        // CHECK
        registry.requireActor(requester, msg.sender);
        Reserve storage r = _reserves[requester][neuron];
        if (amount > r.held - r.thawing) revert ReserveShort(amount, r.held - r.thawing);
        // APPLY
        r.thawing += amount;
        r.readyAt = rules.thawedAt();
        // EMIT
        emit Thawing(requester, neuron, amount, r.readyAt);
    }

    /// @inheritdoc IVouchers
    function release(uint32 requester, uint32 neuron) external {
        // CHECK
        Reserve storage r = _reserves[requester][neuron];
        if (r.thawing == 0 || block.timestamp < r.readyAt) revert NotThawed(r.readyAt);
        // APPLY
        uint96 amount = r.thawing;
        (r.held, r.thawing) = (r.held - amount, 0);
        free[requester] += amount;
        // EMIT
        emit Released(requester, neuron, amount);
    }

    /// @inheritdoc IVouchers
    function redeem(uint32 neuron, SignedVoucher[] calldata vouchers) external returns (uint256 paid) {
        address to = registry.ownerOf(neuron);
        uint32 epoch = clock.epoch();
        for (uint256 i = 0; i < vouchers.length; i++) {
            // CHECK
            Voucher calldata v = vouchers[i].voucher;
            if (v.neuron != neuron) revert WrongVoucher(i);
            (address signer,,) = ECDSA.tryRecoverCalldata(voucherDigest(v), vouchers[i].signature);
            // a key that was replaced has signed what can still be redeemed until the next epoch is over
            if (!registry.signsFor(v.requester, epoch == 0 ? 0 : epoch - 1, signer)) revert WrongSignature(i);
            // ACCRUE
            Reserve storage r = _reserves[v.requester][neuron];
            if (v.total <= r.redeemed) continue;
            uint96 amount = uint96(Math.min(v.total - r.redeemed, r.held));
            if (amount == 0) continue;
            // APPLY
            r.redeemed += amount;
            r.held -= amount;
            if (r.thawing > r.held) r.thawing = r.held;
            paid += amount;
            // EMIT
            emit Redeemed(v.requester, neuron, to, amount, v.total, vouchers[i].signature);
            token.safeTransfer(to, amount);
        }
        if (paid == 0) revert NothingDue();
    }

    /// @inheritdoc IVouchers
    function reserveOf(uint32 requester, uint32 neuron) external view returns (Reserve memory) {
        return _reserves[requester][neuron];
    }

    /// @inheritdoc IVouchers
    function voucherDigest(Voucher calldata v) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER, v)));
    }

    function _take(uint32 requester, uint96 amount) private {
        if (amount > free[requester]) revert FeesShort(amount, free[requester]);
        free[requester] -= amount;
    }
}
