// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IDirectory} from "../core/IDirectory.sol";

/// @title The timelock owns the parameters; only the governor may schedule, and anybody may execute what is due
contract Timelock is TimelockController {
    constructor(IDirectory d, uint256 minDelay)
        TimelockController(minDelay, _one(d.addressOf("KlopfGovernor")), _one(address(0)), address(0))
    {
        _grantRole(CANCELLER_ROLE, d.addressOf("KlopfGovernor"));
    }

    function _one(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }
}
