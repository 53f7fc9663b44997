// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Ban, Permission, UpdateMode} from "./Types.sol";
import {IModule} from "./IModule.sol";

/// @title Who may update what, and who is banned
interface ISecurity is IModule {
    /// @notice A ban was added or lifted. `unit` is zero unless the kind is Node.
    event BanChanged(
        uint8 indexed kind,
        bytes32 indexed subject,
        uint32 unit,
        bool banned,
        uint64 indexed revision
    );
    /// @notice A module's update mode was set.
    event PermissionChanged(
        bytes32 indexed module, UpdateMode mode, address[] admins, uint64 indexed revision
    );

    /// @notice The ban is already in the state asked for, or names a unit where its kind has none.
    error SecurityInvalidBan(Ban ban);
    /// @notice More than `limit` nodes of one operator, or more than `limit` subjects in all, would be banned.
    error SecurityTooManyBans(bytes32 subject, uint256 limit);
    /// @notice Mode Governance with admins, mode Admins without any, an admin twice or zero, over the limit, or no such
    /// module.
    error SecurityInvalidPermission(bytes32 module);

    /// @notice Applies bans and permissions as part of `revision`. Only Core.
    function applySecurity(Ban[] calldata bans, Permission[] calldata permissions, uint64 revision)
        external;
    /// @notice Whether `account` may update `module` now.
    function authorized(address account, bytes32 module) external view returns (bool);
    /// @notice The module's mode and admins.
    function permission(bytes32 module)
        external
        view
        returns (UpdateMode mode, address[] memory admins);
    /// @notice Whether the operator (keccak256 of its name) or its certificate is banned.
    function banned(bytes32 operator, bytes32 fingerprint) external view returns (bool);
    /// @notice The operator's banned units, ascending.
    function bannedUnits(bytes32 operator) external view returns (uint32[] memory);
    /// @notice All bans in force.
    function bans() external view returns (Ban[] memory);
}
