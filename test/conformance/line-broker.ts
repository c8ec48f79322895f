import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { makeCapabilities } from '../../src/core/capabilities.ts'
import type {
  Broker,
  Capabilities,
  DrainOptions,
  DrainReport,
  Health,
  Ledger,
  MemoryBroker,
  Message,
  PublishOptions,
  Receipt,
} from '../../src/index.ts'
import {
  BrokerClosedError,
  checkRequired,
  createBroker,
  InvalidOptionError,
  SpillwayError,
} from '../../src/index.ts'
import type { OpenOptions } from '../../src/conformance/index.ts'
import { onLines } from './line-server.ts'

export const lineCapabilities: Capabilities = makeCapabilities({
  broker: 'line',
  provides: ['wildcards', 'order', 'remote', 'reconnect'],
  delivery: 'best-effort',
  overflow: ['drop-newest', 'drop-oldest', 'latest', 'fail', 'disconnect'],
})

interface Sending {
  readonly settled: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * `silent`: like some clients, takes what is published while the server is away, forgets it, and never speaks of it.
 * `stays-away`: does not connect again.
 */
export type LineFault = 'silent' | 'stays-away'

const pingEveryMs = 100

/**
 * A broker on a LineServer: two brokers in memory with a wire between them. One checks what is published and hands it to
 * the wire; what comes from the wire goes to the other, which has the subscriptions.
 */
export class LineBroker {
  readonly capabilities: Capabilities = lineCapabilities
  readonly #fault: LineFault | undefined
  readonly #port: number
  readonly #observer: OpenOptions['observer']
  readonly #gate: MemoryBroker
  readonly #local: MemoryBroker
  readonly #sending = new Map<string, Sending>()
  #last: Promise<void> = Promise.resolve()
  #socket: Socket | undefined
  #connected = false
  #pings = 0
  #count = 0
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #pinging: ReturnType<typeof setInterval>

  private constructor(
    port: number,
    { observer, requires, schemas }: OpenOptions,
    fault: LineFault | undefined,
  ) {
    checkRequired(lineCapabilities, requires)
    this.#port = port
    this.#fault = fault
    this.#observer = observer
    this.#gate = createBroker(schemas === undefined ? {} : { schemas })
    this.#local = createBroker(observer === undefined ? {} : { observer })
    this.#gate.subscribe('>', (message) => this.#send(message))
    this.#pinging = setInterval(() => this.#ping(), pingEveryMs)
  }

  static async open(port: number, options: OpenOptions = {}, fault?: LineFault): Promise<Broker> {
    const broker = new LineBroker(port, options, fault)
    const socket = broker.#connect()
    await once(socket, 'connect')
    return broker as unknown as Broker
  }

  async publish(topic: string, payload: unknown, options?: PublishOptions): Promise<Receipt> {
    if (this.#closed) throw new BrokerClosedError('publish')
    // The handler of the gate runs within this call, and leaves behind what becomes of the message.
    const gated = this.#gate.publish(topic, payload, options)
    const sent = this.#last
    await gated
    await sent
    return { level: 'accepted', routed: true }
  }

  subscribe(pattern: string, first?: unknown, second?: unknown): unknown {
    const options = (typeof first === 'function' ? second : first) as Record<string, unknown> | undefined
    for (const option of ['group', 'from'])
      if (options?.[option] !== undefined) throw new InvalidOptionError(option, options[option], 'Not here.')
    if (['block', 'spill'].includes(options?.['overflow'] as string))
      throw new InvalidOptionError('overflow', options?.['overflow'], 'Not here.')
    return this.#local.subscribe(pattern, first as () => void, second as object)
  }

  ledger(): Ledger {
    return this.#local.ledger()
  }

  async drain(options?: DrainOptions): Promise<DrainReport> {
    void this.#gate.close()
    this.#closed = true
    await Promise.allSettled([...this.#sending.values()].map(({ settled }) => settled))
    const report = await this.#local.drain(options)
    await this.close()
    return report
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#pinging)
    clearTimeout(this.#timer)
    await this.#gate.close()
    await this.#local.close()
    this.#socket?.destroy()
    this.#failAll(new BrokerClosedError('publish'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  #send(message: Message): void {
    const id = String(++this.#count).padStart(12, '0')
    let [resolve, reject]: [() => void, (error: Error) => void] = [() => undefined, () => undefined]
    const settled = new Promise<void>((one, other) => {
      resolve = one
      reject = other
    })
    settled.catch(() => undefined)
    this.#last = settled
    if (this.#connected && this.#socket !== undefined) {
      this.#sending.set(id, { settled, resolve, reject })
      this.#socket.write(`{${id}${encode(message)}\n`)
    } else if (this.#fault === 'silent') resolve()
    else reject(new SpillwayError('The server is away.'))
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1' })
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('connect', () => {
      this.#connected = true
      this.#pings = 0
      this.#report('connected')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => this.#gone())
    onLines(socket, (line) => this.#handle(line))
    return socket
  }

  #gone(): void {
    if (this.#connected) this.#report('disconnected')
    this.#connected = false
    this.#failAll(new SpillwayError('The server went away.'))
    if (this.#closed || this.#fault === 'stays-away') return
    this.#timer = setTimeout(() => this.#connect(), 10)
  }

  #failAll(error: Error): void {
    for (const { reject, resolve } of this.#sending.values()) {
      if (this.#fault === 'silent') resolve()
      else reject(error)
    }
    this.#sending.clear()
  }

  #ping(): void {
    if (!this.#connected) return
    if (++this.#pings > 3) this.#socket?.destroy()
    else this.#socket?.write('?\n')
  }

  #handle(line: string): void {
    if (line === '!') this.#pings = 0
    else if (line.startsWith('=')) {
      this.#sending.get(line.slice(1))?.resolve()
      this.#sending.delete(line.slice(1))
    } else {
      const { headers, id, payload, topic } = decode(line.slice(13))
      // A full mailbox that refuses is in the books; there is no publisher here to be told.
      this.#local.publish(topic, payload, { headers, id }).catch(() => undefined)
    }
  }

  #report(state: Health['state']): void {
    if (this.#fault === 'silent' || this.#closed) return
    const server = `127.0.0.1:${this.#port}`
    this.#observer?.connection?.({ state, sinceMs: Date.now(), server, reconnects: 0, lastError: undefined })
  }
}

type Wired = Pick<Message, 'topic' | 'payload' | 'headers' | 'id'>

function encode({ headers, id, payload, topic }: Message): string {
  const body =
    payload instanceof Uint8Array ? { bytes: Buffer.from(payload).toString('base64') } : { json: payload }
  return JSON.stringify({ topic, headers, id, ...body })
}

function decode(text: string): Wired {
  const { bytes, headers, id, json, topic } = JSON.parse(text) as Omit<Wired, 'payload'> & {
    readonly bytes?: string
    readonly json?: unknown
  }
  return {
    topic,
    headers,
    id,
    payload: bytes === undefined ? json : new Uint8Array(Buffer.from(bytes, 'base64')),
  }
}
