/** Where time comes from. Tests and simulations bring their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /**
   * Runs `task` once after `delayMs`; the returned function cancels it. `Infinity` never runs. What is scheduled in the
   * `background` is no reason to keep the process alive.
   */
  schedule(task: () => void, delayMs: number, background?: boolean): () => void
}

/** `setTimeout` fires at once for anything longer: about 24.8 days. */
const longestTimeoutMs = 2 ** 31 - 1

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(task, delayMs, background = false) {
    if (delayMs === Number.POSITIVE_INFINITY) return () => undefined
    let timer: ReturnType<typeof setTimeout>
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, longestTimeoutMs)
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : task()), stepMs)
      if (background) timer.unref?.()
    }
    arm(delayMs)
    return () => clearTimeout(timer)
  },
}
