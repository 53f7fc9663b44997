// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Content-addressed values, shared by all services of a chain
/// @notice Anyone may publish; nothing can be altered or removed. A value is stored as contract code (SSTORE2).
interface IBlobs {
    /// @notice A value was stored for the first time.
    event Stored(bytes32 indexed hash, address pointer, uint256 size);

    /// @notice The value is larger than fits in one contract (`limit` bytes).
    error BlobsTooLarge(uint256 size, uint256 limit);
    /// @notice No value with this hash is stored.
    error BlobsUnknown(bytes32 hash);

    /// @notice Stores `data` unless it is there already and returns its keccak256.
    function put(bytes calldata data) external returns (bytes32 hash);
    /// @notice Stores several values; see `put`.
    function putMany(bytes[] calldata data) external returns (bytes32[] memory hashes);
    /// @notice Whether the value is stored.
    function has(bytes32 hash) external view returns (bool);
    /// @notice Returns the value; reverts with BlobsUnknown.
    function get(bytes32 hash) external view returns (bytes memory);
    /// @notice Returns several values; reverts with BlobsUnknown.
    function getMany(bytes32[] calldata hashes) external view returns (bytes[] memory);
}
