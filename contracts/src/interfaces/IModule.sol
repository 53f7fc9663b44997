// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Edit, Entry} from "./Types.sol";

/// @title A module of a service that holds objects: path -> blob
/// @notice Only Core edits it. Removing an entry moves the last entry to the free index; all others
/// keep their index.
interface IModule {
    /// @notice An object was set, or removed if `blob` is zero.
    /// @param pathHash keccak256 of `path`
    /// @param blob hash of the new value in Blobs
    event ObjectChanged(
        bytes32 indexed pathHash, uint64 indexed revision, string path, bytes32 blob
    );

    /// @notice `caller` is not Core.
    error ModuleUnauthorized(address caller);
    /// @notice The path is empty, or its `length` in bytes is over `limit`.
    error ModuleInvalidPath(uint256 length, uint256 limit);
    /// @notice The object at `path` was changed since the edit was made: the edit expects the blob
    /// `expected`, the module holds `actual` (zero: no object).
    error ModuleConflict(string path, bytes32 expected, bytes32 actual);
    /// @notice The edit changes nothing: `was` equals `blob`.
    error ModuleNoChange(string path);
    /// @notice The blob is not in Blobs; publish it before the change is applied.
    error ModuleUnknownBlob(string path, bytes32 blob);

    /// @notice Applies `edits` as part of `revision`. Only Core.
    function applyEdits(Edit[] calldata edits, uint64 revision) external;
    /// @notice Returns the Core this module belongs to.
    function core() external view returns (address);
    /// @notice Returns the entry at `path`; all zero if there is none.
    function entry(string calldata path) external view returns (Entry memory);
    /// @notice Returns the number of objects.
    function count() external view returns (uint256);
    /// @notice Returns up to `limit` entries from index `start`.
    /// @dev Warning: an edit between two calls can move entries. Read all pages at one block.
    function page(uint256 start, uint256 limit) external view returns (Entry[] memory);
    /// @notice Returns a hash of the whole content: keccak256(abi.encode(count, root)). root is the
    /// binary Merkle root over the leaves keccak256(abi.encode(keccak256(bytes(path)), blob)) in
    /// index order. An inner node is keccak256(abi.encode(left, right)), a missing right sibling is
    /// zero, and the depth is the smallest d with 2^d >= count. Without entries root is zero.
    function commitment() external view returns (bytes32);
}
