/**
 * RTCPeerConnection as RFC 8829 and W3C WebRTC 1.0 describe its transceivers, without a network: what a description associates, what
 * a rollback takes back, and operations that take their time. No ICE, no DTLS, no media.
 */

export interface Section {
  mid: string;
  kind: 'audio' | 'video';
  direction: RTCRtpTransceiverDirection;
}

export interface World {
  /** Resolves some time later, as the work of another thread does. */
  later(): Promise<void>;
}

const FINGERPRINT_BYTES = 32;
let tracks = 0;

export class Track {
  readonly id: string;
  readonly kind: string;

  constructor(kind: string, id = `track-${(tracks += 1)}`) {
    this.kind = kind;
    this.id = id;
  }

  getSettings = () => ({ height: 720 });
}

class Sender {
  track: Track | null = null;
  encoding: RTCRtpEncodingParameters = {};
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async replaceTrack(track: Track | null): Promise<void> {
    await this.#world.later();
    this.track = track;
  }

  getParameters = () => ({ encodings: [{ ...this.encoding }] });

  async setParameters({ encodings: [encoding] }: { encodings: RTCRtpEncodingParameters[] }): Promise<void> {
    await this.#world.later();
    this.encoding = encoding ?? {};
  }
}

export class Transceiver {
  mid: string | null = null;
  currentDirection: RTCRtpTransceiverDirection | null = null;
  readonly kind: 'audio' | 'video';
  readonly sender: Sender;
  readonly receiver: { track: Track };
  readonly isTheirs: boolean;
  #direction: RTCRtpTransceiverDirection;

  constructor(world: World, kind: 'audio' | 'video', direction: RTCRtpTransceiverDirection, isTheirs: boolean) {
    this.kind = kind;
    this.sender = new Sender(world);
    this.receiver = { track: new Track(kind) };
    this.isTheirs = isTheirs;
    this.#direction = direction;
  }

  get direction(): RTCRtpTransceiverDirection {
    return this.#direction;
  }

  set direction(direction: RTCRtpTransceiverDirection) {
    if (this.#direction === 'stopped') throw new DOMException('stopped', 'InvalidStateError');
    this.#direction = direction;
  }

  stop(): void {
    this.#direction = 'stopped';
  }
}

export class Channel {
  readyState = 'connecting';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  /** Where it goes. */
  carry: (data: unknown) => void = () => undefined;
  bufferedAmount = 0;

  send(data: string | Uint8Array): void {
    this.carry(typeof data === 'string' ? data : data.slice().buffer);
  }
}

export class PeerConnection {
  signalingState: RTCSignalingState = 'stable';
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: { type: string; sdp: string } | null = null;
  ontrack: (() => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: unknown = null;
  readonly channels: Channel[] = [];
  /** What both sides agreed to last. */
  negotiated: Section[] = [];
  readonly #world: World;
  readonly #number: number;
  #transceivers: Transceiver[] = [];
  #pending: Section[] = [];
  /** Who is meant by the sections of the last own offer that are new. */
  #offered = new Map<string, Transceiver>();
  #descriptions = 0;
  #operations: Promise<unknown> = Promise.resolve();

  /** `number`: its certificate's. */
  constructor(world: World, number: number) {
    this.#world = world;
    this.#number = number;
  }

  createDataChannel(): Channel {
    const channel = new Channel();
    this.channels.push(channel);
    return channel;
  }

  addTransceiver(kind: 'audio' | 'video', { direction }: { direction: RTCRtpTransceiverDirection }): Transceiver {
    const one = new Transceiver(this.#world, kind, direction, false);
    this.#transceivers.push(one);
    return one;
  }

  getTransceivers = (): Transceiver[] => [...this.#transceivers];
  of = (mid: string | null): Transceiver | undefined => this.#transceivers.find((one) => mid !== null && one.mid === mid);
  addIceCandidate = () => Promise.resolve();
  restartIce = () => undefined;
  close = () => undefined;

  createOffer = () =>
    this.#chain(() => {
      const sections = this.#own();
      this.#offered.clear();
      for (const one of this.#transceivers) {
        if (one.mid !== null || one.direction === 'stopped') continue;
        const mid = String(sections.length);
        sections.push({ mid, kind: one.kind, direction: one.direction });
        this.#offered.set(mid, one);
      }
      return this.#written('offer', sections);
    });

  createAnswer = () => this.#chain(() => this.#written('answer', this.#own(this.#pending)));

  setLocalDescription = (description: { type: string; sdp?: string }) =>
    this.#chain(() => {
      if (description.type === 'rollback') return this.#rollBack('have-local-offer');
      const sections = read(description.sdp);
      if (description.type === 'offer') {
        this.#expect('stable');
        for (const [mid, one] of this.#offered) one.mid = mid;
        this.#pending = sections;
        this.signalingState = 'have-local-offer';
      } else {
        this.#expect('have-remote-offer');
        this.#agree(sections);
      }
      this.localDescription = { type: description.type, sdp: description.sdp ?? '' };
    });

  setRemoteDescription = (description: { type: string; sdp?: string }) =>
    this.#chain(() => {
      if (description.type === 'rollback') return this.#rollBack('have-remote-offer');
      const sections = read(description.sdp);
      if (description.type === 'offer') {
        this.#expect('stable');
        // Only what addTrack made would be taken for theirs (RFC 8829, section 5.10), and nothing here does.
        for (const { mid, kind } of sections) {
          if (this.of(mid)) continue;
          const one = new Transceiver(this.#world, kind, 'recvonly', true);
          one.mid = mid;
          this.#transceivers.push(one);
        }
        this.#pending = sections;
        this.signalingState = 'have-remote-offer';
      } else {
        this.#expect('have-local-offer');
        this.#agree(sections);
      }
      queueMicrotask(() => this.ontrack?.());
    });

  /** One after the other, each after a while; it counts when it is done. */
  #chain<T>(work: () => T): Promise<T> {
    const done = this.#operations.then(() => this.#world.later()).then(work);
    this.#operations = done.catch(() => undefined);
    return done;
  }

  #expect(state: RTCSignalingState): void {
    if (this.signalingState !== state) throw new DOMException(`${this.signalingState}, not ${state}`, 'InvalidStateError');
  }

  #own(sections = this.negotiated): Section[] {
    return sections.map(({ mid, kind }) => ({ mid, kind, direction: this.of(mid)?.direction ?? 'inactive' }));
  }

  #agree(sections: Section[]): void {
    this.negotiated = sections;
    this.#pending = [];
    this.signalingState = 'stable';
    for (const { mid, direction } of sections) {
      const one = this.of(mid);
      if (one) one.currentDirection = direction;
    }
    this.#transceivers = this.#transceivers.filter((one) => one.mid !== null || one.direction !== 'stopped');
  }

  #rollBack(from: RTCSignalingState): void {
    this.#expect(from);
    for (const one of this.#transceivers) if (!this.negotiated.some(({ mid }) => mid === one.mid)) one.mid = null;
    // What their offer made goes with it (RFC 8829, section 4.1.10.2).
    if (from === 'have-remote-offer') this.#transceivers = this.#transceivers.filter((one) => !one.isTheirs || one.mid !== null);
    this.#pending = [];
    this.signalingState = 'stable';
  }

  #written(type: string, sections: Section[]): { type: string; sdp: string } {
    this.#descriptions += 1;
    const digest = Array(FINGERPRINT_BYTES).fill(this.#number.toString(16).padStart(2, '0')).join(':');
    return { type, sdp: `v=0\r\no=${this.#number} ${this.#descriptions}\r\na=ice-ufrag:u${this.#number}\r\na=fingerprint:sha-256 ${digest}\r\nx=${JSON.stringify(sections)}\r\n` };
  }
}

const read = (sdp = ''): Section[] => JSON.parse(/^x=(.*)$/mu.exec(sdp)?.[1] ?? '[]') as Section[];
