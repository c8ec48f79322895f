import { connect, createServer, type Server, type Socket } from 'node:net'

/** Stands before a server, and can lose its answers, or be away. */
export class LossyProxy {
  readonly #port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #mode: 'open' | 'mute' | 'shut' = 'open'

  constructor(port: number, target: number) {
    this.#port = port
    this.#server = createServer((client) => {
      if (this.#mode === 'shut') {
        client.destroy()
        return
      }
      const server = connect(target, '127.0.0.1')
      for (const socket of [client, server]) {
        this.#sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          this.#sockets.delete(socket)
          client.destroy()
          server.destroy()
        })
      }
      client.on('data', (bytes) => server.write(bytes))
      server.on('data', (bytes) => {
        if (this.#mode === 'open') client.write(bytes)
      })
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(this.#port, '127.0.0.1', resolve)
    })
  }

  /** `mute`: what is sent arrives, answers do not. `shut`: connections are closed, and new ones refused. */
  become(mode: 'open' | 'mute' | 'shut'): void {
    this.#mode = mode
    if (mode === 'shut') for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.become('shut')
    this.#server.close()
  }
}
