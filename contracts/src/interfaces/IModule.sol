// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Edit, Entry} from "./Types.sol";

/// @title A module of a service that holds objects: path -> blob
/// @notice Only Core edits it. Entries keep their index until one is removed; then the last entry takes the free index.
interface IModule {
    /// @notice An object was set, or removed (`blob` zero).
    event Changed(bytes32 indexed pathHash, uint64 indexed revision, string path, bytes32 blob);

    /// @notice The caller is not Core.
    error ModuleUnauthorized(address caller);
    /// @notice A path is empty or longer than `limit` bytes.
    error ModuleInvalidPath(uint256 length, uint256 limit);
    /// @notice The object is not what the editor saw.
    error ModuleConflict(string path, bytes32 expected, bytes32 actual);
    /// @notice The edit changes nothing (`was` equals `blob`).
    error ModuleNoChange(string path);
    /// @notice The blob was never published.
    error ModuleUnknownBlob(string path, bytes32 blob);

    /// @notice Applies `edits` as part of `revision`.
    function applyEdits(Edit[] calldata edits, uint64 revision) external;
    /// @notice The Core this module belongs to.
    function core() external view returns (address);
    /// @notice The entry at `path`; all zero if there is none.
    function entry(string calldata path) external view returns (Entry memory);
    /// @notice Number of objects.
    function count() external view returns (uint256);
    /// @notice Up to `limit` entries from index `start`.
    function page(uint256 start, uint256 limit) external view returns (Entry[] memory);
    /// @notice Commits to the whole content: keccak256(abi.encode(count, root)), with root the binary Merkle root over
    /// leaves keccak256(abi.encode(keccak256(bytes(path)), blob)) in index order, a missing right sibling being zero and
    /// an inner node keccak256(abi.encode(left, right)); depth is the smallest d with 2^d >= count; the root of nothing
    /// is zero.
    function commitment() external view returns (bytes32);
}
