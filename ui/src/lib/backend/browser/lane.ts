/** One data channel for messages: greets until it hears the other side, then hands bytes over. The driver of docs/protocol.md, "Lanes". */

const HELLO = 1;
const HELLO_ANSWER = 2;
const HELLO_EVERY_MS = 200;

export interface LaneEvents {
  /** The other side is there. */
  up(lane: Lane): void;
  bytes(bytes: Uint8Array): void;
  /** Less waits to go than {@link Lane.waiting} said before. */
  drained(): void;
}

/** Whoever speaks over one lane of each connection that there is, one after the other. */
export interface LaneUser extends LaneEvents {
  /** The connection is gone. */
  down(): void;
}

export class Lane {
  readonly #channel: RTCDataChannel;
  readonly #events: LaneEvents;
  #heard = false;
  #greeting: ReturnType<typeof setInterval> | undefined;

  constructor(channel: RTCDataChannel, events: LaneEvents) {
    this.#channel = channel;
    this.#events = events;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = 64 * 1024;
    channel.onbufferedamountlow = () => events.drained();
  }

  /** The proof was checked: begins to speak and to listen. */
  start(): void {
    const greet = () => !this.#heard && this.send(Uint8Array.of(HELLO));
    this.#greeting = setInterval(greet, HELLO_EVERY_MS);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) this.#take(new Uint8Array(data));
    };
    this.#channel.onclose = () => this.stop();
    greet();
  }

  stop(): void {
    clearInterval(this.#greeting);
  }

  /** Bytes that wait in the browser. */
  get waiting(): number {
    return this.#channel.bufferedAmount;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#channel.readyState !== 'open') return false;
    try {
      this.#channel.send(bytes as Uint8Array<ArrayBuffer>);
      return true;
    } catch {
      // More waits than the browser takes; whoever sent it says it again over the next connection.
      return false;
    }
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length === 1 && bytes[0] === HELLO) this.send(Uint8Array.of(HELLO_ANSWER));
    if (!this.#heard) {
      this.#heard = true;
      clearInterval(this.#greeting);
      this.#events.up(this);
    }
    if (bytes.length > 1) this.#events.bytes(bytes);
  }
}
