// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IDirectory} from "./IDirectory.sol";

/// @title Code that may be replaced, by the timelock alone; without a DAO, by nobody
/// @notice Only for what holds no money and decides about none. A new version must keep every variable in its place:
///         the build and `klopf dao upgrade` compare the layouts.
abstract contract Upgradeable is UUPSUpgradeable {
    address public immutable timelock;

    /// @notice Only the timelock may.
    /// @param caller Who sent the transaction.
    error OnlyTimelock(address caller);

    constructor(IDirectory d) {
        timelock = d.find("Timelock");
    }

    function _authorizeUpgrade(address) internal view override {
        if (msg.sender != timelock) revert OnlyTimelock(msg.sender);
    }
}

/// @title The address that stays while the code behind it changes
contract Proxy is ERC1967Proxy {
    constructor(address implementation) ERC1967Proxy(implementation, "") {}

    /// @dev Nothing here needs an initialiser: constants and immutables are in the code, and storage begins empty.
    function _unsafeAllowUninitialized() internal pure override returns (bool) {
        return true;
    }
}
