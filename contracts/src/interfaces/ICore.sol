// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Change} from "./Types.sol";
import {IBlobs} from "./IBlobs.sol";
import {IModule} from "./IModule.sol";

/// @title The root of one service: its modules, its typed parameters, its revision
interface ICore is IModule {
    /// @notice A service was created. Lets anyone find the services of a chain.
    event Created(string name, address indexed creator);
    /// @notice A change was applied, or a module replaced; the service is at `revision`.
    event Updated(uint64 indexed revision, address indexed by);
    /// @notice A parameter was set, or removed (`present` false).
    event ParameterChanged(
        bytes32 indexed name, int256 value, bool present, uint64 indexed revision
    );
    /// @notice The module `name` is at `module` from now on.
    event ModuleChanged(bytes32 indexed name, address module);

    /// @notice The caller may not update `module`.
    error CoreUnauthorized(address caller, bytes32 module);
    /// @notice The change, or its list of edits for one module, is empty.
    error CoreEmptyChange();
    /// @notice No module has this name, or it holds no objects.
    error CoreUnknownModule(bytes32 name);
    /// @notice No parameter has this name.
    error CoreUnknownParameter(bytes32 name);
    /// @notice The parameter is negative where a natural number is needed.
    error CoreNegativeParameter(bytes32 name, int256 value);
    /// @notice The change brings node sets without `replaceSets`.
    error CoreUnexpectedSets();
    /// @notice There would be more than `limit` parameters or modules.
    error CoreLimitExceeded(uint256 limit);
    /// @notice At creation: names and addresses differ in number, a name is empty, stands twice or is `core`, an address
    /// is zero, or `timelock` or `security` is missing. In `setModule`: the name is empty or `core`, the address holds no
    /// code or a module of another Core, or the timelock could update nothing any more.
    error CoreInvalidModules();

    /// @notice Applies a change as the next revision. Each module touched must allow the caller: parameters count as
    /// `core`, node sets as `topology`, bans as `security`; permissions are the timelock's alone.
    function update(Change calldata change) external returns (uint64 revision);
    /// @notice Points `name` at another contract, as the next revision; it keeps none of the old one's content. Only the timelock. A module
    /// can be replaced but not removed.
    function setModule(bytes32 name, address module) external;
    /// @notice The service's name.
    function name() external view returns (string memory);
    /// @notice The revision: 0 before the first change; never decreases.
    function revision() external view returns (uint64);
    /// @notice The store of values.
    function blobs() external view returns (IBlobs);
    /// @notice The module's address; zero if there is none.
    function module(bytes32 name) external view returns (address);
    /// @notice All modules.
    function modules() external view returns (bytes32[] memory names, address[] memory addresses);
    /// @notice The parameter; reverts with CoreUnknownParameter.
    function parameter(bytes32 name) external view returns (int256);
    /// @notice The parameter as a natural number; reverts with CoreUnknownParameter or CoreNegativeParameter.
    function natural(bytes32 name) external view returns (uint256);
    /// @notice All parameters.
    function parameters() external view returns (bytes32[] memory names, int256[] memory values);
}
