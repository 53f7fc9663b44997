// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";

import {Blobs} from "../src/Blobs.sol";
import {IBlobs} from "../src/interfaces/IBlobs.sol";
import {BaseTest} from "./BaseTest.sol";

contract BlobsTest is BaseTest {
    /// @dev EIP-170 allows 24,576 bytes of code; one of them is the leading STOP.
    uint256 internal constant LIMIT = 24_575;

    Blobs internal blobs;

    function setUp() external {
        blobs = new Blobs();
    }

    function test_put_revertsOnAValueThatIsTooLarge(uint256 size) external {
        size = bound(size, LIMIT + 1, 40_000);
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsTooLarge.selector, size, LIMIT));
        blobs.put(new bytes(size));
    }

    function test_put_revertsOneByteOverTheLimit() external {
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsTooLarge.selector, LIMIT + 1, LIMIT));
        blobs.put(new bytes(LIMIT + 1));
    }

    function test_put_revertsWhenGasIsTooLow() external {
        bytes memory data = new bytes(LIMIT);
        // The code costs 200 gas a byte, 4.9 M in all; the 1/64 that a call keeps back suffices to
        // report the failure.
        vm.expectRevert(abi.encodeWithSelector(Errors.FailedDeployment.selector));
        blobs.put{gas: 4_000_000}(data);
    }

    function test_put(bytes calldata data) external {
        _checkPut(data);
    }

    function test_put_acceptsTheLargestValue() external {
        bytes memory data = new bytes(LIMIT);
        data[0] = 0xef;
        data[LIMIT - 1] = 0x01;
        _checkPut(data);
    }

    function test_put_acceptsTheEmptyValue() external {
        _checkPut("");
    }

    function test_put_againChangesNothing(bytes calldata data) external {
        blobs.put(data);
        uint64 nonce = vm.getNonce(address(blobs));

        vm.recordLogs();
        bytes32 hash = blobs.put(data);

        assertEq(hash, keccak256(data), "returned hash");
        assertEq(vm.getRecordedLogs().length, 0, "events");
        assertEq(vm.getNonce(address(blobs)), nonce, "contracts created");
    }

    function test_putMany_revertsOnAValueThatIsTooLarge() external {
        bytes[] memory data = new bytes[](2);
        data[0] = "kept out as well";
        data[1] = new bytes(LIMIT + 1);
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsTooLarge.selector, LIMIT + 1, LIMIT));
        blobs.putMany(data);
        assertFalse(blobs.has(keccak256(data[0])), "first value stored");
    }

    function test_putMany(bytes calldata first, bytes calldata second) external {
        bytes[] memory data = new bytes[](3);
        (data[0], data[1], data[2]) = (first, second, first);

        bytes32[] memory hashes = blobs.putMany(data);

        assertEq(hashes.length, 3, "hashes");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(hashes[i], keccak256(data[i]), "returned hash");
            assertEq(blobs.get(hashes[i]), data[i], "stored value");
        }
        bytes[] memory read = blobs.getMany(hashes);
        assertEq(abi.encode(read), abi.encode(data), "getMany");
    }

    function test_has(bytes32 hash) external view {
        assertFalse(blobs.has(hash), "unknown hash");
    }

    function test_get_revertsOnUnknownHash(bytes32 hash) external {
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsUnknown.selector, hash));
        blobs.get(hash);
    }

    function test_getMany_revertsOnUnknownHash(bytes32 unknown) external {
        // Hashed, because the fuzzer finds stored hashes and tries them.
        unknown = keccak256(abi.encode(unknown));
        bytes32[] memory hashes = new bytes32[](2);
        hashes[0] = blobs.put("known");
        hashes[1] = unknown;
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsUnknown.selector, unknown));
        blobs.getMany(hashes);
    }

    function test_getMany_acceptsAnEmptyList() external view {
        assertEq(blobs.getMany(new bytes32[](0)).length, 0, "values");
    }

    /// @dev Checks that anyone can store a value, and that its code starts with STOP, so that
    /// nobody can run it.
    function _checkPut(bytes memory data) private {
        bytes32 expected = keccak256(data);
        address pointer = vm.computeCreateAddress(address(blobs), vm.getNonce(address(blobs)));
        assertFalse(blobs.has(expected), "stored before");

        vm.prank(STRANGER);
        expectEvent(address(blobs));
        emit IBlobs.BlobStored(expected, pointer, data.length);
        bytes32 hash = blobs.put(data);

        assertEq(hash, expected, "returned hash");
        assertTrue(blobs.has(hash), "stored");
        assertEq(blobs.get(hash), data, "value");
        assertEq(pointer.code, bytes.concat(hex"00", data), "code");
    }
}
