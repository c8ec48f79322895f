import { expect, it } from 'vitest'
import { ackInfo } from '../../../src/nats/jetstream/ack-info.ts'

const said = {
  stream: 'ORDERS',
  attempt: 3,
  seq: 41,
  deliverySeq: 7,
  timeMs: 1_795_618_354_137,
  pending: 12,
}

it('reads where a delivery comes from, as servers of any version write it', () => {
  const tail = '3.41.7.1795618354137077295.12'
  expect(ackInfo(`$JS.ACK.ORDERS.shipping.${tail}`)).toEqual(said)
  expect(ackInfo(`$JS.ACK.hub.Hash123.ORDERS.shipping.${tail}`)).toEqual(said)
  expect(ackInfo(`$JS.ACK._.Hash123.ORDERS.shipping.${tail}.random`)).toEqual(said)
})
