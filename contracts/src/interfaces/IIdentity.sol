// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModule} from "./IModule.sol";

/// @title Operators: staked accounts with an X.509 certificate
/// @notice An account joins by itself. It needs the stake threshold, a free place in the list, and
/// a P-256 signature by its certificate's key over its address: the signature and the transaction
/// bind certificate and account to each other.
interface IIdentity is IModule {
    /// @notice An operator, active or not.
    /// @param certificate keccak256 of the certificate's DER, which Blobs holds
    /// @param fingerprint SHA-256 of the certificate's DER
    /// @param joinedAt the block in which it joined last
    /// @param active whether it joined and has not left since
    struct Operator {
        address account;
        string name;
        bytes32 certificate;
        bytes32 fingerprint;
        uint64 joinedAt;
        bool active;
    }

    /// @notice The arguments of `join`.
    /// @param name 1 to 64 bytes of [A-Za-z0-9@._-]
    /// @param certificate keccak256 of a DER certificate, which Blobs holds
    /// @param keyOffset where the certificate's SubjectPublicKeyInfo (27 bytes of P-256 header,
    /// then X and Y) starts
    /// @param r first half of the signature of `joinDigest` by the certificate's key
    /// @param s second half of the signature, in the lower half of the group's order
    /// @param beaconX x of the operator's VRF key on secp256k1
    /// @param beaconY y of the operator's VRF key on secp256k1
    struct Application {
        string name;
        bytes32 certificate;
        uint256 keyOffset;
        bytes32 r;
        bytes32 s;
        uint256 beaconX;
        uint256 beaconY;
    }

    /// @notice An account joined, for the first time or again.
    /// @param nameHash keccak256 of `name`
    /// @param certificate keccak256 of the certificate's DER
    /// @param fingerprint SHA-256 of the certificate's DER
    event OperatorJoined(
        address indexed operator,
        bytes32 indexed nameHash,
        string name,
        bytes32 certificate,
        bytes32 fingerprint
    );
    /// @notice An operator left by itself, or was removed because its stake was too low.
    event OperatorLeft(address indexed operator, bytes32 indexed nameHash);
    /// @notice An operator registered the VRF key (x, y), by joining or later.
    event BeaconKeyRegistered(address indexed operator, uint256 x, uint256 y);

    /// @notice The account is an active operator already.
    error IdentityAlreadyJoined(address operator);
    /// @notice The account is not an active operator.
    error IdentityNotJoined(address operator);
    /// @notice The name is empty, over 64 bytes, or not of [A-Za-z0-9@._-].
    error IdentityInvalidName(string name);
    /// @notice The account joined before as `formerName` and can join again under that name only.
    error IdentityNameMismatch(string name, string formerName);
    /// @notice The name belongs to `holder`; an account keeps its name after it leaves.
    error IdentityNameTaken(string name, address holder);
    /// @notice The certificate is bound to `holder`; an account keeps its certificates after it
    /// leaves.
    error IdentityCertificateTaken(bytes32 fingerprint, address holder);
    /// @notice The account's stake is below the threshold.
    error IdentityStakeTooLow(address operator, uint256 stake, uint256 threshold);
    /// @notice The operator's stake reaches the threshold, so nobody else can remove it.
    error IdentityStakeSufficient(address operator, uint256 stake, uint256 threshold);
    /// @notice There are `limit` active operators already (the parameter `max_operator_number`).
    error IdentityListFull(uint256 limit);
    /// @notice The certificate has no P-256 public key at `keyOffset`.
    error IdentityCertificateKeyNotFound(bytes32 certificate, uint256 keyOffset);
    /// @notice The certificate's key did not sign `digest`; see `joinDigest`.
    error IdentityInvalidSignature(bytes32 digest);
    /// @notice The operator or its certificate is banned.
    error IdentityBanned(address operator);
    /// @notice The point is not on secp256k1, or its x is not below the group's order (ecrecover
    /// could not check proofs).
    error IdentityInvalidBeaconKey(uint256 x, uint256 y);
    /// @notice The account had no VRF key at the end of that block.
    error IdentityNoBeaconKey(address operator, uint256 blockNumber);
    /// @notice The account was not an active operator at the end of that block.
    error IdentityNotActiveAt(address operator, uint256 blockNumber);
    /// @notice The block is not past at block `current`, so its final state is not known.
    error IdentityFutureLookup(uint256 blockNumber, uint256 current);

    /// @notice Adds the caller to the active operators and registers its VRF key.
    /// @dev Warning: a name and a certificate stay bound to their first account for ever, and an
    /// account to its first name.
    function join(Application calldata application) external;
    /// @notice Removes the caller from the active operators. Its stake stays until it is withdrawn.
    /// @dev Warning: the operator keeps the slots it was dealt until the next deal, which gives it
    /// no units.
    function leave() external;
    /// @notice Removes an operator whose stake fell below the threshold. Anyone may call.
    function prune(address operator) external;
    /// @notice Replaces the caller's VRF key.
    /// @dev Warning: an operator needs its old key for every epoch whose beacon was drawn with an
    /// older snapshot.
    function registerBeaconKey(uint256 x, uint256 y) external;

    /// @notice Returns the digest that the certificate's key signs:
    /// sha256(abi.encode("koinon join", block.chainid, address(this), account,
    /// keccak256(bytes(name)), certificate, beaconX, beaconY)).
    function joinDigest(
        address account,
        string calldata name,
        bytes32 certificate,
        uint256 beaconX,
        uint256 beaconY
    ) external view returns (bytes32);
    /// @notice Returns the operator, also after it left; `account` is zero if it never joined.
    function operator(address account) external view returns (Operator memory);
    /// @notice Returns the account that holds the name; zero if none does.
    /// @param nameHash keccak256 of the name
    function operatorByName(bytes32 nameHash) external view returns (address);
    /// @notice Returns the number of active operators.
    function operatorCount() external view returns (uint256);
    /// @notice Returns up to `limit` active operators from index `start`.
    /// @dev Warning: joining and leaving reorder the list. Read all pages at one block.
    function operators(uint256 start, uint256 limit) external view returns (address[] memory);
    /// @notice Returns the number of active operators at the end of a past block.
    function operatorCountAt(uint256 blockNumber) external view returns (uint256);
    /// @notice Returns the units of operators that were active at the end of `blockNumber`: stake
    /// then / stake_threshold now, rounded down, at most 2^32 - 1, less banned units (numbered from
    /// 0). An operator that is banned or inactive now has none. A threshold of 0 counts as 1.
    /// Reverts with IdentityNotActiveAt.
    /// @dev Warning: stake is read at the block, the threshold, bans and leaving are read now. The
    /// same call can return less or more later.
    /// @return units by index of `accounts`
    function unitsAt(address[] calldata accounts, uint256 blockNumber)
        external
        view
        returns (uint32[] memory units);
    /// @notice Returns the VRF key the operator had at the end of `blockNumber`; reverts with
    /// IdentityNoBeaconKey.
    function beaconKeyAt(address account, uint256 blockNumber)
        external
        view
        returns (uint256 x, uint256 y);
}
