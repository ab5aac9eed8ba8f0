// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {IDirectory} from "./IDirectory.sol";
import {IRules} from "./IRules.sol";
import {IToken} from "./IToken.sol";

/// @title KLP: at most 2,000,000,000, of which 70 % can only ever be earned
/// @notice 30 % exists from genesis. The compute reserve is minted by Emission alone, for listening and effort; the
///         reserves for liquidity and circulation by Reserves alone, for their packs. An owner may be a contract: whatever
///         an owner signs may be signed as ERC-1271 says.
contract Token is IToken, ERC20, ERC20Permit, ERC20Votes, ERC3009 {
    uint256 public constant CAP = 2_000_000_000e18;
    uint256 public constant FUNDRAISING = 100_000_000e18; // 5 %
    uint256 public constant LAB = 400_000_000e18; // 20 %
    uint256 public constant FOUNDATION = 100_000_000e18; // 5 %
    uint256 public constant COMPUTE_RESERVE = 1_000_000_000e18; // 50 %
    uint256 public constant LIQUIDITY_RESERVE = 200_000_000e18; // 10 %
    uint256 public constant CIRCULATION_RESERVE = 200_000_000e18; // 10 %
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    IRules public immutable rules;
    address public immutable emission;
    address public immutable reserves;
    uint256 public immutable former; // compute rewards that were emitted on the chain this network moved from

    uint256 public emitted;
    uint256 public burnt;
    mapping(Reserve which => uint256) public mintedFrom;

    /// @param carried What there was on a former chain; what was minted there goes where the foundation's part goes
    ///        (`Claims`, in a network that moved), less what was burnt.
    constructor(IDirectory d, address fundraising, address lab, address foundation, Former memory carried)
        ERC20("Klopf", "KLP")
        ERC20Permit("Klopf")
    {
        rules = IRules(d.addressOf("Rules"));
        emission = d.find("Emission");
        reserves = d.addressOf("Reserves");
        _mint(fundraising, FUNDRAISING);
        _mint(lab, LAB);
        _mint(foundation, FOUNDATION);
        if (carried.compute > COMPUTE_RESERVE) revert ReserveSpent(carried.compute, COMPUTE_RESERVE);
        (former, emitted) = (carried.compute, carried.compute);
        if (carried.compute != 0) _mint(foundation, carried.compute);
        _take(Reserve.Liquidity, carried.liquidity);
        _take(Reserve.Circulation, carried.circulation);
        if (carried.liquidity + carried.circulation != 0) _mint(foundation, carried.liquidity + carried.circulation);
        if (carried.burnt != 0) _burn(foundation, carried.burnt);
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

    /// @inheritdoc IToken
    function mintFrom(Reserve which, address to, uint256 amount) external {
        if (msg.sender != reserves) revert OnlyReserves();
        _take(which, amount);
        _mint(to, amount);
    }

    /// @inheritdoc IToken
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    /// @inheritdoc IToken
    function leftIn(Reserve which) public view returns (uint256) {
        return (which == Reserve.Liquidity ? LIQUIDITY_RESERVE : CIRCULATION_RESERVE) - mintedFrom[which];
    }

    /// @inheritdoc IToken
    function getOwner() external view returns (address) {
        return rules.owner();
    }

    // ---- what an owner that is a contract signs (ERC-1271), with the signature as bytes ----
    /// @inheritdoc IToken
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external
    {
        if (block.timestamp > deadline) revert ERC2612ExpiredSignature(deadline);
        bytes32 said = keccak256(abi.encode(PERMIT, owner, spender, value, _useNonce(owner), deadline));
        _checkSigned(owner, said, signature);
        _approve(owner, spender, value);
    }

    /// @inheritdoc IToken
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 kind = TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
        _checkSigned(from, keccak256(abi.encode(kind, from, to, value, validAfter, validBefore, nonce)), signature);
        _transferWithAuthorization(from, to, value, validAfter, validBefore, nonce);
    }

    /// @inheritdoc IToken
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 kind = RECEIVE_WITH_AUTHORIZATION_TYPEHASH;
        _checkSigned(from, keccak256(abi.encode(kind, from, to, value, validAfter, validBefore, nonce)), signature);
        if (to != msg.sender) revert ERC20InvalidReceiver(to);
        _transferWithAuthorization(from, to, value, validAfter, validBefore, nonce);
    }

    /// @inheritdoc IToken
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _checkSigned(authorizer, keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), signature);
        _cancelAuthorization(authorizer, nonce);
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
        if (to == address(0)) burnt += value;
        super._update(from, to, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _take(Reserve which, uint256 amount) private {
        if (amount > leftIn(which)) revert ReserveSpent(amount, leftIn(which));
        mintedFrom[which] += amount;
    }

    function _checkSigned(address owner, bytes32 said, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(owner, _hashTypedDataV4(said), signature)) {
            revert ERC3009InvalidSignature();
        }
    }
}
