// What the event map costs the compiler: 300 topics, 20 pattern keys, 300 publish and 60 subscribe calls, checked by
// the project's own tsc. The same calls on an untyped broker are the baseline. Medians of three runs.
//
//     node bench/types.bench.mjs

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const runs = 3
const areas = ['orders', 'users', 'billing', 'stock', 'search', 'mail', 'audit', 'devices', 'jobs', 'flags']
const verbs = ['created', 'updated', 'deleted']
const names = Array.from({ length: 10 }, (_, i) => `thing${i}`)

const literalKeys = areas.flatMap((area) =>
  names.flatMap((name) => verbs.map((verb) => `${area}.${name}.${verb}`)),
)
const patternKeys = areas.flatMap((area) => [`${area}.*.state.*`, `${area}.log.>`])

function program(directory, typed) {
  const contract = relative(directory, join(root, 'src/core/contract.ts'))
  const keys = [...literalKeys, ...patternKeys]
  const map = keys.map((key, i) => `  '${key}': { readonly id: string; readonly n${i}: number }`)
  return [
    `import type { Broker } from '${contract}'`,
    `export interface Events {\n${map.join('\n')}\n}`,
    `declare const broker: Broker${typed ? '<Events>' : ''}`,
    ...publishes(),
    ...subscribes(),
  ].join('\n')
}

/** 260 publishes to topics with their own key, 40 to topics which only a pattern key matches. */
function publishes() {
  const own = literalKeys.slice(0, 260).map((key, i) => [key, i])
  const matched = patternKeys.flatMap((key, i) =>
    [1, 2].map((n) => [
      key.replace('*', `a${n}`).replace('*', 'on').replace('>', `b${n}.c`),
      literalKeys.length + i,
    ]),
  )
  return [...own, ...matched].map(([topic, i]) => `void broker.publish('${topic}', { id: 'x', n${i}: ${i} })`)
}

/** 60 different patterns: single topics, one area, one verb everywhere, everything; with and without a handler. */
function subscribes() {
  const patterns = areas.flatMap((area, i) => [
    `${area}.thing${i}.created`,
    `${area}.*.deleted`,
    `${area}.>`,
    `*.thing${i}.*`,
    `${area}.thing${i}.*`,
    i === 0 ? '>' : `*.*.${i % 2 === 0 ? 'state.on' : 'state.*'}`,
  ])
  return patterns.map((pattern, i) =>
    i % 2 === 0
      ? `broker.subscribe('${pattern}', (message) => { const id: string = message.payload.id; void id })`
      : `for await (const message of broker.subscribe('${pattern}')) { const id: string = message.payload.id; void id }`,
  )
}

function check(directory, typed) {
  writeFileSync(join(directory, 'program.ts'), program(directory, typed))
  const started = performance.now()
  const report = execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--extendedDiagnostics', '-p', directory],
    { encoding: 'utf8' },
  )
  const ms = performance.now() - started
  const figure = (name) => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(report)?.[1])
  return {
    ms,
    checkMs: figure('Check time') * 1000,
    instantiations: figure('Instantiations'),
    types: figure('Types'),
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
}

const directory = mkdtempSync(join(tmpdir(), 'types-bench-'))
try {
  const compilerOptions = { typeRoots: [join(root, 'node_modules/@types')] }
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions,
    include: ['program.ts'],
    exclude: [],
  }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module' }))
  for (const typed of [false, true]) {
    const all = Array.from({ length: runs }, () => check(directory, typed))
    const of = (name) => Math.round(median(all.map((run) => run[name])))
    const what = typed ? '300 topics, 20 pattern keys' : 'untyped broker (baseline)'
    console.log(
      `${what.padEnd(28)} tsc ${of('ms')} ms, of which checking ${of('checkMs')} ms; ` +
        `${of('instantiations')} instantiations, ${of('types')} types`,
    )
  }
} finally {
  rmSync(directory, { recursive: true })
}
