// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModule} from "./IModule.sol";

/// @title Operators: staked accounts with an X.509 certificate
/// @notice An account joins by itself: it needs the stake threshold, a free place in the list, and a P-256 signature by
/// its certificate's key over its address, so the certificate and the account are bound by both keys.
interface IIdentity is IModule {
    /// @param certificate keccak256 of the certificate's DER in Blobs
    /// @param fingerprint SHA-256 of the certificate's DER
    struct Operator {
        address account;
        string name;
        bytes32 certificate;
        bytes32 fingerprint;
        uint64 joinedAt;
        bool active;
    }

    /// @notice What an account joins with; see `join`.
    struct Application {
        string name;
        bytes32 certificate;
        uint256 keyOffset;
        bytes32 r;
        bytes32 s;
        uint256 beaconX;
        uint256 beaconY;
    }

    event Joined(
        address indexed operator,
        bytes32 indexed nameHash,
        string name,
        bytes32 certificate,
        bytes32 fingerprint
    );
    event Left(address indexed operator, bytes32 indexed nameHash);
    event BeaconKeyRegistered(address indexed operator, uint256 x, uint256 y);

    error IdentityAlreadyJoined(address operator);
    error IdentityNotJoined(address operator);
    /// @notice The name is empty, over 64 bytes, not of [A-Za-z0-9@._-], or not the one the account had before it left.
    error IdentityInvalidName(string name);
    /// @notice The name belongs to `holder` (names stay with their account after it leaves).
    error IdentityNameTaken(string name, address holder);
    /// @notice The certificate is bound to `holder`.
    error IdentityCertificateTaken(bytes32 fingerprint, address holder);
    error IdentityStakeTooLow(address operator, uint256 stake, uint256 threshold);
    error IdentityStakeSufficient(address operator, uint256 stake, uint256 threshold);
    error IdentityListFull(uint256 limit);
    /// @notice No P-256 public key stands at `keyOffset` of the certificate.
    error IdentityKeyNotFound(bytes32 certificate, uint256 keyOffset);
    error IdentityInvalidSignature(bytes32 digest);
    /// @notice The operator or its certificate is banned.
    error IdentityBanned(address operator);
    /// @notice The point is not on secp256k1, or its x is not under the group's order (ecrecover could not check proofs).
    error IdentityInvalidBeaconKey(uint256 x, uint256 y);
    error IdentityNoBeaconKey(address operator, uint256 blockNumber);
    /// @notice The account was no operator at that block.
    error IdentityNotMember(address operator, uint256 blockNumber);
    /// @notice The block is not past at `current`, so what it leaves behind is not known.
    error IdentityNotPast(uint256 blockNumber, uint256 current);

    /// @notice Joins the list of operators. `certificate` is a DER certificate in Blobs whose SubjectPublicKeyInfo
    /// (27 bytes of P-256 header, then X and Y) starts at `keyOffset`; (r, s) signs `joinDigest`, s in the lower half.
    /// (beaconX, beaconY) is the operator's VRF key on secp256k1. Who joins again keeps its name.
    function join(Application calldata application) external;
    /// @notice Leaves: no units from the next deal on. The stake stays until withdrawn.
    function leave() external;
    /// @notice Removes an operator whose stake fell under the threshold. Anyone may call.
    function prune(address operator) external;
    /// @notice Replaces the caller's VRF key. Epochs whose beacon was drawn with an older snapshot still use the old one.
    function registerBeaconKey(uint256 x, uint256 y) external;

    /// @notice What the certificate's key signs: sha256(abi.encode("koinon join", block.chainid, address(this),
    /// account, keccak256(bytes(name)), certificate, beaconX, beaconY)).
    function joinDigest(
        address account,
        string calldata name,
        bytes32 certificate,
        uint256 beaconX,
        uint256 beaconY
    ) external view returns (bytes32);
    /// @notice The operator, also after it left; `account` is zero if it never joined.
    function operator(address account) external view returns (Operator memory);
    /// @notice The account that holds the name; zero if none.
    function operatorByName(bytes32 nameHash) external view returns (address);
    /// @notice Number of active operators.
    function operatorCount() external view returns (uint256);
    /// @notice Up to `limit` active operators from index `start`.
    function operators(uint256 start, uint256 limit) external view returns (address[] memory);
    /// @notice Number of active operators at the end of a past block.
    function operatorCountAt(uint256 blockNumber) external view returns (uint256);
    /// @notice The units of operators that were active at the end of `blockNumber`: stake then / stake_threshold now,
    /// rounded down, at most 2^32 - 1, less banned units (numbered from 0); zero for who is banned or inactive now. A
    /// threshold of 0 counts as 1. Reverts with IdentityNotMember.
    function unitsAt(address[] calldata accounts, uint256 blockNumber)
        external
        view
        returns (uint32[] memory);
    /// @notice The VRF key the operator had at the end of `blockNumber`; reverts with IdentityNoBeaconKey.
    function beaconKeyAt(address account, uint256 blockNumber)
        external
        view
        returns (uint256 x, uint256 y);
}
