// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice The cheat codes of Foundry that the tests use.
/// @dev Declared here because npm's `forge-std` package is a third party's fork of an old version.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function addr(uint256 privateKey) external pure returns (address);
    function assume(bool condition) external pure;
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function deal(address account, uint256 balance) external;
    function expectEmit(bool t1, bool t2, bool t3, bool data, address emitter) external;
    function expectRevert() external;
    function expectRevert(bytes4 revertData) external;
    function expectRevert(bytes calldata revertData) external;
    function getBlockNumber() external view returns (uint256);
    function getBlockTimestamp() external view returns (uint256);
    function getNonce(address account) external view returns (uint64);
    function getRecordedLogs() external returns (Log[] memory);
    function label(address account, string calldata name) external;
    function lastCallGas() external view returns (Gas memory);
    function load(address target, bytes32 slot) external view returns (bytes32);
    function parseJson(string calldata json, string calldata key)
        external
        pure
        returns (bytes memory);
    function parseJsonAddress(string calldata json, string calldata key)
        external
        pure
        returns (address);
    function parseJsonBytes(string calldata json, string calldata key)
        external
        pure
        returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key)
        external
        pure
        returns (bytes32);
    function parseJsonString(string calldata json, string calldata key)
        external
        pure
        returns (string memory);
    function parseJsonUint(string calldata json, string calldata key)
        external
        pure
        returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key)
        external
        pure
        returns (uint256[] memory);
    function parseJsonKeys(string calldata json, string calldata key)
        external
        pure
        returns (string[] memory);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function prank(address sender) external;
    function readFile(string calldata path) external view returns (string memory);
    function recordLogs() external;
    function roll(uint256 blockNumber) external;
    function setBlockhash(uint256 blockNumber, bytes32 blockHash) external;
    function sign(uint256 privateKey, bytes32 digest)
        external
        pure
        returns (uint8 v, bytes32 r, bytes32 s);
    function signP256(uint256 privateKey, bytes32 digest)
        external
        pure
        returns (bytes32 r, bytes32 s);
    function publicKeyP256(uint256 privateKey) external view returns (uint256 x, uint256 y);
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool);
    function startPrank(address sender) external;
    function stopPrank() external;
    function toString(uint256 value) external pure returns (string memory);
    function toString(bytes32 value) external pure returns (string memory);
    function warp(uint256 timestamp) external;
}

/// @notice Asserts, bounds and named actors for all tests.
abstract contract BaseTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev Forge prints this event with -vv.
    event log_named_uint(string key, uint256 value);

    error AssertionFailed(string label, bytes left, bytes right);

    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal immutable ALICE = _actor("alice");
    address internal immutable BOB = _actor("bob");
    address internal immutable CAROL = _actor("carol");
    /// @dev Holds no power anywhere.
    address internal immutable STRANGER = _actor("stranger");

    address[] private _targets;
    FuzzSelector[] private _selectors;

    // Forge reads these two functions to learn which calls an invariant test may make.
    function targetContracts() external view returns (address[] memory) {
        return _targets;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    function _target(address handler, bytes4[] memory selectors) internal {
        _targets.push(handler);
        _selectors.push(FuzzSelector(handler, selectors));
    }

    function _actor(string memory name) internal returns (address account) {
        account = vm.addr(uint256(keccak256(bytes(name))));
        vm.label(account, name);
    }

    /// @dev Returns the value if it is in [min, max], otherwise a value of that range that follows
    /// from it.
    function bound(uint256 value, uint256 min, uint256 max) internal pure returns (uint256) {
        if (value >= min && value <= max) return value;
        uint256 size = max - min + 1;
        return size == 0 ? value : min + value % size;
    }

    /// @dev Expects that the next call emits, with all fields, the event that the test emits next.
    /// Several expectations must be met in order.
    function expectEvent(address emitter) internal {
        vm.expectEmit(true, true, true, true, emitter);
    }

    function assertTrue(bool condition, string memory label) internal pure {
        assertEq(condition, true, label);
    }

    function assertFalse(bool condition, string memory label) internal pure {
        assertEq(condition, false, label);
    }

    function assertEq(bool left, bool right, string memory label) internal pure {
        if (left != right) revert AssertionFailed(label, abi.encode(left), abi.encode(right));
    }

    function assertEq(uint256 left, uint256 right, string memory label) internal pure {
        if (left != right) revert AssertionFailed(label, abi.encode(left), abi.encode(right));
    }

    function assertEq(int256 left, int256 right, string memory label) internal pure {
        if (left != right) revert AssertionFailed(label, abi.encode(left), abi.encode(right));
    }

    function assertEq(address left, address right, string memory label) internal pure {
        if (left != right) revert AssertionFailed(label, abi.encode(left), abi.encode(right));
    }

    function assertEq(bytes32 left, bytes32 right, string memory label) internal pure {
        if (left != right) revert AssertionFailed(label, abi.encode(left), abi.encode(right));
    }

    function assertEq(string memory left, string memory right, string memory label) internal pure {
        assertEq(bytes(left), bytes(right), label);
    }

    /// @dev Structs and arrays are compared as `assertEq(abi.encode(a), abi.encode(b), label)`.
    function assertEq(bytes memory left, bytes memory right, string memory label) internal pure {
        if (keccak256(left) != keccak256(right)) revert AssertionFailed(label, left, right);
    }
}
