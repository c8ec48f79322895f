/** The calls that can fail. */
export type Method =
  | 'open'
  | 'rename'
  | 'unlink'
  | 'readdir'
  | 'mkdir'
  | 'link'
  | 'syncDirectory'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'

/**
 * What goes wrong. `short`: a read or write does half of it and says so. `EIO-late`: the call does all of it and throws
 * nevertheless. `EIO` and `ENOSPC`: the call throws and has done nothing; a failed sync forgets what it should have
 * written, so that a later sync does not write it either.
 */
export type FaultKind = 'EIO' | 'ENOSPC' | 'EIO-late' | 'short'

/** Which calls go wrong, and how. */
export interface Fault {
  readonly kind: FaultKind
  /** @defaultValue any */
  readonly on?: Method | 'any'
  /** How many calls in a row. @defaultValue 1 */
  readonly times?: number
}

interface Armed {
  readonly fault: Fault
  wait: number
  left: number
}

/** An error as `node:fs` throws it. */
export class DiskError extends Error {
  override readonly name = 'DiskError'
  readonly code: string
  readonly syscall: string
  readonly path: string

  constructor(code: string, syscall: string, path: string) {
    // Most are expected, by the thousand, and a stack is what they would cost.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(`${code}: ${syscall} '${path}'`)
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.syscall = syscall
    this.path = path
  }
}

/** Counts calls and decides which of them fail. */
export class Faults {
  readonly #armed: Armed[] = []
  readonly #calls = new Map<Method, number>()
  #fired = 0

  /** How many calls have gone wrong. */
  get fired(): number {
    return this.#fired
  }

  calls(method: Method | 'any'): number {
    if (method !== 'any') return this.#calls.get(method) ?? 0
    return [...this.#calls.values()].reduce((sum, count) => sum + count, 0)
  }

  /** The `n`th matching call from now on goes wrong; 1 is the next. */
  arm(n: number, fault: Fault): void {
    if (!(n >= 1)) throw new RangeError(`the first call is number 1, not ${n}`)
    this.#armed.push({ fault, wait: n - 1, left: fault.times ?? 1 })
  }

  disarm(): void {
    this.#armed.length = 0
  }

  /** Counts a call and says what goes wrong with it. */
  next(method: Method): FaultKind | undefined {
    this.#calls.set(method, (this.#calls.get(method) ?? 0) + 1)
    let found: FaultKind | undefined
    for (const armed of this.#armed) {
      const { on = 'any', kind } = armed.fault
      if ((on !== 'any' && on !== method) || armed.left === 0) continue
      if (kind === 'short' && method !== 'read' && method !== 'write') continue
      if (armed.wait-- > 0) continue
      armed.left--
      found ??= kind
    }
    if (found !== undefined) this.#fired++
    return found
  }
}
