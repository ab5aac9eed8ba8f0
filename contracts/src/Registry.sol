// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Clock} from "./Clock.sol";
import {Fixed} from "./Fixed.sol";
import {Parameters, Rules} from "./Rules.sol";
import {Stake} from "./Stake.sol";
import {Wiring} from "./Wiring.sol";

/// @title Who takes part, under which key and certificate, and with what standing
/// @notice Standing follows `klopf.neuron.next_standing`; utility follows R1 with activity 1 and, as listening, the
///         neuron's share of all that was heard in the epoch. Commitments bind to the key, never to a seat.
contract Registry is EIP712 {
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
        bytes32 fingerprint; // SHA-256 of the TLS certificate (DER)
        bytes32 commitment; // hash of the model snapshot that answers in the next epoch
        string model;
        string endpoint;
    }

    bytes32 public constant KEY_PROOF = keccak256("KeyProof(address owner,bytes32 fingerprint)");

    Rules public immutable rules;
    Clock public immutable clock;
    Stake public immutable stake;
    address public immutable settlement;
    address public immutable audits;

    uint32 public count;
    uint32 public backbone; // seats taken
    uint32[] private _auditors; // in the order in which they first staked enough
    mapping(uint32 id => bool) private _listed;
    mapping(uint32 id => Participant) private _participants;
    mapping(address key => uint32 id) public idOf; // never freed: a key is used once

    event Registered(
        uint32 indexed id, Role role, address owner, address key, string endpoint, string model, bytes certificate
    );
    event Moved(uint32 indexed id, string endpoint, bytes certificate);
    event KeyRotated(uint32 indexed id, address key);
    event ModelChanged(uint32 indexed id, string model);
    event ModelCommitted(uint32 indexed id, uint32 indexed epoch, bytes32 commitment);
    event UtilityUpdated(uint32 indexed id, uint32 indexed epoch, uint256 share, uint64 utility);
    event Judged(uint32 indexed id, uint32 indexed epoch, bool passed, uint8 failedInARow);
    event StandingChanged(uint32 indexed id, uint32 indexed epoch, Standing from, Standing to, uint32 rival);

    error OnlyContract();
    error NotActor(uint32 id, address caller);
    error NotOwner(uint32 id, address caller);
    error UnknownRole();
    error KeyInUse(address key, uint32 id);
    error WrongKeySignature(address key);
    error NotFringe(uint32 id);
    error NotBackbone(uint32 id);
    error NotMature(uint32 id, uint32 age);
    error AuditNotPassed(uint32 id);
    error NoFreeSeat(uint32 seats);
    error NotHeardEnough(uint256 heard, uint256 rival);
    error NotSettled(uint32 id, uint32 epoch);
    error NothingToChange(uint32 id);

    constructor(Wiring memory w) EIP712("Klopf Registry", "1") {
        rules = Rules(w.rules);
        clock = Clock(w.clock);
        stake = Stake(w.stake);
        settlement = w.settlement;
        audits = w.audits;
    }

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

    /// @notice Replace a key that may be lost. The old one is never accepted again.
    function rotateKey(uint32 id, address key, bytes calldata keySignature) external {
        Participant storage p = _participants[id];
        if (msg.sender != p.owner) revert NotOwner(id, msg.sender);
        _checkKey(key, p.fingerprint, keySignature);
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

    /// @notice Ask for a backbone seat: a free one (`incumbent` 0) or that of a neuron that is heard less.
    function knock(uint32 id, uint32 incumbent) external {
        // CHECK
        requireActor(id, msg.sender);
        Participant storage p = _participants[id];
        Parameters memory r = rules.current();
        if (p.standing != Standing.Fringe) revert NotFringe(id);
        if (ageOf(id) <= r.maturity) revert NotMature(id, ageOf(id));
        if (!p.passed || p.failed >= r.patience) revert AuditNotPassed(id);
        uint256 heard = heardBy(id);
        uint256 rival = 0;
        if (incumbent == 0) {
            if (backbone >= r.seats) revert NoFreeSeat(r.seats);
            if (heard == 0) revert NotHeardEnough(heard, rival);
        } else {
            Participant storage q = _participants[incumbent];
            if (q.standing != Standing.Backbone) revert NotBackbone(incumbent);
            if (q.updated + 1 < clock.epoch()) revert NotSettled(incumbent, q.updated + 1);
            rival = heardBy(incumbent);
            if (heard * 1e4 <= rival * (1e4 + r.marginBps)) revert NotHeardEnough(heard, rival);
        }
        // APPLY, EMIT
        if (incumbent != 0) _setStanding(incumbent, Standing.Fringe, id);
        _setStanding(id, Standing.Backbone, incumbent);
    }

    /// @notice Silence, or send back to the fringe, a neuron whose record says so. Anybody may.
    function silence(uint32 id) external {
        Standing earned = _earned(id);
        if (earned == _participants[id].standing) revert NothingToChange(id);
        _setStanding(id, earned, 0);
    }

    // ---- called by the other contracts ----

    /// @notice Stake tells when a participant's stake has changed.
    function onStake(uint32 id, uint256 staked) external {
        if (msg.sender != address(stake)) revert OnlyContract();
        Participant storage p = _participants[id];
        if (p.role == Role.Auditor && !_listed[id] && staked >= rules.current().auditorStake) {
            _listed[id] = true; // a list that is walked is paid for
            _auditors.push(id);
        }
        if (p.role != Role.Neuron) return;
        uint256 least = rules.current().neuronStake;
        if (p.standing == Standing.None && staked >= least) {
            (p.born, p.updated) = (clock.epoch(), clock.epoch());
            _setStanding(id, Standing.Fringe, 0);
        } else if (p.standing != Standing.None && p.standing != Standing.Silent && staked < least) {
            _setStanding(id, Standing.Silent, 0);
        }
    }

    function onPost(uint32 id, uint32 epoch, bytes32 commitment) external {
        if (msg.sender != settlement) revert OnlyContract();
        _participants[id].commitment = commitment;
        emit ModelCommitted(id, epoch, commitment);
    }

    /// @notice R1 for one closed epoch. Epochs may come in any order: the sum is the same up to rounding down.
    function onHeard(uint32 id, uint32 epoch, uint256 share) external {
        // CHECK
        if (msg.sender != settlement) revert OnlyContract();
        Participant storage p = _participants[id];
        if (p.role != Role.Neuron || p.standing == Standing.None || epoch <= p.born) return;
        // ACCRUE
        uint256 decay = rules.current().decay;
        uint256 gain = Fixed.mulDown(Fixed.ONE - decay, share);
        if (epoch > p.updated) {
            p.utility = uint64(Fixed.mulDown(p.utility, Fixed.powDown(decay, epoch - p.updated)) + gain);
            p.updated = epoch;
        } else {
            p.utility += uint64(Fixed.mulDown(gain, Fixed.powDown(decay, p.updated - epoch)));
        }
        // EMIT
        emit UtilityUpdated(id, epoch, share, p.utility);
    }

    function onJudged(uint32 id, uint32 epoch, bool passed) external {
        if (msg.sender != audits) revert OnlyContract();
        Participant storage p = _participants[id];
        p.passed = passed;
        p.failed = passed ? 0 : (p.failed == type(uint8).max ? p.failed : p.failed + 1);
        emit Judged(id, epoch, passed, p.failed);
        Standing earned = _earned(id);
        if (earned != p.standing) _setStanding(id, earned, 0);
    }

    // ---- views ----

    /// @notice Epochs a neuron has lived through; 0 before it is admitted.
    function ageOf(uint32 id) public view returns (uint32) {
        Participant storage p = _participants[id];
        uint32 epoch = clock.epoch();
        if (p.standing == Standing.None || epoch <= p.born + 1) return 0;
        return epoch - 1 - p.born;
    }

    /// @notice Bias-corrected utility as of the last closed epoch, 18 decimals.
    function heardBy(uint32 id) public view returns (uint256) {
        uint32 age = ageOf(id);
        if (age == 0) return 0;
        Participant storage p = _participants[id];
        uint256 decay = rules.current().decay;
        uint256 utility = Fixed.mulDown(p.utility, Fixed.powDown(decay, p.born + age - p.updated));
        return Fixed.divDown(utility, Fixed.ONE - Fixed.powDown(decay, age));
    }

    function participant(uint32 id) external view returns (Participant memory) {
        return _participants[id];
    }

    function keyOf(uint32 id) external view returns (address) {
        return _participants[id].key;
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

    function auditors() external view returns (uint32[] memory) {
        return _auditors;
    }

    /// @notice Reverts unless `who` is the owner or the key of `id`.
    function requireActor(uint32 id, address who) public view {
        Participant storage p = _participants[id];
        if (p.role == Role.None || (who != p.key && who != p.owner)) revert NotActor(id, who);
    }

    // ---- private ----

    function _checkKey(address key, bytes32 fingerprint, bytes calldata signature) private view {
        if (idOf[key] != 0) revert KeyInUse(key, idOf[key]);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(KEY_PROOF, msg.sender, fingerprint)));
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        if (signer != key || key == address(0)) revert WrongKeySignature(key);
    }

    /// @dev `klopf.neuron.next_standing` without a seat asked for.
    function _earned(uint32 id) private view returns (Standing) {
        Participant storage p = _participants[id];
        if (p.standing == Standing.None || p.standing == Standing.Silent) return p.standing;
        Parameters memory r = rules.current();
        if (ageOf(id) <= r.maturity) return p.standing;
        if (p.failed >= r.patience) return Standing.Silent;
        if (!p.passed) return Standing.Fringe;
        return p.standing;
    }

    function _setStanding(uint32 id, Standing to, uint32 rival) private {
        Participant storage p = _participants[id];
        Standing from = p.standing;
        if (from == Standing.Backbone) backbone -= 1;
        if (to == Standing.Backbone) backbone += 1;
        p.standing = to;
        emit StandingChanged(id, clock.epoch(), from, to, rival);
    }
}
