import { expect, it } from 'vitest'
import { InvalidOptionError, PublishTimeoutError } from '../../src/core/errors.ts'
import { createBroker } from '../../src/core/memory-broker.ts'
import { VirtualClock } from '../../src/predict/index.ts'

it('runs tasks in order of their time, then of their scheduling', () => {
  const clock = new VirtualClock(1000)
  const ran: string[] = []
  const note = (name: string) => () => ran.push(`${name} at ${clock.now()}`)
  clock.schedule(note('late'), 20)
  clock.schedule(note('first'), 10)
  clock.schedule(note('second'), 10)
  clock.schedule(note('never'), Number.POSITIVE_INFINITY)

  clock.advanceBy(15)

  expect(ran).toEqual(['first at 1010', 'second at 1010'])
  expect(clock.now()).toBe(1015)
  expect(clock.nextMs).toBe(1020)
})

it('runs what a task schedules within the time it is told to pass', () => {
  const clock = new VirtualClock()
  const ran: number[] = []
  const again = (): void => {
    ran.push(clock.now())
    clock.schedule(again, 10)
  }
  clock.schedule(again, 10)

  clock.advanceTo(35)

  expect(ran).toEqual([10, 20, 30])
})

it('does not run a cancelled task', () => {
  const clock = new VirtualClock()
  const cancel = clock.schedule(() => expect.unreachable('cancelled'), 10)

  cancel()
  cancel()

  clock.advanceBy(20)
  expect(clock.nextMs).toBeUndefined()
})

it('never goes back', () => {
  const clock = new VirtualClock(10)

  expect(() => clock.advanceTo(9)).toThrow(InvalidOptionError)
  expect(() => clock.advanceBy(Number.NaN)).toThrow(InvalidOptionError)
})

it('lets a waiting publish give up without real time passing', async () => {
  const clock = new VirtualClock()
  const broker = createBroker({ clock })
  broker.subscribe('a', { overflow: 'block', capacity: 1 })
  await broker.publish('a', 1)
  const waiting = broker.publish('a', 2)

  clock.advanceBy(30_000)

  await expect(waiting).rejects.toThrow(PublishTimeoutError)
  await broker.close()
})
