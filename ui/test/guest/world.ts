/** A real server, real peers without a window, and guests in a real Chromium whose page comes from `dist-guest`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const UI = join(import.meta.dirname, '../..');
const TARGET = process.env['PARLEY_TARGET'] ?? join(UI, '../target/debug');
const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
/** Small pictures, for everything here shares its processor; where the page has a place to keep that. */
const SMALL = `try { localStorage.getItem('parley-guest') ?? localStorage.setItem('parley-guest', '{"picture":{"resolution":"p360","frame_rate":15}}') } catch {}`;
/** As the server sends it (crates/parley-server/src/web/guest.rs). */
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** A name of this machine that browsers do not take for their own: a page from there is no secure one. */
export const OUTER_NAME = 'parley.lan';
/** Whoever waits for something waits so long: everything here shares a small, busy machine. */
const PATIENCE_MS = 60_000;

/** A host of a room by hand: what the server says to it, and what it says. */
export interface Keeper {
  readonly link: string;
  say(message: object): Promise<void>;
  /** The latest message of this type; waits for one. */
  heard(type: string): Promise<Record<string, unknown>>;
}

export class World {
  readonly #children: ChildProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'guest-'));
  #server: ChildProcess | null = null;
  #browser: Browser | null = null;
  port = 0;
  /** The port of the SFU, where the server has one. */
  #sfu: number | null = null;

  async start({ sfu = false } = {}): Promise<void> {
    this.port = await freePort();
    if (sfu) this.#sfu = await freePort();
    await this.#serve();
    this.#browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--auto-accept-this-tab-capture',
        '--auto-select-desktop-capture-source=Entire screen', '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required',
        `--host-resolver-rules=MAP ${OUTER_NAME} 127.0.0.1`,
        '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
      ],
    });
  }

  /** A peer without a window that begins a call: its link, and what it says at its end. */
  async host(...more: string[]): Promise<{ link: string; report: Promise<string> }> {
    const child = this.#run('parley-cli', ['host', '--server', `http://127.0.0.1:${this.port}`, '--json', '--name', 'Grace', ...more]);
    let out = '';
    child.stdout?.on('data', (data: Buffer) => (out += data.toString()));
    const report = new Promise<string>((resolve) => child.once('exit', () => resolve(out)));
    const [link = ''] = /http:\/\/\S+#[\w-]+/u.exec(await said(child, /#[\w-]{22}/u)) ?? [];
    return { link, report };
  }

  /** A peer without a window that comes to a call: what it says at its end. */
  join(link: string, ...more: string[]): Promise<string> {
    const child = this.#run('parley-cli', ['join', link, '--json', '--name', 'Grace', ...more]);
    let out = '';
    child.stdout?.on('data', (data: Buffer) => (out += data.toString()));
    return new Promise((resolve) => child.once('exit', () => resolve(out)));
  }

  /** A guest's page at a link, in a browser profile of its own. `before` runs in it first. */
  async guest(link: string, options: BrowserContextOptions = {}, before = ''): Promise<{ page: Page; faults: string[] }> {
    if (!this.#browser) throw new Error('not started');
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', acceptDownloads: true, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.addInitScript(`${SMALL};${before}`);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
    await page.route(/\/(r|guest)\//u, (route) => {
      const { pathname } = new URL(route.request().url());
      const file = pathname.startsWith('/r/') ? 'guest.html' : pathname.slice('/guest/'.length);
      return route.fulfill({ body: readFileSync(join(UI, 'dist-guest', file)), headers: { 'content-type': TYPES[extname(file)] ?? 'text/plain', 'content-security-policy': POLICY } });
    });
    await page.goto(link);
    return { page, faults };
  }

  /** The link of a room that nobody is in yet. */
  async room(): Promise<string> {
    if (!this.#browser) throw new Error('not started');
    const page = await (await this.#browser.newContext()).newPage();
    const blank = `http://127.0.0.1:${this.port}/r/`;
    await page.route(blank, (route) => route.fulfill({ body: '', headers: { 'content-type': TYPES['.html'] ?? '' } }));
    await page.goto(blank);
    const room = await page.evaluate((address) => new Promise<string>((resolve) => {
      const socket = new WebSocket(address);
      socket.onopen = () => socket.send(JSON.stringify({ type: 'request_ticket', version: 1 }));
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const message = JSON.parse(data) as { type: string; room?: string };
        if (message.type === 'ticket') resolve(message.room ?? '');
      };
    }), `ws://127.0.0.1:${this.port}/api/v1/signal`);
    await page.close();
    return `http://127.0.0.1:${this.port}/r/${room}#AAECAwQFBgcICQoLDA0ODw`;
  }

  /** Makes a room and keeps its door, without a call of its own. */
  async keeper(): Promise<Keeper> {
    if (!this.#browser) throw new Error('not started');
    const page = await (await this.#browser.newContext()).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    // An empty page in place of one of the server's: it hears no pages of others.
    const blank = `http://127.0.0.1:${this.port}/r/`;
    await page.route(blank, (route) => route.fulfill({ body: '', headers: { 'content-type': TYPES['.html'] ?? '' } }));
    await page.goto(blank);
    await page.evaluate((address) => {
      const socket = new WebSocket(address);
      const keeper = { heard: {} as Record<string, unknown>, say: (message: object) => socket.send(JSON.stringify(message)) };
      Object.assign(window, { keeper });
      socket.onopen = () => keeper.say({ type: 'request_ticket', version: 1 });
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const message = JSON.parse(data) as { type: string; ticket?: string };
        keeper.heard[message.type] = message;
        if (message.type === 'ticket') keeper.say({ type: 'join', version: 1, ticket: message.ticket, name: 'Grace' });
      };
    }, `ws://127.0.0.1:${this.port}/api/v1/signal`);
    type Kept = { keeper: { heard: Record<string, Record<string, unknown>>; say(message: object): void } };
    const heard = async (type: string) => {
      const found = await page.waitForFunction((wanted) => (window as unknown as Kept).keeper.heard[wanted], type);
      return (await found.jsonValue()) as Record<string, unknown>;
    };
    const { room } = await heard('joined');
    return {
      link: `http://127.0.0.1:${this.port}/r/${String(room)}#AAECAwQFBgcICQoLDA0ODw`,
      say: (message) => page.evaluate((said) => (window as unknown as Kept).keeper.say(said), message),
      heard,
    };
  }

  /** Ends the server as if its machine had failed, and starts it again after a moment. */
  async failServer(awayMs: number): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    await this.#serve();
  }

  async #serve(): Promise<void> {
    const sfu: Record<string, string> = this.#sfu === null ? {} : { PARLEY_SERVER_SFU_ENABLED: 'true', PARLEY_SERVER_SFU_PORT: String(this.#sfu) };
    this.#server = this.#run('parley-server', ['--listen', `0.0.0.0:${this.port}`, '--no-stun', '--data-dir', this.#folder], sfu);
    await said(this.#server, /Parley server at/u);
  }

  /** Closes every guest's page: two of them take all of a small machine. */
  async rest(): Promise<void> {
    for (const context of this.#browser?.contexts() ?? []) await context.close();
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    for (const child of this.#children) child.kill('SIGTERM');
  }

  #run(name: string, args: string[], more: Record<string, string> = {}): ChildProcess {
    const child = spawn(join(TARGET, name), args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...more } });
    this.#children.push(child);
    return child;
  }
}

/** What a child said up to and with what matches. */
function said(child: ChildProcess, what: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const hear = (data: Buffer) => {
      text += data.toString();
      if (what.test(text)) resolve(text);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });
}
