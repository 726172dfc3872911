"""Keys as files: wrapped, versioned, destroyed for good; and the algorithms' known answers."""

import subprocess
from pathlib import Path

import pytest

from audit.verify.sm import N, sm2_holds
from foundation.errors import Unavailable
from foundation.keys import AES_GCM, SM4_GCM, FileKeyStore, signature_holds
from foundation.keys.ciphers import WrongBox
from foundation.keys.self_test import self_tests
from foundation.keys.signers import SM2

# GB/T 32918.5-2017, annex A.2: the recommended curve's example.
MESSAGE = b"message digest"
PUBLIC_KEY = bytes.fromhex(
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)


def everything(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()))


@pytest.mark.parametrize("cipher", [AES_GCM, SM4_GCM], ids=lambda cipher: str(cipher.name))
def test_a_data_key_lies_wrapped_and_under_its_own_name(tmp_path: Path, cipher: object) -> None:
    assert cipher in {AES_GCM, SM4_GCM}
    keys = FileKeyStore(tmp_path, cipher=SM4_GCM if cipher is SM4_GCM else AES_GCM)
    key = keys.create_data_key("extract-a")
    assert key not in everything(tmp_path)
    assert key.hex().encode() not in everything(tmp_path)
    keys.create_data_key("extract-b")
    (tmp_path / "extract-b.data").write_bytes((tmp_path / "extract-a.data").read_bytes())
    with pytest.raises(Unavailable, match="key_unavailable"):
        keys.data_key("extract-b")  # a key moved to another name opens nothing
    assert keys.data_key("extract-a") == key


def test_a_destroyed_key_is_gone_and_its_name_with_it(tmp_path: Path) -> None:
    keys = FileKeyStore(tmp_path)
    keys.create_data_key("extract-a")
    before = (tmp_path / "extract-a.data").read_bytes()
    keys.destroy("extract-a")
    keys.destroy("extract-a")
    assert before not in everything(tmp_path)
    for attempt in (keys.data_key, keys.create_data_key, keys.ensure_data_key):
        with pytest.raises(Unavailable, match="key_unavailable"):
            attempt("extract-a")
    assert [r.state for r in keys.inventory() if r.name == "extract-a"] == ["destroyed"]


def test_wrapping_anew_keeps_every_key_and_ends_the_old_wrapping(tmp_path: Path) -> None:
    keys = FileKeyStore(tmp_path)
    made = {name: keys.create_data_key(name) for name in ("extract-a", "extract-b", "texts.c")}
    keys.destroy("extract-b")
    old = (tmp_path / "v1.wrapping").read_bytes()
    chinese = FileKeyStore(tmp_path, cipher=SM4_GCM)
    assert chinese.rewrap() == (2, 2)
    assert old not in everything(tmp_path)
    assert chinese.data_key("extract-a") == made["extract-a"]
    assert FileKeyStore(tmp_path).data_key("texts.c") == made["texts.c"]  # whoever reads it
    assert b"SM4-GCM" in (tmp_path / "v2.wrapping").read_bytes()


def test_a_rewrapping_cut_short_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = FileKeyStore(tmp_path)
    made = {f"extract-{n}": keys.create_data_key(f"extract-{n}") for n in range(4)}
    wrapped = keys._wrapped
    left = iter(range(2))

    def cut_short(name: str, key: bytes) -> bytes:
        next(left)
        return wrapped(name, key)

    monkeypatch.setattr(keys, "_wrapped", cut_short)
    with pytest.raises(StopIteration):
        keys.rewrap()
    again = FileKeyStore(tmp_path)
    assert {name: again.data_key(name) for name in made} == made
    assert again.rewrap()[1] == 4
    assert {name: again.data_key(name) for name in made} == made


def test_a_signing_key_that_was_turned_over_signs_no_more(tmp_path: Path) -> None:
    keys = FileKeyStore(tmp_path)
    old = keys.ensure_signing_key("log")
    new = keys.next_public_key("log", make=True)
    assert new is not None
    assert keys.next_public_key("log", make=True) == new  # said twice, made once
    assert signature_holds(old, keys.sign("log", b"x"), b"x")
    assert signature_holds(new, keys.sign_with_next("log", b"x"), b"x")
    assert keys.turn_over("log") == new
    assert FileKeyStore(tmp_path).ensure_signing_key("log") == new
    assert signature_holds(new, keys.sign("log", b"x"), b"x")
    with pytest.raises(Unavailable):
        keys.turn_over("log")
    states = [(r.version, r.state) for r in keys.inventory() if r.name == "log"]
    assert states == [(1, "earlier"), (2, "current")]


def test_the_inventory_names_no_material(tmp_path: Path) -> None:
    keys = FileKeyStore(tmp_path)
    keys.ensure_signing_key("log")
    secret = (tmp_path / "log").read_bytes().hex()
    data = keys.create_data_key("extract-a").hex()
    told = str(keys.inventory())
    assert secret not in told
    assert data not in told


def test_a_box_opens_for_its_own_context_alone() -> None:
    for cipher in (AES_GCM, SM4_GCM):
        key = bytes(range(cipher.key_bytes))
        box = cipher.seal(key, b"plain", b"here")
        assert cipher.open(key, box, b"here") == b"plain"
        for changed, context in ((box, b"there"), (box[:-1] + b"\0", b"here"), (b"", b"here")):
            with pytest.raises(WrongBox):
                cipher.open(key, changed if changed != box else box, context)


def test_every_algorithm_gives_the_standards_answer() -> None:
    failed = [test.algorithm for test in self_tests() if not test.passed]
    assert failed == []


def test_our_own_check_of_sm2_knows_the_standards_example() -> None:
    assert sm2_holds(PUBLIC_KEY, SIGNATURE, MESSAGE)
    assert not sm2_holds(PUBLIC_KEY, SIGNATURE, MESSAGE + b".")
    assert not sm2_holds(PUBLIC_KEY, SIGNATURE, MESSAGE, identity=b"another")
    assert not sm2_holds(PUBLIC_KEY[:-1] + b"\0", SIGNATURE, MESSAGE)  # not on the curve
    for place in range(0, 64, 7):
        changed = bytearray(SIGNATURE)
        changed[place] ^= 1
        assert not sm2_holds(PUBLIC_KEY, bytes(changed), MESSAGE), place
    zero, high = bytes(32), N.to_bytes(32, "big")
    for r, s in ((zero, SIGNATURE[32:]), (SIGNATURE[:32], zero), (high, SIGNATURE[32:])):
        assert not sm2_holds(PUBLIC_KEY, r + s, MESSAGE)


def test_sm2_signatures_are_good_by_our_own_check_and_by_openssls_command(tmp_path: Path) -> None:
    keys = FileKeyStore(tmp_path / "keys")
    public = keys.ensure_signing_key("log-sm2", SM2)
    signature = keys.sign_sm2("log-sm2", b"a checkpoint")
    assert sm2_holds(public, signature, b"a checkpoint")
    assert not sm2_holds(public, signature, b"another")
    (tmp_path / "message").write_bytes(b"a checkpoint")
    (tmp_path / "signature").write_bytes(_der(signature))
    command = ["openssl", "pkeyutl", "-verify", "-in", "message", "-sigfile", "signature"]
    command += ["-inkey", "keys/log-sm2.sm2", "-keyform", "DER", "-rawin", "-digest", "sm3"]
    command += ["-pkeyopt", "distid:1234567812345678"]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("OpenSSL's command line is absent: apt-get install openssl")
    assert "Signature Verified Successfully" in done.stdout, done.stderr


def _der(signature: bytes) -> bytes:
    numbers = b""
    for number in (signature[:32], signature[32:]):
        short = number.lstrip(b"\0")
        whole = (b"\0" if short[0] >= 0x80 else b"") + short
        numbers += bytes([2, len(whole)]) + whole
    return bytes([0x30, len(numbers)]) + numbers
