// Makes every system's icons from assets/icon.svg: `npm run icons`. Draws with Chromium; writes the .ico and .icns containers itself.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const assets = join(import.meta.dirname, '../../assets');
const out = join(assets, 'icons');
const svg = readFileSync(join(assets, 'icon.svg'), 'utf8');
const SIZES = [16, 32, 48, 128, 256, 512];

mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
const pictures = new Map();
for (const size of SIZES) {
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(`<style>html,body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  pictures.set(size, await page.screenshot({ omitBackground: true }));
}
await browser.close();

const png = (size) => pictures.get(size);
writeFileSync(join(out, '32x32.png'), png(32));
writeFileSync(join(out, '128x128.png'), png(128));
writeFileSync(join(out, '128x128@2x.png'), png(256));
writeFileSync(join(out, 'icon.png'), png(512));
writeFileSync(join(out, 'icon.ico'), ico([16, 32, 48, 256]));
writeFileSync(join(out, 'icon.icns'), icns([['icp4', 16], ['icp5', 32], ['ic07', 128], ['ic08', 256], ['ic09', 512]]));

/** Windows: a directory of PNGs, little endian; a side of 256 is written 0. */
function ico(sizes) {
  const head = Buffer.alloc(6 + 16 * sizes.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(sizes.length, 4);
  let at = head.length;
  sizes.forEach((size, index) => {
    const entry = 6 + 16 * index;
    head.writeUInt8(size % 256, entry);
    head.writeUInt8(size % 256, entry + 1);
    head.writeUInt16LE(1, entry + 4);
    head.writeUInt16LE(32, entry + 6);
    head.writeUInt32LE(png(size).length, entry + 8);
    head.writeUInt32LE(at, entry + 12);
    at += png(size).length;
  });
  return Buffer.concat([head, ...sizes.map(png)]);
}

/** macOS: typed chunks, big endian, lengths with their eight bytes of head. */
function icns(chunks) {
  const parts = chunks.map(([type, size]) => Buffer.concat([Buffer.from(type, 'ascii'), length(png(size).length + 8), png(size)]));
  const total = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([Buffer.from('icns', 'ascii'), length(total), ...parts]);
}

function length(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
