import { readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
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
