// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Change} from "./Types.sol";
import {IBlobs} from "./IBlobs.sol";
import {IModule} from "./IModule.sol";

/// @title The root of one service: its modules, its typed parameters, its revision
interface ICore is IModule {
    /// @notice A service was created; with this event anyone can list the services of a chain.
    /// @dev Warning: any contract can emit it. Trust a service only after its code and wiring are
    /// verified.
    event ServiceCreated(string name, address indexed creator);
    /// @notice The service reached `revision`: the account `by` applied a change or replaced a
    /// module.
    event ServiceUpdated(uint64 indexed revision, address indexed by);
    /// @notice A parameter was set, or removed if `present` is false.
    event ParameterChanged(
        bytes32 indexed name, int256 value, bool present, uint64 indexed revision
    );
    /// @notice The module `name` was added, or replaced: from now on it is the contract `module`.
    event ModuleRegistered(bytes32 indexed name, address module);

    /// @notice `caller` may not update `module`; see Security's permissions.
    error CoreUnauthorized(address caller, bytes32 module);
    /// @notice The change contains nothing.
    error CoreEmptyChange();
    /// @notice The change names `module` but has no edits for it.
    error CoreEmptyEdits(bytes32 module);
    /// @notice No module has this name, or the module holds no objects.
    error CoreUnknownModule(bytes32 name);
    /// @notice No parameter has this name, or the name is empty.
    error CoreUnknownParameter(bytes32 name);
    /// @notice The parameter is negative where a natural number is needed.
    error CoreNegativeParameter(bytes32 name, int256 value);
    /// @notice The change has node sets (`sets` of them) but `replaceSets` is false.
    error CoreUnexpectedSets(uint256 sets);
    /// @notice The service would have more than `limit` parameters.
    error CoreTooManyParameters(uint256 limit);
    /// @notice The service would have more than `limit` modules.
    error CoreTooManyModules(uint256 limit);
    /// @notice At creation, the numbers of names and of addresses differ.
    error CoreModulesMismatch(uint256 names, uint256 addresses);
    /// @notice At creation: the name is empty, `core` or given twice, or the address is zero. In
    /// `setModule`: the name is empty or `core`, or the address holds no code or a module of
    /// another Core.
    error CoreInvalidModule(bytes32 name, address module);
    /// @notice At creation, `timelock` or `security` is not among the names.
    error CoreMissingModule(bytes32 name);
    /// @notice With the module replaced, the timelock could not update the service any more.
    error CoreTimelockLockedOut(address timelock);

    /// @notice Applies a change as the next revision, which it returns. Security must authorize the
    /// caller for each module touched: parameters count as `core`, node sets as `topology`, bans as
    /// `security`. Only the timelock changes permissions.
    function update(Change calldata change) external returns (uint64 revision);
    /// @notice Replaces or adds the module `name`, as the next revision. Only the timelock. A
    /// module cannot be removed.
    /// @dev Warning: the new module keeps none of the old one's content.
    function setModule(bytes32 name, address module) external;
    /// @notice Returns the service's name.
    function name() external view returns (string memory);
    /// @notice Returns the revision: 0 before the first change. It never decreases.
    function revision() external view returns (uint64);
    /// @notice Returns the store of the objects' values.
    function blobs() external view returns (IBlobs);
    /// @notice Returns the module's address; zero if there is none.
    function module(bytes32 name) external view returns (address);
    /// @notice Returns all modules, Core included; `addresses[i]` belongs to `names[i]`.
    function modules() external view returns (bytes32[] memory names, address[] memory addresses);
    /// @notice Returns the parameter; reverts with CoreUnknownParameter.
    function parameter(bytes32 name) external view returns (int256);
    /// @notice Returns the parameter if it is at least 0; reverts with CoreUnknownParameter or
    /// CoreNegativeParameter.
    function naturalParameter(bytes32 name) external view returns (uint256);
    /// @notice Returns all parameters; `values[i]` belongs to `names[i]`.
    function parameters() external view returns (bytes32[] memory names, int256[] memory values);
}
