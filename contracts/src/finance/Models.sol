// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC6909} from "@openzeppelin/contracts/token/ERC6909/ERC6909.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {IModels} from "./IModels.sol";
import {IVentures} from "./IVentures.sol";

/// @title Models whose revenue is their shares' (E1)
/// @notice There are always 1e18 shares of a model, so that a unit of revenue is 1e-18 of a unit for each: what somebody is
///         due is counted in those, and no division ever loses anything.
contract Models is IModels, ERC6909, EIP712 {
    using SafeERC20 for IERC20;

    uint256 public constant SHARES = 1e18;
    bytes32 public constant DEED = keccak256("Deed(uint256 venture,uint32 neuron,bytes32 model,uint128 licence)");

    IERC20 public immutable token;
    IMembers public immutable registry;
    IVentures public immutable ventures;

    uint256 public count;
    mapping(uint256 venture => uint256) public ofVenture;
    mapping(uint32 neuron => uint256) public ofNeuron;
    mapping(uint256 id => mapping(address who => bool)) public licensed;
    mapping(uint256 id => Model) private _models;
    mapping(uint256 id => mapping(address owner => Account)) private _accounts;

    /// @param ventures_ Of the same pack, which is entered in the directory only when all of it is there.
    constructor(IDirectory d, IVentures ventures_) EIP712("Klopf Models", "1") {
        token = IERC20(d.addressOf("Token"));
        registry = IMembers(d.addressOf("Registry"));
        ventures = ventures_;
    }

    /// @inheritdoc IModels
    function mint(
        Deed calldata deed,
        bytes calldata founderSignature,
        uint256[] calldata lots,
        bytes[] calldata signatures
    ) external returns (uint256 id) {
        // CHECK
        IVentures.Venture memory v = ventures.ventureOf(deed.venture);
        if (v.milestone == 0 || ofVenture[deed.venture] != 0) revert NoVenture(deed.venture);
        _requireAudited(deed, v.founder);
        bytes32 digest = deedDigest(deed);
        _requireSigned(v.founder, digest, founderSignature);
        _requireMost(deed.venture, v.terms.goal, digest, lots, signatures);
        // APPLY
        id = ++count;
        (ofVenture[deed.venture], ofNeuron[deed.neuron], _models[id].deed) = (id, id, deed);
        // EMIT
        emit ModelMinted(id, deed.venture, deed.neuron, deed);
        uint256 theirs = SHARES - (SHARES * v.terms.founderBps) / 1e4;
        if (theirs != SHARES) _mint(v.founder, id, SHARES - theirs);
        for (uint256 i = 0; theirs != 0 && i < v.lots; i++) {
            IVentures.Lot memory l = ventures.lotOf(deed.venture, i);
            uint256 end = (theirs * (uint256(l.start) + l.amount)) / v.terms.goal; // rounds down, as the next one's start
            _mint(l.owner, id, end - (theirs * l.start) / v.terms.goal);
        }
    }

    /// @inheritdoc IModels
    function earn(uint256 id, uint128 amount) public {
        // CHECK
        if (_models[id].deed.venture == 0) revert NoModel(id);
        if (amount == 0) revert Nothing();
        // APPLY
        _models[id].revenue += amount;
        // EMIT
        emit Earned(id, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IModels
    function license(uint256 id, address holder) external {
        // CHECK
        uint128 price = _models[id].deed.licence;
        if (price == 0 || licensed[id][holder]) revert NoModel(id);
        // APPLY
        licensed[id][holder] = true;
        // EMIT
        emit Licensed(id, holder);
        earn(id, price);
    }

    /// @inheritdoc IModels
    function claim(uint256 id) external returns (uint256 amount) {
        // ACCRUE
        _accrue(msg.sender, id);
        // CHECK
        amount = _accounts[id][msg.sender].due / SHARES; // rounds down
        if (amount == 0) revert Nothing();
        // APPLY
        _accounts[id][msg.sender].due -= amount * SHARES;
        // EMIT
        emit RevenueClaimed(id, msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IModels
    function claimableRevenue(address account, uint256 id) external view returns (uint256) {
        return _dueOf(account, id) / SHARES;
    }

    /// @inheritdoc IModels
    function modelOf(uint256 id) external view returns (Model memory) {
        return _models[id];
    }

    /// @inheritdoc IModels
    function deedDigest(Deed calldata d) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(DEED, d.venture, d.neuron, d.model, d.licence)));
    }

    /// @dev What was earned until now stays with whoever had the shares.
    function _update(address from, address to, uint256 id, uint256 amount) internal override {
        if (from != address(0)) _accrue(from, id);
        _accrue(to, id);
        super._update(from, to, id, amount);
    }

    function _accrue(address owner, uint256 id) private {
        Account storage a = _accounts[id][owner];
        (a.due, a.seen) = (_dueOf(owner, id), _models[id].revenue);
    }

    function _dueOf(address owner, uint256 id) private view returns (uint256) {
        Account storage a = _accounts[id][owner];
        return a.due + balanceOf(owner, id) * (_models[id].revenue - a.seen);
    }

    /// @dev Nobody sells licences of what somebody else's neuron serves, nor takes it from the venture that paid for it: an
    ///      owner that is not the founder sends the transaction itself.
    function _requireAudited(Deed calldata deed, address founder) private view {
        IMembers.Participant memory p = registry.participant(deed.neuron);
        bool stands = p.standing == IMembers.Standing.Fringe || p.standing == IMembers.Standing.Backbone;
        if (!stands || !p.passed || p.commitment != deed.model || ofNeuron[deed.neuron] != 0) {
            revert NotAudited(deed.neuron);
        }
        if (p.owner != founder && p.owner != msg.sender) revert NotSigned(p.owner);
    }

    function _requireMost(
        uint256 venture,
        uint256 goal,
        bytes32 digest,
        uint256[] calldata lots,
        bytes[] calldata signatures
    ) private view {
        if (lots.length != signatures.length) revert WrongLots();
        uint256 sum = 0;
        for (uint256 i = 0; i < lots.length; i++) {
            if (i != 0 && lots[i] <= lots[i - 1]) revert WrongLots();
            IVentures.Lot memory l = ventures.lotOf(venture, lots[i]);
            if (l.owner == address(0)) revert WrongLots();
            _requireSigned(l.owner, digest, signatures[i]);
            sum += l.amount;
        }
        if (sum * 3 < goal * 2) revert TooFew(sum, goal);
    }

    function _requireSigned(address who, bytes32 digest, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(who, digest, signature)) revert NotSigned(who);
    }
}
