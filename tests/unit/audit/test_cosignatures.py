"""The exact bytes of c2sp.org/tlog-cosignature, laid out here by hand and not by our code."""

import base64
import hashlib
import struct
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from audit.cosignatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44_COSIGNATURE,
    Cosigner,
    cosigned_at_s,
    ml_dsa_44_message,
    parse_witness_key,
)
from audit.notes import (
    NOTE_LINES_MAX,
    BadNote,
    HeldKey,
    SignatureLine,
    VerifierKey,
    add_line,
    open_note,
    parse_line,
    parse_verifier_key,
    sign_note,
    signatures_by,
    split_note,
)
from audit.verify.findings import Report, Unusable
from audit.verify.witnesses import read_witness_key, verify_witnesses

TEXT = "city.example/log\n7\n" + base64.b64encode(bytes(range(32))).decode() + "\n"
NAME = "regulator.example/w1"
TIME_S = 1_795_000_000
ED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PQ = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
ED_KEY = VerifierKey(NAME, ED.public_key().public_bytes_raw(), ED25519_COSIGNATURE)
PQ_KEY = VerifierKey(NAME, PQ.public_key().public_bytes_raw(), ML_DSA_44_COSIGNATURE)
Sign = Callable[[bytes], bytes]
KEYS = pytest.mark.parametrize(
    ("key", "sign", "kind"), [(ED_KEY, ED.sign, 4), (PQ_KEY, PQ.sign, 6)], ids=["ed25519", "ml-dsa"]
)


def by_hand(kind: int, time_s: int, text: str = TEXT, name: str = NAME) -> bytes:
    """Return the signed message as the specification's text lays it out."""
    if kind == 4:
        return b"cosignature/v1\n" + b"time " + str(time_s).encode() + b"\n" + text.encode()
    origin, size, root = text.split("\n")[:3]
    return (
        b"subtree/v1\n\x00"
        + struct.pack(">B", len(name))
        + name.encode()
        + struct.pack(">Q", time_s)
        + struct.pack(">B", len(origin))
        + origin.encode()
        + struct.pack(">QQ", 0, int(size))
        + base64.b64decode(root)
    )


def line_by_hand(key: VerifierKey, sign: Sign, kind: int, time_s: int = TIME_S) -> SignatureLine:
    key_id = hashlib.sha256(NAME.encode() + b"\n" + bytes((kind,)) + key.public_key).digest()[:4]
    return SignatureLine(NAME, key_id, struct.pack(">Q", time_s) + sign(by_hand(kind, time_s)))


@KEYS
def test_a_cosignature_made_by_hand_is_read(key: VerifierKey, sign: Sign, kind: int) -> None:
    line = line_by_hand(key, sign, kind)
    _, found = signatures_by(TEXT + "\n" + line.text(), [key])
    assert found == [(key, line)]
    assert cosigned_at_s(line) == TIME_S


@KEYS
def test_our_cosignature_reads_by_hand(key: VerifierKey, sign: Sign, kind: int) -> None:
    note = sign_note(TEXT, [Cosigner(key, sign, TIME_S)])
    (line,) = split_note(note)[1]
    stamp, signature = line.signature[:8], line.signature[8:]
    assert struct.unpack(">Q", stamp) == (TIME_S,)
    private = ED if kind == 4 else PQ
    private.public_key().verify(signature, by_hand(kind, TIME_S))
    assert len(line.signature) == 8 + (64 if kind == 4 else 2_420)


@KEYS
@pytest.mark.parametrize(
    "change",
    [
        lambda line: SignatureLine(line.name, line.key_id, bytes(8) + line.signature[8:]),
        lambda line: SignatureLine(line.name, line.key_id, b"\xff" * 8 + line.signature[8:]),
        lambda line: SignatureLine(
            line.name, line.key_id, struct.pack(">Q", TIME_S + 1) + line.signature[8:]
        ),
        lambda line: SignatureLine(line.name, line.key_id, line.signature[:-1]),
        lambda line: SignatureLine(line.name, line.key_id, line.signature[:3]),
        lambda line: SignatureLine(line.name, line.key_id, line.signature + b"\x00"),
    ],
    ids=["no-time", "huge-time", "other-time", "short", "tiny", "long"],
)
def test_a_changed_cosignature_is_refused_by_both_readers(
    key: VerifierKey, sign: Sign, kind: int, change: Callable[[SignatureLine], SignatureLine]
) -> None:
    note = TEXT + "\n" + change(line_by_hand(key, sign, kind)).text()
    with pytest.raises(BadNote):
        signatures_by(note, [key])
    report = Report()
    verify_witnesses(note, [read_witness_key(key.text())], 0, report)
    assert report.exit_code == 1


@KEYS
def test_a_cosignature_over_another_checkpoint_is_refused(
    key: VerifierKey, sign: Sign, kind: int
) -> None:
    line = line_by_hand(key, sign, kind)
    for other in (TEXT.replace("\n7\n", "\n8\n"), TEXT.replace("city.", "sity.")):
        with pytest.raises(BadNote):
            signatures_by(other + "\n" + line.text(), [key])
        report = Report()
        verify_witnesses(other + "\n" + line.text(), [read_witness_key(key.text())], 1, report)
        assert report.exit_code == 1


def test_a_zero_time_is_no_cosignature_of_a_checkpoint() -> None:
    line = line_by_hand(PQ_KEY, PQ.sign, 6, time_s=0)  # what sign-subtree would answer
    with pytest.raises(BadNote):
        signatures_by(TEXT + "\n" + line.text(), [PQ_KEY])
    report = Report()
    verify_witnesses(TEXT + "\n" + line.text(), [read_witness_key(PQ_KEY.text())], 0, report)
    assert report.exit_code == 1


def test_a_log_signature_counts_for_no_cosignature_and_the_other_way_round() -> None:
    plain = VerifierKey(NAME, ED_KEY.public_key)
    note = sign_note(TEXT, [HeldKey(plain, ED.sign)])
    assert signatures_by(note, [ED_KEY])[1] == []  # another type, so another key id
    forged = SignatureLine(NAME, ED_KEY.key_id, struct.pack(">Q", TIME_S) + ED.sign(TEXT.encode()))
    with pytest.raises(BadNote):
        signatures_by(TEXT + "\n" + forged.text(), [ED_KEY])


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(BadNote):
        ml_dsa_44_message(name, TEXT.encode(), TIME_S)


@pytest.mark.parametrize("key", [ED_KEY, PQ_KEY])
def test_a_witness_key_reads_alike_twice(key: VerifierKey) -> None:
    assert parse_witness_key(key.text()) == key
    second = read_witness_key(key.text())
    assert (second.name, second.key_id, second.public_key) == (NAME, key.key_id, key.public_key)
    with pytest.raises(BadNote):
        parse_verifier_key(key.text())  # a log key is another type
    for broken in ("", "a+b", key.text()[:-8], key.text().replace("regulator", "operator")):
        with pytest.raises(BadNote):
            parse_witness_key(broken)
        with pytest.raises(Unusable):
            read_witness_key(broken)


def test_one_witness_with_two_keys_counts_once() -> None:
    lines = [line_by_hand(ED_KEY, ED.sign, 4), line_by_hand(PQ_KEY, PQ.sign, 6)]
    note = TEXT + "\n" + "".join(line.text() for line in lines)
    keys = [read_witness_key(ED_KEY.text()), read_witness_key(PQ_KEY.text())]
    report = Report()
    verify_witnesses(note, keys, 2, report)
    assert report.exit_code == 3
    assert [item.code for item in report.findings].count("cosigned") == 2
    report = Report()
    verify_witnesses(note, keys, 1, report)
    assert report.exit_code == 0
    assert "2026-11-18T11:06:40Z" in report.text("en")


def test_unknown_lines_are_skipped_and_malformed_ones_spoil_the_note() -> None:
    own = HeldKey(VerifierKey("city.example/log", ED.public_key().public_bytes_raw()), ED.sign)
    note = add_line(sign_note(TEXT, [own]), line_by_hand(PQ_KEY, PQ.sign, 6))
    other = SignatureLine("sm.example/log", b"abcd", b"\x00" * 70)
    assert open_note(add_line(note, other), own.key) == TEXT
    assert (
        add_line(note, line_by_hand(PQ_KEY, PQ.sign, 6)) == note
        or len(split_note(add_line(note, line_by_hand(PQ_KEY, PQ.sign, 6)))[1]) == 3
    )  # ML-DSA signs with randomness: another line, as good
    for bad in (
        "— a\n",
        "— a AAAA\n",
        "— a+b AAAABBBB\n",
        "x\n",
        "—  AAAABBBB\n",
        "— a AAAABB==\r\n",
    ):
        with pytest.raises(BadNote):
            open_note(note + bad, own.key)


def test_a_note_with_too_many_lines_is_refused_and_sixteen_are_read() -> None:
    own = HeldKey(VerifierKey("city.example/log", ED.public_key().public_bytes_raw()), ED.sign)
    many = [SignatureLine(f"w{n}", b"abcd", b"\x00") for n in range(NOTE_LINES_MAX)]
    note = sign_note(TEXT, [own])
    assert open_note(note + "".join(line.text() for line in many[:15]), own.key) == TEXT
    with pytest.raises(BadNote, match="more than"):
        open_note(note + "".join(line.text() for line in many), own.key)


def test_a_line_that_claims_the_key_and_fails_spoils_a_note_that_another_line_would_open() -> None:
    own = HeldKey(VerifierKey("city.example/log", ED.public_key().public_bytes_raw()), ED.sign)
    note = sign_note(TEXT, [own])
    with pytest.raises(BadNote, match="does not hold"):
        open_note(add_line(note, SignatureLine(own.name, own.key_id, b"\x00" * 64)), own.key)
    assert parse_line(note.splitlines()[-1]).claims(own.key)
