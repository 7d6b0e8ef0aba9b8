/**
 * What the window keeps of a group beside the engine's state: the layout, what is pinned, the page, who is framed as speaking, who sits
 * where, and news of who comes and goes. Owns its timers; decides by the pure modules beside it.
 */
import type { AppState, Levels, TileLook } from '../../bindings';
import { namedBy } from '../../tile-name';
import { keep, kept } from '../kept';
import { gathered, NO_NEWS, there as whoIsThere, told } from './comings';
import type { Layout } from './focus';
import { hostNews, litOf } from './host';
import { Looks } from './looks';
import { headcount, isGroup } from './members';
import { broughtForward, seated } from './seats';
import { framed, heard, SELF, SILENCE, wakeMs, without } from './speaking';

/** From this level on a voice counts where nobody tells who speaks. */
const SPEAKS_LEVEL = 0.2;
/** How long the link must carry everything before that is believed. */
const SHORT_STAYS_MS = 3000;
const KEY = 'group-layout';

export interface GroupWorld {
  /** Tells the engine what is seen. */
  look(tiles: TileLook[]): void;
  /** Who came or went, in a sentence. */
  news(text: string): void;
}

export class Group {
  layout = $state<Layout>(kept(KEY) === 'speaker' ? 'speaker' : 'grid');
  screensInGrid = $state(false);
  /** The key of the tile that stays large. */
  pinned = $state<string | null>(null);
  /** The key of the tile that a host put large, unless the person waved that away. */
  spotlight = $state<string | null>(null);
  page = $state(0);
  /** Who was chosen to get files; nothing: whoever can take them. */
  filesTo = $state.raw<ReadonlySet<string> | null>(null);
  /** The link of this side is too weak for all pictures, and the person has not waved that away. */
  short = $state(false);
  speaking = $state.raw(SILENCE);
  seats = $state.raw<readonly string[]>([]);
  /** Who shares a screen, in the order in which they began. */
  sharers = $state.raw<readonly string[]>([]);
  levels = $state.raw<ReadonlyMap<string, number>>(new Map());
  readonly framed = $derived(framed(this.speaking));
  readonly looks: Looks;
  readonly #world: GroupWorld;
  #news = NO_NEWS;
  #newsTimer: ReturnType<typeof setTimeout> | undefined;
  #frameTimer: ReturnType<typeof setTimeout> | undefined;
  #shortTimer: ReturnType<typeof setTimeout> | undefined;
  #waved = false;
  /** How many people the first page shows, oneself among them. */
  #front = Infinity;
  #handsUp: ReadonlySet<string> = new Set();

  constructor(world: GroupWorld) {
    this.#world = world;
    this.looks = new Looks((tiles) => world.look(tiles));
  }

  /** The engine's state changed. */
  take(before: AppState, next: AppState, nowMs: number): void {
    if (next.phase !== 'in_call') {
      if (before.phase === 'in_call') this.#reset();
      return;
    }
    const people = next.call?.people ?? [];
    const there = new Set(people.map(({ id }) => id));
    this.looks.want(isGroup(next) || (next.call?.group ?? null) !== null);
    this.seats = seated(this.seats, [...there]);
    this.#handsUp = new Set(people.filter((one) => one.hand_raised).map(({ id }) => id));
    this.sharers = seated(this.sharers, people.filter((one) => one.screen_on).map(({ id }) => id));
    if (this.sharers.length === 0) this.screensInGrid = false;
    if (this.pinned !== null && !this.#stays(this.pinned, there)) this.pinned = null;
    const lit = litOf(next.call);
    if (lit !== litOf(before.call) || before.phase !== 'in_call') this.spotlight = lit;
    hostNews(before, next).forEach((text) => this.#world.news(text));
    this.speaking = without(this.speaking, there);
    const speakers = voices(next);
    if (speakers) this.#speak(speakers, nowMs);
    this.#tell(before, next, nowMs);
    this.#run(next.call?.group?.short ?? false);
  }

  /** Meters moved. They tell who speaks until the server does. */
  hear(levels: Levels, state: AppState, nowMs: number): void {
    this.levels = new Map([...levels.people.map(({ id, level }): [string, number] => [id, level]), [SELF, state.local.muted ? 0 : levels.microphone]]);
    if (!isGroup(state) || voices(state)) return;
    const loud = [...this.levels].filter(([, level]) => level > SPEAKS_LEVEL).map(([id]) => id);
    // Who spoke already goes first: of several voices none takes turns with another.
    this.#speak([...this.speaking.now.filter((id) => loud.includes(id)), ...loud.filter((id) => !this.speaking.now.includes(id))], nowMs);
  }

  /** The first page has so many tiles. */
  front(tiles: number): void {
    this.#front = tiles;
  }

  pin = (key: string): void => void (this.pinned = this.pinned === key ? null : key);

  /** Between all alike and one large; while something is shared, between it alone and it among the people. */
  toggleLayout = (): void => {
    if (this.pinned !== null) this.pinned = null;
    else if (this.spotlight !== null) this.spotlight = null;
    else if (this.sharers.length) this.screensInGrid = !this.screensInGrid;
    else {
      this.layout = this.layout === 'grid' ? 'speaker' : 'grid';
      keep(KEY, this.layout);
    }
  };

  /** The person knows that the link is weak, until it is weak anew. */
  waveShort = (): void => {
    this.#waved = true;
    this.short = false;
  };

  #speak(ids: readonly string[], nowMs: number): void {
    const { now } = this.speaking;
    const same = ids.length === now.length && ids.every((id, i) => id === now[i]);
    const due = wakeMs(this.speaking);
    if (same && (due === null || due > nowMs)) return;
    this.speaking = heard(this.speaking, ids, nowMs);
    this.#bringForward();
    clearTimeout(this.#frameTimer);
    const wake = wakeMs(this.speaking);
    if (wake !== null) this.#frameTimer = setTimeout(() => this.#speak(this.speaking.now, performance.now()), Math.max(0, wake - nowMs) + 1);
  }

  /** Only while the first page is looked at: what one looks at keeps its places. */
  #bringForward(): void {
    const { large } = this.speaking;
    if (large === null || this.page > 0) return;
    const stays = (id: string) => this.framed.has(id) || this.#handsUp.has(id);
    this.seats = broughtForward(this.seats, large, this.#front - 1, stays, this.speaking.heardMs);
  }

  #stays(key: string, there: ReadonlySet<string>): boolean {
    const { participant: id, screen } = namedBy(key);
    return key === SELF || (there.has(id) && (!screen || this.sharers.includes(id)));
  }

  #tell(before: AppState, next: AppState, nowMs: number): void {
    // Between two, each is told at once; who comes into a room of several is the one who comes.
    const cameIn = headcount(before.call) === 1;
    if (cameIn || (!isGroup(next) && !isGroup(before))) return;
    const [was, is] = whoIsThere(before.call, next.call);
    this.#news = gathered(this.#news, was, is, nowMs);
    clearTimeout(this.#newsTimer);
    if (this.#news.dueMs !== null) this.#newsTimer = setTimeout(() => this.#newsDue(), Math.max(0, this.#news.dueMs - nowMs));
  }

  #newsDue(): void {
    const { texts, news } = told(this.#news, performance.now());
    this.#news = news;
    texts.forEach((text) => this.#world.news(text));
  }

  #run(short: boolean): void {
    if (short) {
      clearTimeout(this.#shortTimer);
      this.#shortTimer = undefined;
      this.short = !this.#waved;
    } else if (this.short || this.#waved) {
      this.#shortTimer ??= setTimeout(() => {
        this.short = this.#waved = false;
        this.#shortTimer = undefined;
      }, SHORT_STAYS_MS);
    }
  }

  #reset(): void {
    [this.#newsTimer, this.#frameTimer, this.#shortTimer].forEach(clearTimeout);
    this.#shortTimer = undefined;
    this.looks.want(false);
    this.#news = NO_NEWS;
    this.#waved = this.short = this.screensInGrid = false;
    this.pinned = this.spotlight = this.filesTo = null;
    this.page = 0;
    this.speaking = SILENCE;
    this.seats = this.sharers = [];
  }
}

/** Who speaks, as the server tells; nothing until it can. */
function voices({ call }: AppState): readonly string[] | null {
  if (!call?.group?.up) return null;
  return call.group.speakers.map((id) => (id === call.me ? SELF : id));
}
