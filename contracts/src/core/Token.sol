// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {IDirectory} from "./IDirectory.sol";
import {IToken} from "./IToken.sol";

/// @title KLP: at most 2,000,000,000, of which 70 % can only ever be earned
/// @notice 30 % exists from genesis. The compute reserve is minted by Emission alone, for listening
///         and effort. The reserves for liquidity and circulation have no minter yet and no function here can give them one.
contract Token is IToken, ERC20, ERC20Permit, ERC20Votes {
    uint256 public constant CAP = 2_000_000_000e18;
    uint256 public constant FUNDRAISING = 100_000_000e18; // 5 %
    uint256 public constant LAB = 400_000_000e18; // 20 %
    uint256 public constant FOUNDATION = 100_000_000e18; // 5 %
    uint256 public constant COMPUTE_RESERVE = 1_000_000_000e18; // 50 %
    uint256 public constant LIQUIDITY_RESERVE = 200_000_000e18; // 10 %
    uint256 public constant CIRCULATION_RESERVE = 200_000_000e18; // 10 %

    address public immutable emission;
    uint256 public immutable former; // compute rewards that were emitted on the chain this network moved from

    uint256 public emitted;

    /// @param carried What the compute reserve had emitted on a former chain; it goes where the foundation's part goes
    ///        (`Claims`, in a network that moved).
    constructor(IDirectory d, address fundraising, address lab, address foundation, uint256 carried)
        ERC20("Klopf", "KLP")
        ERC20Permit("Klopf")
    {
        emission = d.find("Emission");
        _mint(fundraising, FUNDRAISING);
        _mint(lab, LAB);
        _mint(foundation, FOUNDATION);
        if (carried > COMPUTE_RESERVE) revert ReserveSpent(carried, COMPUTE_RESERVE);
        (former, emitted) = (carried, carried);
        if (carried != 0) _mint(foundation, carried);
    }

    /// @inheritdoc IToken
    function emitTo(address to, uint256 amount) external {
        // CHECK
        if (msg.sender != emission) revert OnlyEmission();
        if (amount > COMPUTE_RESERVE - emitted) revert ReserveSpent(amount, COMPUTE_RESERVE - emitted);
        // APPLY
        emitted += amount;
        _mint(to, amount);
        // EMIT
        emit Emitted(to, amount, emitted);
    }

    /// @dev Votes are counted by time, never by block number (ERC-6372).
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _maxSupply() internal pure override returns (uint256) {
        return CAP;
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }
}
