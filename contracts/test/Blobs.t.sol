// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";

import {Blobs} from "../src/Blobs.sol";
import {IBlobs} from "../src/interfaces/IBlobs.sol";
import {BaseTest} from "./BaseTest.sol";

contract BlobsTest is BaseTest {
    /// @dev EIP-170: 24,576 bytes of code; one is the leading STOP.
    uint256 internal constant LIMIT = 24_575;

    Blobs internal blobs;

    function setUp() external {
        blobs = new Blobs();
    }

    function testPutRevertsTooLarge(uint256 size) external {
        size = bound(size, LIMIT + 1, 40_000);
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsTooLarge.selector, size, LIMIT));
        blobs.put(new bytes(size));
    }

    function testPutRevertsJustTooLarge() external {
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsTooLarge.selector, LIMIT + 1, LIMIT));
        blobs.put(new bytes(LIMIT + 1));
    }

    function testPutRevertsFailedDeployment() external {
        bytes memory data = new bytes(LIMIT);
        // 200 gas per byte of code are 4.9 M; the 1/64 kept back is enough to report it.
        vm.expectRevert(abi.encodeWithSelector(Errors.FailedDeployment.selector));
        blobs.put{gas: 4_000_000}(data);
    }

    function testPut(bytes calldata data) external {
        _checkPut(data);
    }

    function testPutLargest() external {
        bytes memory data = new bytes(LIMIT);
        data[0] = 0xef;
        data[LIMIT - 1] = 0x01;
        _checkPut(data);
    }

    function testPutEmpty() external {
        _checkPut("");
    }

    function testPutAgainChangesNothing(bytes calldata data) external {
        blobs.put(data);
        uint64 nonce = vm.getNonce(address(blobs));

        vm.recordLogs();
        bytes32 hash = blobs.put(data);

        assertEq(hash, keccak256(data), "returned hash");
        assertEq(vm.getRecordedLogs().length, 0, "events");
        assertEq(vm.getNonce(address(blobs)), nonce, "contracts created");
    }

    function testPutManyRevertsTooLarge() external {
        bytes[] memory data = new bytes[](2);
        data[0] = "kept out as well";
        data[1] = new bytes(LIMIT + 1);
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsTooLarge.selector, LIMIT + 1, LIMIT));
        blobs.putMany(data);
        assertFalse(blobs.has(keccak256(data[0])), "first value stored");
    }

    function testPutMany(bytes calldata first, bytes calldata second) external {
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

    function testHas(bytes32 hash) external view {
        assertFalse(blobs.has(hash), "unknown hash");
    }

    function testGetRevertsUnknown(bytes32 hash) external {
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsUnknown.selector, hash));
        blobs.get(hash);
    }

    function testGetManyRevertsUnknown(bytes32 unknown) external {
        // Hashed, as the fuzzer finds stored hashes and tries them.
        unknown = keccak256(abi.encode(unknown));
        bytes32[] memory hashes = new bytes32[](2);
        hashes[0] = blobs.put("known");
        hashes[1] = unknown;
        vm.expectRevert(abi.encodeWithSelector(IBlobs.BlobsUnknown.selector, unknown));
        blobs.getMany(hashes);
    }

    function testGetManyOfNothing() external view {
        assertEq(blobs.getMany(new bytes32[](0)).length, 0, "values");
    }

    /// @dev Anyone may store, and a value is code nobody can run: it starts with STOP.
    function _checkPut(bytes memory data) private {
        bytes32 expected = keccak256(data);
        address pointer = vm.computeCreateAddress(address(blobs), vm.getNonce(address(blobs)));
        assertFalse(blobs.has(expected), "stored before");

        vm.prank(STRANGER);
        expectEvent(address(blobs));
        emit IBlobs.Stored(expected, pointer, data.length);
        bytes32 hash = blobs.put(data);

        assertEq(hash, expected, "returned hash");
        assertTrue(blobs.has(hash), "stored");
        assertEq(blobs.get(hash), data, "value");
        assertEq(pointer.code, bytes.concat(hex"00", data), "code");
    }
}
