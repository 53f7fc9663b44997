// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Does one thing of each kind a client can ask of a chain. Compile with compile.mjs.
contract Probe {
    event Set(bytes32 indexed key, address indexed sender, bytes value);
    event Counted(uint256 indexed i);
    event Paid(address sender, uint256 amount);

    error Refused(uint256 code, string why);

    mapping(bytes32 => bytes) private values;
    mapping(uint256 => uint256) public words;
    uint256 public counter;

    receive() external payable {
        emit Paid(msg.sender, msg.value);
    }

    function set(bytes32 key, bytes calldata value) external {
        values[key] = value;
        emit Set(key, msg.sender, value);
    }

    function get(bytes32 key) external view returns (bytes memory) {
        return values[key];
    }

    function setWord(uint256 at, uint256 value) external {
        words[at] = value;
    }

    function increment() external returns (uint256) {
        return ++counter;
    }

    function count(uint256 n) external {
        for (uint256 i = 0; i < n; i++) emit Counted(i);
    }

    function fail(uint256 kind) external {
        counter++;
        if (kind == 0) revert("no reason at all");
        if (kind == 1) revert Refused(7, "seven");
        if (kind == 2) assert(counter == 0);
        if (kind == 3) counter = 1 / (kind - 3);
        if (kind == 4) revert();
        if (kind == 5) assembly { invalid() }
        while (true) counter++;
    }

    /// Succeeds only with much more gas than it uses, because calls keep back a 64th.
    function deep(uint256 n) external {
        if (n == 0) {
            words[999] = 1;
        } else {
            this.deep(n - 1);
        }
    }

    function environment()
        external
        view
        returns (uint256 number, uint256 basefee, uint256 chain, address coinbase, uint256 limit, address sender)
    {
        return (block.number, block.basefee, block.chainid, block.coinbase, block.gaslimit, msg.sender);
    }

    function hashOf(uint256 number) external view returns (bytes32) {
        return blockhash(number);
    }

    function spawn(bytes32 salt) external returns (address) {
        return address(new Child{salt: salt}());
    }
}

contract Child {
    /// Gone with the transaction that made it, if that same transaction asks.
    function leave() external {
        selfdestruct(payable(msg.sender));
    }
}
