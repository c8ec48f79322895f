import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { assertBalanced, createBroker, type Message } from '../../../src/index.ts'
import { openDurableBroker, openSpillArea } from '../../../src/wal/index.ts'
import { random, seed } from '../../support/seed.ts'
import { turn, until } from '../../support/watch.ts'
import { numbers, simulated } from './simulated.ts'

let dir = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spillway-spill-'))
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

describe('spill', () => {
  test('what a mailbox cannot hold waits on the disk, in order, and nothing is lost', async () => {
    const { area, broker, disk } = simulated()
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 10 })
    for (let n = 0; n < 5000; n++) await broker.publish('a', { n, pad: 'x'.repeat(100) })
    const { pending, spill } = slow.ledger()
    expect({ pending, copies: spill?.copies, total: spill?.total }).toEqual({
      pending: 5000,
      copies: 4990,
      total: 4990,
    })
    expect(area.usedBytes).toBe(spill?.bytes)
    expect(disk.paths().some((path) => path.endsWith('.spill'))).toBe(true)
    for (let n = 0; n < 5000; n++) expect(slow.poll()?.payload).toEqual({ n, pad: 'x'.repeat(100) })
    expect(slow.poll()).toBeUndefined()
    expect(area.usedBytes).toBe(0)
    assertBalanced(broker.ledger())
  })

  test('a reader gets everything exactly once, whatever is published and taken in between, and the books agree', () => {
    const draw = random()
    for (let round = 0; round < 60; round++) {
      const { area, broker } = simulated()
      const capacity = 1 + Math.floor(draw() * 20)
      const slow = broker.subscribe('a', { overflow: 'spill', capacity })
      let published = 0
      const got: unknown[] = []
      for (let step = 0; step < 300; step++) {
        const burst = Math.floor(draw() * 40)
        if (draw() < 0.5) {
          const pad = 'x'.repeat(Math.floor(draw() * 3) * 2000)
          for (let left = burst; left > 0; left--) void broker.publish('a', { n: published++, pad })
        } else {
          for (let left = burst; left > 0; left--) {
            const message = slow.poll()
            if (message === undefined) break
            got.push(...numbers([message]))
          }
        }
        const taken = got.length
        const { delivered, pending, spill } = slow.ledger()
        expect({ delivered, pending }).toEqual({ delivered: taken, pending: published - taken })
        expect(pending - (spill?.copies ?? 0)).toBeLessThanOrEqual(capacity)
      }
      expect(got, `seed ${seed}`).toEqual(got.map((_, n) => n))
      assertBalanced(broker.ledger())
      slow.close()
      expect(area.usedBytes).toBe(0)
    }
  })

  test('dates, maps, bytes, headers and ids come back as they were', async () => {
    const { broker } = simulated()
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1 })
    const payload = {
      at: new Date(5),
      map: new Map([[1, new Set(['x'])]]),
      bytes: new Uint8Array([1, 2]),
      big: 5n,
    }
    const seen: Message[] = []
    broker.subscribe('a', (message) => seen.push(message))
    for (let n = 0; n < 2; n++)
      await broker.publish('a', n === 0 ? undefined : payload, { headers: { h: 'ä' }, id: `id-${n}` })
    slow.poll()
    const spilled = slow.poll()
    expect(spilled).toEqual((seen[1] as Message & { toJSON(): Message }).toJSON())
    expect(spilled?.payload).toEqual(payload)
  })

  test('binary payloads stay what they were while later ones are written', async () => {
    const { broker } = simulated()
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1 })
    const publish = (n: number) => broker.publish('a', new Uint8Array(1000).fill(n))
    const taken: unknown[] = []
    for (let n = 0; n < 200; n++) {
      await publish(n)
      if (n % 3 === 2) taken.push(slow.poll()?.payload)
    }
    for (const [n, bytes] of taken.entries()) expect(bytes).toEqual(new Uint8Array(1000).fill(n))
  })

  test('handlers, groups, batches and iteration read what was spilled', async () => {
    const { broker } = simulated()
    const seen: Record<string, unknown[]> = { handler: [], group: [], batches: [], iteration: [] }
    const handled = (name: string) => async (message: Message) => {
      seen[name]?.push((message.payload as { n: number }).n)
      await turn()
    }
    const options = { overflow: 'spill', capacity: 3 } as const
    broker.subscribe('a', handled('handler'), options)
    for (let member = 0; member < 2; member++)
      broker.subscribe('a', handled('group'), { ...options, group: 'g' })
    const batches = broker.subscribe('a', options)
    const iteration = broker.subscribe('a', options)
    for (let n = 0; n < 400; n++) void broker.publish('a', { n })
    const all = Array.from({ length: 400 }, (_, n) => n)
    for await (const batch of batches.batches({ max: 64 })) {
      seen['batches']?.push(...numbers(batch))
      if (seen['batches']?.length === 400) break
    }
    for await (const message of iteration) {
      seen['iteration']?.push(...numbers([message]))
      if (seen['iteration']?.length === 400) break
    }
    await until(() => seen['handler']?.length === 400 && seen['group']?.length === 400)
    expect(seen).toEqual({ handler: all, group: all, batches: all, iteration: all })
    await broker.drain()
    assertBalanced(broker.ledger())
  })

  test('memory stays bounded while the disk fills', { timeout: 60_000 }, async () => {
    const area = await openSpillArea(dir)
    const broker = createBroker({ spill: area })
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 100 })
    collectGarbage()
    const before = process.memoryUsage()
    const pad = 'x'.repeat(10_000)
    for (let n = 0; n < 20_000; n++) await broker.publish('a', { n, pad: `${pad}${n}` })
    collectGarbage()
    const after = process.memoryUsage()
    expect(area.usedBytes).toBeGreaterThan(190_000_000)
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(
      60_000_000,
    )
    for (let n = 0; n < 20_000; n++) expect(numbers([slow.poll() as Message])).toEqual([n])
    await broker.close()
    expect(readdirSync(dir).filter((name) => name.endsWith('.spill'))).toEqual([])
    await area.close()
  })
})

describe('the durable broker', () => {
  test('spills beside its log', async () => {
    const broker = await openDurableBroker(dir, { engine: 'inline', sync: 'os' })
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 2 })
    for (let n = 0; n < 50; n++) await broker.publish('a', { n }, { headers: { n: String(n) } })
    expect(slow.ledger().spill?.copies).toBe(48)
    for (let n = 0; n < 50; n++)
      expect(slow.poll()).toMatchObject({ payload: { n }, headers: { n: String(n) }, offset: n, seq: n })
    assertBalanced(broker.ledger())
    await broker.close()
    await (await openDurableBroker(dir, { engine: 'inline' })).close()
  })
})
