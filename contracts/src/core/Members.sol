// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IMembers} from "./IMembers.sol";

/// @title Who takes part, under which key and certificate
/// @notice Commitments bind to the key, never to a seat. What somebody says of itself is bounded in bytes, so that a page of
///         participants can always be read; in a network of more than FREE ids a registration costs a deposit, which
///         returns when its owner leaves.
abstract contract Members is IMembers, EIP712 {
    using SafeERC20 for IERC20;

    bytes32 public constant KEY_PROOF = keccak256("KeyProof(address owner,bytes32 fingerprint)");

    uint256 public constant MAX_TEXT = 255;
    uint256 public constant MAX_CERTIFICATE = 4096;
    uint32 public constant FREE = 256;
    uint128 public constant DEPOSIT = 10e18;
    uint256 public constant DUST = 1e18; // anybody may add it to anybody's stake, and it holds nobody back

    IERC20 public immutable token;

    uint32 public count;
    mapping(uint32 id => uint128) public depositOf;
    mapping(uint32 id => Participant) internal _participants;
    mapping(address key => uint32 id) public idOf; // never freed: a key is used once
    mapping(uint32 id => bool) public renewed; // it announced another model since it fell silent
    mapping(address key => uint32 epoch) public replacedIn; // the last epoch whose receipts it signs

    constructor(address token_) EIP712("Klopf Registry", "1") {
        token = IERC20(token_);
    }

    /// @inheritdoc IMembers
    function register(
        Role role,
        address key,
        string calldata endpoint,
        string calldata model,
        bytes calldata certificate,
        bytes calldata keySignature
    ) external returns (uint32 id) {
        // CHECK
        if (role == Role.None) revert UnknownRole();
        _checkLength(bytes(endpoint).length, MAX_TEXT);
        _checkLength(bytes(model).length, MAX_TEXT);
        _checkLength(certificate.length, MAX_CERTIFICATE);
        bytes32 fingerprint = sha256(certificate);
        _checkKey(key, fingerprint, keySignature);
        // APPLY
        id = ++count;
        Participant storage p = _participants[id];
        (p.owner, p.role, p.key, p.fingerprint) = (msg.sender, role, key, fingerprint);
        (p.model, p.endpoint) = (model, endpoint);
        idOf[key] = id;
        uint128 deposit = id > FREE ? DEPOSIT : 0;
        if (deposit != 0) {
            depositOf[id] = deposit;
            token.safeTransferFrom(msg.sender, address(this), deposit);
        }
        // EMIT
        emit Registered(id, role, msg.sender, key, endpoint, model, certificate);
    }

    /// @inheritdoc IMembers
    function move(uint32 id, string calldata endpoint, bytes calldata certificate) external {
        requireActor(id, msg.sender);
        _checkLength(bytes(endpoint).length, MAX_TEXT);
        _checkLength(certificate.length, MAX_CERTIFICATE);
        _participants[id].endpoint = endpoint;
        _participants[id].fingerprint = sha256(certificate);
        emit Moved(id, endpoint, certificate);
    }

    /// @inheritdoc IMembers
    function rotateKey(uint32 id, address key, bytes calldata keySignature) external {
        Participant storage p = _participants[id];
        if (msg.sender != p.owner) revert NotOwner(id, msg.sender);
        _checkKey(key, p.fingerprint, keySignature);
        replacedIn[p.key] = _epoch();
        p.key = key;
        idOf[key] = id;
        emit KeyRotated(id, key);
    }

    /// @inheritdoc IMembers
    function changeModel(uint32 id, string calldata model) external {
        requireActor(id, msg.sender);
        _checkLength(bytes(model).length, MAX_TEXT);
        _participants[id].model = model;
        _participants[id].passed = false;
        if (_participants[id].standing == Standing.Silent) renewed[id] = true;
        emit ModelChanged(id, model);
    }

    /// @inheritdoc IMembers
    function quit(uint32 id) external {
        // CHECK
        Participant storage p = _participants[id];
        if (msg.sender != p.owner) revert NotOwner(id, msg.sender);
        if (p.role == Role.None) revert NotActor(id, msg.sender);
        if (_atStake(id) != 0) revert StillAtStake(id, _atStake(id));
        // APPLY
        uint128 deposit = depositOf[id];
        depositOf[id] = 0;
        p.role = Role.None;
        (p.endpoint, p.model) = ("", "");
        _weighNothing(id);
        if (deposit != 0) token.safeTransfer(p.owner, deposit);
        // EMIT
        emit Gone(id, deposit);
    }

    /// @inheritdoc IMembers
    function participant(uint32 id) external view returns (Participant memory) {
        return _participants[id];
    }

    /// @inheritdoc IMembers
    function keyOf(uint32 id) external view returns (address) {
        return _participants[id].key;
    }

    /// @inheritdoc IMembers
    function signsFor(uint32 id, uint32 epoch, address who) external view returns (bool) {
        if (who == address(0)) return false;
        return who == _participants[id].key || (idOf[who] == id && epoch <= replacedIn[who]);
    }

    /// @inheritdoc IMembers
    function ownerOf(uint32 id) external view returns (address) {
        return _participants[id].owner;
    }

    /// @inheritdoc IMembers
    function roleOf(uint32 id) external view returns (Role) {
        return _participants[id].role;
    }

    /// @inheritdoc IMembers
    function standingOf(uint32 id) external view returns (Standing) {
        return _participants[id].standing;
    }

    /// @inheritdoc IMembers
    function bornIn(uint32 id) external view returns (uint32) {
        return _participants[id].born;
    }

    /// @inheritdoc IMembers
    function requireActor(uint32 id, address who) public view {
        Participant storage p = _participants[id];
        if (who != p.owner && (who != p.key || p.role == Role.None)) revert NotActor(id, who);
        if (p.owner == address(0)) revert NotActor(id, who);
    }

    function _epoch() internal view virtual returns (uint32);

    /// @dev What keeps it from leaving.
    function _atStake(uint32 id) internal view virtual returns (uint256);

    /// @dev It takes part no more.
    function _weighNothing(uint32 id) internal virtual;

    function _checkLength(uint256 length, uint256 most) private pure {
        if (length > most) revert TooLong(length, most);
    }

    function _checkKey(address key, bytes32 fingerprint, bytes calldata signature) private view {
        if (idOf[key] != 0) revert KeyInUse(key, idOf[key]);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(KEY_PROOF, msg.sender, fingerprint)));
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        if (signer != key || key == address(0)) revert WrongKeySignature(key);
    }
}
