import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { PayloadInvalidError } from '../../core/errors.ts'
import type { Headers } from '../../core/message.ts'
import type { PayloadSchema } from '../../core/schema.ts'
import type { Script } from '../script.ts'
import { rejectionOf } from '../wait.ts'
import type { World } from '../world.ts'

/** Odd payloads and headers arrive as they were published, and wrong ones are refused. */
export const payloads: readonly Script[] = [
  {
    name: 'payloads/values',
    title: 'delivers every kind of JSON value, and undefined, as it was',
    play: (world) => roundTrip(world, oddValues()),
  },
  {
    name: 'payloads/bytes',
    title: 'delivers bytes as bytes, also none and such as are not UTF-8',
    play: (world) => roundTrip(world, oddBytes()),
  },
  {
    name: 'payloads/large',
    title: 'delivers payloads up to 1 MiB, or as large as it may take',
    async play(world) {
      const size = Math.min(world.transport.maxPayloadBytes ?? 2 ** 20, 2 ** 20)
      // Room for quotation marks, headers and whatever a server adds.
      const length = size - Math.min(4096, Math.ceil(size / 8))
      const bytes = new Uint8Array(length).map((_, index) => index * 31)
      await roundTrip(world, [bytes, 'x'.repeat(length)])
    },
  },
  {
    name: 'payloads/headers',
    title: 'delivers headers as they were: names in any case, values in any script, long, and empty',
    async play(world) {
      const headers: Headers = {
        'Mixed-Case': 'as Written',
        'lower-case': 'x',
        accents: 'naïve café, Ω, 東京, 🙂',
        empty: '',
        digits: '0123456789',
        signs: `!#$%&'*+-.^_|~ (){}[]<>@,;:\\"/?=`,
        long: 'v'.repeat(2000),
      }
      deepStrictEqual(await headersThatArrive(world, headers), headers, 'headers as they were published')
    },
  },
  {
    name: 'payloads/many-headers',
    title: 'delivers a hundred headers',
    async play(world) {
      const headers = Object.fromEntries(
        Array.from({ length: 100 }, (_, index) => [`name-${index}`, `value ${index}`]),
      )
      deepStrictEqual(await headersThatArrive(world, headers), headers, 'headers as they were published')
    },
  },
  {
    name: 'payloads/trace-context',
    title: 'hands a trace context on unchanged',
    async play(world) {
      const headers = {
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
        baggage: 'userId=alice,serverNode=DF%2028',
      }
      const arrived = await headersThatArrive(world, headers)
      for (const [name, value] of Object.entries(headers)) strictEqual(arrived[name], value, name)
    },
  },
  {
    name: 'payloads/headers-copied',
    title: 'takes headers as they are when publish is called, whatever becomes of the object',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('copied')
      const heard = await world.listen(broker, topic)
      const headers: Record<string, string> = { name: 'before' }
      const publish = broker.publish(topic, 0, { headers })
      headers['name'] = 'after'
      await world.within(publish, 'a publish')
      await heard.reach(1)
      strictEqual(heard.messages[0]?.headers['name'], 'before')
    },
  },
  {
    name: 'payloads/schema',
    title: 'refuses what its schema refuses, delivering nothing of it, and delivers what the schema returns',
    play: playSchema,
  },
]

function oddValues(): unknown[] {
  let deep: unknown = 'the innermost'
  for (let level = 0; level < 200; level++) deep = level % 2 === 0 ? { level, deep } : [deep]
  return [
    ...[
      '',
      'text',
      '"quoted"',
      'line\nfeed\u0000nul',
      'naïve 東京 🙂',
      0,
      -1,
      1.5,
      1e300,
      true,
      false,
      null,
      undefined,
    ],
    ...[[], {}, [null, [[]], {}], { a: { b: [1, 'two', null] }, 'a key': '', ünï: 'ço' }, deep],
    { __proto__: null, constructor: 'x', toString: 1 },
    Array.from({ length: 1000 }, (_, index) => index),
  ]
}

function oddBytes(): unknown[] {
  const every = Uint8Array.from({ length: 256 }, (_, index) => index)
  const invalid = Uint8Array.of(0xff, 0xfe, 0x00, 0xc3, 0x28, 0xed, 0xa0, 0x80)
  return [
    new Uint8Array(0),
    Uint8Array.of(0),
    every,
    invalid,
    new TextEncoder().encode('{"looks":"like JSON"}'),
  ]
}

/** Publishes payloads one by one and compares each with what arrives. */
async function roundTrip(world: World, sent: readonly unknown[]): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('odd')
  const heard = await world.listen(broker, topic)
  for (const [index, payload] of sent.entries()) {
    await world.within(broker.publish(topic, payload), `publishing ${show(payload)}`)
    await heard.reach(index + 1)
    const arrived = heard.messages[index]?.payload
    if (payload instanceof Uint8Array) {
      ok(arrived instanceof Uint8Array, `${show(payload)} arrived as ${show(arrived)}`)
      ok(Buffer.compare(payload, arrived) === 0, `${show(payload)} arrived as other bytes`)
    } else {
      // What has no prototype may come with one.
      deepStrictEqual(plain(arrived), plain(payload), `${show(payload)} arrived as ${show(arrived)}`)
    }
  }
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text
}

async function headersThatArrive(world: World, headers: Headers): Promise<Headers> {
  const broker = await world.open()
  const topic = await world.topic('headers')
  const heard = await world.listen(broker, topic)
  await world.within(broker.publish(topic, 'payload', { headers }), 'a publish with headers')
  await heard.reach(1)
  strictEqual(heard.payloads[0], 'payload')
  return { ...heard.messages[0]?.headers }
}

/** Takes numbers, rounded; a Standard Schema written by hand. */
const roundedNumber: PayloadSchema = {
  '~standard': {
    version: 1,
    vendor: 'conformance',
    validate: (value: unknown) =>
      typeof value === 'number' ? { value: Math.round(value) } : { issues: [{ message: 'not a number' }] },
  },
}

async function playSchema(world: World): Promise<void> {
  const topic = await world.topic('checked')
  const broker = await world.open({ schemas: { [topic]: roundedNumber } })
  const heard = await world.listen(broker, topic)
  const before = broker.ledger().published
  const publish = world.within(broker.publish(topic, 'text'), 'a rejection')
  const error = await rejectionOf(publish, 'a payload that its schema refuses')
  ok(error instanceof PayloadInvalidError, `refused with ${String(error)}`)
  deepStrictEqual(
    error.issues.map(({ message }) => message),
    ['not a number'],
  )
  strictEqual(broker.ledger().published, before, 'a payload that was refused was counted')
  await world.send(broker, topic, [1.7])
  await heard.exactly([2], 'what the schema returns')
}
