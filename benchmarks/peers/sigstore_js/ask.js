// Checks receipts of the log with npm's @sigstore/verify: note, signature, Merkle inclusion.
//
//   node ask.js KEY GOOD.jsonl BAD.jsonl LOG-DIRECTORY      (NODE_PATH: its own node_modules)
//
// It looks a log up by key id and matches the key's name inside the log's baseURL.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const home = path.join(process.env.NODE_PATH, '@sigstore', 'verify', 'dist', 'tlog');
const { verifyCheckpoint } = require(path.join(home, 'checkpoint.js'));
const { verifyMerkleInclusion } = require(path.join(home, 'merkle.js'));

const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

function logOf(text) {
  const [name, keyHash, ...encoded] = text.split('+');
  const raw = Buffer.from(encoded.join('+'), 'base64').subarray(1);
  return {
    logID: Buffer.from(keyHash, 'hex'),
    baseURL: name,
    publicKey: crypto.createPublicKey({
      key: Buffer.concat([SPKI_ED25519, raw]),
      format: 'der',
      type: 'spki',
    }),
  };
}

function holds(receipt, log) {
  const entry = {
    canonicalizedBody: Buffer.from(receipt.body, 'base64'),
    inclusionProof: {
      logIndex: String(receipt.index),
      hashes: receipt.proof.map((item) => Buffer.from(item, 'base64')),
      checkpoint: { envelope: receipt.note },
    },
  };
  try {
    verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
    return true;
  } catch (error) {
    return false;
  }
}

function accepted(file, log) {
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.filter((line) => holds(JSON.parse(line), log)).length;
}

const [key, good, bad] = process.argv.slice(2);
const log = logOf(key);
console.log(
  JSON.stringify({ accepted: accepted(good, log), tampered_accepted: accepted(bad, log) })
);
