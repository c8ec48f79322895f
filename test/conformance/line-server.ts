import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { ServerControl } from '../../src/conformance/index.ts'

/** Calls back with each line that comes. */
export function onLines(socket: Socket, heard: (line: string) => void): void {
  const parts: string[] = []
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const [first = '', ...others] = text.split('\n')
    parts.push(first)
    for (const part of others) {
      heard(parts.splice(0).join(''))
      parts.push(part)
    }
  })
}

/**
 * The smallest server that is one: every line that begins with `{` goes to every connection, in order, and is then
 * confirmed to its sender by its first twelve characters after the brace; `?` is answered with `!`. It keeps nothing.
 */
export class LineServer implements ServerControl {
  port = 0
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()

  async start(): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => this.#sockets.delete(socket))
      onLines(socket, (line) => this.#handle(socket, line))
    })
    this.#server = server
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address !== null) this.port = address.port
  }

  async kill(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  #handle(from: Socket, line: string): void {
    if (line === '?') {
      from.write('!\n')
      return
    }
    for (const socket of this.#sockets) socket.write(`${line}\n`)
    from.write(`=${line.slice(1, 13)}\n`)
  }
}
