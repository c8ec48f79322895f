import { connect, createServer, type Server, type Socket } from 'node:net'
import type { FaultLink } from './contract.ts'
import { FaultPipe } from './fault-pipe.ts'

/** Where the proxy leads. */
export interface ProxyTarget {
  readonly port: number
  /** @defaultValue '127.0.0.1' */
  readonly host?: string
}

/** Bytes that have gone through, since the proxy was made. */
export interface ProxyBytes {
  readonly toTarget: number
  readonly fromTarget: number
}

/** One connection of a client, and the one that continues it. */
interface Pair {
  readonly client: Socket
  readonly target: Socket
  readonly pipes: readonly [FaultPipe, FaultPipe]
}

/**
 * A TCP proxy on a loopback port whose network fails on demand. Nothing is ever reordered or altered: bytes go through
 * now, later, or not at all because their connection has ended.
 *
 * @example
 * const proxy = await FaultProxy.listen({ port: 4222 })
 * const connection = await connect({ port: proxy.port })
 * proxy.stall()
 */
export class FaultProxy implements FaultLink, AsyncDisposable {
  readonly #server: Server
  readonly #target: ProxyTarget
  readonly #pairs = new Set<Pair>()
  /** Bytes of connections that have ended. */
  readonly #ended = { toTarget: 0, fromTarget: 0 }
  #cut = false
  #stalled = false
  #delayMs = 0
  #closed: Promise<void> | undefined

  private constructor(server: Server, target: ProxyTarget) {
    this.#server = server
    this.#target = target
    server.on('connection', (client) => this.#accept(client))
  }

  /** Begins to listen, on a free port unless one is given. */
  static async listen(target: ProxyTarget, port = 0): Promise<FaultProxy> {
    const server = createServer({ pauseOnConnect: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
    return new FaultProxy(server, target)
  }

  /** The port it listens on, at 127.0.0.1. */
  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get connections(): number {
    return this.#pairs.size
  }

  get bytes(): ProxyBytes {
    let { fromTarget, toTarget } = this.#ended
    for (const { pipes } of this.#pairs) {
      toTarget += pipes[0].bytes
      fromTarget += pipes[1].bytes
    }
    return { toTarget, fromTarget }
  }

  cut(): void {
    this.#cut = true
    for (const pair of [...this.#pairs]) this.#end(pair)
  }

  stall(): void {
    this.#stalled = true
    this.#apply()
  }

  delay(ms: number): void {
    this.#delayMs = ms
    this.#apply()
  }

  reset(): void {
    for (const pair of [...this.#pairs]) this.#end(pair, true)
  }

  heal(): void {
    this.#cut = false
    this.#stalled = false
    this.#delayMs = 0
    this.#apply()
  }

  /** Ends every connection and stops listening. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.cut()
    })
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #accept(client: Socket): void {
    if (this.#cut) {
      client.on('error', noop)
      client.resetAndDestroy()
      return
    }
    const { host = '127.0.0.1', port } = this.#target
    const target = connect({ host, port })
    const pair: Pair = {
      client,
      target,
      pipes: [new FaultPipe(client, target), new FaultPipe(target, client)],
    }
    this.#pairs.add(pair)
    for (const socket of [client, target]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.#end(pair, true))
      socket.on('close', () => this.#end(pair))
    }
    this.#apply()
  }

  #apply(): void {
    for (const { pipes } of this.#pairs) for (const pipe of pipes) pipe.set(this.#stalled, this.#delayMs)
  }

  #end(pair: Pair, reset = false): void {
    if (!this.#pairs.delete(pair)) return
    this.#ended.toTarget += pair.pipes[0].bytes
    this.#ended.fromTarget += pair.pipes[1].bytes
    for (const pipe of pair.pipes) pipe.end()
    for (const socket of [pair.client, pair.target]) {
      if (reset) socket.resetAndDestroy()
      else socket.destroy()
    }
  }
}

function noop(): void {}
