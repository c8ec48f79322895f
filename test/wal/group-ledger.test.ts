import { describe, expect, it } from 'vitest'
import { assertBalanced, LedgerImbalanceError } from '../../src/index.ts'
import { directory, openInline } from '../support/undo.ts'

describe('the ledger of groups', () => {
  it('says what became of every delivery, and that is checked', async () => {
    const broker = await openInline(directory())
    const member = broker.subscribe('jobs', { group: 'workers', from: 'start' })
    for (let n = 0; n < 4; n++) await broker.publish('jobs', n)
    member.poll()?.ack()
    member.poll()?.nak()
    member.poll()

    const ledger = broker.ledger()
    const counts = { delivered: 3, acked: 1, nacked: 1, expired: 0, returned: 0, inFlight: 1 }
    expect(ledger.groups).toEqual([{ group: 'workers', pattern: 'jobs', ...counts }])
    assertBalanced(ledger)

    const wrong = { ...ledger, groups: [{ group: 'workers', pattern: 'jobs', ...counts, acked: 2 }] }
    expect(() => assertBalanced(wrong)).toThrow(LedgerImbalanceError)
    member.close()
    expect(broker.ledger().groups).toMatchObject([{ returned: 1, inFlight: 0 }])
  })
})
