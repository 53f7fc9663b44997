// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Proof} from "./Types.sol";

/// @title Epochs and the allocation: slot -> operator
/// @notice The deal, for seed S and the operators active at the epoch's snapshot block:
/// order: ascending keccak256(abi.encodePacked(S, operator)); P: prefix sums of their units; U: all units.
/// r = uint256(keccak256(abi.encodePacked(S, "offset"))) % U. N: places of all node sets together.
/// Pick k of N takes unit floor((k*U + r) / N) if U >= N, else unit k, and is vacant for k >= U.
/// Sets are numbered one after the other; pick k counted within its set is place k / groups of group sigma(k % groups),
/// with sigma the Fisher-Yates shuffle of 0..groups: for i from groups-1 down to 1 swap i with
/// uint256(keccak256(abi.encodePacked(S, set name, uint32(i)))) % (i+1).
/// N, groups and sizes are read now (Core parameters), so a change of the topology needs no new deal.
interface IMapper {
    /// @notice An epoch. `snapshot` is the block whose operators and stakes it deals with; `beacon` proved its seed.
    /// @dev `operators` and `units` count what is dealt so far; `members` is what `operators` must reach.
    struct Epoch {
        uint64 number;
        uint64 openedAt;
        uint64 snapshot;
        uint32 members;
        uint32 operators;
        uint64 units;
        bool dealt;
        address beacon;
        bytes32 seed;
    }

    event Begun(bytes32 seed, address beacon);
    event Opened(uint64 indexed epoch, address indexed beacon, bytes32 seed, uint64 snapshot);
    event Chunk(uint64 indexed epoch, uint32 from, uint32 operators, address pointer);
    event Dealt(uint64 indexed epoch, uint32 operators, uint64 units);

    error MapperAlreadyBegun();
    error MapperNotBegun();
    error MapperNoOperators();
    error MapperTooEarly(uint256 blockNumber, uint256 opensAt);
    /// @notice The current epoch's deal must be finished first.
    error MapperDealUnfinished(uint64 epoch);
    error MapperInvalidProof();
    error MapperWrongEpoch(uint64 given, uint64 current);
    error MapperAlreadyDealt(uint64 epoch);
    /// @notice The chunk starts beyond the next operator of the order, `expected`, or ends before it.
    error MapperUnexpectedChunk(uint32 given, uint32 expected);
    /// @notice The chunk is empty or over `limit` operators.
    error MapperInvalidChunk(uint256 operators, uint256 limit);
    /// @notice Hashes are not strictly ascending at `operator`.
    error MapperNotAscending(address operator);
    error MapperTooManyOperators(uint256 given, uint256 members);
    /// @notice No such set, group or place.
    error MapperNoSlot(bytes32 set, uint32 group, uint32 place);

    /// @notice Fixes seed 0 = keccak256(abi.encode(blockhash(block.number - 1), address(this), chainid)) and draws the
    /// first beacon among the operators active now (index seed 0 % count). Once; again only if that
    /// operator let `epoch_interval` blocks pass without opening epoch 1. Reverts with IdentityNoBeaconKey if that
    /// operator joined in this very block: its key must be known at the snapshot.
    function begin() external;
    /// @notice Opens the next epoch with the proof of its beacon over `alpha()`; the seed is the proof's output. The
    /// epoch's snapshot is the block before its predecessor opened (for epoch 1: before `begin`), when neither this
    /// seed nor the one before it was known to anyone who could still act on it.
    function open(Proof calldata proof) external;
    /// @notice Deals the next operators of the order, the first given being number `from` of it. Anyone may call; the
    /// contract checks everything. What is dealt already is skipped, so nobody can void a chunk by dealing part of it first.
    /// Units are read as they are now: who left or was banned since the epoch opened gets none. With no member at the
    /// snapshot `open` finishes the deal itself.
    function deal(uint64 epoch, uint32 from, address[] calldata operators) external;

    /// @notice What the next epoch's beacon proves: abi.encodePacked("koinon epoch", chainid, core, uint64 next epoch, seed).
    function alpha() external view returns (bytes memory);
    /// @notice The operator that must prove the next epoch's seed, and the VRF key it must use. It is the owner of unit
    /// uint256(keccak256(abi.encodePacked(seed, "beacon"))) % U of the current deal, with its key at that deal's snapshot
    /// (for epoch 1: drawn by `begin`, key at its snapshot; if nobody has units the last beacon serves again). Reverts
    /// with MapperDealUnfinished while there is no such deal.
    function nextBeacon() external view returns (address beacon, uint256 x, uint256 y);
    /// @notice The block from which the next epoch may open: `epoch_interval` blocks after the newest; epoch 1 at once.
    function opensAt() external view returns (uint256);
    /// @notice The newest epoch, dealt or not; number 0 after `begin`.
    function latest() external view returns (Epoch memory);
    /// @notice The newest epoch whose deal is finished: the one in force. Number 0: none.
    function current() external view returns (Epoch memory);
    /// @notice The order dealt in the newest (`inForce` false) or the current epoch: operator and units, by index.
    function order(bool inForce, uint256 start, uint256 limit)
        external
        view
        returns (address[] memory operators, uint32[] memory units);
    /// @notice The operator of a slot in force and the number of its unit that backs the node; zero if vacant. The
    /// unit dealt as the operator's j-th is its j-th that is not banned now, both counted from 0: a ban shows in the numbers
    /// at once, in who runs what with the next deal.
    function operatorOf(bytes32 set, uint32 group, uint32 place)
        external
        view
        returns (address operator, uint32 unit);
    /// @notice Number of slots and of units in force.
    function totals() external view returns (uint256 slots, uint256 units);
}
