import type { Socket } from 'node:net'

interface Chunk {
  readonly bytes: Buffer
  /** Not before this time, of `performance.now()`. */
  readonly due: number
}

/** Bytes that wait for their delay; beyond it the sender is made to wait. */
const heldLimit = 16 * 2 ** 20

/** One direction of a connection: what one end sends reaches the other at once, late, or not while it is stalled. */
export class FaultPipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #held: Chunk[] = []
  #stalled = false
  #delayMs = 0
  #bytes = 0
  #heldBytes = 0
  #finished = false
  #over = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(from: Socket, to: Socket) {
    this.#from = from
    this.#to = to
    from.on('data', (bytes: Buffer) => {
      this.#heldBytes += bytes.length
      this.#held.push({ bytes, due: performance.now() + this.#delayMs })
      this.#flow()
    })
    from.on('end', () => {
      this.#finished = true
      this.#flow()
    })
    to.on('drain', () => this.#flow())
  }

  /** Bytes handed to the other end. */
  get bytes(): number {
    return this.#bytes
  }

  set(stalled: boolean, delayMs: number): void {
    this.#stalled = stalled
    this.#delayMs = delayMs
    this.#flow()
  }

  end(): void {
    this.#over = true
    this.#held.length = 0
    clearTimeout(this.#timer)
  }

  #flow(): void {
    clearTimeout(this.#timer)
    if (this.#over) return
    if (this.#stalled) {
      // Nothing is read either, so that the sender's own buffers fill up, as they do when a network is gone.
      this.#from.pause()
      return
    }
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      const leftMs = this.#delayMs === 0 ? 0 : next.due - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#flow(), leftMs)
        break
      }
      this.#held.shift()
      this.#heldBytes -= next.bytes.length
      this.#bytes += next.bytes.length
      if (!this.#to.write(next.bytes)) break
    }
    if (this.#held.length === 0 && this.#finished) this.#to.end()
    if (this.#to.writableNeedDrain || this.#heldBytes > heldLimit) this.#from.pause()
    else this.#from.resume()
  }
}
