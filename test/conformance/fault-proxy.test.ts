import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultProxy } from '../../src/conformance/index.ts'
import { until } from '../../src/conformance/wait.ts'

const deadlineMs = 5000

/** A client of an echo server, and everything it has heard. */
class Client {
  heard = ''
  ended: 'no' | 'closed' | 'reset' = 'no'
  readonly socket: Socket

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1')
    })
    this.socket.on('error', () => {
      this.ended = 'reset'
    })
    this.socket.on('close', () => {
      if (this.ended === 'no') this.ended = 'closed'
    })
  }

  async hears(text: string): Promise<void> {
    await until(
      () => this.heard === text,
      deadlineMs,
      () => `${text}, heard ${this.heard.slice(0, 100)}`,
    )
  }
}

let echo: Server
let proxy: FaultProxy
let atServer: Socket[]

beforeEach(async () => {
  atServer = []
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    atServer.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const address = echo.address()
  proxy = await FaultProxy.listen({ port: typeof address === 'object' ? (address?.port ?? 0) : 0 })
})

afterEach(async () => {
  await proxy.close()
  for (const socket of atServer) socket.destroy()
  echo.close()
  await once(echo, 'close')
})

describe('the fault proxy', () => {
  it('hands everything on, in order, and counts it', async () => {
    const client = new Client(proxy.port)
    const text = 'x'.repeat(500_000) + 'end'
    client.socket.write(text)

    await client.hears(text)
    expect(proxy.bytes).toEqual({ toTarget: text.length, fromTarget: text.length })
    expect(proxy.connections).toBe(1)
    client.socket.end()
    await until(() => client.ended === 'closed', deadlineMs, 'the end goes through, too')
    await until(() => proxy.connections === 0, deadlineMs, 'no connection is left')
    expect(proxy.bytes.toTarget).toBe(text.length)
  })

  it('stalls: connections stay, no byte goes through, and nothing is lost when it heals', async () => {
    const client = new Client(proxy.port)
    client.socket.write('before,')
    await client.hears('before,')
    proxy.stall()
    client.socket.write('during,')
    atServer[0]?.write('from the server,')
    // A second connection is taken, too, and is as dead. Its bytes arrive at the proxy after those of the first.
    const other = new Client(proxy.port)
    await once(other.socket, 'connect')
    await until(() => proxy.connections === 2, deadlineMs, 'two connections')

    expect(client.heard).toBe('before,')
    expect(proxy.bytes.toTarget).toBe(7)
    expect(client.ended).toBe('no')
    proxy.heal()
    await until(() => client.heard.length === 30, deadlineMs, 'all that was held')
    expect(client.heard).toContain('during,')
    expect(client.heard).toContain('from the server,')
    other.socket.write('other')
    await other.hears('other')
  })

  it('cuts: connections end, new ones are refused until it heals', async () => {
    const client = new Client(proxy.port)
    client.socket.write('hello')
    await client.hears('hello')
    proxy.cut()
    await until(() => client.ended !== 'no', deadlineMs, 'the connection ends')
    await until(
      () => atServer[0]?.destroyed === true || atServer[0]?.readableEnded === true,
      deadlineMs,
      'both ends',
    )
    const refused = new Client(proxy.port)
    await until(() => refused.ended !== 'no', deadlineMs, 'a new connection ends')
    expect(proxy.connections).toBe(0)

    proxy.heal()
    const later = new Client(proxy.port)
    later.socket.write('again')
    await later.hears('again')
  })

  it('resets: both ends get an error, new connections work', async () => {
    const client = new Client(proxy.port)
    client.socket.write('hello')
    await client.hears('hello')
    proxy.reset()
    await until(() => client.ended === 'reset', deadlineMs, 'a reset')

    const later = new Client(proxy.port)
    later.socket.write('again')
    await later.hears('again')
    expect(proxy.connections).toBe(1)
  })

  it('delays every chunk, in each direction, and keeps the order', async () => {
    proxy.delay(30)
    const client = new Client(proxy.port)
    await once(client.socket, 'connect')
    const since = performance.now()
    client.socket.write('one,')
    client.socket.write('two')
    await client.hears('one,two')
    expect(performance.now() - since).toBeGreaterThanOrEqual(59)

    proxy.heal()
    client.socket.write(',three')
    await client.hears('one,two,three')
  })

  it('closes once, with all its connections, and leaves its port', async () => {
    const client = new Client(proxy.port)
    await once(client.socket, 'connect')
    const { port } = proxy
    await Promise.all([proxy.close(), proxy.close()])
    await until(() => client.ended !== 'no', deadlineMs, 'the connection ends')
    const again = await FaultProxy.listen({ port: 1 }, port)
    expect(again.port).toBe(port)
    await again.close()
  })

  it('ends the connection of a client whose target cannot be reached', async () => {
    await using nowhere = await FaultProxy.listen({ port: 1 })
    const client = new Client(nowhere.port)
    await until(() => client.ended !== 'no', deadlineMs, 'the connection ends')
    expect(nowhere.connections).toBe(0)
  })
})
