import { setTimeout as pause } from 'node:timers/promises'
import { ConformanceError } from './errors.ts'

/** How often a condition outside this process is looked at again, in milliseconds. */
const lookEveryMs = 2

/** Resolves when the condition holds; rejects when it has not within `deadlineMs`, saying what was awaited. */
export async function until(
  condition: () => boolean,
  deadlineMs: number,
  what: string | (() => string),
): Promise<void> {
  const end = performance.now() + deadlineMs
  // What happens within this process needs turns, not time.
  for (let turns = 0; turns < 20 && !condition(); turns++) await turn()
  while (!condition()) {
    if (performance.now() > end) {
      const text = typeof what === 'string' ? what : what()
      throw new ConformanceError(`waited ${deadlineMs} ms in vain: ${text}`)
    }
    await pause(lookEveryMs)
  }
}

/** The same promise, but rejecting when it has not settled within `deadlineMs`. */
export async function within<T>(
  promise: Promise<T>,
  deadlineMs: number,
  what: string | (() => string),
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = typeof what === 'string' ? what : what()
      reject(new ConformanceError(`waited ${deadlineMs} ms in vain: ${text}`))
    }, deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Lets everything run that waits for nothing else. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** What a promise rejects with; a resolved one is a fault. */
export async function rejectionOf(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new ConformanceError(`${what} was accepted`)
}

/** What a call throws, at once or by rejecting; a call that succeeds is a fault. */
export async function failureOf(call: () => unknown, what: string): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new ConformanceError(`${what} was accepted`)
}
