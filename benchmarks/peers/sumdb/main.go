// Checks receipts of the log with Go's module-proxy code: golang.org/x/mod/sumdb/{note,tlog}.
//
//	main KEY GOOD.jsonl BAD.jsonl LOG-DIRECTORY
//
// Prints one JSON line: how many good and how many tampered receipts it accepts, and how many
// proofs it could build by itself from our tile files.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type receipt struct {
	Index int64    `json:"index"`
	Body  []byte   `json:"body"`
	Proof [][]byte `json:"proof"`
	Note  string   `json:"note"`
}

type logTiles struct {
	directory string
	read      int
}

func (tiles *logTiles) Height() int { return 8 }

func (tiles *logTiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, 0, len(wanted))
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(tiles.directory, path))
		if err != nil {
			return nil, err
		}
		tiles.read++
		found = append(found, data)
	}
	return found, nil
}

func (tiles *logTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func hashOf(data []byte) (tlog.Hash, error) {
	var hash tlog.Hash
	if len(data) != len(hash) {
		return hash, fmt.Errorf("a hash of %d bytes", len(data))
	}
	copy(hash[:], data)
	return hash, nil
}

// treeOf opens a checkpoint: the first three lines of a tlog-checkpoint under any origin.
func treeOf(text string, verifiers note.Verifiers, name string) (tlog.Tree, error) {
	opened, err := note.Open([]byte(text), verifiers)
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != name {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", name)
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + lines[1] + "\n" + lines[2] + "\n"))
}

func check(one receipt, verifiers note.Verifiers, name string) error {
	tree, err := treeOf(one.Note, verifiers, name)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, item := range one.Proof {
		hash, err := hashOf(item)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, one.Index, tlog.RecordHash(one.Body))
}

func readReceipts(path string) ([]receipt, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []receipt
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one receipt
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, lines.Err()
}

func accepted(path string, verifiers note.Verifiers, name string) (int, []receipt, error) {
	receipts, err := readReceipts(path)
	count := 0
	for _, one := range receipts {
		if check(one, verifiers, name) == nil {
			count++
		}
	}
	return count, receipts, err
}

// fromTiles builds a proof for each receipt's entry from our tile files, and the tree's proof that
// it extends the trees of the receipts.
func fromTiles(receipts []receipt, verifiers note.Verifiers, name, directory string) (int, int, error) {
	text, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return 0, 0, err
	}
	tree, err := treeOf(string(text), verifiers, name)
	if err != nil {
		return 0, 0, err
	}
	reader := tlog.TileHashReader(tree, &logTiles{directory: directory})
	records, trees := 0, 0
	for _, one := range receipts {
		proof, err := tlog.ProveRecord(tree.N, one.Index, reader)
		if err == nil && tlog.CheckRecord(proof, tree.N, tree.Hash, one.Index, tlog.RecordHash(one.Body)) == nil {
			records++
		}
		old, err := treeOf(one.Note, verifiers, name)
		if err != nil {
			continue
		}
		growth, err := tlog.ProveTree(tree.N, old.N, reader)
		if err == nil && tlog.CheckTree(growth, tree.N, tree.Hash, old.N, old.Hash) == nil {
			trees++
		}
	}
	return records, trees, nil
}

func run(arguments []string) error {
	verifier, err := note.NewVerifier(arguments[0])
	if err != nil {
		return err
	}
	verifiers, name := note.VerifierList(verifier), verifier.Name()
	good, receipts, err := accepted(arguments[1], verifiers, name)
	if err != nil {
		return err
	}
	bad, _, err := accepted(arguments[2], verifiers, name)
	if err != nil {
		return err
	}
	records, trees, err := fromTiles(receipts, verifiers, name, arguments[3])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]int{
		"accepted": good, "tampered_accepted": bad, "records_from_tiles": records, "trees_from_tiles": trees,
	})
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
