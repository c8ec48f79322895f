import type { Script } from './crash-scenario.ts'

const sizes = [20, 100, 400, 700, 1500]

/** Scripts for what is known to be delicate. */
export const scripts: Readonly<Record<string, Script>> = {
  'one record per commit, each synced': {
    segmentBytes: 1 << 20,
    run: (session) => {
      for (let n = 0; n < 12; n++) {
        session.append(n % 3 === 0 ? 'b.c' : 'a', sizes[n % 5] ?? 20)
        session.commit()
      }
    },
  },
  'groups of records, synced or only written, over several segments': {
    segmentBytes: 4096 + 2500,
    run: (session) => {
      for (let n = 0; n < 24; n++) {
        session.append(`t${n % 4}`, sizes[n % 5] ?? 20, n % 5 !== 1)
        if (n % 3 === 2) session.commit()
        if (n % 8 === 7) session.log.queue.writeWatermark()
      }
      session.commit()
    },
  },
  'written ahead with zeros': {
    segmentBytes: 4096 + 3000,
    run: (session) => {
      for (let n = 0; n < 10; n++) {
        session.log.prepare()
        session.append('a', sizes[n % 5] ?? 20)
        session.commit()
      }
    },
  },
  'closed and opened again and again': {
    segmentBytes: 4096 + 1800,
    run: (session) => {
      for (let n = 0; n < 12; n++) {
        session.append(`t${n % 2}`, sizes[n % 5] ?? 20)
        session.commit()
        if (n % 3 === 2) session.reopen(n % 2 === 0)
      }
    },
  },
  'nothing but levels below synced, and one sync at last': {
    segmentBytes: 4096 + 4000,
    run: (session) => {
      for (let n = 0; n < 9; n++) {
        session.append('a', sizes[n % 5] ?? 20, false)
        session.commit()
      }
      session.append('a', 50, true)
      session.commit()
    },
  },
}

/** A script drawn from the seed, for what nobody thought of. */
export function drawn(draw: () => number): Script {
  const steps = Array.from({ length: 20 }, () => [draw(), draw(), draw()] as const)
  return {
    segmentBytes: 4096 + 500 + Math.floor(draw() * 4000),
    run: (session) => {
      for (const [what, size, topic] of steps) {
        if (what < 0.7) session.append(`t${Math.floor(topic * 3)}`, Math.floor(size * 1800), topic < 0.8)
        else if (what < 0.9) session.commit()
        else if (what < 0.95) session.log.prepare()
        else session.reopen(size < 0.5)
      }
      session.commit()
    },
  }
}
