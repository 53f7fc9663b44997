// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice The order of a deal: operators with the running sum of their units, in chunks stored as contract code.
/// @dev A chunk's code is a STOP byte, then one record of 28 bytes per operator: its address and, as 8 bytes, the units of
/// all operators up to and with it. So the operator of a unit is found by bisection: first the chunk, then the record.
library Order {
    using SafeCast for uint256;

    /// @dev One slot. `operators` and `units` count what is dealt at the end of the chunk.
    struct Chunk {
        address pointer;
        uint32 operators;
        uint64 units;
    }

    /// @dev What fits EIP-170's 24,576 bytes of code. How many fit a transaction's gas is for the caller to choose.
    uint256 internal constant CHUNK_LIMIT = 877;

    uint256 private constant RECORD = 28;

    /// @notice Adds up to `CHUNK_LIMIT` operators, `units[i]` being the units of `operators[i]`.
    function append(Chunk[] storage chunks, address[] calldata operators, uint32[] memory units)
        internal
        returns (Chunk memory chunk)
    {
        if (chunks.length != 0) chunk = chunks[chunks.length - 1];
        uint256 length = operators.length;
        // Room for the last record's word, of which 4 bytes lie beyond the record.
        bytes memory records = new bytes(length * RECORD + 4);
        for (uint256 i = 0; i < length; ++i) {
            chunk.units += units[i];
            uint256 record = uint256(uint160(operators[i])) << 96 | uint256(chunk.units) << 32;
            // i < length, so the word ends within `records`.
            assembly ("memory-safe") {
                mstore(add(add(records, 0x20), mul(i, RECORD)), record)
            }
        }
        chunk.operators += length.toUint32();
        chunk.pointer = _store(records, length * RECORD);
        chunks.push(chunk);
    }

    /// @notice Returns the owner of a unit below the sum of all, and the unit's index among the owner's.
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
        Chunk memory former = _before(chunks, low);
        return _findIn(chunk, former, unit);
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
        for (uint256 which = 0; which < chunks.length; ++which) {
            Chunk memory chunk = chunks[which];
            if (chunk.operators <= start) continue;
            Chunk memory former = _before(chunks, which);
            if (former.operators >= start + size) break;
            uint256 sum = former.units;
            for (uint256 i = former.operators; i < chunk.operators && i < start + size; ++i) {
                (address operator, uint256 end) = _record(chunk.pointer, i - former.operators);
                if (i >= start) {
                    operators[i - start] = operator;
                    units[i - start] = (end - sum).toUint32();
                }
                sum = end;
            }
        }
    }

    /// @dev The first record whose sum is over `unit`; operators without units never are.
    function _findIn(Chunk memory chunk, Chunk memory former, uint256 unit)
        private
        view
        returns (address operator, uint256 index)
    {
        uint256 low = 0;
        uint256 high = chunk.operators - former.operators - 1;
        uint256 sum = former.units;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            (, uint256 end) = _record(chunk.pointer, middle);
            if (end > unit) {
                high = middle;
            } else {
                low = middle + 1;
                // Every record that is passed over ends where a later one begins; the last of them just before `low`.
                sum = end;
            }
        }
        (operator,) = _record(chunk.pointer, low);
        index = unit - sum;
    }

    /// @dev What was dealt before the chunk; zeros before the first.
    function _before(Chunk[] storage chunks, uint256 which)
        private
        view
        returns (Chunk memory chunk)
    {
        if (which != 0) chunk = chunks[which - 1];
    }

    function _record(address pointer, uint256 index)
        private
        view
        returns (address operator, uint256 end)
    {
        uint256 word;
        // The scratch space holds the record; the last 4 bytes of the word are not part of it and shifted out.
        assembly ("memory-safe") {
            extcodecopy(pointer, 0, add(1, mul(index, RECORD)), RECORD)
            word := mload(0)
        }
        // The upper 20 bytes, then 8 bytes.
        // forge-lint: disable-next-line(unsafe-typecast)
        return (address(uint160(word >> 96)), uint64(word >> 32));
    }

    /// @dev Deploys the first `size` bytes as code behind a STOP. Init code as in Blobs: PUSH2 size, DUP1, PUSH1 10,
    /// RETURNDATASIZE (0), CODECOPY, RETURNDATASIZE (0), RETURN.
    function _store(bytes memory records, uint256 size) private returns (address pointer) {
        bytes memory creation =
            abi.encodePacked(hex"61", (size + 1).toUint16(), hex"80600a3d393df3", hex"00", records);
        // 11 bytes stand before the records; the padding after them is left out.
        assembly ("memory-safe") {
            pointer := create(0, add(creation, 0x20), add(11, size))
        }
        // The init code runs no foreign code: only a lack of gas brings us here.
        if (pointer == address(0)) revert Errors.FailedDeployment();
    }
}
