/** A connection for files alone: no sections for sound and pictures, whoever offers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connection, type ConnectionEvents, type OwnTracks } from '../../../src/lib/backend/browser/connection';
import { PeerConnection } from './peer-connection';

const NO_LANE = { up: () => undefined, bytes: () => undefined, drained: () => undefined };
const NO_TRACKS: OwnTracks = { microphone: null, camera: null, screen: null, screen_sound: null };

beforeEach(() => {
  vi.stubGlobal('MediaStream', class {});
  vi.stubGlobal('RTCRtpReceiver', class {});
});
afterEach(() => vi.unstubAllGlobals());

/** One end, and what it says. */
function end(own: OwnTracks | null, number: number) {
  const pc = new PeerConnection({ later: () => Promise.resolve() }, number);
  vi.stubGlobal('RTCPeerConnection', function () {
    return pc;
  });
  const said: string[] = [];
  const faults: string[] = [];
  const nothing = () => undefined;
  const events: ConnectionEvents = {
    local: (_, sdp) => said.push(sdp),
    remoteSet: nothing, candidate: nothing, phase: nothing, controlOpen: nothing, control: nothing,
    failed: () => faults.push('failed'),
    needsOffer: () => faults.push('needs an offer'),
    track: (role) => faults.push(`shows ${role}`),
    lane: { chat: NO_LANE, files: NO_LANE, chunks: NO_LANE },
  };
  return { pc, said, faults, connection: new Connection([], own, events) };
}

/** One offers, the other answers. */
async function agree(one: ReturnType<typeof end>, other: ReturnType<typeof end>): Promise<void> {
  one.connection.run({ do: 'make-offer', iceRestart: false });
  await vi.waitFor(() => expect(one.said).toHaveLength(1));
  other.connection.run({ do: 'set-remote', type: 'offer', sdp: one.said[0] ?? '' });
  other.connection.run({ do: 'make-answer' });
  await vi.waitFor(() => expect(other.said).toHaveLength(1));
  one.connection.run({ do: 'set-remote', type: 'answer', sdp: other.said[0] ?? '' });
  await vi.waitFor(() => expect(one.pc.signalingState).toBe('stable'));
  for (const { connection } of [one, other]) connection.prove();
}

test('nothing for sound and pictures is offered', async () => {
  const [one, other] = [end(null, 1), end(null, 2)];
  await agree(one, other);
  expect([one.pc.negotiated, one.pc.getTransceivers(), one.faults, other.faults]).toEqual([[], [], [], []]);
  one.pc.channels[0]!.readyState = 'open';
  one.pc.channels[0]!.onopen?.();
  expect(one.faults).toEqual([]);
});

test('sections for sound and pictures that the other side offers are refused', async () => {
  const [one, other] = [end(NO_TRACKS, 1), end(null, 2)];
  await agree(one, other);
  expect(other.pc.negotiated.map(({ kind, direction }) => `${kind} ${direction}`)).toEqual(['audio stopped', 'video stopped']);
  expect(other.faults).toEqual([]);
});
