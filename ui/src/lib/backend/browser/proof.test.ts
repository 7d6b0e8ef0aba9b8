import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, test } from 'vitest';
import { isProof, macText, prove, proofKey, type Statement } from './proof';

const counting = (first: number, length: number) => Uint8Array.from({ length }, (_, at) => first + at);
const statement: Statement = {
  room: counting(0x10, 24),
  sender: counting(0x30, 16),
  receiver: counting(0x40, 16),
  senderPolite: false,
  senderFingerprint: counting(0x50, 32),
  receiverFingerprint: counting(0x70, 32),
};
const key = proofKey(counting(0, 16), statement.room);

describe('the proof of fingerprints', () => {
  test('is that of the vectors of parley-call/src/proof.rs', () => {
    expect(bytesToHex(key)).toBe('da63a2fffad8ad22066d558ac07223f7fd518e0cefd6d19056c7d94394e21e76');
    expect(bytesToHex(prove(key, statement))).toBe('a55aa92333ec0c7446b37c05e0498c4ebf4070c9b8a0c27c89acdf24c855f7ad');
    expect(bytesToHex(prove(key, { ...statement, senderPolite: true }))).toBe('d30167580cf82ecae549a9f1462601564447f4f50a2d6fc8e241b21305e52e55');
  });

  test('changes with every part of what it says, so that none of another room, person or direction passes', () => {
    const right = prove(key, statement);
    expect(isProof(macText(right), right)).toBe(true);
    const nine = (length: number) => new Uint8Array(length).fill(9);
    const wrong: Partial<Statement>[] = [
      { room: nine(24) }, { sender: nine(16) }, { receiver: nine(16) }, { senderPolite: true }, { senderFingerprint: nine(32) }, { receiverFingerprint: nine(32) },
      { sender: statement.receiver, receiver: statement.sender, senderFingerprint: statement.receiverFingerprint, receiverFingerprint: statement.senderFingerprint },
    ];
    for (const part of wrong) expect(isProof(macText(prove(key, { ...statement, ...part })), right)).toBe(false);
    for (const garbage of ['', 'AAAA', 'not base64!', 'A'.repeat(44), 'A'.repeat(10_000)]) expect(isProof(garbage, right)).toBe(false);
  });
});
