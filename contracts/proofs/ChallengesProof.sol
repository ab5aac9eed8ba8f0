// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReveals} from "../src/audit/IReveals.sol";
import {IDirectory} from "../src/core/IDirectory.sol";
import {Challenges} from "../src/evidence/Challenges.sol";
import {IChallenges} from "../src/evidence/IChallenges.sol";
import {Answered, Node} from "../src/evidence/Transcripts.sol";
import {Proof} from "./World.sol";

contract ChallengesProof is Proof {
    Challenges private challenges;

    function setUp() public {
        _begin();
        places.put("Stake", address(world));
        places.put("Audits", address(world));
        places.put("AuditTerms", address(world));
        challenges = new Challenges(IDirectory(address(places)));
        _anything(address(challenges));
    }

    /// @dev What the contract must hold for a doubt.
    function _held(bytes32 id) private view returns (uint256) {
        IChallenges.Doubt memory d = challenges.doubtOf(id);
        return d.state == IChallenges.State.Open ? d.deposit : 0;
    }

    /// @dev A call about one doubt: the balance moves as what is held for it, and no other doubt moves. So the balance is
    ///      the deposits of all doubts that are open, and each can be paid.
    function _conserves(bytes memory call, address by, IChallenges.Place memory p, bytes32 other) private returns (bool done) {
        bytes32 id = keccak256(abi.encode(p));
        HEVM.assume(id != other && by != address(challenges) && challenges.doubtOf(id).by != address(challenges));
        HEVM.assume(world.ownerOf(p.auditor) != address(challenges));
        bytes32 beyond = keccak256(abi.encode(challenges.doubtOf(other)));
        uint256 balance = coin.balanceOf(address(challenges));
        uint256 held = _held(id);
        HEVM.assume(balance < 2 ** 200 && balance >= held);
        HEVM.prank(by);
        (done,) = address(challenges).call(call);
        if (!done) return false;
        assert(coin.balanceOf(address(challenges)) + held == balance + _held(id));
        assert(keccak256(abi.encode(challenges.doubtOf(other))) == beyond);
        assert(challenges.doubtOf(id).state != IChallenges.State.None);
    }

    function check_doubt(address by, IChallenges.Place memory p, bytes32 other, uint16 asked, bytes32 root) external {
        IReveals.Result[] memory results = new IReveals.Result[](1);
        results[0] = IReveals.Result(p.neuron, new IReveals.Count[](1));
        results[0].counts[0] = IReveals.Count(p.task, asked, 0, 0, root);
        bytes memory call = abi.encodeCall(challenges.doubt, (p, address(1), results, bytes32(0)));
        _conserves(call, by, p, other);
    }

    function check_uphold(address by, IChallenges.Place memory p, bytes32 other) external {
        address doubter = challenges.doubtOf(keccak256(abi.encode(p))).by;
        uint256 had = coin.balanceOf(doubter);
        uint256 held = _held(keccak256(abi.encode(p)));
        if (!_conserves(abi.encodeCall(challenges.uphold, (p)), by, p, other)) return;
        assert(coin.balanceOf(doubter) == had + held);
        assert(_held(keccak256(abi.encode(p))) == 0);
    }

    function check_show(address by, IChallenges.Place memory p, bytes32 other, Answered memory said, bytes32 x, bytes32 y)
        external
    {
        bytes memory signature = abi.encodePacked(x, y, uint8(27));
        IChallenges.Opening memory o = IChallenges.Opening(said, new Node[](0), bytes32(0), new bytes32[](0), signature);
        if (!_conserves(abi.encodeCall(challenges.show, (p, o)), by, p, other)) return;
        assert(_held(keccak256(abi.encode(p))) == 0);
    }
}
