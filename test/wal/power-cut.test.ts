import { beforeAll, describe, expect, test } from 'vitest'
import type { SyncPolicy } from '../../src/wal/contract.ts'
import { mustRun } from '../support/command.ts'
import { LoopImage, whyNoImages } from '../support/loop-image.ts'
import { random, seed } from '../support/seed.ts'
import { root } from '../support/source-tree.ts'
import { undo } from '../support/undo.ts'
import { Promises, Writer } from './power-cut-world.ts'

const rounds = Number(process.env['SPILLWAY_POWER_CUTS'] ?? 15)
const policies: readonly SyncPolicy[] = ['always', 'interval', 'os']

beforeAll(() => mustRun('node', ['scripts/build.mjs', '--if-stale'], root), 120_000)

/** Cuts the power so often; returns what was kept and lost. */
async function cutPower(sync: SyncPolicy, cuts: number): Promise<{ acks: number; lost: number }> {
  const draw = random(seed + policies.indexOf(sync))
  const image = await LoopImage.make(40)
  undo.push(() => image.remove())
  const promises = new Promises()
  let acks = 0
  for (let life = 1; life <= cuts; life++) {
    const data = draw() < 0.5 ? 'ordered' : 'writeback'
    await image.mount(data)
    const writer = new Writer(`${image.path}/log`, [1, 4, 30][life % 3] ?? 1, sync, life)
    undo.push(async () => void (await writer.kill()))
    // Often soon: while it opens what the last cut has left.
    await writer.stopAfter(draw() < 0.2 ? 1 : 1 + Math.floor(draw() * 1500))
    const left = image.contents()
    const said = await writer.kill()
    await image.unmount()
    image.replace(left)
    promises.hear(life, said)
    acks += said.acks.length
    // Sometimes the next life is the first to see what was left.
    if (draw() < 0.3 && life < cuts) continue
    await image.mount('ordered')
    await promises.check(`${image.path}/log`)
    await image.unmount()
  }
  return { acks, lost: promises.lost }
}

describe('a power cut', () => {
  test.each(policies)(
    'loses nothing that was acknowledged as synced, nor what a group has not acked, with sync %s',
    { timeout: 3_600_000 },
    async (sync) => {
      const why = await whyNoImages()
      if (why !== undefined) {
        console.log(`POWER CUTS WERE NOT RUN: they need Linux, root and loop devices. ${why}`)
        return
      }
      const cuts = Math.ceil(rounds / policies.length)
      const { acks, lost } = await cutPower(sync, cuts)
      console.log(
        `${cuts} power cuts with sync "${sync}": ${acks} acknowledgements, 0 synced ones lost, ` +
          `${lost} of those that were only written; seed ${seed}`,
      )
      expect(acks).toBeGreaterThan(0)
      // A cut that takes nothing would prove nothing: what was never synced goes.
      expect(lost).toBeGreaterThanOrEqual(sync === 'os' ? 1 : 0)
    },
  )
})
