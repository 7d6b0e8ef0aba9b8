/**
 * One RTCPeerConnection to the server's SFU: carries out what `SfuLink` decides, and tells what happens. What is sent stands in `sendonly`
 * sections, one for each track; what comes in a pool of `recvonly` ones, which are bound to nobody.
 */
import { preferH264, preferOpus } from '../codecs';
import type { OwnTracks, TrackRole } from '../connection';
import type { Phase } from '../link-state';
import type { Publish } from '../wire';
import type { Heard } from './carried';
import { aloneKbps, encodingsOf, layersOf, screenEncodings, screenLayers, wantedOf } from './simulcast';
import type { Section } from './wishes';

/** What of this side decides about what is sent. */
export interface Sender {
  /** The camera's picture goes in several sizes. */
  readonly simulcast: boolean;
  /** It is no listener. */
  speaks(): boolean;
  /** The most that a camera's picture may take, in kbit/s. */
  mostKbps(): number | undefined;
}

export interface SfuConnectionEvents {
  localOffer(sdp: string, publish: readonly Publish[], receive: readonly Section[]): void;
  answerSet(): void;
  /** Another track is sent, whose sizes are others: those of one that is not there yet are taken for the usual ones. */
  published(publish: readonly Publish[]): void;
  needsOffer(): void;
  failed(): void;
  phase(phase: Phase): void;
}

/** Voices at once, shared sound among them; and pictures. */
const SOUNDS = 5;
const PICTURES = 12;
const ROLES: readonly TrackRole[] = ['microphone', 'camera', 'screen', 'screen_sound'];

export class SfuConnection {
  readonly pc: RTCPeerConnection;
  readonly #events: SfuConnectionEvents;
  readonly #own: OwnTracks;
  readonly #sender: Sender;
  readonly #sent = new Map<TrackRole, RTCRtpTransceiver>();
  readonly #received: RTCRtpTransceiver[] = [];
  /** The layers that somebody watches; until told, none. */
  readonly #wanted: Partial<Record<TrackRole, readonly string[]>> = {};
  #limited: number | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(iceServers: RTCIceServer[], own: OwnTracks, sender: Sender, events: SfuConnectionEvents) {
    this.#sender = sender;
    this.#limited = sender.mostKbps();
    this.#events = events;
    this.#own = own;
    const pc = (this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' }));
    pc.onconnectionstatechange = () => {
      const phase = pc.connectionState;
      if (phase === 'connected' || phase === 'disconnected' || phase === 'failed') this.#tell(() => events.phase(phase));
    };
    for (const role of ROLES) if (this.#needs(role)) this.#add(role);
    for (let at = 0; at < SOUNDS + PICTURES; at += 1) {
      const kind = at < SOUNDS ? 'audio' : 'video';
      const one = pc.addTransceiver(kind, { direction: 'recvonly' });
      (kind === 'audio' ? preferOpus : preferH264)(one);
      this.#received.push(one);
    }
  }

  makeOffer(): void {
    this.#later('make-offer', async () => {
      for (const role of ROLES) if (this.#needs(role)) this.#add(role);
      await this.pc.setLocalDescription(await this.pc.createOffer());
      const { sdp } = this.pc.localDescription ?? {};
      // The server has its own candidates in the answer, and needs none of ours.
      if (sdp) this.#tell(() => this.#events.localOffer(sdp, this.#publish(), this.#sections()));
    });
  }

  setAnswer(sdp: string): void {
    this.#later('set-answer', async () => {
      await this.pc.setRemoteDescription({ type: 'answer', sdp });
      for (const role of ROLES) await this.#send(role);
      this.#tell(() => this.#events.answerSet());
    });
  }

  /** One's own track is another one now, or none. */
  setTrack(role: TrackRole): void {
    if (this.#needs(role)) return this.#tell(() => this.#events.needsOffer());
    this.#later('replace-track', () => this.#send(role), false);
  }

  setWanted(role: TrackRole, rids: readonly string[]): void {
    this.#wanted[role] = rids;
    this.#later('set-parameters', () => this.#bound(role), false);
  }

  /** The most that the camera may take is perhaps another one now. */
  limit(): void {
    if (this.#limited === this.#sender.mostKbps()) return;
    this.#limited = this.#sender.mostKbps();
    this.#later('set-parameters', () => this.#send('camera'), false);
  }

  track = (mid: string): MediaStreamTrack | null => this.#received.find((one) => one.mid === mid)?.receiver.track ?? null;

  /** The newest contributing source of each section, as the browser plays it. */
  heard(): Heard[] {
    return this.#received.flatMap(({ mid, receiver }) => {
      if (mid === null) return [];
      const [newest] = receiver.getContributingSources().sort((a, b) => b.timestamp - a.timestamp);
      return [{ mid, sound: receiver.track.kind === 'audio', number: newest?.source ?? null, at: newest?.timestamp ?? 0 }];
    });
  }

  close(): void {
    this.#closed = true;
    this.pc.close();
  }

  /** Microphone and camera always have a section, so that switching one on needs no negotiation; a screen from the first on. A listener has none. */
  #needs = (role: TrackRole): boolean => this.#sender.speaks() && !this.#sent.has(role) && (role === 'microphone' || role === 'camera' || this.#own[role] !== null);

  #add(role: TrackRole): void {
    const sound = role === 'microphone' || role === 'screen_sound';
    const sendEncodings = sound ? undefined : role === 'camera' ? encodingsOf(this.#sender.simulcast) : screenEncodings();
    const one = this.pc.addTransceiver(sound ? 'audio' : 'video', { direction: 'sendonly', streams: [new MediaStream()], ...(sendEncodings ? { sendEncodings } : {}) });
    (sound ? preferOpus : preferH264)(one);
    this.#sent.set(role, one);
  }

  async #send(role: TrackRole): Promise<void> {
    const sender = this.#sent.get(role)?.sender;
    if (!sender) return;
    if (sender.track !== this.#own[role]) await sender.replaceTrack(this.#own[role]);
    await this.#bound(role);
    this.#tell(() => this.#events.published(this.#publish()));
  }

  /** What a browser says of a sender holds until the next description (W3C WebRTC 1.0, section 5.2). */
  async #bound(role: TrackRole): Promise<void> {
    const sender = this.#sent.get(role)?.sender;
    if (!sender || (role !== 'camera' && role !== 'screen')) return;
    const parameters = sender.getParameters();
    const encodings = wantedOf(parameters.encodings, this.#wanted[role] ?? [], role === 'camera' ? aloneKbps(this.#sender.mostKbps()) : undefined);
    const differs = (one: RTCRtpEncodingParameters, other: RTCRtpEncodingParameters | undefined) => one.active !== other?.active || one.maxBitrate !== other?.maxBitrate;
    if (encodings.some((one, at) => differs(one, parameters.encodings[at]))) await sender.setParameters({ ...parameters, encodings });
  }

  #publish(): Publish[] {
    return [...this.#sent].flatMap(([source, { mid }]) => {
      const size = this.#own[source]?.getSettings() ?? {};
      const layers = source === 'camera' ? { layers: layersOf(this.#sender.simulcast, size, this.#sender.mostKbps()) } : source === 'screen' ? { layers: screenLayers(size) } : {};
      return mid === null ? [] : [{ mid, source, on: false, ...layers }];
    });
  }

  #sections = (): Section[] => this.#received.flatMap(({ mid, receiver }) => (mid === null ? [] : [{ mid, sound: receiver.track.kind === 'audio' }]));

  #later(what: string, run: () => Promise<void>, fatal = true): void {
    this.#queue = this.#queue.then(() => (this.#closed ? undefined : run())).catch((error: unknown) => {
      if (this.#closed) return;
      console.warn('SFU', what, error);
      if (fatal) this.#tell(() => this.#events.failed());
    });
  }

  #tell(run: () => void): void {
    if (!this.#closed) run();
  }
}
