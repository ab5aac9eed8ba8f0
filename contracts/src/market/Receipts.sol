// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice How a listener listened to a speaker in one epoch.
struct Receipt {
    uint32 epoch;
    uint32 listener;
    uint32 speaker;
    uint32 answers; // how many answers it is for
    uint16 weight; // how much the listener listens, in 1/65535 of its attention
    bytes32 trail; // hash over the requests and answers
}

/// @notice A receipt that both ends signed, and its place under the listener's posted root.
struct SignedReceipt {
    Receipt receipt;
    bytes listenerSignature;
    bytes speakerSignature;
    bytes32[] proof;
}

/// @notice What is hashed and signed. A leaf is hashed twice, so that no inner node can pass for one.
library Receipts {
    bytes32 internal constant KIND = keccak256(
        "Receipt(uint32 epoch,uint32 listener,uint32 speaker,uint32 answers,uint16 weight,bytes32 trail)"
    );

    function structHash(Receipt calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(KIND, r));
    }

    function leaf(Receipt calldata r) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(r))));
    }

    /// @notice Whose key signed `digest`; zero, which is nobody's, where the signature is none.
    function signerOf(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }
}
