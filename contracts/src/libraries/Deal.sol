// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice The arithmetic of the deal; see IMapper.
library Deal {
    /// @notice Returns the unit, out of `units`, that pick `pick` of `slots` gets; not `filled` if
    /// there are too few units.
    /// @dev pick < slots < 2^70 (64 sets of at most 2^64 places) and units < 2^64: nothing
    /// overflows.
    function unitOf(uint256 pick, uint256 slots, uint256 units, bytes32 seed)
        internal
        pure
        returns (bool filled, uint256 unit)
    {
        if (units < slots) return (pick < units, pick);
        uint256 offset = uint256(keccak256(abi.encodePacked(seed, "offset"))) % units;
        return (true, (pick * units + offset) / slots);
    }

    /// @notice Returns the index that the shuffle of 0..groups moves to `group`: sigma(index) =
    /// group.
    /// @dev Follows one element, `group`, through the swaps. It stays where it is once `i` is below
    /// its index.
    function unshuffled(bytes32 seed, bytes32 set, uint256 groups, uint256 group)
        internal
        pure
        returns (uint256 index)
    {
        index = group;
        for (uint256 i = groups - 1; i > 0 && index <= i; --i) {
            // i < groups < 2^32.
            // forge-lint: disable-next-line(unsafe-typecast)
            uint256 j = uint256(keccak256(abi.encodePacked(seed, set, uint32(i)))) % (i + 1);
            if (index == i) index = j;
            else if (index == j) index = i;
        }
    }
}
