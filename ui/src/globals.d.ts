/** Written in by the build (vite.config.ts). */
declare const __PARLEY_VERSION__: string;
