// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Ban, Permission, UpdateMode} from "./Types.sol";
import {IModule} from "./IModule.sol";

/// @title The permissions to update modules, and the bans
interface ISecurity is IModule {
    /// @notice A ban was added, or lifted if `banned` is false.
    /// @param kind a BanKind
    /// @param subject see BanKind
    /// @param unit the banned unit, numbered from 0; zero unless the kind is Node
    event BanChanged(
        uint8 indexed kind,
        bytes32 indexed subject,
        uint32 unit,
        bool banned,
        uint64 indexed revision
    );
    /// @notice A module's update mode and its whole list of admins were set.
    event PermissionChanged(
        bytes32 indexed module, UpdateMode mode, address[] admins, uint64 indexed revision
    );

    /// @notice The ban names a unit, but its kind is not Node.
    error SecurityInvalidBan(Ban ban);
    /// @notice The ban changes nothing: it is in force already, or it is lifted without being in
    /// force.
    error SecurityBanUnchanged(Ban ban);
    /// @notice More than `limit` bans would be in force.
    error SecurityTooManyBans(uint256 limit);
    /// @notice More than `limit` nodes of one operator (keccak256 of its name) would be banned.
    error SecurityTooManyNodeBans(bytes32 operator, uint256 limit);
    /// @notice Mode Admins needs a list of admins, mode Governance needs none; the permission has
    /// `admins` of them.
    error SecurityInvalidPermission(bytes32 module, UpdateMode mode, uint256 admins);
    /// @notice The permission names `admins` admins; a module has at most `limit`.
    error SecurityTooManyAdmins(bytes32 module, uint256 admins, uint256 limit);
    /// @notice The permission is for a module that does not exist.
    error SecurityUnknownModule(bytes32 module);
    /// @notice `admin` is the zero address, or it stands twice in the list.
    error SecurityInvalidAdmin(bytes32 module, address admin);

    /// @notice Applies bans and permissions as part of `revision`. Only Core.
    /// @dev Warning: bans are read when a deal is made and when units are numbered. A banned
    /// operator keeps the slots it was dealt until the next deal.
    function applySecurity(Ban[] calldata bans, Permission[] calldata permissions, uint64 revision)
        external;
    /// @notice Returns whether `account` may update `module` now.
    function authorized(address account, bytes32 module) external view returns (bool);
    /// @notice Returns the module's update mode and admins.
    function permission(bytes32 module)
        external
        view
        returns (UpdateMode mode, address[] memory admins);
    /// @notice Returns whether the operator or its certificate is banned.
    /// @param operator keccak256 of the operator's name
    /// @param fingerprint SHA-256 of the certificate's DER
    function banned(bytes32 operator, bytes32 fingerprint) external view returns (bool);
    /// @notice Returns the operator's banned units, ascending.
    /// @param operator keccak256 of the operator's name
    function bannedUnits(bytes32 operator) external view returns (uint32[] memory);
    /// @notice Returns all bans in force, in no particular order.
    function bans() external view returns (Ban[] memory);
}
