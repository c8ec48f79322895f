// What the core takes from the platform besides ECMAScript: the part that Node, Deno, Bun and browsers share.
// Only tsconfig.core.json reads this file; everywhere else Node's own types say the same and more.

interface AbortSignal {
  readonly aborted: boolean
  // oxlint-disable-next-line typescript/no-explicit-any -- both Node and the DOM say `any`
  readonly reason: any
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

interface AbortController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

declare const AbortController: new () => AbortController

/** Node returns an object with `unref`, browsers a number: the core may only pass it on, or try `unref?.()`. */
interface PlatformTimer {
  readonly unref?: () => unknown
}

declare function setTimeout(callback: () => void, delayMs?: number): PlatformTimer
declare function clearTimeout(timer: PlatformTimer | undefined): void
declare function queueMicrotask(callback: () => void): void

declare const TextEncoder: new () => { encode(text: string): Uint8Array }
declare const TextDecoder: new (
  label: 'utf-8',
  options: { readonly fatal: true },
) => { decode(bytes: Uint8Array): string }

declare const performance: { now(): number }
declare const console: { warn(...data: readonly unknown[]): void; error(...data: readonly unknown[]): void }

// oxlint-disable-next-line no-var -- only a `var` can also be reached as `globalThis.crypto`
declare var crypto: { randomUUID(): string }
