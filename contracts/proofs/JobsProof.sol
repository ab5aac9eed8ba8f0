// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "../src/core/IDirectory.sol";
import {IJobs} from "../src/market/IJobs.sol";
import {Jobs} from "../src/market/Jobs.sol";
import {Proof} from "./World.sol";

contract JobsProof is Proof {
    Jobs private jobs;

    function setUp() public {
        _begin();
        jobs = new Jobs(IDirectory(address(places)));
        _anything(address(jobs));
    }

    /// @dev What holds of every job between any two calls.
    function _sound(IJobs.Job memory j) private pure returns (bool) {
        if (j.due > j.price) return false;
        if (j.state == IJobs.State.None) return j.left == 0 && j.bond == 0;
        if (j.state == IJobs.State.Open) return j.left == j.price && j.bond == 0 && j.due == 0;
        if (j.state == IJobs.State.Reported) return j.left == j.price && j.bond == 0;
        if (j.state == IJobs.State.Disputed) return j.left == uint256(j.price) + j.bond;
        return j.left >= j.due && j.bond == 0;
    }

    /// @dev A call about job `id`: what is held moves as the balance and as what is left of the job; the job stays sound,
    ///      and no other moves. So the balance is what is left of all jobs, and each can pay all that is due.
    function _conserves(bytes memory call, address by, uint256 id, uint256 other) private returns (bool done) {
        IJobs.Job memory j = jobs.jobs(id);
        HEVM.assume(id != other && by != address(jobs) && j.payer != address(jobs) && j.disputer != address(jobs));
        bytes32 beyond = keccak256(abi.encode(jobs.jobs(other)));
        uint256 held = jobs.held();
        HEVM.assume(_sound(j) && held < 2 ** 200 && held >= j.left && coin.balanceOf(address(jobs)) == held);
        HEVM.prank(by);
        (done,) = address(jobs).call(call);
        if (!done) return false;
        IJobs.Job memory k = jobs.jobs(id);
        assert(_sound(k));
        assert(jobs.held() + j.left == held + k.left);
        assert(coin.balanceOf(address(jobs)) == jobs.held());
        assert(keccak256(abi.encode(jobs.jobs(other))) == beyond);
    }

    function check_open(address by, uint256 other, address verifier, uint128 price, uint64 until, uint32 window) external {
        uint256 id = jobs.count() + 1;
        HEVM.assume(jobs.jobs(id).state == IJobs.State.None && jobs.jobs(id).due == 0 && jobs.jobs(id).round == 0);
        _conserves(abi.encodeCall(jobs.open, (verifier, price, until, window, bytes32(0))), by, id, other);
    }

    function _page(address worker, uint128 amount) private pure returns (address[] memory workers, uint128[] memory amounts) {
        (workers, amounts) = (new address[](1), new uint128[](1));
        (workers[0], amounts[0]) = (worker, amount);
    }

    function check_draft(address by, uint256 id, uint256 other, address worker, uint128 amount) external {
        (address[] memory w, uint128[] memory a) = _page(worker, amount);
        _conserves(abi.encodeCall(jobs.draft, (id, w, a)), by, id, other);
    }

    function check_report(address by, uint256 id, uint256 other, address worker, uint128 amount) external {
        (address[] memory w, uint128[] memory a) = _page(worker, amount);
        _conserves(abi.encodeCall(jobs.report, (id, w, a)), by, id, other);
    }

    function check_dispute(address by, uint256 id, uint256 other) external {
        _conserves(abi.encodeCall(jobs.dispute, (id)), by, id, other);
    }

    function check_giveBack(address by, uint256 id, uint256 other) external {
        _conserves(abi.encodeCall(jobs.giveBack, (id)), by, id, other);
    }

    /// @dev A worker is paid what is due to it, once, out of what is due to all.
    function check_pay(address by, uint256 id, uint256 other, address worker, address another) external {
        uint256 due = jobs.dueTo(id, worker);
        uint256 theirs = jobs.dueTo(id, another);
        uint256 had = coin.balanceOf(worker);
        IJobs.Job memory j = jobs.jobs(id);
        HEVM.assume(worker != another && worker != address(jobs) && worker != j.disputer && due <= j.due);
        if (!_conserves(abi.encodeCall(jobs.pay, (id, worker)), by, id, other)) return;
        assert(jobs.dueTo(id, worker) == 0 && jobs.dueTo(id, another) == theirs);
        assert(jobs.jobs(id).due == j.due - due && coin.balanceOf(worker) == had + due);
    }

    /// @dev What is due in a job that is final can always be paid, and the rest returned.
    function check_solvent(uint256 id, address worker) external {
        IJobs.Job memory j = jobs.jobs(id);
        uint256 due = jobs.dueTo(id, worker);
        HEVM.assume(_sound(j) && j.state == IJobs.State.Final && due != 0 && due <= j.due);
        HEVM.assume(jobs.held() >= j.left && coin.balanceOf(address(jobs)) == jobs.held());
        HEVM.assume(coin.balanceOf(worker) < 2 ** 128 && coin.balanceOf(j.payer) < 2 ** 128 && j.payer != worker);
        HEVM.assume(worker != address(jobs) && j.payer != address(jobs));
        if (j.left > j.due) {
            (bool returned,) = address(jobs).call(abi.encodeCall(jobs.giveBack, (id)));
            assert(returned);
        }
        (bool paid,) = address(jobs).call(abi.encodeCall(jobs.pay, (id, worker)));
        assert(paid);
    }
}
