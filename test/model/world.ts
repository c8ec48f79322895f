import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import {
  createBroker,
  type HandlerSubscription,
  matches,
  type MemoryBroker,
  type MemoryPolicy,
  type SubscribeOptions,
  type Subscription,
} from '../../src/index.ts'
import { VirtualTime } from './virtual-time.ts'
import type { Command } from './commands.ts'
import {
  blockTimeoutMs,
  type ConsumerKind,
  type Item,
  ModelConsumer,
  ModelMailbox,
  type ModelPublish,
  type Outcome,
  outcomeOf,
} from './reference.ts'

const insistMs = 30
const drainMs = 100
const groupCapacity = 3

interface Member {
  readonly subscription: Subscription | HandlerSubscription
  readonly kind: ConsumerKind
  readonly controller: AbortController
  /** Settles the oldest open call of a held handler. */
  readonly open: (() => void)[]
}

/** A mailbox, real and modelled, and who takes from it. */
export interface Consumer {
  readonly name: string
  readonly pattern: string
  readonly group: string | undefined
  readonly model: ModelConsumer
  readonly members: Member[]
}

/** Plays each command on the real broker and on the model. */
export class World {
  readonly time: VirtualTime = new VirtualTime()
  readonly broker: MemoryBroker = createBroker({ clock: this.time, observer: { warning: () => undefined } })
  readonly consumers: Map<string, Consumer> = new Map()
  published = 0
  unrouted = 0
  readonly #publishes: { readonly model: ModelPublish; outcome: Outcome }[] = []
  #observation: Disposable | undefined
  #number = 0

  async run(command: Command): Promise<void> {
    switch (command.type) {
      case 'subscribe':
        for (let n = 0; n < command.times; n++) this.#subscribe(command)
        break
      case 'join':
        this.#join(command)
        break
      case 'publish':
        for (let n = 0; n < command.count; n++)
          this.#publish(command.topic, command.key + n, undefined, command.bound)
        break
      case 'insist':
        this.#publish(command.topic, command.key, insistMs, false)
        break
      case 'observe':
        this.#observation?.[Symbol.dispose]()
        this.#observation = command.on ? this.broker.observe({ dropped: () => undefined }) : undefined
        break
      case 'advance':
        this.#advance(command.ms)
        break
      default:
        this.#touch(command)
    }
    await this.#turn()
  }

  async finish(): Promise<void> {
    for (const { model, members } of this.consumers.values()) {
      model.mailbox.end('closed', true)
      for (const { open } of members) for (const settle of open.splice(0)) settle()
    }
    await this.broker.close()
    await this.#turn()
    expect(this.time.timers, 'timers left').toBe(0)
  }

  checkOutcomes(step: string): void {
    for (let index = this.#publishes.length - 1; index >= 0; index--) {
      const publish = this.#publishes[index]
      if (publish === undefined) continue
      const expected = outcomeOf(publish.model)
      if (publish.outcome !== expected)
        throw new Error(`${step}: publish ${publish.outcome}, model ${expected}`)
      if (expected !== 'pending') this.#publishes.splice(index, 1)
    }
  }

  #subscribe(command: Extract<Command, { type: 'subscribe' }>): void {
    const { pattern, kind, policy, capacity, concurrency, watched } = command
    const model = new ModelConsumer(kind, new ModelMailbox(policy, capacity), concurrency)
    const member = this.#member(pattern, kind, concurrency, { ...optionsOf(policy), capacity }, watched)
    const name = `${kind} ${policy} ${capacity} on ${pattern}`
    this.consumers.set(member.subscription.id, { name, pattern, group: undefined, model, members: [member] })
  }

  #join({ pattern, group, kind: asked, policy }: Extract<Command, { type: 'join' }>): void {
    const known = [...this.consumers.values()].find(
      (one) => one.pattern === pattern && one.group === group && !one.model.mailbox.stopped,
    )
    // Who of several free members is served is free; the model only knows groups whose members are alike.
    const kind = known?.model.kind ?? (asked === 'queued' ? 'sync' : asked)
    const options = known === undefined ? { ...optionsOf(policy), capacity: groupCapacity } : {}
    const member = this.#member(pattern, kind, 1, { ...options, group }, false)
    if (known !== undefined) {
      known.members.push(member)
      known.model.slots++
      known.model.settle()
      return
    }
    const model = new ModelConsumer(kind, new ModelMailbox(policy, groupCapacity), 1)
    const name = `group ${group} of ${kind} ${policy} on ${pattern}`
    this.consumers.set(member.subscription.ledger().id, { name, pattern, group, model, members: [member] })
  }

  #member(
    pattern: string,
    kind: ConsumerKind,
    concurrency: number,
    options: object,
    watched: boolean,
  ): Member {
    const controller = new AbortController()
    const open: (() => void)[] = []
    const all = {
      ...options,
      signal: controller.signal,
      ...(watched ? { onDrop: () => undefined } : {}),
    } as SubscribeOptions
    const handlers = {
      sync: () => undefined,
      queued: () => undefined,
      held: () => new Promise<void>((resolve) => open.push(resolve)),
    }
    const subscription =
      kind === 'reader'
        ? this.broker.subscribe(pattern, all)
        : this.broker.subscribe(pattern, handlers[kind], {
            ...all,
            concurrency,
            delivery: kind === 'queued' ? 'queued' : 'direct',
          })
    return { subscription, kind, controller, open }
  }

  #publish(topic: string, key: number, timeoutMs: number | undefined, bound: boolean): void {
    const item: Item = { number: this.#number++, key: key % 4 }
    const model: ModelPublish = {
      item,
      insistMs: timeoutMs,
      undecided: 0,
      stalled: 0,
      refused: 0,
      lost: false,
    }
    const record: { readonly model: ModelPublish; outcome: Outcome } = { model, outcome: 'pending' }
    this.#publishes.push(record)
    const promise =
      timeoutMs !== undefined
        ? this.broker.publishAndWait(topic, item, { timeoutMs })
        : bound
          ? this.broker.topic(topic).publish(item)
          : this.broker.publish(topic, item)
    promise.then(
      () => (record.outcome = 'resolved'),
      (error: Error) => (record.outcome = error.name as Outcome),
    )
    this.published++
    const receivers = [...this.consumers.values()].filter(
      ({ pattern, model: { mailbox } }) => !mailbox.stopped && matches(pattern, topic),
    )
    if (receivers.length === 0) this.unrouted++
    for (const receiver of receivers) receiver.model.receive(item, model, this.time.now())
  }

  #advance(ms: number): void {
    this.time.advance(ms)
    for (const { model } of this.consumers.values()) {
      model.mailbox.expire(this.time.now())
      if (model.mailbox.drainDeadline <= this.time.now()) model.mailbox.end('closed')
    }
  }

  /** The commands that pick one member of one live mailbox. */
  #touch(command: Extract<Command, { readonly at: number }>): void {
    const live = [...this.consumers.values()].filter(({ model }) => !model.mailbox.ended)
    const consumer = live[command.at % live.length]
    const member = consumer?.members[command.at % consumer.members.length]
    if (consumer === undefined || member === undefined) return
    const { mailbox } = consumer.model
    switch (command.type) {
      case 'poll':
        for (let n = 0; n < command.count; n++) this.#poll(consumer, member)
        break
      case 'next':
        if (!('poll' in member.subscription) || consumer.group !== undefined) break
        member.subscription.next().catch(() => undefined)
        if (mailbox.take() === undefined) consumer.model.parked++
        break
      case 'settle': {
        const settle = member.open.shift()
        if (settle === undefined) break
        settle()
        if (!mailbox.ended) consumer.model.active--
        break
      }
      case 'close':
      case 'abort':
        if (command.type === 'close') member.subscription.close()
        else member.controller.abort()
        this.#left(consumer, member)
        break
      case 'drain':
        if (consumer.group !== undefined) break
        void member.subscription.drain({ timeoutMs: drainMs })
        mailbox.stopped = true
        mailbox.drainDeadline = Math.min(mailbox.drainDeadline, this.time.now() + drainMs)
    }
  }

  #poll({ model, members }: Consumer, member: Member): void {
    if (!('poll' in member.subscription) || members.length === 0) return
    const seen = member.subscription.poll()?.payload as Item | undefined
    expect(seen?.number).toBe(model.mailbox.take()?.number)
  }

  #left(consumer: Consumer, member: Member): void {
    consumer.members.splice(consumer.members.indexOf(member), 1)
    const { model } = consumer
    if (consumer.members.length === 0) return model.mailbox.end('closed')
    model.slots--
    model.active -= member.open.length
  }

  /** Lets everything run that needs no time to pass. */
  async #turn(): Promise<void> {
    for (const { model } of this.consumers.values()) model.settle()
    await setImmediate()
  }
}

/** One function for all: mailboxes with the same key may keep their copies together. */
const keyOf = (message: { payload: Item }): number => message.payload.key

function optionsOf(policy: MemoryPolicy): object {
  if (policy === 'latest') return { overflow: policy, key: keyOf }
  return policy === 'block' ? { overflow: policy, blockTimeoutMs } : { overflow: policy }
}
