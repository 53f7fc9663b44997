// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IBlobs} from "./interfaces/IBlobs.sol";
import {ICore} from "./interfaces/ICore.sol";
import {IModule} from "./interfaces/IModule.sol";
import {Edit, Entry} from "./interfaces/Types.sol";

/// @notice The base of all modules that hold objects.
/// @dev Powers: Core edits the objects (`applyEdits`). Nobody else can write to this contract.
abstract contract Module is IModule {
    using SafeCast for uint256;

    /// @dev `blob` is zero if there is no object. `index` is the position in `_paths`.
    struct Record {
        bytes32 blob;
        uint64 revision;
        uint64 index;
    }

    /// @dev Bytes. Long enough for any TOSCA name, short enough for one event.
    uint256 private constant PATH_LIMIT = 255;

    ICore private immutable CORE_CONTRACT;

    string[] private _paths;
    mapping(bytes32 pathHash => Record) private _records;
    /// @dev Inner Merkle nodes, from level 1 up. Leaves are recomputed from the records: reading is
    /// cheaper than storing them. Nodes beyond the present count may be stale; `_node` never reads
    /// them.
    mapping(uint256 level => mapping(uint256 index => bytes32)) private _nodes;

    modifier onlyCore() {
        if (msg.sender != address(CORE_CONTRACT)) revert ModuleUnauthorized(msg.sender);
        _;
    }

    constructor(address core_) {
        CORE_CONTRACT = ICore(core_);
    }

    /// @inheritdoc IModule
    function applyEdits(Edit[] calldata edits, uint64 revision) external onlyCore {
        _applyEdits(edits, revision);
    }

    /// @inheritdoc IModule
    function core() external view returns (address) {
        return address(CORE_CONTRACT);
    }

    /// @inheritdoc IModule
    function entry(string calldata path) external view returns (Entry memory) {
        Record storage record = _records[keccak256(bytes(path))];
        if (record.blob == 0) return Entry("", 0, 0);
        return Entry(path, record.blob, record.revision);
    }

    /// @inheritdoc IModule
    function count() external view returns (uint256) {
        return _paths.length;
    }

    /// @inheritdoc IModule
    function page(uint256 start, uint256 limit) external view returns (Entry[] memory entries) {
        uint256 total = _paths.length;
        if (start >= total) return entries;
        uint256 size = limit < total - start ? limit : total - start;
        entries = new Entry[](size);
        for (uint256 i = 0; i < size; ++i) {
            string memory path = _paths[start + i];
            Record storage record = _records[keccak256(bytes(path))];
            entries[i] = Entry(path, record.blob, record.revision);
        }
    }

    /// @inheritdoc IModule
    function commitment() external view returns (bytes32) {
        uint256 total = _paths.length;
        return keccak256(abi.encode(total, _node(_depth(total), 0, total)));
    }

    function _core() internal view returns (ICore) {
        return CORE_CONTRACT;
    }

    function _applyEdits(Edit[] calldata edits, uint64 revision) internal {
        IBlobs blobs = CORE_CONTRACT.blobs();
        for (uint256 i = 0; i < edits.length; ++i) {
            _applyEdit(edits[i], revision, blobs);
        }
    }

    function _applyEdit(Edit calldata edit, uint64 revision, IBlobs blobs) private {
        bytes32 pathHash = keccak256(bytes(edit.path));
        Record storage record = _records[pathHash];
        uint256 length = bytes(edit.path).length;
        if (length == 0 || length > PATH_LIMIT) revert ModuleInvalidPath(length, PATH_LIMIT);
        if (edit.was == edit.blob) revert ModuleNoChange(edit.path);
        if (record.blob != edit.was) revert ModuleConflict(edit.path, edit.was, record.blob);
        if (edit.blob != 0 && !blobs.has(edit.blob)) {
            revert ModuleUnknownBlob(edit.path, edit.blob);
        }

        if (edit.blob == 0) {
            _remove(pathHash, record);
        } else {
            if (edit.was == 0) {
                record.index = _paths.length.toUint64();
                _paths.push(edit.path);
            }
            record.blob = edit.blob;
            record.revision = revision;
            _rehash(record.index);
        }

        emit ObjectChanged(pathHash, revision, edit.path, edit.blob);
    }

    function _remove(bytes32 pathHash, Record storage record) private {
        uint64 index = record.index;
        uint256 last = _paths.length - 1;
        if (index != last) {
            string memory moved = _paths[last];
            _paths[index] = moved;
            _records[keccak256(bytes(moved))].index = index;
        }
        _paths.pop();
        delete _records[pathHash];

        if (index != last) _rehash(index);
        if (last != 0) _rehash(last - 1);
    }

    /// @dev Recomputes the inner nodes above leaf `index` for the present content.
    function _rehash(uint256 index) private {
        uint256 total = _paths.length;
        uint256 depth = _depth(total);
        bytes32 node = _node(0, index, total);
        for (uint256 level = 0; level < depth; ++level) {
            bytes32 sibling = _node(level, index ^ 1, total);
            node = index & 1 == 0 ? _hash(node, sibling) : _hash(sibling, node);
            index >>= 1;
            _nodes[level + 1][index] = node;
        }
    }

    /// @dev Returns the Merkle node at (`level`, `index`) for `total` leaves: zero if no leaf is
    /// under it.
    function _node(uint256 level, uint256 index, uint256 total) private view returns (bytes32) {
        if (index << level >= total) return 0;
        if (level != 0) return _nodes[level][index];
        bytes32 pathHash = keccak256(bytes(_paths[index]));
        return _hash(pathHash, _records[pathHash].blob);
    }

    function _hash(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encode(left, right));
    }

    /// @dev Returns the smallest d with 2^d >= total.
    function _depth(uint256 total) private pure returns (uint256) {
        return Math.log2(total, Math.Rounding.Ceil);
    }
}
