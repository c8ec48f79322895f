import type { Handler } from '../../core/contract.ts'
import type { Delivery } from '../../core/delivery.ts'
import { isThenable } from '../../core/thenable.ts'

const firstDelayMs = 100
const longestDelayMs = 30_000

/**
 * A handler that settles what it is given, unless it has done so itself: acked when it has returned, delivered again
 * when it fails, after 100 ms, 200 ms and so on, at most 30 s.
 */
export function settling(handler: Handler<Delivery>): Handler<Delivery> {
  const again = (message: Delivery): void => {
    void message.nak({ delayMs: Math.min(longestDelayMs, firstDelayMs * 2 ** (message.attempt - 1)) })
  }
  return (message) => {
    let result: unknown
    try {
      result = handler(message)
    } catch (error) {
      again(message)
      throw error
    }
    if (!isThenable(result)) return void message.ack()
    return Promise.resolve(result).then(
      () => void message.ack(),
      (error: unknown) => {
        again(message)
        throw error
      },
    )
  }
}
