import { describe, expect, it } from 'vitest'
import { streamServer, take, world } from './world.ts'

const server = streamServer()

describe('a message of a stream', () => {
  it('is bytes when its type says so, in any case, and they are no Buffer of the client', async () => {
    const { broker: made, prefix } = await world(server())
    const bytes = Uint8Array.of(0xff, 1, 2)
    await made.publish(`${prefix}.a`, bytes)
    await made.publish(`${prefix}.a`, bytes, { headers: { 'Content-Type': 'image/png' } })
    const read = await take(made.subscribe(`${prefix}.a`, { from: 'start' }), 2)
    const given = await take(made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' }), 2)

    for (const { payload, raw } of [...read, ...given]) {
      expect(payload).toStrictEqual(bytes)
      expect(Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype)
      expect(raw).toBe(payload)
    }
    expect(read[1]?.headers).toEqual({ 'Content-Type': 'image/png' })
  })
})
