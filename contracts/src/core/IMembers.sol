// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Who takes part, under which key and certificate
/// @notice Commitments bind to the key, never to a seat. What somebody says of itself is bounded in bytes, so that a page of
///         participants can always be read; in a network of more than FREE ids a registration costs a deposit, which
///         returns when its owner leaves.
interface IMembers {
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

    /// @notice Somebody takes part.
    /// @param id Id of the participant.
    /// @param role What the participant does.
    /// @param owner Address that owns it and is paid.
    /// @param key Address of the key.
    /// @param endpoint Host and port that it answers at.
    /// @param model Kind of its model.
    /// @param certificate Its TLS certificate (DER).
    event Registered(
        uint32 indexed id, Role role, address owner, address key, string endpoint, string model, bytes certificate
    );

    /// @notice A participant answers elsewhere, or under another certificate.
    /// @param id Id of the participant.
    /// @param endpoint Host and port that it answers at.
    /// @param certificate Its TLS certificate (DER).
    event Moved(uint32 indexed id, string endpoint, bytes certificate);

    /// @notice A participant has another key.
    /// @param id Id of the participant.
    /// @param key Address of the key.
    event KeyRotated(uint32 indexed id, address key);

    /// @notice A participant has left: it has no role any more.
    /// @param id Id of the participant.
    /// @param deposit What went back to its owner, in units of 1e-18 KLP.
    event Gone(uint32 indexed id, uint256 deposit);

    /// @notice A participant has another kind of model, which has passed no audit.
    /// @param id Id of the participant.
    /// @param model Kind of its model.
    event ModelChanged(uint32 indexed id, string model);

    /// @notice Neither the owner nor the key of the participant.
    /// @param id Id of the participant.
    /// @param caller Who sent the transaction.
    error NotActor(uint32 id, address caller);

    /// @notice More bytes than may be said.
    /// @param length Bytes that were given.
    /// @param most Bytes that may be.
    error TooLong(uint256 length, uint256 most);

    /// @notice Whoever leaves has nothing at stake.
    /// @param id Id of the participant.
    /// @param amount What is staked or thaws.
    error StillAtStake(uint32 id, uint256 amount);

    /// @notice The longest endpoint or name of a model, in bytes.
    function MAX_TEXT() external view returns (uint256);

    /// @notice The longest certificate, in bytes.
    function MAX_CERTIFICATE() external view returns (uint256);

    /// @notice So many ids cost nothing.
    function FREE() external view returns (uint32);

    /// @notice What a registration costs after them, until its owner leaves.
    function DEPOSIT() external view returns (uint128);

    /// @notice What is less than this at stake holds nobody back who quits: anybody may have added it. It stays its owner's.
    ///         In units of 1e-18 KLP.
    function DUST() external view returns (uint256);

    /// @notice What returns when a participant leaves.
    /// @param id Id of the participant.
    function depositOf(uint32 id) external view returns (uint128);

    /// @notice Leave for good: the owner, who has nothing at stake any more. The deposit returns; the key stays used. What is
    ///         due for past epochs is still paid to the owner.
    /// @param id Id of the participant.
    function quit(uint32 id) external;

    /// @notice Only the owner may.
    /// @param id Id of the participant.
    /// @param caller Who sent the transaction.
    error NotOwner(uint32 id, address caller);

    /// @notice A participant has a role.
    error UnknownRole();

    /// @notice A key registers once.
    /// @param key Address of the key.
    /// @param id Who registered it.
    error KeyInUse(address key, uint32 id);

    /// @notice The key did not sign that it belongs to the caller.
    /// @param key Address of the key.
    error WrongKeySignature(address key);

    /// @notice EIP-712 type hash of what a key signs when it registers.
    function KEY_PROOF() external view returns (bytes32);

    /// @notice How many have ever registered.
    function count() external view returns (uint32);

    /// @notice The participant that a key registered; 0 for none.
    /// @param key Address of the key.
    function idOf(address key) external view returns (uint32);

    /// @notice Whether a silent neuron announced another model: then an audit that it passes ends its silence.
    /// @param id Id of the participant.
    function renewed(uint32 id) external view returns (bool);

    /// @notice The last epoch whose receipts a former key signs.
    /// @param key Address of a former key.
    function replacedIn(address key) external view returns (uint32);

    /// @notice Join under `key`, which proves by its signature that it belongs to the caller.
    /// @param role What the participant does.
    /// @param key Address of the key.
    /// @param endpoint Host and port that it answers at.
    /// @param model Kind of its model.
    /// @param certificate Its TLS certificate (DER).
    /// @param keySignature By `key`, over the owner and the certificate.
    /// @return id Id of the new participant.
    function register(
        Role role,
        address key,
        string calldata endpoint,
        string calldata model,
        bytes calldata certificate,
        bytes calldata keySignature
    ) external returns (uint32 id);

    /// @notice Answer from another address, under another certificate.
    /// @param id Id of the participant.
    /// @param endpoint Host and port that it answers at.
    /// @param certificate Its TLS certificate (DER).
    function move(uint32 id, string calldata endpoint, bytes calldata certificate) external;

    /// @notice Replace a key that may be lost. From now on the old one may do nothing; what it signed for epochs up to
    ///         this one stays signed, so that nobody takes back a promise by a new key.
    /// @param id Id of the participant.
    /// @param key Address of the key.
    /// @param keySignature By `key`, over the owner and the certificate.
    function rotateKey(uint32 id, address key, bytes calldata keySignature) external;

    /// @notice Announce another kind of model: it has passed no audit yet.
    /// @param id Id of the participant.
    /// @param model Kind of its model.
    function changeModel(uint32 id, string calldata model) external;

    /// @notice A participant.
    /// @param id Id of the participant.
    /// @return The record.
    function participant(uint32 id) external view returns (Participant memory);

    /// @notice Its key.
    /// @param id Id of the participant.
    /// @return Its address.
    function keyOf(uint32 id) external view returns (address);

    /// @notice Whether a receipt of `epoch` that `who` signed is signed by `id`: `who` is its key, or one that it replaced
    ///         in that epoch or later.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param who Whose signature it is.
    /// @return True if it is.
    function signsFor(uint32 id, uint32 epoch, address who) external view returns (bool);

    /// @notice Its owner; zero for nobody.
    /// @param id Id of the participant.
    /// @return Its address.
    function ownerOf(uint32 id) external view returns (address);

    /// @notice Its role.
    /// @param id Id of the participant.
    /// @return The role.
    function roleOf(uint32 id) external view returns (Role);

    /// @notice Its standing.
    /// @param id Id of the participant.
    /// @return The standing.
    function standingOf(uint32 id) external view returns (Standing);

    /// @notice The epoch in which it was admitted.
    /// @param id Id of the participant.
    /// @return The epoch.
    function bornIn(uint32 id) external view returns (uint32);

    /// @notice Reverts unless `who` is the owner or the key of `id`.
    /// @param id Id of the participant.
    /// @param who Who wants to act.
    function requireActor(uint32 id, address who) external view;
}
