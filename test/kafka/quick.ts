/** Quick to notice what it otherwise would after seconds. */
export const quick = {
  topics: { create: true, refreshMs: 200 },
  consuming: { commitMs: 50, sessionTimeoutMs: 6000, heartbeatMs: 300, rebalanceTimeoutMs: 20_000 },
} as const
