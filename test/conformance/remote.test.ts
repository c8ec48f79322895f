import { afterAll, describe, expect, it } from 'vitest'
import { conformance, describeConformance, FaultProxy, type Transport } from '../../src/conformance/index.ts'
import { LineBroker, lineCapabilities, type LineFault } from './line-broker.ts'
import { LineServer } from './line-server.ts'

// What the kit has for brokers on servers, tried on the smallest of them: real sockets, a server that can be killed, and
// a network that fails.

const server = new LineServer()
await server.start()
const link = await FaultProxy.listen({ port: server.port })

afterAll(async () => {
  await link.close()
  await server.kill()
})

function onLine(fault?: LineFault): Transport {
  return {
    name: 'line',
    capabilities: lineCapabilities,
    open: (options) => LineBroker.open(link.port, options, fault),
    another: (options) => LineBroker.open(link.port, options, fault),
    server,
    link,
    // Long enough for its pings to notice that nothing comes back.
    pace: { stretch: 2 },
  }
}

describe('a broker on a small server does what it declares', () => {
  describeConformance({ describe, it }, onLine())
})

describe('the kit', () => {
  it('has something for every fault', () => {
    const names = conformance(onLine()).map(({ name }) => name)

    expect(names.filter((name) => name.startsWith('faults/'))).toHaveLength(5)
    expect(names.filter((name) => name.startsWith('clients/'))).toHaveLength(2)
  })

  it.each([
    ['server-killed', 'no disconnect was reported'],
    ['link-cut', 'no disconnect was reported'],
  ])('finds in faults/%s a broker that loses messages and says nothing', async (name, says) => {
    const scenario = conformance(onLine('silent')).find((one) => one.name === `faults/${name}`)

    await expect(scenario?.run()).rejects.toThrow(says)
  })

  it('finds a broker that promises more than best effort and loses messages, whatever it reports', async () => {
    const capabilities = { ...lineCapabilities, delivery: 'at-most-once' as const }
    const transport = { ...onLine('silent'), capabilities, pace: { stretch: 2, deadlineMs: 1500 } }
    const open: Transport['open'] = async (options) =>
      Object.assign(await LineBroker.open(link.port, options, 'silent'), { capabilities })
    const scenario = conformance({ ...transport, open }).find((one) => one.name === 'faults/link-cut')

    await expect(scenario?.run()).rejects.toThrow('messages whose publish resolved are delivered')
  })

  it('finds a broker that does not come back', async () => {
    const transport: Transport = { ...onLine('stays-away'), pace: { stretch: 2, deadlineMs: 700 } }
    const scenario = conformance(transport).find(({ name }) => name === 'faults/link-reset')

    await expect(scenario?.run()).rejects.toThrow('a message comes again after-0')
  })
})
