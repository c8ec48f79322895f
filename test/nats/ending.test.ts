import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { NatsConnection } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { createNatsBroker } from '../../src/nats/index.ts'
import { eventually } from '../support/eventually.ts'
import { range } from '../support/watch.ts'
import { broker, connection, ownServer, throughProxy } from './world.ts'

const server = ownServer()

describe('the end', () => {
  it('of a member of a group is one, however often it is asked for: what was under way still comes', async () => {
    const { one, proxy } = await throughProxy(server())
    const publisher = await broker(server())
    const got: unknown[] = []
    const member = one.subscribe('work', ({ payload }) => void got.push(payload), { group: 'g' })
    await one.flush()
    proxy.stall()
    for (const n of range(0, 100)) void publisher.publish('work', n)
    await publisher.flush()

    const drained = Promise.all([member.drain(), member.drain(), one.drain()])
    expect(got).toEqual([])
    proxy.heal()
    await drained

    expect(got).toEqual(range(0, 100))
  })

  it('of a broker lets go of it, though its connection lives on', async () => {
    const link = await connection(server())
    const [first, second] = [await endedBroker(link), await endedBroker(link)]

    await eventually(() => {
      collectGarbage()
      return first.deref() === undefined && second.deref() === undefined
    })
    expect(link.isClosed()).toBe(false)
  })
})

async function endedBroker(link: NatsConnection): Promise<WeakRef<object>> {
  const made = createNatsBroker({ connection: link })
  made.subscribe('t', () => undefined)
  await made.publish('t', 1)
  await made.drain()
  return new WeakRef(made)
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}
