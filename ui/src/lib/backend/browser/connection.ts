/**
 * One RTCPeerConnection: carries out what {@link PeerLink} decides, and tells what happens. Nothing of one's own goes out, and
 * nothing that came is shown, before {@link Connection.prove}.
 */
import { preferH264 } from './codecs';
import { Lane, type LaneEvents } from './lane';
import type { Phase } from './link-state';
import type { PeerCommand, SdpType } from './negotiation';
import { readControl } from './reader';
import { sendingOf } from './sending';
import type { CandidateWord, ControlMessage } from './wire';

/** What a track shows. By the order of the sections of a kind: the second one is the screen's. */
export type TrackRole = 'microphone' | 'camera' | 'screen' | 'screen_sound';
export type OwnTracks = Record<TrackRole, MediaStreamTrack | null>;
export type LaneName = 'chat' | 'files' | 'chunks';

export interface ConnectionEvents {
  local(type: SdpType, sdp: string): void;
  remoteSet(): void;
  failed(): void;
  candidate(candidate: CandidateWord): void;
  phase(phase: Phase): void;
  controlOpen(): void;
  /** There is something to show that has no section: the other side has to be offered one. */
  needsOffer(): void;
  control(message: ControlMessage): void;
  /** A track of the other side, once it may be shown. */
  track(role: TrackRole, track: MediaStreamTrack): void;
  lane: Record<LaneName, LaneEvents>;
}

const LANES: readonly [LaneName, number][] = [['chat', 1], ['files', 2], ['chunks', 3]];
/** As on the wire (docs/protocol.md, "Limits"). */
const CONTROL_CHARS_MAX = 16 * 1024;
const KINDS: Record<TrackRole, readonly [kind: 'audio' | 'video', at: number]> = { microphone: ['audio', 0], camera: ['video', 0], screen: ['video', 1], screen_sound: ['audio', 1] };

export class Connection {
  readonly pc: RTCPeerConnection;
  readonly #events: ConnectionEvents;
  readonly #own: OwnTracks | null;
  readonly #control: RTCDataChannel;
  readonly #lanes: Record<LaneName, Lane>;
  #queue: Promise<unknown> = Promise.resolve();
  #takesKbps: number | undefined;
  #proven = false;
  /** An offer with what is missing was asked for, and neither it nor one of theirs came since. */
  #asked = false;
  #closed = false;

  /** `own` is null where nothing but lanes is wanted: then there is no section for sound and pictures, and theirs are refused. */
  constructor(iceServers: RTCIceServer[], own: OwnTracks | null, events: ConnectionEvents) {
    this.#events = events;
    this.#own = own;
    const pc = (this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' }));
    const channel = (label: string, id: number) => pc.createDataChannel(label, { negotiated: true, id, ordered: true });
    this.#control = channel('parley-control', 0);
    this.#control.onopen = () => {
      this.#tell(() => events.controlOpen());
      this.#askForSections();
    };
    this.#control.onmessage = ({ data }: MessageEvent<unknown>) => {
      const text = typeof data === 'string' ? data : data instanceof ArrayBuffer ? new TextDecoder().decode(data) : '';
      const message = text.length > CONTROL_CHARS_MAX ? null : readControl(text);
      if (message) this.#tell(() => events.control(message));
    };
    this.#control.binaryType = 'arraybuffer';
    this.#lanes = Object.fromEntries(LANES.map(([name, id]) => [name, new Lane(channel(`parley-${name}`, id), events.lane[name])])) as Record<LaneName, Lane>;
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      const { sdpMid: sdp_mid, sdpMLineIndex: sdp_mline_index, usernameFragment: username_fragment } = candidate;
      this.#tell(() => events.candidate({ kind: 'candidate', candidate: candidate.candidate, sdp_mid, sdp_mline_index, username_fragment }));
    };
    pc.onconnectionstatechange = () => {
      const phase = pc.connectionState;
      if (phase === 'connected' || phase === 'disconnected' || phase === 'failed') this.#tell(() => events.phase(phase));
    };
    pc.ontrack = () => this.#show();
  }

  run(command: PeerCommand): void {
    this.#queue = this.#queue.then(() => (this.#closed ? undefined : this.#carryOut(command))).catch((error: unknown) => {
      console.warn(command.do, error);
      if (command.do !== 'rollback') this.#tell(() => this.#events.failed());
      // What was to be offered gave way to it.
      if (command.do === 'set-remote') this.#askAnew();
    });
  }

  addCandidate({ candidate, sdp_mid, sdp_mline_index, username_fragment }: CandidateWord): void {
    const init = { candidate, sdpMid: sdp_mid ?? null, sdpMLineIndex: sdp_mline_index ?? null, usernameFragment: username_fragment ?? null };
    this.#queue = this.#queue.then(() => (this.#closed ? undefined : this.pc.addIceCandidate(init))).catch(() => undefined);
  }

  say(message: ControlMessage): void {
    if (this.#control.readyState !== 'open') return;
    try {
      this.#control.send(JSON.stringify(message));
    } catch (error) {
      // More waits than the browser takes: what lasts is said again over the next connection.
      console.warn('control', error);
    }
  }

  /** The other side proved itself. */
  prove(): void {
    if (this.#proven) return;
    this.#proven = true;
    this.#sendAll();
    for (const [name] of LANES) this.#lanes[name].start();
    this.#show();
    this.#askForSections();
  }

  /** What comes of the other side now, where it may be shown. */
  get coming(): ReadonlySet<TrackRole> {
    const comes = (role: TrackRole) => this.#transceiver(role)?.receiver.track.muted === false;
    return new Set(this.#proven ? (Object.keys(KINDS) as TrackRole[]).filter(comes) : []);
  }

  /** The other side takes no more of pictures than this, in kbit/s. */
  setTakes(kbps: number | undefined): void {
    if (kbps === this.#takesKbps) return;
    this.#takesKbps = kbps;
    this.#limit();
  }

  /** Sends this track from now on, or nothing. */
  setTrack(role: TrackRole, track: MediaStreamTrack | null): void {
    if (!this.#own) return;
    this.#own[role] = track;
    this.#send(role);
    this.#askForSections();
  }

  /** What has no section yet and needs one. The screen and its sound come as further ones, once there is something to show and the offer can be announced. */
  get #missing(): TrackRole[] {
    const own = this.#own;
    if (!own) return [];
    const shares = this.#proven && this.#control.readyState === 'open';
    const wanted = (Object.keys(KINDS) as TrackRole[]).filter((role) => role === 'microphone' || role === 'camera' || (shares && own[role]));
    return wanted.filter((role) => !this.#transceiver(role));
  }

  /**
   * Asks for an offer with what is missing, once. Only the offer itself adds it: an offer of the other side that comes first brings
   * a section for the same, and one that was added beside it would mean a second screen, from both sides.
   */
  #askForSections(): void {
    if (this.#closed || this.#asked || !this.#proven || this.#control.readyState !== 'open' || !this.#missing.length) return;
    this.#asked = true;
    this.#tell(() => this.#events.needsOffer());
  }

  close(): void {
    this.#closed = true;
    for (const [name] of LANES) this.#lanes[name].stop();
    this.pc.close();
  }

  async #carryOut(command: PeerCommand): Promise<void> {
    const { pc } = this;
    switch (command.do) {
      case 'make-offer':
        this.#putAway();
        for (const role of this.#missing) this.#add(role);
        this.#asked = false;
        if (command.iceRestart) pc.restartIce();
        await pc.setLocalDescription(await pc.createOffer({ iceRestart: command.iceRestart }));
        this.#sendAll();
        return this.#tellLocal('offer');
      case 'make-answer':
        this.#adopt();
        await pc.setLocalDescription(await pc.createAnswer());
        this.#sendAll();
        // Before the answer is told: an offer that waits for that takes it along.
        this.#askAnew();
        return this.#tellLocal('answer');
      case 'set-remote':
        await pc.setRemoteDescription({ type: command.type, sdp: command.sdp });
        this.#show();
        return this.#tell(() => this.#events.remoteSet());
      case 'rollback':
        if (pc.signalingState === 'have-remote-offer') await pc.setRemoteDescription({ type: 'rollback' });
        if (pc.signalingState === 'have-local-offer') await pc.setLocalDescription({ type: 'rollback' });
        this.#putAway();
        if (command.alone) this.#askAnew();
    }
  }

  /** What was only ever offered would come as further sections of the next offer, and mean a screen there. */
  #putAway(): void {
    for (const one of this.pc.getTransceivers()) if (one.mid === null && !isStopped(one)) one.stop();
  }

  /** What was offered in vain, or not yet when an offer of theirs came, is offered again. */
  #askAnew(): void {
    this.#asked = false;
    this.#askForSections();
  }

  #tellLocal(type: SdpType): void {
    const sdp = this.pc.localDescription?.sdp;
    if (sdp) this.#tell(() => this.#events.local(type, sdp));
  }

  #tell(run: () => void): void {
    if (!this.#closed) run();
  }

  /** Answers every section in both directions, so that switching something on later needs no negotiation. */
  #adopt(): void {
    for (const one of this.pc.getTransceivers()) {
      // What was taken back stays in the list for a while; a browser throws where somebody gives it a direction.
      if (isStopped(one)) continue;
      if (!this.#own) {
        one.stop();
        continue;
      }
      one.direction = 'sendrecv';
      if (one.receiver.track.kind === 'video') preferH264(one);
    }
  }

  #add(role: TrackRole): void {
    const [kind] = KINDS[role];
    const one = this.pc.addTransceiver(kind, { direction: 'sendrecv', streams: [new MediaStream()] });
    if (kind === 'video') preferH264(one);
  }

  #transceiver(role: TrackRole): RTCRtpTransceiver | undefined {
    const [kind, at] = KINDS[role];
    return this.pc.getTransceivers().filter((one) => one.receiver.track.kind === kind && one.mid !== null && !isStopped(one))[at];
  }

  #sendAll(): void {
    for (const role of Object.keys(KINDS) as TrackRole[]) this.#send(role);
  }

  #send(role: TrackRole): void {
    const sender = this.#transceiver(role)?.sender;
    const track = this.#own?.[role] ?? null;
    if (!sender || !this.#proven || sender.track === track) return;
    void sender.replaceTrack(track).then(() => this.#limit()).catch((error: unknown) => console.warn('replaceTrack', error));
  }

  /** In its turn: what a browser says of a sender holds until the next description (W3C WebRTC 1.0, section 5.2). */
  #limit(): void {
    this.#queue = this.#queue.then(() => (this.#closed ? undefined : this.#bound())).catch((error: unknown) => console.warn('setParameters', error));
  }

  async #bound(): Promise<void> {
    const sending = sendingOf(this.#takesKbps, this.#own?.screen != null, this.#own?.camera?.getSettings().height);
    for (const role of ['camera', 'screen'] as const) {
      const sender = this.#transceiver(role)?.sender;
      const parameters = sender?.track ? sender.getParameters() : undefined;
      const [encoding] = parameters?.encodings ?? [];
      if (!sender || !parameters || !encoding) continue;
      Object.assign(encoding, sending[role]);
      await sender.setParameters(parameters);
    }
  }

  #show(): void {
    if (!this.#proven) return;
    for (const role of Object.keys(KINDS) as TrackRole[]) {
      const one = this.#transceiver(role);
      if (one) this.#tell(() => this.#events.track(role, one.receiver.track));
    }
  }
}

/** Or about to be: it has no section until a later description, and takes no direction any more (W3C WebRTC 1.0, section 5.4). */
const isStopped = ({ direction, currentDirection }: RTCRtpTransceiver): boolean => direction === 'stopped' || currentDirection === 'stopped';
