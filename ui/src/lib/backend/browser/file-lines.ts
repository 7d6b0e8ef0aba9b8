/** The connections for files between people of a group, done: what `Pairs` decides about, each a {@link Direct} way without sound and pictures. */
import { Direct, type DirectEvents } from './direct';
import type { PairsOut } from './group/pairs';
import type { LaneUser } from './lane';
import type { Link } from './link';
import type { Participant, PeerMessage } from './wire';

type FileLanes = Pick<DirectEvents['lane'], 'files' | 'chunks'>;

export interface FileLinesEvents {
  /** One is up, or not any more, or something of it changed. */
  changed(): void;
  /** Through the server, about the connection to them. */
  say(to: string, about: PeerMessage): void;
  /** One came to its end by itself. */
  ended(id: string): void;
  /** Where the lanes of a connection to somebody lead. */
  lanes(id: string): FileLanes;
}

/** Nothing is written over these. */
const NO_LANE: LaneUser = { up: () => undefined, bytes: () => undefined, drained: () => undefined, down: () => undefined };

export class FileLines implements PairsOut {
  readonly #of = new Map<string, Direct>();
  #iceServers: RTCIceServer[] = [];
  readonly #link: Link;
  readonly #events: FileLinesEvents;

  constructor(link: Link, events: FileLinesEvents) {
    this.#link = link;
    this.#events = events;
  }

  setIceServers(servers: RTCIceServer[]): void {
    this.#iceServers = servers;
    for (const direct of this.#of.values()) direct.setIceServers(servers);
  }

  openPair(me: Participant, other: Participant, polite: boolean, number: number, made: boolean): void {
    const { id } = other;
    const direct: Direct = new Direct(
      this.#link,
      null,
      {
        changed: () => this.#events.changed(),
        say: (to, about) => this.#events.say(to, about),
        control: () => undefined,
        track: () => undefined,
        // From inside of what decides: it finishes first.
        ended: () => queueMicrotask(() => this.#of.get(id) === direct && this.#events.ended(id)),
        lane: { chat: NO_LANE, ...this.#events.lanes(id) },
      },
      number - 1,
    );
    this.#of.set(id, direct);
    direct.setIceServers(this.#iceServers);
    direct.tell({ type: 'media_state', microphone_on: false, camera_on: false });
    direct.meet(me, other, polite);
    // Whoever came second offers, and knows of nothing yet.
    if (made && !polite) this.#events.say(id, { kind: 'restart', connection: direct.number });
  }

  closePair(id: string): number {
    const direct = this.#of.get(id);
    this.#of.delete(id);
    direct?.part();
    return direct?.number ?? 0;
  }

  pairSaid = (id: string, about: PeerMessage): void => this.#of.get(id)?.peer?.onMessage(performance.now(), about);
  pairReachable = (id: string, reachable: boolean): void => this.#of.get(id)?.peer?.setReachable(performance.now(), reachable);
  pairUp = (id: string): boolean => this.#of.get(id)?.peer?.up ?? false;

  onTick(nowMs: number): void {
    for (const direct of this.#of.values()) direct.peer?.onTick(nowMs);
  }

  close(): void {
    for (const id of this.#of.keys()) this.closePair(id);
  }
}
