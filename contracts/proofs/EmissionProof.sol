// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "../src/core/IDirectory.sol";
import {Emission} from "../src/market/Emission.sol";
import {Proof} from "./World.sol";

/// @dev The running cycle is open (`roll` has been called in it, as every caller does first).
contract EmissionProof is Proof {
    address private constant SETTLEMENT = address(0x5E1);
    address private constant AUDIT_PAY = address(0x5E2);
    address private constant EFFORT = address(0x5E3);
    Emission private emission;

    function setUp() public {
        _begin();
        places.put("Economy", address(world));
        places.put("Effort", EFFORT);
        places.put("Settlement", SETTLEMENT);
        places.put("AuditPay", AUDIT_PAY);
        HEVM.warp(0);
        emission = new Emission(IDirectory(address(places)));
        _anything(address(emission));
    }

    function _assume() private view {
        HEVM.assume(emission.cycle() == emission.cycleAt(block.timestamp) && emission.promised() <= emission.reserve());
    }

    /// @dev No more is set aside than is left of the day and of the reserve, and what is set aside is gone from both.
    function check_setAside(address by, uint256 wanted) external {
        _assume();
        uint256 promised = emission.promised();
        uint256 market = emission.marketLeft();
        HEVM.prank(by);
        (bool done, bytes memory said) = address(emission).call(abi.encodeCall(emission.setAside, (wanted)));
        if (!done) return;
        uint256 granted = abi.decode(said, (uint256));
        assert(by == SETTLEMENT || by == AUDIT_PAY);
        assert(granted <= wanted && emission.marketLeft() == market - granted);
        assert(emission.promised() == promised + granted && emission.promised() <= emission.reserve());
    }

    /// @dev A cycle's pool for effort is set aside once.
    function check_setEffortAside(address by, uint32 over, uint32 other) external {
        _assume();
        HEVM.assume(other != over);
        uint256 promised = emission.promised();
        uint256 pool = emission.effortPoolOf(over);
        uint256 beyond = emission.effortPoolOf(other);
        HEVM.prank(by);
        (bool done, bytes memory said) = address(emission).call(abi.encodeCall(emission.setEffortAside, (over)));
        if (!done) return;
        uint256 granted = abi.decode(said, (uint256));
        assert(by == EFFORT && granted <= pool && emission.effortPoolOf(over) == 0);
        assert(emission.effortPoolOf(other) == beyond);
        assert(emission.promised() == promised + granted && emission.promised() <= emission.reserve());
    }

    /// @dev What is paid is minted to the unit, for the three that may ask; nothing else changes.
    function check_pay(address by, address to, uint256 amount) external {
        _assume();
        uint256 promised = emission.promised();
        uint256 emitted = coin.emitted();
        HEVM.prank(by);
        (bool done,) = address(emission).call(abi.encodeCall(emission.pay, (to, amount)));
        if (!done) return;
        assert(by == SETTLEMENT || by == AUDIT_PAY || by == EFFORT);
        assert(coin.emitted() == emitted + amount && emission.promised() == promised);
    }

    /// @dev Only what was set aside for effort is put back, by who asked for it.
    function check_putBack(address by, uint32 over, uint256 amount) external {
        _assume();
        uint256 promised = emission.promised();
        HEVM.prank(by);
        (bool done,) = address(emission).call(abi.encodeCall(emission.putBack, (over, amount)));
        if (!done) return;
        assert(by == EFFORT && amount <= promised && emission.promised() == promised - amount);
    }
}
