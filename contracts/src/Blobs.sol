// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";

import {IBlobs} from "./interfaces/IBlobs.sol";

/// @notice Stores values as contract code, found by their keccak256.
/// @dev Powers: none. Anyone may publish a value; nobody can alter or remove one.
contract Blobs is IBlobs {
    /// @dev EIP-170's 24,576 bytes of code, less the leading STOP, with which nobody can run a
    /// value.
    uint256 private constant MAX_SIZE = 24_575;

    mapping(bytes32 hash => address) private _pointers;

    /// @inheritdoc IBlobs
    function put(bytes calldata data) external returns (bytes32) {
        return _put(data);
    }

    /// @inheritdoc IBlobs
    function putMany(bytes[] calldata data) external returns (bytes32[] memory hashes) {
        hashes = new bytes32[](data.length);
        for (uint256 i = 0; i < data.length; ++i) {
            hashes[i] = _put(data[i]);
        }
    }

    /// @inheritdoc IBlobs
    function has(bytes32 hash) external view returns (bool) {
        return _pointers[hash] != address(0);
    }

    /// @inheritdoc IBlobs
    function get(bytes32 hash) external view returns (bytes memory) {
        return _get(hash);
    }

    /// @inheritdoc IBlobs
    function getMany(bytes32[] calldata hashes) external view returns (bytes[] memory data) {
        data = new bytes[](hashes.length);
        for (uint256 i = 0; i < hashes.length; ++i) {
            data[i] = _get(hashes[i]);
        }
    }

    function _put(bytes calldata data) private returns (bytes32 hash) {
        hash = keccak256(data);
        if (_pointers[hash] != address(0)) return hash;
        if (data.length > MAX_SIZE) revert BlobsTooLarge(data.length, MAX_SIZE);

        address pointer = _deploy(data);
        _pointers[hash] = pointer;

        emit BlobStored(hash, pointer, data.length);
    }

    /// @dev The init code is PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE (0), CODECOPY,
    /// RETURNDATASIZE (0), RETURN; then the code.
    function _deploy(bytes calldata data) private returns (address pointer) {
        // size <= MAX_SIZE + 1 = 24,576, so it fits 16 bits.
        uint16 size = uint16(data.length + 1);
        bytes memory creation = abi.encodePacked(hex"61", size, hex"80600a3d393df3", hex"00", data);
        assembly ("memory-safe") {
            pointer := create(0, add(creation, 0x20), mload(creation))
        }
        // The init code calls nothing, so only a lack of gas can fail it.
        if (pointer == address(0)) revert Errors.FailedDeployment();
    }

    function _get(bytes32 hash) private view returns (bytes memory data) {
        address pointer = _pointers[hash];
        if (pointer == address(0)) revert BlobsUnknown(hash);

        // `_deploy` made the code at least one byte long, so this cannot underflow.
        uint256 size = pointer.code.length - 1;
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(pointer, add(data, 0x20), 1, size)
        }
    }
}
