// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";

/// @title Carries what a device or its owner signed; whoever brings it pays the gas (ERC-2771)
/// @notice OpenZeppelin's forwarder with nothing added. Devices and Effort believe it, and nothing that holds money does.
contract Forwarder is ERC2771Forwarder {
    constructor() ERC2771Forwarder("Klopf Forwarder") {}
}
