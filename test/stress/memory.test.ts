import { describe, expect, it } from 'vitest'
import { runChild } from '../support/child.ts'

const megabyte = 2 ** 20
const seconds = 10

describe('memory', () => {
  it('of subscribers that never read is bounded beside a tight publisher, and nobody else is affected', async () => {
    const result = await runChild<{
      published: number
      handled: number
      read: number
      growthBytes: number
      losses: number[]
    }>('never-reads.ts', seconds)

    expect(result.published).toBeGreaterThan(100_000)
    expect([result.handled, result.read]).toEqual([result.published, result.published])
    expect(result.growthBytes).toBeLessThan(2 * megabyte)
    for (const lost of result.losses) expect(lost).toBeGreaterThan(0)
  }, 120_000)

  it('is not allocated by a publish that nobody hears: 0 bytes per call over 10⁶ calls', async () => {
    const calls = 1_000_000
    const result = await runChild<Record<string, number>>('no-subscriber.ts', calls)

    const { topic, mixed, publisher, published, unrouted } = result
    expect([topic, mixed, publisher].map((bytes) => Math.round((bytes ?? Number.NaN) * 10) / 10)).toEqual([
      0, 0, 0,
    ])
    expect([published, unrouted]).toEqual([27 * calls, 27 * calls])
  }, 120_000)

  it.each([
    ['no subscription', [], 0],
    ['wildcards', ['real.>', '*.*.x', '>'], 5],
    ['a literal pattern that never matches', ['other'], 0],
  ] as const)(
    'does not grow with topics used once: 10⁶ of them, with %s',
    async (_, patterns, calls) => {
      const count = 1_000_000
      const result = await runChild<Record<string, number>>('many-topics.ts', count, ...patterns)

      expect(result['growthBytes']).toBeLessThan(2 * megabyte)
      expect(result['handled']).toBe(calls * count)
      expect(result['unrouted']).toBe(calls === 0 ? 2 * count : 0)
    },
    120_000,
  )

  it('is given back for messages that everybody has read', async () => {
    await expect(runChild('kept-alive.ts', 100)).resolves.toEqual({ alive: 0 })
  }, 120_000)

  it('does not grow with subscriptions that come and go', async () => {
    const result = await runChild<Record<string, number>>('churn.ts', 5000)

    expect(result['growthBytes']).toBeLessThan(megabyte)
    expect(result['mailboxes']).toBe(2)
  }, 120_000)
})
