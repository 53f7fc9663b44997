// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Blobs} from "../src/Blobs.sol";
import {IModule} from "../src/interfaces/IModule.sol";
import {Change, Edit, Entry, ModuleEdits} from "../src/interfaces/Types.sol";
import {ARTIFACTS} from "../src/libraries/Names.sol";
import {ServiceTest} from "./ServiceTest.sol";

/// @dev Tests Module through Artifacts, which adds nothing to it.
contract ModuleTest is ServiceTest {
    bytes32 internal one;
    bytes32 internal two;

    function setUp() public override {
        super.setUp();
        one = blobs.put("one");
        two = blobs.put("two");
    }

    function test_applyEdits_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == address(core)) caller = LOCK;
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleUnauthorized.selector, caller));
        artifacts.applyEdits(new Edit[](0), 1);
    }

    function test_applyEdits_ofCoreRevertsOnUnauthorizedCaller() external {
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleUnauthorized.selector, LOCK));
        core.applyEdits(new Edit[](0), 1);
    }

    function test_applyEdits_revertsOnEmptyPath() external {
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleInvalidPath.selector, 0, 255));
        core.update(_edits(ARTIFACTS, "", 0, one));
    }

    function test_applyEdits_revertsOnLongPath(uint256 length) external {
        length = bound(length, 256, 2000);
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleInvalidPath.selector, length, 255));
        core.update(_edits(ARTIFACTS, string(new bytes(length)), 0, one));
    }

    function test_applyEdits_revertsOnPathOneByteOverTheLimit() external {
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleInvalidPath.selector, 256, 255));
        core.update(_edits(ARTIFACTS, string(new bytes(256)), 0, one));
    }

    function test_applyEdits_acceptsTheLongestPath() external {
        string memory path = string(new bytes(255));
        _update(_edits(ARTIFACTS, path, 0, one));
        assertEq(artifacts.entry(path).blob, one, "entry");
    }

    function test_applyEdits_revertsWhenBlobStaysTheSame() external {
        _update(_edits(ARTIFACTS, "a", 0, one));
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleNoChange.selector, "a"));
        core.update(_edits(ARTIFACTS, "a", one, one));
    }

    function test_applyEdits_revertsOnRemovalOfNothing() external {
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleNoChange.selector, "a"));
        core.update(_edits(ARTIFACTS, "a", 0, 0));
    }

    function test_applyEdits_revertsWhenTheObjectExists() external {
        _update(_edits(ARTIFACTS, "a", 0, one));
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleConflict.selector, "a", 0, one));
        core.update(_edits(ARTIFACTS, "a", 0, two));
    }

    function test_applyEdits_revertsWhenTheObjectIsMissing() external {
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleConflict.selector, "a", one, 0));
        core.update(_edits(ARTIFACTS, "a", one, 0));
    }

    function test_applyEdits_revertsWhenTheObjectHasAnotherBlob(bytes32 was) external {
        if (was == one || was == two) was = 0;
        _update(_edits(ARTIFACTS, "a", 0, one));
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleConflict.selector, "a", was, one));
        core.update(_edits(ARTIFACTS, "a", was, two));
    }

    function test_applyEdits_revertsOnConflictInsideOneChange() external {
        Change memory change = _edits(ARTIFACTS, "a", 0, one);
        change.modules[0].edits = new Edit[](2);
        change.modules[0].edits[0] = Edit("a", 0, one);
        change.modules[0].edits[1] = Edit("a", 0, two);
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleConflict.selector, "a", 0, one));
        core.update(change);
    }

    function test_applyEdits_revertsOnUnknownBlob(bytes32 blob) external {
        // Hashed, because the fuzzer finds stored hashes and tries them.
        blob = keccak256(abi.encode(blob));
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleUnknownBlob.selector, "a", blob));
        core.update(_edits(ARTIFACTS, "a", 0, blob));
    }

    function test_applyEdits_addsAnObject(bytes calldata fuzzed, bytes calldata value) external {
        string memory path = _path(fuzzed);
        bytes32 blob = blobs.put(value);

        expectEvent(address(artifacts));
        emit IModule.ObjectChanged(keccak256(bytes(path)), 1, path, blob);
        _update(_edits(ARTIFACTS, path, 0, blob));

        assertEq(artifacts.count(), 1, "count");
        assertEq(
            abi.encode(artifacts.entry(path)), abi.encode(Entry(path, blob, 1)), "entry by path"
        );
        assertEq(
            abi.encode(artifacts.page(0, 1)[0]), abi.encode(Entry(path, blob, 1)), "entry by index"
        );
        bytes32 root = keccak256(abi.encode(keccak256(bytes(path)), blob));
        assertEq(artifacts.commitment(), keccak256(abi.encode(1, root)), "commitment");
    }

    function test_applyEdits_changesAnObject(bytes calldata fuzzed) external {
        string memory path = _path(fuzzed);
        _update(_edits(ARTIFACTS, path, 0, one));

        expectEvent(address(artifacts));
        emit IModule.ObjectChanged(keccak256(bytes(path)), 2, path, two);
        _update(_edits(ARTIFACTS, path, one, two));

        assertEq(artifacts.count(), 1, "count");
        assertEq(abi.encode(artifacts.entry(path)), abi.encode(Entry(path, two, 2)), "entry");
        assertEq(artifacts.commitment(), _recomputed(artifacts), "commitment");
    }

    function test_applyEdits_removesTheLastObject(bytes calldata fuzzed) external {
        string memory path = _path(fuzzed);
        bytes32 before = artifacts.commitment();
        _update(_edits(ARTIFACTS, path, 0, one));

        expectEvent(address(artifacts));
        emit IModule.ObjectChanged(keccak256(bytes(path)), 2, path, 0);
        _update(_edits(ARTIFACTS, path, one, 0));

        assertEq(artifacts.count(), 0, "count");
        assertEq(abi.encode(artifacts.entry(path)), abi.encode(Entry("", 0, 0)), "entry");
        assertEq(artifacts.commitment(), before, "commitment");
    }

    function test_applyEdits_removalMovesTheLastEntryToTheFreeIndex(uint256 size, uint256 hole)
        external
    {
        size = bound(size, 2, 20);
        hole = bound(hole, 0, size - 2);
        _fill(size);

        _update(_edits(ARTIFACTS, _name(hole), one, 0));

        Entry[] memory entries = artifacts.page(0, size);
        assertEq(entries.length, size - 1, "count");
        for (uint256 i = 0; i < size - 1; ++i) {
            assertEq(entries[i].path, _name(i == hole ? size - 1 : i), "path");
        }
        assertEq(artifacts.commitment(), _recomputed(artifacts), "commitment");
        _update(_edits(ARTIFACTS, _name(size - 1), one, two));
        assertEq(artifacts.page(hole, 1)[0].blob, two, "the moved entry is edited at its new index");
        assertEq(artifacts.commitment(), _recomputed(artifacts), "commitment after the edit");
    }

    /// @dev Removes and adds entries through every depth: stale nodes beyond the end must not
    /// count.
    function test_commitment_shrinksAndGrows(uint256 size, uint256 keep) external {
        size = bound(size, 1, 33);
        keep = bound(keep, 0, size - 1);
        _fill(size);
        bytes32 full = artifacts.commitment();
        assertEq(full, _recomputed(artifacts), "full");

        for (uint256 i = size; i > keep; --i) {
            _update(_edits(ARTIFACTS, _name(i - 1), one, 0));
            assertEq(artifacts.commitment(), _recomputed(artifacts), "shrinking");
        }
        for (uint256 i = keep; i < size; ++i) {
            _update(_edits(ARTIFACTS, _name(i), 0, one));
            assertEq(artifacts.commitment(), _recomputed(artifacts), "growing");
        }
        assertEq(artifacts.commitment(), full, "full again");
    }

    function test_commitment_ofNoEntries() external view {
        assertEq(artifacts.commitment(), keccak256(abi.encode(0, bytes32(0))), "commitment");
    }

    /// @dev The tree of three leaves is ((a, b), (c, 0)).
    function test_commitment_ofThreeEntries() external {
        _fill(3);
        bytes32 a = keccak256(abi.encode(keccak256("p0"), one));
        bytes32 b = keccak256(abi.encode(keccak256("p1"), one));
        bytes32 c = keccak256(abi.encode(keccak256("p2"), one));
        bytes32 root = keccak256(
            abi.encode(keccak256(abi.encode(a, b)), keccak256(abi.encode(c, bytes32(0))))
        );
        assertEq(artifacts.commitment(), keccak256(abi.encode(3, root)), "commitment");
    }

    /// @dev With five leaves the right half has no right half: that node is zero, not a hash of
    /// zeros.
    function test_commitment_ofFiveEntries() external {
        _fill(5);
        bytes32[5] memory leaf;
        for (uint256 i = 0; i < 5; ++i) {
            leaf[i] = keccak256(abi.encode(keccak256(bytes(_name(i))), one));
        }
        bytes32 left = keccak256(
            abi.encode(
                keccak256(abi.encode(leaf[0], leaf[1])), keccak256(abi.encode(leaf[2], leaf[3]))
            )
        );
        bytes32 right =
            keccak256(abi.encode(keccak256(abi.encode(leaf[4], bytes32(0))), bytes32(0)));
        bytes32 root = keccak256(abi.encode(left, right));
        assertEq(artifacts.commitment(), keccak256(abi.encode(5, root)), "commitment");
    }

    function test_page(uint256 start, uint256 limit) external {
        uint256 size = 7;
        _fill(size);
        start = bound(start, 0, size + 1);

        Entry[] memory entries = artifacts.page(start, limit);

        uint256 rest = start < size ? size - start : 0;
        assertEq(entries.length, limit < rest ? limit : rest, "length");
        for (uint256 i = 0; i < entries.length; ++i) {
            assertEq(abi.encode(entries[i]), abi.encode(Entry(_name(start + i), one, 1)), "entry");
        }
    }

    function test_page_beyondTheEndIsEmpty() external {
        _fill(1);
        assertEq(artifacts.page(type(uint256).max, type(uint256).max).length, 0, "length");
    }

    function test_core() external view {
        assertEq(artifacts.core(), address(core), "artifacts");
        assertEq(core.core(), address(core), "core");
    }

    function _fill(uint256 size) private {
        Change memory change;
        change.modules = new ModuleEdits[](1);
        change.modules[0].module = ARTIFACTS;
        change.modules[0].edits = new Edit[](size);
        for (uint256 i = 0; i < size; ++i) {
            change.modules[0].edits[i] = Edit(_name(i), 0, one);
        }
        _update(change);
    }

    function _name(uint256 index) private pure returns (string memory) {
        return string.concat("p", vm.toString(index));
    }

    /// @dev Returns the bytes, cut or filled so that there are 1 to 255 of them.
    function _path(bytes calldata fuzzed) private pure returns (string memory) {
        if (fuzzed.length == 0) return "x";
        return string(fuzzed.length > 255 ? fuzzed[:255] : fuzzed);
    }
}

/// @notice Claims to hold every value, because the shared vectors have hashes only.
contract AllBlobs {
    function has(bytes32) external pure returns (bool) {
        return true;
    }
}

/// @dev Compares Module with suite/vectors/commitment.json, made by a reference that shares no code
/// with it.
contract ModuleVectorsTest is ServiceTest {
    function setUp() public override {}

    function test_commitment_matchesEveryVector() external {
        string memory json = vm.readFile("../suite/vectors/commitment.json");
        uint256 cases;
        for (; vm.keyExistsJson(json, _at(cases)); ++cases) {
            _check(json, _at(cases));
        }
        assertTrue(cases >= 5, "cases");
    }

    function _check(string memory json, string memory path) private {
        _createService(Blobs(address(new AllBlobs())));
        for (uint256 i = 0; vm.keyExistsJson(json, _entry(path, i)); ++i) {
            string memory entry = _entry(path, i);
            string memory name = vm.parseJsonString(json, string.concat(entry, "[0]"));
            bytes32 blob = vm.parseJsonBytes32(json, string.concat(entry, "[1]"));
            _update(_edits(ARTIFACTS, name, 0, blob));
        }
        bytes32 expected = vm.parseJsonBytes32(json, string.concat(path, ".commitment"));
        assertEq(artifacts.commitment(), expected, path);
    }

    function _at(uint256 index) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(index), "]");
    }

    function _entry(string memory path, uint256 index) private pure returns (string memory) {
        return string.concat(path, ".entries[", vm.toString(index), "]");
    }
}
