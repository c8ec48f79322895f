import { expect } from 'vitest'
import { assertBalanced } from '../../src/index.ts'
import type { DurableBroker, GroupDelivery, GroupPosition } from '../../src/wal/contract.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { Reference } from '../log/group-world.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { random } from '../support/seed.ts'
import { turn } from '../support/watch.ts'
import { afterPowerCut, checkStatus, lookAt, type Sent } from './group-broker-crash.ts'
import { type Place, resolve, type Setting, type Step } from './group-broker-steps.ts'
import type { GroupNote } from './group-oracle.ts'

const dir = '/data/log'
const deadlineMs = 100
const name = 'g'
const maxInFlight = 4
const keyOf = ({ payload }: { payload: unknown }) => (payload as { key?: string }).key

interface Member {
  poll(): GroupDelivery | undefined
  close(): void
}

/** A group on the real broker over a simulated disk, and a plain reference to compare it with. */
export class GroupBrokerWorld {
  readonly #setting: Setting
  readonly #pattern: string
  #disk = new SimDisk(['/data'])
  #clock = new ManualClock()
  #broker!: DurableBroker // opened by `begin`
  #model = new Reference()
  #sent: Sent[] = []
  readonly #members = new Map<number, Member>()
  #held: GroupDelivery[] = []
  readonly #over: GroupDelivery[] = []
  #notes: GroupNote[] = []
  readonly #random = random()

  constructor(setting: Setting) {
    this.#setting = setting
    this.#pattern = setting.literal ? 'jobs.a' : 'jobs.*'
  }

  async begin(): Promise<void> {
    await this.#open()
    for (let n = 0; n < 6; n++) {
      await this.#publish(n % 3, n % 5, true)
      await this.#pass(1)
    }
    const { from } = this.#setting
    const where: Place = from.to === 'shift' ? { to: 'end', by: 0 } : from
    const [position, index] = resolve(where, this.#sent, 0, this.#setting.literal)
    this.#model.from = index
    this.#notes = [{ placing: this.#seqAt(index) }]
    this.#join(0, position)
    await turn()
    await this.#broker.flush()
    this.#notes.push({ placed: true })
  }

  async step(step: Step): Promise<void> {
    if (step.kind === 'publish') await this.#publish(step.topic, step.key, step.synced)
    else if (step.kind === 'take') await this.#take(step.member)
    else if (step.kind === 'pass') await this.#pass(step.ms)
    else if (step.kind === 'seek') await this.#seek(step.place)
    else if (step.kind === 'flush') await this.#flush()
    else if (step.kind === 'close') await this.#close()
    else if (step.kind === 'kill') await this.#crash(this.#disk.kill())
    else if (step.kind === 'power') await this.#crash(afterPowerCut(this.#disk, step.chance, this.#random))
    else this.#stepAtOnce(step)
    await this.#compare()
  }

  /** Whatever has happened, everything can be finished: each record not acked comes once more, in order within its key. */
  async finish(): Promise<void> {
    const model = this.#model
    this.#pause(false)
    if (this.#members.size === 0) this.#join(0, 'end')
    const [[first = 0] = []] = this.#members
    for (const member of this.#members.keys()) if (member !== first) this.#leave(member)
    for (const delivery of this.#held.splice(0)) this.#ack(delivery)
    const last = new Map<string, number>()
    for (let idle = 0; idle < 3;) {
      const delivery = await this.#poll(first)
      if (delivery === undefined) {
        idle++
        await this.#pass(400)
        continue
      }
      idle = 0
      const index = this.#indexOf(delivery)
      const key = model.log[index]?.key
      expect(model.acked.has(index)).toBe(false)
      if (key !== undefined) {
        expect(index).toBeGreaterThan(last.get(key) ?? -1)
        last.set(key, index)
      }
      model.acked.add(index)
      model.state.delete(index)
      expect(delivery.ack()).toBe(true)
    }
    expect(model.cursor()).toBe(model.log.length)
    await this.#compare()
    await this.#broker.close()
  }

  #stepAtOnce(step: Exclude<Step, { kind: 'publish' | 'take' | 'pass' | 'seek' }>): void {
    if (step.kind === 'join') {
      if (!this.#members.has(step.member)) this.#join(step.member, 'end')
    } else if (step.kind === 'leave') this.#leave(step.member)
    else if (step.kind === 'pause') this.#pause(!this.#model.paused)
    else if (step.kind === 'late') {
      const delivery = this.#over[step.which % Math.max(1, this.#over.length)]
      if (delivery !== undefined)
        expect([delivery.ack(), delivery.nak(), delivery.extend()]).toEqual([false, false, false])
    } else if (step.kind === 'ack' || step.kind === 'nak' || step.kind === 'extend') {
      const delivery = this.#held[step.which % Math.max(1, this.#held.length)]
      if (delivery === undefined) return
      if (step.kind === 'ack') this.#ack(delivery)
      else if (step.kind === 'nak') this.#nak(delivery, step.delay)
      else this.#extend(delivery)
    }
  }

  async #open(): Promise<void> {
    this.#broker = await openDurableBroker(dir, {
      ...{ fileSystem: this.#disk, engine: 'inline', clock: this.#clock, compactOnSeal: false },
      ...{ segmentBytes: 4096 + 1500, sync: this.#setting.sync },
    })
    this.#members.clear()
    this.#held = []
    this.#model.state.clear()
    this.#model.paused = false
  }

  async #publish(topic: number, key: number, synced: boolean): Promise<void> {
    const to = ['jobs.a', this.#setting.literal ? 'jobs.b.c' : 'jobs.b', 'other'][topic] ?? 'other'
    const text = key < 3 ? `k${key}` : undefined
    const { seq } = await this.#broker.publish(to, { key: text }, { ack: synced ? 'synced' : 'written' })
    await turn()
    if (to === 'jobs.b.c' || to === 'other') return
    this.#model.log.push({ seq: this.#model.log.length, key: text })
    this.#sent.push({ seq, time: this.#clock.now(), synced })
  }

  async #poll(member: number): Promise<GroupDelivery | undefined> {
    // What has to be fetched from a file first is there a moment later.
    for (let tries = 0; tries < 5; tries++) {
      const delivery = this.#members.get(member)?.poll()
      if (delivery !== undefined) return delivery
      await turn()
    }
    return undefined
  }

  async #take(member: number): Promise<void> {
    if (!this.#members.has(member)) return
    const model = this.#model
    const eligible = model.eligible(this.#clock.now())
    const delivery = eligible.length > 0 ? await this.#poll(member) : this.#members.get(member)?.poll()
    if (delivery === undefined) {
      expect(eligible).toEqual([])
      return
    }
    const index = this.#indexOf(delivery)
    expect(eligible).toContain(index)
    const attempt = (model.state.get(index)?.attempt ?? 0) + 1
    expect(delivery.attempt).toBe(attempt)
    expect(delivery.payload).toEqual({ key: model.log[index]?.key })
    const until = this.#clock.now() + deadlineMs
    model.state.set(index, { until, member: this.#members.get(member), attempt })
    this.#held.push(delivery)
  }

  /** Whether the delivery may still settle its record. */
  #valid(delivery: GroupDelivery): boolean {
    const state = this.#model.state.get(this.#indexOf(delivery))
    return state?.member !== undefined && state.attempt === delivery.attempt
  }

  #ack(delivery: GroupDelivery): void {
    const [index, valid] = [this.#indexOf(delivery), this.#valid(delivery)]
    if (valid) this.#notes.push({ acking: delivery.seq })
    expect(delivery.ack()).toBe(valid)
    if (!valid) return
    this.#model.acked.add(index)
    this.#model.state.delete(index)
    this.#drop(delivery)
  }

  #nak(delivery: GroupDelivery, delayMs: number): void {
    const valid = this.#valid(delivery)
    expect(delivery.nak({ delayMs })).toBe(valid)
    if (!valid) return
    const state = this.#model.state.get(this.#indexOf(delivery))
    if (state !== undefined) Object.assign(state, { member: undefined, until: this.#clock.now() + delayMs })
    this.#drop(delivery)
  }

  #extend(delivery: GroupDelivery): void {
    const valid = this.#valid(delivery)
    expect(delivery.extend(250)).toBe(valid)
    const state = this.#model.state.get(this.#indexOf(delivery))
    if (valid && state !== undefined) state.until = this.#clock.now() + 250
  }

  #drop(delivery: GroupDelivery): void {
    this.#held = this.#held.filter((one) => one !== delivery)
    this.#over.push(delivery)
  }

  async #pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      this.#clock.advance(1)
      this.#model.pass(this.#clock.now())
    }
    await turn()
  }

  #join(member: number, from: GroupPosition): void {
    const position = typeof from === 'object' && 'shift' in from ? 'end' : from
    const options = { from: position, ackDeadlineMs: deadlineMs, maxInFlight, orderingKey: keyOf }
    this.#members.set(member, this.#broker.subscribe(this.#pattern, { group: name, ...options }))
  }

  #leave(member: number): void {
    const owner = this.#members.get(member)
    if (owner === undefined) return
    owner.close()
    this.#members.delete(member)
    for (const state of this.#model.state.values())
      if (state.member === owner) Object.assign(state, { member: undefined, until: this.#clock.now() })
  }

  #pause(paused: boolean): void {
    this.#model.paused = paused
    if (paused) this.#broker.pauseGroup(name, this.#pattern)
    else this.#broker.resumeGroup(name, this.#pattern)
  }

  async #seek(where: Place): Promise<void> {
    const [position, index] = resolve(where, this.#sent, this.#model.cursor(), this.#setting.literal)
    this.#notes.push({ placing: this.#seqAt(index) })
    this.#over.push(...this.#held.splice(0))
    await this.#broker.seekGroup(name, this.#pattern, position)
    this.#notes.push({ placed: true })
    this.#model.from = index
    this.#model.acked.clear()
    this.#model.state.clear()
  }

  async #flush(): Promise<void> {
    await this.#pass(10) // a cursor that has moved is written by then
    await this.#broker.flush()
    this.#notes.push({ remembered: true })
  }

  async #close(): Promise<void> {
    this.#over.push(...this.#held)
    await this.#broker.close()
    this.#notes.push({ remembered: true })
    await this.#open()
  }

  /** The process ends without a word, and the next one has what `disk` holds. */
  async #crash(disk: SimDisk): Promise<void> {
    const left = lookAt(disk, dir, { name, pattern: this.#pattern }, this.#notes, this.#sent)
    const model = this.#model
    model.log.length = left.length
    this.#sent.length = left.length
    model.acked.clear()
    for (const index of left.acked) if (index >= model.from) model.acked.add(index)
    this.#notes = [{ placing: this.#seqAt(model.from) }]
    for (const index of model.acked) this.#notes.push({ acking: this.#seqAt(index) })
    this.#notes.push({ remembered: true })
    this.#disk = disk
    // The old process does nothing more: its timers end with its clock, and its deliveries are lost.
    this.#clock = new ManualClock(this.#clock.now())
    this.#over.length = 0
    await this.#open()
  }

  async #compare(): Promise<void> {
    assertBalanced(this.#broker.ledger())
    const [group] = await this.#broker.groups()
    checkStatus(group, this.#model, this.#sent, { members: this.#members.size, nowMs: this.#clock.now() })
    expect(group?.cursor).toBeLessThanOrEqual(this.#broker.ledger().log.appended)
  }

  /** The number in the log of a record of the group, or of the next one. */
  #seqAt(index: number): number {
    return this.#sent[index]?.seq ?? (this.#sent.at(-1)?.seq ?? -1) + 1
  }

  #indexOf({ seq }: GroupDelivery): number {
    return this.#sent.findIndex((record) => record.seq === seq)
  }
}
