/** Files that the person picked or dropped: the window names them by a text, the page keeps what is behind it until it is sent. */
import type { Drag } from '../backend';
import type { PickedFile } from './files/files';

export class Picked {
  readonly #files = new Map<string, File>();
  #numbers = 0;

  /** Gives each a name of its own. */
  put(files: Iterable<File>): string[] {
    return [...files].map((file) => {
      this.#numbers += 1;
      const name = `picked:${this.#numbers}`;
      this.#files.set(name, file);
      return name;
    });
  }

  take(names: readonly string[]): PickedFile[] {
    return names.flatMap((name) => {
      const file = this.#files.get(name);
      this.#files.delete(name);
      return file ? [{ file, source: name }] : [];
    });
  }

  /** The browser's own dialog. */
  ask(): Promise<string[]> {
    const input = document.createElement('input');
    input.type = 'file';
    input.multiple = true;
    input.hidden = true;
    input.dataset['testid'] = 'file-input';
    document.body.append(input);
    return new Promise((resolve) => {
      const done = () => {
        resolve(this.put(input.files ?? []));
        input.remove();
      };
      input.addEventListener('change', done);
      input.addEventListener('cancel', done);
      input.click();
    });
  }

  /** Follows what is dragged over the page, until the function returned is called. */
  listen(told: (drag: Drag) => void): () => void {
    let depth = 0;
    const files = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const tell = (over: boolean, dropped: string[] = []) => told({ over, dropped });
    const handlers: Record<string, (event: DragEvent) => void> = {
      dragenter: () => (depth += 1) === 1 && tell(true),
      dragover: () => undefined,
      dragleave: () => (depth = Math.max(0, depth - 1)) === 0 && tell(false),
      drop: (event) => {
        depth = 0;
        tell(false, this.put(event.dataTransfer?.files ?? []));
      },
    };
    const listener = (event: Event) => {
      if (!(event instanceof DragEvent) || !files(event)) return;
      // Else the browser would open the file in place of the call.
      event.preventDefault();
      handlers[event.type]?.(event);
    };
    for (const type of Object.keys(handlers)) document.addEventListener(type, listener);
    return () => Object.keys(handlers).forEach((type) => document.removeEventListener(type, listener));
  }
}
