import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Line, longestLineBytes, readLines } from '../../src/cli/read-lines.ts'
import { fcParameters } from '../support/seed.ts'

async function linesOf(chunks: readonly Uint8Array[]): Promise<readonly Line[]> {
  const all: Line[] = []
  for await (const lines of readLines(generate(chunks))) all.push(...lines)
  return all
}

async function* generate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}

it('finds the same lines however the bytes are cut into chunks', async () => {
  const text = fc.array(fc.constantFrom('a', 'é', '😀', '\n', '\r\n', '\r', ' ', '{"x":1}'), {
    maxLength: 40,
  })
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 40 })
  const property = fc.asyncProperty(text, sizes, async (parts, cuts) => {
    const whole = parts.join('')
    const bytes = Buffer.from(whole)
    const chunks: Uint8Array[] = []
    let from = 0
    for (const size of cuts) chunks.push(bytes.subarray(from, (from += size)))
    chunks.push(bytes.subarray(from))

    const found = await linesOf(chunks)

    const expected = whole.split('\n')
    if (expected.at(-1) === '') expected.pop()
    const shown = found.map((line) => (line.kind === 'text' ? line.text : line.kind))
    expect(shown).toEqual(expected.map((line) => line.replace(/\r$/, '') || 'empty'))
    expect(found.map(({ number }) => number)).toEqual(found.map((_, index) => index + 1))
  })

  await fc.assert(property, fcParameters(200))
})

it('accepts lines of exactly 1 MiB, with LF or CRLF, and refuses one byte more', async () => {
  const full = 'x'.repeat(longestLineBytes)

  const lines = await linesOf([Buffer.from(`${full}\n${full}\r\n${full}y\n${full}y\r\nz`)])

  expect(lines.map(({ kind }) => kind)).toEqual(['text', 'text', 'refused', 'refused', 'text'])
})
