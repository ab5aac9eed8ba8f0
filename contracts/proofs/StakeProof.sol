// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "../src/core/IDirectory.sol";
import {IStake} from "../src/core/IStake.sol";
import {Stake} from "../src/core/Stake.sol";
import {Proof} from "./World.sol";

contract StakeProof is Proof {
    address private constant TREASURY = address(0x7EA);
    Stake private stake;

    struct Books {
        uint256 staked;
        uint256 thawing;
        uint256 slashed;
        uint256 balance;
        IStake.Account account;
        IStake.Account other;
    }

    function setUp() public {
        _begin();
        places.put("Audits", address(0xA0D));
        places.put("Beacon", address(0xBEA));
        places.put("Cases", address(0xCA5E));
        places.put("Challenges", address(0xC4A));
        places.put("Effort", address(0xEFF));
        stake = new Stake(IDirectory(address(places)), TREASURY);
        _anything(address(stake));
    }

    function _books(uint32 id, uint32 other) private view returns (Books memory) {
        return Books(
            stake.totalStaked(),
            stake.totalThawing(),
            stake.totalSlashed(),
            coin.balanceOf(address(stake)),
            stake.account(id),
            stake.account(other)
        );
    }

    /// @dev Any call about `id` by anybody: the balance stays what is staked and what thaws, the totals move as the
    ///      account does, and no other account moves. So the sums over all accounts are the totals, for ever.
    function _conserves(bytes memory call, uint32 id, uint32 other, address by) private returns (bool done) {
        HEVM.assume(by != address(stake) && world.ownerOf(id) != address(stake) && id != other);
        Books memory a = _books(id, other);
        HEVM.assume(a.staked < 2 ** 96 && a.thawing < 2 ** 96 && a.balance == a.staked + a.thawing); // more than all tokens
        HEVM.prank(by);
        (done,) = address(stake).call(call);
        if (!done) return false;
        Books memory b = _books(id, other);
        assert(b.balance == b.staked + b.thawing);
        assert(b.staked + a.account.staked == a.staked + b.account.staked);
        assert(b.thawing + a.account.thawing == a.thawing + b.account.thawing);
        assert(b.slashed + a.account.slashed == a.slashed + b.account.slashed);
        assert(keccak256(abi.encode(a.other)) == keccak256(abi.encode(b.other)));
    }

    function check_stake(uint32 id, uint32 other, address by, uint128 amount) external {
        _conserves(abi.encodeCall(stake.stake, (id, amount)), id, other, by);
    }

    function check_unstake(uint32 id, uint32 other, address by, uint128 amount) external {
        _conserves(abi.encodeCall(stake.unstake, (id, amount)), id, other, by);
    }

    function check_withdraw(uint32 id, uint32 other, address by) external {
        _conserves(abi.encodeCall(stake.withdraw, (id)), id, other, by);
    }

    function check_slash(uint32 id, uint32 other, address by, uint32 epoch, uint16 bps) external {
        if (_conserves(abi.encodeCall(stake.slash, (id, epoch, bps)), id, other, by)) {
            assert(by == stake.audits() || by == stake.beacon() || by == stake.cases());
        }
    }

    function check_slashFor(uint32 id, uint32 other, address by, uint32 epoch, uint16 bps, address finder) external {
        HEVM.assume(finder != address(stake));
        if (_conserves(abi.encodeCall(stake.slashFor, (id, epoch, bps, finder)), id, other, by)) {
            assert(by == stake.challenges());
        }
    }

    function check_slashAndBurn(uint32 id, uint32 other, address by, uint32 epoch, uint16 bps, address finder) external {
        HEVM.assume(finder != address(stake));
        if (_conserves(abi.encodeCall(stake.slashAndBurn, (id, epoch, bps, finder)), id, other, by)) {
            assert(by == stake.challenges() || by == stake.cases());
        }
    }

    function check_burn(uint32 id, uint32 other, address by, uint128 amount) external {
        if (_conserves(abi.encodeCall(stake.burn, (id, amount)), id, other, by)) assert(by == stake.effort());
    }

    /// @dev What has thawed can always be withdrawn, to the second.
    function check_solvent(uint32 id) external {
        IStake.Account memory a = stake.account(id);
        uint256 thawing = stake.totalThawing();
        address owner = world.ownerOf(id);
        HEVM.assume(owner != address(stake) && a.thawing != 0 && block.timestamp >= a.readyAt && thawing >= a.thawing);
        HEVM.assume(coin.balanceOf(address(stake)) >= thawing && coin.balanceOf(owner) < 2 ** 128);
        uint256 had = coin.balanceOf(owner);
        (bool done,) = address(stake).call(abi.encodeCall(stake.withdraw, (id)));
        assert(done && coin.balanceOf(owner) == had + a.thawing);
    }
}
