// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Content-addressed values, shared by all services of a chain
/// @notice Anyone may publish a value; nobody can alter or remove one. A value is stored as
/// contract code (SSTORE2).
interface IBlobs {
    /// @notice A value was stored for the first time; storing it again emits nothing.
    /// @param hash keccak256 of the value
    /// @param pointer the contract whose code holds the value, behind one STOP byte
    /// @param size length of the value in bytes
    event BlobStored(bytes32 indexed hash, address pointer, uint256 size);

    /// @notice The value has `size` bytes; one contract holds at most `limit` bytes.
    error BlobsTooLarge(uint256 size, uint256 limit);
    /// @notice No value with this hash is stored.
    error BlobsUnknown(bytes32 hash);

    /// @notice Stores `data` unless it is stored already; returns its keccak256.
    function put(bytes calldata data) external returns (bytes32 hash);
    /// @notice Stores several values; see `put`. The hashes are in the order of `data`.
    function putMany(bytes[] calldata data) external returns (bytes32[] memory hashes);
    /// @notice Returns whether the value is stored.
    function has(bytes32 hash) external view returns (bool);
    /// @notice Returns the value; reverts with BlobsUnknown.
    function get(bytes32 hash) external view returns (bytes memory);
    /// @notice Returns several values in the order of `hashes`; reverts with BlobsUnknown if one is
    /// missing.
    function getMany(bytes32[] calldata hashes) external view returns (bytes[] memory);
}
