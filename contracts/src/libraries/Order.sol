// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice The order of a deal: operators with the running sum of their units, in chunks stored as
/// contract code.
/// @dev A chunk's code is a STOP byte, then a record of 28 bytes for each operator: its address
/// and, in 8 bytes, the units of all operators up to and including it. Bisection finds the operator
/// of a unit: first the chunk, then the record.
library Order {
    using SafeCast for uint256;

    /// @dev One storage slot. `operators` and `units` count all that is dealt up to the end of the
    /// chunk.
    struct Chunk {
        address pointer;
        uint32 operators;
        uint64 units;
    }

    /// @dev As many as fit in EIP-170's 24,576 bytes of code. The caller chooses how many fit in a
    /// transaction's gas.
    uint256 internal constant CHUNK_LIMIT = 877;

    /// @dev Bytes of a record.
    uint256 private constant RECORD_SIZE = 28;

    /// @notice Adds up to `CHUNK_LIMIT` operators as one chunk; `units[i]` belongs to
    /// `operators[i]`.
    function append(Chunk[] storage chunks, address[] calldata operators, uint32[] memory units)
        internal
        returns (Chunk memory chunk)
    {
        if (chunks.length != 0) chunk = chunks[chunks.length - 1];
        uint256 length = operators.length;
        // Each record is written as a word of 32 bytes: the last word ends 4 bytes after the last
        // record.
        bytes memory records = new bytes(length * RECORD_SIZE + 4);
        for (uint256 i = 0; i < length; ++i) {
            chunk.units += units[i];
            uint256 record = uint256(uint160(operators[i])) << 96 | uint256(chunk.units) << 32;
            // i < length, so the word ends within `records`.
            assembly ("memory-safe") {
                mstore(add(add(records, 0x20), mul(i, RECORD_SIZE)), record)
            }
        }
        chunk.operators += length.toUint32();
        chunk.pointer = _store(records, length * RECORD_SIZE);
        chunks.push(chunk);
    }

    /// @notice Returns the operator of a unit, and the unit's index among that operator's units.
    /// `unit` must be below the sum of all units.
    function find(Chunk[] storage chunks, uint256 unit)
        internal
        view
        returns (address operator, uint256 index)
    {
        uint256 low = 0;
        uint256 high = chunks.length - 1;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (chunks[middle].units > unit) high = middle;
            else low = middle + 1;
        }
        Chunk memory chunk = chunks[low];
        return _findIn(chunk, _previous(chunks, low), unit);
    }

    /// @notice Returns up to `limit` operators and their units from index `start`.
    function page(Chunk[] storage chunks, uint256 start, uint256 limit)
        internal
        view
        returns (address[] memory operators, uint32[] memory units)
    {
        uint256 total = chunks.length == 0 ? 0 : chunks[chunks.length - 1].operators;
        start = Math.min(start, total);
        uint256 size = Math.min(limit, total - start);
        operators = new address[](size);
        units = new uint32[](size);
        for (uint256 position = 0; position < chunks.length; ++position) {
            Chunk memory chunk = chunks[position];
            if (chunk.operators <= start) continue;
            Chunk memory previous = _previous(chunks, position);
            if (previous.operators >= start + size) break;
            uint256 sum = previous.units;
            for (uint256 i = previous.operators; i < chunk.operators && i < start + size; ++i) {
                (address operator, uint256 end) = _record(chunk.pointer, i - previous.operators);
                if (i >= start) {
                    operators[i - start] = operator;
                    units[i - start] = (end - sum).toUint32();
                }
                sum = end;
            }
        }
    }

    /// @dev Finds the first record whose sum is above `unit`. It is never that of an operator
    /// without units.
    function _findIn(Chunk memory chunk, Chunk memory previous, uint256 unit)
        private
        view
        returns (address operator, uint256 index)
    {
        uint256 low = 0;
        uint256 high = chunk.operators - previous.operators - 1;
        uint256 sum = previous.units;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            (, uint256 end) = _record(chunk.pointer, middle);
            if (end > unit) {
                high = middle;
            } else {
                low = middle + 1;
                // In the end this is the sum of the record just before the one found.
                sum = end;
            }
        }
        (operator,) = _record(chunk.pointer, low);
        index = unit - sum;
    }

    /// @dev Returns the chunk before the one at `position`; all zero before the first.
    function _previous(Chunk[] storage chunks, uint256 position)
        private
        view
        returns (Chunk memory chunk)
    {
        if (position != 0) chunk = chunks[position - 1];
    }

    function _record(address pointer, uint256 index)
        private
        view
        returns (address operator, uint256 end)
    {
        uint256 word;
        // The record is copied to the scratch space. The last 4 bytes of the word are not part of
        // it and are shifted out.
        assembly ("memory-safe") {
            extcodecopy(pointer, 0, add(1, mul(index, RECORD_SIZE)), RECORD_SIZE)
            word := mload(0)
        }
        // The upper 20 bytes are the address, the next 8 the sum.
        // forge-lint: disable-next-line(unsafe-typecast)
        return (address(uint160(word >> 96)), uint64(word >> 32));
    }

    /// @dev Deploys the first `size` bytes as code behind a STOP, with the init code of Blobs:
    /// PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE (0), CODECOPY, RETURNDATASIZE (0), RETURN.
    function _store(bytes memory records, uint256 size) private returns (address pointer) {
        bytes memory creation =
            abi.encodePacked(hex"61", (size + 1).toUint16(), hex"80600a3d393df3", hex"00", records);
        // 11 bytes precede the records; the padding after the records is left out.
        assembly ("memory-safe") {
            pointer := create(0, add(creation, 0x20), add(11, size))
        }
        // The init code calls nothing, so only a lack of gas can fail it.
        if (pointer == address(0)) revert Errors.FailedDeployment();
    }
}
