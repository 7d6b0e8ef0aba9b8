import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  // Tauri serves the build from its own scheme, so addresses stay relative.
  base: './',
  build: {
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
    ],
  },
});
