// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "../src/core/IDirectory.sol";
import {IVouchers, SignedVoucher, Voucher} from "../src/market/IVouchers.sol";
import {Vouchers} from "../src/market/Vouchers.sol";
import {Proof} from "./World.sol";

contract VouchersProof is Proof {
    Vouchers private vouchers;

    struct Books {
        uint256 balance;
        uint256 free;
        IVouchers.Reserve kept;
    }

    function setUp() public {
        _begin();
        vouchers = new Vouchers(IDirectory(address(places)));
        _anything(address(vouchers));
    }

    function _books(uint32 r, uint32 n) private view returns (Books memory) {
        return Books(coin.balanceOf(address(vouchers)), vouchers.free(r), vouchers.reserveOf(r, n));
    }

    /// @dev A call about requester `r` and neuron `n`, with any other pair beside them: the balance moves as what is free
    ///      and what is held do, and nothing else moves. So the balance is what is free and what is held of all, for ever.
    function _conserves(bytes memory call, address by, uint32 r, uint32 n, uint32 r2, uint32 n2) private returns (bool done) {
        HEVM.assume(by != address(vouchers) && world.ownerOf(r) != address(vouchers) && world.ownerOf(n) != address(vouchers));
        Books memory a = _books(r, n);
        Books memory other = _books(r2, n2);
        HEVM.assume(a.free < 2 ** 128 && a.balance < 2 ** 128 && a.balance >= a.free + a.kept.held);
        HEVM.assume(a.kept.thawing <= a.kept.held);
        HEVM.prank(by);
        (done,) = address(vouchers).call(call);
        if (!done) return false;
        Books memory b = _books(r, n);
        assert(b.balance + a.free + a.kept.held == a.balance + b.free + b.kept.held);
        assert(b.kept.thawing <= b.kept.held && b.kept.redeemed >= a.kept.redeemed);
        Books memory same = _books(r2, n2);
        assert(r2 == r || same.free == other.free);
        assert((r2 == r && n2 == n) || keccak256(abi.encode(same.kept)) == keccak256(abi.encode(other.kept)));
    }

    function check_deposit(address by, uint32 r, uint32 n, uint32 r2, uint32 n2, uint96 amount) external {
        _conserves(abi.encodeCall(vouchers.deposit, (r, amount)), by, r, n, r2, n2);
    }

    function check_withdraw(address by, uint32 r, uint32 n, uint32 r2, uint32 n2, uint96 amount) external {
        _conserves(abi.encodeCall(vouchers.withdraw, (r, amount)), by, r, n, r2, n2);
    }

    function check_reserve(address by, uint32 r, uint32 n, uint32 r2, uint32 n2, uint96 amount) external {
        uint32[] memory neurons = new uint32[](1);
        uint96[] memory amounts = new uint96[](1);
        (neurons[0], amounts[0]) = (n, amount);
        _conserves(abi.encodeCall(vouchers.reserve, (r, neurons, amounts)), by, r, n, r2, n2);
    }

    function check_thaw(address by, uint32 r, uint32 n, uint32 r2, uint32 n2, uint96 amount) external {
        _conserves(abi.encodeCall(vouchers.thaw, (r, n, amount)), by, r, n, r2, n2);
    }

    function check_release(address by, uint32 r, uint32 n, uint32 r2, uint32 n2) external {
        _conserves(abi.encodeCall(vouchers.release, (r, n)), by, r, n, r2, n2);
    }

    function check_redeem(address by, uint32 r, uint32 n, uint32 r2, uint32 n2, uint128 total, bytes32 x, bytes32 y)
        external
    {
        SignedVoucher[] memory one = new SignedVoucher[](1);
        one[0] = SignedVoucher(Voucher(r, n, total), abi.encodePacked(x, y, uint8(27)));
        uint128 before = vouchers.reserveOf(r, n).redeemed;
        uint256 had = coin.balanceOf(world.ownerOf(n));
        if (!_conserves(abi.encodeCall(vouchers.redeem, (n, one)), by, r, n, r2, n2)) return;
        uint128 redeemed = vouchers.reserveOf(r, n).redeemed;
        assert(redeemed > before && redeemed <= total); // shown again, it is worth nothing
        assert(coin.balanceOf(world.ownerOf(n)) == had + redeemed - before);
    }

    /// @dev What has thawed can always be released, and what is free withdrawn.
    function check_solvent(address by, uint32 r, uint32 n, uint96 amount) external {
        Books memory a = _books(r, n);
        HEVM.assume(a.free < 2 ** 128 && a.kept.thawing <= a.kept.held && a.balance >= a.free + a.kept.held);
        HEVM.assume(coin.balanceOf(world.ownerOf(r)) < 2 ** 128);
        if (a.kept.thawing != 0 && block.timestamp >= a.kept.readyAt) {
            (bool released,) = address(vouchers).call(abi.encodeCall(vouchers.release, (r, n)));
            assert(released);
        }
        HEVM.prank(by);
        try world.requireActor(r, by) {
            HEVM.assume(amount <= vouchers.free(r));
            HEVM.prank(by);
            (bool withdrawn,) = address(vouchers).call(abi.encodeCall(vouchers.withdraw, (r, amount)));
            assert(withdrawn);
        } catch {}
    }
}
