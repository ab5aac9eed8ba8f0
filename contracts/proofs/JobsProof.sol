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

    /// @dev What holds of every job between any two calls; `noted` is the sum of the verifier's report so far.
    function _sound(IJobs.Job memory j, uint128 noted) private pure returns (bool) {
        if (j.due > j.price || noted > j.price) return false;
        if (j.state == IJobs.State.None) return j.left == 0 && j.bond == 0 && noted == 0 && !j.split;
        bool whole = j.left == j.price && !j.split;
        if (j.state == IJobs.State.Open) return whole && j.bond == 0 && j.due == 0 && j.round == 0;
        if (j.state == IJobs.State.Missed) return whole && j.bond == 0 && j.due == 0 && j.round == 0 && noted != 0;
        if (j.state == IJobs.State.Reported) return whole && j.bond == 0 && j.round == 1;
        if (j.state == IJobs.State.Disputed) return j.left == uint256(j.price) + j.bond && !j.split && j.round == 1;
        return j.left >= j.due && j.bond == 0 && (!j.split || j.due != 0 || j.left == 0);
    }

    function _isSound(uint256 id) private view returns (bool) {
        IJobs.Job memory j = jobs.jobs(id);
        uint128 decided = jobs.drafts(id, 2).sum;
        return _sound(j, jobs.drafts(id, 1).sum) && decided <= (j.state == IJobs.State.None ? 0 : j.price);
    }

    /// @dev A call about job `id`: what is held moves as the balance and as what is left of the job; the job stays sound,
    ///      and no other moves. So the balance is what is left of all jobs, and each can pay all that is due.
    function _conserves(bytes memory call, address by, uint256 id, uint256 other) private returns (bool done) {
        IJobs.Job memory j = jobs.jobs(id);
        HEVM.assume(id != other && by != address(jobs) && j.payer != address(jobs) && j.disputer != address(jobs));
        bytes32 beyond = keccak256(abi.encode(jobs.jobs(other)));
        uint256 held = jobs.held();
        HEVM.assume(_isSound(id) && held < 2 ** 200 && held >= j.left && coin.balanceOf(address(jobs)) == held);
        HEVM.prank(by);
        (done,) = address(jobs).call(call);
        if (!done) return false;
        IJobs.Job memory k = jobs.jobs(id);
        assert(_isSound(id));
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

    /// @dev What is due to a worker in a round that nobody reports in. A job that ends with nothing noted stays in it, and
    ///      is paid from it: so that it is nothing is part of what holds between any two calls. `_due` is private, in the
    ///      fourth slot; were that wrong, the planted bug in `check_noRound` would not be seen.
    function _inNoRound(uint256 id, address worker) private view returns (uint256) {
        bytes32 ofRound = keccak256(abi.encode(uint256(0), keccak256(abi.encode(id, uint256(3)))));
        return uint256(HEVM.load(address(jobs), keccak256(abi.encode(worker, ofRound))));
    }

    /// @dev Nothing is noted in no round: `draft` and `report` are the only calls that note.
    function check_noRound(bool last, address by, uint256 id, address worker, uint128 amount, uint256 job, address who) external {
        (address[] memory w, uint128[] memory a) = _page(worker, amount);
        HEVM.assume(_inNoRound(job, who) == 0);
        HEVM.prank(by);
        (bool done,) = address(jobs).call(last ? abi.encodeCall(jobs.report, (id, w, a)) : abi.encodeCall(jobs.draft, (id, w, a)));
        assert(!done || _inNoRound(job, who) == 0);
    }

    /// @dev A worker is paid what is due to it, once, out of what is due to all; also the one with whose payment a job ends
    ///      that nobody reported on.
    function check_pay(address by, uint256 id, uint256 other, address worker, address another) external {
        IJobs.Job memory j = jobs.jobs(id);
        HEVM.assume(!j.split && j.state != IJobs.State.Missed);
        uint256 due = jobs.dueTo(id, worker);
        uint256 theirs = jobs.dueTo(id, another);
        uint256 all = j.round == 0 ? jobs.drafts(id, 1).sum : j.due;
        uint256 had = coin.balanceOf(worker);
        HEVM.assume(worker != another && worker != address(jobs) && worker != j.disputer && due <= all);
        HEVM.assume(_inNoRound(id, worker) == 0);
        if (!_conserves(abi.encodeCall(jobs.pay, (id, worker)), by, id, other)) return;
        assert(jobs.dueTo(id, worker) == 0 && jobs.dueTo(id, another) == theirs);
        assert(jobs.jobs(id).due == all - due && coin.balanceOf(worker) == had + due);
    }

    /// @dev A price that is split is paid to workers alone, each once: no less than what was noted for it, and to the last
    ///      one all that is left.
    function check_paySplit(address by, uint256 id, uint256 other, address worker) external {
        IJobs.Job memory j = jobs.jobs(id);
        HEVM.assume(j.split || j.state == IJobs.State.Missed);
        uint256 all = j.round == 0 ? jobs.drafts(id, 1).sum : j.due;
        uint256 had = coin.balanceOf(worker);
        HEVM.assume(worker != address(jobs) && worker != j.disputer);
        if (!_conserves(abi.encodeCall(jobs.pay, (id, worker)), by, id, other)) return;
        IJobs.Job memory k = jobs.jobs(id);
        assert(k.split && jobs.dueTo(id, worker) == 0 && coin.balanceOf(worker) - had == j.left - k.left);
        assert(j.left - k.left >= all - k.due && (k.due != 0 || k.left == 0));
    }

    /// @dev What is due in a job that is final can always be paid, and the rest returned.
    function check_solvent(uint256 id, address worker) external {
        IJobs.Job memory j = jobs.jobs(id);
        HEVM.assume(!j.split);
        uint256 due = jobs.dueTo(id, worker);
        HEVM.assume(_isSound(id) && j.state == IJobs.State.Final && due != 0 && due <= j.due && j.round != 0);
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
