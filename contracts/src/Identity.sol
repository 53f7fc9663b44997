// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {Module} from "./Module.sol";
import {IIdentity} from "./interfaces/IIdentity.sol";
import {ISecurity} from "./interfaces/ISecurity.sol";
import {IStake} from "./interfaces/IStake.sol";
import {ECVRF} from "./libraries/ECVRF.sol";
import {SECURITY, STAKE} from "./libraries/Names.sol";

/// @notice The operators of a service.
/// @dev Powers: Core edits the objects (`applyEdits`). Each account joins, leaves and sets its VRF
/// key by itself; anyone may remove an operator whose stake is under the threshold (`prune`).
/// Nobody can add or rename another account.
contract Identity is Module, IIdentity {
    using Checkpoints for Checkpoints.Trace208;
    using EnumerableSet for EnumerableSet.AddressSet;
    using SafeCast for uint256;

    /// @dev `joinedAt` is zero if the account never joined.
    struct OperatorRecord {
        string name;
        bytes32 certificate;
        bytes32 fingerprint;
        uint64 joinedAt;
    }

    struct BeaconKey {
        uint256 x;
        uint256 y;
    }

    bytes32 private constant STAKE_THRESHOLD = "stake_threshold";
    bytes32 private constant MAX_OPERATOR_NUMBER = "max_operator_number";
    uint256 private constant MAX_NAME_LENGTH = 64;
    /// @dev DER of a SubjectPublicKeyInfo for P-256, up to the uncompressed point's coordinates
    /// (RFC 5480).
    bytes27 private constant P256_KEY_HEADER =
        hex"3059301306072a8648ce3d020106082a8648ce3d03010703420004";
    /// @dev Bytes of the header and the coordinates.
    uint256 private constant P256_KEY_SIZE = 27 + 64;

    EnumerableSet.AddressSet private _active;
    /// @dev The number of active operators, by block.
    Checkpoints.Trace208 private _activeCounts;
    mapping(address account => OperatorRecord) private _records;
    /// @dev 1 while the account is active, by block.
    mapping(address account => Checkpoints.Trace208) private _memberships;
    mapping(bytes32 nameHash => address) private _holders;
    mapping(bytes32 fingerprint => address) private _certificateHolders;
    mapping(address account => BeaconKey[]) private _beaconKeys;
    /// @dev The length of `_beaconKeys`, by block.
    mapping(address account => Checkpoints.Trace208) private _beaconKeyCounts;

    constructor(address core) Module(core) {}

    /// @inheritdoc IIdentity
    function join(Application calldata application) external {
        bytes32 nameHash = keccak256(bytes(application.name));
        _checkName(msg.sender, application.name, nameHash);
        bytes32 fingerprint = _checkCertificate(msg.sender, application);
        _checkAdmission(msg.sender, nameHash, fingerprint);
        _checkBeaconKey(application.beaconX, application.beaconY);

        _records[msg.sender] = OperatorRecord(
            application.name, application.certificate, fingerprint, block.number.toUint64()
        );
        _holders[nameHash] = msg.sender;
        _certificateHolders[fingerprint] = msg.sender;
        _active.add(msg.sender);
        _checkpoint(msg.sender, 1);
        _addBeaconKey(msg.sender, application.beaconX, application.beaconY);

        emit OperatorJoined(
            msg.sender, nameHash, application.name, application.certificate, fingerprint
        );
        emit BeaconKeyRegistered(msg.sender, application.beaconX, application.beaconY);
    }

    /// @inheritdoc IIdentity
    function leave() external {
        _leave(msg.sender);
    }

    /// @inheritdoc IIdentity
    function prune(address account) external {
        uint256 stake = _stakeOf(account);
        uint256 threshold = _threshold();
        if (stake >= threshold && _active.contains(account)) {
            revert IdentityStakeSufficient(account, stake, threshold);
        }

        _leave(account);
    }

    /// @inheritdoc IIdentity
    function registerBeaconKey(uint256 x, uint256 y) external {
        if (!_active.contains(msg.sender)) revert IdentityNotJoined(msg.sender);
        _checkBeaconKey(x, y);

        _addBeaconKey(msg.sender, x, y);

        emit BeaconKeyRegistered(msg.sender, x, y);
    }

    /// @inheritdoc IIdentity
    function joinDigest(
        address account,
        string calldata name,
        bytes32 certificate,
        uint256 beaconX,
        uint256 beaconY
    ) external view returns (bytes32) {
        return _joinDigest(account, name, certificate, beaconX, beaconY);
    }

    /// @inheritdoc IIdentity
    function operator(address account) external view returns (Operator memory) {
        OperatorRecord memory record = _records[account];
        return Operator({
            account: record.joinedAt == 0 ? address(0) : account,
            name: record.name,
            certificate: record.certificate,
            fingerprint: record.fingerprint,
            joinedAt: record.joinedAt,
            active: _active.contains(account)
        });
    }

    /// @inheritdoc IIdentity
    function operatorByName(bytes32 nameHash) external view returns (address) {
        return _holders[nameHash];
    }

    /// @inheritdoc IIdentity
    function operatorCount() external view returns (uint256) {
        return _active.length();
    }

    /// @inheritdoc IIdentity
    function operators(uint256 start, uint256 limit) external view returns (address[] memory) {
        return _active.values(start, Math.saturatingAdd(start, limit));
    }

    /// @inheritdoc IIdentity
    function operatorCountAt(uint256 blockNumber) external view returns (uint256) {
        return _activeCounts.upperLookupRecent(_pastBlock(blockNumber));
    }

    /// @inheritdoc IIdentity
    function unitsAt(address[] calldata accounts, uint256 blockNumber)
        external
        view
        returns (uint32[] memory units)
    {
        uint48 past = _pastBlock(blockNumber);
        IStake stake = _stake();
        ISecurity security = _security();
        uint256 threshold = _threshold();
        units = new uint32[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            address account = accounts[i];
            Checkpoints.Trace208 storage membership = _memberships[account];
            if (membership.upperLookupRecent(past) == 0) {
                revert IdentityNotActiveAt(account, blockNumber);
            }
            // Equal to `_active.contains`, but from a slot that was just read.
            if (membership.latest() == 0) continue;
            units[i] =
                _unitsWithoutBanned(account, stake.stakeAt(account, past) / threshold, security);
        }
    }

    /// @inheritdoc IIdentity
    function beaconKeyAt(address account, uint256 blockNumber)
        external
        view
        returns (uint256 x, uint256 y)
    {
        uint256 count = _beaconKeyCounts[account].upperLookupRecent(_pastBlock(blockNumber));
        if (count == 0) revert IdentityNoBeaconKey(account, blockNumber);
        BeaconKey memory key = _beaconKeys[account][count - 1];
        return (key.x, key.y);
    }

    function _checkName(address account, string calldata name, bytes32 nameHash) private view {
        if (_active.contains(account)) revert IdentityAlreadyJoined(account);
        if (!_isName(bytes(name))) revert IdentityInvalidName(name);
        address holder = _holders[nameHash];
        if (holder != address(0) && holder != account) revert IdentityNameTaken(name, holder);
        // An account keeps its first name, so that it cannot escape a ban of that name by joining
        // under another.
        if (_records[account].joinedAt != 0 && holder != account) {
            revert IdentityNameMismatch(name, _records[account].name);
        }
    }

    /// @dev Checks that the certificate is free or this account's already, and that its key signed
    /// the application.
    function _checkCertificate(address account, Application calldata application)
        private
        view
        returns (bytes32 fingerprint)
    {
        bytes memory der = _core().blobs().get(application.certificate);
        fingerprint = sha256(der);
        address holder = _certificateHolders[fingerprint];
        if (holder != address(0) && holder != account) {
            revert IdentityCertificateTaken(fingerprint, holder);
        }

        (bytes32 x, bytes32 y) =
            _certificateKey(der, application.certificate, application.keyOffset);
        bytes32 digest = _joinDigest(
            account,
            application.name,
            application.certificate,
            application.beaconX,
            application.beaconY
        );
        if (!P256.verify(digest, application.r, application.s, x, y)) {
            revert IdentityInvalidSignature(digest);
        }
    }

    function _checkAdmission(address account, bytes32 nameHash, bytes32 fingerprint) private view {
        if (_security().banned(nameHash, fingerprint)) revert IdentityBanned(account);
        uint256 stake = _stakeOf(account);
        uint256 threshold = _threshold();
        if (stake < threshold) revert IdentityStakeTooLow(account, stake, threshold);
        uint256 limit = _core().naturalParameter(MAX_OPERATOR_NUMBER);
        if (_active.length() >= limit) revert IdentityListFull(limit);
    }

    function _leave(address account) private {
        if (!_active.remove(account)) revert IdentityNotJoined(account);

        _checkpoint(account, 0);

        emit OperatorLeft(account, keccak256(bytes(_records[account].name)));
    }

    /// @dev Records for the present block whether the account is active (1) and how many are.
    function _checkpoint(address account, uint208 membership) private {
        uint48 clock = block.number.toUint48();
        _memberships[account].push(clock, membership);
        _activeCounts.push(clock, _active.length().toUint208());
    }

    function _addBeaconKey(address account, uint256 x, uint256 y) private {
        BeaconKey[] storage keys = _beaconKeys[account];
        keys.push(BeaconKey(x, y));
        _beaconKeyCounts[account].push(block.number.toUint48(), keys.length.toUint208());
    }

    /// @dev Returns `total` less the banned units below it; banned units from `total` on do not
    /// exist.
    function _unitsWithoutBanned(address account, uint256 total, ISecurity security)
        private
        view
        returns (uint32)
    {
        // Capped, so that no operator can stop a deal by staking more than the type holds.
        total = Math.min(total, type(uint32).max);
        OperatorRecord storage record = _records[account];
        bytes32 nameHash = keccak256(bytes(record.name));
        if (total == 0 || security.banned(nameHash, record.fingerprint)) return 0;
        uint32[] memory banned = security.bannedUnits(nameHash);
        uint256 count = 0;
        while (count < banned.length && banned[count] < total) ++count;
        // Banned units are distinct, so at most `total` of them are below `total`.
        return (total - count).toUint32();
    }

    function _joinDigest(
        address account,
        string calldata name,
        bytes32 certificate,
        uint256 beaconX,
        uint256 beaconY
    ) private view returns (bytes32) {
        return sha256(
            abi.encode(
                "koinon join",
                block.chainid,
                address(this),
                account,
                keccak256(bytes(name)),
                certificate,
                beaconX,
                beaconY
            )
        );
    }

    function _stakeOf(address account) private view returns (uint256) {
        return IERC20(address(_stake())).balanceOf(account);
    }

    /// @dev Returns at least 1, so that a threshold of zero divides nothing by zero: one stake is
    /// then one unit.
    function _threshold() private view returns (uint256) {
        return Math.max(_core().naturalParameter(STAKE_THRESHOLD), 1);
    }

    function _stake() private view returns (IStake) {
        return IStake(_core().module(STAKE));
    }

    function _security() private view returns (ISecurity) {
        return ISecurity(_core().module(SECURITY));
    }

    /// @dev Accepts past blocks only: the state at the end of the present block is not final.
    function _pastBlock(uint256 blockNumber) private view returns (uint48) {
        if (blockNumber >= block.number) revert IdentityFutureLookup(blockNumber, block.number);
        return blockNumber.toUint48();
    }

    function _checkBeaconKey(uint256 x, uint256 y) private pure {
        if (!ECVRF.isKey(x, y)) revert IdentityInvalidBeaconKey(x, y);
    }

    function _certificateKey(bytes memory der, bytes32 certificate, uint256 offset)
        private
        pure
        returns (bytes32 x, bytes32 y)
    {
        if (der.length < P256_KEY_SIZE || offset > der.length - P256_KEY_SIZE) {
            revert IdentityCertificateKeyNotFound(certificate, offset);
        }
        bytes32 header;
        // offset + P256_KEY_SIZE <= der.length, and no word read ends after offset + P256_KEY_SIZE.
        assembly ("memory-safe") {
            let start := add(add(der, 0x20), offset)
            header := mload(start)
            x := mload(add(start, 27))
            y := mload(add(start, 59))
        }
        // The header is the first 27 bytes of the word.
        // forge-lint: disable-next-line(unsafe-typecast)
        if (bytes27(header) != P256_KEY_HEADER) {
            revert IdentityCertificateKeyNotFound(certificate, offset);
        }
    }

    function _isName(bytes calldata name) private pure returns (bool) {
        if (name.length == 0 || name.length > MAX_NAME_LENGTH) return false;
        for (uint256 i = 0; i < name.length; ++i) {
            if (!_isNameByte(name[i])) return false;
        }
        return true;
    }

    function _isNameByte(bytes1 char) private pure returns (bool) {
        return (char >= "a" && char <= "z") || (char >= "A" && char <= "Z")
            || (char >= "0" && char <= "9") || char == "@" || char == "." || char == "_"
            || char == "-";
    }
}
