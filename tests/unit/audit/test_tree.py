import hashlib

import pytest
from pymerkle import InmemoryTree

from audit.recovery import edge_root
from audit.tree import (
    EMPTY_ROOT,
    NodeReader,
    TreeEdge,
    consistency_proof,
    entries_path,
    inclusion_proof,
    leaf_hash,
    nodes_of_tiles,
    range_root,
    tile_path,
    tiles_of_size,
    verify_consistency,
    verify_inclusion,
)
from audit.verify.merkle import inclusion_holds, root_of

SIZE_MAX = 70
BODIES = [f"entry {i}".encode() for i in range(600)]
LEAVES = [leaf_hash(body) for body in BODIES]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = naive_root(leaves[:k]), naive_root(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962 section 2.1.2, word for word."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_proof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_proof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def grown(size: int) -> tuple[TreeEdge, dict[tuple[int, int], bytes]]:
    edge = TreeEdge()
    tiles: dict[tuple[int, int], bytes] = {}
    for leaf in LEAVES[:size]:
        tiles |= {(level, number): data for level, number, data in edge.append(leaf)}
    return edge, tiles


def nodes(size: int) -> NodeReader:
    edge, tiles = grown(size)

    def read_tile(level: int, number: int) -> bytes:
        return tiles.get((level, number)) or edge.partial_tile(level, number) or b""

    return nodes_of_tiles(read_tile)


@pytest.mark.parametrize("size", range(SIZE_MAX + 1))
def test_every_proof_up_to_seventy_entries_is_the_naive_one(size: int) -> None:
    node, leaves = nodes(size), LEAVES[:size]
    root = naive_root(leaves)
    assert range_root(0, size, node) == root == root_of(leaves)
    for index in range(size):
        proof = inclusion_proof(index, size, node)
        assert proof == naive_path(index, leaves)
        assert verify_inclusion(leaves[index], index, size, proof, root)
        assert inclusion_holds(leaves[index], index, size, proof, root)
    for old in range(1, size + 1):
        proof = consistency_proof(old, size, node)
        assert proof == naive_proof(old, leaves)
        assert verify_consistency(old, size, proof, naive_root(leaves[:old]), root)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 33, 70])
def test_a_proof_holds_for_nothing_but_its_own_leaf_place_size_and_root(size: int) -> None:
    node, root = nodes(size), naive_root(LEAVES[:size])
    for index in range(size):
        proof = inclusion_proof(index, size, node)
        wrong = [
            (LEAVES[index + 1], index, size, proof, root),
            (LEAVES[index], index + 1, size, proof, root),
            (LEAVES[index], index, size, [*proof, root], root),
            (LEAVES[index], index, size, proof, LEAVES[-1]),
            (LEAVES[index], -1, size, proof, root),
            *([(LEAVES[index], index, size, proof[:-1], root)] if proof else []),
        ]
        for case in wrong:
            assert not verify_inclusion(*case)
            assert not inclusion_holds(*case)


@pytest.mark.parametrize("new", [3, 8, 33, 70])
def test_consistency_fails_for_another_history(new: int) -> None:
    node, new_root = nodes(new), naive_root(LEAVES[:new])
    for old in range(1, new):
        proof = consistency_proof(old, new, node)
        old_root = naive_root(LEAVES[:old])
        other = naive_root([*LEAVES[: old - 1], LEAVES[-1]])
        assert not verify_consistency(old, new, proof, other, new_root)
        assert not verify_consistency(old, new, proof, old_root, other)
        assert not verify_consistency(old, new, proof[:-1], old_root, new_root)
        assert not verify_consistency(old, new, [*proof, other], old_root, new_root)
    assert not verify_consistency(new, new, [], LEAVES[0], new_root)
    assert not verify_consistency(0, new, [], LEAVES[0], new_root)
    assert not verify_consistency(2, 1, [], new_root, new_root)
    assert verify_consistency(0, new, [], EMPTY_ROOT, new_root)


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513])
def test_tiles_carry_the_tree_across_their_boundary(size: int) -> None:
    edge, tiles = grown(size)
    leaves = LEAVES[:size]
    assert edge_root(edge) == naive_root(leaves) == root_of(leaves)
    for index in (0, 1, 254, 255, 256, size - 1):
        if index < size:
            assert inclusion_proof(index, size, nodes(size)) == naive_path(index, leaves)
    for old in {1, 255, min(256, size), size}:
        assert consistency_proof(old, size, nodes(size)) == naive_proof(old, leaves)
    assert all(len(data) == 8192 for data in tiles.values())


def test_pymerkle_finds_the_same_roots() -> None:
    oracle = InmemoryTree(algorithm="sha256")
    edge = TreeEdge()
    for size, body in enumerate(BODIES, 1):
        oracle.append_entry(body)
        edge.append(leaf_hash(body))
        if size % 37 == 0 or size in {1, 2, 255, 256, 257, 600}:
            assert edge_root(edge) == oracle.get_root()


def test_an_edge_copy_grows_alone() -> None:
    edge, _ = grown(5)
    copy = edge.copy()
    copy.append(LEAVES[5])
    assert edge.size == 5
    assert edge_root(edge) == naive_root(LEAVES[:5])


def test_paths_are_spelled_as_tlog_tiles_spells_them() -> None:
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path(1, 0, 17) == "tile/1/000.p/17"
    assert entries_path(273, 112) == "tile/entries/273.p/112"
    spans = list(tiles_of_size(70_000))
    assert len([span for span in spans if span[0] == 0]) == 274
    assert spans[-3:] == [(1, 0, 256), (1, 1, 17), (2, 0, 1)]
    assert list(tiles_of_size(256)) == [(0, 0, 256), (1, 0, 1)]


def test_proofs_outside_the_tree_are_refused() -> None:
    with pytest.raises(ValueError, match="inside the tree"):
        inclusion_proof(3, 3, nodes(3))
    with pytest.raises(ValueError, match="smaller tree"):
        consistency_proof(4, 3, nodes(3))
    with pytest.raises(ValueError, match="shorter than the tree"):
        range_root(0, 4, nodes(3))
