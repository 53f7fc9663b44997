// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Proof} from "../src/interfaces/Types.sol";

/// @notice Makes the proofs that tests open epochs with. Not for keys that matter: nothing here is
/// constant time, and the nonce is not RFC 6979's.
library VrfProver {
    struct Point {
        uint256 x;
        uint256 y;
    }

    struct Jacobian {
        uint256 x;
        uint256 y;
        uint256 z;
    }

    uint256 private constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function key(uint256 secret) internal view returns (uint256, uint256) {
        Point memory point = _multiply(secret, _base());
        return (point.x, point.y);
    }

    /// @dev Returns a point off the curve: the given one, unless the fuzzer found one that is on it.
    /// No point of the curve has y = 0, because its order is odd.
    function offCurve(uint256 x, uint256 y) internal pure returns (uint256, uint256) {
        bool onCurve = mulmod(y, y, P) == addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
        return (x, onCurve ? 0 : y);
    }

    function prove(uint256 secret, bytes memory alpha) internal view returns (Proof memory proof) {
        Point memory y = _multiply(secret, _base());
        Point memory h = _hashToCurve(y, alpha);
        uint256 nonce = uint256(keccak256(abi.encode(secret, h))) % N;
        Point memory gamma = _multiply(secret, h);
        Point memory u = _multiply(nonce, _base());
        bytes memory points = bytes.concat(
            _compress(y),
            _compress(h),
            _compress(gamma),
            _compress(u),
            _compress(_multiply(nonce, h))
        );
        proof.c = uint256(sha256(bytes.concat(hex"fe02", points, hex"00"))) >> 128;
        proof.s = addmod(nonce, mulmod(proof.c, secret, N), N);
        Point memory sH = _multiply(proof.s, h);
        Point memory cGamma = _multiply(proof.c, gamma);
        (proof.gammaX, proof.gammaY) = (gamma.x, gamma.y);
        (proof.uX, proof.uY) = (u.x, u.y);
        (proof.sHX, proof.sHY) = (sH.x, sH.y);
        (proof.cGammaX, proof.cGammaY) = (cGamma.x, cGamma.y);
    }

    function output(Proof memory proof) internal pure returns (bytes32) {
        Point memory gamma = Point(proof.gammaX, proof.gammaY);
        return sha256(bytes.concat(hex"fe03", _compress(gamma), hex"00"));
    }

    function _hashToCurve(Point memory y, bytes memory alpha)
        private
        view
        returns (Point memory point)
    {
        for (uint8 counter = 0;; ++counter) {
            uint256 x = uint256(
                sha256(bytes.concat(hex"fe01", _compress(y), alpha, bytes1(counter), hex"00"))
            );
            uint256 square = addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
            uint256 root = _power(square, (P + 1) / 4);
            if (x < P && mulmod(root, root, P) == square) {
                return Point(x, root % 2 == 0 ? root : P - root);
            }
        }
    }

    /// @dev Doubles and adds in Jacobian coordinates, from the highest bit.
    function _multiply(uint256 scalar, Point memory point) private view returns (Point memory) {
        Jacobian memory sum;
        for (uint256 bit = 256; bit > 0; --bit) {
            _double(sum);
            if (scalar >> (bit - 1) & 1 == 1) _add(sum, point);
        }
        uint256 inverse = _power(sum.z, P - 2);
        uint256 square = mulmod(inverse, inverse, P);
        return Point(mulmod(sum.x, square, P), mulmod(sum.y, mulmod(square, inverse, P), P));
    }

    function _double(Jacobian memory a) private pure {
        uint256 yy = mulmod(a.y, a.y, P);
        uint256 s = mulmod(4, mulmod(a.x, yy, P), P);
        uint256 m = mulmod(3, mulmod(a.x, a.x, P), P);
        a.z = mulmod(2, mulmod(a.y, a.z, P), P);
        a.x = addmod(mulmod(m, m, P), P - mulmod(2, s, P), P);
        a.y = addmod(mulmod(m, addmod(s, P - a.x, P), P), P - mulmod(8, mulmod(yy, yy, P), P), P);
    }

    /// @dev The two points always differ here, because the scalar is below the order.
    function _add(Jacobian memory a, Point memory b) private pure {
        if (a.z == 0) {
            (a.x, a.y, a.z) = (b.x, b.y, 1);
            return;
        }
        uint256 zz = mulmod(a.z, a.z, P);
        uint256 h = addmod(mulmod(b.x, zz, P), P - a.x, P);
        uint256 r = addmod(mulmod(b.y, mulmod(zz, a.z, P), P), P - a.y, P);
        uint256 hh = mulmod(h, h, P);
        uint256 v = mulmod(a.x, hh, P);
        uint256 hhh = mulmod(h, hh, P);
        a.z = mulmod(a.z, h, P);
        a.x = addmod(mulmod(r, r, P), P - addmod(hhh, mulmod(2, v, P), P), P);
        a.y = addmod(mulmod(r, addmod(v, P - a.x, P), P), P - mulmod(a.y, hhh, P), P);
    }

    function _power(uint256 base, uint256 exponent) private view returns (uint256) {
        (, bytes memory result) = address(5).staticcall(abi.encode(32, 32, 32, base, exponent, P));
        return abi.decode(result, (uint256));
    }

    function _base() private pure returns (Point memory) {
        return Point(
            0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
            0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8
        );
    }

    function _compress(Point memory point) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(2 + point.y % 2), point.x);
    }
}
