import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };

/**
 * Beside each file of a guest's page its compressed copies, as the server sends them. The folder itself stays in the repository, so that
 * the server's build script can watch it before anything was built.
 */
function ready(): Plugin {
  return {
    name: 'parley-ready-to-serve',
    apply: 'build',
    writeBundle({ dir = '' }, bundle) {
      writeFileSync(join(dir, '.gitkeep'), '');
      for (const name of Object.keys(bundle)) {
        const bytes = readFileSync(join(dir, name));
        const copies = { br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }), gz: gzipSync(bytes, { level: 9 }) };
        for (const [ending, copy] of Object.entries(copies)) if (copy.length < bytes.length) writeFileSync(join(dir, `${name}.${ending}`), copy);
      }
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), ...(mode === 'guest' ? [ready()] : [])],
  define: { __PARLEY_VERSION__: JSON.stringify(version) },
  // Tauri serves the build from its own scheme, so addresses stay relative; the server has a guest's page at /r/ROOM.
  base: mode === 'guest' ? '/guest/' : './',
  build: {
    ...(mode === 'guest' ? { outDir: 'dist-guest', rolldownOptions: { input: 'guest.html' } } : {}),
    // WebKitGTK 2.50, WKWebView from Safari 17.5 on, WebView2. Older targets would have `light-dark()` taken apart.
    target: ['safari17.5', 'chrome125'],
    modulePreload: { polyfill: false },
    // Fonts and pictures as files: the content security policy allows no `data:` styles.
    assetsInlineLimit: 0,
  },
  server: { port: 5273, strictPort: true },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['src/**/*.test.ts', 'test/unit/**/*.test.ts'], environment: 'node' },
      },
      {
        extends: true,
        test: {
          name: 'flows',
          include: ['test/flows/**/*.test.ts'],
          environment: 'node',
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // As long as a page is waited for (test/flows/house.ts). One second is over on a busy machine before news is that is gathered for 0.7.
          expect: { poll: { timeout: 8000 } },
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: { name: 'guest', include: ['test/guest/**/*.test.ts'], environment: 'node', testTimeout: 120_000, hookTimeout: 60_000, fileParallelism: false },
      },
    ],
  },
}));
