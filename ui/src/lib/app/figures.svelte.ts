/** The figures of the call and what was found in them, asked for only while somebody looks: at the inspector, or behind the bars. */
import type { Backend } from '../backend/backend';
import type { InspectorView, StatsSample } from '../bindings';
import { NOTHING_FOUND, remembered } from './inspector';

export class Figures {
  /** The last minutes, oldest first. */
  samples = $state.raw<readonly StatsSample[]>([]);
  view = $state.raw<InspectorView>(NOTHING_FOUND);
  readonly #backend: Pick<Backend, 'watch'>;
  #lookers = 0;
  #watching: Promise<() => void> | null = null;

  constructor(backend: Pick<Backend, 'watch'>) {
    this.#backend = backend;
  }

  /** From now on figures come, until what is returned was called by everybody who looks. */
  look = (): (() => void) => {
    this.#lookers += 1;
    this.#watching ??= this.#watch();
    let looks = true;
    return () => {
      if (!looks) return;
      looks = false;
      this.#lookers -= 1;
      if (this.#lookers > 0) return;
      void this.#watching?.then((stop) => stop());
      this.#watching = null;
    };
  };

  /** Of another call, nothing is known yet. */
  forget(): void {
    this.samples = [];
    this.view = NOTHING_FOUND;
  }

  async #watch(): Promise<() => void> {
    try {
      return await this.#backend.watch({
        past: ({ seconds, view }) => {
          this.samples = seconds;
          this.view = view;
        },
        stats: (sample) => (this.samples = remembered(this.samples, sample)),
        inspector: (view) => (this.view = view),
      });
    } catch (thrown) {
      console.warn(thrown);
      return () => undefined;
    }
  }
}
