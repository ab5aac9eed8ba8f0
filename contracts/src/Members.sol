// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Who takes part, under which key and certificate
/// @notice Commitments bind to the key, never to a seat.
abstract contract Members is EIP712 {
    enum Role {
        None,
        Neuron,
        Auditor,
        Requester
    }
    enum Standing {
        None,
        Fringe,
        Backbone,
        Silent
    }

    struct Participant {
        address owner; // is paid, stakes, may replace the key
        Role role;
        Standing standing;
        uint8 failed; // audits failed in a row
        bool passed; // outcome of the last audit
        uint32 born; // epoch of admission; it counts from the next one on
        uint32 updated; // epoch through which `utility` is accounted for
        address key; // signs receipts, answers and commitments
        uint64 utility; // uncorrected, 18 decimals, as of `updated`
        uint32 accounted; // epochs since `born` that `utility` contains, in whatever order they came
        bytes32 fingerprint; // SHA-256 of the TLS certificate (DER)
        bytes32 commitment; // hash of the model snapshot that answers in the next epoch
        string model;
        string endpoint;
    }

    bytes32 public constant KEY_PROOF = keccak256("KeyProof(address owner,bytes32 fingerprint)");

    uint32 public count;
    mapping(uint32 id => Participant) internal _participants;
    mapping(address key => uint32 id) public idOf; // never freed: a key is used once
    mapping(address key => uint32 epoch) public replacedIn; // the last epoch whose receipts it signs

    event Registered(
        uint32 indexed id, Role role, address owner, address key, string endpoint, string model, bytes certificate
    );
    event Moved(uint32 indexed id, string endpoint, bytes certificate);
    event KeyRotated(uint32 indexed id, address key);
    event ModelChanged(uint32 indexed id, string model);

    error NotActor(uint32 id, address caller);
    error NotOwner(uint32 id, address caller);
    error UnknownRole();
    error KeyInUse(address key, uint32 id);
    error WrongKeySignature(address key);

    constructor() EIP712("Klopf Registry", "1") {}

    /// @notice Join under `key`, which proves by its signature that it belongs to the caller.
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
        bytes32 fingerprint = sha256(certificate);
        _checkKey(key, fingerprint, keySignature);
        // APPLY
        id = ++count;
        Participant storage p = _participants[id];
        (p.owner, p.role, p.key, p.fingerprint) = (msg.sender, role, key, fingerprint);
        (p.model, p.endpoint) = (model, endpoint);
        idOf[key] = id;
        // EMIT
        emit Registered(id, role, msg.sender, key, endpoint, model, certificate);
    }

    /// @notice Answer from another address, under another certificate.
    function move(uint32 id, string calldata endpoint, bytes calldata certificate) external {
        requireActor(id, msg.sender);
        _participants[id].endpoint = endpoint;
        _participants[id].fingerprint = sha256(certificate);
        emit Moved(id, endpoint, certificate);
    }

    /// @notice Replace a key that may be lost. From now on the old one may do nothing; what it signed for epochs up to
    ///         this one stays signed, so that nobody takes back a promise by a new key.
    function rotateKey(uint32 id, address key, bytes calldata keySignature) external {
        Participant storage p = _participants[id];
        if (msg.sender != p.owner) revert NotOwner(id, msg.sender);
        _checkKey(key, p.fingerprint, keySignature);
        replacedIn[p.key] = _epoch();
        p.key = key;
        idOf[key] = id;
        emit KeyRotated(id, key);
    }

    /// @notice Announce another kind of model: it has passed no audit yet.
    function changeModel(uint32 id, string calldata model) external {
        requireActor(id, msg.sender);
        _participants[id].model = model;
        _participants[id].passed = false;
        emit ModelChanged(id, model);
    }

    function participant(uint32 id) external view returns (Participant memory) {
        return _participants[id];
    }

    function keyOf(uint32 id) external view returns (address) {
        return _participants[id].key;
    }

    /// @notice Whether a receipt of `epoch` that `who` signed is signed by `id`: `who` is its key, or one that it replaced
    ///         in that epoch or later.
    function signsFor(uint32 id, uint32 epoch, address who) external view returns (bool) {
        if (who == address(0)) return false;
        return who == _participants[id].key || (idOf[who] == id && epoch <= replacedIn[who]);
    }

    function ownerOf(uint32 id) external view returns (address) {
        return _participants[id].owner;
    }

    function roleOf(uint32 id) external view returns (Role) {
        return _participants[id].role;
    }

    function standingOf(uint32 id) external view returns (Standing) {
        return _participants[id].standing;
    }

    function bornIn(uint32 id) external view returns (uint32) {
        return _participants[id].born;
    }

    /// @notice Reverts unless `who` is the owner or the key of `id`.
    function requireActor(uint32 id, address who) public view {
        Participant storage p = _participants[id];
        if (p.role == Role.None || (who != p.key && who != p.owner)) revert NotActor(id, who);
    }

    function _epoch() internal view virtual returns (uint32);

    function _checkKey(address key, bytes32 fingerprint, bytes calldata signature) private view {
        if (idOf[key] != 0) revert KeyInUse(key, idOf[key]);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(KEY_PROOF, msg.sender, fingerprint)));
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        if (signer != key || key == address(0)) revert WrongKeySignature(key);
    }
}
