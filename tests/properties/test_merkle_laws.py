"""Laws of the log's tree on random sizes, against the plain second implementation."""

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.recovery import edge_root
from audit.tree import (
    NodeReader,
    TreeEdge,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    nodes_of_tiles,
    verify_consistency,
    verify_inclusion,
)
from audit.verify.merkle import inclusion_holds, root_of

SIZE_MAX = 1_500
LEAVES = [leaf_hash(str(i).encode()) for i in range(SIZE_MAX)]
TILES: dict[tuple[int, int], bytes] = {}
_edge = TreeEdge()
EDGES = {0: _edge.copy()}
for _leaf in LEAVES:
    for _level, _number, _data in _edge.append(_leaf):
        TILES[_level, _number] = _data
    EDGES[_edge.size] = _edge.copy()

sizes = st.integers(1, SIZE_MAX)


def reader(size: int) -> NodeReader:
    return nodes_of_tiles(
        lambda level, number: EDGES[size].partial_tile(level, number) or TILES[level, number]
    )


@settings(max_examples=200, deadline=None)
@given(data=st.data(), size=sizes)
def test_inclusion_holds_for_every_entry_and_for_no_other(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index or size == 1))
    root, proof = edge_root(EDGES[size]), inclusion_proof(index, size, reader(size))
    assert root == root_of(LEAVES[:size])
    for verify in (verify_inclusion, inclusion_holds):
        assert verify(LEAVES[index], index, size, proof, root)
        if other != index:
            assert not verify(LEAVES[other], index, size, proof, root)
            assert not verify(LEAVES[index], other, size, proof, root)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), new=sizes)
def test_a_log_extends_each_of_its_earlier_states(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    proof = consistency_proof(old, new, reader(new))
    old_root, new_root = edge_root(EDGES[old]), edge_root(EDGES[new])
    assert verify_consistency(old, new, proof, old_root, new_root)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), new=st.integers(2, 300))
def test_no_rewritten_entry_survives_a_consistency_proof(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*LEAVES[:new]]
    rewritten[changed] = leaf_hash(b"rewritten")
    proof = consistency_proof(old, new, reader(new))
    assert not verify_consistency(old, new, proof, root_of(LEAVES[:old]), root_of(rewritten))
    forged = TreeEdge()
    for leaf in rewritten:
        forged.append(leaf)
    assert edge_root(forged) != edge_root(EDGES[new])
