import { expect, it } from 'vitest'
import { covers, overlap } from '../../../src/nats/jetstream/patterns.ts'

it.each([
  ['>', 'a.b', true],
  ['a.>', 'a.b.c', true],
  ['a.>', 'a', false],
  ['a.*', 'a.*', true],
  ['a.*', 'a.>', false],
  ['a.*', 'a.b.c', false],
  ['*.b', 'a.*', false],
  ['a.b', 'a.b', true],
])('knows whether %s has every topic of %s: %s', (outer, inner, expected) => {
  expect(covers(outer, inner)).toBe(expected)
})

it.each([
  ['*.paid', 'orders.*', 'orders.paid'],
  ['orders.>', '*.paid.>', 'orders.paid.>'],
  ['>', 'a.*', 'a.*'],
  ['a.>', 'a', undefined],
  ['a.*', 'b.*', undefined],
  ['a.*.c', 'a.b', undefined],
  ['a.*.>', '*.b.c', 'a.b.c'],
])('knows what %s and %s have in common: %s', (one, other, expected) => {
  expect(overlap(one, other)).toBe(expected)
  expect(overlap(other, one)).toBe(expected)
})
