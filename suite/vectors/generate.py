#!/usr/bin/env python3
"""Writes the vectors that Rust and Solidity share: vrf.json, deal.json, commitment.json.

An independent reference: plain Python 3 with the standard library only, and no code shared with the programs it checks.
Every value follows from this file alone: `generate.py --check` fails if a committed vector differs from the reference.

  vrf.json         ECVRF (RFC 9381) on secp256k1, suite byte 0xFE. `proofs`: secret, x, y (public key), alpha, counter (of
                   the try that found H), h, beta, pi (81 bytes: Gamma, c, s), then Proof of Types.sol field by field.
                   `failures`: reason, x, y, alpha, Proof. The infinite point is (0, 0).
  deal.json        the deal of IMapper. `cases`: seed, operators, sets -> order, prefix (0 first, U last), U, r, N, sigma
                   per set, slots [set index, group, place, operator or null, unit] by set, group, place, and digest:
                   keccak256 over operator (20 bytes) and unit (4) of the slots. `digests`: cases too large to list.
  commitment.json  the commitment of IModule: entries [path, blob] in index order -> commitment
"""

import bisect
import hashlib
import hmac
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


# --- keccak-256 (the padding of the original submission, as in Ethereum) ---

ROUND_CONSTANTS = []
_lfsr = 1
for _ in range(24):
    constant = 0
    for _j in range(7):
        if _lfsr & 1:
            constant |= 1 << ((1 << _j) - 1)
        _lfsr = (_lfsr << 1) ^ ((_lfsr >> 7) * 0x171)
    ROUND_CONSTANTS.append(constant)

LANE = (1 << 64) - 1


def rotate(value, by):
    by %= 64
    return ((value << by) | (value >> (64 - by))) & LANE if by else value


def permute(a):
    for constant in ROUND_CONSTANTS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[(x - 1) % 5] ^ rotate(c[(x + 1) % 5], 1) for x in range(5)]
        a = [a[i] ^ d[i % 5] for i in range(25)]
        x, y, current = 1, 0, a[1]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x + 5 * y] = a[x + 5 * y], rotate(current, (t + 1) * (t + 2) // 2)
        a = [a[i] ^ (~a[i // 5 * 5 + (i + 1) % 5] & a[i // 5 * 5 + (i + 2) % 5]) for i in range(25)]
        a[0] ^= constant
    return a


def keccak(data):
    rate = 136
    padded = bytearray(data) + bytearray(rate - len(data) % rate)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * 25
    for block in range(0, len(padded), rate):
        for lane in range(rate // 8):
            state[lane] ^= int.from_bytes(padded[block + 8 * lane : block + 8 * lane + 8], "little")
        state = permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state)[:32]


def sha256(data):
    return hashlib.sha256(data).digest()


def integer(data):
    return int.from_bytes(data, "big")


def word(value):
    return value.to_bytes(32, "big")


def hexed(data):
    return "0x" + data.hex()


def hex_word(value):
    return hexed(word(value))


# --- short Weierstrass curves: y^2 = x^3 + ax + b, cofactor 1; None is the point at infinity ---


class Curve:
    def __init__(self, p, a, b, n, gx, gy):
        self.p, self.a, self.b, self.n, self.base = p, a, b, n, (gx, gy)

    def holds(self, point):
        x, y = point
        return (y * y - x * x * x - self.a * x - self.b) % self.p == 0

    def add(self, left, right):
        if left is None or right is None:
            return left or right
        (x1, y1), (x2, y2) = left, right
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        if x1 == x2:
            slope = (3 * x1 * x1 + self.a) * pow(2 * y1, -1, self.p)
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def negate(self, point):
        return point and (point[0], -point[1] % self.p)

    def multiply(self, scalar, point):
        result = None
        for bit in bin(scalar % self.n)[2:]:
            result = self.add(result, result)
            if bit == "1":
                result = self.add(result, point)
        return result

    def lift_even(self, x):
        """Returns the point with this x and an even y, or None if there is none (SEC1 decoding of 0x02 || x)."""
        if x >= self.p:
            return None
        square = (x * x * x + self.a * x + self.b) % self.p
        y = pow(square, (self.p + 1) // 4, self.p)
        if y * y % self.p != square:
            return None
        return x, y if y % 2 == 0 else self.p - y


P256 = Curve(
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFC,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SECP256K1 = Curve(
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F,
    0,
    7,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


# --- ECVRF, RFC 9381 section 5, SHA-256, try-and-increment, salt = compressed public key ---


def compress(point):
    return bytes([2 + point[1] % 2]) + word(point[0])


class Vrf:
    """`salted=False` and `keyed=False` follow earlier drafts, for proofs that must fail."""

    def __init__(self, curve, suite, salted=True, keyed=True):
        self.curve, self.suite, self.salted, self.keyed = curve, bytes([suite]), salted, keyed

    def encode_to_curve(self, key, alpha):
        """Section 5.4.1.1; returns the point and the counter that found it."""
        salt = compress(key) if self.salted else b""
        for counter in range(256):
            digest = sha256(self.suite + b"\x01" + salt + alpha + bytes([counter]) + b"\x00")
            point = self.curve.lift_even(integer(digest))
            if point:
                return point, counter
        raise ValueError("no counter leads to a point")

    def nonce(self, secret, h):
        """Section 5.4.2.1: RFC 6979 section 3.2 with SHA-256 over the compressed H."""
        n = self.curve.n
        seed = word(secret) + word(integer(sha256(compress(h))) % n)
        k, v = bytes(32), b"\x01" * 32
        for separator in (b"\x00", b"\x01"):
            k = hmac.digest(k, v + separator + seed, "sha256")
            v = hmac.digest(k, v, "sha256")
        while True:
            v = hmac.digest(k, v, "sha256")
            if 1 <= integer(v) < n:
                return integer(v)
            k = hmac.digest(k, v + b"\x00", "sha256")
            v = hmac.digest(k, v, "sha256")

    def challenge(self, key, h, gamma, u, v):
        """Section 5.4.3: the first 16 bytes of the hash over the five points."""
        points = ([key] if self.keyed else []) + [h, gamma, u, v]
        return integer(sha256(self.suite + b"\x02" + b"".join(map(compress, points)) + b"\x00")[:16])

    def output(self, gamma):
        """Section 5.2; the cofactor is 1."""
        return sha256(self.suite + b"\x03" + compress(gamma) + b"\x00")

    def prove(self, secret, alpha):
        curve = self.curve
        key = curve.multiply(secret, curve.base)
        h, counter = self.encode_to_curve(key, alpha)
        gamma, k = curve.multiply(secret, h), self.nonce(secret, h)
        u, v = curve.multiply(k, curve.base), curve.multiply(k, h)
        c = self.challenge(key, h, gamma, u, v)
        s = (k + c * secret) % curve.n
        return {
            "key": key, "counter": counter, "h": h, "k": k, "u": u, "v": v, "gamma": gamma, "c": c, "s": s,
            "beta": self.output(gamma), "pi": compress(gamma) + c.to_bytes(16, "big") + word(s),
        }  # fmt: skip

    def verify(self, key, alpha, gamma, c, s):
        """Section 5.3 on decoded values; returns the output, or None."""
        curve = self.curve
        if not all(x < curve.p and y < curve.p and curve.holds((x, y)) for x, y in (key, gamma)):
            return None
        if c >> 128 or s >= curve.n:
            return None
        h, _ = self.encode_to_curve(key, alpha)
        u = curve.add(curve.multiply(s, curve.base), curve.negate(curve.multiply(c, key)))
        v = curve.add(curve.multiply(s, h), curve.negate(curve.multiply(c, gamma)))
        if u is None or v is None or c != self.challenge(key, h, gamma, u, v):
            return None
        return self.output(gamma)


# RFC 9381 appendix B.1, ECVRF-P256-SHA256-TAI: examples 10, 11 and 12.
OFFICIAL = [
    {
        "secret": "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        "key": "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "alpha": b"sample",
        "h": "0272a877532e9ac193aff4401234266f59900a4a9e3fc3cfc6a4b7e467a15d06d4",
        "k": "0d90591273453d2dc67312d39914e3a93e194ab47a58cd598886897076986f77",
        "u": "02bb6a034f67643c6183c10f8b41dc4babf88bff154b674e377d90bde009c21672",
        "v": "02893ebee7af9a0faa6da810da8a91f9d50e1dc071240c9706726820ff919e8394",
        "pi": "035b5c726e8c0e2c488a107c600578ee75cb702343c153cb1eb8dec77f4b5071b4"
        "a53f0a46f018bc2c56e58d383f2305e0975972c26feea0eb122fe7893c15af376b33edf7de17c6ea056d4d82de6bc02f",
        "beta": "a3ad7b0ef73d8fc6655053ea22f9bede8c743f08bbed3d38821f0e16474b505e",
    },
    {
        "secret": "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        "key": "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "alpha": b"test",
        "h": "02173119b4fff5e6f8afed4868a29fe8920f1b54c2cf89cc7b301d0d473de6b974",
        "k": "5852353a868bdce26938cde1826723e58bf8cb06dd2fed475213ea6f3b12e961",
        "u": "022779a2cafcb65414c4a04a4b4d2adf4c50395f57995e89e6de823250d91bc48e",
        "v": "033b4a14731672e82339f03b45ff6b5b13dee7ada38c9bf1d6f8f61e2ce5921119",
        "pi": "034dac60aba508ba0c01aa9be80377ebd7562c4a52d74722e0abae7dc3080ddb56"
        "c19e067b15a8a8174905b13617804534214f935b94c2287f797e393eb0816969d864f37625b443f30f1a5a33f2b3c854",
        "beta": "a284f94ceec2ff4b3794629da7cbafa49121972671b466cab4ce170aa365f26d",
    },
    {
        "secret": "2ca1411a41b17b24cc8c3b089cfd033f1920202a6c0de8abb97df1498d50d2c8",
        "key": "03596375e6ce57e0f20294fc46bdfcfd19a39f8161b58695b3ec5b3d16427c274d",
        "alpha": b"Example using ECDSA key from Appendix L.4.2 of ANSI.X9-62-2005",
        "h": "0258055c26c4b01d01c00fb57567955f7d39cd6f6e85fd37c58f696cc6b7aa761d",
        "k": "5689e2e08e1110b4dda293ac21667eac6db5de4a46a519c73d533f69be2f4da3",
        "u": "020f465cd0ec74d2e23af0abde4c07e866ae4e5138bded5dd1196b8843f380db84",
        "v": "036cb6f811428fc4904370b86c488f60c280fa5b496d2f34ff8772f60ed24b2d1d",
        "pi": "03d03398bf53aa23831d7d1b2937e005fb0062cbefa06796579f2a1fc7e7b8c667"
        "d091c00b0f5c3619d10ecea44363b5a599cadc5b2957e223fec62e81f7b4825fc799a771a3d7334b9186bdbee87316b1",
        "beta": "90871e06da5caa39a3c61578ebb844de8635e27ac0b13e829997d0d95dd98c19",
    },
]


def check_reference():
    """Compares the reference with published values before it writes anything."""
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    for curve in (P256, SECP256K1):
        assert curve.holds(curve.base)
        assert curve.multiply(curve.n - 1, curve.base) == curve.negate(curve.base)
    vrf = Vrf(P256, 0x01)
    for example in OFFICIAL:
        proof = vrf.prove(int(example["secret"], 16), example["alpha"])
        for name in ("key", "h", "u", "v"):
            assert compress(proof[name]).hex() == example[name], name
        assert word(proof["k"]).hex() == example["k"], "nonce"
        assert proof["pi"].hex() == example["pi"], "pi"
        assert proof["beta"].hex() == example["beta"], "beta"
        assert vrf.verify(proof["key"], example["alpha"], proof["gamma"], proof["c"], proof["s"]) == proof["beta"]


# --- vrf.json ---

KOINON = Vrf(SECP256K1, 0xFE)


def scalar(label):
    return integer(sha256(b"koinon vector " + label.encode())) % SECP256K1.n


def hints(key, h, gamma, c, s):
    """Returns the points with which a contract checks the proof by ecrecover: U, s*H, c*Gamma."""
    curve = SECP256K1
    u = curve.add(curve.multiply(s, curve.base), curve.negate(curve.multiply(c, key)))
    return u, curve.multiply(s, h), curve.multiply(c, gamma)


def fields(gamma, c, s, u, sh, cg):
    """Returns the fields of Proof in Types.sol; the point at infinity is written as (0, 0)."""
    u, sh, cg = (point or (0, 0) for point in (u, sh, cg))
    names = ("gammaX", "gammaY", "c", "s", "uX", "uY", "sHX", "sHY", "cGammaX", "cGammaY")
    return dict(zip(names, map(hex_word, (*gamma, c, s, *u, *sh, *cg))))


def case(secret, alpha, vrf=KOINON):
    proof = vrf.prove(secret, alpha)
    h, _ = KOINON.encode_to_curve(proof["key"], alpha)
    proof["hints"] = hints(proof["key"], h, proof["gamma"], proof["c"], proof["s"])
    assert vrf is not KOINON or proof["hints"][0] == proof["u"]
    return proof


def proofs():
    chosen = [
        (scalar("empty"), b""),
        (1, b"the secret one"),
        (SECP256K1.n - 1, b"the greatest secret"),
        (scalar("zeros"), bytes(32)),
        (scalar("long"), bytes(range(256)) * 2),
        (scalar("epoch"), b"koinon epoch" + word(1337) + bytes(range(20)) + (7).to_bytes(8, "big") + keccak(b"seed")),
    ]
    chosen += [(scalar(f"key {i}"), f"message {i}".encode()) for i in range(4)]
    # Two keys for each number of failed tries from 0 to 4, so that every branch of the search is taken.
    for counter in range(5):
        for i in range(2):
            secret, attempt = scalar(f"counter {counter} {i}"), 0
            key = SECP256K1.multiply(secret, SECP256K1.base)
            while KOINON.encode_to_curve(key, f"attempt {attempt}".encode())[1] != counter:
                attempt += 1
            chosen.append((secret, f"attempt {attempt}".encode()))
    for secret, alpha in chosen:
        proof = case(secret, alpha)
        assert KOINON.verify(proof["key"], alpha, proof["gamma"], proof["c"], proof["s"]) == proof["beta"]
        yield {
            "secret": hex_word(secret),
            "x": hex_word(proof["key"][0]),
            "y": hex_word(proof["key"][1]),
            "alpha": hexed(alpha),
            "counter": proof["counter"],
            "h": hexed(compress(proof["h"])),
            "beta": hexed(proof["beta"]),
            "pi": hexed(proof["pi"]),
            **fields(proof["gamma"], proof["c"], proof["s"], *proof["hints"]),
        }


def failures():
    curve, alpha = SECP256K1, b"a proof that must fail"
    secret = scalar("failure")
    good = case(secret, alpha)
    key, h, gamma, c, s = (good[name] for name in ("key", "h", "gamma", "c", "s"))
    u, sh, cg = good["hints"]
    stranger = curve.multiply(scalar("stranger"), curve.base)
    one = curve.lift_even(1)

    def failing(reason, key=key, alpha=alpha, **changed):
        values = {"gamma": gamma, "c": c, "s": s, "u": u, "sh": sh, "cg": cg, **changed}
        plain = KOINON.verify(key, alpha, values["gamma"], values["c"], values["s"])
        true_hints = values["u"], values["sh"], values["cg"]
        honest = plain is not None and true_hints == hints(key, h, values["gamma"], values["c"], values["s"])
        assert not honest, reason
        return {
            "reason": reason,
            "x": hex_word(key[0]),
            "y": hex_word(key[1]),
            "alpha": hexed(alpha),
            **fields(*(values[name] for name in ("gamma", "c", "s", "u", "sh", "cg"))),
        }

    def rebuilt(reason, gamma=gamma, c=c, s=s, key=key):
        """Recomputes the points for the scalars, so that only the challenge or a bound can fail."""
        u, sh, cg = hints(key, h, gamma, c, s)
        return failing(reason, key=key, gamma=gamma, c=c, s=s, u=u, sh=sh, cg=cg)

    def forged(reason, vrf, alpha=alpha):
        proof = vrf.prove(secret, alpha)
        hashed, _ = vrf.encode_to_curve(key, alpha)
        u, sh, cg = hints(key, hashed, proof["gamma"], proof["c"], proof["s"])
        return failing(reason, gamma=proof["gamma"], c=proof["c"], s=proof["s"], u=u, sh=sh, cg=cg)

    yield failing("another message", alpha=b"another message")
    yield failing("another key", key=stranger)
    yield failing("the negated key", key=curve.negate(key))
    yield failing("a key off the curve", key=(key[0], (key[1] + 1) % curve.p))
    yield failing("a key at infinity", key=(0, 0))
    yield failing("a key that is not reduced", key=(one[0] + curve.p, one[1]))
    yield failing("gamma off the curve", gamma=(gamma[0], (gamma[1] + 1) % curve.p))
    yield failing("gamma at infinity", gamma=(0, 0))
    yield failing("gamma not reduced", gamma=(one[0] + curve.p, one[1]))
    yield rebuilt("gamma negated", gamma=curve.negate(gamma))
    yield rebuilt("another gamma", gamma=stranger)
    yield rebuilt("another c", c=c ^ 1)
    yield rebuilt("c zero", c=0)
    yield failing("c over 128 bits", c=c + (1 << 128))
    yield failing("c plus the group order", c=c + curve.n)
    yield rebuilt("another s", s=s ^ 1)
    yield rebuilt("s zero", s=0)
    # s + n fits in 256 bits only for a small s. No honest proof has such an s, but the bound must be tested.
    yield failing("s equal to the group order", s=curve.n)
    yield failing("s plus the group order", s=5 + curve.n, u=u, sh=curve.multiply(5, h))
    yield failing("u negated", u=curve.negate(u))
    yield failing("u off the curve", u=(u[0], (u[1] + 1) % curve.p))
    yield failing("u at infinity", u=None)
    yield failing("another u", u=stranger)
    yield failing("sH negated", sh=curve.negate(sh))
    yield failing("sH off the curve", sh=(sh[0], (sh[1] + 1) % curve.p))
    yield failing("sH at infinity", sh=None)
    yield failing("cGamma negated", cg=curve.negate(cg))
    yield failing("cGamma off the curve", cg=(cg[0], (cg[1] + 1) % curve.p))
    yield failing("cGamma at infinity", cg=None)
    # Gamma is chosen so that c*Gamma = +-s*H: V is the point at infinity, or twice s*H.
    ratio = s * pow(c, -1, curve.n) % curve.n
    yield rebuilt("sH equals cGamma", gamma=curve.multiply(ratio, h))
    yield rebuilt("sH equals cGamma negated", gamma=curve.multiply(curve.n - ratio, h))
    # s = c*x makes U the point at infinity.
    yield rebuilt("U is the point at infinity", s=c * secret % curve.n)
    # Forgeries whose challenge is right for the points they show: only the check of the false point can fail.
    k, v = scalar("nonce"), curve.multiply(scalar("any"), curve.base)
    u = curve.multiply(k, curve.base)
    false_gamma = curve.multiply(scalar("ratio"), h)
    c = KOINON.challenge(key, h, false_gamma, u, v)
    s = (k + c * secret) % curve.n
    sh, cg = curve.multiply(s, h), curve.multiply(c, false_gamma)
    apart = curve.add(sh, curve.negate(v))
    yield failing("a forgery with a false cGamma", gamma=false_gamma, c=c, s=s, u=u, sh=sh, cg=apart)
    yield failing("a forgery with a false sH", gamma=false_gamma, c=c, s=s, u=u, sh=curve.add(v, cg), cg=cg)
    u, v = v, curve.multiply(k, h)
    c = KOINON.challenge(key, h, false_gamma, u, v)
    s = (k + c * scalar("ratio")) % curve.n
    _, sh, cg = hints(key, h, false_gamma, c, s)
    yield failing("a forgery with a false U", gamma=false_gamma, c=c, s=s, u=u, sh=sh, cg=cg)
    yield forged("another suite byte", Vrf(curve, 0x01))
    yield forged("hash to curve without salt", Vrf(curve, 0xFE, salted=False))
    yield forged("challenge without the public key", Vrf(curve, 0xFE, keyed=False))


# --- deal.json ---


def shuffle(seed, name, groups):
    order = list(range(groups))
    for i in range(groups - 1, 0, -1):
        j = integer(keccak(seed + name + i.to_bytes(4, "big"))) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def padded(name):
    return name.encode().ljust(32, b"\x00")


def deal(seed, operators, sets):
    """Deals as IMapper documents it. `operators`: (account, units); `sets`: (name, groups, size)."""
    order = sorted(operators, key=lambda operator: keccak(seed + operator[0]))
    prefix = [0]
    for _, units in order:
        prefix.append(prefix[-1] + units)
    total = prefix[-1]
    r = integer(keccak(seed + b"offset")) % total if total else 0
    n = sum(groups * size for _, groups, size in sets)

    def owner(unit):
        index = bisect.bisect_right(prefix, unit) - 1
        return index, unit - prefix[index]

    sigma = [shuffle(seed, padded(name), groups) for name, groups, _ in sets]
    slots, k = {}, 0
    for which, (_, groups, size) in enumerate(sets):
        for inside in range(groups * size):
            unit = (k * total + r) // n if total >= n else k
            at = which, sigma[which][inside % groups], inside // groups
            slots[at] = owner(unit) if unit < total else None
            k += 1
    return order, prefix, total, r, sigma, slots


def check_deal(order, total, sets, slots):
    """Checks the properties that a deal has for any seed."""
    n = len(slots)
    assert n == sum(groups * size for _, groups, size in sets)
    held = [slot for slot in slots.values() if slot]
    assert len(held) == len(set(held)) == min(n, total)
    for index, (_, units) in enumerate(order):
        mine = [at for at, slot in slots.items() if slot and slot[0] == index]
        if total >= n and n:
            assert units * n // total <= len(mine) <= -(-units * n // total)
        for which, (_, groups, _) in enumerate(sets):
            counts = [sum(at[0] == which and at[1] == group for at in mine) for group in range(groups)]
            assert not counts or max(counts) - min(counts) <= 1


def account(label):
    return keccak(b"koinon operator " + label.encode())[12:]


def deal_case(name, seed, operators, sets):
    order, prefix, total, r, sigma, slots = deal(seed, operators, sets)
    check_deal(order, total, sets, slots)
    listed = []
    for at in sorted(slots):
        slot = slots[at]
        owner = hexed(order[slot[0]][0]) if slot else None
        listed.append([*at, owner, slot[1] if slot else 0])
    return {
        "name": name,
        "seed": hexed(seed),
        "operators": [{"account": hexed(address), "units": units} for address, units in operators],
        "sets": [{"name": label, "groups": groups, "size": size} for label, groups, size in sets],
        "order": [hexed(address) for address, _ in order],
        "prefix": prefix,
        "U": total,
        "r": r,
        "N": len(slots),
        "sigma": sigma,
        "slots": listed,
        "digest": digest(order, slots),
    }


def digest(order, slots):
    """keccak256 over address (20 bytes) and unit (4 bytes) of every slot, by set, group, place; zeros if vacant."""
    packed = bytearray()
    for at in sorted(slots):
        slot = slots[at]
        packed += order[slot[0]][0] + slot[1].to_bytes(4, "big") if slot else bytes(24)
    return hexed(keccak(packed))


def group_of(label, units):
    return [(account(f"{label} {i}"), count) for i, count in enumerate(units)]


def deals():
    yield deal_case("one operator", keccak(b"seed 1"), group_of("one", [5]), [("worker", 2, 2)])
    yield deal_case(
        "four operators, twenty slots", keccak(b"seed 4"), group_of("four", [10, 8, 6, 4]), [("worker", 4, 5)]
    )
    yield deal_case("as many units as slots", keccak(b"seed 6"), group_of("six", [1, 2, 3]), [("worker", 3, 2)])
    yield deal_case("fewer units than slots", keccak(b"seed 3"), group_of("three", [2, 1, 3]), [("worker", 3, 4)])
    yield deal_case(
        "operators without units", keccak(b"seed 7"), group_of("zero", [0, 3, 0, 0, 5, 2, 0]), [("worker", 2, 4)]
    )
    yield deal_case("nobody has units", keccak(b"seed 0"), group_of("none", [0, 0]), [("worker", 1, 2)])
    yield deal_case(
        "several sets",
        keccak(b"seed 8"),
        group_of("sets", [9, 4, 7, 1, 12]),
        [("worker", 3, 4), ("empty_groups", 0, 5), ("validator", 1, 3), ("empty_places", 4, 0), ("boot", 5, 1)],
    )
    yield deal_case("no slots", keccak(b"seed 9"), group_of("slotless", [3, 4]), [("worker", 0, 0)])
    yield deal_case("greatest units", keccak(b"seed u"), group_of("great", [2**32 - 1, 1, 2**31]), [("worker", 3, 3)])
    yield deal_case(
        "hundred operators, five hundred slots",
        keccak(b"seed 100"),
        group_of("hundred", [1 + (7 * i) % 13 for i in range(100)]),
        [("worker", 20, 25)],
    )


def digests():
    """Yields a case too large to list: its operators follow from `count`, with units 1 + (i * 7919) % 23."""
    name, seed, count = "thousand operators", keccak(b"seed 1000"), 1000
    operators = group_of("thousand", [1 + (i * 7919) % 23 for i in range(count)])
    sets = [("worker", 20, 250), ("validator", 7, 3)]
    order, _, total, r, sigma, slots = deal(seed, operators, sets)
    check_deal_fast(order, total, slots)
    yield {
        "name": name,
        "seed": hexed(seed),
        "count": count,
        "accounts": "last 20 bytes of keccak256('koinon operator thousand {i}'), i in decimal from 0",
        "units": "1 + (i * 7919) % 23",
        "sets": [{"name": label, "groups": groups, "size": size} for label, groups, size in sets],
        "U": total,
        "r": r,
        "N": len(slots),
        "digest": digest(order, slots),
    }


def check_deal_fast(order, total, slots):
    held = [slot for slot in slots.values() if slot]
    assert len(held) == len(set(held)) == min(len(slots), total)


# --- commitment.json ---


def commitment(entries):
    """Computes IModule.commitment over (path, blob)."""
    level = [keccak(keccak(path.encode()) + blob) for path, blob in entries]
    while len(level) > 1:
        level += [bytes(32)] * (len(level) % 2)
        level = [keccak(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    root = level[0] if level else bytes(32)
    return keccak(word(len(entries)) + root)


def commitments():
    for count in (0, 1, 2, 3, 5, 8, 9):
        entries = [(f"node_types/Worker_{i}", keccak(f"value {i}".encode())) for i in range(count)]
        yield {
            "entries": [[path, hexed(blob)] for path, blob in entries],
            "commitment": hexed(commitment(entries)),
        }


# --- files ---


def text(value):
    """Returns JSON with one line per list of plain values, so that a diff is readable."""

    def write(value, indent):
        pad = "  " * indent
        if isinstance(value, dict):
            rows = [f"{pad}  {json.dumps(key)}: {write(item, indent + 1)}" for key, item in value.items()]
            return "{\n" + ",\n".join(rows) + f"\n{pad}}}"
        if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
            rows = [f"{pad}  {write(item, indent + 1)}" for item in value]
            return "[\n" + ",\n".join(rows) + f"\n{pad}]"
        return json.dumps(value)

    return write(value, 0) + "\n"


def main():
    check_reference()
    files = {
        "vrf.json": {"suite": "0xfe", "proofs": list(proofs()), "failures": list(failures())},
        "deal.json": {"cases": list(deals()), "digests": list(digests())},
        "commitment.json": {"cases": list(commitments())},
    }
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: generate.py [--check]")
    for name, value in files.items():
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_text(text(value))
        elif not path.exists() or path.read_text() != text(value):
            sys.exit(f"{name} differs from what generate.py makes")


if __name__ == "__main__":
    main()
