/** Screens that two guests share: links, peer connections and a server between them in virtual time, as each seed has it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fromBase64Url } from '../../../src/lib/backend/browser/base64';
import { Connection, type OwnTracks, type TrackRole } from '../../../src/lib/backend/browser/connection';
import type { LaneEvents } from '../../../src/lib/backend/browser/lane';
import type { Link } from '../../../src/lib/backend/browser/link';
import { PeerLink } from '../../../src/lib/backend/browser/peer-link';
import type { PeerMessage } from '../../../src/lib/backend/browser/wire';
import { PeerConnection, Track } from './peer-connection';

const ROOM = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
const IDS = ['AAECAwQFBgcICQoLDA0ODw', 'EBESExQVFhcYGRobHB0eHw'] as const;
const LINK = { room: ROOM, roomBytes: fromBase64Url(ROOM)!, secret: new Uint8Array(16).fill(7) } as unknown as Link;
const TICK_MS = 250;
/** An operation of a peer connection on a busy machine, and a word's way through the server or over the connection. */
const WORK_MS = 120;
const WAY_MS = 60;
const SEEDS = 150;
const NO_LANE: LaneEvents = { up: () => undefined, bytes: () => undefined, drained: () => undefined };

/** The same numbers for the same seed (Marsaglia's xorshift, 32 bits). */
function randomOf(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
}

class Side {
  link!: PeerLink;
  connection!: Connection;
  pc!: PeerConnection;
  readonly own: OwnTracks = { microphone: null, camera: null, screen: null, screen_sound: null };
  readonly shown = new Map<TrackRole, string>();
  readonly ends: string[] = [];
  offers = 0;

  set(role: TrackRole, name: string | null): void {
    const track = name === null ? null : new Track(role === 'screen' || role === 'camera' ? 'video' : 'audio', name);
    this.connection.setTrack(role, track as unknown as MediaStreamTrack | null);
  }
}

class Two {
  readonly sides = [new Side(), new Side()] as const;
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    for (const at of [0, 1] as const) this.#meet(at);
    setInterval(() => this.sides.forEach(({ link }) => link.onTick(Date.now())), TICK_MS);
  }

  random = (mostMs: number): number => Math.floor(this.#random() * mostMs);

  #meet(at: 0 | 1): void {
    const [side, other] = [this.sides[at], () => this.sides[at === 0 ? 1 : 0]];
    const way = this.#way<PeerMessage>((message) => other().link.onMessage(Date.now(), message));
    const say = (message: PeerMessage) => {
      if (message.kind === 'description' && message.sdp_type === 'offer') side.offers += 1;
      way(message);
    };
    // Its constructor speaks already.
    side.link = new PeerLink(0, LINK, IDS[at], IDS[at === 0 ? 1 : 0], at === 1, true, 1, {
      say,
      open: () => this.#open(side, at),
      peer: (command) => side.connection.run(command),
      candidate: () => undefined,
      proven: () => side.connection.prove(),
      control: (message) => side.connection.say(message),
      heard: () => undefined,
      end: (why) => side.ends.push(why),
    });
  }

  #open(side: Side, at: number): void {
    const pc = (side.pc = new PeerConnection({ later: () => new Promise((done) => setTimeout(done, this.random(WORK_MS))) }, at + 1));
    vi.stubGlobal('RTCPeerConnection', function () {
      return pc;
    });
    const now = () => Date.now();
    side.connection = new Connection([], side.own, {
      local: (type, sdp) => side.link.onLocal(now(), type, sdp),
      remoteSet: () => side.link.onRemoteSet(now()),
      failed: () => side.link.onFailed(now()),
      candidate: () => undefined,
      phase: (phase) => side.link.onPhase(now(), phase),
      controlOpen: () => side.link.onControlOpen(now()),
      needsOffer: () => side.link.wantOffer(now()),
      control: (message) => side.link.onControl(now(), message),
      track: (role, track) => side.shown.set(role, track.id),
      lane: { chat: NO_LANE, files: NO_LANE, chunks: NO_LANE },
    });
  }

  /** One after the other, each after a while. */
  #way<T>(arrive: (what: T) => void): (what: T) => void {
    let last = 0;
    return (what) => {
      last = Math.max(last, Date.now() + this.random(WAY_MS));
      setTimeout(() => arrive(what), last - Date.now());
    };
  }

  async connect(): Promise<void> {
    await vi.advanceTimersByTimeAsync(2000);
    const [one, other] = this.sides;
    for (const [from, to] of [[one, other], [other, one]] as const) {
      from.pc.channels.forEach((channel, at) => (channel.carry = this.#way((data) => to.pc.channels[at]?.onmessage?.({ data }))));
    }
    for (const { pc } of this.sides) {
      pc.connectionState = 'connected';
      pc.onconnectionstatechange?.();
    }
    for (const { pc } of this.sides) for (const channel of pc.channels) {
      channel.readyState = 'open';
      channel.onopen?.();
    }
    await vi.advanceTimersByTimeAsync(2000);
  }

  /** What comes to the tile or the speaker of `role` on this side. */
  arriving(at: 0 | 1, role: TrackRole): string | null {
    const [here, there] = [this.sides[at], this.sides[at === 0 ? 1 : 0]];
    const one = here.pc.getTransceivers().find(({ receiver }) => receiver.track.id === here.shown.get(role));
    const from = there.pc.of(one?.mid ?? null);
    return from?.currentDirection === 'sendrecv' ? (from.sender.track?.id ?? null) : null;
  }

  all = (role: TrackRole) => [this.arriving(0, role), this.arriving(1, role)];
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  vi.stubGlobal('MediaStream', class {});
  vi.stubGlobal('RTCRtpReceiver', class {});
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('two who begin to share within the same moment see each other’s screens and hear their sound, again and again', { timeout: 60_000 }, async () => {
  const wrong: object[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    vi.setSystemTime(0);
    const two = new Two(seed);
    for (const [at, side] of two.sides.entries()) {
      side.set('camera', `camera of ${at}`);
      side.set('microphone', `microphone of ${at}`);
    }
    await two.connect();
    for (let round = 1; round <= 3; round += 1) {
      const sounds = [two.random(3) > 0, two.random(3) > 0];
      const name = (role: string, at: number) => `${role} of ${at} in ${round}`;
      two.sides.forEach((side, at) => {
        setTimeout(() => {
          side.set('screen', name('screen', at));
          side.set('screen_sound', sounds[at] ? name('screen sound', at) : null);
        }, two.random(400));
      });
      await vi.advanceTimersByTimeAsync(8000);
      const got = { seed, round, screen: two.all('screen'), sound: two.all('screen_sound'), camera: two.all('camera'), microphone: two.all('microphone'), sections: two.sides.map(({ pc }) => pc.negotiated.map(({ kind }) => kind).join()), ends: two.sides.flatMap(({ ends }) => ends) };
      const heard = (at: number) => (sounds[at] ? name('screen sound', at) : null);
      const wanted = { ...got, screen: [name('screen', 1), name('screen', 0)], sound: [heard(1), heard(0)], camera: ['camera of 1', 'camera of 0'], microphone: ['microphone of 1', 'microphone of 0'], ends: [] };
      if (JSON.stringify(got) !== JSON.stringify(wanted)) {
        wrong.push(got);
        break;
      }
      for (const side of two.sides) for (const role of ['screen', 'screen_sound'] as const) side.set(role, null);
      await vi.advanceTimersByTimeAsync(1000);
    }
    vi.clearAllTimers();
  }
  expect({ seeds: wrong.length, first: wrong[0] ?? null }).toEqual({ seeds: 0, first: null });
});

test('whoever shares a screen and its sound offers both at once, and offers nothing for the next share', { timeout: 20_000 }, async () => {
  for (const at of [0, 1] as const) {
    const two = new Two(at + 1);
    await two.connect();
    const before = two.sides.map(({ offers }) => offers);
    for (const turn of ['first', 'next']) {
      two.sides[at].set('screen', turn);
      two.sides[at].set('screen_sound', `${turn} sound`);
      await vi.advanceTimersByTimeAsync(5000);
      const there = at === 0 ? 1 : 0;
      expect([two.arriving(there, 'screen'), two.arriving(there, 'screen_sound')]).toEqual([turn, `${turn} sound`]);
      expect(two.sides.map(({ offers }, side) => offers - (before[side] ?? 0))).toEqual(at === 0 ? [1, 0] : [0, 1]);
    }
    vi.clearAllTimers();
  }
});

test('no more is sent of pictures than the other side takes, also of a screen that is shared later', async () => {
  const two = new Two(1);
  const [side] = two.sides;
  side.set('camera', 'camera');
  await two.connect();
  const bits = () => (['camera', 'screen'] as const).map((role) => {
    const { active, maxBitrate } = side.pc.getTransceivers().find(({ sender }) => sender.track?.id === role)?.sender.encoding ?? {};
    return active ? maxBitrate : 0;
  });
  expect(bits()).toEqual([2_500_000, 0]);
  const seen = [];
  for (const [takes, screen] of [[1000, null], [1000, 'screen'], [0, 'screen'], [1000, null], [undefined, null]] as const) {
    side.connection.setTakes(takes);
    side.set('screen', screen);
    await vi.advanceTimersByTimeAsync(5000);
    seen.push(bits());
  }
  expect(seen).toEqual([[1_000_000, 0], [150_000, 850_000], [0, 300_000], [1_000_000, 0], [2_500_000, 0]]);
});
