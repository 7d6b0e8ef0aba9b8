// One end of a call in the quality lab (`cargo xtask lab --against chromium`), in a real Chromium: it sends a film and a voice, or it
// watches, and writes down what it sent or what came, as parley-cli does (tests/src/lab/tape.rs reads both).
//
//   node lab_chromium.mjs --server http://HOST:PORT | --link LINK  --out DIR --audio CLIP.wav [--video CLIP.y4m] [--every 10]
//        [--hint text] [--codec own|h264]
//
// With --video it sends, without it watches. Standard output: one JSON object a line: {"event":"link",..} once there is a link,
// {"event":"media"} when the first picture came, {"event":"done",..} once its standard input has ended and all is written.

import { createWriteStream, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { commonOptions, flags, launch, load, pause, readSize, say } from './browser.mjs'

const { values: args } = parseArgs({
  options: {
    ...commonOptions,
    server: { type: 'string' },
    link: { type: 'string' },
    video: { type: 'string' },
    audio: { type: 'string' },
    out: { type: 'string' },
    every: { type: 'string', default: '10' },
    hint: { type: 'string', default: '' },
    codec: { type: 'string', default: 'own' },
  },
})

/** Films of one size each: Chromium shows pictures as large as they come. */
async function writeFilm(page, count) {
  const films = new Map()
  for (let index = 0; index < count; index++) {
    const { width, height, i420 } = await page.evaluate((index) => globalThis.parley.recording.picture(index), index)
    const size = `${width}x${height}`
    if (!films.has(size)) {
      films.set(size, createWriteStream(join(args.out, `video-${size}.y4m`)))
      films.get(size).write(`YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\n`)
    }
    films.get(size).write('FRAME\n')
    if (!films.get(size).write(Buffer.from(i420, 'base64'))) await once(films.get(size), 'drain')
  }
  for (const film of films.values()) await new Promise((resolve) => film.end(resolve))
}

async function write(page) {
  const { pictures, times, sound, film, faults } = await page.evaluate(() => globalThis.parley.recording.result())
  const lines = (list) => list.map((line) => `${line}\n`).join('')
  writeFileSync(join(args.out, 'pictures.times'), lines(pictures.map(([number, at]) => `${number} ${at}`)))
  writeFileSync(join(args.out, 'sound.times'), lines(times))
  writeFileSync(join(args.out, 'sound.s16'), Buffer.from(sound, 'base64'))
  await writeFilm(page, film)
  return [...new Set(faults)]
}

const ended = new Promise((resolve) => process.stdin.on('end', resolve).on('close', resolve).resume())
const at = args.link ?? args.server
const sends = args.video !== undefined
const { server, page } = await launch({ executable: args.executable, args: flags({ ...args, server: at }) })
let code = 0
try {
  await load(page, at)
  // Drawing costs as much as decoding where there is no graphics card, and the other program of the lab draws nothing.
  await page.addStyleTag({ content: 'video { width: 320px }' })
  const options = {
    ...(args.link ? { link: args.link } : { server: args.server }),
    name: 'Chromium',
    video: sends,
    audio: true,
    hint: args.hint,
    ownCodec: args.codec === 'own',
    ...readSize(args.size),
  }
  const link = await page.evaluate((options) => globalThis.parley.start(options), options)
  await page.evaluate((own) => globalThis.parley.record(own), { own: sends, every: sends ? 0 : Number(args.every) })
  say({ event: 'link', link })
  await page.evaluate(() => globalThis.parley.join())
  const over = ended.then(() => true)
  while (!sends) {
    const { first_picture_ms: first } = await page.evaluate(() => globalThis.parley.report())
    if (first) {
      say({ event: 'media' })
      break
    }
    if (await Promise.race([over, pause(50)])) break
  }
  await ended
  const report = await page.evaluate(() => globalThis.parley.report())
  // What came until now is what counts; the other side goes when this one has gone.
  const faults = await write(page)
  const { cpu = 0 } = report.out_video?.qualityLimitationDurations ?? {}
  if (cpu > 1) faults.push(`the browser made less of its pictures for ${cpu.toFixed(0)} s because the processors were busy`)
  await page.evaluate(() => globalThis.parley.leave())
  await pause(300)
  say({ event: 'done', first_picture_ms: report.first_picture_ms, codecs: report.codecs, faults: [...faults, ...report.errors] })
} catch (error) {
  say({ event: 'failed', message: String(error) })
  code = 1
} finally {
  await server.close()
}
process.exit(code)
