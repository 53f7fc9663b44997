// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {Module} from "./Module.sol";
import {ISecurity} from "./interfaces/ISecurity.sol";
import {Ban, BanKind, Permission, UpdateMode} from "./interfaces/Types.sol";
import {TIMELOCK} from "./libraries/Names.sol";

/// @notice The permissions to update modules, and the bans.
/// @dev Powers: Core edits the objects (`applyEdits`) and the bans and permissions
/// (`applySecurity`). Through Core, the timelock may update every module, and a module's admins
/// that module; admins of `security` may ban.
contract Security is Module, ISecurity {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @dev A change replaces the whole list of admins: 32 cost under 2 M gas.
    uint256 private constant ADMINS_LIMIT = 32;
    /// @dev `bans` returns all in one call: 1,024 cost about 5 M gas, below every node's limit for
    /// a call.
    uint256 private constant BANS_LIMIT = 1024;
    /// @dev The Mapper reads all of an operator's when it deals to it: 64 fill 8 storage slots.
    uint256 private constant NODE_BANS_LIMIT = 64;

    /// @dev A module without admins is in mode Governance, a module with admins in mode Admins.
    mapping(bytes32 module => EnumerableSet.AddressSet) private _admins;
    Ban[] private _bans;
    /// @dev Index in `_bans` plus one; zero if there is no such ban.
    mapping(bytes32 banId => uint256) private _positions;
    mapping(bytes32 operator => uint32[]) private _bannedUnits;

    constructor(address core) Module(core) {}

    /// @inheritdoc ISecurity
    function applySecurity(
        Ban[] calldata newBans,
        Permission[] calldata permissions,
        uint64 revision
    ) external onlyCore {
        for (uint256 i = 0; i < newBans.length; ++i) {
            _applyBan(newBans[i], revision);
        }
        for (uint256 i = 0; i < permissions.length; ++i) {
            _applyPermission(permissions[i], revision);
        }
    }

    /// @inheritdoc ISecurity
    function authorized(address account, bytes32 module) external view returns (bool) {
        return _admins[module].contains(account) || account == _core().module(TIMELOCK);
    }

    /// @inheritdoc ISecurity
    function permission(bytes32 module)
        external
        view
        returns (UpdateMode mode, address[] memory admins)
    {
        admins = _admins[module].values();
        mode = admins.length == 0 ? UpdateMode.Governance : UpdateMode.Admins;
    }

    /// @inheritdoc ISecurity
    function banned(bytes32 operator, bytes32 fingerprint) external view returns (bool) {
        return _positions[_banId(BanKind.Operator, operator, 0)] != 0
            || _positions[_banId(BanKind.Credential, fingerprint, 0)] != 0;
    }

    /// @inheritdoc ISecurity
    function bannedUnits(bytes32 operator) external view returns (uint32[] memory) {
        return _bannedUnits[operator];
    }

    /// @inheritdoc ISecurity
    function bans() external view returns (Ban[] memory) {
        return _bans;
    }

    function _applyBan(Ban calldata ban, uint64 revision) private {
        bytes32 id = _banId(ban.kind, ban.subject, ban.unit);
        if (ban.kind != BanKind.Node && ban.unit != 0) revert SecurityInvalidBan(ban);
        if (ban.banned == (_positions[id] != 0)) revert SecurityBanUnchanged(ban);

        if (ban.banned) {
            _addBan(id, ban);
        } else {
            _liftBan(id);
        }
        if (ban.kind == BanKind.Node) {
            if (ban.banned) _addUnit(ban.subject, ban.unit);
            else _removeUnit(ban.subject, ban.unit);
        }

        emit BanChanged(uint8(ban.kind), ban.subject, ban.unit, ban.banned, revision);
    }

    function _applyPermission(Permission calldata change, uint64 revision) private {
        uint256 length = change.admins.length;
        if ((change.mode == UpdateMode.Admins) != (length != 0)) {
            revert SecurityInvalidPermission(change.module, change.mode, length);
        }
        if (length > ADMINS_LIMIT) {
            revert SecurityTooManyAdmins(change.module, length, ADMINS_LIMIT);
        }
        if (_core().module(change.module) == address(0)) {
            revert SecurityUnknownModule(change.module);
        }

        EnumerableSet.AddressSet storage admins = _admins[change.module];
        admins.clear();
        for (uint256 i = 0; i < length; ++i) {
            address admin = change.admins[i];
            if (admin == address(0) || !admins.add(admin)) {
                revert SecurityInvalidAdmin(change.module, admin);
            }
        }

        emit PermissionChanged(change.module, change.mode, change.admins, revision);
    }

    function _addBan(bytes32 id, Ban calldata ban) private {
        if (_bans.length == BANS_LIMIT) revert SecurityTooManyBans(BANS_LIMIT);
        _bans.push(ban);
        _positions[id] = _bans.length;
    }

    /// @dev Moves the last ban to the free place.
    function _liftBan(bytes32 id) private {
        uint256 position = _positions[id];
        Ban memory last = _bans[_bans.length - 1];
        _bans[position - 1] = last;
        _positions[_banId(last.kind, last.subject, last.unit)] = position;
        _bans.pop();
        delete _positions[id];
    }

    /// @dev Keeps the list ascending: moves the greater units one place up.
    function _addUnit(bytes32 operator, uint32 unit) private {
        uint32[] storage units = _bannedUnits[operator];
        uint256 index = units.length;
        if (index == NODE_BANS_LIMIT) revert SecurityTooManyNodeBans(operator, NODE_BANS_LIMIT);
        units.push(unit);
        for (; index > 0 && units[index - 1] > unit; --index) {
            units[index] = units[index - 1];
        }
        units[index] = unit;
    }

    /// @dev Moves the greater units one place down. The unit is in the list, for `_positions` has
    /// the ban.
    function _removeUnit(bytes32 operator, uint32 unit) private {
        uint32[] storage units = _bannedUnits[operator];
        uint256 index = 0;
        while (units[index] != unit) ++index;
        for (; index + 1 < units.length; ++index) {
            units[index] = units[index + 1];
        }
        units.pop();
    }

    function _banId(BanKind kind, bytes32 subject, uint32 unit) private pure returns (bytes32) {
        return keccak256(abi.encode(kind, subject, unit));
    }
}
