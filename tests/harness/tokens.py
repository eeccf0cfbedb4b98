"""JSON web tokens taken apart and forged."""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils


def decode_part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode_part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode_json(document) -> str:
    return encode_part(json.dumps(document, separators=(",", ":")).encode())


def header_of(token: str) -> dict:
    return json.loads(decode_part(token.split(".")[0]))


def claims_of(token: str) -> dict:
    return json.loads(decode_part(token.split(".")[1]))


def access_of(token: str) -> dict[str, set[str]]:
    """{"repository:ns/app": {"pull"}}"""
    return {
        f"{entry['type']}:{entry['name']}": set(entry["actions"])
        for entry in claims_of(token).get("access") or []
    }


def sign_es256(header: dict, claims: dict, key: ec.EllipticCurvePrivateKey) -> str:
    text = f"{encode_json(header)}.{encode_json(claims)}"
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{encode_part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def sign_hmac(header: dict, claims: dict, secret: bytes) -> str:
    text = f"{encode_json(header)}.{encode_json(claims)}"
    return f"{text}.{encode_part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


# --- the server's public key, from nothing but its signatures (ECDSA public key recovery, SEC 1 4.1.6)
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def _add(left, right):
    if left is None or right is None:
        return left or right
    if left[0] == right[0]:
        if (left[1] + right[1]) % _P == 0:
            return None
        slope = (3 * left[0] * left[0] - 3) * pow(2 * left[1], -1, _P)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, _P)
    x = (slope * slope - left[0] - right[0]) % _P
    return x, (slope * (left[0] - x) - left[1]) % _P


def _times(factor: int, point):
    result = None
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _candidates(token: str) -> set[tuple[int, int]]:
    text, _, signature = token.rpartition(".")
    raw = decode_part(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    y = pow((pow(r, 3, _P) - 3 * r + _B) % _P, (_P + 1) // 4, _P)
    inverse = pow(r, -1, _N)
    found = set()
    for point in ((r, y), (r, _P - y)):
        found.add(
            _add(_times(s * inverse % _N, point), _times(-digest * inverse % _N, _G))
        )
    return found


def public_key(first: str, second: str) -> ec.EllipticCurvePublicKey:
    """The key that signed both ES256 tokens."""
    common = _candidates(first) & _candidates(second)
    assert len(common) == 1, "the tokens were not signed by one P-256 key"
    x, y = common.pop()
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def spellings(key: ec.EllipticCurvePublicKey) -> list[bytes]:
    """The public key in the forms in which a careless verifier could hold it."""
    encodings = serialization.Encoding
    formats = serialization.PublicFormat
    pem = key.public_bytes(encodings.PEM, formats.SubjectPublicKeyInfo)
    return [
        pem,
        pem.rstrip(b"\n"),
        key.public_bytes(encodings.DER, formats.SubjectPublicKeyInfo),
        key.public_bytes(encodings.X962, formats.UncompressedPoint),
        key.public_bytes(encodings.X962, formats.UncompressedPoint)[1:],
    ]
